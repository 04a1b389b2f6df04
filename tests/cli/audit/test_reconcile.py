"""`audit reconcile`: each session has its line, and each line its session."""

import gzip
import json
from pathlib import Path

from tests.cli.audit.conftest import Written
from tests.cli.program import Printed, run
from token_exchange.core.ports import Json


def _reconciled(logs: Path, trail: Path, *options: str) -> Printed:
    return run("audit", "reconcile", logs, "--trail", trail, "--json", *options)


def test_missing_lines_and_events_are_listed(month: Written) -> None:
    done = _reconciled(month.logs, month.trail)
    assert done.status == 1
    assert [one["aws_request_id"] for one in done.texts("events_without_line")] == [
        month.planted.lost,
        month.planted.foreign,
    ]
    assert [one["request_id"] for one in done.texts("lines_without_event")] == [month.planted.unwitnessed]
    shown = run("audit", "reconcile", month.logs, "--trail", month.trail)
    assert shown.status == 1
    assert "session maintenance" in shown.out
    assert "without a line: 2, without an event: 1" in shown.out


def _events(trail: Path) -> list[dict[str, Json]]:
    return [
        event
        for path in sorted(trail.rglob("*.gz"))
        for event in json.loads(gzip.decompress(path.read_bytes()))["Records"]
    ]


def _written(path: Path, events: list[dict[str, Json]]) -> Path:
    path.write_text(json.dumps({"Records": events}))
    return path


def test_a_period_can_be_given(month: Written) -> None:
    done = _reconciled(month.logs, month.trail, "--since", "2026-10-20", "--until", "2026-10-25")
    assert done.status == 1
    assert [one["aws_request_id"] for one in done.texts("events_without_line")] == [month.planted.foreign]
    assert done.texts("lines_without_event") == []
    assert _reconciled(month.logs, month.trail, "--since", "2026-10-25", "--until", "2026-10-27").status == 0


def test_lines_outside_of_the_period_are_counted(month: Written, tmp_path: Path) -> None:
    events = [event for event in _events(month.trail) if str(event["eventTime"]) < "2026-10-11"]
    done = _reconciled(month.logs, _written(tmp_path / "trail", events))
    assert done.status == 0
    compared, outside = done.fields["logins"], done.fields["logins_outside"]
    assert isinstance(compared, int)
    assert isinstance(outside, int)
    assert 0 < compared < outside
    said = run("audit", "reconcile", month.logs, "--trail", tmp_path / "trail")
    assert f"\nlogins outside of this period, not compared: {outside:,}\n" in said.out
    # It was made just before the first line was written.
    assert said.out.endswith("\nsessions outside of this period, not compared: 1\n")


def test_events_without_a_time_cannot_be_compared(month: Written, tmp_path: Path) -> None:
    events = [{**event, "eventTime": "yesterday"} for event in _events(month.trail)[:3]]
    done = _reconciled(month.logs, _written(tmp_path / "trail", events))
    assert (done.status, done.out) == (2, "")
    assert "no line or no event has a readable time; nothing can be compared" in done.err


def test_both_accounts_of_one_session_are_one(month: Written, tmp_path: Path) -> None:
    events = _events(month.trail)
    doubled = [
        {**event, "eventID": f"{event['eventID']}-2", "recipientAccountId": "111122223333"}
        for event in events
        if event["eventName"] == "AssumeRole"
    ]
    done = _reconciled(month.logs, _written(tmp_path / "trail", [*events, *doubled]))
    assert len(done.texts("events_without_line")) == 2


def test_a_session_whose_login_failed_has_its_line(month: Written, tmp_path: Path) -> None:
    """ECR refused after STS had answered: the line has no id of the session, but its name has the request's."""
    lines = [
        line[25:]
        for path in sorted(month.logs.rglob("*.gz"))
        for line in gzip.decompress(path.read_bytes()).decode().splitlines()
        if '"record":"audit"' in line
    ]
    spoiled: list[str] = []
    for text in lines:
        line = json.loads(text)
        if line["request_id"] == month.planted.leaked:
            login = {name: line["grants"][0][name] for name in ("grant", "registry", "role_arn")}
            line |= {"decision": "failed", "reason": "registry-refused", "status": 502}
            line["grants"] = [{**login, "reason": "registry-refused"}]
        spoiled.append(json.dumps(line))
    log = tmp_path / "log"
    log.write_text("\n".join(spoiled))
    done = _reconciled(log, month.trail)
    assert len(done.texts("events_without_line")) == 2
    # A session that someone else names after a failed request, later, is not this request's.
    log.write_text("\n".join(text.replace("2026-10-19T14:36", "2026-10-19T13:36") for text in spoiled))
    assert len(_reconciled(log, month.trail).texts("events_without_line")) == 3


def test_a_session_of_the_callers_own_token_needs_an_event_only(month: Written, tmp_path: Path) -> None:
    """Anyone who holds the token can make such a session, so one without a line proves nothing of the service."""
    events = _events(month.trail)
    before = _reconciled(month.logs, month.trail).fields
    changed = [
        event
        | {"eventName": "AssumeRoleWithWebIdentity"}
        | {"userIdentity": {"type": "WebIdentityUser", "principalId": "arn:aws:iam::1:oidc-provider/x:aud:sub"}}
        if number % 3 == 0 and event["eventName"] == "AssumeRole"
        else event
        for number, event in enumerate(events)
    ]
    unseen = {
        **changed[0],
        "eventName": "AssumeRoleWithWebIdentity",
        "eventID": "x",
        "requestID": "x",
        "userIdentity": {},
    }
    after = _reconciled(month.logs, _written(tmp_path / "trail", [*changed, unseen]))
    assert after.fields["lines_without_event"] == before["lines_without_event"]
    assert len(after.texts("events_without_line")) <= 2
    lost = 2 - len(after.texts("events_without_line"))
    assert after.fields["sessions_of_others"] == lost + 1
    sessions = before["sessions"]
    assert isinstance(sessions, int)
    assert after.fields["sessions"] == sessions - lost


def test_a_role_without_lines_is_compared_only_when_named(month: Written, tmp_path: Path) -> None:
    events = _events(month.trail)
    outsider = json.loads(json.dumps(next(one for one in events if one["eventName"] == "AssumeRole")))
    role = "arn:aws:iam::444455556666:role/other"
    outsider |= {"eventID": "other", "requestID": "other"}
    outsider["userIdentity"]["sessionContext"]["sessionIssuer"]["arn"] = role
    outsider["responseElements"]["credentials"]["accessKeyId"] = "ASIAOTHER"
    trail = _written(tmp_path / "trail", [*events, outsider])
    done = _reconciled(month.logs, trail)
    assert len(done.texts("events_without_line")) == 2
    before = _reconciled(month.logs, month.trail).fields
    assert (done.fields["sessions"], done.fields["sessions_of_others"]) == (before["sessions"], 1)
    said = run("audit", "reconcile", month.logs, "--trail", trail)
    assert said.out.endswith("\nsessions of others, not compared: 1\n")
    named = _reconciled(month.logs, trail, "--broker-role", role, "--since", "2026-10-01", "--until", "2026-11-01")
    assert "other" in {one["aws_request_id"] for one in named.texts("events_without_line")}


def test_periods_that_do_not_meet_are_unusable(month: Written, tmp_path: Path) -> None:
    events = [{**event, "eventTime": "2026-09-01T00:00:00Z"} for event in _events(month.trail)[:3]]
    done = _reconciled(month.logs, _written(tmp_path / "trail", events))
    assert (done.status, done.out) == (2, "")
    assert "have no period in common; give files of the same days" in done.err


def test_damaged_files_of_cloudtrail_are_named(month: Written, tmp_path: Path) -> None:
    events = _events(month.trail)
    _written(tmp_path / "a.json", events)
    (tmp_path / "b.json").write_text(json.dumps({"Records": events})[:-9])
    (tmp_path / "c.json.gz").write_bytes(gzip.compress(b'{"Records": []}')[:-6])
    (tmp_path / "d_CloudTrail-Digest_x.json").write_text('{"awsAccountId": "1", "digestStartTime": "x"}')
    (tmp_path / "e.jsonl").write_text(f'{json.dumps(events[0])}\n{{"eventSource": "cut\n')
    done = run("audit", "reconcile", month.logs, "--trail", tmp_path)
    assert "without a line: 2, without an event: 1" in done.out
    assert "b.json: not complete JSON in UTF-8" in done.err
    assert "c.json.gz: after line 0: not a complete gzip file" in done.err
    assert "e.jsonl:2: not JSON" in done.err
    assert "1 file without an event of CloudTrail" in done.err
    read = _reconciled(month.logs, tmp_path).fields["read"]
    assert isinstance(read, dict)
    trail = read["trail"]
    assert isinstance(trail, dict)
    problems = trail["problems"]
    assert isinstance(problems, list)
    assert (trail["files"], trail["other_files"], len(problems)) == (5, 1, 3)


def found_by_cli(events: list[dict[str, Json]]) -> dict[str, Json]:
    """Return what `aws cloudtrail lookup-events` prints.

    Source: CloudTrail User Guide, "Looking up recent management events with the AWS CLI", its example output.
    """
    return {
        "Events": [
            {
                "EventId": event["eventID"],
                "EventName": event["eventName"],
                "ReadOnly": "true",
                "AccessKeyId": "ASIAMONTHBROKERKEY01",
                "EventTime": "2026-10-21T14:31:02+00:00",
                "EventSource": event["eventSource"],
                "Username": "token-exchange-Exchange",
                "Resources": [],
                "CloudTrailEvent": json.dumps(event),
            }
            for event in events
        ]
    }


def test_events_that_the_aws_cli_looks_up_are_read(month: Written, tmp_path: Path) -> None:
    found = tmp_path / "found.json"
    compared = _reconciled(month.logs, month.trail)
    traced = run("audit", "trace", month.planted.digest, month.logs, "--trail", month.trail, "--json")
    for indent in (4, None):
        found.write_text(json.dumps(found_by_cli(_events(month.trail)), indent=indent))
        again = _reconciled(month.logs, found)
        # Only the number of files differs.
        assert {**again.fields, "read": None} == {**compared.fields, "read": None}
    done = run("audit", "trace", month.planted.digest, month.logs, "--trail", found, "--json")
    assert {**done.fields, "read": None} == {**traced.fields, "read": None}


def test_spoiled_events_that_were_looked_up_are_named(month: Written, tmp_path: Path) -> None:
    found = found_by_cli(_events(month.trail)[:1])
    entries = found["Events"]
    assert isinstance(entries, list)
    entries += ["x", {"CloudTrailEvent": None}, {"CloudTrailEvent": "{"}, {"CloudTrailEvent": "{}"}]
    (tmp_path / "a.json").write_text(json.dumps(found))
    (tmp_path / "b.json").write_text(json.dumps(found)[:-1])
    (tmp_path / "c.json").write_text('{"Events": {}}')
    (tmp_path / "d.json").write_text('{"Events": [], "NextToken": "x"}')
    done = run("audit", "trace", "x", month.logs, "--trail", tmp_path)
    assert done.status == 1
    for number in (2, 3, 4):
        assert f"a.json: event {number}: not JSON\n" in done.err
    assert "1 entries of CloudTrail's files are not events\n" in done.err
    assert "b.json: not complete JSON in UTF-8\n" in done.err
    assert "c.json: no list of events in JSON\n" in done.err
    assert "d.json: has only some of the events, and a NextToken for the others\n" in done.err


def test_a_folder_without_events_is_unusable(month: Written) -> None:
    done = run("audit", "reconcile", month.logs, "--trail", month.policy)
    assert (done.status, done.out) == (2, "")
    assert "contains no event of CloudTrail" in done.err
