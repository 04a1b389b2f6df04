"""The service as a separate process with its own environment. Its output is what Lambda would log."""

import http.client
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import IO, Final, Self

from sandbox.loopback import HOST, listen

HANDLER: Final = "exchange.app:handler"
_START_SECONDS: Final = 30.0
_STOP_SECONDS: Final = 10.0
# Variables of a developer's shell that could point the service at something outside the sandbox.
_FOREIGN_PREFIXES: Final = ("AWS_", "TOKEN_EXCHANGE_", "POWERTOOLS_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


class ServiceFailed(Exception):
    """The service did not start. Its standard error says why."""


class Service:
    """`handler` behind an HTTP API on `port`, with `environment` and no other AWS settings.

    `output` and `errors` take what the process prints; None is our own standard output or error.

    Raises:
        PortBusy: the port is taken.
        ServiceFailed: it does not answer.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        *,
        port: int = 0,
        handler: str = HANDLER,
        output: IO[bytes] | None = None,
        errors: IO[bytes] | None = None,
    ) -> None:
        with listen(port) as listener:
            self.port = int(listener.getsockname()[1])
            self._process = subprocess.Popen(
                [sys.executable, "-m", "sandbox.runtime", str(listener.fileno()), handler],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=errors,
                env=_clean_environment() | {"PYTHONUNBUFFERED": "1"} | dict(environment),
                pass_fds=[listener.fileno()],
                start_new_session=True,  # Ctrl-C reaches only the parent, which then ends this process
            )
        try:
            self._wait_until_ready()
        except BaseException:
            self.close()
            raise

    @property
    def url(self) -> str:
        """The base URL."""
        return f"http://{HOST}:{self.port}"

    @property
    def number(self) -> int:
        """The id of the process."""
        return self._process.pid

    def close(self) -> None:
        """End the process by closing its input, and kill it if that does not work."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(timeout=_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _wait_until_ready(self) -> None:
        # The socket listens already: the request waits in its queue, and fails if the process ends.
        connection = http.client.HTTPConnection(HOST, self.port, timeout=_START_SECONDS)
        try:
            connection.request("GET", "/v1/health")
            connection.getresponse().read()
        except (OSError, http.client.HTTPException) as error:
            ended = self._process.poll()
            state = "does not answer" if ended is None else f"ended with status {ended}"
            raise ServiceFailed(f"the service {state}; see its own messages") from error
        finally:
            connection.close()


def _clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.upper().startswith(_FOREIGN_PREFIXES)}
