"""Each danger is found where it is, and what only looks like it is not."""

import json
from datetime import date

import pytest

from tests.cli.lint.lint import codes, lint
from tests.docs.pages import ROOT, blocks, page
from tests.policy.decisions import terms
from tests.policy.documents import Document, changed, document, grant, load
from token_exchange.adapters.policy_file import PolicyFile
from token_exchange.downscope.session_policy import session_policy
from token_exchange.policy.load import load_policy
from token_exchange.policy.reach import reach_of
from token_exchange.policy.reading.problems import spelled_path
from token_exchange.ports import Json
from token_exchange.refusals import Refused
from token_exchange_cli.lint.finding import Subject
from token_exchange_cli.lint.linter import warnings

GITLAB_IDS: Json = [{"id": "310"}]
HUB: Json = {
    "type": "secret",
    "host": "docker.io",
    "secret_arn": "arn:aws:secretsmanager:eu-central-1:210987654321:secret:hub-AbCdEf",
}
NO_SESSION: dict[str, Json] = {"role": None, "access": None, "repositories": None, "registry": "hub"}


def policy(*grants: Document, deny: Json = None, **issuers: Json) -> Document:
    """Return the small policy of the tests without a danger of its own, and with these."""
    found = changed(document(*grants, deny=deny), "issuers.gitlab.organizations", GITLAB_IDS)
    found = changed(found, "registries.hub", HUB)
    for path, value in issuers.items():
        found = changed(found, f"issuers.{path.replace('__', '.')}", value)
    return found


def push(**changes: Json) -> Document:
    plain: dict[str, Json] = {"access": "push", "match": {"branch": "main"}, "repositories": ["ci/{repository}"]}
    return grant(**{**plain, **changes})


def stored(**changes: Json) -> Document:
    plain: dict[str, Json] = {**NO_SESSION, "match": {"branch": "main"}}
    return grant(**{**plain, **changes})


AZURE: Json = {
    "provider": "azure-devops",
    "organization": "5a0b6e53-8f1d-4c92-b7a6-0e4d9c3f2a18",
    "audience": "api://AzureADTokenExchange",
    "shared_audience": True,
    "organizations": [{"id": "5a0b6e53-8f1d-4c92-b7a6-0e4d9c3f2a18"}],
}
P: Json = {"branch": "main", "environment": "p"}


def denies(**changes: Json) -> Json:
    rule: dict[str, Json] = {"name": "stop", "issuers": ["github"], **changes}
    return [rule]


def test_a_careful_policy_has_no_danger() -> None:
    assert codes(policy()) == []
    assert codes(policy(push())) == []
    assert codes(policy(stored())) == []


MAIN: Json = {"branch": "main"}
PRESENT: list[Json] = [{"not": "push"}, {"not_like": "p*"}, {"exists": True}]
NO_BOUND: list[dict[str, Json]] = [
    {"match": {"ref_protected": False}},
    {"match": {"branch": {"like": "?**"}}},
    {"match": {"ref": {"like": "refs/heads/**"}}},
    {"claims": {"ref_protected": "false"}},
    {"claims": {"ref_protected": {"not": "true"}}},
    {"claims": {"ref_type": "branch"}},
]

CASES: list[tuple[str, str, Document, Document]] = [
    # a code, where, a policy with it, and one that only looks like it
    (
        "organization-without-id", "issuers.github.organizations[0]",
        policy(github__organizations=[{"name": "nordlicht"}]),
        # nobody but its administrators hands out names there
        policy(gitlab__organizations=[{"name": "werft"}], gitlab__issuer="https://gitlab.nordlicht.example"),
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
    # deny rules
    (
        "denied-by-name", "deny[0].match.repository",
        policy(deny=denies(match={"repository": "nordlicht/kompass"})),
        policy(deny=denies(match={"repository": "nordlicht/kompass", "repository_id": "7"})),
    ),
    (
        "denied-by-name", "deny[0].match.actor",
        policy(deny=denies(match={"actor": "mallory"})),
        policy(deny=denies(match={"actor_id": "7"})),
    ),
    (
        "deny-never-fires", "deny[0].match.event",
        policy(deny=[{"name": "stop", "match": {"event": "schedule"}}]),
        policy(deny=denies(match={"event": "schedule"})),
    ),
    *(
        (
            "deny-never-fires", "deny[0].match.event",
            policy(deny=[{"name": "stop", "match": {"event": wanted}}]),
            policy(deny=[{"name": "stop", "match": {"event": {"exists": False}, "branch": "main"}}]),
        )
        for wanted in PRESENT
    ),
    (
        # a token in which it is a number is refused before; of the other's claims nothing is known
        "deny-never-fires", "deny[0].claims.sha",
        policy(deny=denies(issuers=["github", "own"], claims={"sha": 7})),
        policy(deny=denies(issuers=["own"], claims={"sha": 7})),
    ),
    (
        "deny-never-fires", "deny[0].match.actor",
        policy(deny=denies(match={"actor": {"like": "x*", "exists": False}})),
        policy(deny=denies(match={"actor": {"like": "x*", "exists": True}})),
    ),
    (
        "deny-never-fires", "deny[0]",
        policy(deny=denies(match={"branch": "main", "tag": "main"})),
        policy(deny=denies(match={"branch": "main", "ref": "refs/heads/main"})),
    ),
    (
        "denied-by-name", "deny[0].claims.actor",
        policy(deny=denies(claims={"actor": "mallory"})),
        policy(deny=denies(claims={"actor_id": "7"})),
    ),
    (
        "glob-stops-at-slash", "deny[0].match.branch",
        policy(deny=denies(match={"branch": {"like": "wild/*"}})),
        policy(deny=denies(match={"branch": {"like": "wild/**"}})),
    ),
    (
        "denied-without-sub-groups", "deny[0].match.organization",
        policy(deny=denies(issuers=["gitlab"], match={"organization": "werft", "organization_id": "1"})),
        policy(deny=denies(match={"organization": "nordlicht", "organization_id": "1"})),
    ),
    # who may push
    ("push-from-anywhere", "grants[0]", policy(push(match=None)), policy(push(match={"tag": {"like": "v*"}}))),
    (
        "push-from-anywhere", "grants[0]",
        policy(push(match={"repository_id": "7"})),
        policy(push(match=None, claims={"ref": "refs/heads/main"})),
    ),
    (
        "environment-alone", "grants[0]",
        policy(push(match={"environment": "production"})),
        policy(push(match={"environment": "production", "repository_id": "7"})),
    ),
    (
        "unprotected-gitlab-push", "grants[0]",
        policy(push(issuers=["gitlab"])),
        policy(push(issuers=["gitlab"], match={"branch": "main", "ref_protected": True})),
    ),
    (
        "written-by-the-job", "grants[0].match.workflow",
        policy(push(match={"branch": "main", "workflow": "images"})),
        policy(push(match={"branch": "main", "workflow_ref": "nordlicht/ci/.github/workflows/i.yml@refs/tags/v1"})),
    ),
    (
        "id-unused", "grants[0].match.repository",
        policy(push(match={"branch": "main", "repository": "nordlicht/kompass"})),
        policy(push(match={"branch": "main", "repository": "nordlicht/kompass", "repository_id": "7"})),
    ),
    # what is no bound, though it is a condition on a ref
    *(
        (
            "push-from-anywhere", "grants[0]",
            policy(push(**{"match": None, **condition})),
            policy(push(**{**condition, "match": MAIN})),
        )
        for condition in NO_BOUND
    ),
    (
        "unprotected-gitlab-push", "grants[0]",
        policy(push(issuers=["gitlab"], match={"branch": "main", "ref_protected": False})),
        policy(push(issuers=["gitlab"], match={"branch": "main"}, claims={"ref_protected": "true"})),
    ),
    (
        "unprotected-gitlab-push", "grants[0]",
        policy(push(issuers=["gitlab"], match={"branch": "main", "ref_protected": {"exists": True}})),
        policy(push(issuers=["gitlab"], match={"branch": "main", "ref_protected": {"not": False}})),
    ),
    (
        "written-by-the-job", "grants[0].claims.deployment_tier",
        policy(push(issuers=["gitlab"], claims={"deployment_tier": "production"})),
        policy(push(issuers=["gitlab"], claims={"environment_protected": "true"})),
    ),
    (
        "id-unused", "grants[0].claims.repository",
        policy(push(claims={"repository": "nordlicht/kompass"})),
        policy(push(claims={"repository": "nordlicht/kompass", "repository_id": "7"})),
    ),
    (
        "id-unused", "grants[0].claims.sub",
        policy(push(claims={"sub": "repo:nordlicht/kompass:ref:refs/heads/main"})),
        policy(push(match={"repository_id": "7"}, claims={"sub": "repo:nordlicht/kompass:ref:refs/heads/main"})),
    ),
    (
        "id-unused", "grants[0].match.organization",
        policy(grant(match={"organization": "nordlicht"}), github__organizations=[{"name": "nordlicht"}]),
        # the allowlist holds the two together
        policy(grant(match={"organization": "nordlicht"})),
    ),
    # outsiders, and logins that nothing bounds
    (
        "outsiders-push", "grants[0].allow_untrusted_triggers",
        policy(push(allow_untrusted_triggers=True)),
        policy(grant(allow_untrusted_triggers=True)),
    ),
    (
        "outsiders-get-a-stored-login", "grants[0].allow_untrusted_triggers",
        policy(stored(allow_untrusted_triggers=True)),
        policy(stored(allow_untrusted_triggers=False)),
    ),
    ("stored-login-for-all", "grants[0]", policy(stored(match=None)), policy(stored(claims={"ref": "refs/heads/x"}))),
    ("web-identity", "grants[0].assume", policy(grant(assume="web-identity")), policy(grant(assume="broker"))),
    # patterns
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
    # repositories
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
    # order
    (
        "never-matches", "grants[0]",
        policy(push(match={"branch": "main", "tag": "v1"})),
        policy(push(match={"branch": "main", "ref": "refs/heads/main"})),
    ),
    (
        "never-matches", "grants[0].match.event",
        policy(grant(match={"event": "pull_request"})),
        policy(grant(match={"event": "push"})),
    ),
    (
        "never-matches", "grants[0].match.organization_id",
        policy(grant(match={"organization_id": "999"})),
        policy(grant(match={"organization_id": "4400117"})),
    ),
    (
        "never-matches", "grants[0].match.organization",
        policy(grant(issuers=["gitlab"], match={"organization": "werften"}), gitlab__organizations=[{"name": "werft"}]),
        policy(grant(issuers=["gitlab"], match={"organization": "werft/x"}), gitlab__organizations=[{"name": "werft"}]),
    ),
    (
        "never-matches", "grants[0].match.repository_id",
        policy(grant(match={"repository_id": {"exists": False}})),
        policy(grant(match={"environment": {"exists": False}})),
    ),
    (
        "never-matches", "grants[0].repositories[0]",
        policy(grant(match={"branch": ["Main", "wip/a"]}, repositories=["ci/{branch}"])),
        policy(grant(match={"branch": ["Main", "wip-a"]}, repositories=["ci/{branch}"])),
    ),
    (
        "never-matches", "grants[0].match.branch",
        policy(grant(match={"branch": {"like": "m*", "exists": False}})),
        policy(grant(match={"branch": {"like": "m*", "exists": True}})),
    ),
    (
        "never-matches", "grants[0].match.branch",
        policy(grant(match={"branch": {"like": "main", "not": "main"}})),
        policy(grant(match={"branch": {"like": "main*", "not": "main"}})),
    ),
    (
        "never-matches", "grants[0].match.branch",
        policy(grant(match={"branch": {"like": ["a/**", "b"], "not_like": ["b", "a/**", "c"]}})),
        policy(grant(match={"branch": {"like": ["a/**", "b"], "not_like": ["a/**", "c"]}})),
    ),
    (
        "never-matches", "grants[0]",
        policy(grant(match={"branch": "main"}, claims={"ref_type": "tag"})),
        policy(grant(match={"branch": "main"}, claims={"ref_type": "branch"})),
    ),
    (
        "never-matches", "grants[0]",
        policy(grant(issuers=["gitlab"], match={"tag": {"like": "v*"}}, claims={"ref_type": {"not": "tag"}})),
        policy(grant(issuers=["gitlab"], match={"tag": {"like": "v*"}}, claims={"ref_type": {"not": "branch"}})),
    ),
    (
        "never-matches", "grants[0]",
        policy(grant(match={"branch": "main"}, claims={"ref": {"like": "refs/tags/**"}})),
        policy(grant(match={"branch": "main"}, claims={"ref": {"like": "refs/**"}})),
    ),
    (
        "unreachable", "grants[1]",
        policy(push(), push(name="two", match={"branch": "main", "environment": "p"})),
        policy(push(match={"branch": "main", "environment": "p"}), push(name="two")),
    ),
    # the earlier one may not apply: a name of its templates is not there, or its value gives no name or too long a one
    *(
        (
            "unreachable", "grants[1]",
            policy(push(**missing), push(name="two", match={"branch": "main", "environment": "p"})),
            policy(push(**missing), push(name="two")),
        )
        for missing in ({"session_tags": {"at": "{environment}"}}, {"source_identity": "{environment}"})
    ),
    (
        "unreachable", "grants[1]",
        policy(push(repositories=["ci/x", "ci/{environment}"]), push(name="two", match=P, repositories=["ci/x"])),
        policy(push(repositories=["ci/x", "ci/{environment}"]), push(name="two", repositories=["ci/x"])),
    ),
    (
        "unreachable", "grants[1]",
        policy(push(repositories=["ci/{repository}", "x"]), push(name="two", repositories=["ci/{repository}"])),
        policy(push(repositories=["ci/{repository}", "x"]), push(name="two", repositories=["x"])),
    ),
    # it does not count for those whom the later one lets in, or ends sooner, or answers less
    (
        "unreachable", "grants[1]",
        policy(grant(allow_untrusted_triggers=True), grant(name="two")),
        policy(grant(), grant(name="two", allow_untrusted_triggers=True)),
    ),
    (
        "unreachable", "grants[1]",
        policy(grant(expires="2027-06-01"), grant(name="two", expires="2027-05-01")),
        policy(grant(expires="2027-06-01"), grant(name="two")),
    ),
    (
        "unreachable", "grants[1]",
        policy(grant(repositories=["base/*"]), grant(name="two", repositories=["base/{repository}"])),
        policy(grant(repositories=["base/x"]), grant(name="two", repositories=["base/*"])),
    ),
    # a name that only a longer text needs, which may no longer fit; one that every token has
    (
        "unreachable", "grants[1]",
        policy(push(repositories=["ci/{repository}", "x/{repository}"]), push(name="two")),
        policy(push(repositories=["ci/{repository}", "more/{repository}/*"]), push(name="two")),
    ),
    (
        "unreachable", "grants[1]",
        policy(push(session_tags={"id": "{repository_id}"}), push(name="two")),
        policy(push(session_tags={"by": "{actor}"}), push(name="two")),
    ),
    # it is for fewer issuers, or for none yet
    (
        "unreachable", "grants[1]",
        policy(grant(issuers=["github", "gitlab"]), grant(name="two")),
        policy(grant(), grant(name="two", issuers=["github", "gitlab"])),
    ),
    ("unreachable", "grants[1]", policy(grant(), grant(name="two")), policy(grant(mode="report"), grant(name="two"))),
    ("unreachable", "grants[1]", policy(grant(), grant(name="two")), policy(grant(), grant(name="two", mode="report"))),
    # one for everybody behind one for a few
    (
        "later-gives-more", "grants[1]",
        policy(grant(match={"repository_id": "7"}), push(name="two")),
        policy(grant(match={"repository_id": "7"}), push(name="two", match={"repository_id": {"not": "7"}})),
    ),
    # a login for other repositories is not more of the same
    (
        "later-gives-more", "grants[1]",
        policy(push(), push(name="two", repositories=["ci/*"])),
        policy(push(), grant(name="two", duration="1h")),
    ),
    (
        "later-gives-more", "grants[1]",
        policy(stored(single_use=True), stored(name="two")),
        policy(stored(), stored(name="two", single_use=True)),
    ),
    (
        "later-gives-more", "grants[1]",
        policy(grant(match={"branch": "main"}), push(name="two")),
        policy(grant(match={"branch": "dev"}), push(name="two")),
    ),
    (
        "later-gives-more", "grants[1]",
        policy(push(duration="15m"), push(name="two", match={"ref_protected": True}, duration="30m")),
        policy(push(duration="30m"), push(name="two", match={"ref_protected": True}, duration="15m")),
    ),
    (
        "later-gives-more", "grants[1]",
        policy(push(single_use=True), push(name="two", match={"ref_protected": True})),
        policy(push(), push(name="two", match={"ref_protected": True}, single_use=True)),
    ),
    # time and size
    (
        "single-use-of-an-only-token", "grants[0].single_use",
        policy(grant(issuers=["gitlab"], single_use=True)),
        policy(grant(single_use=True)),
    ),
    ("outlives-its-session", "grants[0].duration", policy(grant(duration="61m")), policy(grant(duration="60m"))),
    ("expired", "grants[0].expires", policy(grant(expires="2026-11-20")), policy(grant(expires="2026-12-22"))),
    ("expires-soon", "grants[0].expires", policy(grant(expires="2026-12-21")), policy(grant(expires="2027-11-21"))),
    (
        "session-policy-nearly-full", "grants[0].repositories",
        policy(grant(repositories=[f"{'x' * 60}-{number}" for number in range(16)])),
        policy(grant(repositories=[f"{'x' * 60}-{number}" for number in range(6)])),
    ),
    (
        "session-policy-nearly-full", "grants[0].repositories",
        policy(push(repositories=[f"ci/{{repository}}/{number}" for number in range(8)])),
        policy(push(repositories=["ci/{repository}", "ci/{repository}/*"])),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("code", "where", "dangerous", "careful"), CASES)
def test_a_danger_is_found_and_its_likeness_is_not(
    code: str, where: str, dangerous: Document, careful: Document
) -> None:
    found = [finding for finding in lint(dangerous) if finding.code == code]
    assert [spelled_path(finding.path) for finding in found][:1] == [where]
    assert all(finding.severity == "warning" and finding.message and finding.suggestion for finding in found)
    assert code not in codes(careful)


def test_a_grant_that_never_wins_unnamed_may_still_give_more() -> None:
    found = policy(push(duration="15m"), push(name="two", match={"branch": "main", "ref_protected": True}))
    assert codes(found) == ["unreachable", "later-gives-more"]


def test_what_a_later_grant_gives_beyond_is_told_as_the_policy_has_it() -> None:
    found = policy(
        grant(duration="15m", single_use=True, repositories=["ci/{repository}"]),
        push(name="two", repositories=["ci/{repository}", "x/{environment}"], also=["list"], duration="90m"),
    )
    (message,) = [one.message for one in lint(found) if one.code == "later-gives-more"]
    assert (
        "has push, more repositories (x/{environment}), the right to list, more time (90m, not 15m), "
        "a login without single_use when he names it (grant=two)"
    ) in message


BITRISE: dict[str, Json] = {
    "provider": "bitrise",
    "audience": "https://ecr.nordlicht.example",
    "organizations": [{"id": "a90b3c7d15e2f846"}],
}
BUILDKITE: Json = {
    **BITRISE,
    "provider": "buildkite",
    "organizations": [{"id": "0184990a-477b-4fa8-9968-496074483cee"}],
}
AWS: Json = {
    **BITRISE,
    "provider": "aws-sts",
    "issuer": "https://0c9e4a6b-1d2f-4e37-a85c-7b60d9f1e2a4.tokens.sts.global.api.aws",
    "organizations": [{"id": "210987654321"}],
}
CIRCLECI: Json = {
    **BITRISE,
    "provider": "circleci",
    "issuer": "https://oidc.circleci.com/org/84b1f7e2-60c9-4d35-9a1e-2f7c05d8b463",
    "organizations": [{"id": "84b1f7e2-60c9-4d35-9a1e-2f7c05d8b463"}],
}


def of(entry: Json, **changes: Json) -> Document:
    """Return a policy with one grant, for the issuer of `entry`."""
    return changed(policy(grant(issuers=["ci"], **changes)), "issuers.ci", entry)


@pytest.mark.parametrize(
    ("entry", "match", "found"),
    [
        # two claims, which a token may have both
        (BITRISE, {"branch": "main", "tag": "v1"}, []),
        # the tag's claim keeps the branch from counting
        (BUILDKITE, {"branch": "main", "tag": "v1"}, ["never-matches"]),
        # one ref, which is one of the two
        (CIRCLECI, {"branch": "main", "tag": "v1", "repository": "a/b"}, ["never-matches"]),
        (CIRCLECI, {"branch": "main", "repository": "a/b"}, []),
        # what each grant has to match there
        (CIRCLECI, {"branch": "main"}, ["never-matches"]),
    ],
)
def test_that_branch_and_tag_exclude_each_other_is_said_only_where_they_do(
    entry: Json, match: Json, found: list[str]
) -> None:
    assert [code for code in codes(of(entry, match=match)) if code == "never-matches"] == found


def test_conditions_on_declared_names_alone() -> None:
    found = of(BITRISE, match={"repository": "a/b"})
    assert "declared-alone" in codes(found)
    found = changed(found, "grants[0].match", {"repository": "a/b", "pipeline_id": "62d8"})
    assert "declared-alone" not in codes(found)


@pytest.mark.parametrize(
    ("entry", "conditions", "found"),
    [
        # a branch says where, not whose
        (BITRISE, {"match": {"repository": "a/b", "branch": "main"}}, True),
        (BITRISE, {"match": {"repository": "a/b"}, "claims": {"app_slug": "62d8"}}, False),
        (BITRISE, {"match": {"repository": "a/b", "pipeline_id": {"like": "**"}}}, True),
        (BITRISE, {"match": {"branch": "main"}}, False),
        (AWS, {"claims": {"https://sts.amazonaws.com/": {"request_tags": {"team": "a"}}}}, True),
    ],
)
def test_what_a_user_types_in_does_not_say_whose_run_it_is(
    entry: Json, conditions: dict[str, Json], *, found: bool
) -> None:
    assert ("declared-alone" in codes(of(entry, **conditions))) is found


BY_NAME: Json = {**BITRISE, "organizations": [{"name": "a90b3c7d15e2f846"}]}


def test_a_name_that_is_the_id_needs_none_beside_it() -> None:
    assert codes(of(BY_NAME, match={"pipeline_id": "a"})) == []


def test_an_issuer_that_lacks_a_name_is_told_of_once_with_all_that_do() -> None:
    found = changed(policy(deny=[{"name": "stop", "match": {"repository_id": "7"}}]), "issuers.bitrise", BITRISE)
    (finding,) = lint(changed(found, "issuers.buildkite", BUILDKITE))
    assert "no token of bitrise, buildkite can meet this" in finding.message


def test_a_subject_that_spells_two_names_is_told_of_once() -> None:
    found = policy(push(claims={"sub": "repo:nordlicht/kompass:environment:production"}))
    (finding,) = [one for one in lint(found) if one.code == "id-unused"]
    assert "repository_id" in finding.suggestion


def test_what_to_write_instead_is_what_the_ci_system_has() -> None:
    (finding,) = lint(of(BUILDKITE, access="push", match={"pipeline_id": "a"}))
    assert (finding.code, finding.suggestion) == (
        "push-from-anywhere",
        'add a condition that not everybody can meet: branch: main, or tag: {like: "v*"}',
    )
    (finding,) = lint(policy(gitlab__organizations=[{"name": "werft"}]))
    # A sub-group's project has the sub-group's id.
    assert finding.suggestion == 'list the id of each group that runs jobs, instead: {id: "ITS-ID"}'


def test_a_negation_in_a_deny_rule_stops_more_not_less() -> None:
    (finding,) = lint(policy(deny=denies(match={"branch": {"not_like": "live/*"}})))
    assert "the rule stops that too" in finding.message


@pytest.mark.parametrize("entry", [BITRISE, BUILDKITE])
def test_a_subject_that_the_job_chooses_keeps_nobody_out(entry: Json) -> None:
    found = lint(of(entry, match={"pipeline_id": "a"}, claims={"sub": "0184990a-477b-4fa8-9968-496074483cee"}))
    assert [(one.code, spelled_path(one.path)) for one in found] == [("written-by-the-job", "grants[0].claims.sub")]


def test_an_audience_that_nobody_can_choose_is_not_to_be_changed() -> None:
    (finding,) = lint(changed(policy(), "issuers.azure", AZURE))
    assert finding.suggestion == "set single_use on the grants of this issuer"


BITBUCKET: Json = {
    "provider": "bitbucket-pipelines",
    "workspace": "nordlicht",
    "audience": "https://ecr.nordlicht.example",
    "organizations": [{"id": "2b7e1516-28ae-42a6-abf7-158809cf4f3c"}],
}


def test_a_tenant_that_is_the_issuers_own_is_the_only_one() -> None:
    assert "never-matches" in codes(of(BITBUCKET, match={"organization": "werft"}))
    assert "never-matches" not in codes(of(BITBUCKET, match={"organization": "nordlicht"}))


def test_no_pattern_leads_from_an_issuer_of_one_tenant_to_another() -> None:
    any_step: Json = {"sub": {"like": "{a7c40000-1111-2222-3333-444455556666}**:**"}}
    assert "crosses-organizations" not in codes(of(BITBUCKET, claims=any_step))
    assert "crosses-organizations" in codes(of(BITRISE, claims=any_step))


def test_ids_that_nobody_can_make_alike_are_not_shared() -> None:
    found = changed(
        policy(push(repositories=["ci/{repository_id}"]), push(name="two", issuers=["ci"])), "issuers.ci", BITBUCKET
    )
    assert "shared-template" not in codes(changed(found, "grants[1].repositories", ["ci/{repository_id}"]))


def test_a_grant_that_lacks_what_its_ci_system_asks_of_each_never_stands_in_front() -> None:
    first = grant(issuers=["ci"], match={"branch": "main"})
    second = grant(name="two", issuers=["ci"], match={"branch": "main", "repository": "a/b"})
    assert "unreachable" not in codes(changed(policy(first, second), "issuers.ci", CIRCLECI))
    first = {**first, "match": {"branch": "main", "repository": ["a/b", "a/c"]}}
    assert "unreachable" in codes(changed(policy(first, second), "issuers.ci", CIRCLECI))


@pytest.mark.parametrize(
    ("entry", "wanted"),
    [
        (BITRISE, {"claims": {"branch_dest": "main"}}),
        (
            {"provider": "gitlab", "issuer": "https://gitlab.nordlicht.example"},
            {"match": {"event": ["merge_request_event", "external_pull_request_event"]}},
        ),
        (CIRCLECI, {"match": {"repository": "a/b", "ref": "refs/pull/7"}}),
    ],
)
def test_what_only_runs_of_outsiders_meet_never_matches(entry: Json, wanted: dict[str, Json]) -> None:
    found = of({**BITRISE, **entry} if isinstance(entry, dict) else entry, **wanted)
    assert "never-matches" in codes(found)
    assert "never-matches" not in codes(changed(found, "grants[0].allow_untrusted_triggers", value=True))


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [
        ({"sha": "a"}, {"sha": "b"}, []),
        # a list satisfies conditions on two of its elements
        ({"groups": "a"}, {"groups": "b"}, ["later-gives-more"]),
        ({"groups": {"like": "a*"}}, {"groups": {"like": "b*"}}, ["later-gives-more"]),
        ({"groups": {"exists": False}}, {"groups": "b"}, []),
    ],
)
def test_a_claim_that_may_be_a_list_excludes_little(one: Json, other: Json, found: list[str]) -> None:
    said = codes(policy(grant(claims=one), push(name="two", claims=other)))
    assert [code for code in said if code == "later-gives-more"] == found


def test_the_length_at_which_it_no_longer_fits_is_told() -> None:
    found = policy(push(repositories=[f"ci/{{repository}}/{number}" for number in range(8)]))
    (finding,) = [one for one in lint(found) if one.code == "session-policy-nearly-full"]
    assert finding.message.endswith("with values of more than 149 characters it no longer fits")
    loaded = load(found)
    (taken,) = loaded.grants
    (fits, does_not) = (
        reach_of(terms(taken), loaded.issuers["github"].preset, {"repository": f"n/{'x' * (length - 2)}"})
        for length in (149, 150)
    )
    assert session_policy(taken.registry, fits, until=1_800_000_000)
    with pytest.raises(Refused):
        session_policy(taken.registry, does_not, until=1_800_000_000)


@pytest.mark.parametrize(("name", "text"), blocks("yaml", "policy"))
def test_no_example_of_the_documents_is_dangerous_without_its_being_said(name: str, text: str) -> None:
    """Some systems let nobody do better; their pages name the warning, and what it means there."""
    found = load_policy(text.encode(), name="p", read_file=None)
    said = page(name).prose
    assert [
        f"{one.code} {spelled_path(one.path)}"
        for one in warnings(Subject(policy=found, today=date.today()))  # noqa: DTZ011 - a day
        if not (name.startswith("docs/ci/") and f"(../lint.md#{one.code})" in said)
    ] == []


def test_the_policy_to_start_from_is_not_dangerous() -> None:
    given = PolicyFile(ROOT / "docs/examples/policy.yaml").read()
    found = load_policy(given.content, name=given.name, read_file=given.read_file)
    assert list(warnings(Subject(policy=found, today=date(2026, 11, 21)))) == []


def test_ten_thousand_grants_are_looked_at() -> None:
    many = [push(name=f"g{n}", match={"repository_id": str(n), "branch": "main"}) for n in range(10_000)]
    found = policy(*many, push(name="again", match={"repository_id": "77", "branch": "main", "tag": {"exists": False}}))
    assert codes(json.loads(json.dumps(found))) == ["unreachable"]
