"""What a role may do: all that the session policies of its grants can ask for, and nothing more.

Source: IAM User Guide, "Session policies": a session has what both its role and its session policy allow.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, assert_never

from token_exchange.core.policy import Grant, Issuer, SessionTerms
from token_exchange.core.ports import Json
from token_exchange.core.registries import EcrPublicRegistry, EcrRegistry, SecretRegistry
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
from token_exchange_cli.roles.patterns import patterns_of, uncovered


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """Actions that are given together, on ARNs or patterns of them."""

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
    """Return rights on the same ARNs together: IAM counts the characters of a role's policies."""
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
            raise AssertionError("a stored login is made by no role")
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
