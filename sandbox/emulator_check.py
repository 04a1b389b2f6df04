"""Runs the built function in Lambda's emulator without docker: `python -m sandbox.emulator_check`.

Starts it a few times, exchanges a token with the real curl as soon as it runs and again when it is warm, and ends with
a push to a real registry where one is installed.
"""

import sys
from pathlib import Path
from statistics import median
from typing import Final

from sandbox.backends import Backends
from sandbox.curl import CurlFailed
from sandbox.emulator import Emulator, EmulatorFailed
from sandbox.evidence import Unexpected
from sandbox.front_door import FrontDoor
from sandbox.lambda_build import BuildFailed, build
from sandbox.lambda_check import CHECK_FOLDER, exchange, prepared_backends, push_with_a_login
from sandbox.state import DEFAULT_FOLDER, make_folder

_STARTS: Final = 3
_WARM_CALLS: Final = 20


def main() -> int:
    """Return 0 if every answer is a login and the pushes end as expected, else 1."""
    make_folder(DEFAULT_FOLDER)
    log_path = make_folder(CHECK_FOLDER) / "emulator.log"
    try:
        build()
        with prepared_backends() as (backends, _, variables):
            check(backends, variables, log_path)
    except (BuildFailed, EmulatorFailed, Unexpected, CurlFailed) as error:
        print(f"emulator-check: {error}; the function's log is {log_path}", file=sys.stderr)
        return 1
    print("\nemulator-check: all checks passed")
    return 0


def check(backends: Backends, variables: dict[str, str], log_path: Path) -> None:
    """Start the function, exchange tokens, push, and print how long it took.

    Raises:
        Unexpected: a check failed.
        EmulatorFailed: the function does not answer.
    """
    cold: list[float] = []
    warm: list[float] = []
    with log_path.open("wb") as log:
        for start in range(_STARTS):
            with Emulator(variables, output=log) as emulator, FrontDoor(emulator) as door:
                url = f"{door.url}/v1/token?registry=apps"
                cold.append(exchange(backends, url))
                if start == 0:
                    warm += [exchange(backends, url) for _ in range(_WARM_CALLS)]
                    push_with_a_login(backends, url, log_path)
    print(f"\n  cold  {1000 * median(cold):6.0f} ms, median of {_STARTS}, including the fetch of the issuer's keys")
    print(f"  warm  {1000 * median(warm):6.0f} ms, median of {_WARM_CALLS}, including curl and emulator")


if __name__ == "__main__":
    sys.exit(main())
