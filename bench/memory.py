"""Memory of an environment: its peak when cold and when warm, and its growth over many exchanges."""

from pathlib import Path
from typing import Final

from bench.environment import child_environment
from bench.figures import Figure, Part
from bench.processes import ask_worker
from sandbox.backends import Backends
from sandbox.lambda_build import BUILD_FOLDER, FUNCTION

LIMIT: Final = 1.02


def measure(folder: Path, *, exchanges: int) -> Part:
    """Return peaks in megabytes, and how much larger an environment is after so many exchanges than after a tenth."""
    with Backends(folder) as backends:
        token = backends.issuer.mint("github-actions", audience=backends.audience, lifetime_seconds=3600)
        job = {"token": token, "exchanges": exchanges}
        seen: dict[str, float] = ask_worker("bench.memory_worker", job, child_environment(backends))
    return Part(
        title="Memory and size",
        method=(
            f"Resident memory of the handler's process, of which Python itself takes {seen['bare']:.0f} MB, over "
            f"{exchanges:,} exchanges one after the other. Sizes are those of a build for this machine, unzipped."
        ),
        figures=(
            Figure(
                name=f"after {exchanges:,} exchanges / after {exchanges // 10:,}",
                value=seen["after_all"] / seen["after_a_tenth"], unit="times", aim=1.01, limit=LIMIT,
            ),
            Figure(name="a cold environment", value=seen["cold"], unit="MB"),
            Figure(name="a warm one, at its peak", value=seen["peak"], unit="MB"),
            *_sizes(),
        ),
    )  # fmt: skip


def _sizes() -> tuple[Figure, ...]:
    """Return the sizes of what is deployed, where it has been built."""
    return tuple(
        Figure(name=f"{name}, unzipped", value=_bytes_in(BUILD_FOLDER / folder) / 1e6, unit="MB")
        for name, folder in (("the layer", "TokenExchangeLayer"), ("the function", FUNCTION))
        if (BUILD_FOLDER / folder).is_dir()
    )


def _bytes_in(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
