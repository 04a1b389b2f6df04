"""The brake: it refuses within seconds, and what is not known about it refuses too."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from tests.doubles import policy_text
from tests.fake_clock import FakeClock
from token_exchange.core.policy import Policy
from token_exchange.core.ports import Deadline
from token_exchange.core.refusals import Reason, Refused
from token_exchange.loading.brake import (
    BRAKE_MAX_AGE_SECONDS,
    RETRY_UNKNOWN_SECONDS,
    Brake,
    BrakeUnreadable,
    with_brake,
)
from token_exchange.loading.load import load_policy
from token_exchange.loading.problems import PolicyUnusable
from token_exchange.loading.store import FIRST_POLICY_CHECK_TIMEOUT_SECONDS, POLICY_CHECK_TIMEOUT_SECONDS

LEAK = b'deny: [{name: leaked, match: {repository: acme/shop}}, {name: other, claims: {"build": "7"}}]'
GRANTS: list[dict[str, object]] = [
    {
        "name": "own",
        "issuers": ["ci"],
        "registry": "apps",
        "role": "arn:aws:iam::111122223333:role/ci",
        "access": "pull",
        "repositories": ["base"],
    }
]


def policy(deny: Sequence[dict[str, object]] = ()) -> Policy:
    return load_policy(policy_text(GRANTS, deny=[*deny] or None).encode(), name="policy.yaml", read_file=None)


class FakeBrake:
    """Fulfils `BrakeSource`."""

    def __init__(self) -> None:
        self.document: bytes | BrakeUnreadable | None = None
        self.reads = 0
        self.seconds: list[float] = []
        """The time that each read was given."""
        self.entered = Event()
        self.gate: Event | None = None

    def read(self, deadline: Deadline, /) -> bytes | None:
        self.reads += 1
        self.seconds.append(deadline.remaining_seconds())
        self.entered.set()
        if self.gate is not None:
            assert self.gate.wait(timeout=10), "another request waits for this one"
        if isinstance(self.document, BrakeUnreadable):
            raise self.document
        return self.document


class RecordedEvents:
    """Fulfils `BrakeEvents`."""

    def __init__(self) -> None:
        self.changes: list[tuple[bool, int]] = []
        self.failures: list[str] = []

    def brake_changed(self, sha256: str | None, *, rules: int) -> None:
        self.changes.append((sha256 is not None, rules))

    def brake_failed(self, cause: BrakeUnreadable | PolicyUnusable) -> None:
        self.failures.append(str(cause))


class Story:
    def __init__(self) -> None:
        self.source, self.clock, self.events = FakeBrake(), FakeClock(), RecordedEvents()
        self.brake = Brake(source=self.source, clock=self.clock, events=self.events)
        self.policy = policy([{"name": "old", "match": {"repository": "acme/old"}}])

    def names(self) -> list[str]:
        """Return the names of the deny rules in force."""
        return [rule.name for rule in self.brake.on(self.policy).deny]

    def set(self, document: bytes | BrakeUnreadable | None) -> None:
        self.source.document = document
        self.clock.advance(BRAKE_MAX_AGE_SECONDS)


@pytest.fixture
def story() -> Story:
    return Story()


def test_without_a_brake_the_policy_is_as_it_was(story: Story) -> None:
    assert story.brake.on(story.policy) is story.policy
    assert (story.events.changes, story.events.failures) == ([], [])


def test_a_brake_is_in_force_within_seconds_and_released_too(story: Story) -> None:
    assert story.names() == ["old"]
    story.set(LEAK)
    assert story.names() == ["leaked", "other", "old"]
    braked = story.brake.on(story.policy)
    assert braked.brake_sha256 is not None
    # A claim of its conditions is recorded, as one of the policy's.
    assert "build" in braked.claims_in_conditions
    assert (braked.sha256, braked.grants) == (story.policy.sha256, story.policy.grants)
    story.set(None)
    assert story.brake.on(story.policy) is story.policy
    assert story.events.changes == [(True, 2), (False, 0)]
    story.set(LEAK)
    assert story.names() == ["leaked", "other", "old"]
    assert story.events.changes == [(True, 2), (False, 0), (True, 2)]
    assert story.source.seconds[1:] == [POLICY_CHECK_TIMEOUT_SECONDS] * 3


def test_between_two_looks_nothing_is_read_or_loaded_again(story: Story) -> None:
    story.set(LEAK)
    first = story.brake.on(story.policy)
    story.clock.advance(BRAKE_MAX_AGE_SECONDS - 1)
    assert story.brake.on(story.policy) is first
    assert story.source.reads == 1
    story.clock.advance(1)
    assert story.brake.on(story.policy) is first
    assert (story.source.reads, len(story.events.changes)) == (2, 1)


def test_a_thawed_environment_looks_before_it_answers(story: Story) -> None:
    story.names()
    story.source.document = LEAK
    story.clock.wall_seconds += 3600  # the monotonic clock stood still
    assert story.names() == ["leaked", "other", "old"]


@pytest.mark.parametrize(("wall", "monotonic"), [(0, BRAKE_MAX_AGE_SECONDS), (-1, 0)])
def test_a_wall_clock_that_is_set_back_delays_no_look(story: Story, wall: float, monotonic: float) -> None:
    story.names()
    story.source.document = LEAK
    story.clock.wall_seconds += wall
    story.clock.monotonic_seconds += monotonic
    assert story.names() == ["leaked", "other", "old"]


def test_while_one_request_looks_the_last_brake_decides(story: Story) -> None:
    story.set(LEAK)
    story.names()
    story.set(None)
    story.source.entered.clear()
    story.source.gate = Event()
    with ThreadPoolExecutor(1) as pool:
        looking = pool.submit(story.names)
        assert story.source.entered.wait(timeout=10)
        story.clock.advance(BRAKE_MAX_AGE_SECONDS)
        assert story.names() == ["leaked", "other", "old"]
        story.source.gate.set()
        assert looking.result(10) == ["old"]


def test_before_the_first_look_ends_other_requests_wait_for_it(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    story.source.gate = Event()
    asked, monotonic = Event(), story.clock.monotonic

    def signalling() -> float:
        asked.set()
        return monotonic()

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(story.names)
        assert story.source.entered.wait(timeout=10)
        story.clock.advance(RETRY_UNKNOWN_SECONDS)
        monkeypatch.setattr(story.clock, "monotonic", signalling)
        second = pool.submit(story.names)
        assert asked.wait(timeout=10)
        story.source.gate.set()
        assert (first.result(10), second.result(10)) == (["old"], ["old"])


def test_a_new_policy_keeps_the_brake(story: Story) -> None:
    story.set(LEAK)
    assert story.names() == ["leaked", "other", "old"]
    story.policy = policy()
    assert story.names() == ["leaked", "other"]


def test_a_table_that_is_down_does_not_release_the_brake(story: Story) -> None:
    story.set(LEAK)
    story.names()
    story.set(BrakeUnreadable("down"))
    assert story.names() == ["leaked", "other", "old"]
    assert story.events.failures == ["down"]


def test_a_brake_that_was_never_read_refuses_everything(story: Story) -> None:
    story.set(BrakeUnreadable("down"))
    with pytest.raises(Refused) as refused:
        story.names()
    assert refused.value.reason is Reason.POLICY_UNAVAILABLE
    story.source.document = None
    # Everyone is refused meanwhile: the next look does not wait as long.
    story.clock.advance(RETRY_UNKNOWN_SECONDS)
    assert story.names() == ["old"]
    assert story.source.seconds == [FIRST_POLICY_CHECK_TIMEOUT_SECONDS] * 2


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        (b"", "empty"),
        (b"[]", "expected a mapping"),
        (b"deny: []", "deny: expected at least one item"),
        (b"denny: [{name: a, match: {repository: x}}]", "denny: unknown key; did you mean deny?"),
        (b"deny: [{name: a, match: {repositry: x}}]", "repositry"),
        (b"deny: [{name: a, issuers: [gitub], match: {repository: x}}]", "no issuer has the name gitub"),
        # It can refuse and nothing else.
        (b"deny: [{name: a, match: {repository: x}}]\ngrants: []", "grants: unknown key"),
    ],
)
def test_a_brake_that_does_not_load_refuses_everything(story: Story, document: bytes, problem: str) -> None:
    story.set(document)
    for times in (1, 2):
        with pytest.raises(Refused) as refused:
            story.names()
        assert refused.value.reason is Reason.POLICY_UNAVAILABLE
        assert len(story.events.failures) == times
    with pytest.raises(PolicyUnusable) as unusable:
        with_brake(story.policy, document)
    assert problem in str(unusable.value)
    story.set(LEAK)
    assert story.names() == ["leaked", "other", "old"]
