"""An emulator of AWS on loopback: MiniStack.

It carries out change sets, runs the deployed functions with the deployed layer and their own roles, evaluates IAM
policies, and serves the HTTP API. It shows that template, packages, permissions and handlers fit together; how AWS
itself behaves, it cannot show.
"""

import http.client
import os
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Final, Self
from urllib.parse import urlsplit

from sandbox import account
from sandbox.children import Child
from sandbox.loopback import HOST, listen

PROGRAM: Final = Path(".tools/deploy-emulator/bin/ministack")
ACCOUNT: Final = "111122223333"
"""An account's number as an access key is the account's root user, with this secret."""
_SECRET: Final = "opens-nothing"  # noqa: S105 - the emulator's own; it protects nothing
_START_SECONDS: Final = 60.0


class EmulatorFailed(Exception):
    """The emulator is missing or does not start; the message says which."""


class AwsEmulator:
    """A whole AWS on a free port of loopback, empty at first; its messages go to `output`.

    Raises:
        EmulatorFailed: it is not installed, or does not start.
    """

    def __init__(self, *, output: IO[bytes]) -> None:
        program = PROGRAM.resolve()
        if not program.exists():
            raise EmulatorFailed("no emulator of AWS is installed; `make deploy-check` installs it")
        with listen(0) as reserved:
            self._port = int(reserved.getsockname()[1])
        with ExitStack() as stack:
            # Its functions and their layers are unpacked there.
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="deploy-check-"))
            environment = {
                "PATH": os.environ.get("PATH", os.defpath),
                "HOME": folder,
                "TMPDIR": folder,
                "BIND_HOST": HOST,
                "GATEWAY_PORT": str(self._port),
                # It would also listen for devices and for file transfers, on fixed ports.
                "IOT_MTLS_ENABLED": "0",
                "SFTP_ENABLED": "0",
                # Every call is checked against the policies of the caller's role.
                "AUTH": "true",
                "AWS_SECRET_ACCESS_KEY": _SECRET,
                "MINISTACK_ACCOUNT_ID": ACCOUNT,
                "MINISTACK_REGION": account.REGION,
            }
            child = Child([str(program)], environment=environment, output=output, folder=Path(folder))
            stack.callback(child.close)
            self._wait_until_ready(child)
            self._stack = stack.pop_all()

    @property
    def url(self) -> str:
        """The address of every service."""
        return f"http://{HOST}:{self._port}"

    def variables(self) -> dict[str, str]:
        """Return the environment in which `sam` and boto3 use only this emulator."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": _SECRET,
            "AWS_REGION": account.REGION,
            "AWS_DEFAULT_REGION": account.REGION,
        }

    def api_url(self, exchange_url: str) -> str:
        """Return where the emulator serves the HTTP API whose address in AWS is `exchange_url`."""
        identity = str(urlsplit(exchange_url).hostname).partition(".")[0]
        return f"{self.url}/_aws/execute-api/{identity}/$default"

    def close(self) -> None:
        """End it, and the functions with it."""
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _wait_until_ready(self, child: Child) -> None:
        until = time.monotonic() + _START_SECONDS
        while child.is_running() and time.monotonic() < until:
            connection = http.client.HTTPConnection(HOST, self._port, timeout=5)
            try:
                connection.request("GET", "/_ministack/ready")
                if connection.getresponse().status == 200:  # noqa: PLR2004 - HTTP
                    return
            except OSError:
                time.sleep(0.1)  # it cannot say when it listens
            finally:
                connection.close()
        raise EmulatorFailed("the emulator of AWS does not start; see its own messages")
