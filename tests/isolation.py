"""A plugin that keeps the caller's own environment out of the tests.

It is loaded before any module of the project, and before the processes that share the work are started, which inherit
what is left here.
"""

import os
from collections.abc import Iterable
from typing import Final

# Where programs, this person's folder and temporary files are; the rest of these is for the tools of the tests.
_KEPT: Final = frozenset({"HOME", "LD_LIBRARY_PATH", "LOGNAME", "PATH", "TMPDIR", "USER", "XDG_RUNTIME_DIR"})
_KEPT_PREFIXES: Final = ("COVERAGE_", "DOCKER_", "HYPOTHESIS_", "PYTEST_", "TESTS_")
_SET: Final = {
    # What ~/.aws says of regions, endpoints and credentials holds for other programs.
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}


def foreign(names: Iterable[str]) -> set[str]:
    """Return those environment variables that no test may depend on."""
    return {name for name in names if name not in _KEPT and not name.startswith(_KEPT_PREFIXES)}


for _name in foreign(os.environ):
    del os.environ[_name]
os.environ.update(_SET)
