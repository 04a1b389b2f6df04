"""Audit lines of the real handler, decided again by `policy diff --audit`."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.program import Printed, run
from tests.service.front import Front, Log
from tests.service.policy import REPORT_AUDIENCE
from token_exchange.core.ports import Json


@pytest.fixture
def replay(environment: dict[str, str], tmp_path: Path, log: Callable[[], Log]) -> Callable[..., Printed]:
    """Compare the service's policy with one in which some texts are others, for the lines since the last look."""
    deployed = Path(environment["TOKEN_EXCHANGE_POLICY"].removeprefix("file:"))

    def replayed(*changes: tuple[str, str]) -> Printed:
        text = deployed.read_text()
        for old, new in changes:
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        new_policy = deployed.with_name(f"{tmp_path.name}.yaml")
        new_policy.write_text(text)
        lines = tmp_path / "log.jsonl"
        lines.write_text(log().text)
        return run("policy", "diff", deployed, new_policy, "--audit", lines, "--json", "--exit-code")

    return replayed


def _decisions(done: Printed) -> tuple[Json, list[dict[str, str]]]:
    decisions = done.fields["decisions"]
    assert isinstance(decisions, dict)
    differ = decisions["differ"]
    assert isinstance(differ, list)
    found = [{key: str(value) for key, value in one.items()} for one in differ if isinstance(one, dict)]
    return decisions["looked_at"], found


def test_the_same_policy_repeats_every_decision(front: Front, replay: Callable[..., Printed]) -> None:
    for scenario in ("push-main", "push-feature", "pull-request-target", "leaked-runner", "other-organization"):
        for query in ("", "registry=apps", "registry=apps&scope=repository:ci/acme/shop:pull"):
            front.send(front.token(scenario), query)
    front.send(front.token(), "registry=base&registry=apps")
    front.send(front.token(), "grant=base-images")
    front.send("no.token.atall")
    done = replay()
    assert _decisions(done) == (17, [])
    assert '"unverified": 1' in done.out
    assert '"undecidable": 0' in done.out
    assert done.status == 0


ISSUER_ON_TRIAL = ("    ca_bundle: ca.pem\n    mode: report\n", "    ca_bundle: ca.pem\n")
GRANT_ON_TRIAL = ('    repositories: ["base/*"]\n    mode: report\n', '    repositories: ["base/*"]\n')


def test_a_login_of_report_mode_is_granted_once_enforced(front: Front, replay: Callable[..., Printed]) -> None:
    denied = front.send(front.token(audience=REPORT_AUDIENCE), "registry=apps")
    assert (denied.status, denied.reason) == (403, "no-matching-grant")
    assert front.send(front.token(environment="trial")).status == 200
    done = replay(ISSUER_ON_TRIAL, GRANT_ON_TRIAL)
    looked_at, differ = _decisions(done)
    assert looked_at == 2
    assert [(one["before"], one["after"]) for one in differ] == [("denied", "granted"), ("granted", "granted")]
    of_issuer, of_grant = (str(one["why"]) for one in differ)
    assert "own-images gives apps: repository:ci/acme/shop:pull,push" in of_issuer
    assert "on-trial gives trial: repository:base/*:pull" in of_grant
    assert [change["what"] for change in done.texts("wider")] == [["mode was report, is enforce"]] * 2
    assert done.status == 1


def test_a_newly_refused_run_names_the_failed_condition(front: Front, replay: Callable[..., Printed]) -> None:
    assert front.send(front.token(), "registry=apps").status == 200
    done = replay(("match: {branch: main}", "match: {branch: trunk}"))
    _, differ = _decisions(done)
    (found,) = differ
    assert (found["before"], found["after"]) == ("granted", "denied")
    assert found["why"].startswith("no-matching-grant: the nearest grant is own-images, which requires branch")


def test_a_request_by_name_or_scope_is_replayed_alike(front: Front, replay: Callable[..., Printed]) -> None:
    release = front.token(environment="release")
    assert front.send(release, "grant=release").status == 200
    assert front.send(front.token(), "registry=apps&scope=repository:ci/acme/shop:pull").status == 200
    done = replay(('    match: {repository_id: "70010001", environment: release}', '    match: {repository_id: "1"}'))
    looked_at, differ = _decisions(done)
    assert looked_at == 2
    (found,) = differ
    assert (found["before"], found["after"]) == ("granted", "denied")
    assert "release" in found["why"]
