"""pip-audit over a lock, with advisories that are on this machine."""

import json
import zipfile
from pathlib import Path

import pytest

from requirements.advisories import Advisories, AdvisoriesUnusable
from requirements.audit_dependencies import LOCKS, Audited, NoAdvisories, audit, audit_all, main, report
from sandbox.loopback import Answer, Request, Server
from tests.requirements_present import PIP_AUDIT, ROOT

HASH = "sha256:" + "0" * 64


def advisory(
    name: str = "PyJWT", *, events: list[dict[str, str]] | None = None, versions: list[str] | None = None
) -> str:
    ranges = [{"type": "ECOSYSTEM", "events": events}] if events is not None else []
    affected = {"package": {"name": name, "ecosystem": "PyPI"}, "ranges": ranges, "versions": versions or []}
    return json.dumps({"id": "PYSEC-2026-1", "summary": "forged tokens are accepted", "affected": [affected]})


def advisories(folder: Path, text: str) -> Advisories:
    (folder / "PYSEC-2026-1.json").write_text(text)
    return Advisories(folder)


@pytest.mark.parametrize(
    ("events", "affected", "unaffected"),
    [
        ([{"introduced": "0"}, {"fixed": "2.4"}], ["0.1", "2.3.9", "2.4rc1"], ["2.4", "2.10"]),
        ([{"introduced": "1.5"}, {"last_affected": "2.0"}], ["1.5", "2.0"], ["1.4", "2.0.1"]),
        # Fixed in each of two lines; and written in no order.
        (
            [{"fixed": "1.9"}, {"introduced": "2.0"}, {"introduced": "0"}, {"fixed": "2.4"}],
            ["1.8", "2.3"],
            ["1.9", "2.4"],
        ),
        ([{"introduced": "1.0"}], ["1.0", "99"], ["0.9"]),
        ([], [], ["1.0"]),
    ],
)
def test_a_range_says_which_versions_are_affected(
    tmp_path: Path, events: list[dict[str, str]], affected: list[str], unaffected: list[str]
) -> None:
    known = advisories(tmp_path, advisory(events=events))
    assert [version for version in affected + unaffected if known.about("pyjwt", version)] == affected


def test_listed_versions_and_other_packages(tmp_path: Path) -> None:
    known = advisories(tmp_path, advisory(versions=["1.0"]))
    assert len(known.about("pyjwt", "1.0")) == 1
    assert known.about("pyjwt", "1.1") == []
    assert known.about("jwt", "1.0") == []


def test_an_archive_is_read_like_a_folder(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("PYSEC-2026-1.json", advisory(versions=["1.0"]))
    assert len(Advisories(tmp_path / "all.zip").about("pyjwt", "1.0")) == 1


def test_a_folder_without_advisories_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(AdvisoriesUnusable, match="found none"):
        Advisories(tmp_path)
    assert main("pip-audit", str(tmp_path)) == 1
    assert "expected OSV's JSON files" in capsys.readouterr().err


def test_another_question_is_a_bad_request(tmp_path: Path) -> None:
    known = advisories(tmp_path, advisory(versions=["1.0"]))
    body = json.dumps({"commit": "0" * 40}).encode()
    assert known(Request(method="POST", target="/v1/query", headers=(), body=body)).status == 400


@pytest.mark.release
def test_pip_audit_reads_the_advisories(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lock = tmp_path / "requirements.txt"
    lock.write_text(f"pyjwt==2.3.0 --hash={HASH}\nsix==1.17.0 --hash={HASH}\n")
    known = advisories(tmp_path, advisory("pyjwt", events=[{"introduced": "0"}, {"fixed": "2.4"}]))
    with Server(known) as server:
        options = ["--vulnerability-service", "osv", "--osv-url", f"http://127.0.0.1:{server.port}/v1/query"]
        found = audit_all([lock], program=PIP_AUDIT, options=options)
    assert report(found) == 1
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].endswith("pyjwt 2.3.0: PYSEC-2026-1, fixed in 2.4")
    assert printed[1:] == ["audit-dependencies: 2 locked packages, 1 with a vulnerability or unknown"]


@pytest.mark.release
def test_an_unreachable_index_is_a_skip(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.txt"
    lock.write_text(f"six==1.17.0 --hash={HASH}\n")
    with Server(lambda _: Answer()) as server:
        nowhere = f"http://127.0.0.1:{server.port}/v1/query"
    with pytest.raises(NoAdvisories):
        audit(lock, program=PIP_AUDIT, options=["--vulnerability-service", "osv", "--osv-url", nowhere])


def test_an_unknown_package_is_a_failure(capsys: pytest.CaptureFixture[str]) -> None:
    known, unknown = Audited(lock=Path("a"), name="six 1"), Audited(lock=Path("a"), name="own", unknown="not found")
    assert report([known]) == 0
    assert report([known, unknown]) == 1
    assert "a: own: not found" in capsys.readouterr().out


def test_every_lock_is_checked() -> None:
    locks = {path.relative_to(ROOT) for path in (*ROOT.glob("requirements/*.txt"), *ROOT.glob("layers/*/*.txt"))}
    assert {*map(Path, map(str, LOCKS))} == locks
