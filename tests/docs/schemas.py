"""Checks pipelines against the schemas that CI systems publish."""

from importlib.resources import files
from pathlib import Path

from check_jsonschema import main
from click.testing import CliRunner

PUBLISHED = files("check_jsonschema") / "builtin_schemas" / "vendor"


def check_schema(name: str, path: Path) -> None:
    """Check the file against the schema that check-jsonschema brings under this name."""
    # One of the schemas has patterns with escapes that are none in Unicode mode.
    done = CliRunner().invoke(main, ["--regex-variant", "nonunicode", "--builtin-schema", name, str(path)])
    assert done.exit_code == 0, done.output
