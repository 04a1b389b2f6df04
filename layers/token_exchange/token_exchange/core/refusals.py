"""Refusals: the closed list of reasons why there is no login, and the one exception that carries them.

The codes are stable: pipelines branch on them, alarms count them, and `docs/errors.md` explains each one. How each is
answered is in `reporting/reasons.py`.
"""

from enum import StrEnum
from typing import Final


class Reason(StrEnum):
    """A stable code: why there is no login."""

    MALFORMED_REQUEST = "malformed-request"
    TWO_TOKENS = "two-tokens"
    REPEATED_PARAMETER = "repeated-parameter"
    UNSUPPORTED_TOKEN_TYPE = "unsupported-token-type"  # noqa: S105 - a code, not a secret
    UNKNOWN_FORMAT = "unknown-format"
    UNSUPPORTED_GRANT_TYPE = "unsupported-grant-type"
    UNKNOWN_REGISTRY = "unknown-registry"
    AMBIGUOUS_REGISTRY = "ambiguous-registry"
    UNKNOWN_GRANT = "unknown-grant"
    MALFORMED_SCOPE = "malformed-scope"
    SCOPE_EXCEEDS_GRANT = "scope-exceeds-grant"
    MISSING_TOKEN = "missing-token"  # noqa: S105 - a code, not a secret
    MALFORMED_TOKEN = "malformed-token"  # noqa: S105 - a code, not a secret
    TOKEN_TOO_LARGE = "token-too-large"  # noqa: S105 - a code, not a secret
    UNSUPPORTED_ALGORITHM = "unsupported-algorithm"
    UNKNOWN_ISSUER = "unknown-issuer"
    WRONG_AUDIENCE = "wrong-audience"
    UNKNOWN_KEY = "unknown-key"
    BAD_SIGNATURE = "bad-signature"
    MISSING_CLAIM = "missing-claim"
    INVALID_CLAIM = "invalid-claim"
    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"
    LIFETIME_TOO_LONG = "lifetime-too-long"
    REPLAYED = "replayed"
    ORGANIZATION_NOT_ALLOWED = "organization-not-allowed"
    DENIED = "denied"
    UNTRUSTED_TRIGGER = "untrusted-trigger"
    NO_MATCHING_GRANT = "no-matching-grant"
    NOT_FOUND = "not-found"
    METHOD_NOT_ALLOWED = "method-not-allowed"
    BODY_TOO_LARGE = "body-too-large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported-media-type"
    TOO_MANY_REQUESTS = "too-many-requests"
    INTERNAL_ERROR = "internal-error"
    ROLE_REFUSED = "role-refused"
    REGISTRY_REFUSED = "registry-refused"
    SECRET_REFUSED = "secret-refused"  # noqa: S105 - a code, not a secret
    MISCONFIGURED = "misconfigured"
    ISSUER_UNAVAILABLE = "issuer-unavailable"
    AWS_THROTTLED = "aws-throttled"
    AWS_UNAVAILABLE = "aws-unavailable"
    POLICY_UNAVAILABLE = "policy-unavailable"
    STATE_UNAVAILABLE = "state-unavailable"
    DEADLINE_EXCEEDED = "deadline-exceeded"


class Refused(Exception):
    """There is no login, for `reason`.

    `description` is public. It is sent to callers that may have proven nothing, so it must not reveal the policy or
    contain a token, a password or a key. Private detail belongs in the cause (`raise … from`).

    `retry_after_seconds` is for reasons that are answered with 429 or 503.
    """

    def __init__(self, reason: Reason, description: str, *, retry_after_seconds: int | None = None) -> None:
        super().__init__(reason, description)
        self.reason = reason
        self.description = description
        self.retry_after_seconds = retry_after_seconds

    def __str__(self) -> str:
        return f"{self.reason}: {self.description}"


class SessionTooLarge(Refused):
    """The packed session policy and tags exceed STS's limit, because of the grant or because of the request's scope."""


_MAX_CHARACTERS: Final = 100


def quoted(value: str) -> str:
    """Return `value` in quotes, in ASCII, with unprintable characters escaped, and shortened if it is long.

    The sender chose the value: a line break would forge a log line, a right-to-left mark would reverse the message, and
    a claim of kilobytes would hide it.
    """
    return ascii(value) if len(value) <= _MAX_CHARACTERS else f"{value[:_MAX_CHARACTERS]!a}..."
