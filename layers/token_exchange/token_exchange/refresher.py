"""Assembles the refresher of key sets for one environment, and runs it."""

import os
from pathlib import Path
from typing import Final

from token_exchange.adapters.aws import AwsClients
from token_exchange.adapters.aws_calls import DeadlineCalls
from token_exchange.adapters.events import Events, Metrics
from token_exchange.adapters.fetch import HttpsFetcher
from token_exchange.adapters.log import quiet_libraries
from token_exchange.adapters.policy_file import policy_source
from token_exchange.adapters.settings import Settings, SystemClock, read_settings
from token_exchange.adapters.table import SharedKeysWriter
from token_exchange.core.ports import Clock, Deadline
from token_exchange.core.refusals import Reason, Refused
from token_exchange.issuer_keys.refresh import KeyRefresher
from token_exchange.issuer_keys.store import RefreshOutcome
from token_exchange.loading.store import PolicyStore

MAX_RUN_SECONDS: Final = 50.0
_SHUTDOWN_RESERVE_SECONDS: Final = 2.0
_OUTCOMES: Final[tuple[RefreshOutcome, ...]] = ("refreshed", "kept", "failed")


class Refresher:
    """The refresher function of one environment: fetches every issuer's keys, and writes them to the state table."""

    def __init__(self, settings: Settings, *, folder: Path) -> None:
        quiet_libraries()
        self._clock: Clock = SystemClock()
        events = Events(metrics=Metrics(deployment=settings.deployment))
        clients, calls = AwsClients(region=settings.region), DeadlineCalls()
        self._policies = PolicyStore(
            source=policy_source(settings.policy, folder=folder, clients=clients, calls=calls),
            clock=self._clock,
            max_age_seconds=settings.policy_max_age_seconds,
            events=events,
            own_region=settings.region,
        )
        self._keys: KeyRefresher | None = None
        if settings.state_table is not None:
            self._keys = KeyRefresher(
                fetcher=HttpsFetcher(clock=self._clock),
                table=SharedKeysWriter(clients=clients, calls=calls, table=settings.state_table),
                clock=self._clock,
                events=events,
            )

    def __call__(self, _event: object, context: object) -> dict[str, list[str]]:
        """Return the issuer entries by outcome. Only the remaining time of Lambda's `context` is used.

        Issuers that fail, even all of them, are no error: they are reported, and the next run tries again.

        Raises:
            Refused: `misconfigured` without a table, `policy-unavailable` without a policy.
        """
        if self._keys is None:
            raise Refused(Reason.MISCONFIGURED, "no table for key sets is configured: TOKEN_EXCHANGE_STATE_TABLE")
        policy = self._policies.current().policy
        deadline = Deadline(clock=self._clock, at_monotonic_seconds=self._clock.monotonic() + _seconds_for(context))
        outcomes = self._keys.refresh([issuer.trust for issuer in policy.issuers.values()], deadline=deadline)
        return {outcome: [entry for entry, found in outcomes.items() if found == outcome] for outcome in _OUTCOMES}


def _seconds_for(context: object) -> float:
    """Return how long the run may take; outside Lambda there may be no limit."""
    remaining = getattr(context, "get_remaining_time_in_millis", None)
    if remaining is None:
        return MAX_RUN_SECONDS
    left: float = remaining() / 1000 - _SHUTDOWN_RESERVE_SECONDS
    return min(MAX_RUN_SECONDS, left)


def start(function_file: str) -> Refresher:
    """Return the refresher as the environment configures it, for the function whose module is `function_file`.

    Raises:
        BadSetting: a variable has an invalid value.
    """
    return Refresher(read_settings(os.environ), folder=Path(function_file).parent)
