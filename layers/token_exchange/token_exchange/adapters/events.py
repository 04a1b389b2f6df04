"""Events and metrics for the operators of the service.

Names and outcomes are dimensions of metrics; people are not.
Source: CloudWatch User Guide, "Specification: Embedded metric format".
"""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from typing import Final, Literal

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit
from aws_lambda_powertools.metrics.functions import is_metrics_disabled

from token_exchange.adapters.log import as_extra, cleaned_traceback, logger_for, write_to_stderr
from token_exchange.core.attempt import Part
from token_exchange.core.policy import Policy
from token_exchange.core.ports import Json, StateTask
from token_exchange.issuer_keys.store import KeysFrom, RefreshOutcome
from token_exchange.loading.brake import BrakeUnreadable
from token_exchange.loading.problems import PolicyUnusable
from token_exchange.loading.store import PolicyNotDeployed, PolicyUnreadable
from token_exchange.reporting.audit import AuditRecord
from token_exchange.reporting.safe_text import redacted

NAMESPACE: Final = "TokenExchange"


class Metrics:
    """Writes metrics to standard output, in CloudWatch's embedded metric format.

    Each has the dimension `deployment`, which distinguishes deployments in one account and region. `by_issuer` adds the
    dimension `issuer`: CloudWatch bills each combination of values, and a policy may have hundreds of issuers.
    """

    def __init__(self, *, deployment: str, by_issuer: bool = True) -> None:
        self._deployment = {"deployment": deployment}
        self._is_by_issuer = by_issuer
        self._is_disabled = is_metrics_disabled()
        # POWERTOOLS_SERVICE_NAME would add a dimension, and no alarm would match.
        self._format = EphemeralMetrics(namespace=NAMESPACE, service="")
        self._lock = Lock()

    def exchange(
        self,
        record: AuditRecord,
        milliseconds: Mapping[Part, float],
        *,
        cold_start: bool,
        policy_age_seconds: float | None,
    ) -> None:
        """Count one exchange, and record how long it took."""
        decision = record.decision()
        counted_by = [{"decision": decision, "reason": record.reason or "granted"}]
        token = record.attempt.token
        if token is not None and self._is_by_issuer:
            counted_by.append({"issuer": token.trust.entry, "decision": decision})
        fault = record.fault()
        if fault is not None:
            counted_by.append({"fault": fault})
        account = record.refusing_account()
        if fault == "role-owner" and account is not None:
            counted_by.append({"fault": fault, "account": account})
        self._write({"Exchanges": (1, MetricUnit.Count)}, *counted_by)
        timed: _Values = {"Duration": (milliseconds.get("total", 0.0), MetricUnit.Milliseconds)}
        if "sts" in milliseconds:
            timed["StsDuration"] = milliseconds["sts"], MetricUnit.Milliseconds
        if "ecr" in milliseconds:
            timed["EcrDuration"] = milliseconds["ecr"], MetricUnit.Milliseconds
        if policy_age_seconds is not None:
            timed["PolicyAge"] = policy_age_seconds, MetricUnit.Seconds
        if cold_start:
            timed["ColdStart"] = 1, MetricUnit.Count
        self._write(timed, {})

    def issuer_keys_age(self, issuer: str, *, seconds: float) -> None:
        """Record the age of an issuer entry's keys."""
        self._by_issuer({"IssuerKeysAge": (seconds, MetricUnit.Seconds)}, issuer)

    def issuer_keys_refresh_failed(self, issuer: str) -> None:
        """Count a refresh that failed."""
        self._by_issuer({"IssuerKeysRefreshFailed": (1, MetricUnit.Count)}, issuer)

    def unknown_key_damped(self, issuer: str) -> None:
        """Count a token with an unknown key for which no key set was fetched, because of the cooldown."""
        self._by_issuer({"UnknownKeyCooldown": (1, MetricUnit.Count)}, issuer)

    def shared_keys_failed(self, issuer: str) -> None:
        """Count a key set that could not be read from or written to the state table."""
        self._by_issuer({"SharedKeysFailed": (1, MetricUnit.Count)}, issuer)

    def state_failed(self, task: StateTask) -> None:
        """Count a failed operation of the state table."""
        self._write({"StateFailed": (1, MetricUnit.Count)}, {"task": task})

    def policy_load_failed(self) -> None:
        """Count a policy that did not load."""
        self._write({"PolicyLoadFailed": (1, MetricUnit.Count)}, {})

    def brake_failed(self) -> None:
        """Count a brake that could not be read or does not load."""
        self._write({"BrakeFailed": (1, MetricUnit.Count)}, {})

    def probed(self, *, succeeded: bool) -> None:
        """Record whether the exchange answered the probe as expected."""
        self._write({"ProbeSucceeded": (int(succeeded), MetricUnit.Count)}, {})

    def _by_issuer(self, values: "_Values", issuer: str) -> None:
        self._write(values, {"issuer": issuer} if self._is_by_issuer else {})

    def _write(self, values: "_Values", *dimensions: Mapping[str, str]) -> None:
        """Write one line with `values`, which CloudWatch keeps once for each of `dimensions`.

        Powertools only serializes it: to collect metrics one by one, it checks each and takes three times as long.
        """
        if self._is_disabled:
            return
        first, *others = ({**self._deployment, **more} for more in dimensions)
        metrics = {name: {"Unit": unit.value, "Value": [float(value)]} for name, (value, unit) in values.items()}
        with self._lock:
            self._format.dimension_sets = others
            line = self._format.serialize_metric_set(metrics=metrics, dimensions=first, metadata={})
        sys.stdout.write(f"{_JSON.encode(line)}\n")


type _Values = dict[str, tuple[float, MetricUnit]]
_JSON: Final = json.JSONEncoder(separators=(",", ":"))


type EventCode = Literal[
    "brake-changed",
    "brake-failed",
    "internal-error",
    "issuer-key-left-out",
    "issuer-keys-refresh-failed",
    "issuer-keys-refreshed",
    "issuer-keys-run",
    "issuer-keys-stale",
    "policy-loaded",
    "policy-not-deployed",
    "policy-not-loaded",
    "policy-not-read",
    "probe-failed",
    "shared-keys-failed",
    "state-failed",
    "unknown-claim",
]

_LOGGER_NAME: Final = "token-exchange"
_MAX_PROBLEMS: Final = 20
_MAX_TEXT_CHARACTERS: Final = 500


class Events:
    """Implements `KeyEvents`, `RefreshEvents`, `PolicyEvents`, `BrakeEvents`, `ClaimEvents` and `StateEvents`.

    No method raises: a failure to log must not keep a token from being verified.
    """

    def __init__(self, *, metrics: Metrics) -> None:
        self._logger = logger_for(_LOGGER_NAME, level=None)
        self._metrics = metrics

    def refreshed(self, entry: str, *, keys: int, source: KeysFrom, age_seconds: float) -> None:
        """Log that a key set is in use."""
        fields: dict[str, Json] = {"issuer": entry, "keys": keys, "from": source, "age_seconds": round(age_seconds)}
        self._info("issuer-keys-refreshed", fields)
        self.measure(lambda: self._metrics.issuer_keys_age(entry, seconds=age_seconds))

    def refresh_failed(self, entry: str, *, cause: Exception) -> None:
        """Log that a refresh failed."""
        self._warn("issuer-keys-refresh-failed", {"issuer": entry, "cause": _text(cause)})
        self.measure(lambda: self._metrics.issuer_keys_refresh_failed(entry))

    def key_left_out(self, entry: str, *, why: str) -> None:
        """Log that one key was left out."""
        self._warn("issuer-key-left-out", {"issuer": entry, "cause": redacted(why)[:_MAX_TEXT_CHARACTERS]})

    def served_stale(self, entry: str, *, age_seconds: float) -> None:
        """Log that stale keys are in use."""
        self._warn("issuer-keys-stale", {"issuer": entry, "age_seconds": round(age_seconds)})
        self.measure(lambda: self._metrics.issuer_keys_age(entry, seconds=age_seconds))

    def unknown_key_damped(self, entry: str) -> None:
        """Count it; a line for each would let anyone fill the log."""
        self.measure(lambda: self._metrics.unknown_key_damped(entry))

    def shared_keys_failed(self, entry: str, *, cause: Exception) -> None:
        """Log that a key set could not be read from or written to the state table."""
        self._warn("shared-keys-failed", {"issuer": entry, "cause": _text(cause)})
        self.measure(lambda: self._metrics.shared_keys_failed(entry))

    def shared_keys_age(self, entry: str, *, age_seconds: float) -> None:
        """Record the age of the set in the state table, if no later one could be fetched."""
        self.measure(lambda: self._metrics.issuer_keys_age(entry, seconds=age_seconds))

    def state_failed(self, task: StateTask, *, cause: Exception) -> None:
        """Log that an operation of the state table failed during an exchange."""
        self._warn("state-failed", {"task": task, "cause": _text(cause)})
        self.measure(lambda: self._metrics.state_failed(task))

    def refresh_ended(self, outcomes: Mapping[str, RefreshOutcome]) -> None:
        """Log the outcomes of a run of the refresher."""
        self._info("issuer-keys-run", {"outcomes": {entry: str(outcome) for entry, outcome in outcomes.items()}})

    def loaded(self, policy: Policy, *, version: str | None) -> None:
        """Log that a policy is in force."""
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
        """Log that a policy does not load, with its problems."""
        self._error("policy-not-loaded", {"policy_sha256": in_force, "policy_version": version, **_why(cause)})
        self.measure(self._metrics.policy_load_failed)

    def not_read(self, cause: PolicyUnreadable, *, in_force: str | None) -> None:
        """Log that no policy was read. It is not counted as a policy that does not load: there was none to judge."""
        fields: dict[str, Json] = {"policy_sha256": in_force, "cause": _text(cause)}
        if isinstance(cause, PolicyNotDeployed):
            self._warn("policy-not-deployed", fields)
        else:
            self._error("policy-not-read", fields)

    def brake_changed(self, sha256: str | None, *, rules: int) -> None:
        """Log that a brake is in force, or none any more."""
        self._warn("brake-changed", {"brake_sha256": sha256, "rules": rules})

    def brake_failed(self, cause: BrakeUnreadable | PolicyUnusable) -> None:
        """Log that a brake could not be read or does not load."""
        self._error("brake-failed", _why(cause))
        self.measure(self._metrics.brake_failed)

    def probe_failed(self, cause: Exception) -> None:
        """Log that the exchange did not answer the probe as expected."""
        self._error("probe-failed", {"cause": _text(cause)})

    def unknown_claim(self, entry: str, *, provider: str, claim: str) -> None:
        """Log a claim that the provider did not send before."""
        self._warn(
            "unknown-claim", {"issuer": entry, "provider": provider, "claim": redacted(claim)[:_MAX_TEXT_CHARACTERS]}
        )

    def internal_error(self, error: Exception, *, request_id: str) -> None:
        """Log an unexpected error with its traceback."""
        self._error("internal-error", {"request_id": request_id, "traceback": cleaned_traceback(error)})

    def measure(self, measure: Callable[[], None]) -> None:
        """Write metrics with `measure`; a failure is reported and does not change the answer."""
        try:
            measure()
        except Exception as error:  # noqa: BLE001 - no metric is worth an answer
            write_to_stderr({**_event("internal-error", {"traceback": cleaned_traceback(error)})})

    def _info(self, code: EventCode, fields: dict[str, Json]) -> None:
        self._write(self._logger.info, _event(code, fields))

    def _warn(self, code: EventCode, fields: dict[str, Json]) -> None:
        self._write(self._logger.warning, _event(code, fields))

    def _error(self, code: EventCode, fields: dict[str, Json]) -> None:
        self._write(self._logger.error, _event(code, fields))

    def _write(self, write: Callable[..., None], line: dict[str, Json]) -> None:
        try:
            write("event", extra=as_extra(line))
        except OSError:
            write_to_stderr({**line})


def _event(code: EventCode, fields: dict[str, Json]) -> dict[str, Json]:
    return {"record": "event", "event": code, **{name: value for name, value in fields.items() if value is not None}}


def _why(cause: Exception) -> dict[str, Json]:
    if not isinstance(cause, PolicyUnusable):
        return {"cause": _text(cause)}
    return {
        "problems": _problems([str(problem) for problem in cause.problems]),
        "problem_count": len(cause.problems),
    }


def _problems(problems: Sequence[str]) -> Json:
    return [redacted(problem)[:_MAX_TEXT_CHARACTERS] for problem in problems[:_MAX_PROBLEMS]]


def _text(cause: Exception) -> str:
    return redacted(str(cause))[:_MAX_TEXT_CHARACTERS]
