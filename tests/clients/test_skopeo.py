"""skopeo with the logins that the service hands out, against a real registry."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.clients.shop import BASE, IMAGE, LOGIN_SECONDS, OTHER, SHOP, Shop, run

pytestmark = [pytest.mark.registry, pytest.mark.program("skopeo")]

OWN_HOST = "111122223333.dkr.ecr.eu-west-1.amazonaws.com"


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"oci:{IMAGE.write_layout(tmp_path_factory.mktemp('image'))}"


def push(layout: str, to: str, config: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    return run(
        "skopeo",
        "copy",
        "--dest-tls-verify=false",
        *(() if environment else ("--authfile", config / "config.json")),
        layout,
        f"docker://{to}",
        environment=environment,
    )


def pull(image: str, config: Path, to: Path) -> "subprocess.CompletedProcess[str]":
    login = config / "config.json"
    return run("skopeo", "copy", "--src-tls-verify=false", "--authfile", login, f"docker://{image}", f"oci:{to}")


def test_pushes_and_pulls_its_own_image(shop: Shop, layout: str, tmp_path: Path) -> None:
    config = shop.write_config(tmp_path / "config")
    image = f"{shop.apps.host}/{SHOP}:skopeo"
    pushed = push(layout, image, config)
    assert pushed.returncode == 0, pushed.stderr
    assert shop.has(SHOP, "skopeo")
    pulled = pull(image, config, tmp_path / "image")
    assert pulled.returncode == 0, pulled.stderr


def test_finds_every_registry_in_one_file(shop: Shop, layout: str, tmp_path: Path) -> None:
    config = shop.write_config(tmp_path / "config")
    hosts = json.loads((config / "config.json").read_text())["auths"].keys()
    assert {OWN_HOST, shop.apps.host, shop.base.host} <= hosts
    login = run("skopeo", "login", "--get-login", "--authfile", config / "config.json", OWN_HOST)
    assert login.stdout == "AWS\n"
    copied = run(
        "skopeo",
        "copy",
        "--src-tls-verify=false",
        "--dest-tls-verify=false",
        "--authfile",
        config / "config.json",
        f"docker://{shop.base.host}/{BASE}:3.13",
        f"docker://{shop.apps.host}/{SHOP}:from-base",
    )
    assert copied.returncode == 0, copied.stderr
    assert shop.has(SHOP, "from-base")


def test_a_pull_login_pushes_nothing(shop: Shop, layout: str, tmp_path: Path) -> None:
    config = shop.write_config(tmp_path / "config", "&registry=base")
    assert pull(f"{shop.base.host}/{BASE}:3.13", config, tmp_path / "image").returncode == 0
    pushed = push(layout, f"{shop.base.host}/{BASE}:mine", config)
    assert pushed.returncode != 0
    assert "is not authorized to perform: ecr:" in pushed.stderr
    assert not shop.has(BASE, "mine", registry="base")


def test_another_repository_cannot_be_read_or_written(shop: Shop, layout: str, tmp_path: Path) -> None:
    config = shop.write_config(tmp_path / "config")
    pulled = pull(f"{shop.apps.host}/{OTHER}:1", config, tmp_path / "image")
    assert pulled.returncode != 0
    assert "ecr:BatchGetImage" in pulled.stderr
    assert push(layout, f"{shop.apps.host}/{OTHER}:2", config).returncode != 0
    assert shop.tags(OTHER) == ["1"]


def test_a_login_for_a_scope_reaches_no_further(shop: Shop, layout: str, tmp_path: Path) -> None:
    config = shop.write_config(tmp_path / "config", f"&registry=apps&scope=repository:{SHOP}/web:push")
    assert push(layout, f"{shop.apps.host}/{SHOP}/web:1", config).returncode == 0
    assert push(layout, f"{shop.apps.host}/{SHOP}:scope", config).returncode != 0
    assert not shop.has(SHOP, "scope")


def test_a_login_outlives_its_session_and_stops_at_its_time(shop: Shop, layout: str, tmp_path: Path) -> None:
    config = shop.write_config(tmp_path / "config")
    shop.clock.ahead_seconds = LOGIN_SECONDS - 60
    assert all(
        shop.backends.aws.principals.is_expired(each) for each in shop.backends.aws.principals.sessions() if each.policy
    )
    assert push(layout, f"{shop.apps.host}/{SHOP}:late", config).returncode == 0
    shop.clock.ahead_seconds = LOGIN_SECONDS
    refused = push(layout, f"{shop.apps.host}/{SHOP}:too-late", config)
    assert refused.returncode != 0
    assert "403 (Forbidden)" in refused.stderr
    assert not shop.has(SHOP, "too-late")


def test_is_refused_without_a_login(shop: Shop, layout: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"auths": {}}')
    refused = push(layout, f"{shop.apps.host}/{SHOP}:stranger", tmp_path)
    assert refused.returncode != 0
    assert "unauthorized" in refused.stderr or "authentication required" in refused.stderr
    assert not shop.has(SHOP, "stranger")


def test_calls_the_credential_helper(shop: Shop, layout: str, tmp_path: Path) -> None:
    environment = shop.write_helper_config(tmp_path / "config", shop.apps.host)
    pushed = push(layout, f"{shop.apps.host}/{SHOP}:by-helper", tmp_path / "config", **environment)
    assert pushed.returncode == 0, pushed.stderr
    assert shop.has(SHOP, "by-helper")
