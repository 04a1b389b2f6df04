"""The cost that an outsider, an issuer or a policy's author can cause, compared with an honest exchange."""

from pathlib import Path
from typing import Final

import jwt

from bench.environment import child_environment
from bench.figures import Figure, Part
from bench.hostile_grammars import POLICY_BYTES, TWICE
from bench.processes import ask_worker
from sandbox.backends import Backends

AIM: Final = 1.0
LIMIT: Final = 1.5
TWICE_AIM: Final = 2.2
TWICE_LIMIT: Final = 3.0
SEED: Final = 11


def measure(folder: Path, *, rounds: int, candidates: int) -> Part:
    """Return what the costliest of each kind costs, of so many `candidates` that are tried."""
    with Backends(folder) as backends:
        middle = _medians(backends, rounds=rounds, candidates=candidates)
    exchange = middle.pop("exchange")
    twice = {name.removesuffix(TWICE): middle.pop(name) for name in [*middle] if name.endswith(TWICE)}
    once = {name: middle.pop(name) for name in twice}
    return Part(
        title="Hostile input",
        method=(
            "Processor time of the handler's process, for the costliest request without a token that an issuer signed, "
            "and for reading the costliest documents that an issuer can publish. A seeded hill climb finds them: it "
            f"generates {candidates} candidates of each kind from grammars, and times each. A policy may be long, so "
            f"the costliest {POLICY_BYTES // 1024} KiB of a policy are compared with twice that length. Medians of "
            f"{rounds} samples each, interleaved."
        ),
        figures=(
            *(
                Figure(name=f"costliest {name} / exchange", value=spent / exchange, unit="times", aim=AIM, limit=LIMIT)
                for name, spent in middle.items()
            ),
            *(
                Figure(
                    name=f"costliest {name}, twice as long / once", value=spent / once[name], unit="times",
                    aim=TWICE_AIM, limit=TWICE_LIMIT,
                )
                for name, spent in twice.items()
            ),
            Figure(name="exchange, processor time", value=exchange * 1e3, unit="ms"),
        ),
    )  # fmt: skip


def _medians(backends: Backends, *, rounds: int, candidates: int) -> dict[str, float]:
    token = backends.issuer.mint("github-actions", audience=backends.audience)
    claims = jwt.decode(token, options={"verify_signature": False})
    job = {
        "token": token,
        "issuer": claims["iss"],
        "audience": backends.audience,
        "key_id": jwt.get_unverified_header(token)["kid"],
        "rounds": rounds,
        "candidates": candidates,
        "seed": SEED,
    }
    middle: dict[str, float] = ask_worker("bench.hostile_input_worker", job, child_environment(backends))
    return middle
