from pathlib import Path

import pytest

from token_exchange.adapters.policy_file import PolicyFile
from token_exchange.policy_store import PolicyUnreadable


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
def test_what_cannot_be_read_says_which_and_why(folder: Path, name: str) -> None:
    with pytest.raises(PolicyUnreadable, match=name):
        PolicyFile(folder / name).read()
    with pytest.raises(OSError, match=name):
        _read(folder, name)
