import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from fuzz.__main__ import CORPUS
from fuzz.hunt import hunt, kept, replay, tried
from fuzz.target import Broken, Json
from fuzz.targets.all import TARGETS
from fuzz.targets.plain import Plain


class Numbers(Plain):
    """Reads numbers, and does not bear all of them."""

    name = "numbers"

    def __init__(self) -> None:
        self.seen: list[Json] = []

    @property
    def inputs(self) -> SearchStrategy[Json]:
        return st.integers(0, 10_000)

    def check(self, given: Json) -> None:
        self.seen.append(given)
        assert isinstance(given, int)
        if given >= 700:
            raise Broken("too-large", f"{given} is too large")
        if given == 13:
            raise KeyError(given)


class EndlessNumbers(Numbers):
    """Reads one number for ever."""

    def check(self, given: Json) -> None:
        super().check(given)
        while given == 99:
            pass


@pytest.fixture
def twentieth_of_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bound every input by a twentieth of a second of processor, a tenth of what a hunt allows."""
    monkeypatch.setattr("fuzz.hunt.allowed_seconds", lambda size_bytes: 0.05)


@pytest.mark.usefixtures("twentieth_of_a_second")
@pytest.mark.parametrize(("given", "law"), [(1, None), (700, "too-large"), (13, "KeyError"), (99, "linear-time")])
def test_an_input_that_breaks_a_law_is_a_finding(given: int, law: str | None) -> None:
    found = tried(EndlessNumbers(), given)
    assert (found.law if found else None) == law


@pytest.mark.usefixtures("twentieth_of_a_second")
def test_waiting_is_not_processor_time() -> None:
    class Waiting(Numbers):
        def check(self, given: Json) -> None:
            reading = time.monotonic()
            select_nothing(0.1)
            assert time.monotonic() > reading

    assert tried(Waiting(), 1) is None


def select_nothing(seconds: float) -> None:
    import select  # noqa: PLC0415 - only this waits

    select.select([], [], [], seconds)


def test_a_finding_is_shrunk_and_reported_once() -> None:
    report = hunt(Numbers(), seed=1, seconds=60, rounds=1)
    assert [(found.law, found.given) for found in report.findings if found.law == "too-large"] == [("too-large", 700)]


def test_a_known_finding_is_not_reported_again() -> None:
    known = tried(Numbers(), 9_999)
    assert known is not None
    report = hunt(Numbers(), seed=1, seconds=60, rounds=1, known=[known])
    assert all(found.law != "too-large" for found in report.findings)


def test_the_same_seed_draws_the_same_inputs() -> None:
    class Recorded(Numbers):
        def check(self, given: Json) -> None:
            self.seen.append(given)

    first, again, other = Recorded(), Recorded(), Recorded()
    for target, seed in ((first, 1), (again, 1), (other, 2)):
        hunt(target, seed=seed, seconds=60, rounds=1)
    assert first.seen == again.seen != other.seen


def test_kept_inputs_are_sent_again(tmp_path: Path) -> None:
    (tmp_path / "numbers").mkdir()
    (tmp_path / "numbers" / "large.json").write_text("701")
    report = replay(Numbers(), kept(tmp_path, Numbers()))
    assert (report.inputs, [found.given for found in report.findings]) == (1, [701])


def corpus() -> Iterator[Path]:
    return CORPUS.glob("*/*")


def test_the_corpus_holds_inputs_of_targets(subtests: pytest.Subtests) -> None:
    for path in sorted(corpus()):
        with subtests.test(path=path):
            assert path.parent.name in TARGETS
            target = TARGETS[path.parent.name]()
            assert target.size_bytes(json.loads(path.read_text())) > 0
