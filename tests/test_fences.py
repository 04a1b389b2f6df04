"""`core/` decides, so it imports only itself and what verifies signatures; and modules stay short."""

import ast
import sys
from pathlib import Path

import pytest

import token_exchange.core

CORE = Path(token_exchange.core.__path__[0])
ROOT = Path(__file__).parent.parent

LIBRARIES = {"cryptography", "jwt.algorithms", "token_exchange.core"}
# Of the standard library only what computes: nothing that reaches a socket, a file, a clock or the environment.
STANDARD = {
    "base64", "binascii", "collections", "contextlib", "dataclasses", "datetime", "enum", "functools", "hashlib",
    "heapq", "itertools", "json", "math", "re", "types", "typing",
}  # fmt: skip


def imported(path: Path) -> set[str]:
    """Return the modules that the file imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: relative import"
            found.add(node.module or "")
    return found


def is_allowed(module: str) -> bool:
    if module.split(".", maxsplit=1)[0] in STANDARD:
        return True
    return any(module == library or module.startswith(f"{library}.") for library in LIBRARIES)


def test_core_imports_only_itself_and_signatures() -> None:
    paths = sorted(CORE.rglob("*.py"))
    assert len(paths) > 15
    outside = {
        path.name: forbidden for path in paths if (forbidden := {m for m in imported(path) if not is_allowed(m)})
    }
    assert outside == {}


def test_the_fence_detects_a_forbidden_import(tmp_path: Path) -> None:
    breach = tmp_path / "breach.py"
    breach.write_text("def late() -> None:\n    import os\n    from token_exchange.adapters import aws\n")
    assert [is_allowed(module) for module in sorted(imported(breach))] == [False, False]
    assert sys.stdlib_module_names >= STANDARD


CHECKERS = {
    "RawToken": {("verifier.py", "read_compact")},
    "SessionPolicy": {("session.py", "session_policy")},
    "RepositoryName": {("reach.py", "parse_repository_name")},
    "RepositoryPattern": {("reach.py", "parse_repository_name"), ("reach.py", "fill_repository_template")},
}


def makers(type_name: str, path: Path) -> set[tuple[str, str]]:
    """Return the functions in the file that make a value of the type."""
    return {
        (path.name, function.name)
        for function in ast.walk(ast.parse(path.read_text()))
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == type_name
    }


@pytest.mark.parametrize("type_name", CHECKERS)
def test_only_its_checker_makes_a_checked_string(type_name: str) -> None:
    found = {maker for path in CORE.parent.rglob("*.py") for maker in makers(type_name, path)}
    assert found == CHECKERS[type_name]


SECRETS = {"password", "raw_token", "secret_access_key", "session_token", "subject_token"}


def test_no_repr_shows_a_secret() -> None:
    fields = [
        (path.name, field.target.id, "" if field.value is None else ast.unparse(field.value))
        for path in CORE.parent.rglob("*.py")
        for made in ast.walk(ast.parse(path.read_text()))
        if isinstance(made, ast.ClassDef)
        for field in made.body
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and field.target.id in SECRETS
    ]
    assert {name for _, name, _ in fields} == SECRETS
    assert [field for field in fields if "repr=False" not in field[2]] == []


def lines_of(folder: Path) -> dict[Path, int]:
    return {path: len(path.read_text().splitlines()) for path in folder.rglob("*.py")}


def test_core_can_be_read_in_an_afternoon() -> None:
    lines = lines_of(CORE)
    assert len(lines) <= 23
    assert sum(lines.values()) <= 3_900


def test_the_layer_has_few_files() -> None:
    assert len(lines_of(CORE.parent)) <= 95


# The folders of the checkout that have code; tests are read one by one, so they may be longer.
CODE = (
    "bench", "cli", "deploy", "deploy_check", "functions", "fuzz", "layers", "live_check", "mutants", "requirements",
    "sandbox",
)  # fmt: skip


@pytest.mark.parametrize("folder", CODE)
def test_no_module_is_longer_than_300_lines(folder: str) -> None:
    lines = lines_of(ROOT / folder)
    assert lines
    assert {path: length for path, length in lines.items() if length > 300} == {}
