"""Checks pipelines against the schemas that CI systems publish."""

import subprocess
import sys
from importlib.resources import files
from pathlib import Path

PUBLISHED = files("check_jsonschema") / "builtin_schemas" / "vendor"


def check_schema(name: str, path: Path) -> None:
    """Check the file against the schema that check-jsonschema brings under this name."""
    # One of the schemas has patterns with escapes that are none in Unicode mode.
    command = ["-m", "check_jsonschema", "--regex-variant", "nonunicode", "--builtin-schema", name, str(path)]
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
