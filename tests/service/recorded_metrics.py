"""What the handlers really write: every outcome is produced once, by a real request."""

import io
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout, suppress
from functools import partial
from pathlib import Path
from typing import Final

import pytest
from botocore.retries.standard import ExponentialBackoff

from probe import probe
from probe.doors import ProbeFailed
from sandbox.aws.server import AwsFault
from sandbox.backends import Backends
from sandbox.issuer import IssuerFault
from sandbox.loopback import listen
from tests.local_dynamodb import TABLE, local_dynamodb
from tests.service.front import Answer, Front
from tests.service.probed import probed_service
from tests.service.simulated_days import Lines, Recorded
from token_exchange import refresher
from token_exchange.service import start

type Ask = Callable[[Front], Answer]


def failing(front: Front, operation: str, fault: AwsFault, query: str) -> Answer:
    front.backends.aws.faults.plan(operation, fault)
    try:
        return front.send(front.token(environment="once"), query)
    finally:
        front.backends.aws.faults.clear()


OUTCOMES: Final[Mapping[str, tuple[str, Ask]]] = {
    "granted": ("", lambda front: front.send(front.token(), "registry=apps")),
    "two-logins": ("", lambda front: front.send(front.token())),
    "no-grant": ("no-matching-grant", lambda front: front.send(front.token("push-feature"), "registry=apps")),
    "other-organization": ("organization-not-allowed", lambda front: front.send(front.token("other-organization"))),
    "expired": ("expired", lambda front: front.send(front.token(now=1_700_000_000))),
    "bad-scope": ("malformed-scope", lambda front: front.send(front.token(), "scope=everything")),
    "no-token": ("missing-token", lambda front: front.send()),
    "forged": ("malformed-token", lambda front: front.send("a.b.c")),
    "unknown-key": ("unknown-key", lambda front: front.send(front.token(header={"kid": "nobodys"}))),
    "claim-missing": ("missing-claim", lambda front: front.send(front.token(without=["repository_id"]))),
    "no-role": ("role-refused", lambda front: front.send(front.token(environment="broken"), "registry=broken")),
    "throttled": (
        "aws-throttled",
        lambda front: failing(front, "sts:AssumeRole", AwsFault(kind="throttle"), "registry=apps"),
    ),
    "no-state": (
        "state-unavailable",
        lambda front: failing(front, "dynamodb:PutItem", AwsFault(kind="access-denied"), "registry=once"),
    ),
}
"""The reason of each outcome, and how to get it."""


def written(do: Callable[[], object]) -> Lines:
    output = io.StringIO()
    with redirect_stdout(output):
        do()
    return [line for line in output.getvalue().splitlines() if '"_aws"' in line]


def outcome_of(front: Front, reason: str, ask: Ask) -> Lines:
    found: list[Answer] = []
    lines = written(lambda: found.append(ask(front)))
    assert (found[0].reason if reason else found[0].status) == (reason or 200), found
    return lines


def record(backends: Backends, environment: Mapping[str, str], folder: Path) -> Recorded:
    """Return what the handlers write for each outcome; `folder` is empty."""
    begin = partial(start, str(Path(__file__)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ExponentialBackoff, "delay_amount", lambda *_: 0.0)
        for name, value in {**environment, "TOKEN_EXCHANGE_DEPLOYMENT": "exchange"}.items():
            patch.setenv(name, value)
        front = Front(backends, begin())
        front.send(front.token(), "registry=apps")
        outcomes = {name: outcome_of(front, reason, ask) for name, (reason, ask) in OUTCOMES.items()}
        # The credentials of the backends are the exchange's, which may not write key sets.
        not_sharing = written(lambda: refresher.start(str(Path(__file__)))({}, None))
        patch.setenv("TOKEN_EXCHANGE_BRAKE_TABLE", backends.aws.state.brake_name)
        backends.aws.state.brake["brake"] = {"pk": {"S": "brake"}}
        bad_brake = written(begin)
        backends.aws.state.brake.clear()
        broken = folder / "policy.yaml"
        broken.write_text("version: 2")
        patch.setenv("TOKEN_EXCHANGE_POLICY", f"file:{broken}")
        bad_policy = written(begin)
    good, failing_run = recorded_refresher(backends, environment)
    probe, probe_failing = recorded_probe(backends, environment)
    return Recorded(
        outcomes=outcomes,
        refresher=good,
        refresher_failing=failing_run,
        refresher_not_sharing=not_sharing,
        probe=probe,
        probe_failing=probe_failing,
        bad_policy=bad_policy,
        bad_brake=bad_brake,
    )


def recorded_refresher(backends: Backends, environment: Mapping[str, str]) -> tuple[Lines, Lines]:
    """Return what a good run of the refresher writes, and one while the issuers are down."""
    with pytest.MonkeyPatch.context() as patch, local_dynamodb() as database:
        of_table = {"TOKEN_EXCHANGE_STATE_TABLE": TABLE, "AWS_ENDPOINT_URL_DYNAMODB": database.url}
        for name, value in {**environment, **of_table, "TOKEN_EXCHANGE_DEPLOYMENT": "exchange"}.items():
            patch.setenv(name, value)
        database.clear()
        refresh = refresher.start(str(Path(__file__)))
        good = written(lambda: refresh({}, None))
        for provider in ("github-actions", "generic"):
            backends.issuer.faults.plan((provider, "keys"), IssuerFault(kind="server-error"))
        try:
            return good, written(lambda: refresh({}, None))
        finally:
            backends.issuer.faults.clear()


def recorded_probe(backends: Backends, environment: Mapping[str, str]) -> tuple[Lines, Lines]:
    """Return what the probe writes about a service that answers, and about an address at which no one does."""
    with pytest.MonkeyPatch.context() as patch, probed_service(backends, environment) as settings:
        for name, value in {**settings, "TOKEN_EXCHANGE_DEPLOYMENT": "exchange"}.items():
            patch.setenv(name, value)
        good = written(lambda: probe.start()({}, None))
        with listen(0) as closed:
            port = closed.getsockname()[1]
        patch.setenv("TOKEN_EXCHANGE_URL", f"http://127.0.0.1:{port}")
        output = io.StringIO()
        with redirect_stdout(output), suppress(ProbeFailed):
            probe.start()({}, None)
        return good, [line for line in output.getvalue().splitlines() if '"_aws"' in line]
