from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import account
from sandbox.aws.server import Aws
from sandbox.issuer import Issuer

from .clients import Clients


@pytest.fixture(scope="session")
def issuer_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("issuer")  # one for all: RSA keys take their time


@pytest.fixture
def issuer(issuer_folder: Path) -> Iterator[Issuer]:
    with Issuer(issuer_folder) as running:
        yield running


@pytest.fixture
def aws() -> Iterator[Aws]:
    roles = account.roles()
    with Aws(roles=roles, callers=[account.service_session(roles[0])]) as running:
        yield running


@pytest.fixture
def clients(aws: Aws) -> Iterator[Clients]:
    with Clients(aws.url) as made:
        yield made
