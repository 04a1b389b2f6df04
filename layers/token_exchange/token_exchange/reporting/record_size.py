"""Keeps an audit record small: values are cut and marked, and a record that is still too long loses entries.

A stranger chooses most of what a record holds, and a line that CloudWatch cuts is a record that nobody can read.
"""

import json
import re
from bisect import bisect_right
from typing import Final, assert_never

from token_exchange.core.ports import Json
from token_exchange.reporting.redaction import tokens_hashed

MAX_RECORD_CHARACTERS: Final = 7600
"""Under 8 KiB with what the logger adds to a line."""

_MAX_VALUE_CHARACTERS: Final = 256


def within_size(fields: dict[str, Json]) -> dict[str, Json]:
    """Return `fields` cut as far as it takes to fit, and saying what was left out.

    First entries of `considered`, `would` and `claims` go, then what `grants` repeats. The steps behind that are for
    records that only unusual names, or answers of AWS that are not in its form, make so long: what the policy or
    CloudTrail also says of a login goes, and long values get shorter. Every login keeps its grant, registry, access,
    end, key id, STS's request id and the hash of its session policy, and every name of `identity` stays.
    """
    for name in ("considered", "would", "claims"):
        excess = _length(fields) - MAX_RECORD_CHARACTERS
        if excess <= 0:
            break
        value = fields.get(name)
        if isinstance(value, list):
            fields[name], left_out = _shorter_list(value, excess)
        elif isinstance(value, dict):
            fields[name], left_out = _shorter_mapping(value, excess)
        else:
            continue
        fields[f"{name}_left_out"] = left_out
    for step in _LAST_STEPS:
        if _length(fields) <= MAX_RECORD_CHARACTERS:
            break
        if isinstance(step, int):
            _cut_values(fields, step)
        else:
            _leave_out_of_grants(fields, step)
    return fields


_LAST_STEPS: Final[tuple[str | int, ...]] = (
    # These repeat other fields of the same login.
    "scope",
    "assumed_role_arn",
    "session_name",
    # Values each character of which takes six or twelve.
    256,
    # The policy with this hash says it of the grant and the registry.
    "repositories",
    "role_arn",
    "secret_arn",
    128,
    64,
    # CloudTrail says it of the key id.
    "source_identity",
    "assumed_role_id",
    "session_token_percent",
    "ecr_request_id",
    "secret_request_id",
    32,
    16,
)
"""What is tried in turn: a field of `grants` to leave out, or the most characters of a value that others chose."""

_CHOSEN_BY_OTHERS: Final = ("api_request_id", "issuer_url", "source_ip", "token_id", "user_agent")
_CUT_MARK: Final = re.compile(r"…\[([0-9]{1,9}) more\]\Z")
_OF_AWS: Final = ("access_key_id", "assumed_role_id", "ecr_request_id", "secret_request_id", "sts_request_id")


def _leave_out_of_grants(fields: dict[str, Json], name: str) -> None:
    grants = _objects(fields.get("grants"))
    if not any(name in grant for grant in grants):
        return
    fields["grants"] = [{key: value for key, value in grant.items() if key != name} for grant in grants]
    left_out = fields.get("grants_left_out")
    fields["grants_left_out"] = [*(left_out if isinstance(left_out, list) else []), name]


def _cut_values(fields: dict[str, Json], most: int) -> None:
    for name in _CHOSEN_BY_OTHERS:
        if name in fields:
            fields[name] = _cut_text(fields[name], most)
    identity, error = fields.get("identity"), fields.get("error")
    if isinstance(identity, dict):
        fields["identity"] = {name: _cut_text(value, most) for name, value in identity.items()}
    if isinstance(error, dict):
        fields["error"] = {name: _cut_text(value, most) for name, value in error.items()}
    if "grants" in fields:
        fields["grants"] = [
            {name: _cut_text(value, most) if name in _OF_AWS else value for name, value in grant.items()}
            for grant in _objects(fields["grants"])
        ]


def _cut_text(value: Json, most: int) -> Json:
    if not isinstance(value, str):
        return value
    cut_before = _CUT_MARK.search(value)
    if cut_before is None:
        return cut_as_written(value, most=most)
    kept, missing = value[: cut_before.start()], int(cut_before[1])
    while kept and _length(kept) > most:
        kept, missing = kept[:-1], missing + 1
    return f"{kept}…[{missing} more]"


def _objects(value: Json) -> list[dict[str, Json]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _shorter_list(value: list[Json], excess: int) -> tuple[Json, int]:
    kept = [*value]
    while kept and excess > 0:
        excess -= _length(kept.pop()) + 1
    return kept, len(value) - len(kept)


def _shorter_mapping(value: dict[str, Json], excess: int) -> tuple[Json, int]:
    kept = dict(value)
    while kept and excess > 0:
        excess -= _length(dict([kept.popitem()]))
    return kept, len(value) - len(kept)


def _length(value: Json) -> int:
    """Return how many bytes `value` takes in a line, which is ASCII."""
    return len(json.dumps(value, separators=(",", ":")))


def cut(value: str | None) -> str | None:
    """Return `value` without what lies behind its first 256 characters, and marked where something does.

    As by all of these functions, a token in it is hashed before: of one that is cut first, a part would be left.
    """
    if value is None or len(value := tokens_hashed(value)) <= _MAX_VALUE_CHARACTERS:
        return value
    return f"{value[:_MAX_VALUE_CHARACTERS]}…[{len(value) - _MAX_VALUE_CHARACTERS} more]"


def cut_as_written(value: str | None, *, most: int = _MAX_VALUE_CHARACTERS) -> str | None:
    """Return `value` cut where it takes more than `most` characters with its escapes, and marked where it is cut."""
    if value is None or _length(value := tokens_hashed(value)) <= most:
        return value
    lengths = range(most + 1)
    kept = value[: bisect_right(lengths, most, key=lambda length: _length(value[:length])) - 1]
    return f"{kept}…[{len(value) - len(kept)} more]"


def cut_json(value: Json) -> Json:
    """Return `value`, or the beginning of how it is spelled where that is too long."""
    match value:
        case str():
            return cut(value)
        case list() | dict():
            hashed = tokens_hashed_in(value)
            spelled = json.dumps(hashed)
            return hashed if len(spelled) <= _MAX_VALUE_CHARACTERS else cut(spelled)
        case bool() | int() | float() | None:
            return value
        case _:
            assert_never(value)


def tokens_hashed_in(value: Json) -> Json:
    """Return `value` with the tokens in all of its texts hashed, names of members included."""
    match value:
        case str():
            return tokens_hashed(value)
        case list():
            return [tokens_hashed_in(item) for item in value]
        case dict():
            return {tokens_hashed(name): tokens_hashed_in(item) for name, item in value.items()}
        case bool() | int() | float() | None:
            return value
        case _:
            assert_never(value)
