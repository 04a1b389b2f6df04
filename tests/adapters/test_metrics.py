import json

import pytest

from tests.attempts import attempt_of, signed_token
from tests.fake_issuer import FakeIssuer
from token_exchange.adapters.events import Metrics
from token_exchange.core.attempt import Part
from token_exchange.core.ports import Json
from token_exchange.core.refusals import Reason, Refused
from token_exchange.reporting.audit import AuditRecord
from token_exchange.reporting.reasons import MEANINGS

type Measured = dict[str, tuple[Json, Json, Json]]


def _record(*, verified: bool, reason: Reason | None = None, status: int = 200) -> AuditRecord:
    record = AuditRecord(attempt=attempt_of())
    if verified:
        record.attempt.token = signed_token(FakeIssuer().trust(entry="github"), {"repository": "acme/shop"})
    if reason is not None:
        record.refuse(Refused(reason, "x"), status=status)
    return record


def _measured(text: str) -> tuple[Measured, list[dict[str, Json]]]:
    """Return unit, dimensions and values of each metric by its name, and the lines themselves."""
    measured: Measured = {}
    lines: list[dict[str, Json]] = [json.loads(line) for line in text.splitlines()]
    for line in lines:
        match line["_aws"]:
            case {
                "CloudWatchMetrics": [
                    {"Namespace": "TokenExchange", "Dimensions": dimensions, "Metrics": list() as all_}
                ]
            }:
                for metric in all_:
                    match metric:
                        case {"Name": str() as name, "Unit": unit}:
                            measured[name] = (unit, dimensions, line[name])
                        case _:
                            raise AssertionError(metric)
            case other:
                raise AssertionError(other)
    return measured, lines


TIMES: dict[Part, float] = {"total": 34.5, "sts": 15.0, "ecr": 8.3, "verify": 1.0}


def test_a_login_is_counted_and_timed(capsys: pytest.CaptureFixture[str]) -> None:
    Metrics(deployment="exchange").exchange(_record(verified=True), TIMES, cold_start=True, policy_age_seconds=12.0)
    measured, lines = _measured(capsys.readouterr().out)
    assert measured == {
        "Exchanges": (
            "Count",
            [["deployment", "decision", "reason"], ["deployment", "issuer", "decision"]],
            [1.0],
        ),
        "Duration": ("Milliseconds", [["deployment"]], [34.5]),
        "StsDuration": ("Milliseconds", [["deployment"]], [15.0]),
        "EcrDuration": ("Milliseconds", [["deployment"]], [8.3]),
        "PolicyAge": ("Seconds", [["deployment"]], [12.0]),
        "ColdStart": ("Count", [["deployment"]], [1.0]),
    }
    assert {line["deployment"] for line in lines} == {"exchange"}
    assert {name: lines[0][name] for name in ("decision", "reason", "issuer")} == {
        "decision": "granted",
        "reason": "granted",
        "issuer": "github",
    }


def test_only_events_that_happened_are_measured(capsys: pytest.CaptureFixture[str]) -> None:
    record = _record(verified=False, reason=Reason.UNKNOWN_ISSUER, status=401)
    Metrics(deployment="exchange").exchange(record, {"total": 1.0}, cold_start=False, policy_age_seconds=None)
    measured, lines = _measured(capsys.readouterr().out)
    # Until the signature is proven, the sender chooses the issuer, so it is no dimension.
    assert measured == {
        "Exchanges": ("Count", [["deployment", "decision", "reason"], ["deployment", "fault"]], [1.0]),
        "Duration": ("Milliseconds", [["deployment"]], [1.0]),
    }
    assert (lines[0]["decision"], lines[0]["reason"]) == ("rejected", "unknown-issuer")


@pytest.mark.parametrize(
    ("reason", "verified", "fault"),
    [
        # what anyone can send
        (Reason.BAD_SIGNATURE, False, "unverified"),
        (Reason.ISSUER_UNAVAILABLE, False, "unverified"),
        (Reason.DEADLINE_EXCEEDED, False, "unverified"),
        (Reason.INTERNAL_ERROR, False, "unverified"),
        # what no request causes
        (Reason.POLICY_UNAVAILABLE, False, "service"),
        # what a job causes, who owns its role, and AWS
        (Reason.EXPIRED, True, "caller"),
        (Reason.NO_MATCHING_GRANT, True, "caller"),
        (Reason.MALFORMED_SCOPE, True, "caller"),
        (Reason.TOO_MANY_REQUESTS, True, "caller"),
        (Reason.ROLE_REFUSED, True, "role-owner"),
        (Reason.REGISTRY_REFUSED, True, "role-owner"),
        (Reason.SECRET_REFUSED, True, "role-owner"),
        (Reason.AWS_THROTTLED, True, "upstream"),
        (Reason.AWS_UNAVAILABLE, True, "upstream"),
        # the service's own
        (Reason.MISCONFIGURED, True, "service"),
        (Reason.STATE_UNAVAILABLE, True, "service"),
        (Reason.INTERNAL_ERROR, True, "service"),
    ],
)
def test_the_fault_is_a_dimension(
    capsys: pytest.CaptureFixture[str],
    reason: Reason,
    verified: bool,  # noqa: FBT001 - a table's column
    fault: str,
) -> None:
    record = _record(verified=verified, reason=reason, status=MEANINGS[reason].status)
    Metrics(deployment="exchange").exchange(record, {"total": 1.0}, cold_start=False, policy_age_seconds=None)
    measured, lines = _measured(capsys.readouterr().out)
    dimensions = measured["Exchanges"][1]
    assert isinstance(dimensions, list)
    assert dimensions[-1] == ["deployment", "fault"]
    assert lines[0]["fault"] == fault


def test_an_explained_denial_is_not_a_failure(capsys: pytest.CaptureFixture[str]) -> None:
    record = _record(verified=True, reason=Reason.NO_MATCHING_GRANT)
    record.is_explanation = True
    Metrics(deployment="exchange").exchange(record, {"total": 1.0}, cold_start=False, policy_age_seconds=None)
    assert "fault" not in capsys.readouterr().out


def test_no_caller_is_a_dimension(capsys: pytest.CaptureFixture[str]) -> None:
    Metrics(deployment="exchange").exchange(_record(verified=True), TIMES, cold_start=False, policy_age_seconds=None)
    assert "acme" not in capsys.readouterr().out
