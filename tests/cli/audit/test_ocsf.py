"""`audit ocsf`: every event is valid under the published schema, the oldest version that is meant and a late one."""

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, ValidationError

from tests.cli.audit.conftest import Written
from tests.cli.program import run
from tests.real_log import RealLog
from token_exchange.core.ports import Json
from token_exchange_cli.audit.ocsf import NoEvent, ocsf_events

FOLDER = Path(__file__).parent
VERSIONS = ["1.1.0", "1.8.0"]
SCHEMAS = {
    version: Draft202012Validator(json.loads((FOLDER / f"ocsf-{version}.schema.json").read_text("utf-8")))
    for version in VERSIONS
}
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def events_of(log: RealLog) -> list[dict[str, Json]]:
    return [event for record in log.audit() for event in ocsf_events(record)]


@pytest.mark.parametrize("version", VERSIONS)
def test_every_event_is_valid(real_log: RealLog, version: str) -> None:
    events = events_of(real_log)
    for event in events:
        SCHEMAS[version].validate(event)
    # The entries of `grants`, and the lines without one.
    assert len(events) == 10 + 5


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("user", None),
        ("class_uid", 3001),
        ("time", "2026-11-21T05:00:00Z"),
        ("invented", 1),
        ("src_endpoint", {"port": 1}),
        ("metadata", {"version": "1.1.0"}),
    ],
)
def test_schema_rejects_an_invalid_event(real_log: RealLog, version: str, name: str, value: Json) -> None:
    changed = {**events_of(real_log)[0], name: value}
    if value is None:
        del changed[name]
    with pytest.raises(ValidationError):
        SCHEMAS[version].validate(changed)


def test_login_becomes_a_logon_with_its_session(real_log: RealLog) -> None:
    record = real_log.audit()[1]
    first, second = ocsf_events(record)
    logins = record["grants"]
    assert isinstance(logins, list)
    for event, login in zip((first, second), logins, strict=True):
        assert isinstance(login, dict)
        assert (event["activity_name"], event["status"], event["status_code"]) == ("Logon", "Success", "granted")
        session, user, service, cloud = event["session"], event["user"], event["service"], event["cloud"]
        assert isinstance(session, dict)
        assert session["credential_uid"] == login["access_key_id"]
        assert session["uid"] == login["assumed_role_id"]
        assert isinstance(user, dict)
        assert user["name"] == "repo:acme/shop:ref:refs/heads/main"
        assert user["org"] == {"name": "acme", "uid": "7001"}
        assert isinstance(service, dict)
        assert service == {"name": login["registry"], "uid": login["role_arn"]}
        assert isinstance(cloud, dict)
        assert cloud["account"] == {"uid": str(login["role_arn"]).split(":")[4]}
    assert first["metadata"] != second["metadata"]


def test_each_decision_has_a_status(real_log: RealLog) -> None:
    found = {(event["message"], event["status"], event["severity"]) for event in events_of(real_log)}
    assert found == {
        ("granted: granted", "Success", "Informational"),
        ("denied: no-matching-grant", "Failure", "Low"),
        ("denied: denied", "Failure", "Low"),
        ("rejected: bad-signature", "Failure", "Low"),
        ("explained: granted", "Explained", "Informational"),
        ("failed: role-refused", "Failure", "Medium"),
        # The login that was made before the other one failed, which no one got.
        ("failed: granted", "Success", "Medium"),
        ("failed: registry-refused", "Failure", "Medium"),
    }


def test_unverified_token_names_no_one(real_log: RealLog) -> None:
    (event,) = [event for event in events_of(real_log) if event["status_code"] == "bad-signature"]
    user = event["user"]
    assert isinstance(user, dict)
    assert user.keys() == {"type_id", "type", "name", "credential_uid"}
    assert user["name"] == "unverified"


@given(st.dictionaries(st.sampled_from(["grants", "identity", "claims", "timings_ms", "region", "reason"]), ANY_JSON))
def test_lines_of_any_shape_are_valid_events(changes: dict[str, Json]) -> None:
    line: dict[str, Json] = {"decision": "granted", "timestamp": "2026-11-21T04:55:05.410+00:00", **changes}
    try:
        events = list(ocsf_events(line))
    except NoEvent:
        return
    assert events
    for event in events:
        SCHEMAS["1.1.0"].validate(event)


@pytest.mark.parametrize("decision", [None, 7, "GRANTED", "never heard of"])
def test_an_unknown_decision_gives_no_event(decision: Json) -> None:
    with pytest.raises(NoEvent, match="no known decision"):
        list(ocsf_events({"record": "audit", "timestamp": "2026-10-01T12:00:00.000+00:00", "decision": decision}))


def test_command_reads_every_form_and_counts_unreadable_lines(real_log: RealLog, tmp_path: Path) -> None:
    lines = real_log.audit_lines()
    packed = tmp_path / "lines.gz"
    packed.write_bytes(gzip.compress("\n".join(real_log.lines).encode()))
    done = run("audit", "ocsf", packed)
    assert (done.status, done.err) == (0, "")
    assert [json.loads(line) for line in done.out.splitlines()] == events_of(real_log)
    damaged = tmp_path / "damaged.log"
    damaged.write_text(f'{lines[0]}\n{lines[1][:-40]}\n{{"record":"audit","decision":"granted"}}\n')
    done = run("audit", "ocsf", damaged)
    assert done.status == 1
    assert len(done.out.splitlines()) == 1
    assert done.err.splitlines() == [
        f"remark: {damaged}:2: not JSON",
        f"remark: {damaged}:3: no time in timestamp",
    ]


def test_json_is_one_document(real_log: RealLog, tmp_path: Path) -> None:
    path = tmp_path / "lines.log"
    path.write_text("\n".join(real_log.audit_lines()))
    assert run("audit", "ocsf", path, "--json").fields == {"events": events_of(real_log)}
    path.write_text("")
    assert run("audit", "ocsf", path, "--json").fields == {"events": []}


def test_files_behind_a_damaged_one_are_read_too(month: Written, tmp_path: Path) -> None:
    first, second = sorted(month.logs.rglob("*.gz"))[:2]
    packed = first.read_bytes()
    (tmp_path / "a.gz").write_bytes(packed[: len(packed) // 2])
    (tmp_path / "b.gz").write_bytes(second.read_bytes())
    whole = run("audit", "ocsf", tmp_path / "b.gz", "--json").texts("events")
    done = run("audit", "ocsf", tmp_path, "--json")
    assert done.status == 1
    assert done.texts("events")[-len(whole) :] == whole
    assert f"remark: {tmp_path}/a.gz: after line " in done.err
