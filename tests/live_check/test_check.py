"""The whole check, rehearsed in the sandbox, also where AWS were to do otherwise than the project hopes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from live_check.__main__ import check
from live_check.issuer import ThrowAwayIssuer
from live_check.place import Clock, LiveCheckFailed, Place
from live_check.questions import ask
from sandbox import account
from sandbox.aws.ecr import authorize
from sandbox.aws.principals import Session, make_role
from tests.live_check.rehearsal import OTHER, OWN, QuickClock, RehearsalAccount
from tests.moved_clock import MovedClock

pytestmark = pytest.mark.registry


@pytest.fixture
def clock() -> QuickClock:
    return QuickClock(MovedClock())


@pytest.fixture
def rehearsed(tmp_path: Path, clock: QuickClock) -> Iterator[RehearsalAccount]:
    made = RehearsalAccount(tmp_path, clock.clock)
    yield made
    made.remove()


def answers(rehearsed: RehearsalAccount, clock: Clock, *, patient: bool = True) -> dict[str, str]:
    issuer = ThrowAwayIssuer()
    place = rehearsed.create(issuer)
    return {found.question: found.answer for found in ask(rehearsed, place, issuer, clock, patient=patient)}


def test_the_sandbox_behaves_as_the_project_assumes(rehearsed: RehearsalAccount, clock: QuickClock) -> None:
    assert answers(rehearsed, clock) == {
        "Is a login limited to its own repositories?": "yes",
        "Can a login mount a layer from a repository that it may not read?": "no",
        "Does the date in the session policy stop a login that a client holds?": "yes",
        "Does a login outlive the role session that it was made with?": "yes",
    }
    assert clock.waited_for == ["the date in the session policy passes", "a role session of 15 minutes ends"]


def test_a_check_reports_its_results_and_cleans_up(
    rehearsed: RehearsalAccount, clock: QuickClock, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(rehearsed, clock, patient=True) == 0
    assert rehearsed.removed
    said = capsys.readouterr()
    assert "YES   15 s after it: 403 User: arn:aws:sts::111122223333:assumed-role/ci-ecr-push/" in said.out
    assert f"repository/{OTHER} because no session policy allows" in said.out
    assert "everything that was created is removed" in said.err
    assert "eyJ" not in said.out + said.err


def test_a_date_that_stops_nothing_ends_with_status_1(
    rehearsed: RehearsalAccount,
    clock: QuickClock,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A registry for which it is always the moment at which the login was made.
    made_at = clock.now()

    def at_first(session: Session, **asked: object) -> None:
        authorize(session, action=str(asked["action"]), resource=str(asked["resource"]), now_seconds=made_at)

    monkeypatch.setattr("sandbox.registry.gate.authorize", at_first)
    assert check(rehearsed, clock, patient=False) == 1
    assert rehearsed.removed
    said = capsys.readouterr().out
    assert "NO   15 s after it: 201; 300 s after it: 201" in said
    assert "The project depends on yes" in said


def test_a_login_that_ends_with_its_session_is_reported(rehearsed: RehearsalAccount, clock: QuickClock) -> None:
    class Ending(QuickClock):
        def wait_until(self, moment: float, *, why: str) -> None:
            super().wait_until(moment, why=why)
            if "session" in why and "date" not in why:
                _forget_the_role(rehearsed)

    found = answers(rehearsed, Ending(clock.clock))
    assert found["Does a login outlive the role session that it was made with?"] == "no"


def test_an_unremovable_resource_gives_status_1(
    rehearsed: RehearsalAccount, clock: QuickClock, capsys: pytest.CaptureFixture[str]
) -> None:
    rehearsed.left = ["stack live-check-1: still in use"]
    assert check(rehearsed, clock, patient=False) == 1
    assert "not removed: stack live-check-1: still in use" in capsys.readouterr().err


def test_a_creation_that_fails_half_way_is_removed(
    rehearsed: RehearsalAccount, clock: QuickClock, capsys: pytest.CaptureFixture[str]
) -> None:
    class Failing(RehearsalAccount):
        def create(self, issuer: ThrowAwayIssuer) -> Place:
            raise LiveCheckFailed("sam deploy ended with status 1")

    failing = Failing(Path("nowhere"), clock.clock)
    assert check(failing, clock, patient=True) == 1
    assert failing.removed
    assert "sam deploy ended with status 1" in capsys.readouterr().err


def test_a_fresh_login_that_does_not_push_answers_no_question(rehearsed: RehearsalAccount, clock: QuickClock) -> None:
    issuer = ThrowAwayIssuer()
    place = rehearsed.create(issuer)
    elsewhere = Place(exchange_url=place.exchange_url, registry_url=place.registry_url, own=OTHER, other=OWN)
    with pytest.raises(LiveCheckFailed, match="a fresh login cannot push to its own repository: 403"):
        next(ask(rehearsed, elsewhere, issuer, clock, patient=False))


def test_a_refused_exchange_is_reported_with_its_reason(rehearsed: RehearsalAccount, clock: QuickClock) -> None:
    place = rehearsed.create(ThrowAwayIssuer())
    with pytest.raises(LiveCheckFailed, match="no login: 401 "):
        next(ask(rehearsed, place, ThrowAwayIssuer(), clock, patient=False))


def _forget_the_role(rehearsed: RehearsalAccount) -> None:
    assert rehearsed.backends is not None
    principals = rehearsed.backends.aws.principals
    role = principals.role(account.PUSH_ROLE)
    assert role is not None
    nothing = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}'
    principals.put_role(make_role(role.arn, trust=role.trust.text, permissions=[nothing]))
