"""The names of the tests: case and expectation, short enough to be read in a list of failures."""

import re
from pathlib import Path

TESTS = Path(__file__).parent
TOO_LONG = re.compile(r"^ *(?:async )?def (test_\w{56,})\(", re.MULTILINE)  # above 60 characters


def test_no_test_name_is_longer_than_60_characters() -> None:
    assert TOO_LONG.findall(f"def test_{'x' * 56}()")
    assert not TOO_LONG.findall(f"def test_{'x' * 55}()")
    assert [
        f"{path.relative_to(TESTS)}: {name}"
        for path in sorted(TESTS.rglob("test_*.py"))
        for name in TOO_LONG.findall(path.read_text("utf-8"))
    ] == []
