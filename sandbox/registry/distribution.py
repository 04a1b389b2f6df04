"""The registry program, CNCF Distribution, on a socket that only this user can open."""

import http.client
import os
import secrets
import shutil
import socket
import tempfile
import time
from pathlib import Path
from typing import Final, Self, override

from sandbox.children import Child

_PROGRAMS: Final = ("docker-registry", "registry")
"""Debian's name, and the project's own."""

_START_SECONDS: Final = 20.0
_TIMEOUT_SECONDS: Final = 60.0

# Every user of this machine could reach a port and bypass the gate; a socket in a private folder they cannot. Relative
# addresses make clients return through the gate.
_CONFIGURATION: Final = """\
version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage:
  filesystem: {{rootdirectory: {folder}/images}}
  delete: {{enabled: true}}
http: {{net: unix, addr: {folder}/socket, relativeurls: true, secret: {secret}}}
"""


class RegistryFailed(Exception):
    """The registry program is missing or did not start; the message says which."""


def registry_program() -> str | None:
    """Return the program's path, or None where it is not installed."""
    return next((found for name in _PROGRAMS if (found := shutil.which(name))), None)


class Distribution:
    """An empty registry, whose images are deleted when it closes.

    Raises:
        RegistryFailed: there is none.
    """

    def __init__(self) -> None:
        program = registry_program()
        if program is None:
            raise RegistryFailed("no registry program is installed; Debian's package is docker-registry")
        # In the system's temporary folder, since a socket's path may have at most 107 bytes.
        self._folder = tempfile.TemporaryDirectory(prefix="registry-")
        self._log = Path(self._folder.name) / "log"
        self._socket_path = f"{self._folder.name}/socket"
        configuration = Path(self._folder.name) / "config.yml"
        configuration.write_text(_CONFIGURATION.format(folder=self._folder.name, secret=secrets.token_hex(16)))
        with self._log.open("wb") as log:
            self._program = Child(
                [program, "serve", str(configuration)],
                environment={"PATH": os.environ.get("PATH", os.defpath), "OTEL_TRACES_EXPORTER": "none"},
                output=log,
            )
        try:
            self._wait_until_ready()
        except BaseException:
            self.close()
            raise

    def connection(self) -> http.client.HTTPConnection:
        """Return a connection to it, for one request."""
        return _SocketConnection(self._socket_path, timeout_seconds=_TIMEOUT_SECONDS)

    def close(self) -> None:
        """End it, and delete its images."""
        self._program.close()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _wait_until_ready(self) -> None:
        until = time.monotonic() + _START_SECONDS
        while self._program.is_running() and time.monotonic() < until:
            connection = self.connection()
            try:
                connection.request("GET", "/v2/")
                connection.getresponse().read()
            except OSError:
                time.sleep(0.02)  # the program cannot say when it listens
            else:
                return
            finally:
                connection.close()
        raise RegistryFailed(f"the registry does not start: {self._log.read_text(errors='replace').strip()[-500:]}")


class _SocketConnection(http.client.HTTPConnection):
    """HTTP over a socket in the file system."""

    def __init__(self, path: str, *, timeout_seconds: float) -> None:
        super().__init__("registry", timeout=timeout_seconds)
        self._path = path

    @override
    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)
