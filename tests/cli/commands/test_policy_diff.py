"""`policy diff`: each kind of change under its name, and the log that it reads."""

import gzip
import json
import os
import pty
import subprocess
import sys
import tracemalloc
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.attempts import REQUEST_ID
from tests.ci_claims import github_claims
from tests.cli.commands.test_policy_explain_record import record_of
from tests.cli.program import Printed, run, write_json
from tests.loading.documents import Document, changed, document, grant, load, without
from token_exchange.core.ports import Json
from token_exchange.core.strict_json import parse_object
from token_exchange_cli.logs.lines import log_lines
from token_exchange_cli.replay.replay import Replay

MAIN = grant(name="main", match={"branch": "main"}, duration="30m")
YES: Json = True
REGION = "registries.apps.region"
BRANCH = "grants[0].match.branch"
OLD = document(MAIN, deny=[{"name": "leaked", "issuers": ["github"], "match": {"repository_id": "7"}}])


def diff(folder: Path, old: Document, new: Document, *options: str | Path, given: bytes = b"") -> Printed:
    paths = write_json(folder / "old.json", old), write_json(folder / "new.json", new)
    return run("policy", "diff", *paths, *options, "--json", given=given)


def _gitlab_too(found: Document) -> Document:
    return changed(changed(found, "grants[0].issuers", ["github", "gitlab"]), "grants[0].match", {"branch": "main"})


@pytest.mark.parametrize(
    ("section", "name", "what", "new"),
    [
        # who may come
        ("wider", "main", 'branch was "main", is ["main", "dev"]', changed(OLD, BRANCH, ["main", "dev"])),
        ("wider", "main", 'no longer requires branch "main"', without(OLD, "grants[0].match")),
        (
            "narrower",
            "main",
            'now requires environment "production"',
            changed(OLD, "grants[0].match", {"branch": "main", "environment": "production"}),
        ),
        ("changed", "main", 'branch was "main", is "dev"', changed(OLD, BRANCH, "dev")),
        ("wider", "main", "issuers: gitlab added", _gitlab_too(OLD)),
        (
            "wider",
            "main",
            "now allows untrusted triggers",
            changed(OLD, "grants[0].allow_untrusted_triggers", YES),
        ),
        # what they get
        ("wider", "main", "access was pull, is push", changed(OLD, "grants[0].access", "push")),
        ("wider", "main", "repositories: tools/* added", changed(OLD, "grants[0].repositories", ["base/*", "tools/*"])),
        ("narrower", "main", "repositories: base/* removed", changed(OLD, "grants[0].repositories", ["base/python"])),
        ("wider", "main", "duration was 30m, is 1h", without(OLD, "grants[0].duration")),
        ("narrower", "main", "duration was 30m, is 15m", changed(OLD, "grants[0].duration", "15m")),
        ("narrower", "main", "now single_use", changed(OLD, "grants[0].single_use", YES)),
        ("narrower", "main", "mode was enforce, is report", changed(OLD, "grants[0].mode", "report")),
        ("narrower", "main", "expires was never, is 2027-06-30", changed(OLD, "grants[0].expires", "2027-06-30")),
        ("changed", "main", "role was", changed(OLD, "grants[0].role", "arn:aws:iam::210987654321:role/other")),
        ("wider", "main", "also: the right to list is given", changed(OLD, "grants[0].also", ["list"])),
        # the issuer
        (
            "wider",
            "github",
            "organizations: name hafen added",
            changed(OLD, "issuers.github.organizations", [{"name": "nordlicht", "id": "4400117"}, {"name": "hafen"}]),
        ),
        (
            "wider",
            "github",
            "organizations: name nordlicht added",
            changed(OLD, "issuers.github.organizations", [{"name": "nordlicht"}]),
        ),
        ("narrower", "github", "max_lifetime was 1h, is 10m", changed(OLD, "issuers.github.max_lifetime", "10m")),
        (
            "narrower",
            "github",
            "budget per organization every 10m: 5 exchanges, previously unlimited",
            changed(
                OLD, "issuers.github.budgets", [{"per": "organization", "exchanges": 5, "every": "10m"}]
            ),
        ),
        # rules and registries
        ("wider", "leaked", "rule removed", without(OLD, "deny")),
        (
            "narrower",
            "leaked",
            'repository_id was "7", is ["7", "8"]',
            changed(OLD, "deny[0].match.repository_id", ["7", "8"]),
        ),
        ("changed", "apps", "region was eu-central-1, is us-east-2", changed(OLD, REGION, "us-east-2")),
    ],
)  # fmt: skip
def test_each_change_is_in_its_section(tmp_path: Path, section: str, name: str, what: str, new: Document) -> None:
    done = diff(tmp_path, OLD, new)
    found = [
        (part, one)
        for part in ("added", "removed", "wider", "narrower", "changed")
        for one in done.texts(part)
        if one["name"] == name
    ]
    ((part, one),) = found
    assert part == section
    assert what in str(one["what"]).replace("\\'", "'")
    assert done.status == 0


def test_mixed_change_names_the_direction_of_each_part(tmp_path: Path) -> None:
    new = changed(changed(OLD, "grants[0].access", "push"), "grants[0].duration", "15m")
    (one,) = diff(tmp_path, OLD, new).texts("changed")
    assert one["what"] == ["wider: access was pull, is push", "narrower: duration was 30m, is 15m"]


def test_renamed_grant_is_not_new(tmp_path: Path) -> None:
    done = diff(tmp_path, OLD, changed(OLD, "grants[0].name", "trunk"))
    assert (done.texts("added"), done.texts("removed")) == ([], [])
    assert done.texts("changed") == [{"kind": "grant", "name": "trunk", "what": ["was named main"]}]


def test_added_and_removed_entries_are_described(tmp_path: Path) -> None:
    more = document(MAIN, grant(name="all"), deny=OLD["deny"])
    there, back = diff(tmp_path, OLD, more), diff(tmp_path, more, OLD)
    whole: Json = {"kind": "grant", "name": "all", "what": ["pull apps: base/*", "for github, every run"]}
    assert there.texts("added") == back.texts("removed") == [whole]


def test_changed_order_is_reported(tmp_path: Path) -> None:
    first, second = grant(name="a"), grant(name="b", match={"branch": "main"})
    (one,) = diff(tmp_path, document(first, second), document(second, first)).texts("changed")
    assert (one["kind"], one["name"]) == ("order", "grants")
    assert "b is now first among the grants of apps" in str(one["what"])


def test_comments_and_layout_do_not_differ(tmp_path: Path) -> None:
    old, new = tmp_path / "old.yaml", tmp_path / "new.json"
    new.write_text(json.dumps(OLD))
    old.write_text("# a comment\n" + json.dumps(OLD, indent=4))
    done = run("policy", "diff", old, new, "--exit-code")
    assert (done.status, done.out) == (0, "the policies are equivalent\n")


def test_exit_code_option_reports_a_difference(tmp_path: Path) -> None:
    new = changed(OLD, "grants[0].access", "push")
    assert diff(tmp_path, OLD, new).status == 0
    assert diff(tmp_path, OLD, new, "--exit-code").status == 1
    assert diff(tmp_path, OLD, OLD, "--exit-code").status == 0


def test_text_output_lists_changes_and_exchanges(tmp_path: Path) -> None:
    log = write_log(tmp_path / "log", [line()])
    old, new = (
        write_json(tmp_path / "o", OLD),
        write_json(tmp_path / "n", changed(OLD, BRANCH, "dev")),
    )
    done = run("policy", "diff", old, new, "--audit", log)
    assert done.out == (
        'changed grant main\n  branch was "main", is "dev"\n'
        "line 1 0a1b2c3d-4e5f-6789-abcd-ef0123456789: granted -> denied\n"
        '  no-matching-grant: the nearest grant is main, which requires branch "dev", found "main"\n'
        "exchanges replayed: 1, different results: 1\n"
    )


# ------------------------------------------------------------------------------------------------------------ the log


def line(claims: Mapping[str, Json] | None = None, **changes: Json) -> dict[str, Json]:
    """Return the record of a run of main that got what the old policy gives."""
    given: Json = [
        {
            "grant": "main",
            "registry": "apps",
            "role_arn": "arn:aws:iam::210987654321:role/ci-reader",
            "access": "pull",
            "repositories": ["base/*"],
            "scope": "repository:base/*:pull",
        }
    ]
    found = {**record_of(dict(claims or github_claims()), found=OLD), "timestamp": "2026-11-20T12:00:00.000+00:00"}
    return {**found, "decision": "granted", "reason": "granted", "grants": given, **changes}


def write_log(path: Path, records: list[dict[str, Json]]) -> Path:
    path.write_text("".join(json.dumps(one) + "\n" for one in records))
    return path


def _decisions(done: Printed) -> dict[str, Json]:
    decisions = done.fields["decisions"]
    assert isinstance(decisions, dict)
    return decisions


DEV = changed(OLD, BRANCH, "dev")
DIFFERS: Json = [
    {
        "request_id": REQUEST_ID,
        "before": "granted",
        "after": "denied",
        "why": 'no-matching-grant: the nearest grant is main, which requires branch "dev", found "main"',
        "line": 1,
    }
]


@pytest.mark.parametrize(
    "wrapped",
    [
        json.dumps(line()).encode(),
        b"2026-11-20T12:00:00+00:00 2026/11/20/[$LATEST]0 " + json.dumps(line()).encode(),
        json.dumps({"timestamp": 1, "message": json.dumps(line())}).encode(),
        json.dumps({"@timestamp": "x", "@message": json.dumps(line()) + "\n"}).encode(),
        json.dumps({"messageType": "DATA_MESSAGE", "logEvents": [{"id": "1", "message": json.dumps(line())}]}).encode(),
    ],
    ids=["bare", "aws logs tail", "an event", "Logs Insights", "a subscription"],
)
def test_every_form_of_a_log_line_is_read(tmp_path: Path, wrapped: bytes) -> None:
    for content in (wrapped, gzip.compress(wrapped + b"\n")):
        path = tmp_path / "log"
        path.write_bytes(content)
        for log, given in ((path, b""), ("-", content)):
            done = diff(tmp_path, OLD, DEV, "--audit", log, given=given)
            assert _decisions(done)["looked_at"] == 1
            assert _decisions(done)["differ"] == DIFFERS


@pytest.mark.parametrize(
    "printed",
    [
        {"events": [{"timestamp": 1, "message": json.dumps(line()), "eventId": "1"}], "searchedLogStreams": []},
        {"events": [{"eventId": "1", "message": json.dumps(line()) + "\n"}]},
        [{"message": json.dumps(line())}],
    ],
)
def test_multi_line_aws_output_is_read(tmp_path: Path, printed: Json) -> None:
    path = tmp_path / "log"
    path.write_text(json.dumps(printed, indent=4))
    done = diff(tmp_path, OLD, DEV, "--audit", path)
    assert _decisions(done)["looked_at"] == 1
    assert "cannot be read" not in done.err


def test_terminal_shows_progress(tmp_path: Path) -> None:
    log = write_log(tmp_path / "log", [line()] * 1500)
    old, new = write_json(tmp_path / "old.json", OLD), write_json(tmp_path / "new.json", DEV)
    ours, its = pty.openpty()
    try:
        program = Path(sys.executable).with_name("token-exchange")
        done = subprocess.run(
            [program, "policy", "diff", old, new, "--audit", log],
            stdout=subprocess.PIPE,
            stderr=its,
            timeout=60,
            check=True,
        )
        # How many lines before the last are shown depends on how fast they are read.
        assert b"00 lines, " in os.read(ours, 65536)
    finally:
        os.close(its)
        os.close(ours)
    assert b"00 lines, " not in done.stdout


def test_skipped_lines_are_counted_by_cause(tmp_path: Path) -> None:
    path = write_log(
        tmp_path / "log",
        [
            line(),
            line(decision="explained"),
            line(verified=False),
            line(timestamp="yesterday"),
            line(timestamp="2026-11-20T12:00:00"),
            line(decision="rejected", reason="unknown-registry", grants=[]),
            {"record": "event", "event": "policy-loaded"},
        ],
    )
    with path.open("ab") as log:
        log.write(b'START RequestId: 7\n{"record": "audit", "unfinished\n\x00\xff{\xff}\n' + b"{" * 2**20 + b"\n\n")
    done = diff(tmp_path, OLD, OLD, "--audit", path)
    assert _decisions(done) == {
        "looked_at": 1,
        "old_differs": 0,
        "undecidable": {"it was refused because of its request, which the record does not contain": 1},
        "skipped": {"other-lines": 3, "unreadable": 5, "explanations": 1, "unverified": 1, "undecidable": 1},
        "differ": [],
    }
    assert "remark: line 9: not JSON\n" in done.err
    assert "remark: line 11: more than 1048576 bytes\n" in done.err


@pytest.mark.parametrize(
    ("reason", "looked_at"),
    [("replayed", 1), ("too-many-requests", 1), ("aws-unavailable", 1), ("scope-exceeds-grant", 0)],
)
def test_result_not_from_the_policy_uses_old_as_before(tmp_path: Path, reason: str, looked_at: int) -> None:
    decision = {"replayed": "denied", "aws-unavailable": "failed"}.get(reason, "rejected")
    path = write_log(tmp_path / "log", [line(decision=decision, reason=reason, grants=[])])
    decisions = _decisions(diff(tmp_path, OLD, DEV, "--audit", path))
    assert decisions["looked_at"] == looked_at
    assert decisions["differ"] == (DIFFERS if looked_at else [])


def test_missing_claim_is_undecidable(tmp_path: Path) -> None:
    new = changed(OLD, "grants[0].claims", {"unheard_of": "x"})
    path = write_log(tmp_path / "log", [line()])
    assert _decisions(diff(tmp_path, OLD, new, "--audit", path))["skipped"] == {
        "other-lines": 0, "unreadable": 0, "explanations": 0, "unverified": 0, "undecidable": 1,
    }  # fmt: skip
    # Of another branch it is known all the same: whatever the claim was, the grant was not for it.
    elsewhere = line(github_claims(ref="refs/heads/x"), decision="denied", reason="no-matching-grant", grants=[])
    assert _decisions(diff(tmp_path, OLD, new, "--audit", write_log(path, [elsewhere])))["looked_at"] == 1


def test_exchange_is_decided_as_of_its_time(tmp_path: Path) -> None:
    until = changed(OLD, "grants[0].expires", "2026-11-20")
    path = write_log(tmp_path / "log", [line(), line(timestamp="2026-11-21T00:00:00.000+00:00", request_id="late")])
    differ = _decisions(diff(tmp_path, OLD, until, "--audit", path))["differ"]
    assert isinstance(differ, list)
    assert [one["request_id"] for one in differ if isinstance(one, dict)] == ["late"]


def test_token_not_accepted_by_new_is_refused(tmp_path: Path) -> None:
    path = write_log(tmp_path / "log", [line()])
    for new in (
        changed(OLD, "issuers.github.audience", "https://elsewhere.example"),
        changed(OLD, "issuers.github.organizations", [{"name": "hafen"}]),
    ):
        differ = _decisions(diff(tmp_path, OLD, new, "--audit", path))["differ"]
        assert isinstance(differ, list)
        assert [one["after"] for one in differ if isinstance(one, dict)] == ["denied"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (gzip.compress(json.dumps(line()).encode() * 100)[:-20], "not a complete gzip file"),
        (b"\x1f\x8bthis is none", "not a complete gzip file"),
    ],
)
def test_damaged_gzip_log_is_reported_with_its_place(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "log.gz"
    path.write_bytes(content)
    done = diff(tmp_path, OLD, DEV, "--audit", path)
    assert (done.status, done.out) == (2, "")
    assert f"{path}: after line 0: {said}" in done.err


@pytest.mark.parametrize("name", ["missing", "empty", "nul\x00"])
def test_a_log_that_cannot_be_opened_is_unusable(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    done = diff(tmp_path, OLD, DEV, "--audit", f"{tmp_path}/{name}")
    assert (done.status, done.out) == (2, "")
    assert done.err.count("\n") == 1


def test_a_log_may_be_longer_than_memory(tmp_path: Path) -> None:
    lines = 4000
    path = tmp_path / "log.gz"
    text = json.dumps(line()).encode() + b"\n"
    with gzip.open(path, "wb", compresslevel=1) as log:
        log.writelines(text for _ in range(lines))
    replay = Replay(load(OLD), load(DEV))
    tracemalloc.start()
    try:
        differing = sum(
            replay.difference(one.number, parse_object(text, max_values=None)) is not None
            for one in log_lines([str(path)])
            for text in one.audit
        )
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert differing == replay.tally.looked_at == lines
    assert lines * len(text) > 5 * 1024 * 1024
    assert peak_bytes < 1024 * 1024


def test_standard_input_is_for_one_of_the_three(tmp_path: Path) -> None:
    new = write_json(tmp_path / "new.json", DEV)
    done = run("policy", "diff", "-", new, "--audit", "-", "--json", given=json.dumps(OLD))
    assert (done.status, done.out) == (2, "")
    assert "only one argument can be standard input" in done.err


@pytest.mark.parametrize(
    ("content", "said"),
    [
        # an image, a policy, and a log with line breaks for reading
        (b"\x89PNG\r\n\x1a\n\x00\x00", "line 1: not UTF-8"),
        (b"grants:\n  - {name: x, issuers: [y]}\n", "line 2: not JSON"),
        (json.dumps(line(), indent=2).encode(), ": not JSON"),
    ],
)
def test_non_log_file_is_unusable(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "log"
    path.write_bytes(content)
    done = diff(tmp_path, OLD, DEV, "--audit", path)
    assert (done.status, done.out) == (2, "")
    assert said in done.err
    assert f"{path}: contains no audit record; expected one JSON object per line" in done.err


def test_log_without_exchanges_is_accepted(tmp_path: Path) -> None:
    path = tmp_path / "log"
    for content in ("", "START RequestId: 7\nEND RequestId: 7\n"):
        path.write_text(content)
        assert diff(tmp_path, OLD, DEV, "--audit", path).status == 0
