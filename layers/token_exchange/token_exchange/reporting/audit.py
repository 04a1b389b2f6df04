"""Keeps an audit record small: values are cut and marked, and a record that is still too long loses entries.

A stranger chooses most of what a record holds, and a line that CloudWatch cuts is a record that nobody can read.
"""

import json
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, Literal, assert_never

from token_exchange.core.decision import Award, Would
from token_exchange.core.evaluate import Caller, Considered, Shortfall
from token_exchange.core.policy import Issuer
from token_exchange.core.ports import Json, RegistryLogin, RoleRequest, RoleSession, StoredLogin
from token_exchange.core.reach import Reach
from token_exchange.core.refusals import MEANINGS, Reason, Refused
from token_exchange.core.registries import SecretRegistry
from token_exchange.core.trust import SignedToken, VerifiedToken
from token_exchange.reporting.redaction import redacted, redacted_start

MAX_RECORD_CHARACTERS: Final = 7600
"""Under 8 KiB with what the logger adds to a line."""


_MAX_VALUE_CHARACTERS: Final = 256


def within_size(fields: dict[str, Json]) -> dict[str, Json]:
    """Return `fields` with `considered`, `would` and `claims` cut, in this order, as far as it takes to fit."""
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
    identity = fields.get("identity")
    if isinstance(identity, dict) and _length(fields) > MAX_RECORD_CHARACTERS:
        # Every name stays; only values of which each character takes six or twelve are shorter.
        fields["identity"] = {
            name: cut_as_written(value) if isinstance(value, str) else value for name, value in identity.items()
        }
    return fields


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
    return len(json.dumps(value))


def cut(value: str | None) -> str | None:
    """Return `value` without what lies behind its first 256 characters, and marked where something does."""
    if value is None or len(value) <= _MAX_VALUE_CHARACTERS:
        return value
    return f"{value[:_MAX_VALUE_CHARACTERS]}…[{len(value) - _MAX_VALUE_CHARACTERS} more]"


def cut_as_written(value: str | None) -> str | None:
    """Return `value` cut where it takes more than 256 characters with its escapes, and marked where it is cut."""
    if value is None or _length(value) <= _MAX_VALUE_CHARACTERS:
        return value
    lengths = range(_MAX_VALUE_CHARACTERS + 1)
    kept = value[: bisect_right(lengths, _MAX_VALUE_CHARACTERS, key=lambda length: _length(value[:length])) - 1]
    return f"{kept}…[{len(value) - len(kept)} more]"


def cut_json(value: Json) -> Json:
    """Return `value`, or the beginning of how it is spelled where that is too long."""
    match value:
        case str():
            return cut(value)
        case list() | dict():
            spelled = json.dumps(value)
            return value if len(spelled) <= _MAX_VALUE_CHARACTERS else cut(spelled)
        case bool() | int() | float() | None:
            return value
        case _:
            assert_never(value)


SCHEMA: Final = 1


type DecisionWord = Literal["granted", "denied", "rejected", "failed", "explained"]


@dataclass(slots=True, kw_only=True)
class AuditRecord:
    """What is known of one exchange so far; None and empty are left out of the line."""

    request_id: str
    api_request_id: str | None = None
    source_ip: str | None = None
    user_agent: str | None = None
    token_sha256: str | None = None
    unverified_issuer: str | None = None
    token: SignedToken | VerifiedToken | None = None
    provider: str | None = None
    caller: Caller | None = None
    policy_sha256: str | None = None
    named_claims: frozenset[str] = frozenset()
    considered: Sequence[Considered] = ()
    would: Sequence[Would] = ()
    deny_rule: str | None = None
    identity_is_proven: bool = False
    grants: list[dict[str, Json]] = field(default_factory=list)
    refused: Refused | None = None
    reason: Reason | None = None
    status: int = 200
    is_explanation: bool = False

    def saw_token(self, raw_token: str) -> None:
        """Remember the token by its hash alone."""
        self.token_sha256 = sha256(raw_token.encode("utf-8", "surrogatepass")).hexdigest()

    def signed(self, token: SignedToken, issuer: Issuer, named_claims: frozenset[str]) -> None:
        """Remember a token whose signature is proven, and which of its claims the record is to show."""
        self.token = token
        self.provider = issuer.preset.provider
        self.named_claims = named_claims

    def won(self) -> list[Considered]:
        """Return the grants that won."""
        return [considered for considered in self.considered if not considered.failed]

    def refuse(self, refused: Refused, *, status: int) -> None:
        """Record that there is no login, and why."""
        self.refused = refused
        self.reason = refused.reason
        self.status = status

    def minted(
        self, award: Award, request: RoleRequest, session: RoleSession, login: RegistryLogin, until: str
    ) -> None:
        """Record one login: enough to find it in CloudTrail, nothing to use it with."""
        self.grants.append(
            _present(
                {
                    **_award_fields(award),
                    "expires_at": until,
                    "session_name": request.session_name,
                    "source_identity": request.source_identity,
                    "assumed_role_id": session.assumed_role_id,
                    "assumed_role_arn": session.assumed_role_arn,
                    "access_key_id": session.access_key_id,
                    "sts_request_id": session.request_id,
                    "ecr_request_id": login.request_id,
                    "session_policy_sha256": request.policy_sha256,
                    "session_token_percent": session.packed_policy_percent,
                }
            )
        )

    def read_out(self, award: Award, registry: SecretRegistry, login: StoredLogin) -> None:
        """Record one login that was kept in a secret: which secret, and nothing of what it holds."""
        self.grants.append(
            _present(
                {
                    **_award_fields(award),
                    "secret_arn": registry.secret_arn,
                    "secret_request_id": login.request_id,
                }
            )
        )

    def not_minted(self, award: Award, refused: Refused) -> None:
        """Record a login that was granted and could not be made."""
        self.grants.append(_present({**_award_fields(award), "reason": refused.reason}))

    def decision(self) -> DecisionWord:
        """Return the outcome in one word; of an explanation nothing comes, whatever it says."""
        if self.is_explanation:
            return "explained"
        if self.status == 200:  # noqa: PLR2004 - the only success there is
            return "granted"
        if self.status == 403 or self.reason is Reason.REPLAYED:  # noqa: PLR2004 - what `denied` means
            return "denied"
        return "rejected" if self.status < 500 else "failed"  # noqa: PLR2004 - ours or upstream's, from 500 on

    def render(self) -> dict[str, Json]:
        """Return the fields of the line; to fit, `considered`, `would` and `claims` are cut, in this order."""
        fields = _present(
            {
                "record": "audit",
                "schema": SCHEMA,
                "decision": self.decision(),
                "reason": self.reason or "granted",
                "status": self.status,
                "request_id": self.request_id,
                "api_request_id": cut_as_written(self.api_request_id),
                "source_ip": cut_as_written(self.source_ip),
                # Its sender may have put anything there, a token included.
                "user_agent": cut_as_written(None if self.user_agent is None else redacted_start(self.user_agent)),
                "token_sha256": self.token_sha256,
                "verified": self.token is not None,
                "policy_sha256": self.policy_sha256,
                **self._issuer_fields(),
                "deny_rule": self.deny_rule,
                "considered": [_considered_fields(considered) for considered in self.considered],
                "would": [would_fields(would) for would in self.would],
                "grants": [*self.grants],
                "error": self._error(),
            }
        )
        return within_size(fields)

    def _issuer_fields(self) -> dict[str, Json]:
        if self.token is None:
            # Until the signature is proven anybody can have written the token: its `iss` is all that is kept of it.
            return {"issuer_url": cut_as_written(self.unverified_issuer)}
        identity = self.caller.identity.vocabulary if self.caller is not None else {}
        return {
            "issuer": self.token.trust.entry,
            "issuer_url": self.token.trust.url,
            "provider": self.provider,
            "token_id": cut_as_written(self.token.token_id),
            "identity": {name: cut(value) if isinstance(value, str) else value for name, value in identity.items()},
            "claims": {
                name: cut_json(self.token.claims[name])
                for name in sorted(self.named_claims)
                if self.token.claims.get(name) is not None
            },
        }

    def _error(self) -> Json:
        if self.refused is None or MEANINGS[self.refused.reason].status < 500:  # noqa: PLR2004 - see decision()
            return None
        cause = self.refused.__cause__ or self.refused
        return {"class": type(cause).__name__, "message": cut_as_written(redacted(str(cause)))}


def claims_named(issuer: Issuer, conditions: Iterable[str]) -> frozenset[str]:
    """Return the claims of `issuer`'s tokens that a record shows: those its preset or a condition names."""
    preset = issuer.preset
    behind = {path[0] for source in preset.vocabulary.values() for path in source.behind}
    return frozenset(
        {"sub", "aud", "iat", "exp", *behind, *(path[0] for path in preset.required), *preset.claims, *conditions}
    )


def shortfall_fields(shortfall: Shortfall) -> dict[str, Json]:
    """Return one thing that did not hold, as answers and records show it."""
    fields: dict[str, Json] = {}
    if shortfall.claim is not None:
        fields["claim"] = cut(shortfall.claim) if isinstance(shortfall.claim, str) else [*shortfall.claim]
    if shortfall.rule is not None:
        fields["rule"] = shortfall.rule
    fields["expected"] = shortfall.expected
    if shortfall.found is not None:
        fields["found"] = cut_json(shortfall.found)
    return fields


def _considered_fields(considered: Considered) -> Json:
    fields: dict[str, Json] = {"grant": considered.grant.name}
    if considered.failed:
        fields["failed"] = [shortfall_fields(shortfall) for shortfall in considered.failed]
    return fields


def would_fields(would: Would) -> Json:
    """Return what an entry in report mode would have granted, as answers and records show it."""
    return {
        "decision": "granted",
        "grant": would.grant.name,
        "registry": would.grant.registry.name,
        **_reach_fields(would.reach),
    }


def _reach_fields(reach: Reach | None) -> dict[str, Json]:
    return {} if reach is None else {"access": reach.access, "repositories": [*reach.repositories]}


def _award_fields(award: Award) -> dict[str, Json]:
    return {
        "grant": award.grant.name,
        "registry": award.registry.name,
        "role_arn": None if award.grant.terms is None else award.grant.terms.role,
        **_reach_fields(award.reach),
        "scope": None if award.reach is None else award.reach.scope or None,
    }


def _present(fields: dict[str, Json]) -> dict[str, Json]:
    return {name: value for name, value in fields.items() if value is not None and value not in ([], {})}
