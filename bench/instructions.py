"""How many bytecode instructions the parts of an exchange execute: counted, not timed, so the same on every machine."""

import gc
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import get_ident
from typing import Final

from bench.parts import GRANTS, parts
from bench.policies import caller_of, policy_of
from token_exchange.core.decision import AccessRequest, Denied, decide
from token_exchange.core.evaluate import Caller
from token_exchange.core.policy import Policy
from token_exchange.loading.load import load_policy
from token_exchange.reporting.disclosure import Nearest, nearest_grants

_TOOL: Final = sys.monitoring.PROFILER_ID
_NOW: Final = 1_800_000_000


def count(call: Callable[[], object]) -> int:
    """Return how many instructions of Python `call` executes, by the second time: what is done once is not counted."""
    call()
    executed, this_thread = 0, get_ident()

    def one(_code: object, _offset: int) -> None:
        nonlocal executed
        # The monitor sees all threads: a server that polls beside this would be counted too.
        if get_ident() == this_thread:
            executed += 1

    sys.monitoring.use_tool_id(_TOOL, "token-exchange-bench")
    is_collecting = gc.isenabled()
    # A garbage collection runs the finalizers of whatever earlier work left, on whichever thread it happens.
    gc.disable()
    try:
        sys.monitoring.register_callback(_TOOL, sys.monitoring.events.INSTRUCTION, one)
        sys.monitoring.set_events(_TOOL, sys.monitoring.events.INSTRUCTION)
        call()
    finally:
        sys.monitoring.set_events(_TOOL, sys.monitoring.events.NO_EVENTS)
        sys.monitoring.register_callback(_TOOL, sys.monitoring.events.INSTRUCTION, None)
        sys.monitoring.free_tool_id(_TOOL)
        if is_collecting:
            gc.enable()
    return executed


def counts(folder: Path) -> Mapping[str, int]:
    """Return the counts of the parts of an exchange that are our own code. `folder` takes a key."""
    ours = parts(folder, now=_NOW)
    policy = load_policy(json.dumps(policy_of(GRANTS)).encode(), name="bench", read_file=None)
    outsider = caller_of(policy, {"repository": "acme/unknown", "repository_id": "1"})
    refusal = f"decide, refused after {GRANTS:,} grants"
    return {
        **{name: count(ours[name]) for name in ("verify", "decide", "down-scope", "audit")},
        refusal: count(lambda: _refused(policy, outsider, AccessRequest(registries=("apps",)))),
    }


def _refused(policy: Policy, outsider: Caller, request: AccessRequest) -> Nearest:
    """Return what a refusal looks up for its record."""
    assert isinstance(decide(policy, outsider, request), Denied)
    return nearest_grants(policy, outsider, request)
