"""`policy import`: published trust policies become a policy that loads, with remarks on their risks."""

import json
from pathlib import Path
from urllib.parse import quote

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cli.program import run
from tests.cli.trust_import.trusts import (
    ACCOUNT,
    AUDIENCE,
    GITHUB,
    grants_of,
    imported,
    of_sub,
    policy_of,
    provider,
    statement,
    trust,
)
from tests.loading.documents import Document
from token_exchange.core.ports import Json

MAIN = "repo:nordlicht/kompass:ref:refs/heads/main"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/teams/ci-push"
UUID = "a7c4e1f2-93b8-4d06-8a5e-1f2e3d4c5b6a"


def role(document: Json, **changes: Json) -> Document:
    return {"Path": "/teams/", "RoleName": "ci-push", "Arn": ROLE, "AssumeRolePolicyDocument": document, **changes}


def only(policy: Document) -> Document:
    (grant,) = grants_of(policy)
    return grant


def issuer(policy: Document) -> Document:
    issuers = policy["issuers"]
    assert isinstance(issuers, dict)
    (entry,) = issuers.values()
    assert isinstance(entry, dict)
    return entry


def test_tutorial_trust_policy_is_imported(tmp_path: Path) -> None:
    document = of_sub(MAIN, operator="StringEquals")
    assert policy_of(tmp_path, document) == {
        "version": 1,
        "issuers": {
            "github": {"provider": "github-actions", "audience": AUDIENCE, "organizations": [{"name": "nordlicht"}]}
        },
        "registries": {f"registry-{ACCOUNT}": {"type": "ecr", "account": ACCOUNT, "region": "us-east-1"}},
        "grants": [
            {
                "name": "trust",
                "issuers": ["github"],
                "match": {"repository": "nordlicht/kompass", "branch": "main"},
                "claims": {"sub": MAIN},
                "registry": f"registry-{ACCOUNT}",
                "role": f"arn:aws:iam::{ACCOUNT}:role/replace-me",
                "access": "pull",
                "repositories": ["replace-me"],
            }
        ],
    }


def test_output_loads_once_placeholders_are_replaced(tmp_path: Path) -> None:
    document = of_sub(MAIN, "repo:nordlicht/*", "repo:nordlicht@4400117/kompass@900100200:environment:on")
    done = imported(tmp_path, document)
    assert yaml.safe_load(done.out) == policy_of(tmp_path, document)
    (tmp_path / "policy.yaml").write_text(done.out)
    linted = run("policy", "lint", tmp_path / "policy.yaml", "--json").texts("findings")
    assert {one["code"] for one in linted if one["severity"] == "error"} == {"placeholder-left"}


@pytest.mark.parametrize(
    ("found", "places"),
    [
        (role(of_sub(MAIN)), 1),
        ({"Role": role(of_sub(MAIN))}, 1),
        ({"Role": role(quote(json.dumps(of_sub(MAIN))))}, 1),
        (
            {
                "Roles": [
                    role(of_sub(MAIN)),
                    role(trust(statement(None, Principal={"Service": "ecs.amazonaws.com"}, Action="sts:AssumeRole"))),
                ]
            },
            1,
        ),
        ({"RoleDetailList": [role(of_sub(MAIN)), role(of_sub(MAIN))]}, 2),
    ],
)
def test_aws_cli_output_is_read_with_role_names(tmp_path: Path, found: Document, places: int) -> None:
    grants = grants_of(policy_of(tmp_path, found))
    assert [grant["role"] for grant in grants] == [ROLE] * places
    assert [grant["name"] for grant in grants] == ["ci-push", "ci-push-2"][:places]
    assert f"{ROLE} trusts the CI system directly" in imported(tmp_path, found).err


@pytest.mark.parametrize(
    ("address", "subject", "entry", "match"),
    [
        # GitHub, in each form of its issuer and its subject
        (
            GITHUB,
            "repo:o/r:ref:refs/tags/v*",
            {"provider": "github-actions"},
            {"repository": "o/r", "tag": {"like": "v**"}},
        ),
        (
            GITHUB,
            "repo:o/r:environment:a%3Ab",
            {"provider": "github-actions"},
            {"repository": "o/r", "environment": "a:b"},
        ),
        (
            GITHUB,
            "repo:o/r:pull_request",
            {"provider": "github-actions"},
            {"repository": "o/r", "event": "pull_request"},
        ),
        (GITHUB, "repo:o/r:job_workflow_ref:o/ci/x.yml@*", {"provider": "github-actions"}, {"repository": "o/r"}),
        (GITHUB, "repo:o/r-?:*", {"provider": "github-actions"}, {"repository": {"like": "o/r-?"}}),
        (
            GITHUB,
            "repo:o@1/r@2:*",
            {"provider": "github-actions", "organizations": [{"name": "o", "id": "1"}]},
            {"repository": "o/r", "repository_id": "2"},
        ),
        (
            GITHUB,
            "repo:o@*/*@2:*",
            {"provider": "github-actions", "organizations": [{"name": "o"}]},
            {"organization": "o", "repository_id": "2"},
        ),
        (
            f"{GITHUB}/nordlicht",
            "repo:o/r:*",
            {"provider": "github-actions", "enterprise": "nordlicht"},
            {"repository": "o/r"},
        ),
        (
            "token.actions.nord.ghe.com",
            "repo:o/r:*",
            {"provider": "github-actions", "ghe_com": "nord"},
            {"repository": "o/r"},
        ),
        (
            "git.o.example/_services/token",
            "repo:o/r:*",
            {"provider": "github-actions", "host": "git.o.example"},
            {"repository": "o/r"},
        ),
        (
            GITHUB,
            "repository_owner:o:repository_visibility:private",
            {"organizations": [{"name": "o"}]},
            {"organization": "o"},
        ),
        (GITHUB, "repository_owner_id:7:x:*", {"organizations": [{"id": "7"}]}, {"organization_id": "7"}),
        (GITHUB, "repository_id:7", {"organizations": [{"name": "replace-me"}]}, {"repository_id": "7"}),
        (GITHUB, "repository_own*", {"organizations": [{"name": "replace-me"}]}, None),
        # GitLab
        (
            "gitlab.com",
            "project_id:7:ref_type:branch:ref:main",
            {"organizations": [{"name": "replace-me"}]},
            {"repository_id": "7", "branch": "main"},
        ),
        (
            "gitlab.com",
            "project_path:g/s/p:ref_type:branch:ref:main",
            {"provider": "gitlab", "organizations": [{"name": "g/s"}]},
            {"repository": "g/s/p", "branch": "main"},
        ),
        (
            "gitlab.com",
            "project_path:g/*:ref_type:tag:ref:v*",
            {"provider": "gitlab", "organizations": [{"name": "g"}]},
            {"repository": {"like": "g/**"}, "tag": {"like": "v**"}},
        ),
        (
            "git.o.example",
            "project_path:g/p:*",
            {"provider": "gitlab", "issuer": "https://git.o.example"},
            {"repository": "g/p"},
        ),
        # those with ids
        (
            "api.bitbucket.org/2.0/workspaces/werft/pipelines-config/identity/oidc",
            f"{{{UUID}}}:*",
            {"provider": "bitbucket-pipelines", "workspace": "werft", "organizations": [{"name": "werft"}]},
            {"repository_id": UUID},
        ),
        (
            "api.bitbucket.org/2.0/workspaces/werft/pipelines-config/identity/oidc",
            f"{{{UUID}}}*:{{{UUID}}}:*",
            {"provider": "bitbucket-pipelines"},
            {"repository_id": UUID, "environment": UUID},
        ),
        (
            "token.builds.bitrise.io",
            "app:7d0f:workflow:publish",
            {"provider": "bitrise", "organizations": [{"name": "replace-me"}]},
            {"pipeline_id": "7d0f", "workflow": "publish"},
        ),
        (
            f"oidc.circleci.com/org/{UUID}",
            f"org/{UUID}/project/{UUID}/user/*",
            {
                "provider": "circleci",
                "issuer": f"https://oidc.circleci.com/org/{UUID}",
                "organizations": [{"id": UUID}],
            },
            {"pipeline_id": UUID},
        ),
        (
            "agent.buildkite.com",
            "organization:o:pipeline:p:ref:refs/heads/main:commit:*:step:*",
            {"provider": "buildkite", "organizations": [{"name": "o"}]},
            {"pipeline": "p", "branch": "main"},
        ),
        (
            "app.terraform.io",
            "organization:o:project:*:workspace:w:run_phase:*",
            {"provider": "hcp-terraform", "organizations": [{"name": "o"}]},
            {"pipeline": "w"},
        ),
        (
            "tfe.o.example",
            "organization:o:project:*:workspace:w:run_phase:apply",
            {"provider": "hcp-terraform", "issuer": "https://tfe.o.example"},
            {"pipeline": "w"},
        ),
        (
            "oidc.codefresh.io",
            "account:a:pipeline:p:*",
            {"provider": "codefresh", "organizations": [{"id": "a"}]},
            {"pipeline_id": "p"},
        ),
        (
            "oidc.eks.eu-west-1.amazonaws.com/id/0A",
            "system:serviceaccount:ci:runner",
            {"provider": "kubernetes", "organizations": [{"name": "ci"}]},
            None,
        ),
        (
            f"oidc.circleci.com/org/{UUID}",
            f"org/{UUID}/project/{UUID}/user/*/vcs-origin/github.com/o/r/vcs-ref/refs/heads/main",
            {"provider": "circleci"},
            {"pipeline_id": UUID, "repository": "o/r", "branch": "main"},
        ),
        # own servers, and anybody's; the newer form of an owner's name on Forgejo is an older one's of another owner
        (
            "git.o.example/api/actions",
            "repo:o-1/r-2:ref:refs/heads/main",
            {"organizations": [{"name": "replace-me"}]},
            None,
        ),
        (
            "ci.o.example/oidc/job/x",
            "https://ci.o.example/job/x/",
            {"provider": "jenkins", "organizations": [{"name": "ci.o.example"}]},
            None,
        ),
        (
            "git.o.example/api/actions",
            "repo:o/r:ref:refs/heads/main",
            {"provider": "forgejo"},
            {"repository": "o/r", "branch": "main"},
        ),
        (
            "git.o.example/api/actions/oidc",
            "repo:o@1/r@2:ref:refs/heads/main",
            {"provider": "gitea"},
            {"repository": "o/r", "repository_id": "2", "branch": "main"},
        ),
        (
            "git.o.example/api/actions/oidc",
            "repo:41/401:ref:refs/heads/main",
            {"provider": "gitea", "organizations": [{"id": "41"}]},
            {"repository_id": "401", "branch": "main"},
        ),
        (
            "vela.o.example/_services/token",
            "repo:o/r:ref:refs/heads/main:event:push",
            {"provider": "vela", "organizations": [{"name": "o"}]},
            {"repository": "o/r", "ref": "refs/heads/main", "event": "push"},
        ),
        # behind VELA_OPEN_ID_ISSUER
        (
            "id.o.example/vela",
            "repo:o/r:ref:refs/heads/main:event:push",
            {"provider": "vela", "issuer": "https://id.o.example/vela", "organizations": [{"name": "o"}]},
            {"repository": "o/r", "ref": "refs/heads/main", "event": "push"},
        ),
        # on a domain of its own
        (
            "o.ci.example",
            "org:o:project:2d9e60b7-f41a-4c83-97e5-a0b8c36d1f52:repo:r:ref_type:branch:ref:refs/heads/main",
            {"provider": "semaphore", "issuer": "https://o.ci.example", "organizations": [{"name": "o"}]},
            None,
        ),
        (
            "app.eu.terraform.io",
            "organization:o:project:p:workspace:w:run_phase:apply",
            {"provider": "hcp-terraform", "issuer": "https://app.eu.terraform.io"},
            {"pipeline": "w"},
        ),
        ("o.app.spacelift.io", "space:*", {"provider": "spacelift", "organizations": [{"name": "o"}]}, None),
        (
            "id.o.example/x",
            "job:*",
            {"provider": "generic", "organization_claim": "iss", "organizations": [{"name": "https://id.o.example/x"}]},
            None,
        ),
    ],
)
def test_provider_and_subject_map_to_preset_and_names(
    tmp_path: Path, address: str, subject: str, entry: dict[str, Json], match: Json
) -> None:
    policy = policy_of(tmp_path, of_sub(subject, address=address))
    found = issuer(policy)
    assert {key: found[key] for key in entry} == entry
    grant = only(policy)
    assert grant.get("match") == match
    # Whatever the vocabulary says, the subject itself stays.
    exact = "*" not in subject and "?" not in subject
    assert grant["claims"] == {"sub": subject if exact else {"like": subject.replace("*", "**")}}


def test_similar_subjects_share_a_grant(tmp_path: Path) -> None:
    document = of_sub(
        "repo:o/a:ref:refs/heads/main",
        "repo:o/b:ref:refs/heads/main",
        "repo:o/a:environment:prod",
        "repo:p/a:environment:prod",
    )
    grants = grants_of(policy_of(tmp_path, document))
    assert [grant.get("match") for grant in grants] == [
        {"repository": ["o/a", "o/b"], "branch": "main"},
        {"repository": "o/a", "environment": "prod"},
        {"repository": "p/a", "environment": "prod"},
    ]


def test_other_claims_become_conditions(tmp_path: Path) -> None:
    condition: Json = {
        "StringEquals": {
            f"{GITHUB}:aud": AUDIENCE,
            f"{GITHUB}:repository_owner_id": "4400117",
            f"{GITHUB}:runner_environment": "github-hosted",
        },
        "StringLike": {f"{GITHUB}:job_workflow_ref": "nordlicht/ci/*", f"{GITHUB}:sub": "repo:*"},
        "StringNotLike": {f"{GITHUB}:sub": ["repo:nordlicht/old-?:*"]},
        "StringNotEquals": {f"{GITHUB}:actor": "mallory"},
        "Null": {f"{GITHUB}:environment": "true"},
    }
    policy = policy_of(tmp_path, trust(statement(condition)))
    grant = only(policy)
    assert grant["match"] == {
        "organization_id": "4400117",
        "workflow_ref": {"like": "nordlicht/ci/**"},
        "actor": {"not": "mallory"},
        "environment": {"exists": False},
    }
    assert grant["claims"] == {
        "sub": {"like": "repo:**", "not_like": "repo:nordlicht/old-**:**"},
        "runner_environment": "github-hosted",
    }
    assert issuer(policy)["organizations"] == [{"id": "4400117"}]


def test_distinct_audiences_get_separate_entries(tmp_path: Path) -> None:
    def one(subject: str, *audiences: str) -> Document:
        return statement({"StringEquals": {f"{GITHUB}:sub": subject, f"{GITHUB}:aud": [*audiences]}})

    policy = policy_of(
        tmp_path,
        trust(one("repo:o/a:pull_request", "x", "y"), one("repo:p/b:pull_request", "y")),
        "--issuer-name",
        "gh",
    )
    issuers = policy["issuers"]
    assert isinstance(issuers, dict)
    assert {
        name: (entry["audience"], entry["organizations"]) for name, entry in issuers.items() if isinstance(entry, dict)
    } == {
        "gh": ("x", [{"name": "o"}]),
        "gh-2": ("y", [{"name": "o"}, {"name": "p"}]),
    }
    assert [(grant["name"], grant["issuers"]) for grant in grants_of(policy)] == [
        ("trust", ["gh"]),
        ("trust-2", ["gh-2"]),
        ("trust-3", ["gh-2"]),
    ]


def test_several_files_are_one_policy(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text(json.dumps(of_sub(MAIN)))
    (tmp_path / "two.json").write_text(json.dumps(of_sub("project_path:g/p:*", address="gitlab.com")))
    done = run(
        "policy",
        "import",
        tmp_path / "one.json",
        "-",
        tmp_path / "two.json",
        given=json.dumps(of_sub(MAIN)),
        environment={},
    )
    policy = yaml.safe_load(done.out)
    assert list(policy["issuers"]) == ["github", "gitlab"]
    assert [grant["name"] for grant in policy["grants"]] == ["one", "standard-input", "two"]


def test_shared_audience_is_imported_with_a_remark(tmp_path: Path) -> None:
    condition: Json = {"StringEquals": {f"{GITHUB}:aud": "sts.amazonaws.com", f"{GITHUB}:sub": MAIN}}
    assert issuer(policy_of(tmp_path, trust(statement(condition))))["shared_audience"] is True
    assert "other services also accept sts.amazonaws.com" in imported(tmp_path, trust(statement(condition))).err


@pytest.mark.parametrize(
    ("condition", "said", "grants"),
    [
        # too wide
        ({"StringEquals": {f"{GITHUB}:aud": AUDIENCE}}, "no condition on sub", 1),
        (None, "no condition on sub", 1),
        ({"StringEquals": {f"{GITHUB}:sub": MAIN}}, "no condition on token.actions.githubusercontent.com:aud", 1),
        ({"StringLike": {f"{GITHUB}:sub": "repo:nordlicht/*"}}, "admits every repository of nordlicht", 1),
        (
            {"StringLike": {f"{GITHUB}:sub": "repo:nordlicht/x:*"}},
            "admits every branch, tag and environment, and also pull requests",
            1,
        ),
        ({"StringLike": {f"{GITHUB}:sub": "repo:nord*/x:pull_request"}}, "also admits runs of other organizations", 1),
        ({"StringLike": {f"{GITHUB}:sub": "*"}}, "also admits runs of other organizations", 1),
        ({"StringLike": {f"{GITHUB}:sub": "repo:o/x:pull_request"}}, "admits runs with an untrusted trigger", 1),
        ({"StringNotEquals": {f"{GITHUB}:sub": MAIN}}, "admits everything else", 1),
        ({"ForAllValues:StringLike": {f"{GITHUB}:sub": MAIN}}, "ForAllValues admits a token without the claim", 1),
        ({"StringEqualsIfExists": {f"{GITHUB}:sub": MAIN}}, "IfExists admits a token without the claim", 1),
        ({"ForAllValues:StringLike": {f"{GITHUB}:repository": "o/x"}}, "ForAllValues admits a token without", 1),
        # narrower here
        ({"StringLike": {f"{GITHUB}:sub": "repo:o/x?:pull_request"}}, "IAM's ? is any character", 1),
        ({"StringEqualsIgnoreCase": {f"{GITHUB}:sub": MAIN}}, "is case-sensitive", 1),
        (
            {"StringEquals": {f"{GITHUB}:sub": ["repo:o/x:*", MAIN]}},
            "left out: 'repo:o/x:*' is a literal *",
            1,
        ),
        (
            {"StringEquals": {f"{GITHUB}:sub": MAIN, "sts:RoleSessionName": "x"}},
            "left out: the caller chooses this value",
            1,
        ),
        # not to be said at all
        ({"StringEquals": {f"{GITHUB}:sub": "repo:o/x:*"}}, "write StringLike where a pattern is meant", 0),
        ({"StringLike": {f"{GITHUB}:aud": "https://*"}}, "expected an audience or a list of them", 0),
        ({"StringEquals": {"gitlab.com:sub": MAIN}}, f"not a claim of {GITHUB}", 0),
        ({"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}, '.IpAddress["aws:SourceIp"]: not a claim of', 0),
        ({"NumericEquals": {f"{GITHUB}:run_number": "7"}}, "the operator NumericEquals does not compare strings", 0),
        ({"StringResembles": {f"{GITHUB}:sub": MAIN}}, "the operator StringResembles does not compare strings", 0),
        ({"ForSome:StringLike": {f"{GITHUB}:sub": MAIN}}, "IAM has no operator ForSome:StringLike", 0),
        ({"StringLike": {f"{GITHUB}:sub": "repo:${aws:username}/*"}}, "is a policy variable", 0),
        ({"StringLike": {f"{GITHUB}:sub": "repo:o/${*}"}}, "a literal *", 0),
        (
            {"StringLike": {f"{GITHUB}:sub": "repo:o/*"}, "ForAnyValue:StringLike": {f"{GITHUB}:sub": "*/x:*"}},
            "two conditions with patterns",
            0,
        ),
        (
            {"StringEquals": {f"{GITHUB}:sub": MAIN}, "StringLike": {f"{GITHUB}:sub": "repo:p/*"}},
            "that no value meets",
            0,
        ),
        ({"Null": {f"{GITHUB}:sub": "true"}}, "a token without sub", 0),
        ({"Null": {f"{GITHUB}:sub": "maybe"}}, "expected true or false", 0),
        ({"Null": {f"{GITHUB}:actor": ["true", "false"]}}, "expected true or false", 0),
        (
            {"StringEquals": {f"{GITHUB}:actor": "ada"}, "Null": {f"{GITHUB}:actor": "true"}},
            "a claim that is absent and has a value",
            0,
        ),
        (
            {"Null": {f"{GITHUB}:actor": "true", f"{GITHUB}:Actor": "false"}},
            "a claim that exists and does not exist",
            0,
        ),
        (
            {
                "StringEquals": {f"{GITHUB}:sub": MAIN, f"{GITHUB}:actor": ["ada", "b?"]},
                "StringNotEquals": {f"{GITHUB}:actor": "eve"},
            },
            "left out: a literal ? beside patterns",
            0,
        ),
        (
            {"StringEquals": {f"{GITHUB}:sub": MAIN}, "StringLike": {f"{GITHUB}:actor": ["ada*", "a${?}b"]}},
            "left out: 'a${?}b' is a literal ? beside wildcards",
            1,
        ),
        ({"StringEquals": {f"{GITHUB}:sub": {}}}, "expected a string or a list of strings", 0),
        ({"StringEquals": {f"{GITHUB}:sub": []}}, "expected at least one value", 0),
        ({"StringEquals": {f"{GITHUB}:sub": ""}}, "an empty string, which no claim is", 0),
        ({"StringEquals": "x"}, "Condition.StringEquals: expected an object of condition keys", 0),
        ("x", "Condition: expected an object of operators", 0),
    ],
)
def test_risks_are_remarked_and_inexpressible_is_left_out(
    tmp_path: Path, condition: Json, said: str, grants: int
) -> None:
    done = imported(tmp_path, trust(statement(condition, Condition=condition)))
    assert said in done.err
    assert "Statement[0]" in done.err
    assert done.status == (0 if grants else 1)
    assert len(yaml.safe_load(done.out)["grants"] if grants else []) == grants


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"Effect": "Deny"}, "a Deny narrows all other statements"),
        ({"Effect": "allow"}, "Statement[0].Effect: left out"),
        ({"Action": "sts:AssumeRole"}, "not about sts:AssumeRoleWithWebIdentity"),
        ({"Action": "sts:AssumeRoleWithWebIdentity?"}, "not about sts:AssumeRoleWithWebIdentity"),
        ({"Action": 7}, "Statement[0].Action: left out"),
        ({"Action": ["sts:*", 7]}, "Statement[0].Action: left out"),
        ({"NotAction": "sts:AssumeRole"}, "Statement[0].NotAction: left out"),
        ({"NotPrincipal": {"AWS": "*"}}, "Statement[0].NotPrincipal: left out"),
        ({"Principal": "*"}, "Statement[0].Principal: left out"),
        ({"Principal": {"AWS": "*"}}, "Statement[0].Principal.AWS: left out"),
        ({"Principal": {"Federated": "cognito-identity.amazonaws.com"}}, "expected the ARN of an OIDC provider"),
        (
            {"Principal": {"Federated": f"arn:aws:iam::{ACCOUNT}:saml-provider/okta"}},
            "expected the ARN of an OIDC provider",
        ),
        ({"Principal": {"Federated": {"Fn::Sub": "arn"}}}, "expected the ARN of an OIDC provider"),
        ({"Principal": {"Federated": provider("UPPER.example")}}, "not an issuer that a policy can name"),
        ({"Principal": {"Federated": provider("api.bitbucket.org/elsewhere")}}, "not an issuer that a policy can name"),
        ({"Principal": {"Federated": provider("agent.buildkite.com/x")}}, "the only issuer of this provider"),
        (
            {
                "Principal": {
                    "Federated": provider("api.bitbucket.org/2.0/workspaces/{7}/pipelines-config/identity/oidc")
                }
            },
            "an issuer contains the workspace by name, not by its UUID in braces",
        ),
        ({"Principal": {"Federated": provider("vstoken.dev.azure.com/x")}}, "expected the id of the organization"),
        ({"Principal": {"Federated": provider("x.tokens.sts.global.api.aws")}}, "Statement[0]"),
    ],
)
def test_unrelated_statements_are_left_out_with_a_remark(tmp_path: Path, changes: dict[str, Json], said: str) -> None:
    done = imported(tmp_path, trust({**statement(None), **changes}))
    assert said in done.err
    assert done.status in {0, 1}


def test_deny_leaves_out_its_document(tmp_path: Path) -> None:
    allow = of_sub(MAIN)["Statement"]
    assert isinstance(allow, list)
    done = imported(tmp_path, trust(*allow, statement({"StringLike": {f"{GITHUB}:sub": "*dev*"}}, Effect="Deny")))
    assert (done.status, done.out) == (1, "")
    assert "Statement[1]: a Deny narrows all other statements" in done.err


@pytest.mark.parametrize(
    "action", ["sts:AssumeRoleWithWebIdentity", "sts:*", "*", ["sts:TagSession", "STS:assumerolewith*"]]
)
def test_an_action_may_have_wildcards(tmp_path: Path, action: Json) -> None:
    condition: Json = {"StringEquals": {f"{GITHUB}:sub": MAIN}}
    assert len(grants_of(policy_of(tmp_path, trust(statement(condition, Action=action))))) == 1


@pytest.mark.parametrize("changes", [{"Action": "sts:AssumeRoleWithWebIdentit?"}, {"Action": None}, {"Action": [7]}])
def test_ambiguous_deny_counts_as_a_deny(tmp_path: Path, changes: dict[str, Json]) -> None:
    allow = of_sub(MAIN)["Statement"]
    assert isinstance(allow, list)
    done = imported(tmp_path, trust(*allow, {**statement(None, Effect="Deny"), **changes}))
    assert (done.status, done.out) == (1, "")


def test_deny_of_another_action_is_ignored(tmp_path: Path) -> None:
    allow = of_sub(MAIN)["Statement"]
    assert isinstance(allow, list)
    deny = statement(None, Effect="Deny", Principal={"AWS": "*"}, Action="sts:AssumeRole")
    assert len(grants_of(policy_of(tmp_path, trust(deny, *allow)))) == 1


def test_each_provider_has_its_own_claims(tmp_path: Path) -> None:
    both: Json = {"Federated": [provider(GITHUB), provider("gitlab.com")]}
    done = imported(tmp_path, trust(statement({"StringEquals": {f"{GITHUB}:sub": MAIN}}, Principal=both)), "--json")
    assert list(dict(enumerate(grants_of(done.fields)))) == [0]
    assert "Statement[0] is left out for gitlab.com" in done.err


def test_placeholder_account_is_not_used(tmp_path: Path) -> None:
    principal: Json = {"Federated": f"arn:aws:iam::<ACCOUNT>:oidc-provider/{GITHUB}"}
    policy = policy_of(tmp_path, trust(statement({"StringEquals": {f"{GITHUB}:sub": MAIN}}, Principal=principal)))
    assert only(policy)["role"] == "arn:aws:iam::000000000000:role/replace-me"


def test_another_partitions_role_has_a_registry_there(tmp_path: Path) -> None:
    principal: Json = {"Federated": f"arn:aws-cn:iam::{ACCOUNT}:oidc-provider/{GITHUB}"}
    policy = policy_of(tmp_path, trust(statement({"StringEquals": {f"{GITHUB}:sub": MAIN}}, Principal=principal)))
    assert policy["registries"] == {f"registry-{ACCOUNT}": {"type": "ecr", "account": ACCOUNT, "region": "cn-north-1"}}


def test_google_audience_is_oaud(tmp_path: Path) -> None:
    condition: Json = {
        "StringEquals": {
            "accounts.google.com:oaud": AUDIENCE,
            "accounts.google.com:aud": "77",
            "accounts.google.com:sub": "77",
        }
    }
    policy = policy_of(tmp_path, trust(statement(condition, Principal={"Federated": "accounts.google.com"})))
    assert issuer(policy)["audience"] == AUDIENCE
    assert only(policy)["claims"] == {"sub": "77", "azp": "77"}


@pytest.mark.parametrize(("claim", "value"), [("aud", "x" * 1001), ("sub", "repo:o\x01/r:pull_request"), ("iat", "7")])
def test_unloadable_grant_is_left_out(tmp_path: Path, claim: str, value: str) -> None:
    asked: Json = {f"{GITHUB}:aud": AUDIENCE, f"{GITHUB}:sub": MAIN, f"{GITHUB}:{claim}": value}
    bad = statement({"StringEquals": asked})
    good = of_sub(MAIN)["Statement"]
    assert isinstance(good, list)
    done = imported(tmp_path, trust(bad, *good), "--json")
    assert len(grants_of(done.fields)) == 1
    assert "Statement[0]: left out, because the policy would not load with it" in done.err
    assert imported(tmp_path, trust(bad)).status == 1


def test_unrelated_roles_in_a_list_are_skipped(tmp_path: Path) -> None:
    lambdas = role(trust(statement(None, Principal={"Service": "lambda.amazonaws.com"}, Action="sts:AssumeRole")))
    done = imported(tmp_path, {"Roles": [lambdas, role(of_sub(MAIN, operator="StringEquals")), lambdas]})
    assert len(yaml.safe_load(done.out)["grants"]) == 1
    assert "Roles[" not in done.err
    done = imported(tmp_path, {"Role": lambdas})
    assert done.status == 1
    assert "left out: not about sts:AssumeRoleWithWebIdentity" in done.err


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "trust.json: byte"),
        (b"{", "trust.json:1:"),
        (b"[]", "not a JSON object"),
        (b"{}", "expected a trust policy with Statement"),
        (b'{"Statement": []}', "Statement: expected a statement or a list of them"),
        (b'{"Statement": ["x"]}', "Statement: expected a statement or a list of them"),
        (b'{"Statement": [], "Statement": []}', "duplicate member"),
        (
            b'{"Role": {"AssumeRolePolicyDocument": "%7B%"}}',
            "Role.AssumeRolePolicyDocument: expected a policy document",
        ),
        (b'{"Role": {"AssumeRolePolicyDocument": 7}}', "Role.AssumeRolePolicyDocument: expected a policy document"),
        (b'{"Roles": [{}]}', "Roles[0].AssumeRolePolicyDocument: missing"),
        (
            json.dumps(of_sub(*[f"repo:o/r{n}:environment:e{n}" for n in range(1000)])).encode(),
            "at most 20480 characters",
        ),
        (b"\xff\xfe{\x00}\x00", "not UTF-8"),
    ],
)
def test_invalid_trust_policy_is_reported_with_its_place(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "trust.json").write_bytes(content)
    done = run("policy", "import", tmp_path / "trust.json")
    assert (done.status, done.out) == (2, "")
    assert said in done.err or (not content and "trust.json" in done.err)


@pytest.mark.parametrize("options", [(), ("-", "--issuer-name", "a b"), ("-", "--issuer-name", ""), ("absent.json",)])
def test_wrong_usage_is_reported(options: tuple[str, ...]) -> None:
    done = run("policy", "import", *options, given=json.dumps(of_sub(MAIN)))
    assert (done.status, done.out) == (2, "")


def test_a_file_cannot_move_the_terminal(tmp_path: Path) -> None:
    done = imported(tmp_path, of_sub("repo:o/\x1b[2J:*\u202e"))
    assert (done.out + done.err).replace("\n", "").isprintable()


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.text(max_size=9)
    | st.sampled_from([MAIN, GITHUB, provider(GITHUB), "*", "Allow", "Deny"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["Federated", "StringLike", f"{GITHUB}:sub", "AWS", "x", "Null", "StringNotEquals"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=9,
)


@given(place=st.sampled_from(["Effect", "Principal", "Action", "Condition", "Sid", "x"]), value=ANYTHING)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=3 * settings().max_examples)
def test_any_value_gives_a_policy_or_a_message(tmp_path: Path, place: str, value: Json) -> None:
    whole = of_sub(MAIN)["Statement"]
    assert isinstance(whole, list)
    assert isinstance(whole[0], dict)
    done = imported(tmp_path, trust({**whole[0], place: value}), "--json")
    assert done.status in {0, 1}
    assert done.status == 0 or done.err
    assert "would not load" not in done.err


@given(
    content=st.binary(max_size=60)
    | st.text(max_size=60).map(str.encode)
    | ANYTHING.map(lambda found: json.dumps(found).encode())
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=2 * settings().max_examples)
def test_any_file_gives_a_message(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "any.json"
    path.write_bytes(content)
    done = run("policy", "import", path)
    assert done.status == 2
    assert "any.json" in done.err


def test_a_claim_that_has_to_exist_is_required(tmp_path: Path) -> None:
    condition: Json = {"StringEquals": {f"{GITHUB}:sub": MAIN}, "Null": {f"{GITHUB}:environment": "false"}}
    match = only(policy_of(tmp_path, trust(statement(condition))))["match"]
    assert isinstance(match, dict)
    assert match["environment"] == {"exists": True}


def test_a_boolean_is_the_text_that_tokens_have(tmp_path: Path) -> None:
    asked: Json = {f"{GITHUB}:sub": MAIN, f"{GITHUB}:ref_protected": True}
    claims = only(policy_of(tmp_path, trust(statement({"StringEquals": asked}))))["claims"]
    assert isinstance(claims, dict)
    assert claims["ref_protected"] == "true"


def test_subjects_that_differ_twice_have_a_grant_each(tmp_path: Path) -> None:
    subjects = ["repo:o/x:ref:refs/heads/main", "repo:o/y:ref:refs/heads/next", "repo:o/y:ref:refs/heads/main"]
    apart, merged = (grants_of(policy_of(tmp_path, of_sub(*of))) for of in (subjects[:2], subjects[1:]))
    assert [one["match"] for one in apart] == [
        {"repository": "o/x", "branch": "main"},
        {"repository": "o/y", "branch": "next"},
    ]
    assert [one["match"] for one in merged] == [{"repository": "o/y", "branch": ["main", "next"]}]


def test_events_in_subjects_are_velas(tmp_path: Path) -> None:
    address = "vela.nordlicht.example/_services/token"
    found = policy_of(tmp_path, of_sub("repo:o/r:ref:refs/heads/main:event:push", address=address))
    assert issuer(found)["provider"] == "vela"
    assert issuer(policy_of(tmp_path, of_sub(MAIN, address=address)))["provider"] == "github-actions"
