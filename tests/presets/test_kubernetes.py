import pytest

from tests.ci_jobs import issuer_of, job_claims
from tests.presets.checks import check_bad_setting
from token_exchange.core.identity import identify
from token_exchange.core.ports import Json
from token_exchange.core.refusals import Reason, Refused
from token_exchange.presets.catalog import provider_named

PROVIDER = provider_named("kubernetes")
PRESET = PROVIDER.preset({}, issuer_of("kubernetes"))


def vocabulary(scenario: str | None = None, **changes: Json) -> dict[str, str | bool]:
    return dict(identify(PRESET, job_claims("kubernetes", scenario, **changes)).vocabulary)


def test_a_job() -> None:
    assert vocabulary() == {
        "organization": "shop-ci",
        "run_id": "50ae91f7-c3d2-4b08-8e6f-27d4b9c0e513",
        "actor": "system:serviceaccount:shop-ci:images",
        "actor_id": "a83d1f5e-6072-4c9b-b5e4-f90c27d8a136",
    }


def test_a_token_that_was_made_for_no_pod() -> None:
    assert vocabulary("no-pod").keys() == {"organization", "actor", "actor_id"}


ACCOUNT: Json = {"name": "images", "uid": "x"}


@pytest.mark.parametrize(
    ("within", "reason", "claim"),
    [
        (None, Reason.MISSING_CLAIM, "kubernetes.io \u2192 namespace"),
        ({"serviceaccount": ACCOUNT}, Reason.MISSING_CLAIM, "kubernetes.io \u2192 namespace"),
        ({"namespace": "shop-ci"}, Reason.MISSING_CLAIM, "kubernetes.io \u2192 serviceaccount \u2192 name"),
        (
            {"namespace": "shop-ci", "serviceaccount": {"name": "images"}},
            Reason.MISSING_CLAIM,
            "kubernetes.io \u2192 serviceaccount \u2192 uid",
        ),
        ({"namespace": ["shop-ci"], "serviceaccount": ACCOUNT}, Reason.INVALID_CLAIM, "kubernetes.io \u2192 namespace"),
        (["shop-ci"], Reason.MISSING_CLAIM, "kubernetes.io \u2192 namespace"),
        ("shop-ci", Reason.MISSING_CLAIM, "kubernetes.io \u2192 namespace"),
    ],
)
def test_tokens_that_are_not_a_service_accounts_are_refused(within: Json, reason: Reason, claim: str) -> None:
    claims = {**job_claims("kubernetes"), "kubernetes.io": within}
    with pytest.raises(Refused) as refused:
        identify(PRESET, claims)
    assert refused.value.reason is reason
    assert f"claim {claim}:" in refused.value.description


@pytest.mark.parametrize("issuer", [None, "", "kubernetes", "https://", "http://cluster.acme.example"])
def test_issuers_that_it_cannot_have(issuer: str | None) -> None:
    check_bad_setting(PROVIDER, {}, issuer, "issuer")


@pytest.mark.parametrize(
    "issuer",
    [
        "https://oidc.eks.eu-west-1.amazonaws.com/id/5C0FFEE5C0FFEE5C0FFEE5C0FFEE5C0F",
        "https://container.googleapis.com/v1/projects/acme/locations/europe-west1/clusters/ci",
        # with its last slash
        "https://westeurope.oic.prod-aks.azure.com/0f1e2d3c-4b5a-4697-8879-6a5b4c3d2e1f/x/",
        "https://kubernetes.acme.internal:6443",
    ],
)
def test_a_clusters_issuer_is_unchanged(issuer: str) -> None:
    assert PROVIDER.preset({}, issuer).issuer == issuer


def test_preset_values() -> None:
    assert PRESET.algorithms == ("RS256", "ES256")
    assert PRESET.shared_audience(PRESET.issuer)
    assert PRESET.shared_audience("https://kubernetes.default.svc.cluster.local")
    assert PRESET.minted == "once-per-job"
