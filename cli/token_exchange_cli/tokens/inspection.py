"""The times of a token, for people: who reads seconds since 1970?"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from token_exchange.adapters.fetch import HttpsFetcher
from token_exchange.core.attempt import Attempt
from token_exchange.core.identity import Preset, identify
from token_exchange.core.policy import Policy
from token_exchange.core.ports import Clock, Deadline, Json
from token_exchange.core.refusals import Reason, Refused
from token_exchange.core.trust import choose_entry
from token_exchange.core.verifier import UnverifiedToken, Verifier
from token_exchange.issuer_keys.store import KeysFrom, KeyStore
from token_exchange.presets.catalog import owner_of, provider_named
from token_exchange.presets.provider import BadSetting, issuer_host

_NAMES: Final = {"iat": "issued_at", "nbf": "not_before", "exp": "expires_at"}


def time_fields(claims: Mapping[str, Json], *, now: float) -> dict[str, Json]:
    """Return when a token was issued, is valid from and ends, as far as its claims are times.

    `expires_in_seconds` is from `now`, and negative where it is over.
    """
    fields: dict[str, Json] = {}
    for claim, name in _NAMES.items():
        if (text := _spelled(claims.get(claim))) is not None:
            fields[name] = text
    issued_at, expires_at = claims.get("iat"), claims.get("exp")
    if "expires_at" in fields and isinstance(expires_at, int | float):
        if "issued_at" in fields and isinstance(issued_at, int | float):
            fields["lifetime_seconds"] = int(expires_at - issued_at)
        fields["expires_in_seconds"] = int(expires_at - now)
    return fields


def _spelled(value: Json) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, ValueError, OSError):  # a year that no calendar here has
        return None


_SECONDS: Final = 10.0
"""For fetching the issuer's keys, where they are not pinned."""

_NOT_THE_TOKENS_FAULT: Final = (Reason.ISSUER_UNAVAILABLE, Reason.DEADLINE_EXCEEDED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """`verified` is None where that is not known; `reason` says why it is not True, or what is wrong beside that."""

    header: Mapping[str, Json]
    claims: Mapping[str, Json]
    provider: str | None
    vocabulary: Mapping[str, Json]
    times: Mapping[str, Json]
    verified: bool | None
    reason: str | None

    def fields(self) -> dict[str, Json]:
        """Return all of it as JSON has it."""
        return {
            "header": dict(self.header),
            "claims": dict(self.claims),
            "provider": self.provider,
            "vocabulary": dict(self.vocabulary),
            "times": dict(self.times),
            "verified": self.verified,
            "reason": self.reason,
        }


def inspect_token(token: UnverifiedToken, policy: Policy | None, *, clock: Clock) -> Inspection:
    """Return what `token` says; with a policy it is verified as an exchange would, by its issuer's keys."""
    claims = token.unverified_claims
    verified, reason = (
        (None, "no policy was given to verify it against") if policy is None else _verified(token, policy, clock)
    )
    preset = _preset(token, policy)
    vocabulary: Mapping[str, Json] = {}
    if preset is not None:
        try:
            vocabulary = dict(identify(preset, claims).vocabulary)
        except Refused as refused:
            reason = reason or str(refused)
    return Inspection(
        header=token.unverified_header,
        claims=claims,
        provider=None if preset is None else preset.provider,
        vocabulary=vocabulary,
        times=time_fields(claims, now=clock.now()),
        verified=verified,
        reason=reason,
    )


def _verified(token: UnverifiedToken, policy: Policy, clock: Clock) -> tuple[bool | None, str | None]:
    heard = _HeardKeyEvents()
    verifier = Verifier(KeyStore(fetcher=HttpsFetcher(clock=clock), clock=clock, events=heard))
    try:
        verifier.verify(
            token,
            issuers=policy.issuers_by_url,
            now=clock.now(),
            attempt=Attempt(
                request_id="-",
                deadline=Deadline(clock=clock, at_monotonic_seconds=clock.monotonic() + _SECONDS),
            ),
        )
    except Refused as refused:
        text = f"{refused} ({heard.failure})" if heard.failure else str(refused)
        return (None if refused.reason in _NOT_THE_TOKENS_FAULT else False), text
    return True, None


class _HeardKeyEvents:
    """Implements `KeyEvents`, and remembers why a fetch failed, because there is no log here."""

    def __init__(self) -> None:
        self.failure: str | None = None

    def refreshed(self, entry: str, *, keys: int, source: KeysFrom, age_seconds: float) -> None:
        """Ignore: nothing to report."""

    def refresh_failed(self, entry: str, *, cause: Exception) -> None:
        """Remember the cause."""
        self.failure = f"{entry}: {cause}"

    def key_left_out(self, entry: str, *, why: str) -> None:
        """Ignore: another key may fit."""

    def served_stale(self, entry: str, *, age_seconds: float) -> None:
        """Ignore: a process that has just started has no stale keys."""

    def unknown_key_damped(self, entry: str) -> None:
        """Ignore: this is the first request to the issuer."""

    def shared_keys_failed(self, entry: str, *, cause: Exception) -> None:
        """Ignore: there is no state table here."""


def _preset(token: UnverifiedToken, policy: Policy | None) -> Preset | None:
    """Return how the token's claims are read: by the policy's entry for it, or by the provider on whose host it is."""
    if policy is not None:
        try:
            entry = choose_entry(token.unverified_claims, policy.issuers_by_url)
        except Refused:
            pass  # the reason is reported already; the claims can still be shown
        else:
            return policy.issuers[entry.entry].preset
    issuer = token.unverified_issuer
    try:
        owner = None if issuer is None else owner_of(issuer_host(issuer).partition(":")[0])
        return None if owner is None else provider_named(owner).preset({}, issuer)
    except BadSetting:
        return None
