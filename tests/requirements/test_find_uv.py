"""How a machine without uv gets the locked one: `requirements/find-uv.sh` and `fetch_uv.py`, with the real curl."""

import ast
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from requirements.fetch_uv import fits, index_url
from tests.requirements.package_index import (
    VERSION,
    BareMachine,
    PackageIndex,
    lock_text,
    package_index,
)

ROOT = Path(__file__).parents[2]
FETCH = ROOT / "requirements" / "fetch_uv.py"
FIND = ROOT / "requirements" / "find-uv.sh"
# A Python as Debian's: neither pip nor venv.
BARE_PYTHON = f'#!/bin/sh\nexec {sys.executable} -S "$@"\n'

pytestmark = pytest.mark.program("curl")


@pytest.fixture(scope="module")
def serving() -> Iterator[PackageIndex]:
    with package_index() as index:
        yield index


@pytest.fixture
def index(serving: PackageIndex) -> PackageIndex:
    serving.asked.clear()
    serving.credentials.clear()
    return serving


@pytest.fixture
def machine(tmp_path: Path) -> BareMachine:
    folder = tmp_path / "a checkout"
    (folder / "requirements").mkdir(parents=True)
    for script in (FETCH, FIND):
        shutil.copy(script, folder / "requirements")
    (folder / "requirements/uv.txt").write_text(lock_text())
    return BareMachine(folder=folder)


def find(machine: BareMachine, **variables: str) -> tuple[int, str]:
    done = machine.run("sh", "requirements/find-uv.sh", ".tools/bin/uv", **variables)
    assert done.stdout == ""
    return done.returncode, done.stderr


def version(machine: BareMachine, folder: Path | None = None) -> str:
    return machine.run((folder or machine.folder) / ".tools/bin/uv", "--version").stdout.strip()


class TestFetched:
    def test_python_without_pip_and_venv_is_enough(self, machine: BareMachine, index: PackageIndex) -> None:
        machine.script("python3", BARE_PYTHON)
        assert find(machine, PIP_INDEX_URL=index.url) == (0, "setup: uv of requirements/uv.txt, in .tools\n")
        assert version(machine) == f"uv {VERSION}"
        assert len(index.asked) == 2

    def test_a_moved_checkout_keeps_it(self, machine: BareMachine, index: PackageIndex) -> None:
        machine.script("python3", BARE_PYTHON)
        find(machine, PIP_INDEX_URL=index.url)
        moved = machine.folder.rename(machine.folder.with_name("moved"))
        assert version(BareMachine(folder=moved)) == f"uv {VERSION}"

    def test_a_fetched_uv_is_not_fetched_again(self, machine: BareMachine, index: PackageIndex) -> None:
        machine.script("python3", BARE_PYTHON)
        find(machine, PIP_INDEX_URL=index.url)
        (machine.folder / ".tools/bin/uv").unlink()
        assert find(machine) == (0, "")
        assert version(machine) == f"uv {VERSION}"
        assert len(index.asked) == 2

    def test_another_hash_is_refused(self, machine: BareMachine, index: PackageIndex) -> None:
        machine.script("python3", BARE_PYTHON)
        (machine.folder / "requirements/uv.txt").write_text(lock_text(content=b"of another release"))
        status, said = find(machine, PIP_INDEX_URL=index.url)
        assert status == 1
        assert "is not in the lock" in said
        assert not list((machine.folder / ".tools").rglob("uv*"))

    def test_a_missing_version_is_named(self, machine: BareMachine, index: PackageIndex) -> None:
        machine.script("python3", BARE_PYTHON)
        (machine.folder / "requirements/uv.txt").write_text(lock_text().replace(VERSION, "9.9.9"))
        status, said = find(machine, PIP_INDEX_URL=index.url)
        assert status == 1
        assert "the index has no wheel of uv 9.9.9 for " in said

    def test_no_network_is_one_attempt_and_one_advice(self, machine: BareMachine) -> None:
        tried = machine.folder / "tried"
        for name in ("python3", "python3.13", "python3.12"):
            machine.script(name, f'#!/bin/sh\nexec {sys.executable} "$@"\n')
        machine.script("curl", f"#!/bin/sh\necho once >>'{tried}'\necho 'curl: (6) could not resolve' >&2\nexit 6\n")
        status, said = find(machine, PIP_INDEX_URL="https://index.acme.example/index")
        assert status == 1
        assert tried.read_text() == "once\n"
        assert "could not fetch uv from index.acme.example: curl: (6) could not resolve" in said
        assert "install uv, or set PIP_INDEX_URL to another package index" in said

    def test_credentials_reach_the_index_and_no_process_list(self, machine: BareMachine, index: PackageIndex) -> None:
        machine.script("python3", BARE_PYTHON)
        machine.has("cat")
        seen = machine.folder / "seen"
        machine.script("curl", f'#!/bin/sh\necho "$*" >>\'{seen}\'\nexec {shutil.which("curl")} "$@"\n')
        url = index.url.replace("://", "://ada:of-the-index@")
        assert find(machine, PIP_INDEX_URL=url)[0] == 0
        assert index.credentials == ["ada:of-the-index"] * 2
        assert "of-the-index" not in seen.read_text()

    def test_credentials_are_in_no_error(self, machine: BareMachine) -> None:
        machine.script("python3", BARE_PYTHON)
        status, said = find(machine, PIP_INDEX_URL="http://ada:of-the-index@127.0.0.1:1/index")
        assert status == 1
        assert "could not fetch uv from 127.0.0.1" in said
        assert "of-the-index" not in said


class TestFound:
    def test_uv_on_the_path_is_taken(self, machine: BareMachine) -> None:
        machine.script("uv", "#!/bin/sh\necho uv of the path\n")
        assert find(machine) == (0, "")
        assert version(machine) == "uv of the path"

    def test_a_shim_that_does_nothing_is_passed_over(self, machine: BareMachine, index: PackageIndex) -> None:
        for name in ("uv", "python3"):
            machine.script(name, "#!/bin/sh\nexit 127\n")
        machine.script("python3.12", BARE_PYTHON)
        assert find(machine, PIP_INDEX_URL=index.url)[0] == 0
        assert version(machine) == f"uv {VERSION}"


class TestIndex:
    def test_a_variable_wins_over_a_file(self, tmp_path: Path) -> None:
        config = tmp_path / "pip.conf"
        config.write_text("[global]\nindex-url = https://file.acme.example/index\n")
        named = {"PIP_CONFIG_FILE": str(config), "HOME": str(tmp_path)}
        assert index_url(named) == "https://file.acme.example/index/"
        assert index_url({**named, "PIP_INDEX_URL": "https://pip.acme.example"}) == "https://pip.acme.example/"
        assert index_url({**named, "UV_DEFAULT_INDEX": "https://uv.acme.example/"}) == "https://uv.acme.example/"

    def test_the_file_in_the_home_is_read(self, tmp_path: Path) -> None:
        config = tmp_path / ".config/pip/pip.conf"
        config.parent.mkdir(parents=True)
        config.write_text("[install]\nindex-url = https://home.acme.example/index\n")
        assert index_url({"HOME": str(tmp_path)}) == "https://home.acme.example/index/"

    def test_a_broken_file_is_passed_over(self, tmp_path: Path) -> None:
        config = tmp_path / "pip.conf"
        config.write_text("index-url without a section\n")
        assert index_url({"PIP_CONFIG_FILE": str(config), "HOME": str(tmp_path)}).startswith("https://")


@pytest.mark.parametrize(
    ("tags", "system", "machine", "libc", "expected"),
    [
        ("manylinux_2_17_x86_64.manylinux2014_x86_64", "Linux", "x86_64", "glibc", True),
        ("manylinux_2_17_x86_64.manylinux2014_x86_64", "Linux", "aarch64", "glibc", False),
        ("manylinux_2_17_x86_64.manylinux2014_x86_64", "Linux", "x86_64", "", False),
        ("musllinux_1_1_x86_64", "Linux", "x86_64", "", True),
        ("musllinux_1_1_x86_64", "Linux", "x86_64", "glibc", False),
        ("manylinux_2_17_aarch64.manylinux2014_aarch64.musllinux_1_1_aarch64", "Linux", "aarch64", "", True),
        ("macosx_11_0_arm64", "Darwin", "arm64", "", True),
        ("macosx_10_12_x86_64", "Darwin", "arm64", "", False),
        ("win_amd64", "Linux", "x86_64", "glibc", False),
    ],
)
def test_a_wheel_fits_its_machine(tags: str, system: str, machine: str, libc: str, *, expected: bool) -> None:
    assert fits(f"uv-1.2.3-py3-none-{tags}.whl", system, machine, libc) is expected


def test_it_is_written_for_python_3_9() -> None:
    ast.parse(FETCH.read_text(), feature_version=(3, 9))
