from collections.abc import Iterator

import pytest

from sandbox.backends import Backends
from sandbox.service import Service
from tests.clients.shop import BASE, LOGIN_SECONDS, OTHER, Shop, owners
from tests.moved_clock import MovedClock
from tests.sandbox.clients import Clients


@pytest.fixture(scope="session")
def running_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder, clock = tmp_path_factory.mktemp("shop"), MovedClock()
    with (
        Backends(folder, registry_ports={"apps": 0, "base": 0}, now=clock) as backends,
        (folder / "service.log").open("wb") as log,
        Clients(backends.aws.url) as clients,
    ):
        text = backends.policy_path.read_text()
        text = text.replace("duration: 30m", f"duration: {LOGIN_SECONDS // 3600}h")
        once = text.partition("  - name: own-images\n")[2].partition("  - name: ")[0]
        once = once.replace("branch: main", "branch: main, repository: acme/once") + "    single_use: true\n"
        backends.policy_path.write_text(text.replace("grants:\n", f"grants:\n  - name: once\n{once}", 1))
        with Service(backends.environment(), output=log, errors=log) as service:
            shop = Shop(backends=backends, service=service, clock=clock, owners=owners(backends, clients))
            shop.put(OTHER, "1")
            shop.put(BASE, "3.13", registry="base")
            yield shop


@pytest.fixture
def shop(running_shop: Shop) -> Iterator[Shop]:
    yield running_shop
    running_shop.clock.ahead_seconds = 0.0
    running_shop.apps.mount_refusal = "upload"
