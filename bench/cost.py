"""What a million exchanges cost: measured use times published prices; `make bench` runs it too.

Prices and assumptions are inputs with their date, below; what is measured is measured here, in the sandbox.
"""

import re
import resource
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

from bench import report
from sandbox.backends import Backends
from sandbox.service import Service

_ROOT: Final = Path(__file__).parent.parent
PAGE: Final = _ROOT / "docs" / "cost.md"
EXCHANGES: Final = 1_000_000

type Architecture = Literal["arm64", "x86_64"]
type Door = Literal["HTTP API", "REST API"]

_FULL_PROCESSOR_MEGABYTES: Final = 1769
"""Lambda Developer Guide, "Configure Lambda function memory": the memory at which a function has one whole vCPU."""

_MONTH_SECONDS: Final = 30 * 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """US dollars in us-east-1, first tier, without the free tier; as AWS's public price pages had them in May 2026."""

    lambda_request: float = 0.20e-6
    lambda_gb_second: Mapping[Architecture, float]
    api_request: Mapping[Door, float]
    log_gb: float = 0.50
    log_masked_gb: float = 0.12
    log_gb_month: float = 0.03
    metric_month: float = 0.30
    alarm_month: float = 0.10
    """Of each metric that an alarm reads, by a query too."""
    composite_alarm_month: float = 0.50
    secret_month: float = 0.40
    secret_read: float = 5e-6
    key_month: float = 1.00
    appconfig_received: float = 0.0008
    waf_request: float = 0.60e-6
    waf_month: float = 6.00
    """Of a web ACL with one rule."""
    table_write: float = 0.625e-6
    table_read: float = 0.125e-6
    snapshot_gb_second: float = 0.0000015046
    restored_gb: float = 0.0001397998


PRICES: Final = Prices(
    lambda_gb_second={"arm64": 0.0000133334, "x86_64": 0.0000166667},
    api_request={"HTTP API": 1.00e-6, "REST API": 3.50e-6},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumed:
    """Assumptions about your deployment: change them, and run the script again.

    `upstream_seconds` is what STS and ECR take together. `cold_share` is the part of exchanges that start an
    environment, each of which receives the policy once from AppConfig. Lambda writes three lines of its own for each
    request, and the gateway one access line. CloudWatch bills the storage of logs compressed. Metrics are those of any
    deployment (5 of time, 7 faults, 11 reasons, 7 of failures), and those of each issuer. `environments` are in use all
    the time, and read the brake; a run of the refresher, and one of the probe, takes `run_seconds`.
    """

    memory_megabytes: int = 512
    upstream_seconds: float = 0.07
    cold_share: float = 0.02
    platform_log_bytes: int = 420
    access_log_bytes: int = 420
    log_compression: float = 0.15
    metrics: int = 30
    metrics_by_issuer: int = 4
    environments: int = 5
    run_seconds: float = 1.0
    run_megabytes: int = 256
    run_log_bytes: int = 700
    """Of the refresher for an issuer, and of the probe."""
    key_set_kilobytes: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Of one exchange and one start, in the sandbox: processor time on a whole core, and what is logged."""

    exchange_seconds: float
    start_seconds: float
    log_bytes: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One line of the bill for a million exchanges."""

    name: str
    dollars: float


def measure(folder: Path, *, exchanges: int = 300) -> Measured:
    """Return what an exchange takes, by the difference between a service that made some and one that made none."""
    with Backends(folder) as backends:
        idle_seconds, idle_bytes = _run(backends, folder / "idle.log", 1)
        busy_seconds, busy_bytes = _run(backends, folder / "busy.log", 1 + exchanges)
    return Measured(
        exchange_seconds=(busy_seconds - idle_seconds) / exchanges,
        start_seconds=idle_seconds,
        log_bytes=(busy_bytes - idle_bytes) / exchanges,
    )


def _run(backends: Backends, log: Path, exchanges: int) -> tuple[float, int]:
    """Return the processor seconds of a service that makes so many exchanges, and the bytes it logs."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with log.open("wb") as output, Service(backends.environment(), output=output) as service:
        address = urlsplit(service.url).netloc
        for _ in range(exchanges):
            token = backends.issuer.mint("github-actions", audience=backends.audience)
            connection = HTTPConnection(address, timeout=30)
            connection.request("POST", "/v1/token?registry=apps", headers={"Authorization": f"Bearer {token}"})
            answer = connection.getresponse()
            body = answer.read()
            connection.close()
            assert answer.status == 200, body  # noqa: PLR2004 - what cost is a login's
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, log.stat().st_size


def bill(
    measured: Measured, assumed: Assumed, prices: Prices, *, architecture: Architecture, door: Door, snap_start: bool
) -> tuple[Item, ...]:
    """Return what a million exchanges cost, by item. A snapshot is charged by the month, as if all were in one."""
    gigabytes = assumed.memory_megabytes / 1024
    share_of_processor = min(1.0, assumed.memory_megabytes / _FULL_PROCESSOR_MEGABYTES)
    warm_seconds = measured.exchange_seconds / share_of_processor + assumed.upstream_seconds
    starts = EXCHANGES * assumed.cold_share
    per_gb_second = prices.lambda_gb_second[architecture]
    log_gb = EXCHANGES * (measured.log_bytes + assumed.platform_log_bytes + assumed.access_log_bytes) / 1e9
    started = (
        starts * gigabytes * prices.restored_gb + _MONTH_SECONDS * gigabytes * prices.snapshot_gb_second
        if snap_start
        else starts * measured.start_seconds / share_of_processor * gigabytes * per_gb_second
    )
    kept_gb = log_gb * assumed.log_compression
    waf = prices.waf_request if door == "REST API" else 0.0
    return (
        Item(name=door, dollars=EXCHANGES * (prices.api_request[door] + waf)),
        Item(name="Lambda, requests", dollars=EXCHANGES * prices.lambda_request),
        Item(name="Lambda, exchanges", dollars=EXCHANGES * warm_seconds * gigabytes * per_gb_second),
        Item(name="Lambda, restores and a snapshot" if snap_start else "Lambda, cold starts", dollars=started),
        Item(name="logs, written", dollars=log_gb * prices.log_gb),
        Item(name="logs, masked", dollars=log_gb * prices.log_masked_gb),
        Item(name="logs, kept for 400 days", dollars=kept_gb * prices.log_gb_month * 400 / 30),
    )


ISSUERS: Final = (5, 50, 500)


RUNS: Final = _MONTH_SECONDS // 300
"""Of the refresher and of the probe, in a month."""
_BRAKE_SECONDS: Final = 5
_STATE_TASKS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarms:
    """What the template's alarms are billed by: metrics that they read, queries over all issuers, composite alarms."""

    metrics: int
    queries: int
    composites: int


def alarms() -> Alarms:
    """Return what the template's alarms are billed by."""
    template = (_ROOT / "template.yaml").read_text("utf-8")
    return Alarms(
        metrics=len(re.findall(r"^ +Namespace: ", template, re.MULTILINE)) + _STATE_TASKS,
        queries=template.count('FROM SCHEMA("TokenExchange", ${Dimensions})'),
        composites=template.count("Type: AWS::CloudWatch::CompositeAlarm"),
    )


def monthly(
    assumed: Assumed, prices: Prices, *, issuers: int, architecture: Architecture = "arm64"
) -> tuple[Item, ...]:
    """Return what a month costs whatever the number of exchanges."""
    billed = alarms()
    run = (
        prices.lambda_request
        + assumed.run_seconds * assumed.run_megabytes / 1024 * prices.lambda_gb_second[architecture]
    )
    line = assumed.run_log_bytes / 1e9 * prices.log_gb
    written = assumed.key_set_kilobytes * prices.table_write
    asked = 3 * (prices.api_request["HTTP API"] + prices.lambda_request) + prices.secret_read
    reads = assumed.environments * _MONTH_SECONDS / _BRAKE_SECONDS
    return (
        Item(name="metrics", dollars=(assumed.metrics + assumed.metrics_by_issuer * issuers) * prices.metric_month),
        Item(
            name="alarms",
            dollars=(billed.metrics + billed.queries * issuers) * prices.alarm_month
            + billed.composites * prices.composite_alarm_month,
        ),
        Item(name="the refresher of key sets", dollars=RUNS * (run + issuers * (written + line))),
        Item(name="reads of the brake", dollars=reads * prices.table_read),
        Item(name="the probe, with `ProbeSecretArn`", dollars=prices.secret_month + RUNS * (run + asked + line)),
        Item(name="a key, with `KmsKeyArn`", dollars=prices.key_month),
        Item(name="WAF, with `Door=rest`", dollars=prices.waf_month),
    )


def monthly_table(assumed: Assumed, prices: Prices) -> str:
    """Return the costs of a month for each number of issuers, in Markdown."""
    columns = [monthly(assumed, prices, issuers=issuers) for issuers in ISSUERS]
    return report.table(
        ["a month", *(f"{issuers} issuers" for issuers in ISSUERS)],
        ([item.name, *(f"${items[place].dollars:.2f}" for items in columns)] for place, item in enumerate(columns[0])),
    )


def table(measured: Measured, *, assumed: Assumed | None = None, prices: Prices = PRICES) -> str:
    """Return the bill for each way to deploy, in Markdown."""
    using = assumed or Assumed()
    ways: list[tuple[str, Architecture, Door, bool]] = [
        ("arm64", "arm64", "HTTP API", False),
        ("x86_64", "x86_64", "HTTP API", False),
        ("arm64, SnapStart", "arm64", "HTTP API", True),
        ("x86_64, SnapStart", "x86_64", "HTTP API", True),
        ("arm64, REST API with WAF", "arm64", "REST API", False),
    ]
    bills = [
        bill(measured, using, prices, architecture=architecture, door=door, snap_start=snap_start)
        for _, architecture, door, snap_start in ways
    ]
    said = (
        f"Measured: {measured.exchange_seconds * 1e3:.1f} ms of processor time per exchange, "
        f"{measured.start_seconds * 1e3:.0f} ms per start, {measured.log_bytes:,.0f} bytes of log lines per exchange."
    )
    names = ["the API", "Lambda, requests", "Lambda, exchanges", "Lambda, starts", "logs, written"]
    names += ["logs, masked", "logs, kept for 400 days"]
    rows = [[name, *(f"${items[place].dollars:.2f}" for items in bills)] for place, name in enumerate(names)]
    rows.append(["**total**", *(f"**${sum(item.dollars for item in items):.2f}**" for items in bills)])
    received = EXCHANGES * using.cold_share * prices.appconfig_received
    for name, dollars in [
        ("the policy received from AppConfig, with `PolicySource=appconfig`", received),
        ("a write per exchange, for grants with `single_use`", EXCHANGES * prices.table_write),
        ("a write per exchange, for each of the `budgets`", EXCHANGES * prices.table_write),
    ]:
        rows.append([name, *[f"${dollars:.2f}"] * len(ways)])
    million = report.table(["a million exchanges", *(name for name, *_ in ways)], rows)
    return f"{said}\n\n{million}\n\n{monthly_table(using, prices)}"


def main() -> None:
    """Measure, and write the bill into the page."""
    with tempfile.TemporaryDirectory() as folder:
        report.rewrite(PAGE, table(measure(Path(folder))))
    print(f"written into {PAGE.name}")


if __name__ == "__main__":
    main()
