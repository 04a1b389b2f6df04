"""`audit tighten`: a narrower policy, which grants all that was granted but what is not to be kept."""

import gzip
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.ci_claims import github_claims
from tests.cli.audit.conftest import Written
from tests.cli.commands.test_policy_diff import OLD, line, write_log
from tests.cli.program import Printed, run, write_json
from tests.loading.documents import Document, document, grant
from token_exchange.core.ports import Json
from token_exchange_cli.audit.tighten.edits import changed_text
from token_exchange_cli.audit.tighten.proposals import Proposal


def tightened(month: Written, *options: str | Path) -> Printed:
    return run("audit", "tighten", month.policy, month.logs, *options)


def _applied(folder: Path, policy: Path, diff: str) -> Path:
    """Apply the diff as a reviewer would, and return the changed policy."""
    path = folder / policy.name
    path.write_bytes(policy.read_bytes())
    subprocess.run(["git", "apply", "-"], cwd=folder, input=diff, text=True, check=True)
    return path


@pytest.mark.program("git")
def test_only_the_leak_is_refused(month: Written, tmp_path: Path) -> None:
    done = tightened(month, "--without", month.planted.leaked)
    assert done.status == 0
    assert f"every granted one is still granted; refused now: {month.planted.leaked}\n" in done.err
    new = _applied(tmp_path, month.policy, done.out)
    match = json.loads(new.read_text())["grants"][0]["match"]
    assert (match["repository_id"], match["branch"]) == ("70019999", "main")
    replayed = run("policy", "diff", month.policy, new, "--audit", month.logs, "--json")
    decisions = replayed.fields["decisions"]
    assert isinstance(decisions, dict)
    differ = decisions["differ"]
    assert isinstance(differ, list)
    assert [one["request_id"] for one in differ if isinstance(one, dict) and one["after"] == "denied"] == [
        month.planted.leaked
    ]


def test_without_exclusions_every_granted_exchange_stays_granted(month: Written) -> None:
    done = tightened(month, "--json")
    assert (done.status, done.fields["refused"]) == (0, [])
    changes = {str(one["grant"]): one["what"] for one in done.texts("changes")}
    assert changes["shared-tools"] == [
        "match repository_id: 70018888, 70019999",
        "match branch: main, try-it",
    ]
    unknown = done.fields["unknown"]
    assert isinstance(unknown, list)
    assert "old-archive: not used in the log, and not changed; see `audit unused`" in unknown
    assert "base-images: repository ids are unique only within one issuer, and the grant has several" in unknown


def test_cloudtrail_shows_directions_and_times(month: Written) -> None:
    done = tightened(month, "--trail", month.trail, "--json")
    changes = {str(one["grant"]): one["what"] for one in done.texts("changes")}
    whats = changes["shared-tools"]
    assert isinstance(whats, list)
    assert "duration: 15m" in whats
    assert not any("access" in str(what) for what in whats)


def test_an_excluded_run_still_granted_gives_status_1(month: Written) -> None:
    done = tightened(month, "--without", "no-such-request")
    assert done.status == 1


def test_standard_input_is_refused(month: Written) -> None:
    done = run("audit", "tighten", month.policy, "-", given=b"")
    assert (done.status, done.out) == (2, "")
    assert "give files instead of standard input" in done.err


def _as_folder(month: Written, folder: Path) -> Path:
    """Write the month's policy as a folder, with a file for the shared grants and one for the others."""
    whole = json.loads(month.policy.read_text())
    grants = whole.pop("grants")
    both: Json = ["github", "gitlab"]
    everything: Json = {
        "issuers": both,
        "organizations": [{"name": "acme", "id": "7001"}, {"name": "acme-labs", "id": "7002"}, {"name": "acme"}],
        "registries": ["apps", "archive"],
        "roles": ["arn:aws:iam::111122223333:role/ci-*"],
        "repository_prefixes": ["shared", "ci/", "base/", "releases/", "gitlab/", "archive/"],
    }
    files = {"grants/shared.yaml": grants[:1], "grants/teams.yaml": grants[1:]}
    (folder / "grants").mkdir(parents=True)
    for name, some in files.items():
        (folder / name).write_text(yaml.safe_dump({"grants": some}, sort_keys=False))
    write_json(folder / "policy.yaml", {**whole, "files": dict.fromkeys(files, everything)})
    return folder


@pytest.mark.program("git")
def test_a_folder_has_a_diff_of_each_file(month: Written, tmp_path: Path) -> None:
    folder = _as_folder(month, tmp_path / "policy")
    before = {path.name: path.read_text() for path in folder.rglob("*.yaml")}
    done = run("audit", "tighten", folder, month.logs, "--without", month.planted.leaked)
    assert done.status == 0
    assert f"every granted one is still granted; refused now: {month.planted.leaked}\n" in done.err
    subprocess.run(["git", "apply", "-"], cwd=folder, input=done.out, text=True, check=True)
    after = {path.name: path.read_text() for path in folder.rglob("*.yaml")}
    assert {name for name in before if before[name] != after[name]} == {"shared.yaml", "teams.yaml"}
    match = yaml.safe_load(after["shared.yaml"])["grants"][0]["match"]
    assert (match["repository_id"], match["branch"]) == ("70019999", "main")


_CHANGE = Proposal(
    grant="reader",
    match={"branch": ("main",), "event": ("push", "schedule")},
    keys={"access": "pull", "duration": "15m"},
)


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(document(grant(access="push", duration="1h"))),
        json.dumps(document(grant(access="push", match={"tag": "v1"})), indent=2),
        yaml.safe_dump(document(grant(access="push", duration="1h"), grant(name="other")), sort_keys=False),
        yaml.safe_dump(document(grant(access="push", match={"tag": "v1"})), default_flow_style=True),
        # as people write it, with what must stay
        "# head\ngrants:\n  - name: reader # who\n    match: {tag: v1} # why\n    access: push # what\n  - name: b\n",
        "grants:\n- name: reader\n  match:\n    # why\n    tag: v1\n  access: 'push'\n",
        "grants:\n- name: reader\n  match: {}\n  access: push\n",
        '{"grants": [{"name": "reader", "access": "push"}]}',
    ],
)
def test_a_change_leaves_other_text_unchanged(text: str) -> None:
    changed = changed_text(text, [_CHANGE])
    old, new = yaml.safe_load(text), yaml.safe_load(changed)
    wanted: dict[str, Json] = {"branch": "main", "event": ["push", "schedule"]}
    (first, *others), (before, *others_before) = new["grants"], old["grants"]
    assert first == {**before, "match": {**(before.get("match") or {}), **wanted}, "access": "pull", "duration": "15m"}
    assert others == others_before
    for comment in ("# head", "# who", "# why", "# what"):
        assert (comment in changed) is (comment in text)


def test_a_change_of_another_grant_changes_nothing() -> None:
    text = json.dumps(document(grant(name="other")))
    assert changed_text(text, [_CHANGE]) == text


NIGHTLY = github_claims(event_name="schedule")


def small(folder: Path, *records: dict[str, Json], found: Document = OLD) -> tuple[Path, Path]:
    """Write a small policy and a log."""
    return write_json(folder / "policy.json", found), write_log(folder / "log", list(records))


def _told(record: dict[str, Json], **names: Json) -> dict[str, Json]:
    """Return the record of a run of which the line tells other values than its claims."""
    identity = record["identity"]
    assert isinstance(identity, dict)
    return {**record, "identity": {**identity, **names}}


def test_a_change_that_refuses_what_was_granted_is_dropped(tmp_path: Path) -> None:
    given = small(tmp_path, line(), _told(line(NIGHTLY), event="push"))
    done = run("audit", "tighten", *given)
    assert (done.status, done.out) == (0, "")
    assert "main: the change was dropped, because it would refuse what was granted\n" in done.err
    assert "2 exchanges decided again, every granted one is still granted\n" in done.err
    fields = run("audit", "tighten", *given, "--json").fields
    assert (fields["dropped"], fields["changes"], fields["diff"]) == (["main"], [], "")


def test_of_logs_of_an_older_policy_its_own_grants_are_kept(tmp_path: Path) -> None:
    login = line()["grants"]
    assert isinstance(login, list)
    assert isinstance(login[0], dict)
    renamed: Json = [{**login[0], "grant": "renamed"}]
    elsewhere = line(github_claims(ref="refs/heads/x"), request_id="3")
    done = run("audit", "tighten", *small(tmp_path, line(), line(NIGHTLY, request_id="2", grants=renamed), elsewhere))
    assert (done.status, done.out) == (0, "")
    assert "main: the change was dropped, because it would refuse what was granted\n" in done.err
    assert "1 exchanges were granted by another policy, and this one refuses them even unchanged\n" in done.err
    assert "3 exchanges decided again, every other granted one is still granted\n" in done.err


@pytest.mark.parametrize("grants", [None, [], "cut off", ["cut off"]])
def test_a_granted_line_without_its_login_is_undecidable(tmp_path: Path, grants: Json) -> None:
    done = run("audit", "tighten", *small(tmp_path, line(), line(NIGHTLY, request_id="2", grants=grants)))
    assert done.status == 0
    assert "undecidable 1: it was granted, but the record does not have the whole login\n" in done.err
    assert "1 line granted, but without the login" in done.err
    assert "1 exchanges decided again, every granted one is still granted\n" in done.err


def test_undecidable_lines_give_a_remark(tmp_path: Path) -> None:
    cut = {**line(request_id="2"), "grants": "cut off"}
    done = run("audit", "tighten", *small(tmp_path, line(), cut))
    assert done.status == 0
    assert "remark: undecidable 1: " in done.err
    assert "1 exchanges decided again" in done.err


def test_too_many_values_give_a_remark(tmp_path: Path) -> None:
    runs = [line({**github_claims(), "workflow": f"nightly-{number}"}, request_id=str(number)) for number in range(6)]
    done = run("audit", "tighten", *small(tmp_path, *runs))
    assert "main: workflow had 6 values, more than a policy should list\n" in done.err
    assert "nightly" not in done.out
    few = run("audit", "tighten", *small(tmp_path, *runs[:5]))
    assert "nightly-4" in few.out


def _trail(month: Written, path: Path, keep: Callable[[Json], bool]) -> Path:
    events = [
        event
        for file in sorted(month.trail.rglob("*.gz"))
        for event in json.loads(gzip.decompress(file.read_bytes()))["Records"]
        if keep(event["eventName"])
    ]
    return write_json(path, {"Records": events})


def test_who_only_pulls_needs_no_push(month: Written, tmp_path: Path) -> None:
    trail = _trail(month, tmp_path / "trail", lambda name: name != "PutImage")
    found = tightened(month, "--trail", trail, "--json").texts("changes")
    pulling = {str(one["grant"]) for one in found if isinstance(one["what"], list) and "access: pull" in one["what"]}
    pushing = {one["name"] for one in json.loads(month.policy.read_text())["grants"] if one.get("access") == "push"}
    assert "shared-tools" in pulling
    assert pulling <= pushing


def test_a_grant_without_events_is_not_changed(month: Written, tmp_path: Path) -> None:
    trail = _trail(month, tmp_path / "trail", lambda name: name == "AssumeRole")
    done = tightened(month, "--trail", trail, "--json")
    unknown = done.fields["unknown"]
    assert isinstance(unknown, list)
    assert "shared-tools: its sessions have no events of ECR in CloudTrail's files" in unknown
    assert not [one for one in done.texts("changes") if "access" in str(one["what"]) or "duration" in str(one["what"])]


def test_an_event_before_its_login_tells_no_duration(month: Written, tmp_path: Path) -> None:
    trail = _trail(month, tmp_path / "trail", lambda _name: True)
    events = json.loads(trail.read_text())["Records"]
    early = [{**one, "eventTime": "2026-10-01T00:00:00Z"} if one["eventName"] == "PutImage" else one for one in events]
    done = tightened(month, "--trail", write_json(trail, {"Records": early}))
    unknown = "shared-tools: how long its logins were used is unknown: an event has no time, or precedes them\n"
    assert unknown in done.err
    assert done.out.count('+      "duration"') == 1
    fields = tightened(month, "--trail", trail, "--json")
    durations = [one["grant"] for one in fields.texts("changes") if "duration" in str(one["what"])]
    assert durations == ["base-images"]
