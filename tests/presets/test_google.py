import json

import pytest

from tests.ci_jobs import job_claims
from tests.loading.documents import document, grant, load
from tests.presets.checks import check_bad_setting, check_refused
from token_exchange.core.identity import identify
from token_exchange.core.ports import Json
from token_exchange.core.refusals import Reason
from token_exchange.core.trust import Discovered
from token_exchange.issuer_keys.origins import read_jwks_uri
from token_exchange.presets.catalog import provider_named

PROVIDER = provider_named("google")
PRESET = PROVIDER.preset({}, None)


def vocabulary(scenario: str | None = None, **changes: Json) -> dict[str, str | bool]:
    return dict(identify(PRESET, job_claims("google", scenario, **changes)).vocabulary)


def test_a_job() -> None:
    assert vocabulary() == {
        "organization": "acme-builds",
        "actor": "shop-images@acme-builds.iam.gserviceaccount.com",
        "actor_id": "104455667788990011223",
    }


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        # Google's own account of a project: a service account, whose project is not in its address
        ({"email": "5100-compute@developer.gserviceaccount.com"}, {"organization": None}),
        ({"email": "acme-builds@appspot.gserviceaccount.com"}, {"organization": None}),
        # what an instance says of itself is no part of who it is
        ({"google": {"compute_engine": {"project_id": "stranger"}}}, {"organization": "acme-builds"}),
    ],
)
def test_shapes_of_tokens(changes: dict[str, Json], expected: dict[str, str | None]) -> None:
    found = vocabulary(None, **changes)
    assert {name: found.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    ("scenario", "changes", "reason", "claim"),
    [
        ("person", {}, Reason.INVALID_CLAIM, "email"),
        (None, {"email": "ada@gmail.com"}, Reason.INVALID_CLAIM, "email"),
        (None, {"email": "x@acme-builds.iam.gserviceaccount.com.evil.example"}, Reason.INVALID_CLAIM, "email"),
        (None, {"email": "x@evilgserviceaccount.com"}, Reason.INVALID_CLAIM, "email"),
        (None, {"email": None}, Reason.MISSING_CLAIM, "email"),
        (None, {"email_verified": False}, Reason.INVALID_CLAIM, "email_verified"),
        (None, {"email_verified": "true"}, Reason.INVALID_CLAIM, "email_verified"),
        (None, {"email_verified": None}, Reason.MISSING_CLAIM, "email_verified"),
    ],
)
def test_tokens_that_are_not_a_jobs_are_refused(
    scenario: str | None, changes: dict[str, Json], reason: Reason, claim: str
) -> None:
    check_refused(PRESET, job_claims("google", scenario, **changes), reason, claim)


@pytest.mark.parametrize(
    "issuer",
    [
        "https://accounts.google.com/",
        "http://accounts.google.com",
        "https://accounts.google.com.evil.example",
        "https://x.example",
    ],
)
def test_there_is_one_issuer(issuer: str) -> None:
    check_bad_setting(PROVIDER, {}, issuer, "issuer")
    assert PROVIDER.preset({}, None).issuer == "https://accounts.google.com"


def test_its_keys_lie_on_another_host_of_googles() -> None:
    issuer: Json = {
        "provider": "google",
        "audience": "https://exchange.acme.example",
        "organizations": [{"name": "acme-builds"}],
    }
    found = load(document(grant(issuers=["google"]), issuers={"google": issuer}))
    keys = found.issuers["google"].trust.keys
    assert keys == Discovered(keys_host="www.googleapis.com")
    discovery = {"issuer": PRESET.issuer, "jwks_uri": "https://www.googleapis.com/oauth2/v3/certs"}
    read = read_jwks_uri(json.dumps(discovery).encode(), issuer=PRESET.issuer, keys_host=keys.keys_host)
    assert read == discovery["jwks_uri"]


def test_preset_values() -> None:
    assert PRESET.keys_host == "www.googleapis.com"
    assert PRESET.algorithms == ("RS256",)
    assert "repository" not in PRESET.vocabulary
