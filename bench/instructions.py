"""How many bytecode instructions the parts of an exchange execute: counted, not timed, so the same on every machine."""

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from bench.policies import AUDIENCE, caller_of, claims_of, policy_of
from bench.verification import ISSUER, verification
from sandbox.signing_keys import KeyRing
from token_exchange.downscope.session import bounded_session
from token_exchange.policy.ask import Ask
from token_exchange.policy.decision import Granted, decide
from token_exchange.policy.load import load_policy

_TOOL: Final = sys.monitoring.PROFILER_ID
_GRANTS: Final = 1000
_NOW: Final = 1_800_000_000


def count(call: Callable[[], object]) -> int:
    """Return how many instructions of Python `call` executes, by the second time: what is done once is not counted."""
    call()
    executed = 0

    def one(_code: object, _offset: int) -> None:
        nonlocal executed
        executed += 1

    sys.monitoring.use_tool_id(_TOOL, "token-exchange-bench")
    try:
        sys.monitoring.register_callback(_TOOL, sys.monitoring.events.INSTRUCTION, one)
        sys.monitoring.set_events(_TOOL, sys.monitoring.events.INSTRUCTION)
        call()
    finally:
        sys.monitoring.set_events(_TOOL, sys.monitoring.events.NO_EVENTS)
        sys.monitoring.register_callback(_TOOL, sys.monitoring.events.INSTRUCTION, None)
        sys.monitoring.free_tool_id(_TOOL)
    return executed


def counts(folder: Path) -> Mapping[str, int]:
    """Return the counts of the parts of an exchange that are ours alone. `folder` takes a key."""
    ring = KeyRing(folder, name="issuer", algorithm="RS256")
    token = ring.current.sign(claims_of(ISSUER, now=_NOW, changes={}))
    policy = load_policy(json.dumps(policy_of(_GRANTS)).encode(), name="bench", read_file=None)
    verify = verification(policy, ring, now=_NOW)
    caller = caller_of(policy, {})
    stranger = caller_of(policy, {"repository": "acme/unknown", "repository_id": "1"})
    ask = Ask(registries=("apps",))
    granted = decide(policy, caller, ask)
    assert isinstance(granted, Granted)
    (award,) = granted.awards
    assert AUDIENCE in policy.issuers["github"].trust.audiences
    return {
        "verify": count(lambda: verify(token)),
        "decide, granted": count(lambda: decide(policy, caller, ask)),
        f"decide, refused after {_GRANTS:,} grants": count(lambda: decide(policy, stranger, ask)),
        "down-scope": count(lambda: bounded_session(award, caller, request_id="0" * 36, now=float(_NOW))),
    }
