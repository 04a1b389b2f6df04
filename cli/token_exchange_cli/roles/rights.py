"""What a role allows, and which principals it trusts.

Source: IAM User Guide, "Session policies" (a session has what both its role and its session policy allow), "Passing
session tags in STS", "Monitor and control actions taken with assumed roles" and "Create a role for OpenID Connect
federation".
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, assert_never

from token_exchange.core.policy import EcrPublicRegistry, EcrRegistry, Grant, Issuer, SecretRegistry, SessionTerms
from token_exchange.core.ports import Json
from token_exchange.core.session import (
    IMPORT_ACTIONS,
    LIST_ACTIONS,
    LOGIN_ACTIONS,
    PUBLIC_LOGIN_ACTIONS,
    PUBLIC_PUSH_ACTIONS,
    PULL_ACTIONS,
    PUSH_ACTIONS,
    SIGN_ACTIONS,
)
from token_exchange_cli.roles.arns import RoleArn, patterns_of, uncovered
from token_exchange_cli.subjects.writing import NoSubject, subject_patterns


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """Actions that are allowed together, on the same ARNs or patterns."""

    name: str
    actions: tuple[str, ...]


_LOGIN: Final = Right(name="Login", actions=LOGIN_ACTIONS)
_PUBLIC_LOGIN: Final = Right(name="PublicLogin", actions=PUBLIC_LOGIN_ACTIONS)
_PULL: Final = Right(name="Pull", actions=PULL_ACTIONS)
_PUSH: Final = Right(name="Push", actions=tuple(action for action in PUSH_ACTIONS if action not in PULL_ACTIONS))
_LIST: Final = Right(name="List", actions=LIST_ACTIONS)
_IMPORT: Final = Right(name="Import", actions=IMPORT_ACTIONS)
_SIGN: Final = Right(name="Sign", actions=SIGN_ACTIONS)
_PUBLIC_PUSH: Final = Right(name="PublicPush", actions=PUBLIC_PUSH_ACTIONS)
_ORDER: Final = (_LOGIN, _PUBLIC_LOGIN, _PULL, _PUSH, _LIST, _IMPORT, _SIGN, _PUBLIC_PUSH)


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantInUse:
    """A grant that assumes a role, how, and the issuers whose runs it is for."""

    grant: Grant
    terms: SessionTerms
    issuers: tuple[Issuer, ...]


def permissions(grants: Sequence[GrantInUse]) -> list[Json]:
    """Return the statements of the permissions that `grants` need of one role."""
    resources: dict[Right, set[str]] = {}
    for one in grants:
        for right, arns in _rights(one):
            resources.setdefault(right, set()).update(arns)
    return [_statement(rights, arns) for arns, rights in _by_resources(resources).items()]


def _by_resources(resources: Mapping[Right, set[str]]) -> dict[tuple[str, ...], list[Right]]:
    """Group rights on the same ARNs: IAM limits the size of a role's policies."""
    found: dict[tuple[str, ...], list[Right]] = {}
    for right in _ORDER:
        if arns := resources.get(right):
            found.setdefault(tuple(sorted(uncovered(arns))), []).append(right)
    return found


def _rights(one: GrantInUse) -> Iterator[tuple[Right, frozenset[str]]]:
    registry, terms = one.grant.registry, one.terms
    match registry:
        case EcrRegistry():
            yield _LOGIN, frozenset({"*"})
            images = _arns(one, registry, own=True)
            yield _PULL, images | _arns(one, registry, own=False)
            if terms.access == "push":
                yield _PUSH, images
            if terms.also.list:
                yield _LIST, images
            if terms.also.import_:
                yield _IMPORT, images
            if terms.also.sign is not None:
                yield _SIGN, frozenset({terms.also.sign})
        case EcrPublicRegistry():
            yield _PUBLIC_LOGIN, frozenset({"*"})
            if terms.access == "push":
                yield _PUBLIC_PUSH, _arns(one, registry, own=True)
        case SecretRegistry():
            raise AssertionError("a stored login has no role")
        case _:
            assert_never(registry)


def _arns(one: GrantInUse, registry: EcrRegistry | EcrPublicRegistry, *, own: bool) -> frozenset[str]:
    templates = one.terms.repositories if own else one.terms.also_pull
    return frozenset(registry.repository_arn(pattern) for pattern in patterns_of(templates, one.grant, one.issuers))


def _statement(rights: Sequence[Right], arns: Sequence[str]) -> Json:
    return {
        "Sid": "And".join(right.name for right in rights),
        "Effect": "Allow",
        "Action": [action for right in rights for action in right.actions],
        "Resource": [*arns],
    }


_ALWAYS_TAGGED: Final = ("issuer", "grant")
"""The standard tags that every session has."""


def broker_trust(sessions: Sequence[SessionTerms], broker: Json) -> list[Json]:
    """Return the statements that let `broker` create `sessions`, at least one.

    What every session with the same external id carries is required, so CloudTrail always shows the caller.
    """
    by_external_id: dict[str | None, list[SessionTerms]] = {}
    for terms in sessions:
        by_external_id.setdefault(terms.external_id, []).append(terms)
    statements: list[Json] = [
        _assume(external_id, together, broker, number=number)
        for number, (external_id, together) in enumerate(sorted(by_external_id.items(), key=_by_text), start=1)
    ]
    traces: list[Json] = []
    if any(terms.session_tags for terms in sessions):
        traces.append("sts:TagSession")
    if any(terms.source_identity for terms in sessions):
        traces.append("sts:SetSourceIdentity")
    if traces:
        statements.append(
            {"Sid": "SayWhoAsked", "Effect": "Allow", "Principal": {"AWS": broker}, "Action": _one_or_all(traces)}
        )
    return statements


def _by_text(item: tuple[str | None, list[SessionTerms]]) -> str:
    return item[0] or ""


def _assume(external_id: str | None, sessions: Sequence[SessionTerms], broker: Json, *, number: int) -> Json:
    condition: dict[str, Json] = {}
    if external_id is not None:
        condition["StringEquals"] = {"sts:ExternalId": external_id}
    always = set[str].intersection(*(_carried(terms) for terms in sessions))
    if always:
        condition["Null"] = dict.fromkeys(sorted(always), "false")
    statement: dict[str, Json] = {
        "Sid": "Assume" if number == 1 else f"Assume{number}",
        "Effect": "Allow",
        "Principal": {"AWS": broker},
        "Action": "sts:AssumeRole",
    }
    return {**statement, "Condition": condition} if condition else statement


def _carried(terms: SessionTerms) -> set[str]:
    """Return the condition keys that every session with these `terms` has."""
    tags = terms.session_tags
    names = tags if isinstance(tags, Mapping) else _ALWAYS_TAGGED if tags else ()
    carried = {f"aws:RequestTag/{name}" for name in names}
    return carried | {"sts:SourceIdentity"} if terms.source_identity else carried


def _one_or_all(actions: list[Json]) -> Json:
    return actions[0] if len(actions) == 1 else actions


_GOOGLE: Final = "accounts.google.com"
"""The one issuer that IAM has built in; its `aud` is the service account, and `oaud` the audience."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unbounded(Exception):
    """A grant whose role would trust outsiders; `missing` says what to add."""

    grant: str
    issuer: str
    missing: str


def direct_trust(role: RoleArn, grants: Sequence[GrantInUse]) -> list[Json]:
    """Return the statements that let runs of `grants` assume `role` directly, one for each issuer.

    Raises:
        Unbounded: a grant does not say whose runs it is for.
    """
    subjects: dict[str, set[str]] = {}
    issuers: dict[str, Issuer] = {}
    for one in grants:
        for issuer in one.issuers:
            try:
                patterns = subject_patterns(one.grant, issuer)
            except NoSubject as error:
                raise Unbounded(grant=one.grant.name, issuer=issuer.name, missing=str(error)) from error
            subjects.setdefault(issuer.name, set()).update(patterns)
            issuers[issuer.name] = issuer
    return [
        _direct_statement(role, issuer, sorted(subjects[name]), number=number)
        for number, (name, issuer) in enumerate(issuers.items(), start=1)
    ]


def provider_address(issuer: Issuer) -> str:
    """Return the name of an issuer in IAM: its URL without the scheme."""
    return issuer.trust.url.removeprefix("https://")


def _direct_statement(role: RoleArn, issuer: Issuer, patterns: list[str], *, number: int) -> Json:
    address = provider_address(issuer)
    is_google = address == _GOOGLE
    audiences = sorted(issuer.trust.audiences)
    return {
        "Sid": "AssumeDirectly" if number == 1 else f"AssumeDirectly{number}",
        "Effect": "Allow",
        "Principal": {
            "Federated": _GOOGLE if is_google else f"arn:{role.partition}:iam::{role.account}:oidc-provider/{address}"
        },
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {
            "StringEquals": {f"{address}:{'oaud' if is_google else 'aud'}": [*audiences]},
            "StringLike": {f"{address}:sub": [*patterns]},
        },
    }
