from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from sandbox.backends import Backends
from sandbox.service import Service
from tests.docs.page_services import Services
from tests.docs.shell import Shell
from tests.front_door import Door, front_door
from tests.tls_server import authority

PUBLIC_URL = "https://exchange.acme.example"


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """The real handler with its own backends, and what it wrote."""

    backends: Backends
    url: str
    log: Path


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("documents")
    log = folder / "service.log"
    with (
        log.open("wb") as output,
        Backends(folder) as backends,
        Service({**backends.environment(), "TOKEN_EXCHANGE_URL": PUBLIC_URL}, output=output, errors=output) as service,
    ):
        yield Running(backends=backends, url=service.url, log=log)


@pytest.fixture
def shell(tmp_path: Path, running: Running) -> Shell:
    return Shell(folder=tmp_path, ca_bundle=running.backends.issuer.ca_bundle)


@pytest.fixture(scope="session")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    with ExitStack() as stack:
        yield Services(tmp_path_factory.mktemp("pages"), stack)


@pytest.fixture(scope="session")
def door() -> Iterator[Door]:
    with front_door() as opened:
        yield opened


@pytest.fixture
def ca_bundle(tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    path.write_text(authority().bundle)
    return path
