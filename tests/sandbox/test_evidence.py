import dataclasses
import json
from pathlib import Path

import pytest

from sandbox.aws.calls import Seen
from sandbox.evidence import Evidence, Unexpected, assumed_roles

ARN = "arn:aws:ecr:eu-west-1:111122223333:repository/"
END = "2026-11-21T03:30:00Z"


def _evidence(tmp_path: Path, *lines: object) -> Evidence:
    path = tmp_path / "log"
    path.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines))
    return Evidence(path)


def _record(**changes: object) -> dict[str, object]:
    return {"record": "audit", "request_id": "r", "decision": "granted", **changes}


def test_the_one_record_of_a_request_is_found(tmp_path: Path) -> None:
    noise = ["Traceback", {"record": "event", "request_id": "r"}, _record(request_id="other")]
    assert _evidence(tmp_path, *noise, _record()).audit_record("r", decision="granted") == _record()


@pytest.mark.parametrize("lines", [[], [_record(), _record()], [_record(decision="denied")], [_record(record="event")]])
def test_no_record_two_or_another_are_found_out(tmp_path: Path, lines: list[object]) -> None:
    with pytest.raises(Unexpected):
        _evidence(tmp_path, *lines).audit_record("r", decision="granted")


@pytest.mark.parametrize("cut", [slice(None), slice(0, 30), slice(-30, None), slice(50, 90)])
def test_a_secret_is_found_whole_and_in_part(tmp_path: Path, cut: slice) -> None:
    secret = "".join(f"{number:02}" for number in range(60))
    with pytest.raises(Unexpected):
        _evidence(tmp_path, f"before {secret[cut]} after").check_not_logged(secret)
    _evidence(tmp_path, "nothing of the kind").check_not_logged(secret)


def _session_policy(*resources: str, action: str = "ecr:PutImage", condition: object = None) -> str:
    until = {"DateLessThan": {"aws:CurrentTime": END}} if condition is None else condition
    statement = {"Effect": "Allow", "Action": action, "Resource": [ARN + name for name in resources]}
    return json.dumps({"Version": "2012-10-17", "Statement": [{**statement, "Condition": until}]})


def _check(tmp_path: Path, text: str) -> None:
    _evidence(tmp_path).check_session_policy(text, pushes=("ci/a",), pulls=(), not_this="ci/b", until=END)


def test_a_session_policy_that_is_as_expected_passes(tmp_path: Path) -> None:
    _check(tmp_path, _session_policy("ci/a"))


@pytest.mark.parametrize(
    "text",
    [
        _session_policy("ci/a", "ci/b"),  # more than granted
        _session_policy("ci/*"),
        _session_policy("ci/other"),  # something else
        _session_policy("ci/a", action="ecr:BatchGetImage"),  # less than granted
        _session_policy("ci/a", condition={"DateLessThan": {"aws:CurrentTime": "2026-11-21T03:30:01Z"}}),  # for longer
        _session_policy("ci/a", condition={"DateLessThan": {"aws:CurrentTime": "2026-11-21T03:29:00Z"}}),  # not so long
    ],
)
def test_a_session_policy_that_is_not_is_found_out(tmp_path: Path, text: str) -> None:
    with pytest.raises(Unexpected):
        _check(tmp_path, text)


def _assume_role(session_name: str) -> Seen:
    return Seen(
        operation="sts:AssumeRole",
        parameters={"RoleSessionName": session_name},
        access_key_id=None,
        request_id="of-aws",
        at_seconds=0.0,
    )


def test_an_assumed_role_belongs_to_the_request_of_its_name() -> None:
    own, late = _assume_role("70010001-91-abcdef012345"), _assume_role("70010001-91-999999999999")
    requests = [own, late, dataclasses.replace(own, operation="dynamodb:GetItem")]
    assert assumed_roles(requests, request_id="abcdef01-2345-4000-8000-000000000000") == [own]
    nameless = _assume_role("abcdef012345")
    assert assumed_roles([nameless], request_id="abcdef01-2345-4000-8000-000000000000") == [nameless]
    assert assumed_roles(requests, request_id="abcdef01-0000-4000-8000-000000000000") == []
