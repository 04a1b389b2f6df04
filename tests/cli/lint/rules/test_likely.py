"""Values that most likely are none."""

import pytest

from tests.cli.lint.lint import check, codes, lint
from tests.cli.lint.policies import AWS, BITBUCKET, of, policy
from tests.loading.documents import Document, changed
from token_exchange.core.ports import Json

ID = "organizations[0].id"


def in_region(region: str) -> Document:
    return changed(policy(), "registries.apps.region", region)


CASES: list[tuple[str, str, Document, Document]] = [
    ("not-an-id", f"issuers.github.{ID}", policy(github__organizations=[{"name": "werft", "id": "werft"}]), policy()),
    # a placeholder is an error of its own
    (
        "not-an-id", f"issuers.github.{ID}",
        policy(github__organizations=[{"name": "werft", "id": "0"}]),
        policy(github__organizations=[{"name": "werft", "id": "replace-me"}]),
    ),
    ("unknown-region", "registries.apps.region", in_region("eu-wset-1"), in_region("eu-west-1")),
    ("unknown-region", "registries.apps.region", in_region("eu-west-9"), in_region("ap-south-2")),
]  # fmt: skip


@pytest.mark.parametrize(("code", "where", "dangerous", "careful"), CASES)
def test_likely_mistake_is_found_and_right_value_is_not(
    code: str, where: str, dangerous: Document, careful: Document
) -> None:
    check(code, where, dangerous, careful)


@pytest.mark.parametrize(("issuer", "bad"), [(AWS, "11112222333"), (BITBUCKET, "nordlicht")])
def test_each_system_has_its_own_ids(issuer: Json, bad: str) -> None:
    assert "not-an-id" not in codes(of(issuer))
    assert "not-an-id" in codes(changed(of(issuer), "issuers.ci.organizations", [{"id": bad}]))


def test_the_nearest_region_is_suggested() -> None:
    (found,) = [one for one in lint(in_region("eu-wset-1")) if one.code == "unknown-region"]
    assert found.suggestion == "did you mean eu-west-1?"
