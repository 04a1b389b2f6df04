"""The refresher: fetches every issuer's keys before they are stale, and shares them with all environments."""

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from token_exchange.adapters.aws import AwsClients
from token_exchange.adapters.aws_calls import DeadlineCalls
from token_exchange.adapters.events import Events, Metrics
from token_exchange.adapters.fetch import HttpsFetcher
from token_exchange.adapters.log import quiet_libraries
from token_exchange.adapters.policy_file import policy_source
from token_exchange.adapters.settings import Settings, SystemClock, invocation_seconds, read_settings
from token_exchange.adapters.table import SharedKeysWriter
from token_exchange.core.keys import UnusableKeySet
from token_exchange.core.ports import Clock, Deadline
from token_exchange.core.record import record
from token_exchange.core.refusals import Reason, Refused
from token_exchange.core.trust import IssuerTrust, Pinned
from token_exchange.issuer_keys.origins import (
    SHARED_SECONDS,
    FetchedKeys,
    Fetcher,
    KeyOrigin,
    SharedKeysFailed,
    SharedKeysTable,
    fetch_keys,
    shared_name,
    stored,
    validate_shared_key_set,
)
from token_exchange.issuer_keys.store import RefreshEvents, RefreshOutcome
from token_exchange.issuer_keys.timing import Moment
from token_exchange.loading.store import PolicyStore

_MAX_CONCURRENT_FETCHES: Final = 8

_MAX_CLOCK_DIFFERENCE_SECONDS: Final = 60
"""By which the clocks of two environments may differ; AWS keeps them within milliseconds."""


@record
class _Task:
    origin: KeyOrigin
    entries: tuple[str, ...]


class KeyRefresher:
    """Writes key sets to the state table; nothing else does."""

    def __init__(self, *, fetcher: Fetcher, table: SharedKeysTable, clock: Clock, events: RefreshEvents) -> None:
        self._fetcher = fetcher
        self._table = table
        self._clock = clock
        self._events = events

    def refresh(self, trusts: Iterable[IssuerTrust], *, deadline: Deadline) -> dict[str, RefreshOutcome]:
        """Fetch and share the keys of each of `trusts` that has keys to fetch; return the outcome of each entry.

        An issuer that fails or hangs costs the others only a thread for 3 s. A fetch not begun by `deadline` fails.
        """
        tasks = _tasks(trusts)
        with ThreadPoolExecutor(max_workers=_MAX_CONCURRENT_FETCHES, thread_name_prefix="refresh") as threads:
            outcomes = list(threads.map(lambda task: self._refresh(task, deadline), tasks))
        by_entry = {entry: outcome for task, outcome in zip(tasks, outcomes, strict=True) for entry in task.entries}
        self._events.refresh_ended(by_entry)
        return by_entry

    def _refresh(self, task: _Task, deadline: Deadline) -> RefreshOutcome:
        fetched_at = Moment.read(self._clock)
        try:
            fetched = fetch_keys(task.origin, fetcher=self._fetcher, deadline=deadline)
        except Exception as error:  # noqa: BLE001 - one issuer's failure must not stop the others
            for entry in task.entries:
                self._events.refresh_failed(entry, cause=error)
            self._report_age(task, deadline)
            return "failed"
        return self._share(task, fetched, fetched_at, deadline)

    def _share(self, task: _Task, fetched: FetchedKeys, fetched_at: Moment, deadline: Deadline) -> RefreshOutcome:
        try:
            put = self._table.write(
                shared_name(task.origin),
                stored(fetched, task.origin, fetched_at=fetched_at),
                latest_seconds=int(self._clock.now()) + _MAX_CLOCK_DIFFERENCE_SECONDS,
                deadline=deadline.within(SHARED_SECONDS),
            )
        except SharedKeysFailed as error:
            for entry in task.entries:
                self._events.shared_keys_failed(entry, cause=error)
            return "failed"
        for entry in task.entries:
            for why in fetched.keys.left_out:
                self._events.key_left_out(entry, why=why)
            age_seconds = Moment.read(self._clock).seconds_since(fetched_at)
            self._events.refreshed(entry, keys=len(fetched.keys.keys), source="issuer", age_seconds=age_seconds)
        return "refreshed" if put else "kept"

    def _report_age(self, task: _Task, deadline: Deadline) -> None:
        """Report the age of the set that the environments continue to use."""
        try:
            found = self._table.read(shared_name(task.origin), deadline=deadline.within(SHARED_SECONDS))
            now = Moment.read(self._clock)
            held = None if found is None else validate_shared_key_set(found, task.origin, now=now)
        except (SharedKeysFailed, UnusableKeySet) as error:
            for entry in task.entries:
                self._events.shared_keys_failed(entry, cause=error)
            return
        if held is not None:
            for entry in task.entries:
                self._events.shared_keys_age(entry, age_seconds=held.age_seconds(now))


def _tasks(trusts: Iterable[IssuerTrust]) -> list[_Task]:
    """Return one task for each origin: entries that agree in it share one fetch, as they share one set."""
    entries: dict[KeyOrigin, tuple[str, ...]] = {}
    for trust in trusts:
        if not isinstance(trust.keys, Pinned):
            origin = KeyOrigin.of(trust, trust.keys)
            entries[origin] = (*entries.get(origin, ()), trust.entry)
    return [_Task(origin=origin, entries=names) for origin, names in entries.items()]


MAX_RUN_SECONDS: Final = 50.0
_SHUTDOWN_RESERVE_SECONDS: Final = 2.0
_OUTCOMES: Final[tuple[RefreshOutcome, ...]] = ("refreshed", "kept", "failed")


class Refresher:
    """The refresher function of one environment: fetches every issuer's keys, and writes them to the state table."""

    def __init__(self, settings: Settings, *, folder: Path) -> None:
        quiet_libraries()
        self._clock: Clock = SystemClock()
        metrics = Metrics(deployment=settings.deployment, by_issuer=settings.metrics_by_issuer)
        events = Events(metrics=metrics)
        clients, calls = AwsClients(region=settings.region), DeadlineCalls()
        self._policies = PolicyStore(
            source=policy_source(
                settings.policy, first=settings.first_policy, folder=folder, clients=clients, calls=calls
            ),
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
        seconds = invocation_seconds(context, at_most=MAX_RUN_SECONDS, reserve=_SHUTDOWN_RESERVE_SECONDS)
        deadline = Deadline(clock=self._clock, at_monotonic_seconds=self._clock.monotonic() + seconds)
        outcomes = self._keys.refresh([issuer.trust for issuer in policy.issuers.values()], deadline=deadline)
        return {outcome: [entry for entry, found in outcomes.items() if found == outcome] for outcome in _OUTCOMES}


def start(function_file: str) -> Refresher:
    """Return the refresher as the environment configures it, for the function whose module is `function_file`.

    Raises:
        BadSetting: a variable has an invalid value.
    """
    return Refresher(read_settings(os.environ), folder=Path(function_file).parent)
