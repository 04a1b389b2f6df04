"""Which quota is exhausted first under load: a simulation of rates and bursts; `make bench` runs it too.

Every quota is a token bucket or a number of environments, as AWS documents them; nothing sleeps, time is a number.
"""

import heapq
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from bench import report

PAGE: Final = Path(__file__).parent.parent / "docs" / "scaling.md"

_SEED: Final = 20261121
_CLIENT_TRIES: Final = 5
_CLIENT_SECONDS: Final = 60
"""`curl --retry 4 --retry-max-time 60`, in the steps that this project ships: pauses of 1, 2, 4 and 8 seconds, without
jitter, or what the service's `Retry-After` says. The gateway's own 429 has no such header."""

_RETRY_AFTER_SECONDS: Final = 5
_UPSTREAM_TRIES: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotas:
    """What one account and region allow: requests a second with a burst, and environments of the function.

    Sources: API Gateway and Lambda quotas pages; STS and ECR service quotas. `environments_ramp` is how many more the
    function may have each second, after as many at once (Lambda: 1,000 in ten seconds).
    """

    gateway_rate: float = 200
    gateway_burst: float = 1000
    environments: int = 1000
    environments_ramp: float = 100
    sts_rate: float = 600
    ecr_rate: float = 500
    ecr_burst: float = 500
    source_rate_a_minute: float | None = None
    """For each address, by WAF; None without WAF."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Jobs that arrive: so many within the first second, and so many a second for `seconds`.

    All the while, `invalid_a_second` requests with invalid tokens come from `invalid_addresses` addresses.
    """

    name: str
    at_once: int = 0
    a_second: float = 0
    seconds: float = 20
    invalid_a_second: float = 0
    invalid_addresses: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Durations:
    """How long the parts of an exchange take, in seconds; assumptions, for nothing here was measured in AWS."""

    own: float = 0.02
    cold_start: float = 0.8
    sts: float = 0.04
    ecr: float = 0.03


@dataclass(slots=True, kw_only=True)
class Outcome:
    """The outcome of the jobs: how long each waited for its login, and the refusals on the way."""

    waited_seconds: list[float] = field(default_factory=list)
    told: Counter[str] = field(default_factory=Counter)
    given_up: int = 0
    most_environments: int = 0

    def waited(self, share: float) -> float:
        """Return within how many seconds this share of the jobs that got a login had it."""
        ordered = sorted(self.waited_seconds)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


class Bucket:
    """A token bucket: `rate` a second, `burst` at once."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._left = burst
        self._at = 0.0

    def take(self, at: float) -> bool:
        """Take one at the time `at`, which never goes back; say whether there was one."""
        self._left = min(self._burst, self._left + (at - self._at) * self._rate)
        self._at = at
        if self._left < 1:
            return False
        self._left -= 1
        return True


@dataclass(slots=True, kw_only=True)
class _Job:
    """One job that requests a login."""

    since: float
    tries: int = 0


class Simulation:
    """Runs a load against quotas. Events are times with what happens then, in order."""

    def __init__(self, quotas: Quotas, *, durations: Durations | None = None) -> None:
        self._quotas = quotas
        self._durations = durations or Durations()
        self._gateway = Bucket(quotas.gateway_rate, quotas.gateway_burst)
        self._sts = Bucket(quotas.sts_rate, quotas.sts_rate)
        self._ecr = Bucket(quotas.ecr_rate, quotas.ecr_burst)
        self._random = random.Random(_SEED)  # noqa: S311 - a simulation, the same each time
        self._events: list[tuple[float, int, Callable[[float], None]]] = []
        self._planned = 0
        self._invalid: list[float] = []
        self._invalid_admitted = 0
        self._sources: list[Bucket] = []
        self._busy = 0
        self._idle = 0
        self._outcome = Outcome()

    def run(self, load: Load) -> Outcome:
        """Return what became of the jobs of `load`."""
        arrivals = [self._random.uniform(0, 1) for _ in range(load.at_once)]
        arrivals += [self._random.uniform(0, load.seconds) for _ in range(int(load.a_second * load.seconds))]
        for at in arrivals:
            self._later(at, self._asking(_Job(since=at)))
        limit = self._quotas.source_rate_a_minute
        if limit is not None:
            self._sources = [Bucket(limit / 60, limit) for _ in range(load.invalid_addresses)]
        # Longer than the load, for the jobs that try again.
        seconds = load.seconds + _CLIENT_SECONDS / 2
        flood = (self._random.uniform(0, seconds) for _ in range(int(load.invalid_a_second * seconds)))
        self._invalid = sorted(flood, reverse=True)
        while self._events:
            at, _, event = heapq.heappop(self._events)
            event(at)
        return self._outcome

    def _admit_invalid(self, until: float) -> None:
        """Let the invalid requests before `until` take from the gateway's limit what WAF leaves them.

        An invalid token costs an environment a millisecond and no call to AWS: that limit is what they use up.
        """
        while self._invalid and self._invalid[-1] <= until:
            at = self._invalid.pop()
            self._invalid_admitted += 1
            if not self._sources or self._sources[self._invalid_admitted % len(self._sources)].take(at):
                self._gateway.take(at)

    def _later(self, at: float, event: Callable[[float], None]) -> None:
        # The number keeps events of the same moment in the order in which they were planned.
        self._planned += 1
        heapq.heappush(self._events, (at, self._planned, event))

    def _asking(self, job: _Job) -> Callable[[float], None]:
        return lambda at: self._ask(job, at)

    def _ask(self, job: _Job, at: float) -> None:
        job.tries += 1
        self._admit_invalid(at)
        if not self._gateway.take(at):
            self._told(job, at, "429 of the gateway")
            return
        allowed = min(self._quotas.environments, self._quotas.environments_ramp * (10 + at))
        if self._idle:
            self._idle -= 1
            start = 0.0
        elif self._busy < allowed:
            start = self._durations.cold_start
        else:
            self._told(job, at, "no environment")
            return
        self._busy += 1
        self._outcome.most_environments = max(self._outcome.most_environments, self._busy + self._idle)
        self._later(at + start + self._durations.own, lambda then: self._sts_call(job, then, 1))

    def _sts_call(self, job: _Job, at: float, attempt: int) -> None:
        if self._sts.take(at):
            self._later(at + self._durations.sts, lambda then: self._ecr_call(job, then, 1))
        elif attempt < _UPSTREAM_TRIES:
            self._later(at + self._pause(attempt), lambda then: self._sts_call(job, then, attempt + 1))
        else:
            self._throttled(job, at, "503 for STS")

    def _ecr_call(self, job: _Job, at: float, attempt: int) -> None:
        if self._ecr.take(at):
            self._later(at + self._durations.ecr, lambda then: self._answered(job, then))
        elif attempt < _UPSTREAM_TRIES:
            self._later(at + self._pause(attempt), lambda then: self._ecr_call(job, then, attempt + 1))
        else:
            self._throttled(job, at, "503 for ECR")

    def _answered(self, job: _Job, at: float) -> None:
        self._free()
        self._outcome.waited_seconds.append(at - job.since)

    def _throttled(self, job: _Job, at: float, what: str) -> None:
        self._free()
        self._told(job, at, what)

    def _free(self) -> None:
        self._busy -= 1
        self._idle += 1

    def _told(self, job: _Job, at: float, what: str) -> None:
        """Let the job retry, as curl does."""
        self._outcome.told[what] += 1
        pause = _RETRY_AFTER_SECONDS if what.startswith("503") else 2 ** (job.tries - 1)
        if job.tries >= _CLIENT_TRIES or at + pause - job.since > _CLIENT_SECONDS:
            self._outcome.given_up += 1
            return
        self._later(at + pause, self._asking(job))

    def _pause(self, attempt: int) -> float:
        """Return the client's pause before another attempt: growing, with jitter, as botocore's standard mode has."""
        return float(2**attempt * self._random.random() / 4)


AS_DEPLOYED: Final = Quotas()
GATEWAY_RAISED: Final = replace(AS_DEPLOYED, gateway_rate=10_000, gateway_burst=5_000)
NARROW: Final = replace(AS_DEPLOYED, gateway_rate=50, gateway_burst=100)
OLDER_ECR: Final = replace(AS_DEPLOYED, ecr_rate=20, ecr_burst=200)
ALL_RAISED: Final = replace(GATEWAY_RAISED, environments=5_000, sts_rate=2_000, ecr_rate=2_000, ecr_burst=2_000)

RUNS: Final[Sequence[tuple[str, Quotas, Load]]] = (
    ("as deployed", AS_DEPLOYED, Load(name="10 a second", a_second=10)),
    ("as deployed", AS_DEPLOYED, Load(name="a matrix of 1,000 at once", at_once=1000)),
    ("gateway at 50 a second, 100 at once", NARROW, Load(name="a matrix of 1,000 at once", at_once=1000)),
    ("ECR at 20 a second, 200 at once", OLDER_ECR, Load(name="a matrix of 1,000 at once", at_once=1000)),
    ("as deployed", AS_DEPLOYED, Load(name="a matrix of 3,000 at once", at_once=3000)),
    ("as deployed", AS_DEPLOYED, Load(name="1,000 a second", a_second=1000)),
    ("gateway raised", GATEWAY_RAISED, Load(name="1,000 a second", a_second=1000)),
    ("all raised", ALL_RAISED, Load(name="1,000 a second", a_second=1000)),
    ("all raised", ALL_RAISED, Load(name="10,000 a second", a_second=10_000, seconds=5)),
)


FLOODS: Final = (400, 1000, 2000, 5000)
_SOURCES: Final = (1, 10, 100)
WITH_WAF: Final = replace(AS_DEPLOYED, source_rate_a_minute=2000)


def flood_table() -> str:
    """Return what a flood leaves of ten jobs a second, in Markdown."""
    rows = []
    for flood in FLOODS:
        load = Load(name="ten a second", a_second=10, invalid_a_second=flood)
        shares = [_share(Simulation(AS_DEPLOYED).run(load))]
        shares += [
            _share(Simulation(WITH_WAF).run(replace(load, invalid_addresses=addresses))) for addresses in _SOURCES
        ]
        rows.append([f"{flood:,}", *(f"{share:.0%}" for share in shares)])
    head = ["requests a second", "`http`", "`rest`, one address", "`rest`, 10 addresses", "`rest`, 100 addresses"]
    return report.table(head, rows, left=())


def _share(outcome: Outcome) -> float:
    return len(outcome.waited_seconds) / (len(outcome.waited_seconds) + outcome.given_up)


def table() -> str:
    """Return the outcomes of all runs, in Markdown."""
    rows = []
    for name, quotas, load in RUNS:
        outcome = Simulation(quotas).run(load)
        told = ", ".join(f"{what}: {count:,}" for what, count in outcome.told.most_common()) or "none"
        waited = (f"{outcome.waited(share):.1f} s" for share in (0.5, 0.99))
        rows.append([name, load.name, f"{_share(outcome):.0%}", *waited, told, f"{outcome.most_environments:,}"])
    head = ["quotas", "load", "got a login", "half within", "99 % within", "told to retry", "environments"]
    return report.table(head, rows, left=(0, 1, 5))


def tables() -> str:
    """Return what the page shows of this simulation."""
    return f"{table()}\n\nThe share of ten jobs a second that get a login in a flood:\n\n{flood_table()}"


def main() -> None:
    """Simulate, and write the tables into the page."""
    report.rewrite(PAGE, tables())
    print(f"written into {PAGE.name}")


if __name__ == "__main__":
    main()
