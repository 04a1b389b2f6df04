"""`policy lint`: every finding has its place, and the exit status fits a pipeline."""

import json
import time
from pathlib import Path

import pytest

from tests.cli.program import run, write_policy
from tests.loading.documents import changed, document, grant

CAREFUL = changed(document(), "issuers.gitlab.organizations", [{"id": "310"}])


@pytest.fixture
def careful(tmp_path: Path) -> Path:
    path = tmp_path / "policy.json"
    path.write_text(json.dumps(CAREFUL))
    return path


def test_careful_policy_exits_0(careful: Path) -> None:
    done = run("policy", "lint", careful, "--strict")
    assert (done.status, done.out, done.err) == (0, "", "remark: 0 errors, 0 warnings\n")
    assert run("policy", "lint", careful, "--json").fields == {"findings": []}


def test_warnings_exit_0_unless_strict(tmp_path: Path) -> None:
    path = write_policy(tmp_path, grant(duration="12h"))
    assert run("policy", "lint", path).status == 0
    assert run("policy", "lint", path, "--strict").status == 1


def test_every_error_has_its_place(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text("version: 2\nissuers: {}\nregistries:\n  apps: {type: ecr, account: 1, region: eu-west-1}\n")
    done = run("policy", "lint", path, "--json")
    assert done.status == 1
    found = [(str(one["path"]), one["line"], one["severity"]) for one in done.texts("findings")]
    assert ("version", 1, "error") in found
    assert ("issuers", 2, "error") in found
    assert ("registries.apps.account", 4, "error") in found


def test_error_has_a_suggestion_if_known(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(
        "version: 1\nisuers: {}\nregistries: {apps: {type: ecr, account: 1, region: eu-west-1}}\ngrants: []\n"
    )
    done = run("policy", "lint", path)
    lines = done.out.splitlines()
    assert "  -> did you mean issuers?" in lines
    assert "  -> quote it: '1'" in lines
    assert not any("mend it" in line for line in lines)
    assert sum(line.startswith("  ->") for line in lines) == 2


def test_summary_uses_singular_and_plural(tmp_path: Path) -> None:
    done = run("policy", "lint", write_policy(tmp_path, grant(duration="12h")))
    assert done.err == "remark: 0 errors, 2 warnings\n"
    path = tmp_path / "one.json"
    path.write_text(json.dumps(changed(CAREFUL, "version", 2)))
    assert run("policy", "lint", path).err == "remark: 1 error, 0 warnings\n"


def test_long_value_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "policy.json"
    path.write_text(json.dumps(changed(CAREFUL, "grants[0].match.branch", "x" * 200 + "*")))
    done = run("policy", "lint", path)
    assert f"'{'x' * 100}'..." in done.out
    assert "\\u" not in done.out


def test_standard_input_is_read(tmp_path: Path) -> None:
    done = run("policy", "lint", "-", given=json.dumps(document(grant(duration="12h"))))
    assert done.status == 0
    assert "standard input:1:" in done.out


@pytest.mark.parametrize("content", [b"", b"\xff", b"[", b"null", b"{}", b"a: &x 1", b"\x00" * 10, b"- " * 5000])
def test_any_file_gives_a_message_with_a_place(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "policy.yaml"
    path.write_bytes(content)
    done = run("policy", "lint", path, "--json")
    assert done.status == 1
    assert all(isinstance(one["line"], int) and one["message"] for one in done.texts("findings"))
    assert done.texts("findings")


@pytest.mark.parametrize(
    ("content", "line", "column"),
    [
        (b"a: 1\nb: 2 # \xe2\x80\xa8x: 1\n", 2, 8),
        (b"a: [1,\nb: {\n", 3, 1),
        (b"a: 1\na: : 2\n", 2, 4),
        (b"a:\n  " + b"[" * 30, 2, 23),
        ("# é\na: é".encode() + b"\xe9", 2, 5),
    ],
)
def test_unparsable_file_is_reported_with_its_place(content: bytes, line: int, column: int) -> None:
    (found,) = run("policy", "lint", "-", "--json", given=content).texts("findings")
    assert (found["line"], found["column"]) == (line, column)
    assert not str(found["message"]).startswith("line")


def test_a_duplicate_key_is_where_it_is_repeated() -> None:
    content = "version: 1\nissuers: {a: {b: 1, b: 2}}\nversion: 1\n"
    found = run("policy", "lint", "-", "--json", given=content).texts("findings")
    repeated = [(one["path"], one["line"], one["column"]) for one in found if one["code"] == "duplicate-key"]
    assert repeated == [("issuers.a.b", 2, 21), ("version", 3, 1)]


@pytest.mark.parametrize("content", [b"[" * 300_000, b'{"a":' * 300_000, b"%TAG !a! x\n" * 300_000])
def test_hostile_policy_is_linted_in_bounded_time(content: bytes) -> None:
    """libyaml takes time by the square of open brackets and of directives."""
    started = time.process_time()
    assert run("policy", "lint", "-", given=content).status == 1
    assert time.process_time() - started < 10


@pytest.mark.parametrize("wanted", ["text", "json", "github", "gitlab", "sarif"])
def test_half_a_surrogate_is_reported_in_every_format(tmp_path: Path, wanted: str) -> None:
    path = tmp_path / "policy.json"
    path.write_text(json.dumps(changed(CAREFUL, "grants[0].issuers", ["\ud800"])))
    done = run("policy", "lint", path, "--format", wanted)
    assert done.status == 1
    assert "ud800" in done.out


@pytest.mark.parametrize("docs", ["docs", "http://docs.acme.example", "https://docs.acme.example/?a=b"])
def test_links_need_an_address(tmp_path: Path, docs: str) -> None:
    done = run("policy", "lint", tmp_path, "--format", "sarif", "--docs", docs)
    assert (done.status, done.out) == (2, "")
    assert "expected https://HOST/PATH" in done.err


def test_missing_file_is_unusable(tmp_path: Path) -> None:
    done = run("policy", "lint", tmp_path / "none.yaml")
    assert (done.status, done.out) == (2, "")
    assert "none.yaml" in done.err


def test_folder_findings_name_their_file(tmp_path: Path) -> None:
    (tmp_path / "grants").mkdir()
    main = changed(CAREFUL, "files", {})
    bounds = {
        "issuers": ["github"],
        "organizations": [{"name": "nordlicht", "id": "4400117"}],
        "registries": ["apps"],
        "roles": ["arn:aws:iam::210987654321:role/ci-*"],
        "repository_prefixes": ["base/"],
    }
    whole = {**{key: value for key, value in main.items() if key != "grants"}, "files": {"grants/team.yaml": bounds}}
    (tmp_path / "policy.yaml").write_text(json.dumps(whole))
    team = grant(match={"organization": "nordlicht", "organization_id": "4400117"}, duration="12h")
    (tmp_path / "grants/team.yaml").write_text(json.dumps({"grants": [team]}, indent=1))
    done = run("policy", "lint", tmp_path, "--json")
    found = {str(one["code"]): one for one in done.texts("findings")}
    assert str(found["outlives-its-session"]["file"]).endswith("/grants/team.yaml")
    assert found["outlives-its-session"]["path"] == "grants[0].duration"
    assert found["outlives-its-session"]["line"] != 1


def test_a_placeholder_anywhere_is_an_error_with_its_place(tmp_path: Path) -> None:
    path = write_policy(tmp_path, grant(match={"environment": ["prod", "replace-me"]}, repositories=["replace-me/*"]))
    done = run("policy", "lint", path, "--json")
    found = [str(one["path"]) for one in done.texts("findings") if one["code"] == "placeholder-left"]
    assert done.status == 1
    assert sorted(found) == ["grants[0].match.environment[1]", "grants[0].repositories[0]"]


@pytest.mark.parametrize("name", ["replace-meat", "do-not-replace-me", "Replace-Me"])
def test_placeholder_inside_a_word_is_ignored(tmp_path: Path, name: str) -> None:
    path = write_policy(tmp_path, grant(match={"environment": name}))
    assert run("policy", "lint", path).status == 0


def test_a_placeholder_in_a_teams_file_is_found_there(tmp_path: Path) -> None:
    whole = document(grant(repositories=["replace-me"]))
    grants = whole.pop("grants")
    (tmp_path / "grants").mkdir()
    (tmp_path / "grants" / "team.yaml").write_text(json.dumps({"grants": grants}))
    (tmp_path / "policy.yaml").write_text(json.dumps({**whole, "files": {}}))
    found = run("policy", "lint", tmp_path, "--json").texts("findings")
    (one,) = [one for one in found if one["code"] == "placeholder-left"]
    assert str(one["file"]).endswith("grants/team.yaml")


ALLOWED = """\
version: 1
issuers:
  github:
    provider: github-actions
    audience: https://exchange.acme.example
    organizations: [{{name: acme, id: "7001"}}]
registries:
  apps: {{type: ecr, account: "111122223333", region: eu-west-1}}
grants:
  {above}
  - name: own-images{behind}
    issuers: [github]
    registry: apps
    role: arn:aws:iam::111122223333:role/ci-ecr-push
    access: push
    repositories: ["ci/{{repository}}"]
"""


@pytest.mark.parametrize(
    ("above", "behind", "allowed"),
    [
        ("# lint: allow push-from-anywhere: every branch is reviewed", "", True),
        ("# lint: allow push-from-anywhere: every branch is reviewed\n  # The team's images.", "", True),
        ("", "  # lint: allow push-from-anywhere: every branch is reviewed", True),
        # A reason, the code and the place are needed.
        ("# lint: allow push-from-anywhere", "", False),
        ("# lint: allow push-from-anywhere: ", "", False),
        ("# lint: allow environment-alone: every branch is reviewed", "", False),
        ("# lint: allow push-from-anywhere: every branch is reviewed\n", "", False),
    ],
)
def test_a_comment_with_a_reason_allows_a_warning(tmp_path: Path, above: str, behind: str, *, allowed: bool) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(ALLOWED.format(above=above, behind=behind))
    done = run("policy", "lint", path, "--strict")
    assert ("push-from-anywhere" not in done.out, done.status) == (allowed, 0 if allowed else 1)
    assert ("remark: 0 errors, 0 warnings" in done.err) is allowed


def test_no_comment_allows_an_error(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    text = ALLOWED.format(above="# lint: allow unknown-name: it comes later", behind="")
    path.write_text(text.replace("registry: apps", "registry: later  # lint: allow unknown-name: it comes later"))
    done = run("policy", "lint", path)
    assert (done.status, "error unknown-name" in done.out) == (1, True)
