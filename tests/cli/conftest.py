"""What the tests of pages and logs share."""

from collections.abc import Iterator

import pytest

from tests.browser import Browser, started
from tests.real_log import RealLog, record_log


@pytest.fixture(scope="session")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with started(tmp_path_factory.mktemp("browser")) as browser:
        yield browser


@pytest.fixture
def browser(window: Browser) -> Browser:
    """A browser as if it had just been started: its start takes a second."""
    window.prefer()
    return window


@pytest.fixture(scope="session")
def real_log(tmp_path_factory: pytest.TempPathFactory) -> RealLog:
    return record_log(tmp_path_factory.mktemp("real-log"))
