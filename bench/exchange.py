"""A warm exchange against the two calls to AWS that it contains.

STS and ECR are the sandbox's, in this process; what is timed runs in another, `bench.worker`.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from bench.environment import child_environment
from bench.figures import Figure, Part
from bench.sampling import medians
from sandbox.world import World

AIM: Final = 1.5
LIMIT: Final = 2.0


def measure(folder: Path, *, rounds: int) -> Part:
    """Return how many times as long an exchange takes as its bare calls."""
    with World(folder) as world:
        samples = _samples(world, rounds=rounds)
    middle = medians(samples)
    least = min(samples["exchange"]) / min(samples["bare"])
    exchange, bare = middle["exchange"], middle["bare"]
    return Part(
        title="A warm exchange",
        method=(
            "The handler, called in its process with an event of API Gateway's, checks a real RS256 signature and "
            "calls STS and ECR over HTTP in another process. The bare calls are boto3's `assume_role` and "
            "`get_authorization_token` with the same parameters, kept clients and swapped credentials. "
            f"Medians of {rounds} samples each, taken in turns."
        ),
        figures=(
            Figure(name="warm exchange / bare calls", value=exchange / bare, unit="times", aim=AIM, limit=LIMIT),
            Figure(name="the same exchange, by the least times", value=least, unit="times", aim=AIM, limit=LIMIT),
            Figure(name="warm exchange", value=exchange * 1e3, unit="ms"),
            Figure(name="bare boto3 calls", value=bare * 1e3, unit="ms"),
        ),
    )


def _samples(world: World, *, rounds: int) -> dict[str, list[float]]:
    token = world.issuer.mint("github-actions", audience=world.audience)
    with subprocess.Popen(
        [sys.executable, "-m", "bench.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=child_environment(world),
        text=True,
    ) as worker:
        assert worker.stdin is not None
        assert worker.stdout is not None
        worker.stdin.write(json.dumps({"token": token, "rounds": rounds}) + "\n")
        worker.stdin.flush()
        assert worker.stdout.readline() == "ready\n"
        seen = world.aws.requests("sts:AssumeRole")[-1]
        worker.stdin.write(json.dumps(_nested(seen.parameters)) + "\n")
        worker.stdin.flush()
        samples: dict[str, list[float]] = json.loads(worker.stdout.readline())
    return samples


def _nested(parameters: Mapping[str, object]) -> dict[str, object]:
    """Return AssumeRole's parameters in boto3's form, from that of the wire: `Tags.member.1.Key` and its kind."""
    whole = {name: value for name, value in parameters.items() if "." not in name}
    count = sum(name.endswith(".Key") for name in parameters)
    tags = [
        {part: parameters[f"Tags.member.{place}.{part}"] for part in ("Key", "Value")} for place in range(1, count + 1)
    ]
    return {**whole, "DurationSeconds": int(str(whole["DurationSeconds"])), **({"Tags": tags} if tags else {})}
