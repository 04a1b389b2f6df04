"""What holds for all tests."""

import gc
import os
from collections.abc import Generator

import pytest
from hypothesis import settings

from tests.requirements_present import skips_nothing

# A law holds or it does not; how long an example takes says only how busy the machine is. A person waits for the
# answer and runs the tests many times a day; CI tries more, and so does `--hypothesis-profile=thorough`.
settings.register_profile("quick", deadline=None, max_examples=30)
settings.register_profile("thorough", deadline=None, max_examples=100)
settings.load_profile("thorough" if skips_nothing() else "quick")


def pytest_xdist_auto_num_workers() -> int:
    """Return three processes for two processors: a quarter of the time, a test waits for a program that it started."""
    return max(1, (os.cpu_count() or 1) * 3 // 2)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None]:
    """Keep the garbage collector away from what lasts until the end: thousands of tests, and their modules."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
