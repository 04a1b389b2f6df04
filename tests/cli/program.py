"""Runs the program, and takes apart what it printed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from click.testing import CliRunner

from tests.loading.documents import Document, document
from token_exchange.core.ports import Json
from token_exchange_cli.main import main


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    status: int
    out: str
    err: str

    @property
    def fields(self) -> dict[str, Json]:
        parsed: Json = json.loads(self.out)
        assert isinstance(parsed, dict)
        return parsed

    def texts(self, name: str) -> list[dict[str, Json]]:
        """Return the list of objects under `name`."""
        found = self.fields[name]
        assert isinstance(found, list)
        return [item for item in found if isinstance(item, dict)]


def run(*arguments: str | Path, given: bytes | str = b"", environment: Mapping[str, str] | None = None) -> Printed:
    """Run `token-exchange` in this process, with `given` on standard input."""
    result = CliRunner().invoke(main, [str(argument) for argument in arguments], input=given, env=environment)
    # Whatever the program ends with, it is a status, and nothing that it had not foreseen.
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert "unexpected internal error" not in result.stderr
    assert "Traceback" not in result.output
    return Printed(status=result.exit_code, out=result.stdout, err=result.stderr)


def write_json(path: Path, value: Json) -> Path:
    path.write_text(json.dumps(value), "utf-8")
    return path


def write_policy(folder: Path, *grants: Document, **changes: Json) -> Path:
    """Write the small policy of the tests, in JSON."""
    return write_json(folder / "policy.json", document(*grants, **changes))
