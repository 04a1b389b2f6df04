from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.loading.documents import Document, changed, document, grant, load
from tests.loading.folders import ROLE, TEAM, entry, folder_faults, load_folder, main_file, team_file
from token_exchange.core.ports import Json
from token_exchange.loading.problems import PolicyUnusable

PROFILE = "arn:aws:signer:eu-central-1:210987654321:/signing-profiles/image"


def beyond(one: Document, **bounds: Json) -> list[str]:
    """Return the fields of `one`, a team's only grant, that are beyond what its entry says."""
    found = main_file({TEAM: entry(**bounds)})
    try:
        load_folder(found, {TEAM: team_file(one)})
    except PolicyUnusable:
        faults = folder_faults(found, {TEAM: team_file(one)})
        assert {(file, code) for file, _, code in faults} == {(TEAM, "conflict")}
        return [path.removeprefix("grants[0].") for _, path, _ in faults]
    return []


def test_a_grant_within_is_one_like_any_other() -> None:
    assert beyond(grant()) == []


@pytest.mark.parametrize(
    ("one", "bounds", "fields"),
    [
        (grant(issuers=["own"]), {}, ["issuers"]),
        (grant(registry="base"), {}, ["registry"]),
        # Roles: as they stand, or what begins alike where an asterisk says so.
        (grant(role=f"{ROLE}-2"), {}, ["role"]),
        (grant(role=f"{ROLE}-2"), {"roles": [f"{ROLE}*"]}, []),
        (grant(role=ROLE), {"roles": [f"{ROLE}-*"]}, ["role"]),
        (grant(role=ROLE.replace("2109", "2108")), {"roles": [f"{ROLE}*"]}, ["role"]),
        (grant(), {"roles": None}, ["role"]),
        # Repositories: whatever the name becomes has the prefix.
        (grant(repositories=["base/a", "base/*", "base/{repository}"]), {}, []),
        (grant(repositories=["base"]), {}, ["repositories"]),
        (grant(repositories=["bas*"]), {}, ["repositories"]),
        (grant(repositories=["*"]), {}, ["repositories"]),
        (grant(repositories=["*base/x"]), {}, ["repositories"]),
        (grant(repositories=["{repository}"]), {}, ["repositories"]),
        (grant(repositories=["based/x"]), {}, ["repositories"]),
        (grant(also_pull=["other/x"]), {}, ["also_pull"]),
        (grant(), {"repository_prefixes": None}, ["repositories"]),
        # A prefix without a slash is a name and what lies below it, and nothing that only begins alike.
        (grant(repositories=["base", "base/x", "base/*"]), {"repository_prefixes": ["base"]}, []),
        (grant(repositories=["base-x"]), {"repository_prefixes": ["base"]}, ["repositories"]),
        (grant(repositories=["base*"]), {"repository_prefixes": ["base"]}, ["repositories"]),
        # Templates are the same on both sides.
        (
            grant(repositories=["ci/{repository}", "ci/{repository}/*"]),
            {"repository_prefixes": ["ci/{repository}"]},
            [],
        ),
        (grant(repositories=["ci/{repository}-x"]), {"repository_prefixes": ["ci/{repository}"]}, ["repositories"]),
        (grant(repositories=["ci/{repository_id}"]), {"repository_prefixes": ["ci/{repository}"]}, ["repositories"]),
        # The session: what CloudTrail and policies on tags read comes from the token, and never from the file.
        (grant(session_tags=True, source_identity=True), {}, []),
        (grant(session_tags=False, source_identity=False), {}, []),
        (grant(session_tags={"repository": "acme/b"}), {}, ["session_tags"]),
        (grant(session_tags={"repository": "{repository}"}), {}, ["session_tags"]),
        (grant(source_identity="acme-b"), {}, ["source_identity"]),
        (grant(source_identity="{repository}"), {}, ["source_identity"]),
        (grant(external_id="team-7"), {}, []),
        # Signing profiles: those listed, as they stand.
        (grant(also=["list", "import"]), {}, []),
        (grant(also=[{"sign": PROFILE}]), {}, ["also"]),
        (grant(also=[{"sign": PROFILE}]), {"signing_profiles": [f"{PROFILE}s"]}, ["also"]),
        (grant(also=[{"sign": f"{PROFILE}s"}]), {"signing_profiles": [PROFILE]}, ["also"]),
        (grant(also=[{"sign": PROFILE}]), {"signing_profiles": [PROFILE]}, []),
        # How the role is assumed: without a list, only as the service.
        (grant(assume="broker"), {}, []),
        (grant(assume="web-identity"), {}, ["assume"]),
        (grant(assume="web-identity"), {"assume": ["broker"]}, ["assume"]),
        (grant(assume="web-identity"), {"assume": ["broker", "web-identity"]}, []),
        (grant(), {"assume": ["broker", "web-identity"]}, []),
        (grant(), {"assume": ["web-identity"]}, ["assume"]),
        # Everything at once.
        (grant(issuers=["own"], registry="base", repositories=["x"]), {}, ["issuers", "registry", "repositories"]),
    ],
)
def test_a_grant_beyond_its_bounds_names_each_field(one: Document, bounds: Document, fields: list[str]) -> None:
    assert beyond(one, **bounds) == fields


def organizations(listed: list[Json], allowed: list[Json], one: Document, *, issuer: str = "github") -> list[str]:
    """Return the fields of `one` that are beyond `allowed` where the issuer entry lists `listed`."""
    found = changed(
        main_file({TEAM: entry(issuers=[issuer], organizations=allowed)}), f"issuers.{issuer}.organizations", listed
    )
    files = {TEAM: team_file(one | {"issuers": [issuer]})}
    try:
        load_folder(found, files)
    except PolicyUnusable:
        return [path.removeprefix("grants[0].") for _, path, _ in folder_faults(found, files)]
    return []


A, B = {"name": "a"}, {"name": "b"}
A1, B2 = {"name": "a", "id": "1"}, {"name": "b", "id": "2"}
ONE = {"id": "1"}


@pytest.mark.parametrize(
    ("listed", "allowed", "match", "within"),
    [
        # The allowlist has no other organization.
        ([A], [A], None, True),
        ([A1], [A], None, True),
        ([A1], [ONE], None, True),
        ([A1], [A1], None, True),
        # It has one by a name alone, whose id is not known.
        ([A], [A1], None, False),
        ([A], [ONE], None, False),
        # It has others, and the grant lets them in.
        ([A, B], [A], None, False),
        ([A, B], [A], {"branch": "main"}, False),
        ([A, B], [A], {"repository": "a/shop"}, False),
        ([A, B], [A], {"organization": "b"}, False),
        ([A, B], [A], {"organization": ["a", "b"]}, False),
        # What is no value is nothing to count on.
        ([A, B], [A], {"organization": {"like": "a"}}, False),
        ([A, B], [A], {"organization": {"not": "b"}}, False),
        ([A, B], [A], {"organization": {"exists": True}}, False),
        # It has others, and the grant does not let them in.
        ([A, B], [A], {"organization": "a"}, True),
        ([A, B], [A, B], {"organization": ["a", "b"]}, True),
        ([A, B], [A], {"organization": "a", "branch": "main"}, True),
        ([A1, B2], [A], {"organization_id": "1"}, True),
        ([A1, B2], [A1], {"organization": "a"}, True),
        ([A1, B2], [ONE], {"organization": "a"}, True),
        ([A1, B2], [A], {"organization_id": "2"}, False),
        # Both have to hold where both are asked for, and a name may come with another's id.
        ([A, ONE], [A1], {"organization": "a"}, False),
        ([A, ONE], [A1], {"organization": "a", "organization_id": "1"}, True),
        ([ONE, B], [A], {"organization_id": "1"}, False),
        # A grant that no caller can have names what it may not.
        ([A], [A], {"organization": "b"}, False),
        ([A1], [A1], {"organization_id": "2"}, False),
    ],
)
def test_a_grant_is_for_the_files_own_organizations(
    listed: list[Json], allowed: list[Json], match: Document | None, *, within: bool
) -> None:
    assert organizations(listed, allowed, grant(match=match)) == ([] if within else ["match"])


@pytest.mark.parametrize(
    ("listed", "allowed", "match", "within"),
    [
        # A group holds for those below it.
        ([{"name": "werft"}], [{"name": "werft"}], {"organization": "werft/docks"}, True),
        ([{"name": "werft"}], [{"name": "werft/docks"}], {"organization": "werft/docks"}, True),
        ([{"name": "werft"}], [{"name": "werft/docks"}], {"organization": "werft/docks/1"}, True),
        ([{"name": "werft"}], [{"name": "werft/docks"}], {"organization": "werft"}, False),
        ([{"name": "werft"}], [{"name": "werft/docks"}], None, False),
        ([{"name": "werft"}], [{"name": "werft/docks"}], {"organization": "werft/docks-2"}, False),
        ([{"name": "werft/docks"}], [{"name": "werft"}], None, True),
    ],
)
def test_groups_of_gitlab_include_their_subgroups(
    listed: list[Json], allowed: list[Json], match: Document | None, *, within: bool
) -> None:
    assert organizations(listed, allowed, grant(match=match), issuer="gitlab") == ([] if within else ["match"])


WORKSPACE = "7f1c2a30-5b4d-4e6f-8a91-b2c3d4e5f607"


@pytest.mark.parametrize("listed", [WORKSPACE, f"{{{WORKSPACE}}}"])
@pytest.mark.parametrize("allowed", [WORKSPACE, f"{{{WORKSPACE}}}"])
def test_an_id_with_braces_is_the_one_without(listed: str, allowed: str) -> None:
    entries: Document = {
        "github": {
            "provider": "bitbucket-pipelines",
            "workspace": "nordlicht",
            "audience": "ecr-token-exchange.nordlicht.example",
            "organizations": [{"id": listed}],
        }
    }
    found = document(grants=None, issuers=entries, files={TEAM: entry(organizations=[{"id": allowed}])})
    assert load_folder(found).grant_names == {"reader"}
    # GitHub's ids have no braces: there they belong to the value, and a bound with them holds for no one.
    bounds: list[Json] = [{"id": f"{{{WORKSPACE}}}"}]
    assert organizations([{"id": WORKSPACE}], bounds, grant()) == ["match"]


def test_each_issuer_of_a_grant_is_looked_at() -> None:
    bounds = entry(issuers=["github", "gitlab"])
    faults = folder_faults(main_file({TEAM: bounds}), {TEAM: team_file(grant(issuers=["github", "gitlab"]))})
    assert faults == [(TEAM, "grants[0].match", "conflict")]  # of GitLab's group werft


STORED = "arn:aws:secretsmanager:eu-central-1:210987654321:secret:hub-AbCdEf"
OTHERS: Document = {
    "apps": {"type": "ecr", "account": "210987654321", "region": "eu-central-1"},
    "public": {"type": "ecr-public", "account": "210987654321"},
    "hub": {"type": "secret", "host": "docker.io", "secret_arn": STORED},
}


@pytest.mark.parametrize(
    ("one", "fields"),
    [
        (grant(registry="hub", role=None, access=None, repositories=None), []),
        (grant(registry="public", repositories=None), []),
        (grant(registry="public", repositories=None, role=f"{ROLE}-2"), ["role"]),
        (grant(registry="public", access="push", repositories=["base/x"]), []),
        (grant(registry="public", access="push", repositories=["x"]), ["repositories"]),
    ],
)
def test_other_registries_are_bounded_by_their_own_fields(one: Document, fields: list[str]) -> None:
    files: Document = {TEAM: entry(registries=["public", "hub"])}
    found = main_file(files, registries=OTHERS)
    if fields:
        assert folder_faults(found, {TEAM: team_file(one)}) == [
            (TEAM, f"grants[0].{field}", "conflict") for field in fields
        ]
    else:
        assert load_folder(found, {TEAM: team_file(one)}).grants
    # A team that may not name the registry gets no access to it.
    assert "registry" in str(
        folder_faults(changed(found, 'files["grants/team.yaml"].registries', ["apps"]), {TEAM: team_file(one)})
    )


ORGANIZATION = st.one_of(
    st.fixed_dictionaries({"name": st.sampled_from("ab")}, optional={"id": st.sampled_from("12")}),
    st.fixed_dictionaries({"id": st.sampled_from("12")}),
)
LISTS = st.lists(ORGANIZATION, min_size=1, max_size=3)
VALUES = st.lists(st.sampled_from("ab"), min_size=1, max_size=2, unique=True)
IDS = st.lists(st.sampled_from("12"), min_size=1, max_size=2, unique=True)


@given(LISTS, LISTS, st.fixed_dictionaries({}, optional={"organization": VALUES, "organization_id": IDS}))
def test_a_files_grant_admits_only_its_organizations(listed: list[Json], allowed: list[Json], match: Document) -> None:
    """The law that the tables above are cases of."""
    one = grant(match=match or None)
    if organizations(listed, allowed, one):
        return
    policy = load(changed(document(one), "issuers.github.organizations", listed))
    own = load(changed(document(), "issuers.github.organizations", allowed)).issuers["github"]
    for name, id_ in product("abc", "123"):
        vocabulary: dict[str, str | bool] = {"organization": name, "organization_id": id_}
        conditions = policy.grants[0].conditions
        if policy.issuers["github"].allows(vocabulary) and all(
            condition.holds(condition.found(vocabulary, {})) for condition in conditions
        ):
            assert own.allows(vocabulary)


def test_a_name_with_a_slash_is_below_another_only_in_groups() -> None:
    listed: list[Json] = [{"name": "a"}, {"name": "a/x"}]
    inner = grant(match={"organization": "a/x"})
    assert organizations(listed, [{"name": "a"}], inner) == ["match"]
    assert organizations(listed, [{"name": "a"}], inner, issuer="gitlab") == []
