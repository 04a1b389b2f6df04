"""Importing and starting the exchange function against importing boto3 and making the two clients that it needs."""

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Final

from bench.environment import small_policy_environments
from bench.figures import Figure, Part
from bench.processes import run_timed
from bench.sampling import medians, ratio
from sandbox.backends import Backends

AIM: Final = 1.25
LIMIT: Final = 1.4
# An environment is ready when it has started; it never tears down, so neither does what is timed.
_END: Final = "import os; os._exit(0)"
_BOTO3: Final = "import boto3; boto3.client('sts'); boto3.client('ecr')"
_LIBRARIES: Final = (
    "import jwt.algorithms; from aws_lambda_powertools import Logger; "
    f"from aws_lambda_powertools.metrics import EphemeralMetrics; {_BOTO3}; boto3.client('dynamodb')"
)
_OURS: Final = "import exchange.app"
_SHOWN: Final = 12


def measure(folder: Path, *, rounds: int) -> tuple[Part, Part]:
    """Return how many times as long our start takes as boto3's, and what each import costs in either."""
    with Backends(folder) as backends:
        # It runs all the while: a start opens its connections.
        environments = small_policy_environments(backends, folder)
        programs = {
            "boto3": (_BOTO3, environments["compiled"]),
            "libraries": (_LIBRARIES, environments["compiled"]),
            "ours": (_OURS, environments["compiled"]),
            "yaml": (_OURS, environments["source"]),
            "bare": ("pass", environments["compiled"]),
        }
        wall: dict[str, list[float]] = {name: [] for name in programs}
        cpu: dict[str, list[float]] = {name: [] for name in programs}
        order = list(programs.items())
        for counted in (False, *[True] * rounds):
            order.reverse()
            for name, (program, environment) in order:
                spent = run_timed([sys.executable, "-c", f"{program}; {_END}"], environment)
                if counted:
                    wall[name].append(spent.wall_seconds)
                    cpu[name].append(spent.processor_seconds)
        return _comparison(wall, cpu, rounds), _imports(environments["compiled"])


def _comparison(wall: dict[str, list[float]], cpu: dict[str, list[float]], rounds: int) -> Part:
    middle = medians(wall)
    least = {name: min(values) for name, values in wall.items()}
    least_cpu = {name: min(values) for name, values in cpu.items()}
    return Part(
        title="Import and start",
        method=(
            "Fresh interpreters, one after the other, until they are ready. This service imports `exchange.app`, reads "
            "a policy of one registry, compiled as by `make deploy`, creates three clients and connects them; boto3's "
            "creates an STS and an ECR client. Its libraries are boto3 with a third client, PyJWT's algorithms, and "
            f"Powertools' Logger and Metrics, only imported. Bytecode is compiled in all cases. Medians of {rounds} "
            "each, interleaved, and of each round's ratio; and the least times, which other load on the machine "
            "affects least."
        ),
        figures=(
            _figure("start / boto3 and two clients", ratio(wall["ours"], wall["boto3"])),
            _figure("the same, by the least times", least["ours"] / least["boto3"]),
            _figure("the same, by the least processor times", least_cpu["ours"] / least_cpu["boto3"]),
            _figure("start with the policy in YAML / boto3 and two clients", ratio(wall["yaml"], wall["boto3"])),
            Figure(
                name="only its libraries and three clients / boto3 and two clients",
                value=ratio(wall["libraries"], wall["boto3"]),
                unit="times",
            ),
            Figure(name="start", value=middle["ours"] * 1e3, unit="ms"),
            Figure(name="boto3 and two clients", value=middle["boto3"] * 1e3, unit="ms"),
            Figure(name="an interpreter that does nothing", value=middle["bare"] * 1e3, unit="ms"),
        ),
    )


def _figure(name: str, value: float) -> Figure:
    return Figure(name=name, value=value, unit="times", aim=AIM, limit=LIMIT)


def _imports(environment: dict[str, str]) -> Part:
    """Return what the modules of each package cost to import, each without what it imports in turn."""
    milliseconds = _import_milliseconds(_OURS, environment)
    start = milliseconds.pop("exchange")
    assert milliseconds.keys() >= {"token_exchange", "botocore"}
    costliest = sorted(milliseconds.items(), key=lambda item: -item[1])[:_SHOWN]
    rest = sum(milliseconds.values()) - sum(spent for _, spent in costliest)
    return Part(
        title="What a start is made of",
        method="`python -X importtime`, by package; measuring makes each import a little slower.",
        figures=(
            *(Figure(name=f"import of {package}", value=spent, unit="ms") for package, spent in costliest),
            Figure(name=f"import of {len(milliseconds) - len(costliest)} others", value=rest, unit="ms"),
            Figure(name="policy and clients", value=start, unit="ms"),
        ),
    )


def _import_milliseconds(program: str, environment: dict[str, str]) -> dict[str, float]:
    command = [sys.executable, "-X", "importtime", "-c", program]
    lines = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stderr
    spent: Counter[str] = Counter()
    for microseconds, package in re.findall(r"^import time: +(\d+) \| +\d+ \| +(\w+)", lines, re.MULTILINE):
        spent[package] += int(microseconds)
    return {package: microseconds / 1e3 for package, microseconds in spent.items()}
