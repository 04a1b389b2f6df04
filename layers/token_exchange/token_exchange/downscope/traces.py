"""What CloudTrail will say of a session: its name, its source identity and its tags.

Source: STS API Reference, AssumeRole (RoleSessionName, SourceIdentity, Tags) and Tag. botocore checks none of these
alphabets, and STS refuses at run time what does not fit.
"""

import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Final

from token_exchange.downscope.fitting import fitted
from token_exchange.providers.vocabulary import Name, Vocabulary

_NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9_+=,.@-]+")
_NOT_IN_TAGS: Final = re.compile(r"[^A-Za-z0-9 _.:/=+@-]+")

MAX_SESSION_NAME_LENGTH: Final = 64
MAX_SOURCE_IDENTITY_LENGTH: Final = 64
MIN_SOURCE_IDENTITY_LENGTH: Final = 2
MAX_TAG_VALUE_LENGTH: Final = 128
"""Half of what STS takes: tags count towards the packed size of the session."""

_REQUEST_DIGITS: Final = 12

_TAGGED: Final[tuple[Name, ...]] = (
    "organization",
    "organization_id",
    "repository",
    "repository_id",
    "ref",
    "environment",
    "run_id",
    "actor",
)


def session_name(vocabulary: Vocabulary, *, request_id: str) -> str:
    """Return the session's name: whose run it is, which run, and part of our request's id.

    The last makes it unknown beforehand: a repository policy that names a session's ARN is not limited by the session
    policy, so nobody may be able to name one.
    """
    who = _first(vocabulary, "repository_id", "pipeline_id", "actor_id")
    parts = [part for part in (who, _first(vocabulary, "run_id")) if part is not None]
    longest = MAX_SESSION_NAME_LENGTH - _REQUEST_DIGITS - 1
    shown = [fitted("-".join(parts), foreign=_NOT_IN_NAMES, max_length=longest)] if parts else []
    return "-".join([*shown, _request_digits(request_id)])


def _request_digits(request_id: str) -> str:
    digits = request_id.replace("-", "").lower()[:_REQUEST_DIGITS]
    if re.fullmatch(rf"[0-9a-f]{{{_REQUEST_DIGITS}}}", digits):
        return digits
    return sha256(request_id.encode()).hexdigest()[:_REQUEST_DIGITS]


def source_identity(value: str) -> str:
    """Return `value` as STS takes a source identity."""
    return fitted(
        value,
        foreign=_NOT_IN_NAMES,
        max_length=MAX_SOURCE_IDENTITY_LENGTH,
        min_length=MIN_SOURCE_IDENTITY_LENGTH,
    )


def who_asks(vocabulary: Vocabulary, *, subject: str) -> str:
    """Return the name by which a session says who asked: the repository's, else the next best."""
    return _first(vocabulary, "repository", "pipeline", "actor", "repository_id", "pipeline_id", "actor_id") or subject


def standard_tags(vocabulary: Vocabulary, *, issuer: str, grant: str) -> Mapping[str, str]:
    """Return the standard set of tags; what the token does not say gives none."""
    said = {name: vocabulary[name] for name in _TAGGED if name in vocabulary}
    return fitted_tags({"issuer": issuer, **{name: str(value) for name, value in said.items()}, "grant": grant})


def fitted_tags(tags: Mapping[str, str]) -> Mapping[str, str]:
    """Return `tags` with values that STS takes."""
    return {
        key: fitted(value, foreign=_NOT_IN_TAGS, max_length=MAX_TAG_VALUE_LENGTH, min_length=0)
        for key, value in tags.items()
    }


def _first(vocabulary: Vocabulary, *names: Name) -> str | None:
    return next((value for name in names if isinstance(value := vocabulary.get(name), str)), None)
