"""Large policies, compiled: the first decision of an environment, and what a new policy adds to a request."""

import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Final

from bench.environment import child_environment
from bench.figures import Figure, Part
from bench.policies import caller_of, claims_of, policy_of
from bench.processes import run_timed
from sandbox.backends import Backends
from token_exchange.adapters.policy_file import PolicyFile
from token_exchange.adapters.settings import SystemClock
from token_exchange.core.decision import AccessRequest, Granted, decide
from token_exchange.core.policy import Policy
from token_exchange.loading.load import load_policy
from token_exchange.loading.problems import PolicyUnusable
from token_exchange.loading.store import PolicyDocument, PolicyStore, PolicyUnreadable
from token_exchange_cli.compilation import compiled_form

FEW: Final = 10
START_AIM: Final = 1.3
START_LIMIT: Final = 1.4
DELAY_AIM_MS: Final = 25.0
DELAY_LIMIT_MS: Final = 50.0
_ISSUER: Final = "https://token.actions.githubusercontent.com"
_NOW: Final = 1_800_000_000


def measure(folder: Path, *, rounds: int, grants: int, changed: int) -> Part:
    """Return what `grants` cost at start, against few, and what a new policy of `changed` grants costs a request."""
    few = folder / "few.json"
    few.write_text(json.dumps(policy_of(FEW)))
    seconds, size = _compile(folder / "many.compiled", policy_of(grants))
    wall, processor = _starts(folder, {"few": few, "many": folder / "many.compiled"}, rounds=rounds)
    delays = _delays(folder, rounds=rounds, grants=changed)
    return Part(
        title="Large policies",
        method=(
            f"Fresh interpreters until the first decision: one with {FEW} grants in JSON, one with {grants:,} compiled "
            f"to a file of {size / 1e6:.1f} MB. Medians of {rounds} each, interleaved, and the least processor times. "
            f"A new policy: the longest of {rounds} requests, each of which finds another compiled file of {changed:,} "
            "grants and makes the first decision with it; from S3, its download is added. The same for a source in "
            "JSON, which the request parses."
        ),
        figures=(
            Figure(
                name=f"first decision among {grants:,} compiled grants / among {FEW}",
                value=median(wall["many"]) / median(wall["few"]), unit="times", aim=START_AIM, limit=START_LIMIT,
            ),
            Figure(
                name="the same first decision, by the least processor times",
                value=min(processor["many"]) / min(processor["few"]), unit="times", aim=START_AIM, limit=START_LIMIT,
            ),
            Figure(
                name=f"a new policy of {changed:,} compiled grants", value=max(delays["compiled"]) * 1e3, unit="ms",
                aim=DELAY_AIM_MS, limit=DELAY_LIMIT_MS,
            ),
            Figure(name=f"a new policy of {changed:,} grants in JSON", value=max(delays["json"]) * 1e3, unit="ms"),
            Figure(name=f"compiling {grants:,} grants", value=seconds * 1e3, unit="ms"),
        ),
    )  # fmt: skip


def _compile(path: Path, policy: Mapping[str, object]) -> tuple[float, int]:
    """Write the compiled form of `policy`; return the time to load, compile and check it, and its size."""
    source = PolicyDocument(name="policy.json", content=json.dumps(policy).encode(), read_file=None)
    started = time.perf_counter()
    compiled = compiled_form(source, load_policy(source.content, name=source.name, read_file=None))
    spent = time.perf_counter() - started
    _put(path, compiled)
    return spent, len(compiled)


def _put(path: Path, content: bytes) -> None:
    """Replace the file: the map of the old one has to stay as it is."""
    path.with_suffix(".new").write_bytes(content)
    path.with_suffix(".new").replace(path)


def _starts(
    folder: Path, policies: Mapping[str, Path], *, rounds: int
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    wall: dict[str, list[float]] = {name: [] for name in policies}
    processor: dict[str, list[float]] = {name: [] for name in policies}
    claims = json.dumps(claims_of(_ISSUER, now=_NOW, changes={}))
    with Backends(folder / "large") as backends:
        environments = {
            name: {
                **child_environment(backends),
                "TOKEN_EXCHANGE_POLICY": f"file:{path.resolve()}",
                "BENCH_CLAIMS": claims,
            }
            for name, path in policies.items()
        }
        order = list(environments.items())
        for counted in (False, *[True] * rounds):
            order.reverse()
            for name, environment in order:
                spent = run_timed([sys.executable, "-m", "bench.first_decision"], environment)
                if counted:
                    wall[name].append(spent.wall_seconds)
                    processor[name].append(spent.processor_seconds)
    return wall, processor


class _NoEvents:
    """Fulfils `PolicyEvents`; a policy that does not load is a defect of the measurement."""

    def loaded(self, policy: Policy, *, version: str | None) -> None:
        """Say nothing."""

    def not_loaded(
        self, cause: PolicyUnusable | PolicyUnreadable, *, in_force: str | None, version: str | None
    ) -> None:
        """Raise, which ends the run."""
        raise AssertionError(f"{in_force}, {version}: {cause}")

    def not_read(self, cause: PolicyUnreadable, *, in_force: str | None) -> None:
        """Raise, which ends the run."""
        raise AssertionError(f"{in_force}: {cause}")


def _delays(folder: Path, *, rounds: int, grants: int) -> dict[str, list[float]]:
    """Return how long requests took that found a new policy, by its form."""
    texts = [json.dumps({**policy_of(grants), "deny": _deny(name)}).encode() for name in ("one", "other")]
    contents = {"json": texts, "compiled": [_compiled(text) for text in texts]}
    return {form: _found(folder / f"changed.{form}", both, rounds=rounds) for form, both in contents.items()}


def _deny(name: str) -> list[dict[str, object]]:
    return [{"name": name, "match": {"repository_id": "666"}}]


def _compiled(text: bytes) -> bytes:
    source = PolicyDocument(name="policy.json", content=text, read_file=None)
    return compiled_form(source, load_policy(text, name=source.name, read_file=None))


def _found(path: Path, contents: list[bytes], *, rounds: int) -> list[float]:
    _put(path, contents[0])
    store = PolicyStore(source=PolicyFile(path), clock=SystemClock(), max_age_seconds=0, events=_NoEvents())
    decide_first = _decision(store)
    decide_first()
    spent: list[float] = []
    for number in range(rounds):
        _put(path, contents[(number + 1) % 2])
        started = time.perf_counter()
        decide_first()
        spent.append(time.perf_counter() - started)
    return spent


def _decision(store: PolicyStore) -> Callable[[], None]:
    caller = caller_of(store.policy(), {})

    def decide_once() -> None:
        assert isinstance(decide(store.policy(), caller, AccessRequest(registries=("apps",))), Granted)

    return decide_once
