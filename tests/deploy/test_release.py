"""A release has the same bytes wherever it is built, and what SECURITY.md says about it is so."""

import json
import os
import re
import subprocess
import zipfile
from pathlib import Path

import pytest
import yaml

from deploy.release import BILL, CHECKSUMS, write_bill, write_checksums, write_zip
from tests.deploy.cloudformation import ROOT, at, mapping
from tests.docs.schemas import check_schema
from tests.requirements_present import CYCLONEDX

WORKFLOW = ROOT / ".github" / "workflows" / "release.yml"
FILES = {
    "python/b.py": "b = 1",
    "python/a/__init__.py": "",
    "python/a.py": "a = 1",
    "python/a-1.dist-info/METADATA": "x",
}


def layer(folder: Path, names: list[str], *, mode: int, time: int) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(FILES[name])
        path.chmod(mode)
        os.utime(path, (time, time))
    return folder


def test_an_archive_reveals_nothing_of_its_machine(tmp_path: Path) -> None:
    write_zip(layer(tmp_path / "one", [*FILES], mode=0o644, time=1_000_000_000), tmp_path / "one.zip")
    other = layer(tmp_path / "elsewhere" / "two", [*reversed(FILES)], mode=0o700, time=1_700_000_000)
    write_zip(other, tmp_path / "two.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def test_an_archive_holds_every_file_for_any_user(tmp_path: Path) -> None:
    write_zip(layer(tmp_path / "one", [*FILES], mode=0o600, time=1_000_000_000), tmp_path / "one.zip")
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        entries = archive.infolist()
        assert {entry.filename: archive.read(entry).decode() for entry in entries} == FILES
        assert [entry.filename for entry in entries] == sorted(FILES)
        # Lambda's user is not the owner of what it unpacks.
        assert {entry.external_attr >> 16 for entry in entries} == {0o100644}


@pytest.mark.program("sha256sum")
def test_the_checksums_are_checked_as_the_page_says(tmp_path: Path) -> None:
    (tmp_path / "layer.zip").write_bytes(b"layer")
    (tmp_path / "bill.json").write_bytes(b"{}")
    assert [path.name for path in write_checksums(tmp_path)] == ["bill.json", "layer.zip"]
    (command,) = [line for line in commands() if line.startswith("sha256sum")]
    assert subprocess.run(command.split(), cwd=tmp_path, capture_output=True, check=False).returncode == 0
    (tmp_path / "layer.zip").write_bytes(b"another layer")
    assert subprocess.run(command.split(), cwd=tmp_path, capture_output=True, check=False).returncode == 1


@pytest.mark.release
def test_the_bill_names_every_locked_package_and_its_hashes(tmp_path: Path) -> None:
    """`make release-check` also writes it twice, and compares the bytes."""
    write_bill(ROOT, tmp_path / BILL, program=CYCLONEDX, environment={**os.environ})
    bill = json.loads((tmp_path / BILL).read_text())
    lock = (ROOT / "layers" / "token_exchange" / "requirements.txt").read_text()
    assert {each["name"]: each["version"] for each in bill["components"]} == dict(
        re.findall(r"^([a-z0-9.-]+)==([^ ;]+)", lock, re.MULTILINE)
    )
    assert set(re.findall(r"sha256:([0-9a-f]{64})", lock)) <= set(re.findall(r"[0-9a-f]{64}", json.dumps(bill)))
    stated = {each["name"]: each["value"] for each in bill["metadata"]["properties"]}
    assert {"token-exchange:python", "token-exchange:zlib"} <= stated.keys()


# ------------------------------------------------------------------------------------------------ who signs it


def commands() -> list[str]:
    """Return the command lines under "Verify a release"."""
    section = (ROOT / "SECURITY.md").read_text().partition("## Verify a release")[2].partition("\n## ")[0]
    blocks = re.findall(r"```bash\n(.*?)```", section, re.DOTALL)
    return [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]


def workflow() -> dict[str, object]:
    return mapping(yaml.safe_load(WORKFLOW.read_text()))


def test_the_workflow_follows_its_schema() -> None:
    check_schema("vendor.github-workflows", WORKFLOW)


def test_every_action_is_pinned_to_a_commit() -> None:
    used = re.findall(r"uses: (.*)", WORKFLOW.read_text())
    assert len(used) == 6
    assert [line for line in used if not re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40} # v[0-9.]+", line)] == []


def test_jobs_that_run_packages_cannot_sign() -> None:
    """The job that runs packages of the index has no identity, and the job that has one runs no package."""
    jobs = mapping(workflow(), "jobs")
    assert mapping(jobs, "build", "permissions") == {"contents": "read"}
    assert "make" not in re.findall(r"run: (\w+)", yaml.safe_dump(jobs["publish"]))
    assert mapping(jobs, "publish", "permissions").keys() == {"contents", "id-token", "attestations"}
    assert at(workflow(), "permissions") == {}


def test_the_page_verifies_what_the_workflow_signs() -> None:
    (verify,) = [line for line in commands() if line.startswith("gh attestation verify")]
    assert f"/{WORKFLOW.relative_to(ROOT).as_posix()}" in verify
    assert '"refs/tags/v$VERSION"' in verify
    text = WORKFLOW.read_text()
    assert 'tags: ["v*"]' in text
    assert f"subject-checksums: dist/{CHECKSUMS}" in text
    assert f"sbom-path: dist/{BILL}" in text
    assert "dist/provenance.sigstore.json" in text
    assert "`--bundle provenance.sigstore.json`" in (ROOT / "SECURITY.md").read_text()
