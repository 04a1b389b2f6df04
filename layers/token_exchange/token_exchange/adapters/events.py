"""Log lines and metrics for what happens beside the exchanges: keys, policy, faults."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal

from token_exchange.adapters.log_lines import cleaned_traceback, last_words, logger_for
from token_exchange.adapters.metrics import Metrics
from token_exchange.policy.model import Policy
from token_exchange.policy.reading.problems import PolicyUnusable
from token_exchange.policy_store import PolicyUnreadable
from token_exchange.ports import Json, KeysFrom, RefreshOutcome, StateTask
from token_exchange.redaction import redacted

type EventCode = Literal[
    "internal-error",
    "issuer-key-left-out",
    "issuer-keys-refresh-failed",
    "issuer-keys-refreshed",
    "issuer-keys-run",
    "issuer-keys-stale",
    "policy-loaded",
    "policy-not-loaded",
    "shared-keys-failed",
    "state-failed",
    "unknown-claim",
]

_LOGGER_NAME: Final = "token-exchange"
_MOST_PROBLEMS: Final = 20
_MAX_TEXT: Final = 500


class Events:
    """Implements `KeyEvents`, `RefreshEvents`, `PolicyEvents`, `ClaimEvents` and `StateEvents`.

    None of them fails: what could not be told of a key set must not keep a token from being verified with it.
    """

    def __init__(self, *, metrics: Metrics) -> None:
        self._logger = logger_for(_LOGGER_NAME, level=None)
        self._metrics = metrics

    def refreshed(self, entry: str, *, keys: int, source: KeysFrom, age_seconds: float) -> None:
        """Say that a key set is in use."""
        fields: dict[str, Json] = {"issuer": entry, "keys": keys, "from": source, "age_seconds": round(age_seconds)}
        self._info("issuer-keys-refreshed", fields)
        self.measure(lambda: self._metrics.issuer_keys_age(entry, seconds=age_seconds))

    def refresh_failed(self, entry: str, *, cause: Exception) -> None:
        """Say that a refresh brought nothing."""
        self._warn("issuer-keys-refresh-failed", {"issuer": entry, "cause": _text(cause)})
        self.measure(lambda: self._metrics.issuer_keys_refresh_failed(entry))

    def key_left_out(self, entry: str, *, why: str) -> None:
        """Say that one key was not taken."""
        self._warn("issuer-key-left-out", {"issuer": entry, "cause": redacted(why)[:_MAX_TEXT]})

    def served_stale(self, entry: str, *, age_seconds: float) -> None:
        """Say that keys are older than they should be."""
        self._warn("issuer-keys-stale", {"issuer": entry, "age_seconds": round(age_seconds)})
        self.measure(lambda: self._metrics.issuer_keys_age(entry, seconds=age_seconds))

    def unknown_key_damped(self, entry: str) -> None:
        """Count it; a line for each would let a stranger write the log full."""
        self.measure(lambda: self._metrics.unknown_key_damped(entry))

    def shared_keys_failed(self, entry: str, *, cause: Exception) -> None:
        """Say that the state table brought no key set, or took none."""
        self._warn("shared-keys-failed", {"issuer": entry, "cause": _text(cause)})
        self.measure(lambda: self._metrics.shared_keys_failed(entry))

    def shared_keys_age(self, entry: str, *, age_seconds: float) -> None:
        """Say how old the set in the state table is, where no later one could be had."""
        self.measure(lambda: self._metrics.issuer_keys_age(entry, seconds=age_seconds))

    def state_failed(self, task: StateTask, *, cause: Exception) -> None:
        """Say that the state table failed an exchange."""
        self._warn("state-failed", {"task": task, "cause": _text(cause)})
        self.measure(lambda: self._metrics.state_failed(task))

    def refresh_ended(self, outcomes: Mapping[str, RefreshOutcome]) -> None:
        """Say what a run of the refresher brought."""
        self._info("issuer-keys-run", {"outcomes": {entry: str(outcome) for entry, outcome in outcomes.items()}})

    def loaded(self, policy: Policy, *, version: str | None) -> None:
        """Say that a policy is in force."""
        self._info(
            "policy-loaded",
            {
                "policy_sha256": policy.sha256,
                "policy_version": version,
                "issuers": len(policy.issuers),
                "grants": len(policy.grants),
            },
        )

    def not_loaded(
        self, cause: PolicyUnreadable | PolicyUnusable, *, in_force: str | None, version: str | None
    ) -> None:
        """Say that a policy did not load, and everything that is wrong with it."""
        fields: dict[str, Json] = {"policy_sha256": in_force, "policy_version": version}
        if isinstance(cause, PolicyUnusable):
            fields["problems"] = _problems([str(problem) for problem in cause.problems])
            fields["problem_count"] = len(cause.problems)
        else:
            fields["cause"] = _text(cause)
        self._error("policy-not-loaded", fields)
        self.measure(self._metrics.policy_load_failed)

    def unknown_claim(self, entry: str, *, provider: str, claim: str) -> None:
        """Say that a provider sends what it did not use to send."""
        self._warn("unknown-claim", {"issuer": entry, "provider": provider, "claim": redacted(claim)[:_MAX_TEXT]})

    def internal_error(self, error: Exception, *, request_id: str) -> None:
        """Say what nobody foresaw, with its traceback."""
        self._error("internal-error", {"request_id": request_id, "traceback": cleaned_traceback(error)})

    def measure(self, measure: Callable[[], None]) -> None:
        """Write metrics by `measure`; one that cannot be written changes no answer, and is told of."""
        try:
            measure()
        except Exception as error:  # noqa: BLE001 - no metric is worth an answer
            last_words({**_event("internal-error", {"traceback": cleaned_traceback(error)})})

    def _info(self, code: EventCode, fields: dict[str, Json]) -> None:
        self._write(self._logger.info, _event(code, fields))

    def _warn(self, code: EventCode, fields: dict[str, Json]) -> None:
        self._write(self._logger.warning, _event(code, fields))

    def _error(self, code: EventCode, fields: dict[str, Json]) -> None:
        self._write(self._logger.error, _event(code, fields))

    def _write(self, write: Callable[..., None], line: dict[str, Json]) -> None:
        try:
            write("event", extra=line)
        except OSError:
            last_words({**line})


def _event(code: EventCode, fields: dict[str, Json]) -> dict[str, Json]:
    return {"record": "event", "event": code, **{name: value for name, value in fields.items() if value is not None}}


def _problems(problems: Sequence[str]) -> Json:
    return [redacted(problem)[:_MAX_TEXT] for problem in problems[:_MOST_PROBLEMS]]


def _text(cause: Exception) -> str:
    return redacted(str(cause))[:_MAX_TEXT]
