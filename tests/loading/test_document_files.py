import json

import pytest

from tests.fake_issuer import jwk, private_key
from tests.loading.documents import Document, Folder, changed, document, faults, load, problems_of
from token_exchange.loading.document import identity_of
from token_exchange.loading.problems import Code

KEYS = json.dumps({"keys": [jwk("ES256", private_key("ES256"), kid="k1")]}).encode()
OTHER_KEYS = json.dumps({"keys": [jwk("ES256", private_key("ES256"), kid="k2")]}).encode()


def pinned(path: str) -> Document:
    return changed(document(), "issuers.own.jwks_file", path)


def test_a_file_is_part_of_the_identity() -> None:
    found = pinned("keys/ci.json")
    one = load(found, folder=Folder({"keys/ci.json": KEYS}))
    again = load(found, folder=Folder({"keys/ci.json": KEYS, "unrelated": b"x"}))
    other = load(found, folder=Folder({"keys/ci.json": OTHER_KEYS}))
    assert one.files == ("keys/ci.json",)
    assert one.sha256 == again.sha256 != other.sha256


def test_a_file_is_read_once_however_often_it_is_named() -> None:
    """Were it read twice, the identity could tell of other bytes than the ones in force."""
    folder = Folder({"ca.pem": b"-----BEGIN CERTIFICATE-----\n"})
    found = changed(changed(document(), "issuers.own.ca_bundle", "ca.pem"), "issuers.gitlab.ca_bundle", "ca.pem")
    load(found, folder=folder)
    assert folder.reads == ["ca.pem"]


@pytest.mark.parametrize(
    "path", ["../keys.json", "keys/../../keys.json", "..", "keys/..", "./../x", "//etc/../etc/passwd/.."]
)
def test_a_path_may_not_leave_the_folder(path: str) -> None:
    folder = Folder({path: KEYS})
    if path.startswith("/"):
        load(pinned(path), folder=folder)  # absolute paths are the operator's to choose
    else:
        assert faults(pinned(path), folder=folder) == [("issuers.own.jwks_file", "bad-value")]
        assert folder.reads == []


@pytest.mark.parametrize("path", ["keys.json", "./keys.json", "a/b/keys.json", "..keys.json", "/etc/keys.json", "a..b"])
def test_paths_inside_the_folder_and_absolute_ones(path: str) -> None:
    assert load(pinned(path), folder=Folder({path: KEYS})).files == (path,)


@pytest.mark.parametrize("path", ["a\x00b", "a\nb", "a\u2028b"])
def test_paths_that_no_file_system_has(path: str) -> None:
    folder = Folder({path: KEYS})
    assert faults(pinned(path), folder=folder) == [("issuers.own.jwks_file", "bad-value")]
    assert folder.reads == []


def test_a_path_that_is_not_utf8_is_refused_though_it_exists() -> None:
    assert faults(pinned("\udc80"), folder=Folder({"\udc80": KEYS})) == [("issuers.own.jwks_file", "bad-value")]


def test_a_file_that_cannot_be_read() -> None:
    (problem,) = problems_of(pinned("keys.json"), folder=Folder())
    assert str(problem) == (
        "issuers.own.jwks_file: expected a readable file (No such file or directory), found 'keys.json'"
    )


@pytest.mark.parametrize("key", ["jwks_file", "ca_bundle"])
def test_only_a_policy_that_is_a_file_names_files(key: str) -> None:
    found = changed(document(), f"issuers.own.{key}", "x")
    (problem,) = problems_of(found, folder=None)
    assert problem.path == ("issuers", "own", key)
    assert "only a policy read from a file can name files" in problem.message


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"", "bad-value"), (b"\xff", "bad-value"), (b"{}", "bad-value"), (b'{"keys": []}', "bad-value")],
)
def test_files_that_hold_no_keys(content: bytes, code: Code) -> None:
    assert faults(pinned("k"), folder=Folder({"k": content})) == [("issuers.own.jwks_file", code)]


def test_the_identity_depends_on_where_a_file_ends() -> None:
    """Bytes moved from one file to the next, or a name that looks like content, are another policy."""
    documents = [
        identity_of("p", b"ab", {}),
        identity_of("p", b"a", {"b": b""}),
        identity_of("pa", b"b", {}),
        identity_of("p", b"", {"x": b"ab"}),
        identity_of("p", b"", {"x": b"a", "y": b"b"}),
        identity_of("p", b"", {"xa": b"b"}),
    ]
    assert len(set(documents)) == len(documents)
    assert identity_of("p", b"", {"x": b"1", "y": b"2"}) == identity_of("p", b"", {"y": b"2", "x": b"1"})
