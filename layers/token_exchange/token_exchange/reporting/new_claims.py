"""Reports claims that a provider did not send before.

A new claim may reveal an outsider's run, so the operators should find out what it means. It does not affect the token.
"""

from collections.abc import Iterator, Mapping
from threading import Lock
from typing import Final, Protocol

from token_exchange.core.identity import STANDARD_CLAIMS, Preset
from token_exchange.core.ports import Json
from token_exchange.core.vocabulary import ClaimPath, spelled

_MAX_REPORTED: Final = 100
"""The maximum for one environment: anyone who can choose claim names must not be able to fill the log."""


class ClaimEvents(Protocol):
    """Receives unknown claims, for the log; its methods never raise."""

    def unknown_claim(self, entry: str, *, provider: str, claim: str) -> None:
        """A token of the issuer entry has a claim that its preset does not list."""
        ...


class NewClaims:
    """Reports each unknown claim of each issuer entry once in the life of an environment."""

    def __init__(self, events: ClaimEvents) -> None:
        self._events = events
        self._reported: set[tuple[str, ClaimPath]] = set()
        self._lock = Lock()

    def notice(self, entry: str, preset: Preset, claims: Mapping[str, Json]) -> None:
        """Report the claims of a verified token of `entry` that `preset` does not list."""
        for path in unknown_claims(preset, claims):
            with self._lock:
                if (entry, path) in self._reported or len(self._reported) >= _MAX_REPORTED:
                    continue
                self._reported.add((entry, path))
            self._events.unknown_claim(entry, provider=preset.provider, claim=spelled(path))


def unknown_claims(preset: Preset, claims: Mapping[str, Json]) -> Iterator[ClaimPath]:
    """Yield the claims that the provider does not document, except those whose names its customers choose."""
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
        # The content of such a claim is not documented, or customers choose it.
        return
    for name, value in claims.items():
        path = (*outer, name)
        if path not in known:
            yield path
        elif isinstance(value, dict):
            yield from _unknown_inside(preset, path, value)
