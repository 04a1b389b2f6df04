"""Whatever a file is, it is read or refused with its name, and never with a traceback."""

from codecs import BOM_UTF8
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.ci_claims import github_claims
from tests.cli.program import Printed, run, write_json, write_policy

ANY_FILE = {
    # Nothing that anybody could mean.
    "empty": b"",
    "binary": bytes(range(256)) * 64,
    "not UTF-8": b"version: \xff\xfe",
    "a byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": '{"version": 1}'.encode("utf-16"),
    "null bytes": b"\x00" * 1000,
    # Documents, but not of what is expected.
    "a number": b"1",
    "a list": b"[1, 2]",
    "text": b'"version"',
    "two documents": b"--- {}\n--- {}\n",
    "an empty object": b"{}",
    "half an object": b'{"version": 1,',
    "NaN": b'{"version": NaN}',
    "a lone surrogate": b'{"a": "\\ud800"}',
    # What costs readers their memory, their stack or their patience.
    "nested": b"[" * 100_000,
    "nested objects": b'{"a":' * 100_000,
    "nested YAML": b"- " * 10_000,
    "a long line": b"a" * 3_000_000,
    "an anchor": b"a: &a [*a]",
    "a long number": b'{"version": ' + b"9" * 10_000 + b"}",
}


@pytest.mark.parametrize("content", ANY_FILE.values(), ids=ANY_FILE)
@pytest.mark.parametrize("place", ["policy", "--claims", "--token", "--audit-line"])
def test_unreadable_file_gives_a_message(tmp_path: Path, place: str, content: bytes) -> None:
    path = tmp_path / "given"
    path.write_bytes(content)
    policy = write_policy(tmp_path)
    claims = write_json(tmp_path / "claims.json", github_claims())
    arguments = (path, "--claims", claims) if place == "policy" else (policy, place, path)
    done = run("policy", "explain", *arguments, "--issuer", "github", "--json")
    if place == "--claims" and content.removeprefix(BOM_UTF8) == b"{}":
        # Claims without a claim are a token that is no job's.
        assert (done.status, done.fields["reason"]) == (1, "missing-claim")
        return
    assert (done.status, done.out) == (2, "")
    assert str(path) in done.err
    assert len(done.err) < 20_000


@pytest.mark.parametrize("content", ANY_FILE.values(), ids=ANY_FILE)
def test_other_commands_report_unreadable_files(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "given"
    path.write_bytes(content)
    for arguments in (("policy", "test", write_policy(tmp_path), path), ("token", "inspect", path)):
        done = run(*arguments)
        assert (done.status, done.out) == (2, "")
        assert done.err.startswith(f"{path}: ")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(content=st.binary(max_size=200))
def test_any_bytes_give_a_message(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "given"
    path.write_bytes(content)
    for arguments in (("explain", path, "--claims", path), ("test", write_policy(tmp_path), path)):
        assert run("policy", *arguments).status == 2
    assert run("token", "inspect", path).status == 2


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("missing", "missing: no such file or directory"),
        ("", ": not a policy folder, which has policy.yaml and grants/*.yaml; give the policy's own file or folder"),
        ("a\nb", "no such file or directory"),
        ("a\x00b", "not a file name"),
        ("a" * 300, "file name too long"),
        ("claims.json/x", "not a directory"),
    ],
)
def test_non_file_gives_a_one_line_message(tmp_path: Path, name: str, text: str) -> None:
    write_json(tmp_path / "claims.json", github_claims())
    done = run("policy", "explain", f"{tmp_path}/{name}", "--claims", tmp_path / "claims.json")
    assert (done.status, done.out) == (2, "")
    assert text in done.err
    assert done.err.count("\n") == 1


@pytest.mark.parametrize("command", ["lint", "explain --claims x", "map", "who --registry apps", "diff policy.yaml"])
def test_an_empty_name_is_not_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policy.yaml").write_bytes(write_policy(tmp_path).read_bytes())
    done = run("policy", *command.split(), "")
    assert (done.status, done.out, done.err) == (2, "", "'': not a file name\n")


def test_a_folder_that_is_no_policy_names_those_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for file in ("notes.yaml", "own.yaml", "a/policy.yaml", "b/policy.yaml", "b/grants/shop.yaml"):
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        Path(file).write_text("a: 1\n" if "notes" in file else "version: 1\nissuers: {}\n", "utf-8")
    Path("unreadable.yaml").mkdir()
    says = "not a policy folder, which has policy.yaml and grants/*.yaml; give a/policy.yaml or b or own.yaml\n"
    assert run("policy", "lint", ".") == Printed(status=2, out="", err=f".: {says}")


def test_a_file_that_a_policy_folder_does_not_read_is_named(tmp_path: Path) -> None:
    write_policy(tmp_path).rename(tmp_path / "policy.yaml")
    (tmp_path / "grants/deep").mkdir(parents=True)
    for file in ("labs.yml", "deep/own.yaml", "notes.md"):
        (tmp_path / "grants" / file).touch()
    says = "is not read: a policy folder has only policy.yaml and grants/*.yaml"
    lines = run("policy", "lint", tmp_path).err.splitlines()
    assert lines[:2] == [f"remark: grants/deep/own.yaml {says}", f"remark: grants/labs.yml {says}"]
    assert not any(says in other for other in lines[2:])


@pytest.mark.parametrize(
    ("here", "file", "folder"),
    [(".", "b/grants/shop.yaml", "b"), ("b", "grants/shop.yaml", "."), ("b/grants", "shop.yaml", "..")],
)
def test_a_file_of_a_policy_folder_names_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, here: str, file: str, folder: str
) -> None:
    (tmp_path / "b/grants").mkdir(parents=True)
    (tmp_path / "b/policy.yaml").write_text("version: 1\n", "utf-8")
    (tmp_path / "b/grants/shop.yaml").write_text("- {name: shop}\n", "utf-8")
    monkeypatch.chdir(tmp_path / here)
    says = f"{file}: a file of a policy folder; give the folder {folder}\n"
    assert run("policy", "lint", file) == Printed(status=2, out="", err=says)


def test_endless_files_are_not_read_to_their_end(tmp_path: Path) -> None:
    policy = write_policy(tmp_path)
    for place in ("--claims", "--token", "--audit-line"):
        done = run("policy", "explain", policy, place, "/dev/zero")
        assert done.status == 2
        assert "more than" in done.err


def test_standard_input_is_a_dash_and_read_once(tmp_path: Path) -> None:
    policy = write_policy(tmp_path)
    claims = write_json(tmp_path / "claims.json", github_claims())
    for arguments, given_bytes in (
        (("-", "--claims", claims), policy.read_bytes()),
        ((policy, "--claims", "-"), claims.read_bytes()),
    ):
        assert run("policy", "explain", *arguments, "--issuer", "github", given=given_bytes).status == 0
    assert run("policy", "explain", "-", "--claims", claims, given=b"x: [").err.startswith("standard input: ")
    twice = run("policy", "explain", "-", "--claims", "-", given=policy.read_bytes())
    assert twice.status == 2
    assert "only one argument can be standard input" in twice.err
