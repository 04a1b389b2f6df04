"""`audit trace`: from anything that names an exchange to the exchange, and to what its session did."""

import gzip
import json
from pathlib import Path

import pytest

from tests.cli.audit.conftest import Written
from tests.cli.program import run
from token_exchange.core.ports import Json


def _only(value: Json) -> dict[str, Json]:
    assert isinstance(value, list)
    (item,) = value
    assert isinstance(item, dict)
    return item


def test_who_pushed_an_image_is_one_command(month: Written) -> None:
    done = run("audit", "trace", month.planted.digest, month.logs, "--trail", month.trail, "--json")
    assert done.status == 0
    login = _only(done.fields["logins"])
    assert (login["request_id"], login["repository"], login["actor"], login["grant_name"]) == (
        month.planted.leaked,
        "acme/intern-playground",
        "mallory",
        "shared-tools",
    )
    assert login["job"] == f"https://github.com/acme/intern-playground/actions/runs/{login['run_id']}"
    did = login["did"]
    assert isinstance(did, list)
    assert [(one["event_name"], one["ecr_repository"], one["image_tag"]) for one in did if isinstance(one, dict)] == [
        ("BatchGetImage", "shared/tools", "v8"),
        ("PutImage", "shared/tools", "v9"),
    ]


def test_every_name_of_an_exchange_leads_to_it(subtests: pytest.Subtests, month: Written) -> None:
    first = run("audit", "trace", month.planted.leaked, month.logs, "--json")
    login = _only(first.fields["logins"])
    names = ("access_key_id", "session_name", "source_identity", "request_id", "run_id", "assumed_role_id", "sha")
    for what in (*(str(login[name]) for name in names), str(login["sts_request_id"]), str(login["token_sha256"])):
        with subtests.test(what=what):
            done = run("audit", "trace", what, month.logs, "--json")
            assert _only(done.fields["logins"]) == login


@pytest.mark.parametrize(
    "form",
    [
        *("shared/tools:v9", "shared/tools@{digest}", "{digest}", "shared/tools:v9@{digest}", "moved:v1@{digest}"),
        "111122223333.dkr.ecr.eu-west-1.amazonaws.com/shared/tools@{digest}",
        "111122223333.dkr-ecr.eu-west-1.on.aws/shared/tools:v9",
    ],
)
def test_an_image_is_named_as_docker_names_it(month: Written, form: str) -> None:
    what = form.format(digest=month.planted.digest)
    done = run("audit", "trace", what, month.logs, "--trail", month.trail)
    assert done.status == 0
    assert f"request {month.planted.leaked}" in done.out
    assert "by mallory" in done.out


def test_a_push_without_a_line_is_reported(tmp_path: Path, month: Written) -> None:
    other = tmp_path / "audit.jsonl"
    lines = b"".join(gzip.decompress(path.read_bytes()) for path in sorted(month.logs.rglob("*.gz")))
    other.write_bytes(b"".join(line for line in lines.splitlines(keepends=True) if b"mallory" not in line))
    done = run("audit", "trace", month.planted.digest, other, "--trail", month.trail)
    assert done.status == 1
    assert "no audit line has the session AROAMONTHPUSHROLE001:70018888-" in done.out
    assert "it is arn:aws:sts::111122223333:assumed-role/ci-ecr-push/70018888-" in done.out


def test_an_image_of_ecr_public_has_its_own_host(month: Written, tmp_path: Path) -> None:
    pushes = [
        {**event, "eventSource": "ecr-public.amazonaws.com", "awsRegion": "us-east-1"}
        for path in sorted(month.trail.rglob("*.gz"))
        for event in json.loads(gzip.decompress(path.read_bytes()))["Records"]
        if event["eventName"] == "PutImage" and event["requestParameters"]["imageTag"] == "v9"
    ]
    trail = tmp_path / "trail.json"
    trail.write_text(json.dumps({"Records": pushes}))
    for image, path, status in (
        ("public.ecr.aws/acme/shared/tools:v9", trail, 0),
        ("public.ecr.aws/acme/shared/tools:v9", month.trail, 1),
        ("111122223333.dkr.ecr.eu-west-1.amazonaws.com/shared/tools:v9", trail, 1),
        ("shared/tools:v9", trail, 0),
    ):
        assert run("audit", "trace", image, month.logs, "--trail", path).status == status


@pytest.mark.parametrize("what", ["acme/intern-playground", "mallory"])
def test_all_that_a_repository_or_an_actor_did_is_found(month: Written, what: str) -> None:
    lines = b"".join(gzip.decompress(path.read_bytes()) for path in month.logs.rglob("*.gz")).splitlines()
    records = [json.loads(line[25:]) for line in lines if b'"mallory"' in line]
    done = run("audit", "trace", what, month.logs, "--json")
    found = [*done.texts("logins"), *done.texts("refused")]
    assert {one["request_id"] for one in found} == {record["request_id"] for record in records}
    assert month.planted.leaked in {one["request_id"] for one in found}


def test_a_refused_run_is_found_too(month: Written) -> None:
    lines = b"".join(gzip.decompress(path.read_bytes()) for path in month.logs.rglob("*.gz")).splitlines()
    refused = next(json.loads(line[25:]) for line in lines if b'"reason":"untrusted-trigger"' in line)
    done = run("audit", "trace", refused["identity"]["run_id"], month.logs)
    assert done.status == 0
    assert f"denied {refused['timestamp'].replace('+00:00', 'Z')} request {refused['request_id']}" in done.out
    assert "reason untrusted-trigger" in done.out


def test_finding_nothing_gives_status_1(month: Written) -> None:
    for what in ("no-such-thing", "x' OR 1=1 --", "sha256:" + "0" * 64):
        done = run("audit", "trace", what, month.logs, "--trail", month.trail)
        assert (done.status, done.out) == (1, f"nothing found about {what}\n")


def test_an_image_needs_the_trail(month: Written) -> None:
    done = run("audit", "trace", month.planted.digest, month.logs)
    assert (done.status, done.out) == (2, "")
    assert "give CloudTrail's files with --trail" in done.err


def test_hostile_values_reach_a_terminal_as_text(tmp_path: Path, month: Written) -> None:
    lines = b"".join(gzip.decompress(path.read_bytes()) for path in month.logs.rglob("*.gz")).splitlines()
    text = next(line[25:] for line in lines if b"mallory" in line)
    log = tmp_path / "log"
    log.write_bytes(text.replace(b'"mallory"', rb'"\u001b[31m\u202eevil\nlogin"') + b"\n")
    done = run("audit", "trace", month.planted.leaked, log)
    assert done.status == 0
    assert "by \\x1b[31m\\u202eevil\\nlogin, from" in done.out
    assert "\x1b" not in done.out


def _leaked_line(month: Written) -> dict[str, Json]:
    lines = b"".join(gzip.decompress(path.read_bytes()) for path in month.logs.rglob("*.gz")).splitlines()
    found: dict[str, Json] = json.loads(next(line[25:] for line in lines if b"mallory" in line))
    return found


def test_only_the_first_of_many_events_are_printed(month: Written, tmp_path: Path) -> None:
    events = [
        event
        for path in sorted(month.trail.rglob("*.gz"))
        for event in json.loads(gzip.decompress(path.read_bytes()))["Records"]
    ]
    key = _only(_leaked_line(month)["grants"])["access_key_id"]
    pull = next(one for one in events if one["userIdentity"].get("accessKeyId") == key)
    refused = {"errorCode": "AccessDenied"}
    trail = tmp_path / "trail"
    trail.write_text(json.dumps({"Records": [{**pull, **refused, "eventID": str(number)} for number in range(37)]}))
    done = run("audit", "trace", month.planted.leaked, month.logs, "--trail", trail)
    assert done.status == 0
    assert "37 events in CloudTrail:" in done.out
    assert done.out.count("(AccessDenied)") == 30
    assert done.out.endswith("and 7 more\n")


def test_a_failed_login_says_why(month: Written, tmp_path: Path) -> None:
    found = _leaked_line(month)
    failed = {**_only(found["grants"]), "reason": "registry-refused"}
    log = tmp_path / "log"
    log.write_text(json.dumps({**found, "decision": "failed", "reason": "registry-refused", "grants": [failed]}))
    done = run("audit", "trace", month.planted.leaked, log)
    assert "the login failed: registry-refused\n" in done.out


@pytest.mark.parametrize(
    "changes",
    [
        {"timestamp": "1999-01-01T00:00:00.000+00:00"},
        {"timestamp": None},
        {"request_id": None},
        {"decision": "maybe"},
        {"decision": None},
    ],
)
def test_a_line_with_a_wrong_clock_is_found_too(month: Written, tmp_path: Path, changes: dict[str, Json]) -> None:
    found = _leaked_line(month)
    log = tmp_path / "log"
    log.write_text(json.dumps({**found, **changes}))
    done = run("audit", "trace", str(_only(found["grants"])["access_key_id"]), log, "--json")
    assert done.status == 0
    assert _only(done.fields["logins"])["actor"] == "mallory"
    assert done.fields["refused"] == []


def test_a_job_is_found_by_claims_of_the_line(month: Written, tmp_path: Path) -> None:
    found = _leaked_line(month)
    workflow = {"oidc.circleci.com/workflow-id": "69f0d8b3-24ae-4715-bc90-e1a3725d8f4c"}
    circleci = {"provider": "circleci", "issuer_url": "https://oidc.circleci.com", "claims": workflow}
    bitrise = {"provider": "bitrise", "identity": {"pipeline_id": "62d8f1a4b07c93e5", "run_id": "204"}}
    unproven = {"verified": False, "decision": "rejected", "reason": "invalid-signature", "run_id": "9", "grants": []}
    for name in ("issuer", "provider", "identity", "claims"):
        unproven[name] = None
    log = tmp_path / "log"
    for changes, said in (
        (circleci, "  https://app.circleci.com/pipelines/workflows/69f0d8b3-24ae-4715-bc90-e1a3725d8f4c\n"),
        ({**circleci, "claims": {}}, "  look up: the run in CircleCI: oidc.circleci.com/workflow-id, which"),
        (
            bitrise,
            "  https://app.bitrise.io/app/62d8f1a4b07c93e5\n  look up there: the build with the number 204\n",
        ),
        (unproven, "  from 203.0.113.3\n  look up: nothing in a CI system, because anyone can write a token"),
    ):
        log.write_text(json.dumps({**found, **changes}))
        done = run("audit", "trace", month.planted.leaked, log)
        assert done.status == 0
        assert said in done.out
    (login,) = run("audit", "trace", month.planted.leaked, log, "--json").texts("refused")
    assert (login["job"], login["claims"]) == (None, {})


@pytest.mark.parametrize("grants", [None, "cut off", ["cut off"], []])
def test_a_granted_line_without_its_login_is_found(month: Written, tmp_path: Path, grants: Json) -> None:
    log = tmp_path / "log"
    log.write_text(json.dumps({**_leaked_line(month), "grants": grants}))
    done = run("audit", "trace", month.planted.leaked, log)
    assert done.status == 0
    assert f"granted 2026-10-19T14:36:45.847Z request {month.planted.leaked}\n  the line lacks its login\n" in done.out
    assert "1 line granted, but without the login: included in sums of exchanges, but not of grants\n" in done.err


def test_an_image_of_another_registry_is_another_image(month: Written) -> None:
    for account, region, status in (
        ("111122223333", "eu-west-1", 0),
        ("111122223333", "us-east-1", 1),
        ("999900001111", "eu-west-1", 1),
    ):
        image = f"{account}.dkr.ecr.{region}.amazonaws.com/shared/tools:v9"
        done = run("audit", "trace", image, month.logs, "--trail", month.trail)
        assert done.status == status
        assert ("by mallory" in done.out) is (status == 0)


def test_of_many_logins_the_oldest_are_left_out(month: Written, tmp_path: Path) -> None:
    found = _leaked_line(month)
    log = tmp_path / "log"
    log.write_text("".join(f"{json.dumps({**found, 'request_id': f'request-{number}'})}\n" for number in range(103)))
    done = run("audit", "trace", str(_only(found["grants"])["access_key_id"]), log)
    assert done.status == 0
    assert done.out.endswith("3 older ones are not shown\n")
