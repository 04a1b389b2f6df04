"""How much of the layer a reviewer has to open to follow one granted request."""

import sys
from pathlib import Path
from types import CodeType

import token_exchange
from tests.service.front import Front

LAYER = Path(token_exchange.__path__[0])
TOOL = sys.monitoring.PROFILER_ID


def test_a_warm_exchange_runs_code_in_few_files(front: Front) -> None:
    front.send(front.token(), "registry=apps")
    token = front.token()
    started: set[CodeType] = set()
    sys.monitoring.use_tool_id(TOOL, "token-exchange-tests")
    try:
        sys.monitoring.register_callback(TOOL, sys.monitoring.events.PY_START, lambda code, _offset: started.add(code))
        sys.monitoring.set_events(TOOL, sys.monitoring.events.PY_START)
        answer = front.send(token, "registry=apps")
    finally:
        sys.monitoring.set_events(TOOL, sys.monitoring.events.NO_EVENTS)
        sys.monitoring.register_callback(TOOL, sys.monitoring.events.PY_START, None)
        sys.monitoring.free_tool_id(TOOL)
    assert answer.status == 200
    files = {Path(code.co_filename) for code in started}
    ours = {path.relative_to(LAYER) for path in files if path.is_relative_to(LAYER)}
    core = {path for path in ours if path.parts[0] == "core"}
    assert 10 < len(core) <= 18, sorted(map(str, core))
    assert len(ours) <= 42, sorted(map(str, ours))
