"""`policy who`: the answer may list too many grants, but never too few."""

from pathlib import Path

import pytest

from tests.cli.program import Printed, run, write_policy
from tests.loading.documents import Document, document, grant
from token_exchange.core.ports import Json

ROLE = "arn:aws:iam::210987654321:role/ci-pusher"
PUSH = grant(
    name="push",
    access="push",
    role=ROLE,
    match={"branch": "main"},
    claims={"job_workflow_ref": {"like": "nordlicht/ci/*"}},
    repositories=["ci/{repository}", "ids/{repository_id}/*"],
    also_pull=["base/*"],
    duration="90m",
)
PULL = grant(name="pull", issuers=["gitlab"], repositories=["ci/werft/*"])
ELSEWHERE = grant(name="elsewhere", registry="base", repositories=["ci/*"])
STORED: Document = {"name": "stored", "issuers": ["github"], "registry": "hub", "match": {"branch": "main"}}
HUB: Json = {
    "type": "secret",
    "host": "docker.io",
    "secret_arn": "arn:aws:secretsmanager:eu-central-1:210987654321:secret:hub-a1B2c3",
}


def who(
    folder: Path, *options: str, grants: tuple[Document, ...] = (PUSH, PULL, ELSEWHERE), **changes: Json
) -> Printed:
    done = run("policy", "who", write_policy(folder, *grants, **changes), *options, "--json")
    assert done.status == 0
    return done


def names(done: Printed) -> list[Json]:
    return [one["grant"] for one in done.texts("grants")]


def test_path_is_printed_completely(tmp_path: Path) -> None:
    assert who(tmp_path, "--role", ROLE).texts("grants") == [
        {
            "grant": "push",
            "issuers": ["github"],
            "organizations": [{"name": "nordlicht", "id": "4400117"}],
            "conditions": [
                {"section": "match", "claim": "branch", "expected": ["main"]},
                {"section": "claims", "claim": "job_workflow_ref", "expected": {"like": ["nordlicht/ci/*"]}},
            ],
            "registry": "apps",
            "role": ROLE,
            "access": "push",
            "repositories": ["ci/{repository}", "ids/{repository_id}/*"],
            "also_pull": ["base/*"],
            "duration": "90m",
        }
    ]


@pytest.mark.parametrize(
    ("repository", "found"),
    [
        # {repository} can be anything, with slashes
        ("ci/x", ["push", "elsewhere"]),
        ("ci/werft/jolle", ["push", "pull", "elsewhere"]),
        # an id has none, and `*` of IAM has
        ("ids/7/a/b", ["push"]),
        ("ids/7", []),
        ("ids", []),
        # nothing is prefix enough
        ("other/x", []),
        ("xci/y", []),
    ],
)
def test_template_counts_for_every_name_it_can_produce(tmp_path: Path, repository: str, found: list[str]) -> None:
    assert names(who(tmp_path, "--repository", repository)) == found


@pytest.mark.parametrize(
    ("repository", "expected"),
    [
        ("210987654321.dkr.ecr.eu-central-1.amazonaws.com/ci/app", "without the registry's host"),
        ("localhost:5000/ci/app", "without the registry's host"),
        ("ci/app:latest", "without a tag or digest"),
        ("ci/app@sha256:00", "without a tag or digest"),
        ("CI/app", "such as team/app in lower case"),
        ("ci/", "such as team/app"),
        ("ci/*", "such as team/app"),
        ("", "such as team/app"),
        ("x" * 257, "such as team/app"),
    ],
)
def test_invalid_repository_is_wrong_usage(tmp_path: Path, repository: str, expected: str) -> None:
    done = run("policy", "who", write_policy(tmp_path, PUSH), "--repository", repository)
    assert (done.status, done.out) == (2, "")
    assert f"--repository: expected the name of an ECR repository {expected}".replace(" such", ", such") in done.err


@pytest.mark.parametrize(
    "role", ["ci-pusher", "", "arn:aws:iam::210987654321:user/ci", f"{ROLE}*", "arn:aws:iam::*:role/ci-pusher"]
)
def test_invalid_role_is_wrong_usage(tmp_path: Path, role: str) -> None:
    done = run("policy", "who", write_policy(tmp_path, PUSH), "--role", role)
    assert (done.status, done.out) == (2, "")
    assert "--role: expected arn:aws:iam::ACCOUNT:role/NAME" in done.err


def test_a_role_that_no_grant_names_is_remarked(tmp_path: Path) -> None:
    misspelt = ROLE.replace("pusher", "puhser")
    done = who(tmp_path, "--role", misspelt)
    assert names(done) == []
    assert f"no grant names the role {misspelt}; did you mean {ROLE}?" in done.err
    assert "no grant names" not in who(tmp_path, "--role", ROLE).err
    late = who(tmp_path, "--role", ROLE, grants=(PUSH | {"expires": "2020-01-01"},))
    assert "no grant names" not in late.err


def test_misspelt_registry_gets_a_suggestion(tmp_path: Path) -> None:
    done = run("policy", "who", write_policy(tmp_path, PUSH), "--registry", "aps")
    assert (done.status, done.err) == (2, "no registry has the name or host aps; did you mean apps?\n")


def test_also_pull_gives_only_pull(tmp_path: Path) -> None:
    (only,) = who(tmp_path, "--repository", "base/python").texts("grants")
    assert (only["grant"], only["access"]) == ("push", "pull")


def test_each_option_narrows(tmp_path: Path) -> None:
    assert names(who(tmp_path, "--registry", "base")) == ["elsewhere"]
    assert names(who(tmp_path, "--registry", "210987654321.dkr.ecr.us-east-1.amazonaws.com")) == ["elsewhere"]
    assert names(who(tmp_path, "--registry", "apps", "--repository", "ci/werft/x")) == ["push", "pull"]
    assert names(who(tmp_path, "--registry", "apps", "--role", ROLE, "--repository", "ci/x")) == ["push"]


def test_excluded_organizations_are_not_listed(tmp_path: Path) -> None:
    organizations: Json = [{"name": "nordlicht", "id": "4400117"}, {"name": "suedwind"}, {"id": "99"}]
    issuers: Json = {"github": {"provider": "github-actions", "audience": "a", "organizations": organizations}}
    cases: list[tuple[Json, Json]] = [
        ({"organization": "suedwind"}, [{"name": "suedwind"}, {"id": "99"}]),
        ({"organization_id": "4400117"}, [{"name": "nordlicht", "id": "4400117"}, {"name": "suedwind"}]),
        ({"branch": "main"}, organizations),
    ]
    for match, left in cases:
        done = who(tmp_path, "--registry", "apps", grants=(grant(match=match),), issuers=issuers)
        assert done.texts("grants")[0]["organizations"] == left


def test_sub_groups_belong_to_their_group(tmp_path: Path) -> None:
    below = grant(issuers=["gitlab"], match={"organization": "werft/boote"})
    assert who(tmp_path, "--registry", "apps", grants=(below,)).texts("grants")[0]["organizations"] == [
        {"name": "werft"}
    ]


def test_grants_not_in_force_are_only_remarked(tmp_path: Path) -> None:
    late = grant(name="late", expires="2020-01-01")
    trial = grant(name="trial", mode="report")
    done = who(tmp_path, "--registry", "apps", grants=(late, trial, PUSH))
    assert names(done) == ["push"]
    assert "expired: late" in done.err
    assert "not in force (report mode): trial" in done.err


def test_issuer_in_report_mode_does_not_count(tmp_path: Path) -> None:
    found = document(grant(issuers=["github", "gitlab"]))
    issuers = found["issuers"]
    assert isinstance(issuers, dict)
    gitlab = issuers["gitlab"]
    assert isinstance(gitlab, dict)
    done = who(
        tmp_path,
        "--registry",
        "apps",
        grants=(grant(issuers=["github", "gitlab"]),),
        issuers={**issuers, "gitlab": {**gitlab, "mode": "report"}},
    )
    (way,) = done.texts("grants")
    assert (way["issuers"], way["organizations"]) == (["github"], [{"name": "nordlicht", "id": "4400117"}])


def test_stored_login_is_not_limited_to_repositories(tmp_path: Path) -> None:
    registries: Json = {"hub": HUB}
    done = who(tmp_path, "--registry", "docker.io", grants=(STORED,), registries=registries)
    (way,) = done.texts("grants")
    assert {way[key] for key in ("role", "access", "repositories", "duration") if way[key] is None} == {None}
    done = who(tmp_path, "--repository", "library/x", grants=(STORED,), registries=registries)
    assert names(done) == []
    assert "not limited to repositories: stored" in done.err


def test_text_output_mentions_deny_rules(tmp_path: Path) -> None:
    path = write_policy(tmp_path, PUSH, deny=[{"name": "stop", "match": {"repository_id": "7"}, "issuers": ["github"]}])
    done = run("policy", "who", path, "--role", ROLE)
    assert done.out.splitlines()[:4] == [
        "push: push apps",
        "  issuers github",
        "  organization name nordlicht id 4400117",
        '  branch ["main"]',
    ]
    assert "includes runs that these deny rules refuse: stop" in done.err
    assert run("policy", "who", path, "--role", f"{ROLE}2").out == "no one\n"


@pytest.mark.parametrize("options", [(), ("--registry", "none")])
def test_wrong_usage_is_reported(tmp_path: Path, options: tuple[str, ...]) -> None:
    done = run("policy", "who", write_policy(tmp_path, PUSH), *options, "--json")
    assert (done.status, done.out) == (2, "")


def test_each_kind_of_login_is_described(tmp_path: Path) -> None:
    public = grant(name="public", registry="public", access="push", match={"branch": "main"}, repositories=["ci/x"])
    base = document()["registries"]
    assert isinstance(base, dict)
    policy = write_policy(
        tmp_path,
        PULL,
        public,
        STORED,
        registries={**base, "hub": HUB, "public": {"type": "ecr-public", "account": "210987654321"}},
    )
    shown = "".join(run("policy", "who", policy, "--registry", name).out for name in ("apps", "public", "hub"))
    for login in ("pull apps", "push public (ECR Public)", "the stored login of hub"):
        assert login in shown
