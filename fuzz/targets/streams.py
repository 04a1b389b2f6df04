"""The command line with standard streams that are closed, full or broken, as in a shell's pipes and redirections."""

import json
import os
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Final, Self

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from fuzz.pieces import as_json
from fuzz.running_service import policy_document
from fuzz.target import Broken, Json
from fuzz.targets.plain import Plain

_COMMANDS: Final = (
    "--help",
    "policy schema",
    "policy lint POLICY",
    "policy lint - --json",
    "policy who POLICY --registry wide-0",
    "policy who POLICY --registry wide-0 --json",
    "policy explain POLICY CLAIMS",
    "policy explain POLICY - --json",
    "policy diff POLICY POLICY",
    "policy diff POLICY POLICY --json",
    "token inspect - --json",
    "roles POLICY",
    "roles -",
)
_OUTPUTS: Final = ("closed", "full", "broken")
_FULL: Final = Path("/dev/full")
_STATUSES: Final = (0, 1, 2)
_SECONDS: Final = 60


class Streams(Plain):
    """The program ends with one of its own statuses, and never reports success after a failure."""

    name = "streams"

    @property
    def inputs(self) -> SearchStrategy[Json]:
        """Draw a command, and what its streams are."""
        outputs = [one for one in _OUTPUTS if one != "full" or _FULL.exists()]
        return st.fixed_dictionaries(
            {
                "command": st.sampled_from(_COMMANDS),
                "input": st.sampled_from(["empty", "policy", "closed"]),
                "output": st.sampled_from(["pipe", *outputs]),
                "errors": st.sampled_from(["pipe", "pipe", "closed"]),
            }
        ).map(as_json)

    def __enter__(self) -> Self:
        """Write the files that commands name."""
        self._folder = tempfile.TemporaryDirectory()
        folder = Path(self._folder.name)
        (folder / "POLICY").write_text(json.dumps(_policy()))
        (folder / "CLAIMS").write_text(json.dumps({"iss": "https://localhost:8443/_services/token", "sub": "x"}))
        return self

    def __exit__(self, *_: object) -> None:
        """Remove them."""
        self._folder.cleanup()

    def check(self, given: Json) -> None:
        """Run the command."""
        match given:
            case {"command": str(command), "input": str(read), "output": str(output), "errors": str(errors)}:
                pass
            case _:
                raise ValueError("not an input of this target")
        folder = Path(self._folder.name)
        status, said, told = _run(folder, command, read, output, errors)
        if (
            status not in _STATUSES
            or "Traceback" in told
            or "report it" in told
            or "foresaw" in told
            or "unexpected internal" in told
        ):
            raise Broken("unforeseen", f"status {status}\n{told}")
        if output in ("closed", "full") and status == 0:
            _, said, _ = _run(folder, command, read, "pipe", "pipe")
            if said:
                raise Broken("nothing-written", f"status 0, and {len(said)} bytes were written nowhere")


def _run(folder: Path, command: str, read: str, output: str, errors: str) -> tuple[int, bytes, str]:
    """Return the status, and what the command wrote to its output and its errors."""

    def closes() -> None:
        # In the child, before the program starts: what a shell does for >&-.
        for number, state in enumerate((read, output, errors)):
            if state == "closed":
                os.close(number)

    given = json.dumps(_policy()).encode() if read == "policy" else b""
    reading, writing = os.pipe()
    with _FULL.open("wb") if output == "full" else open(os.devnull, "wb") as elsewhere:  # noqa: PTH123 - a device
        if output == "broken":
            os.close(reading)
        child = subprocess.Popen(  # noqa: S603 - the program under test
            [sys.executable, "-c", "from token_exchange_cli.main import main; main()", *command.split()],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout={"pipe": subprocess.PIPE, "broken": writing}.get(output, elsewhere),
            stderr=subprocess.PIPE,
            preexec_fn=closes,  # noqa: PLW1509 - no other thread of this target's is at work
        )
        os.close(writing)
        if output != "broken":
            os.close(reading)
        said, told = child.communicate(given, timeout=_SECONDS)
    return child.returncode, said or b"", told.decode("utf-8", "replace")


@cache
def _policy() -> dict[str, Json]:
    document = policy_document(8443)
    issuers = document["issuers"]
    entry = issuers["github"] if isinstance(issuers, dict) else None
    if isinstance(entry, dict):
        del entry["ca_bundle"]
    return document
