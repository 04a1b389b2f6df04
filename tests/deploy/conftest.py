import pytest

from tests.real_log import RealLog, record_log


@pytest.fixture(scope="session")
def real_log(tmp_path_factory: pytest.TempPathFactory) -> RealLog:
    return record_log(tmp_path_factory.mktemp("real-log"))
