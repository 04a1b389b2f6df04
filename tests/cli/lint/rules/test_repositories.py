"""Images that another caller can push, too."""

import pytest

from tests.cli.lint.lint import check, codes
from tests.cli.lint.policies import (
    BITBUCKET,
    policy,
    push,
)
from tests.loading.documents import Document, changed, grant

CASES: list[tuple[str, str, Document, Document]] = [
    # a code, where, a policy with it, and one that only looks like it
    (
        "begins-with-a-name", "grants[0].repositories[0]",
        policy(push(repositories=["{repository}"])),
        policy(push(repositories=["{repository_id}/x"])),
    ),
    (
        "pushes-everywhere", "grants[0].repositories[1]",
        policy(push(repositories=["ci/x", "*/x"])),
        policy(grant(repositories=["*"])),
    ),
    *(
        (
            "shared-template", "grants[1].repositories[0]",
            policy(push(repositories=[one]), push(name="two", issuers=["own"], repositories=[other])),
            policy(push(repositories=[one]), push(name="two", issuers=["own"], repositories=[third])),
        )
        for one, other, third in (
            # ids are unique only within one issuer
            ("ci/{repository_id}", "ci/{repository_id}", "ci/own/{repository_id}"),
            ("ci/{repository_id}/*", "ci/{repository_id}/x", "ci/{repository_id}"),
            ("ci/{repository}/*", "ci/{repository}", "ci/{repository_id}"),
            ("ci/{organization}/x", "ci/{repository}", "ci/{organization}/y"),
        )
    ),
    (
        "shared-template", "grants[1].repositories[0]",
        policy(push(), push(name="two", issuers=["own"])),
        policy(push(), push(name="two", issuers=["own"], repositories=["own/{repository}"])),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("code", "where", "dangerous", "careful"), CASES)
def test_risk_is_found_and_safe_variant_is_not(code: str, where: str, dangerous: Document, careful: Document) -> None:
    check(code, where, dangerous, careful)


def test_unforgeable_ids_are_not_shared() -> None:
    found = changed(
        policy(push(repositories=["ci/{repository_id}"]), push(name="two", issuers=["ci"])), "issuers.ci", BITBUCKET
    )
    assert "shared-template" not in codes(changed(found, "grants[1].repositories", ["ci/{repository_id}"]))
