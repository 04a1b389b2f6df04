"""Notices claims that a provider did not use to send.

A new claim may be what tells a stranger's run from our own, so somebody should read what it means. It changes nothing
about the token that has it.
"""

from collections.abc import Iterator, Mapping
from threading import Lock
from typing import Final, Protocol

from token_exchange.core.identity import STANDARD_CLAIMS, Preset
from token_exchange.core.ports import Json
from token_exchange.core.vocabulary import ClaimPath, spelled

_MAX_REPORTED: Final = 100
"""Claims that one environment speaks of: whoever can name claims must not be able to fill the log."""


class ClaimEvents(Protocol):
    """Is told of claims, for the log; never fails."""

    def unknown_claim(self, entry: str, *, provider: str, claim: str) -> None:
        """A token of the issuer entry has a claim that its preset does not know."""
        ...


class NewClaims:
    """Tells of each unknown claim of each issuer entry once in the life of an environment."""

    def __init__(self, events: ClaimEvents) -> None:
        self._events = events
        self._told: set[tuple[str, ClaimPath]] = set()
        self._lock = Lock()

    def notice(self, entry: str, preset: Preset, claims: Mapping[str, Json]) -> None:
        """Tell of the claims in `claims`, of a token that was verified for `entry`, which `preset` does not know."""
        for path in unknown_claims(preset, claims):
            with self._lock:
                if (entry, path) in self._told or len(self._told) >= _MAX_REPORTED:
                    continue
                self._told.add((entry, path))
            self._events.unknown_claim(entry, provider=preset.provider, claim=spelled(path))


def unknown_claims(preset: Preset, claims: Mapping[str, Json]) -> Iterator[ClaimPath]:
    """Yield the claims that the provider does not document, and whose names its customers do not choose."""
    for name, value in claims.items():
        if (
            name not in preset.claims
            and name not in STANDARD_CLAIMS
            and not name.startswith(preset.custom_claim_prefixes)
        ):
            yield (name,)
        elif isinstance(value, dict) and preset.nested_claims:
            yield from _unknown_inside(preset, (name,), value)


def _unknown_inside(preset: Preset, outer: ClaimPath, claims: Mapping[str, Json]) -> Iterator[ClaimPath]:
    known = {path for path in preset.nested_claims if path[:-1] == outer}
    if not known:
        # What such a claim holds is not documented, or is the customer's own.
        return
    for name, value in claims.items():
        path = (*outer, name)
        if path not in known:
            yield path
        elif isinstance(value, dict):
            yield from _unknown_inside(preset, path, value)
