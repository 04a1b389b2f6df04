"""Nobody to tell of what happens to keys."""

from collections.abc import Mapping

from token_exchange.issuer_keys.store import KeysFrom, RefreshOutcome


class QuietEvents:
    """Fulfils `RefreshEvents` for whom nothing is news."""

    def refreshed(self, entry: str, *, keys: int, source: KeysFrom, age_seconds: float) -> None:
        """Hear of it."""

    def refresh_failed(self, entry: str, *, cause: Exception) -> None:
        """Hear of it."""

    def key_left_out(self, entry: str, *, why: str) -> None:
        """Hear of it."""

    def served_stale(self, entry: str, *, age_seconds: float) -> None:
        """Hear of it."""

    def unknown_key_damped(self, entry: str) -> None:
        """Hear of it."""

    def shared_keys_failed(self, entry: str, *, cause: Exception) -> None:
        """Hear of it."""

    def shared_keys_age(self, entry: str, *, age_seconds: float) -> None:
        """Hear of it."""

    def refresh_ended(self, outcomes: Mapping[str, RefreshOutcome]) -> None:
        """Hear of it."""
