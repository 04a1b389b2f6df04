"""What several threads share in the key store: it is touched only under its lock, and never twice."""

import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import override

import pytest

from tests.issuer_keys.key_story import SharedStory, Story
from token_exchange.core.refusals import Refused
from token_exchange.issuer_keys import store
from token_exchange.issuer_keys.origins import KeyOrigin
from token_exchange.issuer_keys.timing import IssuerKeys


class GuardedKeys(IssuerKeys):
    """Fails whenever it is touched while its lock is free."""

    __slots__ = ("lock",)

    lock: threading.Lock

    @override
    def __getattribute__(self, name: str) -> object:
        if name != "lock":
            assert self.lock.locked(), f"{name} without the lock"
        return super().__getattribute__(name)


@pytest.fixture
def guarded(monkeypatch: pytest.MonkeyPatch) -> list[GuardedKeys]:
    made: list[GuardedKeys] = []
    issuer_of = vars(store)["_Issuer"]

    def guarded_issuer(*, origin: KeyOrigin) -> object:
        issuer = issuer_of(origin=origin)
        keys = issuer.keys = GuardedKeys()
        keys.lock = issuer.lock
        made.append(keys)
        return issuer

    monkeypatch.setattr(store, "_Issuer", guarded_issuer)
    return made


@pytest.fixture
def hasty_switches() -> Iterator[None]:
    """Let threads take turns after almost every instruction."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_keys_are_touched_only_under_their_lock(guarded: list[GuardedKeys]) -> None:
    story = SharedStory()
    found = story.look()
    story.refusal("unknown")
    story.issuer.rotate(key_id="key-0")
    story.clock.advance(31)
    assert story.replace(found) is not None
    story.clock.advance(601)
    story.refresher_ran(age_seconds=5)
    story.find()
    story.clock.advance(601)
    story.issuer.fail()
    story.find()
    assert story.events.stale, "a stale set serves while the issuer fails"
    story.clock.advance(86_401)
    with pytest.raises(Refused):
        story.find()
    assert guarded


def test_a_burst_of_cold_requests_causes_one_fetch(hasty_switches: None) -> None:
    for _ in range(20):
        story = Story()
        ready = threading.Barrier(8)

        def look(story: Story = story, ready: threading.Barrier = ready) -> str | None:
            ready.wait(30)
            return story.find().key_id

        with ThreadPoolExecutor(max_workers=8) as pool:
            found = [pool.submit(look) for _ in range(8)]
            assert [one.result(30) for one in found] == ["key-0"] * 8
        assert story.fetches == 1


def test_a_burst_of_unknown_keys_causes_one_fetch(hasty_switches: None) -> None:
    for _ in range(20):
        story = Story()
        story.find()
        ready = threading.Barrier(8)

        def look(number: int, story: Story = story, ready: threading.Barrier = ready) -> str:
            ready.wait(30)
            return story.refusal(f"invented-{number}").reason.value

        with ThreadPoolExecutor(max_workers=8) as pool:
            assert set(pool.map(look, range(8))) == {"unknown-key"}
        assert story.fetches == 2
