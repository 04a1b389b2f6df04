"""`format=docker-config` is a file that real clients take as it is, and find their login in."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from sandbox.loopback import Server
from sandbox.service import Service
from sandbox.world import World
from tests.clients.guarded_registry import REPOSITORY, GuardedRegistry

OWN_HOST = "111122223333.dkr.ecr.eu-west-1.amazonaws.com"


class Shop:
    """A service whose one registry is also reached on loopback, and a pipeline's folder with its login."""

    def __init__(self, world: World, service: Service, registry: GuardedRegistry, port: int, folder: Path) -> None:
        self.world = world
        self.registry = registry
        self.image = f"localhost:{port}/{REPOSITORY}:1"
        self.host = f"localhost:{port}"
        self.folder = folder
        self._service = service

    def write_login(self) -> Path:
        """Exchange a token as a pipeline does, with curl, and keep the answer as it came."""
        token = self.world.issuer.mint("github-actions", audience=self.world.audience)
        path = self.folder / "config.json"
        subprocess.run(
            [
                "curl",
                "-sSf",
                "-X",
                "POST",
                "-H",
                "@-",
                "-o",
                path,
                f"{self._service.url}/v1/token?format=docker-config",
            ],
            input=f"Authorization: Bearer {token}".encode(),
            check=True,
            timeout=30,
        )
        return path


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("pipeline")
    with ExitStack() as stack:
        world = stack.enter_context(World(tmp_path_factory.mktemp("world")))
        registry = GuardedRegistry(world.aws)
        server = stack.enter_context(Server(registry))
        hosts = f'hosts: ["localhost:{server.port}"]'
        text = world.policy_path.read_text()
        world.policy_path.write_text(text.replace("region: eu-west-1}", f"region: eu-west-1, {hosts}}}", 1))
        log = stack.enter_context((folder / "service.log").open("wb"))
        service = stack.enter_context(Service(world.environment(), output=log, errors=log))
        yield Shop(world, service, registry, server.port, folder)


def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=60, env={**os.environ, **environment}
    )


def test_holds_every_host_of_the_registry(shop: Shop) -> None:
    auths = json.loads(shop.write_login().read_text())["auths"]
    assert {OWN_HOST, shop.host} <= auths.keys()


@pytest.mark.skipif(shutil.which("skopeo") is None, reason="needs skopeo")
def test_skopeo_reads_an_image_with_it(shop: Shop) -> None:
    login = shop.write_login()
    assert run("skopeo", "login", "--get-login", "--authfile", str(login), OWN_HOST).stdout == "AWS\n"
    inspected = run(
        "skopeo", "inspect", "--tls-verify=false", "--no-tags", f"--authfile={login}", f"docker://{shop.image}"
    )
    assert inspected.returncode == 0, inspected.stderr
    assert json.loads(inspected.stdout)["Name"] == f"{shop.host}/{REPOSITORY}"


@pytest.mark.skipif(shutil.which("skopeo") is None, reason="needs skopeo")
def test_skopeo_is_refused_without_it(shop: Shop, tmp_path: Path) -> None:
    empty = tmp_path / "config.json"
    empty.write_text('{"auths": {}}')
    inspected = run(
        "skopeo", "inspect", "--tls-verify=false", "--no-tags", f"--authfile={empty}", f"docker://{shop.image}"
    )
    assert inspected.returncode != 0
    assert "authentication required" in inspected.stderr or "unauthorized" in inspected.stderr


@pytest.mark.engine
def test_docker_pulls_with_it(shop: Shop) -> None:
    shop.write_login()
    try:
        pulled = run("docker", "pull", shop.image, DOCKER_CONFIG=str(shop.folder))
        assert pulled.returncode == 0, pulled.stderr
        assert "Downloaded newer image" in pulled.stdout
    finally:
        run("docker", "rmi", shop.image)


@pytest.mark.engine
def test_docker_is_refused_without_it(shop: Shop, tmp_path: Path) -> None:
    pulled = run("docker", "pull", shop.image, DOCKER_CONFIG=str(tmp_path))
    assert pulled.returncode != 0
    assert "no basic auth credentials" in pulled.stderr
