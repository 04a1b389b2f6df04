from collections.abc import Mapping
from pathlib import Path

import pytest

from deploy.check_layer import LayerUnlike, by_distribution, compiled_for, differences, fingerprints, nearest_wheels


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


OLDER = {"cryptography": {"_rust.so": "older", "WHEEL": "2_17"}, "six": {"six.py": "six"}}
NEWER = {"cryptography": {"_rust.so": "newer", "WHEEL": "2_34"}, "six": {"six.py": "six"}}


@pytest.mark.parametrize("rust", [OLDER, NEWER], ids=["older", "newer"])
def test_either_wheel_of_the_lock_is_the_lock(rust: dict[str, dict[str, str]]) -> None:
    found = rust["cryptography"] | rust["six"]
    assert nearest_wheels([OLDER, NEWER], found=found) == found


def test_a_layer_made_of_two_wheels_is_not_the_lock() -> None:
    found = {"_rust.so": "newer", "WHEEL": "2_17", "six.py": "six"}
    wanted = nearest_wheels([OLDER, NEWER], found=found)
    assert list(differences(wanted=wanted, found=found)) == ["_rust.so: its content differs from the lock's"]


def test_files_belong_to_the_distribution_that_lists_them(tmp_path: Path) -> None:
    files = {
        "jwt/__init__.py": "x = 1",
        "jwt-1.dist-info/METADATA": "Name: PyJWT\n",
        "jwt-1.dist-info/RECORD": "jwt/__init__.py,,\njwt-1.dist-info/METADATA,,\nbin/jwt,,\n",
        "six.py": "",
        "six-1.dist-info/METADATA": "Name: six\n",
        "six-1.dist-info/RECORD": "six.py,,\nsix-1.dist-info/METADATA,,\n",
    }
    found = by_distribution(write(tmp_path, files))
    assert {name: sorted(each) for name, each in found.items()} == {
        "PyJWT": ["jwt-1.dist-info/METADATA", "jwt/__init__.py"],
        "six": ["six-1.dist-info/METADATA", "six.py"],
    }
