"""docker with the logins that the service hands out: a real engine and a real registry."""

import json
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.images import make_image
from tests.clients.shop import BASE, LOGIN_SECONDS, OTHER, SHOP, Shop, run

pytestmark = [pytest.mark.registry, pytest.mark.engine]


class Docker:
    """docker with a configuration of its own, and images that are gone afterwards."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {"DOCKER_CONFIG": str(folder)}
        self._images: list[str] = []

    def make(self, image: str) -> str:
        """Make an image that no registry has yet, from nothing but a file."""
        layer = make_image(secrets.token_hex(16)).layer
        made = run("docker", "import", "-", image, stdin=layer)
        assert made.returncode == 0, made.stderr
        self._images.append(image)
        return image

    def push(self, image: str) -> str:
        """Push, and return what docker says of it when it does not succeed."""
        done = run("docker", "push", image, environment=self.environment)
        return done.stderr if done.returncode else ""

    def pull(self, image: str) -> str:
        self._images.append(image)
        done = run("docker", "pull", image, environment=self.environment)
        return done.stderr if done.returncode else ""

    def forget(self) -> None:
        for image in self._images:
            run("docker", "rmi", "--force", image)


@pytest.fixture
def docker(tmp_path: Path) -> Iterator[Docker]:
    folder = tmp_path / "docker"
    folder.mkdir()
    made = Docker(folder)
    yield made
    made.forget()


def test_logs_in_with_a_password_on_its_standard_input(shop: Shop, docker: Docker) -> None:
    password = shop.answer("/v1/token?registry=apps&format=password")
    done = run(
        "docker",
        "login",
        "--username",
        "AWS",
        "--password-stdin",
        shop.apps.host,
        stdin=password,
        environment=docker.environment,
    )
    assert done.returncode == 0, done.stderr
    assert "Login Succeeded" in done.stdout
    assert docker.push(docker.make(f"{shop.apps.host}/{SHOP}:password")) == ""
    assert shop.has(SHOP, "password")


def test_a_password_that_ecr_did_not_issue_is_refused(shop: Shop, docker: Docker) -> None:
    command = ("docker", "login", "--username", "AWS", "--password-stdin", shop.apps.host)
    done = run(*command, stdin="not-a-password", environment=docker.environment)
    assert done.returncode != 0
    assert not list(docker.folder.iterdir())


def test_pushes_and_pulls_with_the_returned_config(shop: Shop, docker: Docker) -> None:
    shop.write_config(docker.folder)
    image = docker.make(f"{shop.apps.host}/{SHOP}:file")
    assert docker.push(image) == ""
    assert shop.has(SHOP, "file")
    run("docker", "rmi", image)
    assert docker.pull(image) == ""


def test_finds_every_registry_in_one_file(shop: Shop, docker: Docker) -> None:
    shop.write_config(docker.folder)
    assert len(json.loads((docker.folder / "config.json").read_text())["auths"]) == 4
    assert docker.pull(f"{shop.base.host}/{BASE}:3.13") == ""
    assert docker.push(docker.make(f"{shop.apps.host}/{SHOP}:two-registries")) == ""


def test_a_pull_login_pushes_nothing(shop: Shop, docker: Docker) -> None:
    shop.write_config(docker.folder, "&registry=base")
    assert docker.pull(f"{shop.base.host}/{BASE}:3.13") == ""
    refused = docker.push(docker.make(f"{shop.base.host}/{BASE}:mine"))
    assert "denied: User: arn:aws:sts::444455556666:assumed-role/ci-ecr-pull/" in refused
    assert "is not authorized to perform: ecr:InitiateLayerUpload" in refused
    assert not shop.has(BASE, "mine", registry="base")


def test_another_repository_cannot_be_read_or_written(shop: Shop, docker: Docker) -> None:
    shop.write_config(docker.folder)
    assert "is not authorized to perform: ecr:BatchGetImage" in docker.pull(f"{shop.apps.host}/{OTHER}:1")
    assert "denied: " in docker.push(docker.make(f"{shop.apps.host}/{OTHER}:2"))
    assert shop.tags(OTHER) == ["1"]


def test_a_login_outlives_its_session_and_stops_at_its_time(shop: Shop, docker: Docker) -> None:
    shop.write_config(docker.folder)
    shop.clock.ahead_seconds = LOGIN_SECONDS - 60
    assert docker.push(docker.make(f"{shop.apps.host}/{SHOP}:late")) == ""
    shop.clock.ahead_seconds = LOGIN_SECONDS
    assert "is not authorized to perform" in docker.push(docker.make(f"{shop.apps.host}/{SHOP}:too-late"))
    assert shop.has(SHOP, "late")
    assert not shop.has(SHOP, "too-late")


def test_is_refused_without_a_login(shop: Shop, docker: Docker) -> None:
    assert "no basic auth credentials" in docker.push(docker.make(f"{shop.apps.host}/{SHOP}:stranger"))
    assert "no basic auth credentials" in docker.pull(f"{shop.base.host}/{BASE}:3.13")
    assert not shop.has(SHOP, "stranger")


@pytest.mark.parametrize("refusal", ["upload", "deny"])
def test_a_layer_of_an_unreadable_repository_is_uploaded_again(shop: Shop, docker: Docker, refusal: str) -> None:
    """docker asks to mount what it once saw elsewhere; it copes with either way in which ECR may refuse."""
    shop.apps.mount_refusal = "deny" if refusal == "deny" else "upload"
    image = docker.make(f"{shop.apps.host}/ci/acme/elsewhere:{refusal}")
    owner = shop.owners["apps"]
    command = ("docker", "login", "--username", "AWS", "--password-stdin", shop.apps.host)
    assert run(*command, stdin=owner.password or "", environment=docker.environment).returncode == 0
    assert docker.push(image) == ""
    mine = f"{shop.apps.host}/{SHOP}:mount-{refusal}"
    run("docker", "tag", image, mine)
    shop.write_config(docker.folder)
    before = len(shop.apps.visits())
    assert docker.push(mine) == ""
    run("docker", "rmi", mine)
    asked = [visit for visit in shop.apps.visits()[before:] if "mount=" in visit.target]
    assert [visit.status for visit in asked] == [202 if refusal == "upload" else 403]
    assert shop.has(SHOP, f"mount-{refusal}")


def test_calls_the_credential_helper(shop: Shop, docker: Docker) -> None:
    docker.environment = shop.write_helper_config(docker.folder, shop.apps.host)
    assert docker.push(docker.make(f"{shop.apps.host}/{SHOP}:by-helper")) == ""
    assert shop.has(SHOP, "by-helper")


def test_shows_why_the_helper_has_no_login(shop: Shop, docker: Docker) -> None:
    docker.environment = shop.write_helper_config(docker.folder, shop.apps.host)
    docker.environment["ECR_EXCHANGE_TOKEN"] = shop.token("push-feature")
    refused = docker.push(docker.make(f"{shop.apps.host}/{SHOP}:feature"))
    assert "no-matching-grant: no grant allows this" in refused
    assert not shop.has(SHOP, "feature")


def test_a_token_that_counts_once_brings_one_login(shop: Shop, docker: Docker) -> None:
    docker.environment = shop.write_helper_config(docker.folder, shop.apps.host)
    docker.environment["ECR_EXCHANGE_TOKEN"] = shop.backends.issuer.mint(
        "github-actions", audience=shop.backends.audience, claims={"repository": "acme/once"}
    )
    assert docker.push(docker.make(f"{shop.apps.host}/ci/acme/once:1")) == ""
    assert "answered 400, replayed: " in docker.push(docker.make(f"{shop.apps.host}/ci/acme/once:2"))
    assert shop.tags("ci/acme/once") == ["1"]
