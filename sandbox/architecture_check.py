"""Runs what `make build` made on the architecture that it is for: `python -m sandbox.architecture_check`.

The layer of a deployment contains compiled code, by default for arm64. On a machine with another processor, qemu runs
it: Lambda's runtime loop starts the function with that layer, in Lambda's emulator, and answers real events.
"""

import compileall
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from deploy.check_layer import LAYER, LayerUnlike, compiled_for
from deploy.settle_architecture import LAMBDA_NAMES
from sandbox.backends import Backends
from sandbox.emulator import TOOLS, EmulatedFunction, Emulator, EmulatorFailed, Interpreter, native_interpreter
from sandbox.event_cases import CASES
from sandbox.events import mint_for, render
from sandbox.evidence import Unexpected, expect, object_of
from sandbox.front_door import TIMEOUT_SECONDS, LambdaContext
from sandbox.gateway_events import Event
from sandbox.lambda_build import FUNCTION, machine_architecture
from sandbox.lambda_check import CHECK_FOLDER, check_answer, prepared_backends
from sandbox.state import DEFAULT_FOLDER, make_folder

BUILD: Final = Path(".aws-sam/build")
NAMES: Final = ("granted-push-github", "denied-untrusted-trigger")
_SCRIPT: Final = Path(__file__).parent / "lambda_image" / "foreign-python.sh"
_MACHINES: Final = {name: machine for machine, name in LAMBDA_NAMES.items()}
_SLOWER: Final = 10
_HEALTH: Final[Event] = {"rawPath": "/v1/health", "requestContext": {"http": {"method": "GET", "path": "/v1/health"}}}


class CannotRun(Exception):
    """This machine has no means to run the layer; the message says what is missing."""


def main() -> int:
    """Return 0 if the function answers as expected, or if this machine cannot run it and may skip that; else 1."""
    make_folder(DEFAULT_FOLDER)
    log_path = make_folder(CHECK_FOLDER) / "architecture.log"
    try:
        architecture = LAMBDA_NAMES[compiled_for(BUILD / LAYER)]
        interpreter = interpreter_for(architecture)
        with prepared_backends(copied_function()) as (backends, _, variables):
            check(backends, variables, interpreter, log_path)
    except CannotRun as error:
        return skipped(error)
    except (LayerUnlike, EmulatorFailed, Unexpected) as error:
        print(f"architecture-check: {error}; the function's log is {log_path}", file=sys.stderr)
        return 1
    print(f"\narchitecture-check: the layer of {BUILD} works on {architecture}")
    return 0


def skipped(error: CannotRun) -> int:
    """Say loudly that nothing was checked; return 0, or 1 where `TESTS_SKIP_NOTHING` is set, as in `.ci/run`."""
    print(f"architecture-check: SKIPPED, the layer was not run: {error}", file=sys.stderr)
    return 1 if os.environ.get("TESTS_SKIP_NOTHING") else 0


def interpreter_for(architecture: str) -> Interpreter:
    """Return what runs Python on `architecture`: this machine, or else qemu with a Python that is fetched for it.

    Raises:
        CannotRun: a program is missing, or the Python cannot be fetched.
        EmulatorFailed: there is no runtime loop.
    """
    if architecture == machine_architecture():
        return native_interpreter()
    qemu = f"qemu-{_MACHINES[architecture]}-static"
    for program in (qemu, "apt-get", "dpkg-deb"):
        if shutil.which(program) is None:
            raise CannotRun(f"{program} is not installed; Debian's packages are qemu-user-static, apt and dpkg")
    folder = (TOOLS / f"lambda-{architecture}").resolve()
    made = subprocess.run(["sh", str(_SCRIPT), architecture, str(folder), str(TOOLS / "bin" / "uv")], check=False)
    if made.returncode != 0:
        raise CannotRun(f"Python for {architecture} could not be fetched")
    # Debian compiles at installation, which this is not; without it, each start would take a minute more.
    compileall.compile_dir(folder / "root" / "usr" / "lib" / "python3.13", quiet=2)
    root = folder / "root"
    return Interpreter(
        command=(qemu, "-L", str(root), str(root / "usr" / "bin" / "python3.13")),
        runtime=folder / "runtime",
        slower=_SLOWER,
    )


def copied_function() -> Path:
    """Return a copy of the function that is deployed, for a policy of the sandbox's to be put beside it."""
    folder = CHECK_FOLDER / "function"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(BUILD / FUNCTION, folder)
    return folder


def check(backends: Backends, variables: dict[str, str], interpreter: Interpreter, log_path: Path) -> None:
    """Start the function with the deployed layer, send it events, and print how long each took.

    Raises:
        Unexpected: an answer is not the expected one, or the log contains a token.
        EmulatorFailed: the function does not answer.
    """
    function = EmulatedFunction(
        handler="exchange.app.handler", folder=CHECK_FOLDER / "function", libraries=(BUILD / LAYER,)
    )
    with (
        log_path.open("wb") as log,
        Emulator(variables, output=log, function=function, interpreter=interpreter) as emulator,
    ):
        # The start is part of the first event, and must not use up the time of an exchange.
        started = time.monotonic()
        health = object_of(emulator(_HEALTH, _context()), "answer")
        expect(health.get("statusCode") == 200, f"expected a healthy function, found {str(health)[:300]}")  # noqa: PLR2004 - HTTP
        print(f"  ok  {'start and health':<34} {time.monotonic() - started:5.1f} s", flush=True)
        for case in (each for each in CASES if each.name in NAMES):
            started = time.monotonic()
            token = mint_for(case, backends.issuer.mint, now=time.time())
            answer = emulator(object_of(json.loads(render(case, token)), "event"), _context())
            check_answer(case, object_of(answer, "answer"))
            expect(token not in log_path.read_text(errors="replace"), "the function's log contains the token")
            print(f"  ok  {case.name:<34} {time.monotonic() - started:5.1f} s", flush=True)


def _context() -> LambdaContext:
    return LambdaContext(aws_request_id="architecture-check", ends_at_monotonic=time.monotonic() + TIMEOUT_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
