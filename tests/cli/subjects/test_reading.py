"""What each system's `sub` says, and what it admits besides."""

import pytest

from token_exchange_cli.subjects.catalog import SUBJECTS
from token_exchange_cli.subjects.iam_patterns import value_of

ORGANIZATION = "84b1f7e2-60c9-4d35-9a1e-2f7c05d8b463"
PROJECT = "d3907c5e-1ab8-4f26-8e74-b95a60c2f1d7"


@pytest.mark.parametrize(
    ("provider", "sub", "says", "danger"),
    [
        ("bitrise", "app:a1:workflow:deploy", {"pipeline_id": "a1", "workflow": "deploy"}, "admits every branch"),
        ("bitrise", "app:a1:workflow:*", {"pipeline_id": "a1"}, "admits every branch"),
        ("bitrise", "app:*", None, ""),
        (
            "buildkite",
            "organization:acme:pipeline:shop:ref:refs/heads/main:commit:*",
            {"of organization": "acme", "pipeline": "shop", "branch": "main"},
            "",
        ),
        (
            "buildkite",
            "organization:acme:pipeline:shop:ref:refs/tags/v*:*",
            {"of organization": "acme", "pipeline": "shop", "tag": "v**"},
            "",
        ),
        ("buildkite", "organization:acme:pipeline:*", None, ""),
        ("buildkite", "organization:acme:pipeline:*:*", {"of organization": "acme"}, "admits every branch and tag"),
        ("buildkite", "organization:*:pipeline:shop:*", None, ""),
        (
            "circleci",
            f"org/{ORGANIZATION}/project/{PROJECT}/user/*",
            {"of organization_id": ORGANIZATION, "pipeline_id": PROJECT},
            "",
        ),
        (
            "circleci",
            f"org/{ORGANIZATION}/project/*/user/*",
            {"of organization_id": ORGANIZATION},
            "admits every project of the organization",
        ),
        (
            "circleci",
            f"org/{ORGANIZATION}/project/{PROJECT}/user/*/vcs-origin/github.com/acme/shop/vcs-ref/refs/heads/main",
            {"of organization_id": ORGANIZATION, "pipeline_id": PROJECT, "repository": "acme/shop", "branch": "main"},
            "",
        ),
        (
            "circleci",
            f"org/{ORGANIZATION}/project/*/user/*/vcs-origin/github.com/acme/shop/vcs-ref/refs/tags/v*",
            {"of organization_id": ORGANIZATION, "repository": "acme/shop", "tag": "v**"},
            "",
        ),
        (
            "circleci",
            f"org/{ORGANIZATION}/project/*/user/*/vcs-origin/github.com/acme/shop/vcs-ref/refs/pull/*",
            {"of organization_id": ORGANIZATION, "repository": "acme/shop"},
            "admits runs with an untrusted trigger",
        ),
        (
            "circleci",
            f"org/{ORGANIZATION}/project/*/user/*/vcs-origin/github.com/acme/shop/vcs-ref/x",
            {"of organization_id": ORGANIZATION, "repository": "acme/shop"},
            "",
        ),
        ("circleci", "org/*", None, ""),
        ("codefresh", "account:64f0:pipeline:77:initiator:x", {"of organization_id": "64f0", "pipeline_id": "77"}, ""),
        ("codefresh", "account:*:pipeline:7", None, ""),
        ("gitlab", "project_id:7:ref_type:branch:ref:main", {"repository_id": "7", "branch": "main"}, ""),
        ("gitlab", "project_id:*", None, ""),
        (
            "gitlab",
            "project_path:acme/*:ref_type:branch:ref:main",
            {"of organization": "acme", "repository": "acme/**", "branch": "main"},
            "admits every project below acme",
        ),
        ("gitlab", "project_path:*/shop:*", {}, "also admits runs of other organizations"),
        ("gitlab", "project_path:acme/shop", {"of organization": "acme", "repository": "acme/shop"}, "admits no run"),
        (
            "gitlab",
            "project_path:acme/shop*:ref_type:tag:ref:v1",
            {"of organization": "acme", "repository": "acme/shop**", "tag": "v1"},
            "admits each project whose path fits",
        ),
        ("gitlab", "group:x", None, ""),
        (
            "hcp-terraform",
            "organization:acme:project:p:workspace:w:run_phase:plan",
            {"of organization": "acme", "pipeline": "w"},
            "admits plans",
        ),
        (
            "hcp-terraform",
            "organization:acme:project:p:workspace:*:run_phase:apply",
            {"of organization": "acme"},
            "admits every workspace",
        ),
        ("hcp-terraform", "x", None, ""),
        (
            "vela",
            "repo:acme/shop:ref:refs/heads/main:event:push",
            {"of organization": "acme", "repository": "acme/shop", "ref": "refs/heads/main", "event": "push"},
            "",
        ),
        ("vela", "repo:acme/shop:*", {"of organization": "acme", "repository": "acme/shop"}, "admits every branch"),
        ("vela", "x", None, ""),
        ("github-actions", "repository_owner:acme", {"of organization": "acme", "organization": "acme"}, ""),
        ("github-actions", "repository_owner_id:7", {"of organization_id": "7", "organization_id": "7"}, ""),
        ("github-actions", "repository_id:7", {"repository_id": "7"}, ""),
        ("github-actions", "repo:acme/shop", {"of organization": "acme", "repository": "acme/shop"}, "admits no run"),
        ("github-actions", "repo:acme", {}, "admits no run"),
        ("github-actions", "repo:*", {}, "also admits runs of other organizations"),
        ("github-actions", "nonsense", None, ""),
    ],
)
def test_conditions_read_from_a_sub(provider: str, sub: str, says: dict[str, str] | None, danger: str) -> None:
    read = SUBJECTS[provider].read
    assert read is not None
    found = read(value_of(sub, takes_wildcards=True))
    if says is None:
        assert found is None
        return
    assert found is not None
    whose = {"of organization": found.organization, "of organization_id": found.organization_id}
    match = {name: value.glob if value.is_pattern else value.text for name, value in found.match.items()}
    assert {**{name: value for name, value in whose.items() if value is not None}, **match} == says
    assert [one[: len(danger)] for one in found.dangers] == ([danger] if danger else [])
