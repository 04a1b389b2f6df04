"""`policy review`: what it says, what keeps a change from being merged, and what a mark covers."""

import json
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from tests.ci_claims import github_claims
from tests.cli.commands.test_policy_explain_record import record_of
from tests.cli.program import Printed, run, write_json
from tests.fake_issuer import FakeIssuer
from tests.loading.documents import Document, changed, document, grant, without
from tests.loading.folders import entry, main_file
from token_exchange.core.ports import Json

MAIN = grant(name="main", match={"branch": "main"}, duration="30m")
YES: Json = True
OLD = document(MAIN, deny=[{"name": "leaked", "issuers": ["github"], "match": {"repository_id": "7"}}])
WIDER = changed(OLD, "grants[0].match.branch", ["main", "dev"])


def review(
    folder: Path, old: Document, new: Document, *options: str | Path, marks: str = "", as_json: bool = True
) -> Printed:
    paths = write_json(folder / "old.json", old), write_json(folder / "new.json", new)
    form = ["--json"] if as_json else []
    return run("policy", "review", *paths, "--marks", "-", *options, *form, given=marks.encode())


def logged(ref: str) -> str:
    """Return the audit line of a run of this ref, which was refused."""
    denied = {"decision": "denied", "reason": "no-matching-grant", "status": 403}
    record = {**record_of(github_claims(ref=ref), found=OLD), **denied, "timestamp": "2026-11-20T12:00:00.000+00:00"}
    return json.dumps(record) + "\n"


def write_folder(folder: Path, main: Document, **files: list[Document]) -> Path:
    (folder / "grants").mkdir(parents=True)
    write_json(folder / "policy.yaml", main)
    for name, grants in files.items():
        write_json(folder / f"grants/{name}.yaml", {"grants": [*grants]})
    return folder


@pytest.mark.parametrize(
    ("name", "new"),
    [
        ("main", WIDER),
        ("main", changed(OLD, "grants[0].match.branch", "dev")),
        ("main", changed(OLD, "grants[0].role", "arn:aws:iam::210987654321:role/other")),
        ("all", document(MAIN, grant(name="all"), deny=OLD["deny"])),
        ("leaked", without(OLD, "deny")),
        ("github", changed(OLD, "issuers.github.max_lifetime", "2h")),
        ("apps", changed(OLD, "registries.apps.region", "us-east-2")),
        (
            "mirror",
            changed(OLD, "registries.mirror", {"type": "ecr", "account": "210987654321", "region": "us-east-2"}),
        ),
    ],
)
def test_a_wider_change_needs_a_mark(tmp_path: Path, name: str, new: Document) -> None:
    done = review(tmp_path, OLD, new)
    assert done.status == 1
    assert done.fields["unmarked"] == [name]
    assert f"in a commit: {name}" in str(done.fields["objections"])
    marked = review(tmp_path, OLD, new, marks=f"subject\n\nPolicy-Wider: {name}\nSigned-off-by: ada\n")
    assert (marked.status, marked.fields["objections"], marked.fields["unmarked"]) == (0, [], [])


@pytest.mark.parametrize(
    "new",
    [
        OLD,
        without(OLD, "registries.base"),
        changed(OLD, "grants[0].duration", "15m"),
        changed(OLD, "grants[0].name", "trunk"),
        changed(OLD, "grants[0].contact", "#trunk"),
        document(MAIN, grant(name="all", mode="report"), deny=OLD["deny"]),
        changed(OLD, "issuers.github.mode", "report"),
    ],
)
def test_a_change_that_gives_no_more_needs_no_mark(tmp_path: Path, new: Document) -> None:
    done = review(tmp_path, OLD, new)
    assert (done.status, done.fields["objections"]) == (0, [])


def test_another_order_needs_no_mark(tmp_path: Path) -> None:
    first, second = grant(name="a"), grant(name="b", match={"branch": "main"})
    done = review(tmp_path, document(first, second), document(second, first))
    assert done.status == 0
    assert [one["kind"] for one in done.texts("changes")] == ["order"]


def test_a_grant_that_leaves_report_mode_needs_a_mark(tmp_path: Path) -> None:
    done = review(tmp_path, changed(OLD, "grants[0].mode", "report"), OLD)
    assert done.fields["unmarked"] == ["main"]


@pytest.mark.parametrize(
    "message",
    [
        "",
        "Policy-Wider: mains",
        "policy-wider: main",
        "> Policy-Wider: main",
        " Policy-Wider: main",
        "We need no Policy-Wider: main",
        "Policy-Wider:",
        "Policy-Wider:\nmain",
        "Policy-Wider: main other",
    ],
)
def test_no_mark_is_made_by_accident(tmp_path: Path, message: str) -> None:
    assert review(tmp_path, OLD, WIDER, marks=message).status == 1


def test_a_mark_may_end_as_windows_ends_lines(tmp_path: Path) -> None:
    assert review(tmp_path, OLD, WIDER, marks="subject\r\n\r\nPolicy-Wider: main\r\n").status == 0


def test_a_mark_of_nothing_is_shown(tmp_path: Path) -> None:
    done = review(tmp_path, OLD, OLD, marks="Policy-Wider: main")
    assert (done.status, done.fields["unused_marks"]) == (0, ["main"])
    text = review(tmp_path, OLD, OLD, marks="Policy-Wider: main", as_json=False).out
    assert "Marked, but not wider: `main`" in text


# ------------------------------------------------------------------------------------------------------- who reviews


def test_owners_of_each_file_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_folder(Path("old"), main_file(), team=[grant()])
    write_folder(Path("policy"), main_file(), team=[grant(duration="15m")])
    Path("CODEOWNERS").write_text("* @acme/platform\n/policy/grants/team.yaml @acme/team ada@acme.example\n")
    for given in (Path("policy"), Path("policy").resolve()):
        done = run("policy", "review", "old", given, "--owners", "CODEOWNERS", "--json")
        assert done.status == 0, done.out
        (one,) = done.texts("files")
        assert (one["file"], one["why"]) == ("policy/grants/team.yaml", "changed")
        assert one["owners"] == ["@acme/team", "ada@acme.example"]
        assert "may name repository_prefixes: base/" in str(one["limits"])


def test_a_file_without_an_owner_is_an_objection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("CODEOWNERS").write_text("/docs @acme/docs\n/new.json\n")
    done = review(Path(), OLD, changed(OLD, "grants[0].duration", "15m"), "--owners", "CODEOWNERS")
    assert (done.status, done.fields["objections"]) == (1, ["no line of CODEOWNERS gives new.json an owner"])


def test_a_file_of_keys_has_an_owner_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    named = changed(OLD, "issuers.github.jwks_file", "keys.json")
    issuer = FakeIssuer()
    for folder in ("old", "policy"):
        issuer.rotate(key_id=f"key-{folder}")
        Path(folder).mkdir()
        write_json(Path(folder, "policy.json"), named)
        Path(folder, "keys.json").write_bytes(issuer.key_set())
    Path("CODEOWNERS").write_text("/policy/keys.json @acme/platform\n/policy/policy.json @acme/shop\n")
    done = run("policy", "review", "old/policy.json", "policy/policy.json", "--owners", "CODEOWNERS", "--json")
    assert done.fields["unmarked"] == ["github"]
    assert [(one["file"], one["why"], one["owners"]) for one in done.texts("files")] == [
        ("policy/keys.json", "changed", ["@acme/platform"]),
        (
            "policy/policy.json",
            "its grants depend on the issuer github, which changed",
            ["@acme/shop"],
        ),
    ]


def test_added_and_removed_files_are_named(tmp_path: Path) -> None:
    both = main_file({"grants/team.yaml": entry(), "grants/new.yaml": entry()})
    one = write_folder(tmp_path / "one", main_file(), team=[grant()])
    two = write_folder(tmp_path / "two", both, team=[grant()], new=[grant(name="new", duration="2h")])
    there, back = run("policy", "review", one, two, "--json"), run("policy", "review", two, one, "--json")
    assert there.fields["unmarked"] == ["grants/new.yaml", "new"]
    assert {str(file["file"])[-15:]: file["why"] for file in there.texts("files")} == {
        "two/policy.yaml": "changed",
        "grants/new.yaml": "added",
    }
    assert (back.status, back.fields["unmarked"]) == (0, [])
    assert "removed" in [file["why"] for file in back.texts("files")]
    assert [change["name"] for change in back.texts("changes") if change["kind"] == "file"] == ["grants/new.yaml"]


# --------------------------------------------------------------------------------------------------- the other parts


def test_a_new_policy_that_does_not_load_is_linted_only(tmp_path: Path) -> None:
    done = review(tmp_path, OLD, changed(OLD, "version", 2))
    assert (done.status, done.fields["objections"]) == (1, ["the new policy does not load"])
    assert [one["code"] for one in done.texts("lint")] == ["bad-value"]
    assert done.fields["changes"] == []
    shown = run("policy", "review", tmp_path / "old.json", tmp_path / "new.json").out
    assert [line for line in shown.splitlines() if line.startswith("#")] == [
        "# Policy review",
        "## Lint: 1 error, 0 warnings",
    ]


def test_an_old_policy_that_does_not_load_is_unusable(tmp_path: Path) -> None:
    done = review(tmp_path, changed(OLD, "version", 2), OLD)
    assert (done.status, done.out) == (2, "")
    assert "old.json: version: expected 1, found the number 2" in done.err


def test_a_placeholder_that_is_left_is_an_objection(tmp_path: Path) -> None:
    new = changed(OLD, "grants[0].repositories", ["replace-me"])
    done = review(tmp_path, OLD, new, marks="Policy-Wider: main")
    assert (done.status, done.fields["objections"]) == (1, ["lint errors: 1"])


def test_all_accounts_are_others(tmp_path: Path) -> None:
    new = json.loads(json.dumps(OLD).replace("210987654321", "999900001111"))
    done = review(tmp_path, OLD, new)
    assert "is this the policy of another service?" in str(done.fields["objections"])
    marked = review(tmp_path, OLD, new, marks="Policy-Wider: apps\nPolicy-Wider: base\nPolicy-Wider: main")
    assert (marked.status, marked.fields["objections"]) == (0, [])


def test_a_log_is_decided_again(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text(logged("refs/heads/dev") * 25)
    done = review(tmp_path, OLD, WIDER, "--audit", path)
    exchanges = done.fields["exchanges"]
    assert isinstance(exchanges, dict)
    assert (exchanges["looked_at"], exchanges["differing"]) == (25, 25)
    assert len(json.loads(done.out)["exchanges"]["differ"]) == 20
    text = review(tmp_path, OLD, WIDER, "--audit", path, as_json=False).out
    assert "## Logged exchanges: 25 decided again, 25 with a different result" in text
    assert "denied → granted" in text
    assert "- and 5 more, which `policy diff --audit` lists" in text


@pytest.mark.parametrize("option", ["--marks", "--owners", "--tests", "--audit"])
def test_a_missing_file_is_named(tmp_path: Path, option: str) -> None:
    path = write_json(tmp_path / "policy.json", OLD)
    done = run("policy", "review", path, path, option, tmp_path / "missing")
    assert (done.status, done.out) == (2, "")
    assert "missing: no such file or directory" in done.err


def test_owners_that_are_none_are_refused(tmp_path: Path) -> None:
    path = write_json(tmp_path / "policy.json", OLD)
    (tmp_path / "CODEOWNERS").write_text("[a @acme/team\n")
    done = run("policy", "review", path, path, "--owners", tmp_path / "CODEOWNERS")
    assert done.status == 2
    assert "CODEOWNERS: unterminated character class" in done.err


# ---------------------------------------------------------------------------------------------------------- hostile


HOSTILE = ["@acme/team", "![x](https://acme.example/x.png)", "<img src=x>", "`", "``` x", "a\n# b", "[x](javascript:y)"]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_of_a_policy_or_a_token_is_markdown(tmp_path: Path, text: str) -> None:
    new = changed(WIDER, "grants[0].contact", "#x")
    case: Json = {
        "name": text.replace("\n", " "),
        "issuer": "github",
        "claims": {"ref": text},
        "expect": {"denied": "expired"},
    }
    tests = write_json(tmp_path / "tests.json", [case])
    new = changed(new, "grants[0].match.branch", ["main", text.replace("\n", " ")])
    log = tmp_path / "log"
    log.write_text(logged(f"refs/heads/{text}"))
    done = review(tmp_path, OLD, new, "--tests", tests, "--audit", log, as_json=False)
    assert done.status == 1, done.err
    tokens = [inner for token in MarkdownIt().parse(done.out) for inner in token.children or [token]]
    assert {token.type for token in tokens} & {"image", "link_open", "html_inline", "html_block", "fence"} == set()
    plain = "".join(token.content for token in tokens if token.type == "text")
    for sign in ("@", "<", "![", "](", "`"):
        assert sign not in plain
    assert sum(token.type == "heading_open" and token.tag == "h1" for token in tokens) == 1
