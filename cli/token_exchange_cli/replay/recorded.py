"""A recorded exchange, and what its line lacks, which is never guessed.

A record has the claims that its issuer's preset names, and those that a condition of the policy at the time named. Long
values are cut, and of a record that grew too long the last claims are left out. Any other claim may have been in the
token.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, override

import orjson

from token_exchange.core.conditions import Condition, RawCondition
from token_exchange.core.decision import AccessRequest, Decision, Denied, Granted, requested_grants
from token_exchange.core.evaluate import Caller
from token_exchange.core.identity import Identity, Preset, identify
from token_exchange.core.policy import Grant, Issuer, Policy
from token_exchange.core.ports import Json
from token_exchange.core.refusals import Reason
from token_exchange.core.sources import Claim
from token_exchange.core.strict_json import parse_object
from token_exchange.core.vocabulary import NAMES
from token_exchange.reporting.audit import claims_named
from token_exchange_cli.diff.issuers import reading_rules
from token_exchange_cli.explain.callers import is_cut

_ALWAYS: Final = frozenset({"sub", "aud", "iat", "exp"})
"""Claims that every token has and every record names."""


_MAX_BRACKETS: Final = 32
"""No more levels than these are nested, which `parse_object` would refuse."""


def record_in(line: bytes) -> dict[str, Json]:
    """Return the object in `line` as the layer's own parser does, which a line of the service needs in one case of ten.

    A line that is the same when it is written again has no member twice and no number that parsers read differently.

    Raises:
        NotStrictJson: as `parse_object`.
    """
    found = _as_written(line)
    return parse_object(line, max_values=None) if found is None else found


def whole_record(line: bytes) -> dict[str, Json] | None:
    """Return the record if `line` is nothing but one audit line as the service writes it, else None."""
    found = _as_written(line.removesuffix(b"\n"))
    return found if found is not None and found.get("record") == "audit" else None


def _as_written(text: bytes) -> dict[str, Json] | None:
    if text.count(b"{") + text.count(b"[") <= _MAX_BRACKETS:
        with suppress(orjson.JSONDecodeError, orjson.JSONEncodeError):
            found: Json = orjson.loads(text)
            if isinstance(found, dict) and orjson.dumps(found) == text:
                return found
    return None


class NotRecorded(Exception):
    """The record lacks something that the decision depends on; the message says what."""


class RecordedClaims(Mapping[str, Json]):
    """The claims of a record; reading one that the token may have had, but the record lacks, raises `NotRecorded`.

    `known` are those that would be in the record if they had been in the token. `identities` has what `RecordReader`
    has derived from them.
    """

    def __init__(self, claims: Mapping[str, Json], known: frozenset[str]) -> None:
        self._claims = claims
        self._recorded = (known | claims.keys()) - {name for name, value in claims.items() if is_cut(value)}
        self.identities: dict[int, Identity] = {}

    @override
    def __getitem__(self, name: str) -> Json:
        if not self.is_recorded(name):
            raise NotRecorded(f"the claim {name}")
        return self._claims[name]

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self._claims)

    @override
    def __len__(self) -> int:
        return len(self._claims)

    def is_recorded(self, name: str) -> bool:
        """Say whether the record has the claim's whole value, or shows that it was absent."""
        return name in self._recorded

    def recorded(self) -> dict[str, Json]:
        """Return the claims as recorded, including those that were cut."""
        return dict(self._claims)


class RecordReader:
    """Read records with what is known of the policies in force at the time."""

    def __init__(self, policies: Sequence[Policy]) -> None:
        self._policies = policies
        presets = [issuer.preset for policy in policies for issuer in policy.issuers.values()]
        rules = [reading_rules(preset) for preset in presets]
        self._reading = {id(preset): rules.index(own) for preset, own in zip(presets, rules, strict=True)}
        self._known: dict[tuple[str, str | None], frozenset[str]] = {}

    def claims(self, record: Mapping[str, Json]) -> RecordedClaims:
        """Return the claims of `record`."""
        claims, issuer = objects_of(record, "claims"), self._issuer(record)
        recorded = claims if issuer is None else {**_named_alike(issuer, record), **claims}
        # A record without claims that every token has was shortened, even if it does not say so.
        is_whole = "claims_left_out" not in record and claims.keys() >= _ALWAYS
        return RecordedClaims(recorded, self._named(record) if is_whole else frozenset())

    def caller(self, record: Mapping[str, Json], claims: RecordedClaims, issuer: Issuer, *, now: float) -> Caller:
        """Return the caller that the entry `issuer` would derive from the record's token.

        Raises:
            NotRecorded: it hangs on what the record does not tell.
            Refused: as `identify` has it.
        """
        # The policies mostly read a token by the same rules, and this is the larger part of a decision.
        reading = self._reading[id(issuer.preset)]
        if reading not in claims.identities:
            claims.identities[reading] = self._identity(record, claims, issuer.preset)
        return Caller(issuer=issuer, identity=claims.identities[reading], claims=claims.recorded(), now=now)

    def _identity(self, record: Mapping[str, Json], claims: RecordedClaims, preset: Preset) -> Identity:
        try:
            return identify(preset, claims)
        except NotRecorded:
            of_that_day = self._issuer(record)
            if of_that_day is None or self._reading[id(of_that_day.preset)] != self._reading[id(preset)]:
                raise
            _require_texts(preset, claims)
            # The identity is recorded separately; only the claims can show that no outsider could have started the run.
            return Identity(vocabulary=_identity(record), untrusted_trigger=preset.untrusted_trigger(claims))

    def _named(self, record: Mapping[str, Json]) -> frozenset[str]:
        """Return the names of claims that are in the record if they were in the token."""
        issuer, policy = self._issuer(record), self._of_that_day(record)
        if issuer is None:
            return _ALWAYS
        key = issuer.name, None if policy is None else policy.sha256
        if key not in self._known:
            self._known[key] = claims_named(issuer, frozenset() if policy is None else policy.claims_in_conditions)
        return self._known[key]

    def _issuer(self, record: Mapping[str, Json]) -> Issuer | None:
        """Return the entry that the record was made with, if one of the policies has it."""
        policy = self._of_that_day(record) or self._policies[0]
        issuer = policy.issuers.get(str(record.get("issuer")))
        if issuer is None or record.get("provider") not in (None, issuer.preset.provider):
            return None
        return issuer

    def _of_that_day(self, record: Mapping[str, Json]) -> Policy | None:
        return next((policy for policy in self._policies if policy.sha256 == record.get("policy_sha256")), None)


def _require_texts(preset: Preset, claims: RecordedClaims) -> None:
    """Check that recorded claims have the types of a token's; a rule on triggers relies on them."""
    for name, kind in preset.claims.items():
        if kind == "text" and claims.is_recorded(name) and not isinstance(claims.get(name), str | None):
            raise NotRecorded(f"the claim {name}, which is not a string")


def objects_of(record: Mapping[str, Json], name: str) -> Mapping[str, Json]:
    """Return the object under `name`, empty if there is none."""
    found = record.get(name)
    return found if isinstance(found, dict) else {}


def _identity(record: Mapping[str, Json]) -> dict[str, str | bool]:
    recorded = objects_of(record, "identity")
    return {name: value for name in NAMES if isinstance(value := recorded.get(name), str | bool)}


def _named_alike(issuer: Issuer, record: Mapping[str, Json]) -> dict[str, Json]:
    """Return claims that equal the value of a name: the identity is never left out of a record."""
    recorded = objects_of(record, "identity")
    return {
        source.path[0]: recorded[name]
        for name, source in issuer.preset.vocabulary.items()
        if isinstance(source, Claim)
        and len(source.path) == 1
        and issuer.preset.claim_type(source.path) == "text"
        and name in recorded
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Gaps:
    """Claims and names of the vocabulary that the record lacks, or has only in part."""

    claims: frozenset[str]
    names: frozenset[str]

    def in_conditions(self, conditions: Sequence[Condition], caller: Caller) -> str | None:
        """Return the first of them that suffices to determine whether all of `conditions` hold, or None."""
        missing: str | None = None
        for condition in conditions:
            name = condition.document_path[1]
            if name in (self.claims if isinstance(condition, RawCondition) else self.names):
                missing = missing or name
            elif not condition.holds(condition.found(caller.identity.vocabulary, caller.claims)):
                return None
        return missing


def require_recorded_claims(
    policy: Policy, caller: Caller, claims: RecordedClaims, ask: AccessRequest, decision: Decision
) -> None:
    """Check that `decision`, made as if missing claims were absent, is right whatever they were.

    Raises:
        NotRecorded: a deny rule or a grant, which can make it another, asks for what is not recorded.
    """
    gaps = _Gaps(
        claims=frozenset(name for name in policy.claims_in_conditions if not claims.is_recorded(name)),
        names=frozenset(name for name, value in caller.identity.vocabulary.items() if is_cut(value)),
    )
    if not gaps.claims and not gaps.names:
        return
    if isinstance(decision, Denied) and decision.reason is Reason.ORGANIZATION_NOT_ALLOWED:
        return
    refusing = decision.deny_rule if isinstance(decision, Denied) else None
    for rule in policy.deny:
        # If one rule certainly refuses, the others do not matter.
        if caller.issuer.name not in rule.issuers or refusing not in (None, rule.name):
            continue
        if missing := gaps.in_conditions(rule.conditions, caller):
            raise NotRecorded(f"the deny rule {rule.name} needs {missing}")
    if refusing is not None:
        return
    for grant in _deciding(policy, caller, ask, decision):
        if missing := gaps.in_conditions(grant.conditions, caller):
            raise NotRecorded(f"the grant {grant.name} needs {missing}")


def _deciding(policy: Policy, caller: Caller, ask: AccessRequest, decision: Decision) -> Iterator[Grant]:
    """Yield the grants that win if their conditions hold: none in report mode, and none after a winner."""
    if caller.issuer.mode == "report":
        return
    winners = {award.grant.name for award in decision.awards} if isinstance(decision, Granted) else set[str]()
    decided: set[str] = set()
    for grant in requested_grants(policy, caller, ask):
        is_closed = caller.identity.untrusted_trigger is not None and not grant.allow_untrusted_triggers
        if grant.registry.name in decided or grant.mode == "report" or grant.has_expired(caller.now) or is_closed:
            continue
        yield grant
        if grant.name in winners:
            decided.add(grant.registry.name)
