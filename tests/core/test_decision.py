"""The order of a decision: names, grants, report mode, triggers."""

import pytest

from tests.ci_claims import github_claims, gitlab_claims
from tests.core.decisions import decided, denied, granted, names, nearest, reach, wants, winners
from tests.loading.documents import Document, changed, document, grant
from token_exchange.core.decision import MAX_REGISTRIES
from token_exchange.core.ports import Json
from token_exchange.core.refusals import Reason


def test_names_are_looked_up_before_grants() -> None:
    unmatched = document(grant(match={"branch": "other"}))
    refusal = denied(decided(unmatched, registries=("nowhere",), grant_name="nobody"), Reason.UNKNOWN_REGISTRY)
    assert refusal.description == "no registry has the name or host 'nowhere'"
    refusal = denied(decided(unmatched, registries=("apps",), grant_name="nobody"), Reason.UNKNOWN_GRANT)
    assert refusal.description == "no grant has the name 'nobody'"
    hostile = denied(decided(unmatched, registries=("a\x1b]0;\x07" * 99,)), Reason.UNKNOWN_REGISTRY)
    assert hostile.description.isprintable()
    assert len(hostile.description) < 500


def test_names_come_before_triggers() -> None:
    outsider = github_claims(event_name="issue_comment")
    denied(decided(document(), outsider, registries=("nowhere",)), Reason.UNKNOWN_REGISTRY)
    denied(decided(document(), outsider, grant_name="nobody"), Reason.UNKNOWN_GRANT)


@pytest.mark.parametrize("name", ["apps", "210987654321.dkr.ecr.eu-central-1.amazonaws.com"])
def test_a_registry_by_its_name_or_host(name: str) -> None:
    assert winners(decided(document(), registries=(name,))) == ["reader"]
    assert winners(decided(document(), registries=(name, "apps"))) == ["reader"]


def test_if_one_named_registry_is_not_granted_none_is() -> None:
    denied(decided(document(), registries=("apps", "base")), Reason.NO_MATCHING_GRANT)


def test_awards_are_in_the_requested_order() -> None:
    found = document(grant(), grant(name="second", registry="base"))
    assert winners(decided(found)) == ["reader", "second"]
    assert winners(decided(found, registries=("base", "apps"))) == ["second", "reader"]


def test_the_first_grant_that_matches_wins_for_each_registry() -> None:
    found = document(
        grant(name="a", match={"branch": "other"}),
        grant(name="b", registry="base"),
        grant(name="c"),
        grant(name="d", access="push"),
        grant(name="e", registry="base", access="push"),
    )
    decision = granted(decided(found))
    assert [(award.registry.name, award.grant.name) for award in decision.awards] == [("base", "b"), ("apps", "c")]
    assert decision.would == ()


def test_a_caller_may_name_any_grant_that_matches_him() -> None:
    found = document(grant(name="a"), grant(name="b", access="push"), grant(name="c", match={"branch": "other"}))
    assert winners(decided(found, grant_name="b")) == ["b"]
    denied(decided(found, grant_name="c"), Reason.NO_MATCHING_GRANT)
    assert names(nearest(found, grant_name="c").own) == ["c"]
    denied(decided(found, grant_name="b", registries=("base",)), Reason.NO_MATCHING_GRANT)


def test_grants_of_another_issuer_do_not_exist_for_the_caller() -> None:
    found = document(grant(issuers=["gitlab"]), grant(name="b", match={"branch": "other"}))
    denied(decided(found), Reason.NO_MATCHING_GRANT)
    assert names(nearest(found).nearest) == ["b"]
    assert nearest(found).others == 0
    denied(decided(found, grant_name="reader"), Reason.NO_MATCHING_GRANT)


def test_more_registries_than_fit_into_an_answer() -> None:
    def with_registries(count: int) -> Document:
        regions = [f"eu-west-{n}" for n in range(1, count + 1)]
        registries: Json = {region: {"type": "ecr", "account": "210987654321", "region": region} for region in regions}
        return document(*(grant(name=f"g-{region}", registry=region) for region in regions), registries=registries)

    assert len(winners(decided(with_registries(MAX_REGISTRIES)))) == MAX_REGISTRIES
    refusal = denied(decided(with_registries(MAX_REGISTRIES + 1)), Reason.AMBIGUOUS_REGISTRY)
    assert "eu-west-11" in refusal.description
    assert winners(decided(with_registries(12), registries=("eu-west-12",))) == ["g-eu-west-12"]


def test_a_grant_in_report_mode_never_wins() -> None:
    found = document(grant(name="trial", mode="report", access="push"), grant(name="real"))
    decision = granted(decided(found))
    assert [award.grant.name for award in decision.awards] == ["real"]
    assert [(would.grant.name, reach(would).access) for would in decision.would] == [("trial", "push")]


def test_where_only_report_mode_matches() -> None:
    found = document(grant(mode="report"))
    refusal = denied(decided(found), Reason.NO_MATCHING_GRANT)
    assert "report mode" in refusal.description
    assert [would.grant.name for would in refusal.would] == ["reader"]
    assert refusal.in_report_mode
    assert [failed.rule for failed in nearest(found).own[0].failed] == ["mode"]


def test_an_issuer_in_report_mode_grants_nothing() -> None:
    found = changed(document(grant(), grant(name="second", registry="base")), "issuers.github.mode", "report")
    refusal = denied(decided(found), Reason.NO_MATCHING_GRANT)
    assert [would.grant.name for would in refusal.would] == ["reader", "second"]
    assert refusal.in_report_mode
    nothing = denied(decided(found, scope=wants("elsewhere/x")), Reason.NO_MATCHING_GRANT)
    # Also who would have got nothing is told why he can get nothing here.
    assert (nothing.would, nothing.in_report_mode) == ((), True)


def test_a_report_grant_that_does_not_match_would_grant_nothing() -> None:
    refusal = denied(decided(document(grant(mode="report", match={"branch": "other"}))), Reason.NO_MATCHING_GRANT)
    assert (refusal.would, refusal.in_report_mode) == ((), False)


@pytest.mark.parametrize(
    ("now", "counts"),
    [(1_800_057_599.0, True), (1_800_057_599.999, True), (1_800_057_600.0, False), (2_000_000_000.0, False)],
)
def test_a_grant_counts_to_the_last_second_of_its_last_day(now: float, counts: bool) -> None:  # noqa: FBT001 - a table's column
    found = document(grant(expires="2027-01-15"))
    decision = decided(found, now=now)
    if counts:
        assert winners(decision) == ["reader"]
    else:
        denied(decision, Reason.NO_MATCHING_GRANT)
        (own,) = nearest(found, now=now).own
        assert [(failed.rule, failed.expected) for failed in own.failed] == [("expires", "2027-01-15")]


def test_only_grants_that_say_so_are_for_runs_of_outsiders() -> None:
    outsider = github_claims(event_name="pull_request_target")
    refusal = denied(decided(document(), outsider), Reason.UNTRUSTED_TRIGGER)
    assert "pull_request_target" in refusal.description
    (reader,) = nearest(document(), outsider).nearest
    assert (reader.grant.name, reader.failed[0].rule) == ("reader", "allow_untrusted_triggers")

    found = document(grant(access="push"), grant(name="open", allow_untrusted_triggers=True))
    assert winners(decided(found, outsider)) == ["open"]
    assert winners(decided(found)) == ["reader"]


def test_an_open_grant_has_conditions_too() -> None:
    outsider = github_claims(event_name="workflow_run")
    found = document(grant(allow_untrusted_triggers=True, match={"branch": "other"}))
    denied(decided(found, outsider), Reason.UNTRUSTED_TRIGGER)
    beyond = document(grant(allow_untrusted_triggers=True))
    denied(decided(beyond, outsider, scope=wants("elsewhere/x")), Reason.UNTRUSTED_TRIGGER)
    reported = document(grant(allow_untrusted_triggers=True, mode="report"))
    denied(decided(reported, outsider), Reason.UNTRUSTED_TRIGGER)


def test_a_forks_merge_request_gets_nothing() -> None:
    found = document(grant(issuers=["gitlab"]))
    fork = gitlab_claims(
        project_id="999", project_path="werft/fork", job_project_id="5150", pipeline_source="merge_request_event"
    )
    denied(decided(found, fork, issuer="gitlab"), Reason.UNTRUSTED_TRIGGER)
    denied(decided(found, gitlab_claims(job_project_id=None), issuer="gitlab"), Reason.UNTRUSTED_TRIGGER)


@pytest.mark.parametrize("host", ["docker.io", "index.docker.io", "registry-1.docker.io"])
@pytest.mark.parametrize("asked", ["docker.io", "index.docker.io", "registry-1.docker.io", "hub"])
def test_docker_hub_is_one_registry_by_all_its_names(host: str, asked: str) -> None:
    arn = "arn:aws:secretsmanager:eu-central-1:210987654321:secret:hub-AbCdEf"
    stored: Document = {"name": "hub-login", "issuers": ["github"], "registry": "hub"}
    policy = document(stored, registries={"hub": {"type": "secret", "host": host, "secret_arn": arn}})
    assert winners(decided(policy, registries=(asked,))) == ["hub-login"]
