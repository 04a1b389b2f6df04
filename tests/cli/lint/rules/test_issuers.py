"""Entries that trust more than they seem to."""

import pytest

from tests.cli.lint.lint import check, codes, lint
from tests.cli.lint.policies import (
    AZURE,
    BITRISE,
    CIRCLECI_VARIABLE,
    of,
    policy,
)
from tests.loading.documents import Document, changed, grant
from token_exchange.core.ports import Json

BY_NAME: Json = {**BITRISE, "organizations": [{"name": "a90b3c7d15e2f846"}]}
CASES: list[tuple[str, str, Document, Document]] = [
    # a code, where, a policy with it, and one that only looks like it
    (
        "organization-without-id", "issuers.github.organizations[0]",
        policy(github__organizations=[{"name": "nordlicht"}]),
        # only its administrators give names there
        policy(gitlab__organizations=[{"name": "werft"}], gitlab__issuer="https://gitlab.nordlicht.example"),
    ),
    # also where every grant requires an id: one that is added later may not
    (
        "organization-without-id", "issuers.github.organizations[0]",
        policy(grant(match={"repository_id": "7"}), github__organizations=[{"name": "nordlicht"}]),
        policy(github__organizations=[{"name": "replace-me"}]),
    ),
    (
        "shared-audience", "issuers.github.audience",
        policy(github__audience="https://github.com/nordlicht", github__shared_audience=True),
        policy(github__audience="https://github.com.nordlicht.example"),
    ),
    (
        "shared-audience", "issuers.gitlab.audience",
        policy(gitlab__audience="sts.amazonaws.com", gitlab__shared_audience=True),
        policy(gitlab__shared_audience=True),
    ),
    (
        "shared-audience", "issuers.azure.audience",
        changed(policy(), "issuers.azure", AZURE),
        policy(),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("code", "where", "dangerous", "careful"), CASES)
def test_risk_is_found_and_safe_variant_is_not(code: str, where: str, dangerous: Document, careful: Document) -> None:
    check(code, where, dangerous, careful)


def test_name_that_is_the_id_needs_no_id() -> None:
    assert codes(of(BY_NAME, match={"pipeline_id": "a"})) == []


def test_no_advice_to_use_a_jobs_only_token_once() -> None:
    found = lint(policy(grant(issuers=["circleci"]), circleci=CIRCLECI_VARIABLE))
    (finding,) = [one for one in found if one.code == "shared-audience"]
    assert finding.suggestion == "use your own audience"


@pytest.mark.parametrize(
    ("grants", "suggestion"),
    [
        ([grant(issuers=["azure"])], "set single_use on reader"),
        (
            [grant(issuers=["azure"], name=name, repositories=[f"{name}/*"]) for name in "abcde"],
            "set single_use on a, b, c and 2 more",
        ),
        (
            [grant(issuers=["azure"], single_use=True)],
            "this CI system has no other; keep max_lifetime short, and give these jobs little access",
        ),
    ],
)
def test_no_advice_to_change_a_fixed_audience(grants: list[Document], suggestion: str) -> None:
    (finding,) = lint(changed(policy(*grants), "issuers.azure", AZURE))
    assert finding.suggestion == suggestion
