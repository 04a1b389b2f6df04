import json
from collections.abc import Callable

import pytest

from tests.doubles import grant, policy_text
from token_exchange.adapters.events import Events, Metrics
from token_exchange.core.ports import Json
from token_exchange.issuer_keys.origins import FetchFailed, SharedKeysFailed
from token_exchange.loading.load import load_policy
from token_exchange.loading.problems import PolicyUnusable
from token_exchange.loading.store import PolicyUnreadable

TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwczovL2V4YW1wbGUifQ.c2ln"
type Tell = Callable[[Events], None]


def _unusable() -> PolicyUnusable:
    with pytest.raises(PolicyUnusable) as error:
        load_policy(b"version: 1\n" + b"".join(b"x%d: 1\n" % number for number in range(40)), name="p", read_file=None)
    return error.value


POLICY = load_policy(policy_text([grant()]).encode(), name="policy.yaml", read_file=None)

TOLD: list[tuple[str, str, Tell, dict[str, Json]]] = [
    (
        "issuer-keys-refreshed",
        "INFO",
        lambda events: events.refreshed("ci", keys=2, source="table", age_seconds=61.6),
        {"issuer": "ci", "keys": 2, "from": "table", "age_seconds": 62},
    ),
    (
        "shared-keys-failed",
        "WARNING",
        lambda events: events.shared_keys_failed("ci", cause=SharedKeysFailed(f"refused {TOKEN}")),
        {"issuer": "ci", "cause": "refused [redacted]"},
    ),
    (
        "issuer-keys-run",
        "INFO",
        lambda events: events.refresh_ended({"ci": "refreshed", "other": "failed"}),
        {"outcomes": {"ci": "refreshed", "other": "failed"}},
    ),
    (
        "issuer-keys-refresh-failed",
        "WARNING",
        lambda events: events.refresh_failed("ci", cause=FetchFailed(f"refused {TOKEN}")),
        {"issuer": "ci", "cause": "refused [redacted]"},
    ),
    (
        "issuer-key-left-out",
        "WARNING",
        lambda events: events.key_left_out("ci", why="too short"),
        {"issuer": "ci", "cause": "too short"},
    ),
    (
        "issuer-keys-stale",
        "WARNING",
        lambda events: events.served_stale("ci", age_seconds=700.4),
        {"issuer": "ci", "age_seconds": 700},
    ),
    (
        "policy-loaded",
        "INFO",
        lambda events: events.loaded(POLICY, version="v7"),
        {"policy_sha256": POLICY.sha256, "policy_version": "v7", "issuers": 1, "grants": 1},
    ),
    (
        "policy-not-loaded",
        "ERROR",
        lambda events: events.not_loaded(PolicyUnreadable("gone"), in_force="abc", version="v8"),
        {"policy_sha256": "abc", "policy_version": "v8", "cause": "gone"},
    ),
    (
        "unknown-claim",
        "WARNING",
        lambda events: events.unknown_claim("ci", provider="gitlab", claim=f"{TOKEN}{'x' * 600}"),
        {"issuer": "ci", "provider": "gitlab", "claim": "[redacted]"},
    ),
    (
        "internal-error",
        "ERROR",
        lambda events: events.internal_error(ValueError(TOKEN), request_id="r-1"),
        {"request_id": "r-1", "traceback": "ValueError: [redacted]\n"},
    ),
]


def _lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Json]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize(("code", "level", "tell", "fields"), TOLD, ids=[row[0] for row in TOLD])
def test_each_event_is_one_line_with_its_code(
    capsys: pytest.CaptureFixture[str], code: str, level: str, tell: Tell, fields: dict[str, Json]
) -> None:
    tell(Events(metrics=Metrics(deployment="exchange")))
    (line,) = [line for line in _lines(capsys) if "_aws" not in line]
    assert line.items() >= {"record": "event", "event": code, "level": level, "message": "event"}.items()
    assert {name: line[name] for name in fields} == fields


def test_a_policy_that_does_not_load_lists_its_first_problems(capsys: pytest.CaptureFixture[str]) -> None:
    cause = _unusable()
    Events(metrics=Metrics(deployment="exchange")).not_loaded(cause, in_force=None, version=None)
    (line,) = [line for line in _lines(capsys) if "_aws" not in line]
    problems = line["problems"]
    assert isinstance(problems, list)
    assert len(problems) == 20
    assert line["problem_count"] == len(cause.problems) > 20
    assert "policy_sha256" not in line


# Names, dimensions and units: alarms and dashboards are made of these.
MEASURED: list[tuple[Tell, list[tuple[str, str, list[str], float]]]] = [
    (
        lambda events: events.refreshed("ci", keys=2, source="issuer", age_seconds=0.25),
        [("IssuerKeysAge", "Seconds", ["deployment", "issuer"], 0.25)],
    ),
    (
        lambda events: events.shared_keys_age("ci", age_seconds=900),
        [("IssuerKeysAge", "Seconds", ["deployment", "issuer"], 900.0)],
    ),
    (lambda events: events.unknown_key_damped("ci"), [("UnknownKeyCooldown", "Count", ["deployment", "issuer"], 1.0)]),
    (
        lambda events: events.shared_keys_failed("ci", cause=SharedKeysFailed("x")),
        [("SharedKeysFailed", "Count", ["deployment", "issuer"], 1.0)],
    ),
    (
        lambda events: events.served_stale("ci", age_seconds=700.4),
        [("IssuerKeysAge", "Seconds", ["deployment", "issuer"], 700.4)],
    ),
    (
        lambda events: events.refresh_failed("ci", cause=FetchFailed("x")),
        [("IssuerKeysRefreshFailed", "Count", ["deployment", "issuer"], 1.0)],
    ),
    (
        lambda events: events.not_loaded(PolicyUnreadable("gone"), in_force=None, version=None),
        [("PolicyLoadFailed", "Count", ["deployment"], 1.0)],
    ),
]


def _measured(line: dict[str, Json]) -> list[tuple[Json, Json, Json, Json]]:
    """Return name, unit, dimensions and value of each metric in a line of the embedded format."""
    match line["_aws"]:
        case {
            "CloudWatchMetrics": [
                {"Namespace": "TokenExchange", "Dimensions": [dimensions], "Metrics": [{"Name": name, "Unit": unit}]}
            ]
        }:
            match line[str(name)]:
                case [value]:
                    return [(name, unit, dimensions, value)]
    raise AssertionError(f"not in the form of these tests: {line}")


@pytest.mark.parametrize(("tell", "expected"), MEASURED)
@pytest.mark.parametrize("service", [None, "a-name-of-its-own"])
def test_each_is_measured(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tell: Tell,
    expected: list[tuple[str, str, list[str], float]],
    service: str | None,
) -> None:
    if service is not None:
        monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", service)
    tell(Events(metrics=Metrics(deployment="exchange")))
    found = [measured for line in _lines(capsys) if "_aws" in line for measured in _measured(line)]
    assert found == expected


@pytest.mark.parametrize(("code", "level", "tell", "fields"), TOLD, ids=[row[0] for row in TOLD])
def test_every_event_goes_to_stderr_where_stdout_is_broken(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    code: str,
    level: str,
    tell: Tell,
    fields: dict[str, Json],
) -> None:
    class Gone:
        def write(self, text: str) -> int:
            raise BrokenPipeError

        def flush(self) -> None:
            raise BrokenPipeError

    events = Events(metrics=Metrics(deployment="exchange"))
    monkeypatch.setattr("sys.stdout", Gone())
    tell(events)
    monkeypatch.undo()
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = [json.loads(line) for line in captured.err.splitlines()]
    # Its metric could not be written either, and that is said too.
    assert [line["event"] for line in lines] in ([code], [code, "internal-error"])
    assert {name: lines[0][name] for name in fields} == fields
    assert TOKEN not in captured.err
