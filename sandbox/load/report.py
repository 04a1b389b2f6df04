"""The printed report of a load run."""

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
        """How many times larger the largest environment has become, or None where the system has no /proc."""
        if self.memory_before_megabytes is None or self.memory_after_megabytes is None:
            return None
        return self.memory_after_megabytes / self.memory_before_megabytes


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the smallest of `values` that `percent` of them do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


def show(figures: Figures, terminal: Terminal) -> None:
    """Print the figures of a run."""
    outcomes = figures.outcomes
    answered = [outcome.reply for outcome in outcomes if outcome.reply is not None]
    requests = len(answered) + sum(len(outcome.retry_reasons) for outcome in outcomes)
    terminal.heading(f"{len(outcomes)} jobs in {figures.seconds:.1f} s")
    terminal.line(
        "throughput", f"{requests / figures.seconds:.0f} requests a second, by {figures.environments} environments"
    )
    terminal.line("job duration", _times([outcome.seconds for outcome in outcomes]))
    terminal.line("service time", _times([reply.served_seconds for reply in answered]))
    terminal.line("answers", _counted(Counter(str(reply.body.get("reason", "a login")) for reply in answered)))
    terminal.line(
        "retries",
        _counted(Counter(reason for outcome in outcomes for reason in outcome.retry_reasons)) or "none",
    )
    terminal.line("providers", _counted(Counter(outcome.job.provider for outcome in outcomes)))
    if figures.growth is not None:
        terminal.line(
            "memory", f"{figures.memory_after_megabytes:.0f} MB, {figures.growth:.2f} times the size after the warm-up"
        )


def _times(values: Sequence[float]) -> str:
    return ", ".join(f"{percent} % {1000 * percentile(values, percent):.0f} ms" for percent in _PERCENTILES)


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.most_common())
