"""The process whose memory is measured: it exchanges one token as often as requested, and prints its memory."""

import json
import os
import sys
from contextlib import redirect_stdout
from http import HTTPStatus
from pathlib import Path
from typing import Final

_KILOBYTES_A_MEGABYTE: Final = 1024


def resident(line: str = "VmRSS") -> float:
    """Return this process's resident memory, or with `VmHWM` its peak, in megabytes (proc(5))."""
    found = next(one for one in Path("/proc/self/status").read_text().splitlines() if one.startswith(f"{line}:"))
    return int(found.split()[1]) / _KILOBYTES_A_MEGABYTE


def main() -> None:
    """Exchange, and print what was seen on the way."""
    seen = {"bare": resident()}
    exchanges = int(sys.argv[1])
    token = json.loads(sys.stdin.readline())["token"]
    answers = sys.stdout
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):  # noqa: PTH123 - no path but a device
        from bench.request import request_of  # noqa: PLC0415 - what it imports is what is measured

        exchange = request_of(token, HTTPStatus.OK)
        seen["cold"] = resident()
        for done in range(1, exchanges + 1):
            exchange()
            if done == exchanges // 10:
                seen["after_a_tenth"] = resident()
    seen["after_all"] = resident()
    seen["peak"] = resident("VmHWM")
    print(json.dumps(seen), file=answers)


if __name__ == "__main__":
    main()
