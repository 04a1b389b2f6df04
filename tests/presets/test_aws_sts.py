import pytest

from tests.ci_claims import AWS_ISSUER, STS, aws_claims
from tests.presets.checks import check_bad_setting
from token_exchange.core.identity import identify
from token_exchange.core.ports import Json
from token_exchange.core.refusals import Reason, Refused
from token_exchange.presets.catalog import providers

PROVIDER = providers()["aws-sts"]
PRESET = PROVIDER.preset({}, AWS_ISSUER)
AFTER = ".tokens.sts.global.api.aws"


def refusal(claims: dict[str, Json]) -> Refused:
    with pytest.raises(Refused) as refused:
        identify(PRESET, claims)
    return refused.value


def test_a_role() -> None:
    role = "arn:aws:iam::320987654321:role/builds/ruder-ship"
    found = identify(PRESET, aws_claims())
    assert found.vocabulary == {
        "organization": "o-9z8y7x6w5v",
        "organization_id": "320987654321",
        "actor": role,
        "actor_id": role,
    }
    assert found.untrusted_trigger is None


@pytest.mark.parametrize("value", [None, ""])
def test_an_account_outside_of_any_organization(value: Json) -> None:
    assert "organization" not in identify(PRESET, aws_claims({"org_id": value})).vocabulary
    # empty text is kept out too where it really is in the token
    claims = aws_claims()
    claims[STS] = {"aws_account": "320987654321", "org_id": value}
    assert "organization" not in identify(PRESET, claims).vocabulary


def test_claims_that_the_caller_writes_prove_nothing() -> None:
    tags: Json = {"aws_account": "1", "org_id": "o-evil"}
    assert identify(PRESET, aws_claims({"request_tags": tags, "principal_tags": tags})) == identify(
        PRESET, aws_claims()
    )
    # the names of the nested claims mean nothing elsewhere
    assert identify(PRESET, aws_claims(aws_account="1", org_id="o-evil")) == identify(PRESET, aws_claims())


@pytest.mark.parametrize("value", [None, "", [], {}, "320987654321", ["aws_account"], {"org_id": "o-9z8y7x6w5v"}, 7])
def test_a_token_without_the_account(value: Json) -> None:
    assert refusal({**aws_claims(), STS: value}).reason is Reason.MISSING_CLAIM


def test_a_nested_claim_of_another_type_is_refused(subtests: pytest.Subtests) -> None:
    values: list[Json] = [320987654321, True, ["320987654321"], {"a": "b"}, 1.5]
    for value in values:
        for claim in ["aws_account", "org_id", "ou_path", "source_region"]:
            with subtests.test(claim=claim, value=value):
                refused = refusal(aws_claims({claim: value}))
                assert refused.reason is Reason.INVALID_CLAIM
                assert f"{STS} → {claim}" in refused.description


@pytest.mark.parametrize(
    "issuer",
    [
        None,
        f"{AWS_ISSUER}/",
        f"{AWS_ISSUER}:443",
        f"{AWS_ISSUER}.evil.example",
        AWS_ISSUER.replace("https", "http"),
        AWS_ISSUER.upper(),
        "https://tokens.sts.global.api.aws",
        "https://.tokens.sts.global.api.aws",
        "https://a.b.tokens.sts.global.api.aws",
        "https://evil.example/x.tokens.sts.global.api.aws",
        "https://-.tokens.sts.global.api.aws",
        "https://*.tokens.sts.global.api.aws",
        "https://sts.amazonaws.com",
        *(f"https://a{wrong}.tokens.sts.global.api.aws" for wrong in ("-", "~", "_", "é", "A")),
        *(f"https://{wrong}a.tokens.sts.global.api.aws" for wrong in ("-", "~", "_", "é", "A")),
        *(f"https://a{wrong}a.tokens.sts.global.api.aws" for wrong in ("~", "_", "é", "A")),
        f"https://{'a' * 64}.tokens.sts.global.api.aws",
        # each dot is a dot
        *(f"https://a{AFTER[:at]}x{AFTER[at + 1 :]}" for at, one in enumerate(AFTER) if one == "."),
    ],
)
def test_an_issuer_that_is_not_an_accounts_is_refused(issuer: str | None) -> None:
    check_bad_setting(PROVIDER, {}, issuer, "issuer")


@pytest.mark.parametrize("name", ["a", "0", "a-0", "a" * 63, "abc-def-xyz"])
def test_an_issuer_that_could_be_an_accounts(name: str) -> None:
    assert PROVIDER.preset({}, f"https://{name}{AFTER}").issuer == f"https://{name}{AFTER}"


def test_preset_values() -> None:
    assert PRESET.issuer == AWS_ISSUER
    assert PRESET.required == {(STS, "aws_account")}
    assert (PRESET.algorithms, PRESET.max_lifetime_seconds) == (("RS256", "ES384"), 3600)
    assert PRESET.declared == {(STS, "request_tags")}
    assert PRESET.minted == "on-request"
