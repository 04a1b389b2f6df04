import ast

import pytest

from mutants.sites import mutants_of


@pytest.mark.parametrize(
    ("source", "changed"),
    [
        ("a < b", ["a <= b"]),
        ("a is None", ["a is not None"]),
        ("a and b", ["a or b", "b", "a"]),
        ("not a", ["a"]),
        ("x = True", ["x = False"]),
        ("x = 7", ["x = 8"]),
        ("raise E", ["pass"]),
        ("with self.lock:\n    x()", ["if True:\n    x()"]),
        ("x = 'text'", []),
    ],
)
def test_each_single_change(source: str, changed: list[str]) -> None:
    assert [mutant.source for mutant in mutants_of(source)] == changed


def test_a_mutant_is_the_module_but_for_one_change() -> None:
    source = "def f(a):\n    if a > 1:\n        return a\n    raise ValueError(a)\n"
    for mutant in mutants_of(source):
        assert ast.unparse(ast.parse(mutant.source)) != ast.unparse(ast.parse(source))
        assert "def f(a):" in mutant.source
