"""The AWS session of one login: what its policy allows, how long it lasts, and what CloudTrail records about it.

A leaked login can do what its session may do, so the session is limited to this one request: these repositories, this
direction, this time. The role's own policies are wider, and ECR's own login lasts 12 hours.

Source: STS API Reference, AssumeRole (RoleSessionName, SourceIdentity, Policy, Tags) and Tag: botocore does not check
these alphabets and lengths, so STS would refuse a bad value at run time. IAM User Guide, "Session policies"; ECR User
Guide, "Actions defined by Amazon ECR"; ECR Public User Guide, "Identity-based policies".
"""

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final, assert_never

from token_exchange.core.decision import Award
from token_exchange.core.evaluate import Caller
from token_exchange.core.policy import EcrPublicRegistry, EcrRegistry, Registry, SecretRegistry, SessionTerms
from token_exchange.core.ports import Json, RoleRequest, SessionPolicy
from token_exchange.core.reach import Reach, filled_text, narrowed
from token_exchange.core.record import record
from token_exchange.core.refusals import Reason, Refused
from token_exchange.core.vocabulary import Name, Vocabulary

MAX_SESSION_POLICY_CHARACTERS: Final = 2048
"""STS API Reference, AssumeRole, parameter Policy."""


def require_scopes_fit(awards: Iterable[Award]) -> None:
    """Refuse a requested scope that does not fit into a session policy, before anything is counted, spent or minted.

    This is the caller's fault: if it counted as the service's, any caller could trigger the operators' alarm.

    Raises:
        Refused: `malformed-scope`, which says how many of the repositories fit. A policy that is too long
            for a single one is the grant's fault, and left to `session_policy`.
    """
    for award in awards:
        if award.reach is not None and award.scope:
            _require_scope_fits(award, award.reach)


def _require_scope_fits(award: Award, reach: Reach) -> None:
    length = _length(award, reach)
    if length <= MAX_SESSION_POLICY_CHARACTERS:
        return
    for count in range(len(award.scope) - 1, 0, -1):
        if _length(award, narrowed(reach, award.scope[:count])) <= MAX_SESSION_POLICY_CHARACTERS:
            raise Refused(
                Reason.MALFORMED_SCOPE,
                f"the session policy for these {len(award.scope)} repositories would have {length} characters, but STS "
                f"accepts {MAX_SESSION_POLICY_CHARACTERS}: the first {count} of them fit",
            )


def _length(award: Award, reach: Reach) -> int:
    """Return how many characters the policy has; the number does not depend on when it ends."""
    return len(_document(award.registry, reach, until=0))


_MIN_SESSION_SECONDS: Final = 900
"""STS API Reference, AssumeRole. A shorter grant ends by the date in its session policy."""

_MAX_CHAINED_SESSION_SECONDS: Final = 3600
"""STS API Reference, AssumeRole: a role that a role assumes is limited to an hour."""


@record
class BoundedSession:
    """The request for a session, and the second from which its policy allows nothing more."""

    request: RoleRequest
    made_at: int
    bounded_until: int


def bounded_session(
    award: Award, terms: SessionTerms, reach: Reach, caller: Caller, *, request_id: str, now: float
) -> BoundedSession:
    """Return the session for `award`, by the `terms` of its grant and within `reach`, made at `now`.

    Raises:
        Refused: `misconfigured` if it cannot be bounded as the grant says.
    """
    made_at = int(now)
    until = made_at + terms.duration_seconds
    identity = _source_identity(terms, caller)
    return BoundedSession(
        made_at=made_at,
        bounded_until=until,
        request=RoleRequest(
            role_arn=terms.role,
            session_name=session_name(caller.identity.vocabulary, request_id=request_id),
            session_policy=session_policy(award.registry, reach, until=until),
            duration_seconds=min(max(terms.duration_seconds, _MIN_SESSION_SECONDS), _MAX_CHAINED_SESSION_SECONDS),
            external_id=terms.external_id,
            source_identity=None if identity is None else source_identity(identity),
            tags=_tags(award, terms, caller),
        ),
    )


LOGIN_ACTIONS: Final = ("ecr:GetAuthorizationToken",)
PULL_ACTIONS: Final = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")

PUSH_ACTIONS: Final = (
    *PULL_ACTIONS, "ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload", "ecr:PutImage",
)  # fmt: skip
"""Nothing that deletes, tags or configures: a leaked login must not destroy images."""

LIST_ACTIONS: Final = ("ecr:ListImages",)
IMPORT_ACTIONS: Final = ("ecr:BatchImportUpstreamImage", "ecr:CreateRepository")
SIGN_ACTIONS: Final = ("signer:SignPayload",)
PUBLIC_LOGIN_ACTIONS: Final = ("ecr-public:GetAuthorizationToken", "sts:GetServiceBearerToken")

PUBLIC_PUSH_ACTIONS: Final = (
    "ecr-public:BatchCheckLayerAvailability",
    "ecr-public:InitiateLayerUpload",
    "ecr-public:UploadLayerPart",
    "ecr-public:CompleteLayerUpload",
    "ecr-public:PutImage",
)
"""Pulling from ECR Public needs no permission."""


def session_policy(registry: Registry, reach: Reach, *, until: int) -> SessionPolicy:
    """Return the policy document, minified: `reach` in `registry`, and nothing from the second `until` on.

    Raises:
        Refused: `misconfigured` if it is longer than STS accepts. Nothing is omitted or widened to make it fit.
    """
    document = _document(registry, reach, until=until)
    if len(document) > MAX_SESSION_POLICY_CHARACTERS:
        raise Refused(
            Reason.MISCONFIGURED,
            f"the session policy would have {len(document)} characters, but STS accepts "
            f"{MAX_SESSION_POLICY_CHARACTERS}: the grant has too many repositories, or too long ones",
        )
    return SessionPolicy(document)


def _document(registry: Registry, reach: Reach, *, until: int) -> str:
    # A literal date: date operators take no policy variables (IAM User Guide, "Policy variables"). It is meant to end
    # the login before ECR's own 12 hours, which no parameter can shorten and no call can revoke.
    condition: Json = {"DateLessThan": {"aws:CurrentTime": utc_second(until)}}
    match registry:
        case EcrRegistry():
            statements = _private(registry, reach, condition)
        case EcrPublicRegistry():
            statements = _public(registry, reach, condition)
        case SecretRegistry():
            raise AssertionError("a stored login has no session")
        case _:
            assert_never(registry)
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, separators=(",", ":"))


def _private(registry: EcrRegistry, reach: Reach, condition: Json) -> list[Json]:
    # GetAuthorizationToken has no resource. The other statements limit what its login can do, and until when.
    statements = [_allow(LOGIN_ACTIONS, ["*"], None)]
    actions = [*(PUSH_ACTIONS if reach.access == "push" else PULL_ACTIONS)]
    if reach.also.list:
        actions += LIST_ACTIONS
    if reach.also.import_:
        actions += IMPORT_ACTIONS
    statements.append(_allow(actions, map(registry.repository_arn, reach.repositories), condition))
    if reach.also_pull:
        statements.append(_allow(PULL_ACTIONS, map(registry.repository_arn, reach.also_pull), condition))
    if reach.also.sign is not None:
        statements.append(_allow(SIGN_ACTIONS, [reach.also.sign], condition))
    return statements


def _public(registry: EcrPublicRegistry, reach: Reach, condition: Json) -> list[Json]:
    statements = [_allow(PUBLIC_LOGIN_ACTIONS, ["*"], None)]
    if reach.access == "push":
        statements.append(_allow(PUBLIC_PUSH_ACTIONS, map(registry.repository_arn, reach.repositories), condition))
    return statements


def utc_second(seconds: int) -> str:
    """Return a time in seconds since the epoch in RFC 3339, as IAM compares it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def _allow(actions: Iterable[str], resources: Iterable[str], condition: Json) -> Json:
    statement: dict[str, Json] = {"Effect": "Allow", "Action": _one_or_all(actions), "Resource": _one_or_all(resources)}
    return statement if condition is None else {**statement, "Condition": condition}


def _one_or_all(texts: Iterable[str]) -> Json:
    """Return a list of one string as that string, which is two characters shorter."""
    listed: list[Json] = [*texts]
    return listed[0] if len(listed) == 1 else listed


_ATTRIBUTION_NAMES: Final[tuple[Name, ...]] = ("repository", "pipeline", "actor")
_ATTRIBUTION_IDS: Final[tuple[Name, ...]] = ("repository_id", "pipeline_id", "actor_id")
"""The names to which CloudTrail attributes a run; the first that the run has is used."""


def _tags(award: Award, terms: SessionTerms, caller: Caller) -> Mapping[str, str]:
    vocabulary = caller.identity.vocabulary
    match terms.session_tags:
        case True:
            said: dict[str, str] = {name: str(vocabulary[name]) for name in _TAGGED if name in vocabulary}
            return fitted_tags({"issuer": caller.issuer.name, **said, "grant": award.grant.name})
        case False:
            return {}
        case templates:
            return fitted_tags({key: filled_text(template, vocabulary) for key, template in templates.items()})


def _source_identity(terms: SessionTerms, caller: Caller) -> str | None:
    match terms.source_identity:
        case True:
            best = _first(caller.identity.vocabulary, *_ATTRIBUTION_NAMES, *_ATTRIBUTION_IDS)
            return best or str(caller.claims.get("sub"))
        case False:
            return None
        case template:
            return filled_text(template, caller.identity.vocabulary)


_MARK: Final = re.compile(r"-[0-9a-f]{16}\Z")
_MARK_LENGTH: Final = 17


def fitted(value: str, *, foreign: re.Pattern[str], max_length: int, min_length: int = 1) -> str:
    """Return `value` with each run of `foreign` characters as one `-`, in at most `max_length` characters.

    A value that had to be altered ends in `-` and 16 hexadecimal digits of the SHA-256 of the whole. A value that
    already ends like that is altered too: a tenant could choose a name that reads like another tenant's altered name.
    """
    replaced = foreign.sub("-", value)
    if replaced == value and min_length <= len(value) <= max_length and not _MARK.search(value):
        return value
    return f"{replaced[: max_length - _MARK_LENGTH]}-{sha256(value.encode()).hexdigest()[:16]}"


_NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9_+=,.@-]+")
_NOT_IN_TAGS: Final = re.compile(r"[^A-Za-z0-9 _.:/=+@-]+")
MAX_SESSION_NAME_LENGTH: Final = 64
MAX_SOURCE_IDENTITY_LENGTH: Final = 64
MIN_SOURCE_IDENTITY_LENGTH: Final = 2

MAX_TAG_VALUE_LENGTH: Final = 128
"""Half of what STS accepts: tags count towards the packed size of the session."""

_REQUEST_DIGITS: Final = 12

_TAGGED: Final[tuple[Name, ...]] = (
    "organization", "organization_id", "repository", "repository_id", "ref", "environment", "run_id", "actor",
)  # fmt: skip


def session_name(vocabulary: Vocabulary, *, request_id: str) -> str:
    """Return the session's name: whose run it is, which run, and part of the request's id.

    That part makes the name unpredictable. A resource policy that names a session's ARN is not limited by the session
    policy (IAM User Guide, "Session policies"), so no one must be able to name a session in advance.
    """
    who = _first(vocabulary, *_ATTRIBUTION_IDS)
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
    """Return `value` as a source identity that STS accepts."""
    return fitted(
        value, foreign=_NOT_IN_NAMES, max_length=MAX_SOURCE_IDENTITY_LENGTH, min_length=MIN_SOURCE_IDENTITY_LENGTH
    )


def fitted_tags(tags: Mapping[str, str]) -> Mapping[str, str]:
    """Return `tags` with values that STS accepts."""
    return {
        key: fitted(value, foreign=_NOT_IN_TAGS, max_length=MAX_TAG_VALUE_LENGTH, min_length=0)
        for key, value in tags.items()
    }


def _first(vocabulary: Vocabulary, *names: Name) -> str | None:
    return next((value for name in names if isinstance(value := vocabulary.get(name), str)), None)
