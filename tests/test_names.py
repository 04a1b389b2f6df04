"""The names of the tests: case and expectation, short enough to be read in a list of failures."""

import ast
from pathlib import Path

TESTS = Path(__file__).parent
MAX_CHARACTERS = 60
PENDING = {"bench", "cli", "live_check", "sandbox"}


def test_no_test_name_is_longer_than_its_limit() -> None:
    long = [
        f"{path.relative_to(TESTS)}: {node.name}"
        for path in sorted(TESTS.rglob("test_*.py"))
        if path.relative_to(TESTS).parts[0] not in PENDING
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_") and len(node.name) > MAX_CHARACTERS
    ]
    assert long == []
