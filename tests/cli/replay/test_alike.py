"""Records that are decided alike: remembering them changes no answer."""

import copy
import json
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ci_claims import NOON, github_claims, gitlab_claims
from tests.cli.diff.test_named_grants import ci_runs, policy_changes
from tests.cli.replay.test_replay import recorded
from tests.loading.documents import Document, document, grant, load
from token_exchange.core.policy import Policy
from token_exchange.core.ports import Json
from token_exchange_cli.replay.alike import Alike
from token_exchange_cli.replay.replay import Replay

_POLICY = load(document(grant(match={"branch": "main"})))


def _record(policy: Policy = _POLICY, **claims: Json) -> dict[str, Json]:
    return recorded(policy, "github", github_claims(**claims))


def _keys(policy: Policy, *records: Mapping[str, Json]) -> list[bytes | None]:
    alike = Alike((policy, policy))
    return [alike.key(record) for record in records]


def test_runs_of_one_pipeline_are_alike() -> None:
    later = int(NOON) + 86_400
    first = {
        **_record(iat=later - 999, exp=later - 699),
        "request_id": "1",
        "timestamp": "2027-01-15T12:00:00.000+00:00",
    }
    second = {
        **_record(run_id="77", run_number="3", sha="ab" * 20, iat=later, exp=later + 300),
        "request_id": "2",
        "timestamp": "2027-01-16T12:00:00.000+00:00",
        "source_ip": "203.0.113.9",
    }
    one, other = _keys(_POLICY, first, second)
    assert one == other is not None


@pytest.mark.parametrize(
    "change",
    [
        {"claims": {"ref": "refs/heads/dev"}},
        {"claims": {"event_name": "pull_request"}},
        {"claims": {"sub": "repo:other/x:ref:refs/heads/main"}},
        # of another type, or cut
        {"claims": {"run_number": 57}},
        {"claims": {"run_id": "x" * 256 + "…[9 more]"}},
        {"claims": {"ref_protected": True}},
        # a longer life
        {"claims": {"exp": 1_900_000_000}},
        {"identity": {"repository": "nordlicht/other"}},
        {"decision": "granted"},
        {"asked": {"registries": ["apps"]}},
        {"grants": [{"grant": "x", "registry": "apps"}]},
        {"considered": []},
        {"policy_sha256": "0" * 64},
        {"claims_left_out": 1},
        {"a_field_of_tomorrow": 1},
    ],
)
def test_values_that_can_change_an_outcome_are_unlike(change: Mapping[str, Json]) -> None:
    record = _record()
    changed: dict[str, Json] = copy.deepcopy(record)
    for name, value in change.items():
        before = changed.get(name)
        changed[name] = {**before, **value} if isinstance(before, dict) and isinstance(value, dict) else value
    one, other = _keys(_POLICY, record, changed)
    assert None is not one != other is not None


@pytest.mark.parametrize(
    ("policy", "claim"),
    [
        (grant(match={"run_id": "77"}), "run_id"),
        (grant(claims={"run_number": "77"}), "run_number"),
        (grant(repositories=["ci/{sha}"]), "sha"),
        (grant(session_tags={"run": "{run_id}"}), "run_id"),
        (grant(claims={"exp": 1_800_003_600}), "exp"),
    ],
)
def test_values_in_conditions_are_unlike(policy: Document, claim: str) -> None:
    loaded = load(document(policy))
    value: Json = 1_800_003_601 if claim == "exp" else "78"
    one, other = _keys(loaded, _record(loaded), _record(loaded, **{claim: value}))
    assert one != other


def test_claims_of_a_trigger_rule_are_unlike() -> None:
    policy = load(document(grant(issuers=["gitlab"])))
    alike = Alike((policy, policy))
    record = recorded(policy, "gitlab", gitlab_claims())
    assert "job_project_id" in alike.volatile("https://gitlab.com")
    assert alike.notice(record)
    assert "job_project_id" not in alike.volatile("https://gitlab.com")
    assert not alike.notice(record)


def test_records_without_a_time_or_claims_are_never_alike() -> None:
    record = _record()
    times = [{**record, "timestamp": time} for time in ("yesterday", "2026-11-20T12:00:00")]
    assert _keys(_POLICY, *times, {**record, "claims": []}, {}) == [None] * 4


@given(
    change=policy_changes(),
    runs=st.lists(ci_runs(), min_size=1, max_size=5),
    numbers=st.lists(st.sampled_from(["7", "8", "", "x" * 256 + "…[1 more]"]), min_size=1, max_size=3),
)
def test_remembering_changes_no_answer(
    change: tuple[Policy, Policy], runs: list[Mapping[str, Json]], numbers: list[str]
) -> None:
    before, after = change
    records = [
        recorded(before, "github", {**run, "run_id": number, "sha": number}, request_id=json.dumps(number))
        for run in runs
        for number in numbers
    ]
    together = Replay(before, after)
    alone = [Replay(before, after) for _ in records]
    assert [together.difference(0, record) for record in records] == [
        replay.difference(0, record) for replay, record in zip(alone, records, strict=True)
    ]
    assert together.tally.looked_at == sum(replay.tally.looked_at for replay in alone)
    assert together.tally.undecidable.total() == sum(replay.tally.undecidable.total() for replay in alone)
