"""The reach of a login, and a scope that narrows it."""

import pytest

from tests.core.decisions import decided, denied, granted, names, nearest, reach, wants, winners
from tests.loading.documents import Document, document, grant
from token_exchange.core.reach import RepositoryScope
from token_exchange.core.refusals import Reason

OWN: Document = {
    "name": "own-images",
    "access": "push",
    "match": {"branch": "main"},
    "repositories": ["ci/{repository}", "ci/{repository}/*"],
    "also_pull": ["base/*"],
}


def test_a_login_reaches_the_callers_own_images() -> None:
    (award,) = granted(decided(document(grant(**OWN)))).awards
    assert award.registry.name == "apps"
    assert reach(award).access == "push"
    assert reach(award).repositories == ("ci/nordlicht/kompass", "ci/nordlicht/kompass/*")
    assert reach(award).also_pull == ("base/*",)
    assert reach(award).scope == (
        "repository:ci/nordlicht/kompass:pull,push repository:ci/nordlicht/kompass/*:pull,push repository:base/*:pull"
    )


SECRET = "arn:aws:secretsmanager:eu-central-1:210987654321:secret:hub-AbCdEf"
OTHERS: Document = {
    "hub": {"type": "secret", "host": "docker.io", "secret_arn": SECRET},
    "public": {"type": "ecr-public", "account": "210987654321"},
}


@pytest.mark.parametrize(
    "other",
    [
        grant(registry="hub", role=None, access=None, repositories=None),
        grant(registry="public", repositories=None),
        grant(registry="public", access="push"),
    ],
)
def test_a_scope_narrows_private_ecr_only(other: Document) -> None:
    found = document(other, registries=OTHERS)
    assert winners(decided(found)) == ["reader"]
    denied(decided(found, scope=wants("base/x")), Reason.SCOPE_EXCEEDS_GRANT)


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        (wants("ci/nordlicht/kompass"), "repository:ci/nordlicht/kompass:pull"),
        (wants("ci/nordlicht/kompass", push=True), "repository:ci/nordlicht/kompass:pull,push"),
        # IAM's star crosses the slash
        (wants("ci/nordlicht/kompass/a/b", push=True), "repository:ci/nordlicht/kompass/a/b:pull,push"),
        (wants("base/deep/er"), "repository:base/deep/er:pull"),
        (
            (*wants("base/x"), *wants("ci/nordlicht/kompass", push=True)),
            "repository:ci/nordlicht/kompass:pull,push repository:base/x:pull",
        ),
        # what is granted for pull only, another caller's, and half of each
        (wants("base/x", push=True), None),
        (wants("ci/nordlicht/other"), None),
        (wants("ci/nordlicht/kompass2"), None),
        ((*wants("ci/nordlicht/kompass"), *wants("ci/nordlicht/other")), None),
        ((*wants("ci/nordlicht/kompass", push=True), *wants("base/x", push=True)), None),
    ],
)
def test_a_scope_narrows_and_is_never_reduced(scope: tuple[RepositoryScope, ...], expected: str | None) -> None:
    found = document(grant(**OWN, also=["list"]))
    decision = decided(found, scope=scope, registries=("apps",))
    if expected is None:
        denied(decision, Reason.SCOPE_EXCEEDS_GRANT)
        (own,) = nearest(found, scope=scope, registries=("apps",)).own
        assert [failed.rule for failed in own.failed] == ["scope"]
    else:
        (award,) = granted(decision).awards
        assert reach(award).scope == expected
        assert not reach(award).also.list


def test_a_pull_grant_covers_no_push() -> None:
    denied(decided(document(), scope=wants("base/x", push=True)), Reason.SCOPE_EXCEEDS_GRANT)


def test_the_first_grant_that_covers_wins() -> None:
    found = document(grant(name="narrow", repositories=["base/a"]), grant(name="wide", repositories=["base/*"]))
    assert winners(decided(found)) == ["narrow"]
    decision = granted(decided(found, scope=wants("base/b")))
    assert [award.grant.name for award in decision.awards] == ["wide"]
    assert names(decision.tried) == ["narrow"]


def test_ten_of_the_grants_tried_before_the_winner_are_recorded() -> None:
    narrow = [grant(name=f"narrow-{n}", repositories=[f"base/{n}"]) for n in range(12)]
    decision = granted(decided(document(*narrow, grant(name="wide")), scope=wants("base/x")))
    assert names(decision.tried) == [f"narrow-{n}" for n in range(10)]
    assert [award.grant.name for award in decision.awards] == ["wide"]


def test_a_scope_held_only_by_an_unmatched_grant_is_denied() -> None:
    found = document(grant(match={"branch": "other"}))
    denied(decided(found, scope=wants("elsewhere/x")), Reason.NO_MATCHING_GRANT)


def test_a_scope_is_for_one_registry() -> None:
    found = document(grant(), grant(name="second", registry="base"))
    refusal = denied(decided(found, scope=wants("base/x")), Reason.AMBIGUOUS_REGISTRY)
    assert refusal.description == "a scope needs exactly one registry, of: apps, base"
    assert winners(decided(found, scope=wants("base/x"), registries=("base",))) == ["second"]
    named = denied(decided(found, scope=wants("base/x"), registries=("base", "apps")), Reason.AMBIGUOUS_REGISTRY)
    assert named.description == "a scope needs exactly one registry, found 2"
    host = "210987654321.dkr.ecr.us-east-1.amazonaws.com"
    assert winners(decided(found, scope=wants("base/x"), registries=("base", host))) == ["second"]
