"""Child processes of the sandbox, which never outlive it."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Final

_STOP_SECONDS: Final = 10.0

# The shell ends the program when its own input ends, so the program never outlives its parent, even a killed one.
_UNTIL_INPUT_ENDS: Final = """\
exec 3<&0
"$@" 3<&- &
program=$!
{ cat <&3 >/dev/null; kill "$program"; } 2>/dev/null &
watch=$!
wait "$program"
kill "$watch" 2>/dev/null
"""


class Child:
    """A program with exactly this environment, which writes to `output`."""

    def __init__(
        self, command: Sequence[str], *, environment: Mapping[str, str], output: IO[bytes], folder: Path | None = None
    ) -> None:
        self._process = subprocess.Popen(
            ["sh", "-c", _UNTIL_INPUT_ENDS, "sh", *command],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            env=dict(environment),
            cwd=folder,
            start_new_session=True,  # Ctrl-C reaches only the parent, which then ends this process
        )

    @property
    def number(self) -> int:
        """The id of its process group."""
        return self._process.pid

    def is_running(self) -> bool:
        """Return whether it is still running."""
        return self._process.poll() is None

    def close(self) -> None:
        """End it by closing its input, and kill it if that does not work."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(timeout=_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)  # the shell and its program
            self._process.wait()
