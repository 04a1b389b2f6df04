"""A refusal: the one exception by which every part says why there is no login."""

from token_exchange.reasons import Reason


class Refused(Exception):
    """No login, for `reason`.

    `description` is public: it goes to a caller who may have proven nothing, so it says nothing about the
    policy, and never holds a token, a password or a key. Private detail travels as the cause (`raise … from`).

    `retry_after_seconds` is for the reasons that are answered with 429 or 503.
    """

    def __init__(self, reason: Reason, description: str, *, retry_after_seconds: int | None = None) -> None:
        super().__init__(reason, description)
        self.reason = reason
        self.description = description
        self.retry_after_seconds = retry_after_seconds

    def __str__(self) -> str:
        return f"{self.reason}: {self.description}"
