"""The clock of the sandbox."""

import time
from collections.abc import Callable
from typing import Final

type Now = Callable[[], float]
"""Seconds since the epoch."""

WALL_CLOCK: Final[Now] = time.time
