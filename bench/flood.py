"""A flood of bad tokens: what they cost, what they leave behind, and whether honest jobs are served."""

import secrets
from pathlib import Path
from typing import Final

from bench.environment import child_environment
from bench.figures import Figure, Part
from bench.processes import ask_worker
from sandbox.backends import Backends

AIM: Final = 0.08
LIMIT: Final = 0.15
MEMORY_AIM: Final = 1.01
MEMORY_LIMIT: Final = 1.02
_UNAUTHORIZED: Final = 401


def measure(folder: Path, *, tokens: int, honest_jobs: int) -> Part:
    """Return what so many bad tokens cost, against as many exchanges, with so many honest jobs between them."""
    with Backends(folder / "flood") as backends:
        bad = bad_tokens(backends)
        fetched = backends.issuer.count("github-actions", "keys")
        job = {
            "honest": backends.issuer.mint("github-actions", audience=backends.audience, lifetime_seconds=3600),
            "bad": [(token, _UNAUTHORIZED) for token in bad.values()],
            "tokens": tokens,
            "honest_jobs": honest_jobs,
        }
        seen: dict[str, float] = ask_worker("bench.flood_worker", job, child_environment(backends))
        fetches = backends.issuer.count("github-actions", "keys") - fetched
        logins = len(backends.aws.requests("ecr:GetAuthorizationToken"))
    return Part(
        title="A flood of bad tokens",
        method=(
            f"{tokens:,} requests in a row to one environment, alternating between the kinds of bad token "
            f"({', '.join(bad)}); and among them {honest_jobs:,} honest exchanges, each of which got its login. "
            "Processor time of the handler's process, including audit lines and metrics. The fetches of keys are those "
            "from the issuer that is flooded."
        ),
        figures=(
            Figure(
                name="bad token / exchange, processor time", value=seen["flood"] / seen["honest"], unit="times",
                aim=AIM, limit=LIMIT,
            ),
            Figure(
                name="memory after the flood / before", value=seen["after"] / seen["before"], unit="times",
                aim=MEMORY_AIM, limit=MEMORY_LIMIT, steady=True,
            ),
            Figure(name="bad token", value=seen["flood"] * 1e3, unit="ms"),
            Figure(name="honest exchange in the flood", value=seen["honest"] * 1e3, unit="ms"),
            Figure(
                name="honest jobs without a login", value=1 + honest_jobs - logins, unit="count", limit=0, steady=True
            ),
            Figure(name="fetches of the issuer's keys", value=fetches, unit="count"),
        ),
    )  # fmt: skip


def bad_tokens(backends: Backends) -> dict[str, str]:
    """Return one token of each kind that anyone can make, by what is wrong with it."""
    good = backends.issuer.mint("github-actions", audience=backends.audience)
    head, payload, _ = good.split(".")
    return {
        "noise": secrets.token_urlsafe(len(good))[: len(good)],
        "another issuer": backends.issuer.mint(
            "github-actions", audience=backends.audience, claims={"iss": "https://ci.example"}
        ),
        "a forged signature": f"{head}.{payload}.{secrets.token_urlsafe(256)}",
        "an unknown key": backends.issuer.mint("github-actions", audience=backends.audience, header={"kid": "unknown"}),
        "another audience": backends.issuer.mint("github-actions", audience="https://elsewhere.example"),
        "an expired one": backends.issuer.mint("github-actions", audience=backends.audience, now=1_700_000_000.0),
    }
