"""The template's alarms on what the handlers really write: each fault rings its own, an ordinary week none."""

from collections.abc import Callable, Mapping
from typing import Final

import pytest

from sandbox.drills.drills import ALARM_MINUTES
from tests.service.simulated_days import (
    DAY,
    HOUR,
    MINUTE,
    MONDAY,
    NOTICE,
    PAGE,
    TEAM,
    Days,
    Recorded,
    alarms_of,
    jobs_at,
    stack,
    steps,
    with_value,
)


def test_an_ordinary_week_rings_nothing(recorded: Recorded) -> None:
    days = Days(recorded)
    for at in steps(MONDAY, MONDAY + 7 * DAY):
        days.ordinary(at)
        if at % DAY == 10 * HOUR:
            # One of each, as happens every day.
            days.of_lambda("Errors", 1, at)
            days.of_lambda("Duration", 19_000, at)
            days.of_lambda("Throttles", 1, at)
            days.turn_away(at, 5)
        # Every alarm's shortest period but one is five minutes; the one of a minute has no data at all.
        days.watch.look(at + 5 * MINUTE)
    assert {topic: names for topic, names in days.watch.rang().items() if topic != TEAM} == {}


type During = Callable[[Days, float], None]


def instead(outcome: str, share: float = 1.0) -> During:
    """Let a share of all jobs have another outcome."""

    def during(days: Days, at: float) -> None:
        days.ordinary(at, granted=1 - share)
        days.ask(outcome, at, jobs_at(at) * share)

    return during


def besides(what: During) -> During:
    """Let something happen while jobs go on."""

    def during(days: Days, at: float) -> None:
        days.ordinary(at)
        what(days, at)

    return during


def of_keys(days: Days, at: float) -> None:
    days.ordinary(at, is_refreshed=False)
    age = at - (MONDAY + 10 * HOUR) + 300
    days.refresh(at, with_value(days.recorded.refresher_failing, "IssuerKeysAge", age))


def of_no_runs(days: Days, at: float) -> None:
    days.ordinary(at, is_refreshed=False)


def of_silence(days: Days, at: float) -> None:
    days.ordinary(at, is_probed=False)


def of_no_answer(days: Days, at: float) -> None:
    days.refresh(at)
    days.write(days.recorded.probe_failing, at)


BURNS: Final = {"SlowBurnAlarm"}

FAULTS: Final[Mapping[str, tuple[During, set[str], set[str]]]] = {
    # the service and AWS
    "sts throttles half": (instead("throttled", 0.5), {"FastBurnAlarm"}, BURNS),
    "sts throttles a fiftieth": (instead("throttled", 0.02), {"FastBurnAlarm"}, BURNS),
    "the table refuses": (
        instead("no-state", 0.1),
        {"FastBurnAlarm"},
        BURNS | {"FailedExchangesAlarm", "StateFailedAlarm"},
    ),
    "the function crashes": (
        besides(lambda days, at: days.of_lambda("Errors", 30, at)),
        {"FastBurnAlarm"},
        BURNS | {"FunctionErrorsAlarm"},
    ),
    "lambda throttles": (
        besides(lambda days, at: days.of_lambda("Throttles", 30, at)),
        {"FastBurnAlarm"},
        BURNS | {"ThrottlesAlarm"},
    ),
    "everything is slow": (
        besides(lambda days, at: days.of_lambda("Duration", 19_000, at)),
        set(),
        {"DurationAlarm"},
    ),
    "the gateway turns a third away": (
        besides(lambda days, at: days.turn_away(at, 100)),
        {"FastBurnAlarm"},
        BURNS | {"GatewayThrottledAlarm"},
    ),
    "a matrix is turned away": (
        besides(lambda days, at: days.turn_away(at, 40 if at == MONDAY + 10 * HOUR else 0)),
        set(),
        {"GatewayThrottledAlarm"},
    ),
    # the policy and the brake
    "a policy denies every exchange": (instead("no-grant"), {"AllExchangesDeniedAlarm"}, set()),
    "an organization is misspelt": (instead("other-organization"), {"AllExchangesDeniedAlarm"}, set()),
    "no role trusts the service any more": (instead("no-role"), {"AllExchangesDeniedAlarm"}, set()),
    "a policy does not load": (
        besides(lambda days, at: days.write(days.recorded.bad_policy, at)),
        {"PolicyLoadFailedAlarm"},
        set(),
    ),
    "the policy is stale": (
        besides(lambda days, at: days.write(with_value(days.recorded.outcomes["granted"], "PolicyAge", 2000), at)),
        set(),
        {"PolicyStaleAlarm"},
    ),
    "the brake does not load": (
        besides(lambda days, at: days.write(days.recorded.bad_brake, at, 5)),
        {"BrakeFailedAlarm"},
        set(),
    ),
    # a CI system
    "one of two CI systems drops a claim": (instead("claim-missing", 0.5), set(), {"IssuerTokensAlarm"}),
    "the only CI system drops a claim": (
        instead("claim-missing"),
        {"AllExchangesDeniedAlarm"},
        {"IssuerTokensAlarm"},
    ),
    "a CI system changes its key ids": (instead("unknown-key", 0.5), set(), {"UnknownKeysAlarm"}),
    "an issuer is down": (of_keys, set(), {"IssuerKeysRefreshFailedAlarm", "IssuerKeysAgeAlarm"}),
    # the refresher
    "the refresher is not started": (of_no_runs, set(), {"RefresherSilentAlarm"}),
    "key sets cannot be shared": (
        besides(lambda days, at: days.refresh(at, [*days.recorded.refresher_not_sharing] * 2)),
        set(),
        {"SharedKeysFailedAlarm"},
    ),
    "the refresher fails": (
        besides(lambda days, at: days.of_lambda("Errors", 1, at, function="RefreshKeysFunction")),
        set(),
        {"RefresherErrorsAlarm"},
    ),
    # the probe
    "the probe is silent": (of_silence, {"ProbeAlarm"}, set()),
    "no one reaches the service": (of_no_answer, {"ProbeAlarm"}, set()),
    # others
    "an outsider floods it": (besides(lambda days, at: days.ask("forged", at, 6000)), set(), {"OutsiderRequestsAlarm"}),
    "tokens of other organizations flood it": (
        besides(lambda days, at: days.ask("other-organization", at, 6000)),
        set(),
        {"OutsiderRequestsAlarm"},
    ),
    "one team's role is missing": (besides(lambda days, at: days.ask("no-role", at, 5)), set(), set()),
}


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_rings_its_own_alarms(recorded: Recorded, name: str) -> None:
    during, pages, notices = FAULTS[name]
    days, begin = Days(recorded), MONDAY + 10 * HOUR
    for at in steps(begin - 3 * HOUR, begin + 75 * MINUTE):
        if at < begin:
            days.ordinary(at)
        else:
            during(days, at)
        if at >= begin - 15 * MINUTE:
            days.look(at)
    rang = days.watch.rang()
    assert (rang.get(PAGE, set()), rang.get(NOTICE, set())) == (pages, notices)
    # A team hears of its own role, and of nothing else.
    assert ("RoleRefusedAlarm" in rang.get(TEAM, set())) == ("role" in name)


@pytest.mark.parametrize(("outcome", "alarm"), [("no-grant", "AllExchangesDeniedAlarm"), ("no-state", "FastBurnAlarm")])
def test_the_drills_wait_for_an_alarm_as_long_as_it_takes(recorded: Recorded, outcome: str, alarm: str) -> None:
    days, begin = Days(recorded), MONDAY + 10 * HOUR
    for at in range(begin - 2 * HOUR, begin + 30 * MINUTE, MINUTE):
        # As many as on a working day.
        days.ask("granted" if at < begin else outcome, at, 60)
        if at >= begin:
            days.watch.look(at + MINUTE)
    (first, *_) = [sent for sent in days.watch.notifications if sent.alarm == alarm and sent.state == "ALARM"]
    assert (first.at_seconds - begin) / MINUTE == ALARM_MINUTES[alarm]


def test_every_alarm_that_notifies_is_rung_by_a_fault() -> None:
    rung = {alarm for _, pages, notices in FAULTS.values() for alarm in pages | notices}
    notifying = {alarm.name for alarm in alarms_of(stack()) if alarm.actions.alarm or alarm.actions.insufficient_data}
    assert rung == notifying
