from dataclasses import dataclass
from pathlib import Path

import pytest

from sandbox.month.month import Month, Planted, write_month


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A written month: its folder, and what is planted in it."""

    folder: Path
    planted: Planted

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def trail(self) -> Path:
        return self.folder / "trail"

    @property
    def policy(self) -> Path:
        return self.folder / "policy.json"


@pytest.fixture(scope="session")
def month(tmp_path_factory: pytest.TempPathFactory) -> Written:
    folder = tmp_path_factory.mktemp("month")
    return Written(folder=folder, planted=write_month(folder, Month(exchanges=600, teams=12)))
