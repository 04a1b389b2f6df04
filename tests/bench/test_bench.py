"""The benchmarks run and report every figure. No test asserts a duration."""

import math
import re
import subprocess
import sys

import pytest

from bench import report

ROW = re.compile(r"^\| (?P<figure>[^|]+) \| (?P<value>\S+)(?: (?:ms|µs|MB))? \|", re.MULTILINE)

FIGURES = {
    "warm exchange / bare calls",
    "the same exchange, by the least times",
    "warm exchange",
    "bare boto3 calls",
    "start / boto3 and two clients",
    "the same, by the least times",
    "the same, by the least processor times",
    "by the least processor times, with the policy in YAML",
    "start",
    "boto3 and two clients",
    "an interpreter that does nothing",
    "import of botocore",
    "import of token_exchange",
    "policy and clients",
    "decision among 1,000 grants / among 10",
    "decision among 100 grants / among 10",
    "decision among 10 grants",
    "refusal among 1,000 grants",
    "loading 1,000 grants from JSON",
    "loading 1,000 grants from YAML",
    "first decision among 1,000 compiled grants / among 10",
    "the same first decision, by the least processor times",
    "a new policy of 1,000 compiled grants",
    "a new policy of 1,000 grants in JSON",
    "compiling 1,000 grants",
    "jobs with a login, this service",
    "99 % of the jobs within, this service / the usual way",
    "bad token / exchange, processor time",
    "memory after the flood / before",
    "honest exchange in the flood",
    "verification / jwt.decode",
    "refusing noise / verification",
    "refusing another issuer's / verification",
    "refusing a forged signature / verification",
    "verification",
    "first key, from the table / from the issuer",
    "a cached key",
    "first key, from the issuer",
    "first key, from the table",
    "fetches for 10,000 invented keys in 100 s",
    "requests of 600 that wait for a hanging issuer",
    "fetches by 1,000 cold environments, no refresher",
    "this service / bare calls",
    "a session for each request / bare calls",
    "a client for each request / bare calls",
    "clients kept, PyJWKClient and pydantic / bare calls",
    "noise / exchange",
    "denied / exchange",
    "verify / check of the signature",
    "decide / check of the signature",
    "down-scope / check of the signature",
    "audit / check of the signature",
    "costliest body / exchange",
    "costliest form / exchange",
    "costliest query / exchange",
    "costliest claims / exchange",
    "costliest query, user agent and body in one request / exchange",
    "costliest key set / exchange",
    "costliest policy in YAML, twice as long / once",
    "exchange, processor time",
    "after 100 exchanges / after 10",
    "a cold environment",
    "a warm one, at its peak",
    "fetches by 1,000 cold environments, after a run of it",
}
ZERO = "fetches by 1,000 cold environments, after a run of it"


@pytest.mark.longest
def test_a_quick_run_reports_every_figure() -> None:
    """One test, since a quick run takes a quarter of a minute and each test process would make its own."""
    command = [sys.executable, "-m", "bench", "--quick"]
    output = subprocess.run(command, cwd=report.PAGE.parent.parent, capture_output=True, text=True, check=True).stdout
    rows = {row["figure"]: row["value"] for row in ROW.finditer(output)}
    values = {name: float(value) for name, value in rows.items() if name not in {"figure", "---"}}
    assert FIGURES - values.keys() == set()
    assert [name for name in FIGURES - {ZERO} if not (math.isfinite(values[name]) and values[name] > 0)] == []
    assert values["fetches by 1,000 cold environments, no refresher"] == 1000
    assert values[ZERO] == 0
    assert values["memory after the flood / before"] < 1.05
    assert values["honest jobs without a login"] == 0
    assert values["jobs without a login, this service"] == 0
