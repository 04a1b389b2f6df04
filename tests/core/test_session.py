import json
import re

import pytest

from tests.core.decisions import reach, terms
from tests.doubles import grant, policy_text
from tests.fake_clock import NOW
from tests.fake_issuer import AUDIENCE, ISSUER
from token_exchange.core.decision import AccessRequest, Granted, decide
from token_exchange.core.evaluate import Caller
from token_exchange.core.identity import identify
from token_exchange.core.ports import Json
from token_exchange.core.session import BoundedSession, bounded_session
from token_exchange.loading.load import load_policy

REQUEST_ID = "0a1b2c3d-4e5f-6789-abcd-ef0123456789"


def bounded(fields: dict[str, object] | None = None, claims: dict[str, Json] | None = None) -> BoundedSession:
    """Return the session of one grant with `fields`, for a caller with `claims`."""
    one = {**grant(), **(fields or {})}
    policy = load_policy(policy_text([one]).encode(), name="policy.yaml", read_file=None)
    issuer = policy.issuers["ci"]
    everything: dict[str, Json] = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "project:shop",
        "organization": "acme",
        "repository": "shop",
        **(claims or {}),
    }
    now = NOW + 0.9
    caller = Caller(issuer=issuer, identity=identify(issuer.preset, everything), claims=everything, now=now)
    decision = decide(policy, caller, AccessRequest())
    assert isinstance(decision, Granted)
    (award,) = decision.awards
    return bounded_session(award, terms(award.grant), reach(award), caller, request_id=REQUEST_ID, now=now)


@pytest.mark.parametrize(
    ("duration", "seconds", "session_seconds"),
    [("1m", 60, 900), ("15m", 900, 900), ("30m", 1800, 1800), ("1h", 3600, 3600), ("12h", 43200, 3600)],
)
def test_the_policy_ends_on_time_and_the_session_at_aws_limits(
    duration: str, seconds: int, session_seconds: int
) -> None:
    session = bounded({"duration": duration})
    assert session.bounded_until - session.made_at == seconds
    assert session.made_at == int(NOW)  # the second of its making, never a later one
    assert session.request.duration_seconds == session_seconds


def test_the_standard_tags_omit_absent_names() -> None:
    assert bounded(claims={"run_id": "5", "ref": "refs/heads/main"}).request.tags == {
        "issuer": "ci",
        "organization": "acme",
        "repository": "shop",
        "ref": "refs/heads/main",
        "run_id": "5",
        "grant": "own",
    }


def test_long_values_are_cut_to_half_of_stss_limit() -> None:
    value = bounded(claims={"environment": "e" * 500}).request.tags["environment"]
    assert len(value) == 128
    assert value.startswith("e" * 111 + "-")


@pytest.mark.parametrize(
    ("fields", "tags"),
    [
        ({"session_tags": False}, {}),
        ({"session_tags": {"team": "x-{repository}"}}, {"team": "x-shop"}),
        ({"session_tags": {"team": "{actor}"}}, {"team": "ada-lovelace-d9"}),
    ],
)
def test_a_grant_may_choose_its_tags(fields: dict[str, object], tags: dict[str, str]) -> None:
    assert bounded(fields, {"actor": "ada-lovelace-d9"}).request.tags == tags


@pytest.mark.parametrize(
    ("fields", "claims", "expected"),
    [
        ({}, {}, "shop"),
        ({"source_identity": False}, {}, None),
        ({"source_identity": "ci-{repository}"}, {}, "ci-shop"),
        ({"repositories": ["x1"]}, {"repository": None, "pipeline_id": "77"}, "77"),
        ({"repositories": ["x1"]}, {"repository": None, "actor": "ada"}, "ada"),
        # Nothing but a subject: its colon is not in the alphabet.
        ({"repositories": ["x1"]}, {"repository": None}, "project-shop-"),
    ],
)
def test_the_source_identity_names_the_caller(
    fields: dict[str, object], claims: dict[str, Json], expected: str | None
) -> None:
    found = bounded(fields, claims).request.source_identity
    if expected is not None and expected.endswith("-"):
        assert found is not None
        assert found.startswith(expected)
    else:
        assert found == expected


def test_the_request_names_role_external_id_and_policy() -> None:
    request = bounded({"external_id": "acme:1"}).request
    assert (request.role_arn, request.external_id) == ("arn:aws:iam::111122223333:role/own", "acme:1")
    assert json.loads(request.session_policy)["Version"] == "2012-10-17"
    assert len(request.policy_sha256) == 64


def test_tags_of_a_mapping_are_fitted_too() -> None:
    session = bounded({"session_tags": {"who": "{repository}(1)"}})
    assert re.fullmatch("shop-1--[0-9a-f]{16}", session.request.tags["who"])


def test_a_value_with_braces_is_not_a_template() -> None:
    session = bounded(
        {"session_tags": {"who": "{actor}/x", "fixed": "x"}, "source_identity": "{run_id}"},
        claims={"actor": "{run_id}", "run_id": "70"},
    )
    # Neither brace is in the alphabet of a tag.
    assert re.fullmatch(r"-run_id-/x-[0-9a-f]{16}", session.request.tags["who"])
    assert session.request.tags["fixed"] == "x"
    assert session.request.source_identity == "70"


def test_a_grant_may_leave_tags_and_source_identity_out() -> None:
    request = bounded({"session_tags": False, "source_identity": False}).request
    assert (request.tags, request.source_identity) == ({}, None)
