"""A role allows what the session policies of its grants can contain, and nothing more."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cli.roles.made import REPOSITORY, made, may
from tests.loading.documents import document, grant, load
from token_exchange.core.ports import Json
from token_exchange.core.reach import DoesNotFit, pattern_covers, reach_of
from token_exchange.core.session import PUBLIC_PUSH_ACTIONS, PULL_ACTIONS, PUSH_ACTIONS, session_policy
from token_exchange_cli.roles.arns import uncovered
from token_exchange_cli.roles.rights import GrantInUse, permissions

NEVER = ["ecr:DeleteRepository", "ecr:BatchDeleteImage", "ecr:SetRepositoryPolicy", "ecr:TagResource"]
PUSHES = grant(access="push", repositories=["ci/{repository}"], also_pull=["base/*"])


def test_push_covers_pushed_and_pull_covers_all(tmp_path: Path) -> None:
    role = made(tmp_path, PUSHES)
    for action in PUSH_ACTIONS:
        assert may(role, action, f"{REPOSITORY}ci/nordlicht/x")
        assert may(role, action, f"{REPOSITORY}base/x") is (action in PULL_ACTIONS)
    assert may(role, "ecr:GetAuthorizationToken", "*")


@pytest.mark.parametrize("action", [*NEVER, "ecr:ListImages", "ecr:CreateRepository", "signer:SignPayload"])
def test_role_allows_nothing_beyond_its_grants(tmp_path: Path, action: str) -> None:
    role = made(tmp_path, PUSHES)
    assert not any(may(role, action, resource) for resource in ("*", f"{REPOSITORY}ci/nordlicht/x"))


def test_pull_grant_gets_no_push_right(tmp_path: Path) -> None:
    role = made(tmp_path, grant())
    assert may(role, "ecr:BatchGetImage", f"{REPOSITORY}base/x")
    assert not may(role, "ecr:PutImage", f"{REPOSITORY}base/x")


def test_further_rights_cover_only_their_grant(tmp_path: Path) -> None:
    profile = "arn:aws:signer:eu-central-1:210987654321:/signing-profiles/images"
    also: Json = ["list", "import", {"sign": profile}]
    role = made(tmp_path, grant(also=also, also_pull=["other/*"]), grant(name="two", repositories=["two/x"]))
    for action in ("ecr:ListImages", "ecr:BatchImportUpstreamImage", "ecr:CreateRepository"):
        assert may(role, action, f"{REPOSITORY}base/x")
        assert not may(role, action, f"{REPOSITORY}other/x")
        assert not may(role, action, f"{REPOSITORY}two/x")
    assert may(role, "signer:SignPayload", profile)
    assert not may(role, "signer:SignPayload", f"{profile}2")


def test_ecr_public_has_no_repository_to_pull_from(tmp_path: Path) -> None:
    registries: Json = {"public": {"type": "ecr-public", "account": "210987654321"}}
    pull = grant(registry="public", repositories=None)
    push = grant(registry="public", access="push", repositories=["nordlicht/{repository}"])
    repository = "arn:aws:ecr-public::210987654321:repository/nordlicht/nordlicht/x"
    for role, pushes in (
        (made(tmp_path, pull, registries=registries), False),
        (made(tmp_path, push, registries=registries), True),
    ):
        assert may(role, "ecr-public:GetAuthorizationToken", "*")
        assert may(role, "sts:GetServiceBearerToken", "*")
        for action in PUBLIC_PUSH_ACTIONS:
            assert may(role, action, repository) is pushes


@pytest.mark.parametrize(
    ("template", "match", "reached", "not_reached"),
    [
        # an organization's name is known, and is the first part of its repositories' on GitHub
        ("ci/{organization}/*", {"branch": "main"}, "ci/nordlicht/x", "ci/suedwind/x"),
        ("ci/{repository}", {"branch": "main"}, "ci/nordlicht/x", "ci/suedwind/x"),
        ("ci/{repository}", {"branch": "main"}, "ci/nordlicht/x", "ci/nordlichter/x"),
        # what cannot be in a repository's name is none that a run can reach
        ("ids/{environment}/*", {"environment": ["b/c", "a"]}, "ids/a/x", "ids/b/c/x"),
        ("ids/{environment}", {"environment": {"like": ["A*", "b*"]}}, "ids/b1", "ids/a1"),
        # what a condition says is known
        ("ci/{repository}", {"repository": ["nordlicht/a", "nordlicht/b"]}, "ci/nordlicht/b", "ci/nordlicht/c"),
        ("ci/{repository}", {"repository": {"like": "nordlicht/web-?"}}, "ci/nordlicht/web-1", "ci/nordlicht/api"),
        ("ids/{repository_id}", {"repository_id": "7"}, "ids/7", "ids/71"),
        ("ids/{organization_id}/x", {"branch": "main"}, "ids/4400117/x", "ids/1/x"),
        # ECR's names are lower case
        ("ci/{repository}", {"repository": "nordlicht/Shop"}, "ci/nordlicht/shop", "ci/nordlicht/Shop"),
        # and the rest can be anything
        ("runs/{run_id}/x", {"branch": "main"}, "runs/1/x", "runs/1/y"),
        ("ids/{repository_id}/x", {"repository_id": {"not": "7"}}, "ids/8/x", "ids/8/y"),
    ],
)
def test_a_template_is_as_narrow_as_the_grant_says(
    tmp_path: Path, template: str, match: Json, reached: str, not_reached: str
) -> None:
    role = made(tmp_path, grant(match=match, repositories=[template]))
    assert may(role, "ecr:BatchGetImage", REPOSITORY + reached)
    assert not may(role, "ecr:BatchGetImage", REPOSITORY + not_reached)


def test_sub_groups_belong_to_their_group(tmp_path: Path) -> None:
    role = made(tmp_path, grant(issuers=["gitlab"], repositories=["ci/{repository}", "top/{organization}"]))
    assert may(role, "ecr:BatchGetImage", f"{REPOSITORY}ci/werft/boote/jolle")
    assert may(role, "ecr:BatchGetImage", f"{REPOSITORY}top/werft")
    assert not may(role, "ecr:BatchGetImage", f"{REPOSITORY}ci/other/jolle")


def test_declared_repository_can_be_anything(tmp_path: Path) -> None:
    role = made(tmp_path, grant(issuers=["own"], repositories=["ci/{repository}"]))
    assert may(role, "ecr:BatchGetImage", f"{REPOSITORY}ci/any/thing")


def test_invalid_names_make_no_pattern(tmp_path: Path) -> None:
    role = made(
        tmp_path, grant(match={"repository": ["nordlicht/-x", "nordlicht/y"]}, repositories=["ci/{repository}"])
    )
    assert may(role, "ecr:BatchGetImage", f"{REPOSITORY}ci/nordlicht/y")
    assert not may(role, "ecr:BatchGetImage", f"{REPOSITORY}ci/nordlicht/-x")


def test_many_values_collapse_to_a_wildcard() -> None:
    match: Json = {
        "repository": [f"nordlicht/r{number}" for number in range(40)],
        "repository_id": [str(number) for number in range(40)],
        "actor_id": [str(number) for number in range(40)],
    }
    found = grant(match=match, repositories=["x/{repository}/{repository_id}/{actor_id}"])
    statements = permissions(in_use(found))
    assert len(json.dumps(statements)) < 200_000


@given(st.lists(st.text(alphabet="ab*", min_size=1, max_size=5), max_size=6), st.text(alphabet="ab", max_size=6))
def test_dropped_patterns_are_covered(patterns: list[str], name: str) -> None:
    def covered(these: frozenset[str] | list[str]) -> bool:
        return any(pattern_covers(pattern, name) for pattern in these)

    assert covered(uncovered(patterns)) == covered(patterns)


def in_use(*grants: dict[str, Json]) -> list[GrantInUse]:
    policy = load(document(*grants))
    return [
        GrantInUse(grant=one, terms=one.terms, issuers=tuple(policy.issuers[name] for name in one.issuers))
        for one in policy.grants
        if one.terms is not None
    ]


NAMES = st.text(alphabet="abAB9-._", min_size=1, max_size=6)
TEMPLATES = st.lists(
    st.sampled_from(
        ["ci/{repository}", "ci/{repository}/*", "x/{organization}/{repository_id}", "{organization}/*", "a/b", "a*"]
    ),
    min_size=1,
    max_size=3,
    unique=True,
)


@given(
    templates=TEMPLATES,
    also=TEMPLATES,
    access=st.sampled_from(["pull", "push"]),
    repository=NAMES.map(lambda name: f"nordlicht/{name}"),
    repository_id=st.sampled_from(["7", "8"]),
    match=st.sampled_from(
        [{"branch": "main"}, {"repository_id": ["7", "8"]}, {"repository": {"like": "nordlicht/**"}}]
    ),
)
def test_a_role_covers_the_session_policy_of_each_run(
    templates: list[str], also: list[str], access: str, repository: str, repository_id: str, match: dict[str, Json]
) -> None:
    (one,) = in_use(grant(access=access, repositories=[*templates], also_pull=[*also], match=match))
    vocabulary = {
        "organization": "nordlicht",
        "organization_id": "4400117",
        "repository": repository,
        "repository_id": repository_id,
    }
    try:
        reach = reach_of(one.terms, one.issuers[0].preset, vocabulary)
    except DoesNotFit:
        return
    rights = permissions([one])
    for statement in json.loads(session_policy(one.grant.registry, reach, until=0))["Statement"]:
        for action in listed(statement["Action"]):
            for resource in listed(statement["Resource"]):
                assert any(allows(right, action, resource) for right in rights), (action, resource)


def allows(statement: Json, action: str, resource: str) -> bool:
    assert isinstance(statement, dict)
    assert isinstance(statement["Resource"], list)
    assert isinstance(statement["Action"], list)
    return action in statement["Action"] and any(pattern_covers(str(one), resource) for one in statement["Resource"])


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
