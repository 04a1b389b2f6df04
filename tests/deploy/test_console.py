"""The saved queries and the dashboard: carried out on the lines that the service really writes."""

import json
import re
from collections.abc import Callable, Iterator, Mapping

import pytest

from sandbox.aws.logs_insights import LogEvent, NoQuery, Row, carry_out
from tests.attempts import attempt_of, signed_token
from tests.deploy.cloudformation import Stack, at, load, mapping, sequence, text
from tests.docs.pages import page
from tests.fake_issuer import FakeIssuer
from tests.real_log import DEPLOYMENT, RealLog
from token_exchange.adapters.events import NAMESPACE, Metrics
from token_exchange.core.ports import Json
from token_exchange.core.refusals import Reason, Refused
from token_exchange.reporting.audit import AuditRecord
from token_exchange.reporting.reasons import MEANINGS

TEMPLATE = "template.yaml"
ROLE = "arn:aws:iam::111122223333:role/ci-ecr-push"
STACK = Stack(TEMPLATE, {"AssumableRoleArns": ROLE})


def resources(kind: str) -> dict[str, dict[str, object]]:
    found = mapping(load(TEMPLATE), "Resources")
    return {name: STACK.resource(name) for name, it in found.items() if at(it, "Type") == kind}


QUERIES = resources("AWS::Logs::QueryDefinition")


def logged(log: RealLog) -> list[LogEvent]:
    return [
        LogEvent(timestamp=str(record.get("timestamp", "")), message=line)
        for line, record in zip(log.lines, log.records(), strict=True)
    ]


def result(name: str, log: RealLog, **parameters: str) -> list[Row]:
    return carry_out(text(QUERIES[name], "QueryString"), logged(log), **parameters)


def logins(log: RealLog) -> Iterator[tuple[Mapping[str, Json], Mapping[str, Json]]]:
    """Yield each entry of `grants`, with its line."""
    for record in log.audit():
        grants = record.get("grants", [])
        assert isinstance(grants, list)
        for grant in grants:
            assert isinstance(grant, dict)
            yield record, grant


def counts(rows: list[Row], name: str) -> dict[tuple[Json, ...], Json]:
    """Return the figure `name` by the columns that are no figures."""
    figures = {name, "last", "first", "last_cause", "repositories"}
    return {tuple(value for key, value in row.items() if key not in figures): row[name] for row in rows}


def test_the_log_has_requests_for_several_registries(real_log: RealLog) -> None:
    sizes = [len(grants) for record in real_log.audit() if isinstance(grants := record.get("grants"), list)]
    assert sorted(sizes) == [1, 1, 1, 2, 2, 3]


def test_refusals_are_counted_by_reason(real_log: RealLog) -> None:
    rows = result("RefusalsQuery", real_log)
    assert counts(rows, "requests") == {
        ("denied", "no-matching-grant", "github", "acme/shop"): 2,
        ("denied", "denied", "github", "acme/shop"): 1,
        ("rejected", "bad-signature", None, None): 1,
        ("failed", "role-refused", "github", "acme/shop"): 1,
        ("failed", "registry-refused", "github", "acme/shop"): 1,
    }
    assert rows[0]["requests"] == 2


def test_failures_are_counted_by_policy(real_log: RealLog) -> None:
    policy = real_log.audit()[0]["policy_sha256"]
    assert counts(result("FailuresByPolicyQuery", real_log), "requests") == {
        ("role-refused", policy, "ClientError"): 1,
        ("registry-refused", policy, "ClientError"): 1,
    }


def test_failed_logins_name_grant_and_role(real_log: RealLog) -> None:
    # The second one's failed login is the second entry of its line.
    assert counts(result("FailedLoginsQuery", real_log), "logins") == {
        ("role-refused", "own-images", "arn:aws:iam::111122223333:role/ci-ecr-push"): 1,
        ("registry-refused", "base-images", "arn:aws:iam::444455556666:role/ci-ecr-pull"): 1,
    }


def test_exchanges_of_a_repository(real_log: RealLog) -> None:
    rows = result("ExchangesOfRepositoryQuery", real_log, repository="acme/shop")
    newest = [record for record in real_log.audit() if "identity" in record and record["issuer"] == "github"][::-1]
    assert [row["request_id"] for row in rows] == [record["request_id"] for record in newest]
    assert {row["decision"] for row in rows} == {"granted", "denied", "failed", "explained"}
    assert rows[0].keys() >= {"@timestamp", "reason", "identity.ref", "identity.run_id", "identity.actor"}
    assert result("ExchangesOfRepositoryQuery", real_log, repository="acme/other") == []


def test_logins_of_a_repository_include_every_entry(real_log: RealLog) -> None:
    rows = result("LoginsOfRepositoryQuery", real_log, repository="acme/shop")
    expected = [
        (record["request_id"], grant["registry"]) for record, grant in logins(real_log) if record["issuer"] == "github"
    ]
    assert sorted((row["request_id"], row["login.registry"]) for row in rows) == sorted(expected)
    assert {row["login.registry"] for row in rows} == {"apps", "base", "public", "dockerhub"}


@pytest.mark.parametrize("field", ["access_key_id", "source_identity", "session_name", "sts_request_id"])
def test_a_session_is_found_in_any_entry(real_log: RealLog, field: str) -> None:
    asked = 0
    for record, grant in logins(real_log):
        if field in grant:
            asked += 1
            rows = result("SessionQuery", real_log, id=str(grant[field]))
            identity = record["identity"]
            assert isinstance(identity, dict)
            assert (record["timestamp"], identity["repository"], grant["registry"]) in {
                (row["@timestamp"], row["identity.repository"], row["login.registry"]) for row in rows
            }
            if field == "access_key_id":
                assert [row["login.access_key_id"] for row in rows] == [grant[field]]
    assert asked >= 6


def test_a_request_id_finds_all_its_sessions(real_log: RealLog) -> None:
    (request_id,) = {str(record["request_id"]) for record, grant in logins(real_log) if grant["registry"] == "public"}
    rows = result("SessionQuery", real_log, id=request_id)
    assert [row["login.registry"] for row in rows] == ["public", "dockerhub", "base"]


def test_uses_of_grants_count_logins_that_were_made(real_log: RealLog) -> None:
    rows = result("UsesOfGrantsQuery", real_log)
    assert counts(rows, "logins") == {
        ("own-images", "apps", "push"): 2,
        ("own-images-gitlab", "apps", "push"): 1,
        ("base-images", "base", "pull"): 2,
        ("public-images", "public", "push"): 1,
        ("docker-hub", "dockerhub", None): 2,
    }
    assert [row["repositories"] for row in rows] == [1] * 5


def test_the_policies_that_decided(real_log: RealLog) -> None:
    (row,) = result("PolicyInForceQuery", real_log)
    audit = real_log.audit()
    assert (row["policy_sha256"], row["exchanges"]) == (audit[0]["policy_sha256"], len(audit))
    assert (row["first"], row["last"]) == (audit[0]["timestamp"], audit[-1]["timestamp"])


def test_the_slowest_exchanges_come_first(real_log: RealLog) -> None:
    rows = result("SlowExchangesQuery", real_log)
    times = [row["timings_ms.total"] for row in rows]
    assert all(isinstance(time, float) for time in times)
    assert times == sorted(times, key=lambda time: -float(str(time)))
    assert len(rows) == len(real_log.audit())


def test_events_that_need_attention(real_log: RealLog) -> None:
    rows = result("WarningsQuery", real_log)
    assert {row["event"] for row in rows} == {
        record["event"] for record in real_log.records() if record.get("level") == "WARNING"
    }
    assert "unknown-claim" in {row["event"] for row in rows}


def access_line(**values: str) -> LogEvent:
    """Return a line of the access log in the template's own format; a variable without a value is `-`."""
    form = text(STACK.resource("HttpApi"), "AccessLogSettings", "Format")
    return LogEvent(
        timestamp="2026-11-21T05:00:00Z",
        message=re.sub(r"\$context\.([A-Za-z.]+)", lambda found: values.get(found[1].replace(".", "_"), "-"), form),
    )


def test_answers_of_the_gateway_are_counted_by_source() -> None:
    throttled = access_line(status="429", error_responseType="THROTTLED", identity_sourceIp="203.0.113.7")
    broken = access_line(status="503", error_responseType="INTEGRATION_FAILURE", identity_sourceIp="192.0.2.1")
    # The service's own answer, and the budget's 429 of the service.
    own, budget = access_line(status="403"), access_line(status="429", identity_sourceIp="203.0.113.9")
    rows = carry_out(
        text(QUERIES["GatewayRefusalsQuery"], "QueryString"), [own, throttled, throttled, throttled, broken, budget]
    )
    assert counts(rows, "requests") == {
        ("429", "THROTTLED", "203.0.113.7"): 3,
        ("503", "INTEGRATION_FAILURE", "192.0.2.1"): 1,
        ("429", "-", "203.0.113.9"): 1,
    }


def test_queries_read_the_log_group_with_the_lines() -> None:
    for name, query in QUERIES.items():
        groups = {str(group) for group in sequence(query, "LogGroupNames")}
        expected = {
            "GatewayRefusalsQuery": {"AccessLogGroup"},
            "WarningsQuery": {"ExchangeLogGroup", "RefreshKeysLogGroup"},
        }.get(name, {"ExchangeLogGroup"})
        assert {
            group.replace("/aws/vendedlogs/apis/exchange-5f0e1d2c", "AccessLogGroup") for group in groups
        } == expected
        assert text(query, "Name").startswith("exchange/")
        declared = {at(each, "Name") for each in sequence(query.get("Parameters", []))}
        assert declared == set(re.findall(r"\{\{(\w+)\}\}", text(query, "QueryString")))


def test_the_page_on_operations_lists_every_query() -> None:
    listed = {(row[0].strip("`"), row[1].strip("`")) for row in page("docs/operations.md").table("Reading audit lines")}
    assert listed == {
        (
            text(query, "Name").removeprefix("exchange/"),
            ", ".join(str(at(each, "Name")) for each in sequence(query.get("Parameters", []))) or "none",
        )
        for query in QUERIES.values()
    }


@pytest.mark.parametrize(
    "query",
    [
        "parse @message '*' as a",
        "filter a ~ 1",
        "fields strlen(a)",
        "stats pct(a, 99) as p",
        "filter a = {{b}}",
        "sort",
    ],
)
def test_unsupported_query_commands_are_refused(query: str) -> None:
    with pytest.raises((NoQuery, IndexError)):
        carry_out(query, [LogEvent(timestamp="", message='{"a": 1}')])


def test_fields_behind_the_first_200_are_not_discovered() -> None:
    many = LogEvent(timestamp="", message=json.dumps({"a": list(range(250)), "b": 1}))
    assert carry_out("filter ispresent(a.199)", [many]) != []
    assert carry_out("filter ispresent(a.200) or ispresent(b)", [many]) == []


# ---------------------------------------------------------------------------------------------- the dashboard


def widgets(**parameters: str) -> list[dict[str, object]]:
    dashboard = Stack(TEMPLATE, {"AssumableRoleArns": ROLE, **parameters}).resource("Dashboard")
    return [mapping(widget) for widget in sequence(json.loads(text(dashboard, "DashboardBody")), "widgets")]


def metrics_of(widget: Mapping[str, object]) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Yield namespace, name and dimensions of each metric; those that a search does not give have the value `*`."""
    before: list[str] = []
    for metric in sequence(widget, "properties", "metrics"):
        parts = [part for part in sequence(metric) if isinstance(part, str)]
        options = sequence(metric)[-1]
        if isinstance(options, dict) and "expression" in options:
            yield searched(str(options["expression"]))
            continue
        if parts[0] == "...":
            parts = [*before[: len(before) - len(parts) + 1], *parts[1:]]
        before = parts
        yield parts[0], parts[1], dict(zip(parts[2::2], parts[3::2], strict=True))


def searched(expression: str) -> tuple[str, str, dict[str, str]]:
    found = re.fullmatch(r"(?:SUM\()?SEARCH\('\{([^}]+)\} ([^']+)', '(?:Sum|Maximum|p99)', 60\)\)?", expression)
    assert found, expression
    namespace, *names = found[1].split(",")
    terms: dict[str, list[str]] = {}
    for name, value in re.findall(r'(\w+)="([^"]*)"', found[2]):
        terms.setdefault(name, []).append(value)
    (metric,) = terms.pop("MetricName")
    # One of several values is any, for what is asked here.
    return namespace, metric, {name: given[0] if len(given := terms.get(name, [])) == 1 else "*" for name in names}


ON_THE_PAGE = [metric for widget in widgets() if widget["type"] == "metric" for metric in metrics_of(widget)]


@pytest.fixture
def written(capsys: pytest.CaptureFixture[str]) -> set[tuple[str, frozenset[tuple[str, str]]]]:
    """Return every metric that the service can write, with its dimensions."""
    metrics = Metrics(deployment=DEPLOYMENT)
    proven = signed_token(FakeIssuer().trust(entry="github"), {})
    for reason in (None, *Reason):
        for token in (None, proven):
            record = AuditRecord(attempt=attempt_of())
            record.attempt.token = token
            if reason is not None:
                record.refuse(Refused(reason, "x"), status=MEANINGS[reason].status)
            metrics.exchange(record, {"sts": 1.0, "ecr": 1.0}, cold_start=True, policy_age_seconds=1.0)
    tell: list[Callable[[], None]] = [
        lambda: metrics.issuer_keys_age("github", seconds=1),
        lambda: metrics.issuer_keys_refresh_failed("github"),
        lambda: metrics.shared_keys_failed("github"),
        lambda: metrics.state_failed("spend"),
        metrics.policy_load_failed,
    ]
    for one in tell:
        one()
    found: set[tuple[str, frozenset[tuple[str, str]]]] = set()
    for line in map(json.loads, capsys.readouterr().out.splitlines()):
        (directive,) = sequence(line, "_aws", "CloudWatchMetrics")
        assert at(directive, "Namespace") == NAMESPACE
        for names in sequence(directive, "Dimensions"):
            dimensions = frozenset((str(name), str(line[str(name)])) for name in sequence(names))
            found |= {(str(at(metric, "Name")), dimensions) for metric in sequence(directive, "Metrics")}
    return found


def test_every_metric_on_the_page_is_written(written: set[tuple[str, frozenset[tuple[str, str]]]]) -> None:
    for namespace, name, dimensions in ON_THE_PAGE:
        if namespace == NAMESPACE:
            assert dimensions["deployment"] == DEPLOYMENT
            assert any(
                name == other
                and dict(given).keys() == dimensions.keys()
                and all(dimensions[key] in ("*", value) for key, value in given)
                for other, given in written
            ), (name, dimensions)


def test_every_fault_and_decision_is_on_the_page(written: set[tuple[str, frozenset[tuple[str, str]]]]) -> None:
    for key in ("fault", "decision"):
        possible = {value for _, dimensions in written for name, value in dimensions if name == key}
        shown = {dimensions[key] for _, _, dimensions in ON_THE_PAGE if key in dimensions}
        assert shown - {"*"} == possible


def test_metrics_of_aws_are_of_the_stacks_own_resources() -> None:
    others = {(namespace, *dimensions.items()) for namespace, _, dimensions in ON_THE_PAGE if namespace != NAMESPACE}
    assert others == {
        ("AWS/Lambda", ("FunctionName", "ExchangeFunction")),
        ("AWS/ApiGateway", ("ApiId", "HttpApi")),
        ("AWS/DynamoDB", ("TableName", "StateTable")),
        ("AWS/DynamoDB", ("Operation", "*"), ("TableName", "StateTable")),
    }


def test_requests_at_another_door_are_counted_too() -> None:
    found = {
        (name, *dimensions.items())
        for widget in widgets(Door="rest")
        if widget["type"] == "metric"
        for namespace, name, dimensions in metrics_of(widget)
        if namespace == "AWS/ApiGateway"
    }
    assert found == {(name, ("ApiName", "exchange")) for name in ("Count", "4XXError", "5XXError")}


def test_every_alarm_that_notifies_is_on_the_page() -> None:
    """The others are parts of these: some fire on a quiet night."""
    (shown,) = [widget for widget in widgets() if widget["type"] == "alarm"]
    declared = mapping(load(TEMPLATE), "Resources")
    alarms = resources("AWS::CloudWatch::Alarm") | resources("AWS::CloudWatch::CompositeAlarm")
    notify = {
        name
        for name in alarms
        if not {"AlarmActions", "InsufficientDataActions"}.isdisjoint(mapping(declared, name, "Properties"))
        and "Condition" not in mapping(declared, name)
    }
    assert {str(arn) for arn in sequence(shown, "properties", "alarms")} == {f"{name}.Arn" for name in notify}


def test_queries_on_the_page_are_the_saved_ones() -> None:
    saved = {text(query, "QueryString"): at(query, "LogGroupNames", 0) for query in QUERIES.values()}
    shown = [text(widget, "properties", "query") for widget in widgets() if widget["type"] == "log"]
    assert len(shown) == 3
    for query in shown:
        found = re.fullmatch(r"SOURCE '([^']+)' \| (.+)", query, re.DOTALL)
        assert found, query
        assert saved[found[2]] == found[1]


def test_widgets_fill_the_page_and_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for widget in widgets():
        x, y, width, height = (int(str(widget[name])) for name in ("x", "y", "width", "height"))
        assert x + width <= 24
        cells = {(x + column, y + row) for column in range(width) for row in range(height)}
        assert not cells & taken
        taken |= cells
        if widget["type"] != "text":
            assert at(widget, "properties", "title")
        if widget["type"] in {"metric", "log"}:
            assert at(widget, "properties", "region") == "eu-west-1"
    assert len(taken) == 24 * (1 + max(y for _, y in taken))
