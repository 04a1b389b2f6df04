"""A shell for the lines and steps of the documents."""

import os
import shutil
import signal
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path

# What docker and curl were asked is written down: no token may be on a command line. The options that a test adds
# make curl give up sooner; of two values it takes the last.
DOCKER = """#!/bin/sh
printf '%s\\n' "$*" >>"$SEEN/docker"
[ "$1" != login ] || cat >"$SEEN/password"
"""
CURL = """#!/bin/sh
printf '%s\\n' "$*" >>"$SEEN/curl"
exec "$REAL_CURL" "$@" ${CURL_OPTIONS-}
"""


# A process that is forked while another thread writes a program has that file open until it runs another program
# itself, and the kernel runs no file that is open for writing (ETXTBSY).
_WRITING_OR_FORKING = threading.RLock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell:
    """A shell with a docker that only notes what it is asked, and a curl that notes it too."""

    folder: Path
    ca_bundle: Path

    def run(self, script: str, *, interpreter: str = "bash", **variables: str) -> subprocess.CompletedProcess[str]:
        with self.start(script, interpreter=interpreter, **variables) as process:
            try:
                stdout, stderr = process.communicate(timeout=60)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                raise
        return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)

    def start(self, script: str, *, interpreter: str = "bash", **variables: str) -> "subprocess.Popen[str]":
        """Start the script in a process group of its own."""
        with _WRITING_OR_FORKING:
            return self._start(script, interpreter, variables)

    def _start(self, script: str, interpreter: str, variables: dict[str, str]) -> "subprocess.Popen[str]":
        self.program("docker", DOCKER)
        self.program("curl", CURL)
        environment = {
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "HOME": str(self.folder),
            "SEEN": str(self.folder),
            "REAL_CURL": shutil.which("curl") or "curl",
            "CURL_CA_BUNDLE": str(self.ca_bundle),
            "NO_PROXY": "*",
            **variables,
        }
        path = self.folder / "script"
        path.write_text(script)
        return subprocess.Popen(
            [*interpreter.split(), "-e", str(path)],
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def program(self, name: str, text: str) -> None:
        """Put a program before all others of its name."""
        path = self.folder / "bin" / name
        path.parent.mkdir(exist_ok=True)
        with _WRITING_OR_FORKING:
            path.write_text(text)
            path.chmod(0o755)

    def seen(self, name: str) -> str:
        path = self.folder / name
        return path.read_text() if path.exists() else ""
