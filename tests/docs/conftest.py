from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from sandbox.service import Service
from sandbox.world import World
from tests.docs.page_services import Services
from tests.docs.shell import Shell
from tests.front_door import Door, front_door
from tests.tls_server import authority

PUBLIC_URL = "https://exchange.acme.example"


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """The real handler in a world of its own, and what it wrote."""

    world: World
    url: str
    log: Path


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("documents")
    log = folder / "service.log"
    with (
        log.open("wb") as output,
        World(folder) as world,
        Service({**world.environment(), "TOKEN_EXCHANGE_URL": PUBLIC_URL}, output=output, errors=output) as service,
    ):
        yield Running(world=world, url=service.url, log=log)


@pytest.fixture
def shell(tmp_path: Path, running: Running) -> Shell:
    return Shell(folder=tmp_path, ca_bundle=running.world.issuer.ca_bundle)


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
