"""Recognize records that are decided alike: in a log, the same pipelines occur many times.

Two records are alike if they differ only in what cannot change their outcome: ids and times of the request and of its
session, and claims such as the number of a run that no rule of the policies and of the CI system's preset reads.
All other parts of a record count, even those that no code reads today.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Final, override

import orjson

from token_exchange.core.conditions import NamedCondition
from token_exchange.core.identity import STANDARD_CLAIMS, Preset
from token_exchange.core.policy import DenyRule, Grant, Policy
from token_exchange.core.ports import Json
from token_exchange.core.sources import Claim
from token_exchange.core.vocabulary import Name

_OF_REQUEST: Final = frozenset(
    {
        "api_request_id",
        "cold_start",
        "function_version",
        "level",
        "location",
        "region",
        "request_id",
        "source_ip",
        "timestamp",
        "timings_ms",
        "token_id",
        "token_sha256",
        "trace_id",
        "user_agent",
        "version",
        "xray_trace_id",
    }
)
_OF_SESSION: Final = frozenset(
    {
        "access_key_id",
        "assumed_role_arn",
        "assumed_role_id",
        "ecr_request_id",
        "expires_at",
        "secret_request_id",
        "session_name",
        "session_policy_sha256",
        "session_token_percent",
        "source_identity",
        "sts_request_id",
    }
)
_OF_RUN: Final[tuple[Name, ...]] = ("run_id", "job_id", "sha")
_BLANK: Final = "any"
_MAX_TIME: Final = 2**53


class Alike:
    """Says which records are alike under these policies."""

    def __init__(self, policies: Sequence[Policy]) -> None:
        self._policies = policies
        self._ends = sorted(
            {grant.expires_at_seconds for policy in policies for grant in policy.grants if grant.expires_at_seconds}
        )
        self._in_conditions = frozenset(name for policy in policies for name in policy.claims_in_conditions)
        self._names = frozenset(_names_read(policies))
        self._of_run = frozenset(_OF_RUN) - self._names
        self._times_are_volatile = self._in_conditions.isdisjoint({"iat", "exp"})
        self._volatile: dict[str, frozenset[str]] = {}

    def key(self, record: Mapping[str, Json]) -> bytes | None:
        """Return the key that alike records share, or None if it cannot be determined."""
        claims, identity = record.get("claims"), record.get("identity")
        try:
            time = datetime.fromisoformat(str(record["timestamp"]))
        except (KeyError, ValueError):
            return None
        if time.tzinfo is None or not isinstance(claims, dict) or not isinstance(identity, dict):
            return None
        volatile = self.volatile(str(record.get("issuer_url")))
        recorded: dict[str, object] = {**claims, **_blanks(claims, volatile)}
        if self._times_are_volatile:
            recorded |= {"iat": None, "exp": None}
        kept = _without(record, _OF_REQUEST)
        kept["claims"] = recorded
        kept["identity"] = {**identity, **_blanks(identity, self._of_run)}
        grants = record.get("grants")
        if isinstance(grants, list):
            kept["grants"] = [_without(one, _OF_SESSION) if isinstance(one, dict) else one for one in grants]
        try:
            written = orjson.dumps((kept, _lifetime(claims), bisect_right(self._ends, time.timestamp())))
        except orjson.JSONEncodeError:
            return None  # an integer of more than 64 bits
        return sha256(written).digest()

    def volatile(self, issuer_url: str) -> frozenset[str]:
        """Return the claims of this issuer's tokens that cannot change an outcome."""
        found = self._volatile.get(issuer_url)
        if found is None:
            each = [self._volatile_of(preset) for preset in self._presets(issuer_url)]
            found = frozenset.intersection(*each) if each else frozenset()
            self._volatile[issuer_url] = found
        return found

    def notice(self, record: Mapping[str, Json]) -> bool:
        """Say whether the outcome of `record` may hang on a claim that was not to matter; from now it does.

        That is so if a preset's rule on triggers reads one. Of claims with other types than the CI system sends, the
        rule cannot be asked.
        """
        claims, url = record.get("claims"), str(record.get("issuer_url"))
        volatile = self.volatile(url)
        if not volatile or not isinstance(claims, dict):
            return False
        reads = _Reads(claims)
        for preset in self._presets(url):
            if not all(
                isinstance(claims.get(name), str | None) for name, kind in preset.claims.items() if kind == "text"
            ):
                return True
            preset.untrusted_trigger(reads)
        self._volatile[url] = volatile - reads.names
        return not volatile.isdisjoint(reads.names)

    def _presets(self, issuer_url: str) -> Iterator[Preset]:
        for policy in self._policies:
            for trust in policy.issuers_by_url.get(issuer_url, ()):
                yield policy.issuers[trust.entry].preset

    def _volatile_of(self, preset: Preset) -> frozenset[str]:
        paths = {*preset.marks, *preset.must_match, *preset.triggers, *preset.required_values}
        for name, source in preset.vocabulary.items():
            if not (name in self._of_run and isinstance(source, Claim) and len(source.path) == 1):
                paths |= {*source.source_claims}
        needed = {path[0] for path in paths} | {*preset.trigger_context} | {*STANDARD_CLAIMS} | self._in_conditions
        return frozenset(name for name, kind in preset.claims.items() if kind == "text") - needed


def _names_read(policies: Sequence[Policy]) -> Iterator[Name]:
    for policy in policies:
        entries: list[Grant | DenyRule] = [*policy.grants, *policy.deny]
        for entry in entries:
            yield from (one.name for one in entry.conditions if isinstance(one, NamedCondition))
        for grant in policy.grants:
            if grant.terms is not None:
                templates = (*grant.terms.repositories, *grant.terms.also_pull)
                yield from (name for template in templates for name in template.names)
                yield from (name for _, template in grant.terms.text_templates for name in template.names)


def _without(values: Mapping[str, Json], names: frozenset[str]) -> dict[str, object]:
    kept: dict[str, object] = dict(values)
    for name in names:
        kept.pop(name, None)
    return kept


def _blanks(values: Mapping[str, Json], names: frozenset[str]) -> dict[str, str]:
    """Return what stands for each value under `names` of which only the type matters: a whole string."""
    return {
        name: _BLANK
        for name in names
        if type(value := values.get(name)) is str and value and value[-1] != "]" and "sha256:" not in value
    }


def _lifetime(claims: Mapping[str, Json]) -> Json:
    begins, ends = claims.get("iat"), claims.get("exp")
    if type(begins) is int and type(ends) is int and 0 < begins < _MAX_TIME and 0 < ends < _MAX_TIME:
        return ends - begins
    return [begins, ends, "iat" in claims, "exp" in claims]


class _Reads(Mapping[str, Json]):
    """Claims that record which of them are read."""

    def __init__(self, claims: Mapping[str, Json]) -> None:
        self._claims = claims
        self.names: set[str] = set()

    @override
    def __getitem__(self, name: str) -> Json:
        self.names.add(name)
        return self._claims[name]

    @override
    def __iter__(self) -> Iterator[str]:
        self.names |= {*self._claims}
        return iter(self._claims)

    @override
    def __len__(self) -> int:
        return len(self._claims)
