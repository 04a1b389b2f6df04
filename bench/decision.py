"""A decision among many grants against one among few; and how long many take to load."""

import json
import time
from collections.abc import Callable
from typing import Final

import yaml

from bench.figures import Figure, Part
from bench.policies import caller_of, policy_of
from bench.sampling import medians, seconds_in_turns
from token_exchange.core.decision import AccessRequest, Denied, Granted, decide
from token_exchange.core.evaluate import Caller
from token_exchange.core.policy import Policy
from token_exchange.loading.load import load_policy
from token_exchange.reporting.disclosure import nearest_grants

FEW: Final = 10
LIMIT: Final = 2.0
_ASK: Final = AccessRequest(registries=("apps",))


def measure(*, rounds: int, sizes: tuple[int, ...], many: int) -> Part:
    """Return how many times as long a decision takes as one among ten grants, for each of `sizes`.

    A refusal, and loading, are timed with `many`, which is one of them.
    """
    policies = {size: load_policy(json.dumps(policy_of(size)).encode(), name="bench", read_file=None) for size in sizes}
    callers = {size: caller_of(policy, {}) for size, policy in policies.items()}
    outsider = caller_of(policies[many], {"repository": "acme/unknown", "repository_id": "1"})
    assert all(isinstance(decide(policies[size], callers[size], _ASK), Granted) for size in sizes)
    assert isinstance(decide(policies[many], outsider, _ASK), Denied)
    middle = medians(
        seconds_in_turns(
            {str(size): _decision(policies[size], callers[size]) for size in sizes},
            rounds=rounds,
            repeat={str(size): 50 for size in sizes},
        )
    )
    refusal = medians(seconds_in_turns({"refusal": _refusal(policies[many], outsider)}, rounds=max(3, rounds // 10)))
    few = middle[str(FEW)]
    return Part(
        title="A decision",
        method=(
            "One token, granted by the last grant of a policy with the given number of grants. A refusal evaluates all "
            f"of them, to name the nearest. Medians of {rounds} samples of 50 decisions each, interleaved; loading is "
            "timed once."
        ),
        figures=(
            *(
                Figure(
                    name=f"decision among {size:,} grants / among {FEW}", value=middle[str(size)] / few, unit="times",
                    aim=LIMIT, limit=LIMIT,
                )
                for size in sizes if size != FEW
            ),
            Figure(name=f"decision among {FEW} grants", value=few * 1e6, unit="µs"),
            Figure(name=f"refusal among {many:,} grants", value=refusal["refusal"] * 1e3, unit="ms"),
            Figure(
                name=f"loading {many:,} grants from JSON",
                value=_loading(json.dumps(policy_of(many)), many), unit="ms",
            ),
            Figure(
                name=f"loading {many:,} grants from YAML",
                value=_loading(yaml.dump(policy_of(many), Dumper=yaml.CSafeDumper), many), unit="ms",
            ),
        ),
    )  # fmt: skip


def _decision(policy: Policy, caller: Caller) -> Callable[[], object]:
    return lambda: decide(policy, caller, _ASK)


def _refusal(policy: Policy, caller: Caller) -> Callable[[], object]:
    def refuse() -> object:
        assert isinstance(decide(policy, caller, _ASK), Denied)
        return nearest_grants(policy, caller, _ASK)

    return refuse


def _loading(text: str, grants: int) -> float:
    document = text.encode()
    started = time.perf_counter()
    policy = load_policy(document, name="bench", read_file=None)
    spent = (time.perf_counter() - started) * 1e3
    assert len(policy.grants) == grants
    return spent
