"""Whatever a log holds, each line is decided, skipped or reported, and nothing else happens."""

import gzip
import json
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ci_claims import github_claims
from tests.cli.commands.test_policy_diff import DEV, OLD, line
from tests.loading.documents import load
from token_exchange.core.ports import Json
from token_exchange.core.strict_json import NotStrictJson, parse_object
from token_exchange.core.vocabulary import NAMES
from token_exchange_cli.console import Unusable
from token_exchange_cli.logs.lines import log_lines
from token_exchange_cli.replay.replay import Replay

_POLICIES = load(OLD), load(DEV)
_JSON: st.SearchStrategy[Json] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
_LINE = line(considered=[{"grant": "main"}], would=[{"grant": "main", "registry": "apps"}])
_FIELDS = sorted(_LINE)
_NAMES = sorted({*github_claims(), *NAMES})
_CUT = "x" * 256 + "…[9 more]"


@settings(max_examples=3 * settings().max_examples)
@given(st.dictionaries(st.sampled_from(_FIELDS), _JSON | st.just(_CUT), max_size=4), st.sets(st.sampled_from(_FIELDS)))
def test_a_record_of_any_form_is_decided_or_counted(changes: dict[str, Json], missing: set[str]) -> None:
    record = {**_LINE, **changes}
    replay = Replay(*_POLICIES)
    replay.difference(1, {name: value for name, value in record.items() if name not in missing})
    assert replay.tally.looked_at + replay.tally.skipped.total() == 1


@settings(max_examples=3 * settings().max_examples)
@given(
    st.sampled_from(["claims", "identity"]),
    st.dictionaries(st.sampled_from(_NAMES), _JSON | st.just(_CUT), max_size=4),
    st.sets(st.sampled_from(_NAMES)),
)
def test_a_token_of_any_form_is_decided_or_counted(part: str, changes: dict[str, Json], missing: set[str]) -> None:
    told = _LINE[part]
    assert isinstance(told, dict)
    replay = Replay(*_POLICIES)
    replay.difference(
        1, {**_LINE, part: {name: value for name, value in {**told, **changes}.items() if name not in missing}}
    )
    assert replay.tally.looked_at + replay.tally.skipped.total() == 1


@settings(max_examples=2 * settings().max_examples)
@given(
    st.lists(
        st.binary(max_size=40)
        | _JSON.map(lambda value: json.dumps(value).encode())
        | _JSON.map(lambda value: json.dumps({"record": "audit", "verified": True, "claims": value}).encode())
        | _JSON.map(
            lambda value: json.dumps({"logEvents": [value], "message": json.dumps({"events": value})}).encode()
        ),
        max_size=5,
    ),
    st.booleans(),
)
def test_any_bytes_are_read_as_lines(pieces: list[bytes], is_packed: bool) -> None:  # noqa: FBT001 - drawn
    content = b"\n".join(pieces)
    with TemporaryDirectory() as folder:
        path = Path(folder, "log")
        path.write_bytes(gzip.compress(content) if is_packed else content)
        replay = Replay(*_POLICIES)
        try:
            for found in log_lines([str(path)]):
                for text in found.audit:
                    with suppress(NotStrictJson):
                        replay.difference(found.number, parse_object(text, max_values=None))
        except Unusable as error:
            assert "log: after line" in error.message  # noqa: PT017 - it may also be read
