from dataclasses import replace

import pytest

from bench.cost import (
    PAGE,
    PRICES,
    Alarms,
    Architecture,
    Assumed,
    Door,
    Measured,
    alarms,
    bill,
    measure,
    monthly,
    table,
)
from tests.deploy.cloudformation import load, mapping, sequence

USED = Measured(exchange_seconds=0.004, start_seconds=0.3, log_bytes=3000)
WHOLE_CORE = Assumed(memory_megabytes=1769, upstream_seconds=0.096, cold_share=0.5)


def dollars(
    measured: Measured = USED,
    assumed: Assumed = WHOLE_CORE,
    *,
    architecture: Architecture = "arm64",
    door: Door = "HTTP API",
    snap_start: bool = False,
) -> dict[str, float]:
    items = bill(measured, assumed, PRICES, architecture=architecture, door=door, snap_start=snap_start)
    return {item.name: item.dollars for item in items}


def test_the_arithmetic_is_that_of_the_price_pages() -> None:
    gigabytes = 1769 / 1024
    assert dollars() == pytest.approx(
        {
            "HTTP API": 1.00,
            "Lambda, requests": 0.20,
            "Lambda, exchanges": 1e6 * 0.1 * gigabytes * 0.0000133334,
            "Lambda, cold starts": 5e5 * 0.3 * gigabytes * 0.0000133334,
            "logs, written": 3.84 * 0.50,
            "logs, masked": 3.84 * 0.12,
            "logs, kept for 400 days": 3.84 * 0.15 * 0.03 * 400 / 30,
        }
    )


def test_alarms_are_billed_by_what_they_read() -> None:
    kinds = {"AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"}
    found = [mapping(each) for each in mapping(load("template.yaml"), "Resources").values()]
    properties = [mapping(each, "Properties") for each in found if each["Type"] in kinds]
    read = [
        sequence(each, "Metrics") if "Metrics" in each else [each] for each in properties if "AlarmRule" not in each
    ]
    stats = [each for every in read for each in every if "MetricStat" in mapping(each) or "MetricName" in mapping(each)]
    queries = [each for every in read for each in every if "SELECT" in str(mapping(each).get("Expression", ""))]
    of_tasks = [each for each in queries if "deployment, task" in str(each)]
    assert alarms() == Alarms(
        metrics=len(stats) + 3 * len(of_tasks),
        queries=len(queries) - len(of_tasks),
        composites=len([each for each in properties if "AlarmRule" in each]),
    )
    assert (len(of_tasks), len(read)) == (1, len(properties) - alarms().composites)


def test_issuers_cost_metrics_and_what_alarms_read_of_them() -> None:
    found = alarms()
    few, many = (
        {item.name: item.dollars for item in monthly(Assumed(), PRICES, issuers=issuers)} for issuers in (5, 6)
    )
    expected = (found.metrics + 5 * found.queries) * 0.10 + found.composites * 0.50
    assert (few["metrics"], few["alarms"]) == pytest.approx((50 * 0.30, expected))
    assert many["metrics"] - few["metrics"] == pytest.approx(4 * 0.30)
    assert many["alarms"] - few["alarms"] == pytest.approx(found.queries * 0.10)
    # Every five minutes a fetch, and a write of two kilobytes with its lines.
    fetched = 8640 * (2 * 0.625e-6 + 700e-9 * 0.50)
    assert many["the refresher of key sets"] - few["the refresher of key sets"] == pytest.approx(fetched)


def test_what_runs_all_the_time_costs_less_than_the_alarms() -> None:
    items = {item.name: item.dollars for item in monthly(Assumed(), PRICES, issuers=5)}
    assert items["reads of the brake"] == pytest.approx(5 * 518_400 * 0.125e-6)
    assert 0.40 < items["the probe, with `ProbeSecretArn`"] < 0.60
    assert items["the refresher of key sets"] + items["reads of the brake"] < items["alarms"]


def test_waf_charges_for_the_rest_api_only() -> None:
    assert dollars(door="REST API")["REST API"] == pytest.approx(3.50 + 0.60)


def test_less_memory_means_less_processor_but_waiting_is_billed() -> None:
    half = dollars(assumed=replace(WHOLE_CORE, memory_megabytes=1769 // 2, upstream_seconds=0.0))
    whole = dollars(assumed=replace(WHOLE_CORE, upstream_seconds=0.0))
    assert half["Lambda, exchanges"] == pytest.approx(whole["Lambda, exchanges"], rel=0.001)
    waiting = dollars(assumed=replace(WHOLE_CORE, memory_megabytes=1769 // 2))
    assert waiting["Lambda, exchanges"] > half["Lambda, exchanges"] * 10


def test_snap_start_charges_snapshot_and_restores_only() -> None:
    items = dollars(snap_start=True)
    gigabytes = 1769 / 1024
    snapshot = 30 * 24 * 3600 * gigabytes * 0.0000015046
    assert "Lambda, cold starts" not in items
    assert items["Lambda, restores and a snapshot"] == pytest.approx(5e5 * gigabytes * 0.0001397998 + snapshot)


def test_more_processor_time_never_costs_less() -> None:
    slower = replace(USED, exchange_seconds=0.008)
    assert dollars(slower)["Lambda, exchanges"] > dollars()["Lambda, exchanges"]


def test_an_exchange_is_measured(tmp_path_factory: pytest.TempPathFactory) -> None:
    measured = measure(tmp_path_factory.mktemp("cost"), exchanges=5)
    assert measured.start_seconds > 0
    assert 1000 < measured.log_bytes < 10_000
    assert "| **total** |" in table(measured)


def test_the_page_has_a_bill() -> None:
    assert "| **total** |" in PAGE.read_text()
