from collections.abc import Mapping
from pathlib import Path

import pytest

from deploy.check_layer import LayerUnlike, compiled_for, differences, fingerprints


def write(folder: Path, files: Mapping[str, str]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return folder


def test_one_tree_is_like_itself(tmp_path: Path) -> None:
    found = fingerprints(write(tmp_path, {"jwt/__init__.py": "x = 1", "six.py": ""}))
    assert list(differences(wanted=found, found=found)) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"jwt/__init__.py": "x = 2"}, "jwt/__init__.py: its content differs from the lock's"),
        ({"jwt/evil.py": ""}, "jwt/evil.py: in the layer, but not in the lock"),
        # What runs at every start of Python, without being imported.
        ({"evil.pth": "import os"}, "evil.pth: in the layer, but not in the lock"),
    ],
)
def test_a_difference_is_named(tmp_path: Path, changes: Mapping[str, str], said: str) -> None:
    files = {"jwt/__init__.py": "x = 1"}
    wanted = fingerprints(write(tmp_path / "wanted", files))
    found = fingerprints(write(tmp_path / "found", files | dict(changes)))
    assert list(differences(wanted=wanted, found=found)) == [said]
    assert list(differences(wanted=wanted, found={})) == ["jwt/__init__.py: missing from the layer"]


def test_installer_records_and_unused_files_are_ignored(tmp_path: Path) -> None:
    ignored = {
        "jwt-1.dist-info/RECORD": "",
        "jwt-1.dist-info/INSTALLER": "",
        "bin/jp.py": "",
        "a/__pycache__/b.pyc": "",
    }
    assert fingerprints(write(tmp_path, ignored | {"jwt-1.dist-info/METADATA": ""})).keys() == {
        "jwt-1.dist-info/METADATA"
    }


def test_the_machine_is_read_from_the_compiled_modules(tmp_path: Path) -> None:
    layer = write(tmp_path, {"_cffi_backend.cpython-313-aarch64-linux-gnu.so": "", "rust/_rust.abi3.so": ""})
    assert compiled_for(layer) == "aarch64"


@pytest.mark.parametrize(
    "names",
    [
        [],
        ["a.cpython-313-aarch64-linux-gnu.so", "b.cpython-313-x86_64-linux-gnu.so"],
        ["a.cpython-312-x86_64-linux-gnu.so"],
    ],
)
def test_modules_for_no_machine_or_for_two_are_refused(tmp_path: Path, names: list[str]) -> None:
    with pytest.raises(LayerUnlike, match="for one machine"):
        compiled_for(write(tmp_path, dict.fromkeys(names, "")))
