"""What a run showed, for a person."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sandbox.load.run import Outcome
from sandbox.terminal import Terminal

_PERCENTILES: Final = (50, 90, 99, 100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """A run's figures; memory is the largest environment's, before and after."""

    outcomes: Sequence[Outcome]
    seconds: float
    environments: int
    memory_before_megabytes: float | None
    memory_after_megabytes: float | None

    @property
    def growth(self) -> float | None:
        """How many times larger the largest environment has become, or None where the system does not tell."""
        if self.memory_before_megabytes is None or self.memory_after_megabytes is None:
            return None
        return self.memory_after_megabytes / self.memory_before_megabytes


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the smallest of `values` that so many percent do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


def show(figures: Figures, terminal: Terminal) -> None:
    """Write the figures of a run."""
    outcomes = figures.outcomes
    answered = [outcome.reply for outcome in outcomes if outcome.reply is not None]
    requests = len(answered) + sum(len(outcome.again) for outcome in outcomes)
    terminal.heading(f"{len(outcomes)} jobs in {figures.seconds:.1f} s")
    terminal.line(
        "throughput", f"{requests / figures.seconds:.0f} requests a second, by {figures.environments} environments"
    )
    terminal.line("a job waits", _times([outcome.seconds for outcome in outcomes]))
    terminal.line("is served in", _times([reply.served_seconds for reply in answered]))
    terminal.line("answers", _counted(Counter(str(reply.body.get("reason", "a login")) for reply in answered)))
    terminal.line(
        "come again", _counted(Counter(reason for outcome in outcomes for reason in outcome.again)) or "nobody"
    )
    terminal.line("providers", _counted(Counter(outcome.job.provider for outcome in outcomes)))
    if figures.growth is not None:
        terminal.line(
            "memory", f"{figures.memory_after_megabytes:.0f} MB, {figures.growth:.2f} times what it was when warm"
        )


def _times(values: Sequence[float]) -> str:
    return ", ".join(f"{percent} % {1000 * percentile(values, percent):.0f} ms" for percent in _PERCENTILES)


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.most_common())
