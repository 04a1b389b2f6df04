"""Patterns that match more, or less, than they seem to."""

import pytest

from tests.cli.lint.lint import check, codes
from tests.cli.lint.policies import (
    BITBUCKET,
    BITRISE,
    CLUSTER,
    JENKINS,
    SPACELIFT,
    of,
    policy,
    push,
)
from tests.loading.documents import Document, grant
from token_exchange.core.ports import Json

CASES: list[tuple[str, str, Document, Document]] = [
    # a code, where, a policy with it, and one that only looks like it
    (
        "matches-everything", "grants[0].match.branch",
        policy(push(match={"branch": {"like": "**"}, "ref_protected": True})),
        policy(push(match={"branch": {"like": "r*"}, "ref_protected": True})),
    ),
    (
        "crosses-organizations", "grants[0].match.repository",
        policy(grant(match={"repository": {"like": "nordlicht*/x"}, "repository_id": "7"})),
        policy(grant(match={"repository": {"like": "nordlicht/*"}, "repository_id": "7"})),
    ),
    (
        "crosses-organizations", "grants[0].claims.job_workflow_ref",
        policy(grant(claims={"job_workflow_ref": {"like": "**/release.yml@refs/tags/*"}})),
        policy(grant(claims={"job_workflow_ref": {"like": "nordlicht/ci/.github/workflows/*@refs/tags/*"}})),
    ),
    (
        "crosses-organizations", "grants[0].claims.sub",
        policy(grant(claims={"sub": {"like": "repo:*/kompass:**"}})),
        policy(grant(claims={"sub": {"like": "repo:nordlicht/*:**"}})),
    ),
    (
        "crosses-organizations", "grants[0].match.workflow_ref",
        policy(grant(issuers=["gitlab"], match={"workflow_ref": {"like": "gitlab.com/**"}})),
        policy(grant(issuers=["gitlab"], match={"workflow_ref": {"like": "gitlab.com/werft/**"}})),
    ),
    (
        "crosses-organizations", "grants[0].match.organization",
        policy(grant(issuers=["gitlab"], match={"organization": {"like": "werft**"}})),
        policy(grant(issuers=["gitlab"], match={"organization": {"like": "werft/**"}})),
    ),
    (
        "crosses-organizations", "grants[0].match.organization",
        policy(grant(match={"organization": {"like": "nord*"}})),
        policy(grant(match={"organization": ["nordlicht", "werft"]})),
    ),
    # what every subject of the CI system has, and no more
    *(
        (
            "matches-everything", "grants[0].claims.sub",
            of(entry, claims={"sub": {"like": wide}}),
            of(entry, claims={"sub": {"like": narrow}}),
        )
        for entry, wide, narrow in (
            (BITBUCKET, "**:**:**", "{2b7e1516-28ae-42a6-abf7-158809cf4f3c}:**"),
            (SPACELIFT, "space:**:stack:**:run_type:**:scope:**", "space:shop:**"),
            (JENKINS, "https://jenkins.acme.example/job/**", "https://jenkins.acme.example/job/shop/**"),
        )
    ),
    (
        "matches-everything", "grants[0].match.pipeline",
        of(JENKINS, match={"pipeline": {"like": "https://jenkins.acme.example/**"}}),
        of(JENKINS, match={"pipeline": {"like": "https://jenkins.acme.example/job/shop/**"}}),
    ),
    (
        "crosses-organizations", "grants[0].claims.sub",
        of(CLUSTER, claims={"sub": {"like": "system:serviceaccount:*:images"}}),
        of(CLUSTER, claims={"sub": {"like": "system:serviceaccount:shop-ci:**"}}),
    ),
    (
        "customised-sub", "grants[0].claims.sub",
        policy(push(claims={"sub": "repo:nordlicht/kompass"})),
        policy(push(claims={"sub": {"like": "repo:nordlicht/kompass:**"}})),
    ),
    (
        "customised-sub", "grants[0].claims.sub",
        policy(grant(issuers=["gitlab"], claims={"sub": {"like": "project_path:werft/boote"}})),
        policy(grant(issuers=["gitlab"], claims={"sub": {"like": "project_path:werft/boot**"}})),
    ),
    *(
        (
            "matches-everything", "grants[0].match.environment",
            policy(grant(match={"environment": {"like": pattern}})),
            policy(grant(match={"environment": {"like": f"p{pattern}"}})),
        )
        for pattern in ("*", "**", "?*", "?**", "*?")
    ),
    (
        "glob-stops-at-slash", "grants[0].match.branch",
        policy(grant(match={"branch": {"not_like": "wild/*"}})),
        policy(grant(match={"branch": {"not_like": "wild/**"}})),
    ),
    (
        "exists-though-empty", "grants[0].claims.head_ref",
        policy(grant(claims={"head_ref": {"exists": True}})),
        policy(grant(claims={"sha": {"exists": True}})),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("code", "where", "dangerous", "careful"), CASES)
def test_risk_is_found_and_safe_variant_is_not(code: str, where: str, dangerous: Document, careful: Document) -> None:
    check(code, where, dangerous, careful)


def test_single_tenant_issuer_never_crosses_organizations() -> None:
    any_step: Json = {"sub": {"like": "{a7c40000-1111-2222-3333-444455556666}**:**"}}
    assert "crosses-organizations" not in codes(of(BITBUCKET, claims=any_step))
    assert "crosses-organizations" in codes(of(BITRISE, claims=any_step))
