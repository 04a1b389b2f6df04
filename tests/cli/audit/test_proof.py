"""The proof of a narrower policy: what it refuses is either to be refused, or breaks the change."""

import json
from collections.abc import Sequence

import pytest

from tests.ci_claims import github_claims
from tests.cli.commands.test_policy_diff import OLD, line
from tests.loading.documents import Document, changed, load
from token_exchange.core.ports import Json
from token_exchange_cli.audit.tighten.proof import Proof, prove, unwanted

NARROWER = changed(OLD, "grants[0].match", {"branch": "main", "event": "push"})
NIGHTLY = github_claims(event_name="schedule")


def proven(after: Document, *records: dict[str, Json] | bytes, without: Sequence[str] = ()) -> Proof:
    texts = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in records]
    return prove(load(OLD), load(after), texts, is_unwanted=unwanted(without))


def test_a_policy_that_grants_the_same_breaks_nothing() -> None:
    proof = proven(OLD, line(), line(NIGHTLY))
    assert (proof.tally.looked_at, proof.refused, proof.broken, proof.narrowed) == (2, [], [], 0)


def test_a_refused_exchange_breaks_the_proof_and_names_its_grant() -> None:
    proof = proven(NARROWER, line(request_id="1"), line(NIGHTLY, request_id="2"))
    assert (proof.broken, proof.refused, proof.grants) == (["2"], [], {"main"})


@pytest.mark.parametrize("name", ["2", "schedule", "nordlicht"])
def test_an_excluded_exchange_may_be_refused(name: str) -> None:
    identity: Json = {"organization": "nordlicht", "event": "schedule"}
    proof = proven(NARROWER, line(NIGHTLY, request_id="2", identity=identity), without=["other", name])
    assert (proof.broken, proof.refused, proof.grants) == ([], ["2"], set())


def test_a_line_without_an_identity_is_to_be_kept() -> None:
    assert unwanted(["nordlicht"])({"request_id": "2", "identity": "nordlicht"}) is False


def test_an_exchange_refused_before_breaks_nothing() -> None:
    refused = line(github_claims(ref="refs/heads/x"), decision="denied", reason="no-matching-grant", grants=None)
    assert proven(NARROWER, refused).broken == []


def test_a_smaller_login_is_counted_as_narrowed() -> None:
    proof = proven(changed(OLD, "grants[0].duration", "15m"), line())
    assert (proof.broken, proof.narrowed) == ([], 0)
    proof = proven(changed(OLD, "grants[0].repositories", ["base/small"]), line())
    assert (proof.broken, proof.narrowed) == ([], 1)


def test_a_line_that_is_cut_is_counted_and_not_decided() -> None:
    proof = proven(NARROWER, b'{"record": "audit", "decision": "gran', line())
    assert (proof.tally.looked_at, proof.tally.skipped["unreadable"]) == (1, 1)


def test_only_the_first_of_many_are_listed() -> None:
    proof = proven(NARROWER, *(line(NIGHTLY, request_id=str(number)) for number in range(60)))
    assert proof.broken == [str(number) for number in range(50)]
