"""A warm exchange against the two calls to AWS that it contains, and against the usual ways to write one.

STS and ECR are the sandbox's, in this process; what is timed runs in another, `bench.worker`.
"""

import json
import secrets
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from bench.environment import child_environment
from bench.figures import Figure, Part
from bench.sampling import medians
from bench.usual_ways import WAYS
from bench.worker import nested
from sandbox.backends import Backends

AIM: Final = 1.5
LIMIT: Final = 2.0
_ECR: Final = "ecr:GetAuthorizationToken"


def measure(folder: Path, *, rounds: int, warm_up: int = 20) -> tuple[Part, Part, Part]:
    """Return how many times as long an exchange takes as its bare calls, as other ways, and a refusal as it."""
    with Backends(folder) as backends:
        samples = _samples(backends, rounds=rounds, warm_up=warm_up)
    middle = medians(samples)
    least = min(samples["exchange"]) / min(samples["bare"])
    return _own(middle, least, rounds), _usual(middle), _refusals(middle)


def _own(middle: Mapping[str, float], least: float, rounds: int) -> Part:
    exchange, bare = middle["exchange"], middle["bare"]
    return Part(
        title="A warm exchange",
        method=(
            "The handler is called in its own process with an API Gateway event, checks a real RS256 signature, and "
            "calls STS and ECR over HTTP in another process. The bare calls are boto3's `assume_role` and "
            "`get_authorization_token` with the same parameters, with clients that are kept and credentials that are "
            f"swapped. Medians of {rounds} samples each, interleaved."
        ),
        figures=(
            Figure(name="warm exchange / bare calls", value=exchange / bare, unit="times", aim=AIM, limit=LIMIT),
            Figure(name="the same exchange, by the least times", value=least, unit="times", aim=AIM, limit=LIMIT),
            Figure(name="warm exchange", value=exchange * 1e3, unit="ms"),
            Figure(name="bare boto3 calls", value=bare * 1e3, unit="ms"),
        ),
    )


def _usual(middle: Mapping[str, float]) -> Part:
    ways = {"this service": middle["exchange"], **{way: middle[way] for way in WAYS}}
    return Part(
        title="The usual ways to write it",
        method=(
            "Handlers as tutorials show them (`bench/usual_ways.py`): each uses boto3, and PyJWT's client fetches the "
            "keys once; they apply no policy and write no record. Measured in the same run as above, against the same "
            "bare calls."
        ),
        figures=tuple(
            Figure(name=f"{way} / bare calls", value=seconds / middle["bare"], unit="times")
            for way, seconds in ways.items()
        ),
    )


def _refusals(middle: Mapping[str, float]) -> Part:
    return Part(
        title="A refusal",
        method=(
            "Through the whole handler, including its audit line and metrics, in the same run: `noise` is random "
            "characters in place of a token, and `denied` is a valid token from a branch that no grant allows. Neither "
            "may cause a network call; the benchmark checks this."
        ),
        figures=(
            Figure(name="noise / exchange", value=middle["noise"] / middle["exchange"], unit="times", aim=0.5, limit=1),
            Figure(
                name="denied / exchange", value=middle["denied"] / middle["exchange"], unit="times", aim=0.5, limit=1
            ),
            Figure(name="noise", value=middle["noise"] * 1e3, unit="ms"),
            Figure(name="denied", value=middle["denied"] * 1e3, unit="ms"),
        ),
    )


def _samples(backends: Backends, *, rounds: int, warm_up: int) -> dict[str, list[float]]:
    token = backends.issuer.mint("github-actions", audience=backends.audience)
    job = {
        "token": token,
        "noise": secrets.token_urlsafe(len(token))[: len(token)],
        "denied": backends.issuer.mint("github-actions", audience=backends.audience, scenario="push-feature"),
        "keys_url": backends.issuer.tokens.keys_url("github-actions"),
        "rounds": rounds,
        "warm_up": warm_up,
    }
    with subprocess.Popen(
        [sys.executable, "-m", "bench.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        # PyJWT's client for key sets finds the sandbox's certificate authority only by this variable.
        env={**child_environment(backends), "SSL_CERT_FILE": str(backends.issuer.ca_bundle)},
        text=True,
    ) as worker:
        assert worker.stdin is not None
        assert worker.stdout is not None
        worker.stdin.write(json.dumps(job) + "\n")
        worker.stdin.flush()
        assert worker.stdout.readline() == "ready\n"
        seen = backends.aws.requests("sts:AssumeRole")[-1]
        worker.stdin.write(json.dumps(nested(seen.parameters)) + "\n")
        worker.stdin.flush()
        samples: dict[str, list[float]] = json.loads(worker.stdout.readline())
    # Of the ways that reach AWS each made two calls, and of the refusals none did.
    times = warm_up + rounds
    asked = {operation: len(backends.aws.requests(operation)) for operation in ("sts:AssumeRole", _ECR)}
    assert asked == dict.fromkeys(asked, 1 + times * (2 + len(WAYS))), asked
    assert backends.issuer.count("github-actions", "keys") == 2, "ours once, and PyJWT's client once"  # noqa: PLR2004
    return samples
