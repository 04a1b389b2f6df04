"""The actual or hypothetical outcome of an exchange: its logins, or the reason of the refusal."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from token_exchange.core.decision import Award, Decision, Denied, Granted
from token_exchange.core.evaluate import Considered
from token_exchange.core.ports import Json
from token_exchange.core.refusals import Reason, Refused
from token_exchange.reporting.disclosure import failed_check_fields
from token_exchange_cli.diff.change import expected_text
from token_exchange_cli.replay.recorded import NotRecorded
from token_exchange_cli.safe_text import ascii_json, escape_non_ascii

type Word = Literal["granted", "denied"]

_BY_THE_POLICY: frozenset[str] = frozenset(
    {Reason.ORGANIZATION_NOT_ALLOWED, Reason.DENIED, Reason.UNTRUSTED_TRIGGER, Reason.NO_MATCHING_GRANT}
)
"""Reasons for which a policy refuses any request of the caller."""

_OF_LOGIN = ("scope", "role_arn")
"""What a record that grew too long may lack of a login."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """One login; `scope` is its reach, None for a login without limits."""

    registry: str
    role: str | None
    access: str | None
    scope: str | None

    def text(self) -> str:
        """Return the login on one line."""
        what = "the stored login" if self.scope is None else escape_non_ascii(self.scope)
        return f"{escape_non_ascii(self.registry)}: {what}{f' by {escape_non_ascii(self.role)}' if self.role else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The logins, each with the name of its grant, or none; `why` says what decided."""

    logins: Mapping[Login, str]
    why: str

    @property
    def word(self) -> Word:
        """The outcome in one word."""
        return "granted" if self.logins else "denied"

    def is_as(self, other: "Outcome") -> bool:
        """Say whether a caller gets the same logins, regardless of the grants."""
        return self.logins.keys() == other.logins.keys()


def decided_outcome(decision: Decision | Refused, *, nearest: Considered | None = None) -> Outcome:
    """Return the outcome of a decision, or of a token that is refused before it; `nearest` says why none applied."""
    match decision:
        case Granted(awards=awards):
            return Outcome(logins={_login(award): award.grant.name for award in awards}, why="granted")
        case Denied():
            return Outcome(logins={}, why=_refusal(decision, nearest))
        case Refused():
            return Outcome(logins={}, why=f"{decision.reason}: {escape_non_ascii(decision.description)}")


def recorded_outcome(record: Mapping[str, Json]) -> Outcome | None:
    """Return the recorded outcome, or None if it was not a decision of the policy.

    A token that was used before, a budget that was spent, or an AWS that did not answer is no word of the policy.

    Raises:
        NotRecorded: it was granted, and the record does not have what.
    """
    reason = record.get("reason")
    if record.get("decision") == "granted":
        logins, left_out = dict(_recorded_logins(record)), record.get("grants_left_out")
        if not logins or (isinstance(left_out, list) and any(name in left_out for name in _OF_LOGIN)):
            raise NotRecorded("it was granted, but the record does not have the whole login")
        return Outcome(logins=logins, why="granted")
    if isinstance(reason, str) and reason in _BY_THE_POLICY:
        return Outcome(logins={}, why=reason)
    return None


def _recorded_logins(record: Mapping[str, Json]) -> Iterator[tuple[Login, str]]:
    grants = record.get("grants")
    for given in grants if isinstance(grants, list) else []:
        if isinstance(given, dict):
            login = Login(
                registry=str(given.get("registry")),
                role=_text(given.get("role_arn")),
                access=_text(given.get("access")),
                scope=_text(given.get("scope")),
            )
            yield login, str(given.get("grant"))


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) else None


def _login(award: Award) -> Login:
    terms, reach = award.grant.terms, award.reach
    return Login(
        registry=award.registry.name,
        role=None if terms is None else terms.role,
        access=None if reach is None else reach.access,
        scope=None if reach is None else reach.scope or None,
    )


def _refusal(denied: Denied, nearest: Considered | None) -> str:
    if denied.deny_rule is not None:
        return f"{denied.reason}: the rule {denied.deny_rule}"
    return f"{denied.reason}: {denied.description if nearest is None else _nearest(nearest)}"


def _nearest(considered: Considered) -> str:
    fields = [failed_check_fields(failed) for failed in considered.failed[:1]]
    texts = [f"{_named(one)} {expected_text(one['expected'])}, found {_found(one.get('found'))}" for one in fields]
    return f"the nearest grant is {considered.grant.name}" + (f", which requires {texts[0]}" if texts else "")


def _named(fields: Mapping[str, Json]) -> str:
    name = fields.get("claim", fields.get("rule"))
    return escape_non_ascii(".".join(map(str, name)) if isinstance(name, list) else str(name))


def _found(value: Json) -> str:
    return "absent" if value is None else ascii_json(value)
