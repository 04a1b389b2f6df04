"""An event sink for issuer keys that ignores all events."""

from collections.abc import Mapping

from token_exchange.issuer_keys.store import KeysFrom, RefreshOutcome


class QuietEvents:
    """Implements `RefreshEvents` and `KeyEvents`, and ignores every event."""

    def refreshed(self, entry: str, *, keys: int, source: KeysFrom, age_seconds: float) -> None:
        """Ignore it."""

    def refresh_failed(self, entry: str, *, cause: Exception) -> None:
        """Ignore it."""

    def key_left_out(self, entry: str, *, why: str) -> None:
        """Ignore it."""

    def served_stale(self, entry: str, *, age_seconds: float) -> None:
        """Ignore it."""

    def unknown_key_damped(self, entry: str) -> None:
        """Ignore it."""

    def shared_keys_failed(self, entry: str, *, cause: Exception) -> None:
        """Ignore it."""

    def shared_keys_age(self, entry: str, *, age_seconds: float) -> None:
        """Ignore it."""

    def refresh_ended(self, outcomes: Mapping[str, RefreshOutcome]) -> None:
        """Ignore it."""
