"""A function in Lambda's runtime interface emulator, as a process on this machine, without docker.

The emulator is the one that the SAM CLI puts into its containers; in it runs AWS's own runtime loop, with the
function's folder and the layer on the path and nothing of this checkout.
"""

import http.client
import json
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, Self

from sandbox.children import Child
from sandbox.front_door import LambdaContext
from sandbox.gateway_events import Event
from sandbox.lambda_build import BUILD_FOLDER, FUNCTION, machine_architecture
from sandbox.loopback import HOST, listen

TOOLS: Final = Path(".tools")
_INVOCATIONS: Final = "/2015-03-31/functions/function/invocations"
_START_SECONDS: Final = 20.0
_CALL_SECONDS: Final = 40.0
_EMULATORS: Final = {"x86_64": "aws-lambda-rie-x86_64", "arm64": "aws-lambda-rie-arm64"}


class EmulatorFailed(Exception):
    """The emulator is missing or does not answer; the message says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmulatedFunction:
    """A function on this machine: `MODULE.NAME` in `folder`, and the folders of what it imports."""

    handler: str
    folder: Path
    libraries: tuple[Path, ...] = ()


def built_function() -> EmulatedFunction:
    """Return the exchange function of the sandbox's build, with the layer as its only library."""
    layer = BUILD_FOLDER / "TokenExchangeLayer" / "python"
    return EmulatedFunction(handler="exchange.app.handler", folder=BUILD_FOLDER / FUNCTION, libraries=(layer,))


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreter:
    """What runs the function: the start of a command line, and the folder of Lambda's runtime loop for it.

    One that is emulated is some ten times slower, and gets so much more time.
    """

    command: tuple[str, ...]
    runtime: Path
    slower: int = 1


class Emulator:
    """A function, by default the sandbox's build, with the variables `environment`; what it writes goes to `output`.

    It starts with the first call, as an environment of Lambda does.

    Raises:
        EmulatorFailed: there is no emulator, or no runtime loop.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        *,
        output: IO[bytes],
        function: EmulatedFunction | None = None,
        interpreter: Interpreter | None = None,
    ) -> None:
        self._port, runtime_port = _free_ports()
        arguments = ["--runtime-interface-emulator-address", f"{HOST}:{self._port}"]
        arguments += ["--runtime-api-address", f"{HOST}:{runtime_port}"]
        function = function or built_function()
        interpreter = interpreter or native_interpreter()
        self._call_seconds = _CALL_SECONDS * interpreter.slower
        folder = function.folder.resolve()
        libraries = (folder, *map(Path.resolve, function.libraries), interpreter.runtime.resolve())
        command = [*interpreter.command, "-m", "awslambdaric", function.handler]
        self._child = Child(
            [str(_program()), *arguments, *command],
            environment={
                "PATH": os.environ.get("PATH", os.defpath),
                "PYTHONPATH": os.pathsep.join(map(str, libraries)),
                "AWS_LAMBDA_FUNCTION_NAME": "ecr-token-exchange",
                "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
                "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
                "AWS_LAMBDA_FUNCTION_TIMEOUT": str(22 * interpreter.slower),
                **environment,
            },
            output=output,
            folder=folder,
        )
        try:
            self._wait_until_ready()
        except BaseException:
            self.close()
            raise

    def __call__(self, event: Event, _context: LambdaContext) -> object:
        """Answer an event as the function does; it makes its own context.

        Raises:
            EmulatorFailed: there is no answer.
        """
        connection = http.client.HTTPConnection(HOST, self._port, timeout=self._call_seconds)
        try:
            connection.request("POST", _INVOCATIONS, body=json.dumps(event))
            answer: object = json.loads(connection.getresponse().read())
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise EmulatorFailed("the emulator does not answer; see its own messages") from error
        finally:
            connection.close()
        return answer

    def close(self) -> None:
        """End the emulator, and the function with it."""
        self._child.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _wait_until_ready(self) -> None:
        until = time.monotonic() + _START_SECONDS
        while self._child.is_running() and time.monotonic() < until:
            connection = http.client.HTTPConnection(HOST, self._port, timeout=1)
            try:
                connection.connect()
            except OSError:
                time.sleep(0.02)  # the program cannot say when it listens
            else:
                return
            finally:
                connection.close()
        raise EmulatorFailed("the emulator does not start; see its own messages")


def _free_ports() -> tuple[int, int]:
    with listen(0) as first, listen(0) as second:
        return int(first.getsockname()[1]), int(second.getsockname()[1])


def _program() -> Path:
    name = _EMULATORS[machine_architecture()]
    found = next(TOOLS.resolve().glob(f"sam/lib/python*/site-packages/samcli/local/rapid/{name}"), None)
    if found is None:
        raise EmulatorFailed("no emulator is installed; `make emulator-check` installs the SAM CLI, which contains it")
    return found


def native_interpreter() -> Interpreter:
    """Return the interpreter below this one, which knows none of our libraries.

    Raises:
        EmulatorFailed: there is no runtime loop.
    """
    runtime = TOOLS / "lambda-runtime"
    if not (runtime / "awslambdaric").is_dir():
        raise EmulatorFailed("no runtime loop is installed; `make emulator-check` installs it")
    return Interpreter(command=(str(Path(sys.base_prefix) / "bin" / "python3.13"),), runtime=runtime)
