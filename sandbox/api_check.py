"""Tests a running service against docs/openapi.yaml: `python -m sandbox.api_check`, or `make api-check`."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from sandbox.backends import Backends
from sandbox.policy import AUDIENCE
from sandbox.service import Service

SCHEMA: Final = Path(__file__).parents[1] / "docs" / "openapi.yaml"
_SCHEMATHESIS: Final = Path(".tools/schemathesis/bin/schemathesis")
_CHECKS: Final = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "allow_header_conformance",
)
_SECONDS: Final = 40
_TOKEN_SECONDS: Final = 3600


def main() -> int:
    """Start the service in its own sandbox, and send it requests that the document allows, and others."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Backends(folder) as backends, (folder / "log").open("wb") as log:
            variables = {**backends.environment(), "TOKEN_EXCHANGE_URL": "https://login.acme.example"}
            with Service(variables, output=log) as service:
                token = backends.issuer.mint("github-actions", audience=AUDIENCE, lifetime_seconds=_TOKEN_SECONDS)
                return _asked(service.url, token, folder)


def _asked(url: str, token: str, folder: Path) -> int:
    # In a file that only this user can read: arguments are visible in the process list.
    settings = folder / "schemathesis.toml"
    settings.touch(mode=0o600)
    settings.write_text('[headers]\nAuthorization = "Bearer ${CI_JOB_TOKEN}"\n')
    command = [str(_SCHEMATHESIS), "--config-file", str(settings), "run", str(SCHEMA), "--url", url]
    command += ["--checks", ",".join(_CHECKS), "--phases", "examples,coverage,fuzzing", "--max-time", str(_SECONDS)]
    command += ["--seed", "1", "--continue-on-failure", "--warnings", "off", "--no-color"]
    return subprocess.run(command, check=False, env={**os.environ, "CI_JOB_TOKEN": token}).returncode


if __name__ == "__main__":
    sys.exit(main())
