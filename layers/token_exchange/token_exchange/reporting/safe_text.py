"""Makes strings of other origin safe to record or to show: without secrets, and limited in size.

The sender of a request chooses most of a record, and AWS's messages quote what was sent to it. A line that CloudWatch
splits cannot be parsed any more, so anyone could hide their attempts.
"""

import base64
import json
import re
from bisect import bisect_right
from hashlib import sha256
from typing import Final, assert_never

from token_exchange.core.ports import Json

_SECRET: Final = re.compile(
    r"ey[JA][A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*){0,2}"  # a JWT, or the beginning of one
    r"|(?<![A-Za-z0-9/+])(?![0-9a-f]{64}(?![A-Za-z0-9/+=]))(?!/*+(?:[a-z0-9]++/)++[a-z0-9]++(?![A-Za-z0-9/+=]))"
    r"[A-Za-z0-9/+]{40,}={0,2}"  # a secret key, a session token
    r"|(?i:bearer|basic) +[^\s,]+"
)
"""What looks like a secret. Names with hyphens and SHA-256 digests are left unchanged.

Paths in lower case are left unchanged too, since they show which policy did not load. One in 10**9 secret keys of 40
characters looks like such a path.
"""

_START_CHARACTERS: Final = 512
"""Twice the length that a record keeps of a value."""


def redacted(text: str) -> str:
    """Return `text` with everything that looks like a token, a key or a password replaced."""
    return _SECRET.sub("[redacted]", _RUN.sub(_token_redacted, text))


_RUN: Final = re.compile(r"(?<![A-Za-z0-9_.-])(?:[A-Za-z0-9_-]{0,8}+\.)*+[A-Za-z0-9_-]{9,}+(?:\.[A-Za-z0-9_-]*+)*+")
"""Consecutive characters of a compact token (RFC 7515 section 7.1) with a segment long enough to begin one.

Possessive, and only from where such characters begin, so that each is read once.
"""


_USUAL_START: Final = re.compile(r"ey[JA][A-Za-z0-9_-]{6}")
"""The usual start of a token, anywhere in a run. Eight characters or fewer are too short to be a header."""

_MIN_HEADER_CHARACTERS: Final = 9


_MAY_HOLD_TOKEN: Final = re.compile(
    r"(?<![A-Za-z0-9_-])(?:e[w-z0-9_-]|I[A-P]|C[Q-Za-v]|D[Q-Za-f])[A-Za-z0-9_-]{7}|ey[JA][A-Za-z0-9_-]{6}"
)
"""What every run that holds a token matches: base64url of `{`, space, tab, line feed or carriage return, and more.

Nearly no honest value does, so a record costs one search for each value.
"""


def tokens_hashed(text: str) -> str:
    """Return `text` with each token, or beginning of a token, replaced by `sha256:` and its hex SHA-256.

    This is for values that are recorded; `redacted` is for messages. Anyone who has the token can find it in the
    records, and nothing but tokens is replaced. The time is linear in the length of `text`.
    """
    return _RUN.sub(_token_hashed, text) if _MAY_HOLD_TOKEN.search(text) else text


def _token_hashed(run: re.Match[str]) -> str:
    start = _start_of_token(run[0])
    if start is None:
        return run[0]
    return f"{run[0][:start]}sha256:{sha256(run[0][start:].encode()).hexdigest()}"


def _token_redacted(run: re.Match[str]) -> str:
    start = _start_of_token(run[0])
    return run[0] if start is None else f"{run[0][:start]}[redacted]"


def _start_of_token(run: str) -> int | None:
    usual = _USUAL_START.search(run)
    end = len(run) if usual is None else usual.start()
    start = 0
    for segment in run.split("."):
        # A header that begins with white space may contain what looks like the usual start of another.
        if start >= end:
            break
        if len(segment) >= _MIN_HEADER_CHARACTERS and starts_like_header(segment):
            return start
        start += len(segment) + 1
    return None if usual is None else end


def redacted_start(text: str) -> str:
    """Return the beginning of `text`, redacted: a record cuts it anyway, and its sender chose its length."""
    if len(text) <= _START_CHARACTERS:
        return redacted(text)
    start = text[:_START_CHARACTERS]
    # Only up to a space, since the beginning of a secret may not look like one.
    return f"{redacted(start[: start.rfind(' ') + 1])}…[{len(text) - _START_CHARACTERS} more]"


_OBJECT_START: Final = re.compile(rb'[ \t\r\n]*+\{[ \t\r\n]*+"')


def starts_like_header(segment: str) -> bool:
    """Return whether base64url characters decode to the start of a JSON object with a member.

    Leading white space is allowed, as a JSON parser allows it. This is a heuristic that distinguishes a token
    in a string from a host name; it does not show that the string is a token.
    """
    whole = segment if len(segment) % 4 != 1 else segment[:-1]
    octets = base64.urlsafe_b64decode(whole + "==")
    return _OBJECT_START.match(octets) is not None


MAX_RECORD_CHARACTERS: Final = 7600
"""Less than 8 KiB with the fields that the logger adds."""

_MAX_VALUE_CHARACTERS: Final = 256


def within_size(fields: dict[str, Json]) -> dict[str, Json]:
    """Return `fields`, shortened until they fit, with a record of what was left out.

    First, entries of `considered`, `would` and `claims` are left out, then what `grants` repeats, then entries of
    `asked`. Only unusual names or malformed answers of AWS make the later steps necessary: what the policy or
    CloudTrail also says about a login is left out, and long values are cut. Every login keeps its grant, registry,
    access, end, key id, STS request id and the hash of its session policy, and every name of `identity` stays.
    """
    for step in _STEPS:
        excess = _length(fields) - MAX_RECORD_CHARACTERS
        if excess <= 0:
            break
        if isinstance(step, int):
            _cut_values(fields, step)
        elif step in _OF_ENTRIES:
            _leave_out_entries(fields, step, excess)
        else:
            _leave_out_of_grants(fields, step)
    return fields


_OF_ENTRIES: Final = frozenset({"considered", "would", "claims", "asked"})

_STEPS: Final[tuple[str | int, ...]] = (
    "considered",
    "would",
    "claims",
    # These repeat other fields of the login.
    "scope",
    "assumed_role_arn",
    # Without it, the line cannot be decided again exactly.
    "asked",
    "session_name",
    # Values whose characters take six or twelve each, as escapes.
    256,
    # The policy with the recorded hash has these.
    "repositories",
    "role_arn",
    "secret_arn",
    128,
    64,
    # CloudTrail has these for the key id.
    "source_identity",
    "assumed_role_id",
    "session_token_percent",
    "ecr_request_id",
    "secret_request_id",
    32,
    16,
)
"""The steps in order: a field whose entries go, a field of `grants`, or a maximum length of foreign values."""

_CHOSEN_BY_OTHERS: Final = ("api_request_id", "issuer_url", "source_ip", "token_id", "user_agent")
_CUT_MARK: Final = re.compile(r"…\[([0-9]{1,9}) more\]\Z")
_OF_AWS: Final = ("access_key_id", "assumed_role_id", "ecr_request_id", "secret_request_id", "sts_request_id")


def _leave_out_entries(fields: dict[str, Json], name: str, excess: int) -> None:
    value = fields.get(name)
    if isinstance(value, list):
        fields[name], fields[f"{name}_left_out"] = _shorter_list(value, excess)
    elif isinstance(value, dict):
        fields[name], fields[f"{name}_left_out"] = _shorter_mapping(value, excess)


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


_ENCODER: Final = json.JSONEncoder(separators=(",", ":"))


def _length(value: Json) -> int:
    """Return how many bytes `value` takes in a line, as ASCII."""
    return len(_ENCODER.encode(value))


def cut(value: str | None) -> str | None:
    """Return the first 256 characters of `value`, marked if something was cut.

    Like all functions here, it hashes tokens first: if a token were cut first, part of it would remain.
    """
    if value is None or len(value := tokens_hashed(value)) <= _MAX_VALUE_CHARACTERS:
        return value
    return f"{value[:_MAX_VALUE_CHARACTERS]}…[{len(value) - _MAX_VALUE_CHARACTERS} more]"


def cut_as_written(value: str | None, *, most: int = _MAX_VALUE_CHARACTERS) -> str | None:
    """Return `value` cut to `most` characters, counted with JSON escapes, and marked if something was cut."""
    if value is None or _length(value := tokens_hashed(value)) <= most:
        return value
    lengths = range(most + 1)
    kept = value[: bisect_right(lengths, most, key=lambda length: _length(value[:length])) - 1]
    return f"{kept}…[{len(value) - len(kept)} more]"


def cut_json(value: Json) -> Json:
    """Return `value`, or the beginning of its JSON if that is too long."""
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
    """Return `value` with the tokens in all its strings hashed, including member names."""
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
