from urllib.parse import urlsplit

import pytest

from sandbox.registry.routes import Need, need_of, without_mount

DIGEST = "sha256:" + "a1" * 32


def need(method: str, target: str, *, has_body: bool = False) -> Need | None:
    return need_of(method, urlsplit(target), has_body=has_body)


@pytest.mark.parametrize(
    ("method", "path", "actions"),
    [
        # reading
        ("GET", "manifests/1.0", ["BatchGetImage"]),
        ("HEAD", f"manifests/{DIGEST}", ["BatchGetImage"]),
        ("HEAD", f"blobs/{DIGEST}", ["BatchCheckLayerAvailability"]),
        ("GET", f"blobs/{DIGEST}", ["GetDownloadUrlForLayer"]),
        ("GET", f"referrers/{DIGEST}", ["BatchGetImage"]),
        ("GET", "tags/list?n=100", ["ListImages"]),
        # writing
        ("POST", "blobs/uploads/", ["InitiateLayerUpload"]),
        ("GET", "blobs/uploads/7f3c", ["UploadLayerPart"]),
        ("PATCH", "blobs/uploads/7f3c?_state=x%3D", ["UploadLayerPart"]),
        ("PUT", f"blobs/uploads/7f3c?digest={DIGEST}", ["CompleteLayerUpload"]),
        ("DELETE", "blobs/uploads/7f3c", ["UploadLayerPart"]),
        ("PUT", "manifests/1.0", ["PutImage"]),
        ("DELETE", "manifests/1.0", ["BatchDeleteImage"]),
        # all in one request
        ("POST", f"blobs/uploads/?digest={DIGEST}", ["InitiateLayerUpload", "UploadLayerPart", "CompleteLayerUpload"]),
    ],
)
def test_a_request_needs_these_actions(method: str, path: str, actions: list[str]) -> None:
    found = need(method, f"/v2/ci/acme/shop/{path}")
    assert found is not None
    assert found.repository == "ci/acme/shop"
    assert [*found.actions] == [f"ecr:{action}" for action in actions]
    assert found.target == f"/v2/ci/acme/shop/{path}"


def test_the_last_part_of_a_layer_is_a_part_too() -> None:
    found = need("PUT", f"/v2/ci/shop/blobs/uploads/7f3c?digest={DIGEST}", has_body=True)
    assert found is not None
    assert found.actions == ("ecr:UploadLayerPart", "ecr:CompleteLayerUpload")


@pytest.mark.parametrize(
    ("path", "repository"),
    [
        ("/v2/a/manifests/b/manifests/1", "a/manifests/b"),
        (f"/v2/a/blobs/b/blobs/{DIGEST}", "a/blobs/b"),
        (f"/v2/a/blobs/uploads/blobs/{DIGEST}", "a/blobs/uploads"),
        ("/v2/a/tags/list/manifests/1", "a/tags/list"),
    ],
)
def test_a_name_that_looks_like_a_path_is_the_longest_one(path: str, repository: str) -> None:
    found = need("GET", path)
    assert found is not None
    assert found.repository == repository


@pytest.mark.parametrize(
    "target",
    [
        # a second reading: decoded, tidied up, or cut off
        "/v2/ci/acme/shop/../other/manifests/1",
        "/v2/ci/./shop/manifests/1",
        "/v2/ci//shop/manifests/1",
        "//v2/ci/shop/manifests/1",
        "/v2/ci%2Fother/manifests/1",
        "/v2/ci/shop/manifests/1%2f",
        "/v2/ci/shop/manifests/1/",
        "/v2/ci/shop;x/manifests/1",
        "/v2/CI/shop/manifests/1",
        "/v2/ci/sh\u00f6p/manifests/1",
        "/V2/ci/shop/manifests/1",
        "/v2/-ci/manifests/1",
        # one parameter twice
        "/v2/ci/shop/tags/list?n=1&n=2",
        # not of a client
        "/v2/_catalog",
        "/v2/ci/shop/manifests/",
        "/v2/ci/shop",
        "/debug/vars",
        "/",
    ],
)
def test_an_ambiguous_path_has_no_route(target: str) -> None:
    assert need("GET", target) is None


@pytest.mark.parametrize("method", ["TRACE", "POST", "PATCH", "get"])
def test_another_method_is_nothing(method: str) -> None:
    assert need(method, "/v2/ci/shop/manifests/1") is None


def test_a_mount_names_its_source() -> None:
    found = need("POST", f"/v2/ci/shop/blobs/uploads/?mount={DIGEST}&from=base/python")
    assert found is not None
    assert found.mounts_from == "base/python"
    assert without_mount(found) == need("POST", "/v2/ci/shop/blobs/uploads/")


@pytest.mark.parametrize("source", ["../base", "Base", "", "base/%2e"])
def test_a_mount_from_no_repository_is_nothing(source: str) -> None:
    assert need("POST", f"/v2/ci/shop/blobs/uploads/?mount={DIGEST}&from={source}") is None
