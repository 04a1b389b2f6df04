"""The process whose memory is measured: it exchanges one token as often as requested, and prints its memory."""

from http import HTTPStatus
from pathlib import Path
from typing import Final

from bench.processes import Job, answer_job

_KILOBYTES_A_MEGABYTE: Final = 1024


def resident(line: str = "VmRSS") -> float:
    """Return this process's resident memory, or with `VmHWM` its peak, in megabytes (proc(5))."""
    found = next(one for one in Path("/proc/self/status").read_text().splitlines() if one.startswith(f"{line}:"))
    return int(found.split()[1]) / _KILOBYTES_A_MEGABYTE


def memory(job: Job) -> dict[str, float]:
    """Exchange the job's token so many times, and return the memory before, meanwhile and after."""
    seen = {"bare": resident()}
    from bench.request import request_of  # noqa: PLC0415 - what it imports is what is measured

    exchange = request_of(job["token"], HTTPStatus.OK)
    seen["cold"] = resident()
    for done in range(1, job["exchanges"] + 1):
        exchange()
        if done == job["exchanges"] // 10:
            seen["after_a_tenth"] = resident()
    seen["after_all"] = resident()
    seen["peak"] = resident("VmHWM")
    return seen


if __name__ == "__main__":
    answer_job(memory)
