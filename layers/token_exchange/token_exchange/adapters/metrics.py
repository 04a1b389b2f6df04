"""Metrics in CloudWatch's embedded format, through Powertools: names and outcomes are dimensions, people are not."""

from collections.abc import Mapping
from typing import Final

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from token_exchange.audit import AuditRecord
from token_exchange.ports import StateTask
from token_exchange.timings import Part

NAMESPACE: Final = "TokenExchange"


class Metrics:
    """Writes metrics to standard output, a line for each set of dimensions that goes together."""

    def exchange(
        self,
        record: AuditRecord,
        milliseconds: Mapping[Part, float],
        *,
        cold_start: bool,
        policy_age_seconds: float | None,
    ) -> None:
        """Count one exchange, and say how long it took."""
        decision, reason = record.decision(), record.reason or "granted"
        counted = _metrics()
        counted.add_metric("Exchanges", MetricUnit.Count, 1)
        counted.add_dimension("decision", decision)
        counted.add_dimension("reason", reason)
        if record.token is not None:
            counted.add_dimensions(issuer=record.token.trust.entry, decision=decision)
        counted.flush_metrics()
        timed = _metrics()
        timed.add_metric("Duration", MetricUnit.Milliseconds, milliseconds.get("total", 0.0))
        if "sts" in milliseconds:
            timed.add_metric("StsDuration", MetricUnit.Milliseconds, milliseconds["sts"])
        if "ecr" in milliseconds:
            timed.add_metric("EcrDuration", MetricUnit.Milliseconds, milliseconds["ecr"])
        if policy_age_seconds is not None:
            timed.add_metric("PolicyAge", MetricUnit.Seconds, policy_age_seconds)
        if cold_start:
            timed.add_metric("ColdStart", MetricUnit.Count, 1)
        timed.flush_metrics()

    def issuer_keys_age(self, issuer: str, *, seconds: float) -> None:
        """Say how old the keys of an issuer entry are."""
        self._by_issuer("IssuerKeysAge", MetricUnit.Seconds, seconds, issuer)

    def issuer_keys_refresh_failed(self, issuer: str) -> None:
        """Count a refresh that brought nothing."""
        self._by_issuer("IssuerKeysRefreshFailed", MetricUnit.Count, 1, issuer)

    def unknown_key_damped(self, issuer: str) -> None:
        """Count a token with an unknown key for which the issuer was not asked again."""
        self._by_issuer("UnknownKeyCooldown", MetricUnit.Count, 1, issuer)

    def shared_keys_failed(self, issuer: str) -> None:
        """Count a key set that the state table did not bring or take."""
        self._by_issuer("SharedKeysFailed", MetricUnit.Count, 1, issuer)

    def state_failed(self, task: StateTask) -> None:
        """Count what the state table did not do for an exchange."""
        metrics = _metrics()
        metrics.add_metric("StateFailed", MetricUnit.Count, 1)
        metrics.add_dimension("task", task)
        metrics.flush_metrics()

    def policy_load_failed(self) -> None:
        """Count a policy that did not load."""
        metrics = _metrics()
        metrics.add_metric("PolicyLoadFailed", MetricUnit.Count, 1)
        metrics.flush_metrics()

    def _by_issuer(self, name: str, unit: MetricUnit, value: float, issuer: str) -> None:
        metrics = _metrics()
        metrics.add_metric(name, unit, value)
        metrics.add_dimension("issuer", issuer)
        metrics.flush_metrics()


def _metrics() -> EphemeralMetrics:
    # A service's name, which POWERTOOLS_SERVICE_NAME may give, would be one more dimension, and no alarm would match.
    return EphemeralMetrics(namespace=NAMESPACE, service="")
