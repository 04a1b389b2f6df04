import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import account
from sandbox.backends import Backends
from sandbox.images import make_image
from sandbox.pushing import Program, installed_client, push
from tests.sandbox.clients import Clients
from tests.sandbox.registry.client import Client, owner_password

PROGRAMS = [
    pytest.param("docker", marks=pytest.mark.engine),
    pytest.param("skopeo", marks=pytest.mark.program("skopeo")),
]


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[Client]:
    with Backends(tmp_path / "backends", registry_ports={"apps": 0}) as backends, Clients(backends.aws.url) as clients:
        password = owner_password(backends.aws, clients, account=account.APPS_ACCOUNT, region=account.REGION)
        yield Client(host=backends.gates["apps"].host, password=password)


@pytest.mark.registry
@pytest.mark.parametrize("program", PROGRAMS)
def test_each_client_pushes_with_the_logins_of_a_folder(owner: Client, tmp_path: Path, program: Program) -> None:
    image, to = make_image(program), f"{owner.host}/ci/acme/shop:1"
    (tmp_path / "config.json").write_text('{"auths": {}}')
    refused = push(program, image, to, config=tmp_path)
    assert not refused.succeeded
    assert refused.last_line
    assert owner.pull("ci/acme/shop", "1").status == 404
    (tmp_path / "config.json").write_text(json.dumps({"auths": {owner.host: {"auth": owner.basic}}}))
    assert push(program, image, to, config=tmp_path).succeeded
    assert owner.pull("ci/acme/shop", "1").status == 200


def test_a_machine_without_clients_has_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert installed_client() is None
