from mmap import mmap
from pathlib import Path

import pytest

from token_exchange.adapters.policy_file import PolicyFile
from token_exchange.loading.document import COMPILED_MARK
from token_exchange.loading.store import PolicyUnreadable


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inside = tmp_path / "policies"
    (inside / "certs").mkdir(parents=True)
    (inside / "policy.yaml").write_bytes(b"version: 1\n")
    (inside / "certs" / "root.pem").write_bytes(b"PEM")
    (tmp_path / "outside.pem").write_bytes(b"not yours")
    return inside


def _read(folder: Path, named: str) -> bytes:
    read_file = PolicyFile(folder / "policy.yaml").read().read_file
    assert read_file is not None
    return read_file(named)


def test_the_document_and_what_it_names_are_read(folder: Path) -> None:
    document = PolicyFile(folder / "policy.yaml").read()
    assert (document.name, document.content) == ("policy.yaml", b"version: 1\n")
    assert _read(folder, "certs/root.pem") == b"PEM"
    assert _read(folder, str(folder / "certs" / "root.pem")) == b"PEM"


@pytest.mark.parametrize("named", ["../outside.pem", "certs/../../outside.pem", "link.pem", "up/outside.pem"])
def test_no_relative_path_and_no_link_leads_out(folder: Path, named: str) -> None:
    (folder / "link.pem").symlink_to(folder.parent / "outside.pem")
    (folder / "up").symlink_to(folder.parent)
    with pytest.raises(PermissionError):
        _read(folder, named)


def test_a_link_inside_is_followed(folder: Path) -> None:
    (folder / "current.pem").symlink_to(folder / "certs" / "root.pem")
    assert _read(folder, "current.pem") == b"PEM"


@pytest.mark.parametrize("name", ["gone.yaml", "certs"])
def test_an_unreadable_file_gives_its_name_and_cause(folder: Path, name: str) -> None:
    with pytest.raises(PolicyUnreadable, match=name):
        PolicyFile(folder / name).read()
    with pytest.raises(OSError, match=name):
        _read(folder, name)


@pytest.fixture
def of_teams(folder: Path) -> Path:
    (folder / "grants" / "deep").mkdir(parents=True)
    for name in ("b.yaml", "a.yaml", "notes.md", "a.yml", "deep/c.yaml"):
        (folder / "grants" / name).write_bytes(name.encode())
    return folder


def test_a_folder_is_its_policy_and_its_files_of_grants(of_teams: Path) -> None:
    document = PolicyFile(of_teams).read()
    assert (document.name, document.content) == ("policy.yaml", b"version: 1\n")
    assert document.grant_files == {"grants/a.yaml": b"a.yaml", "grants/b.yaml": b"b.yaml"}
    assert document.read_file is not None
    assert document.read_file("certs/root.pem") == b"PEM"
    with pytest.raises(PermissionError):
        document.read_file("../outside.pem")


def test_a_file_is_not_a_folder(of_teams: Path) -> None:
    assert PolicyFile(of_teams / "policy.yaml").read().grant_files is None


def test_a_folder_without_grants_is_a_folder(folder: Path) -> None:
    assert PolicyFile(folder).read().grant_files == {}


def test_a_folder_is_not_read_in_part(of_teams: Path) -> None:
    (of_teams / "grants" / "z.yaml").mkdir()
    with pytest.raises(PolicyUnreadable, match=r"z\.yaml"):
        PolicyFile(of_teams).read()


def test_grant_files_are_read_only_from_the_folder(of_teams: Path) -> None:
    (of_teams / "grants" / "z.yaml").symlink_to(of_teams.parent / "outside.pem")
    with pytest.raises(PolicyUnreadable, match="outside the policy's folder"):
        PolicyFile(of_teams).read()


def test_a_folder_without_a_policy_cannot_be_read(of_teams: Path) -> None:
    (of_teams / "policy.yaml").unlink()
    with pytest.raises(PolicyUnreadable, match=r"policy\.yaml"):
        PolicyFile(of_teams).read()


def test_a_compiled_policy_is_mapped_and_a_text_read(folder: Path) -> None:
    (folder / "policy.compiled").write_bytes(COMPILED_MARK + b"the rest")
    found = PolicyFile(folder / "policy.compiled").read().content
    assert isinstance(found, mmap)
    assert found[:] == COMPILED_MARK + b"the rest"
    assert isinstance(PolicyFile(folder / "policy.yaml").read().content, bytes)


def test_a_mapped_policy_stays_when_the_file_is_replaced(folder: Path) -> None:
    (folder / "policy.compiled").write_bytes(COMPILED_MARK + b"first")
    found = PolicyFile(folder / "policy.compiled").read().content
    (folder / "new").write_bytes(COMPILED_MARK + b"second")
    (folder / "new").replace(folder / "policy.compiled")
    assert found[:] == COMPILED_MARK + b"first"
