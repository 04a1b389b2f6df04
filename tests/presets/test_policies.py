"""Policies that people write for Bitbucket, Bitrise and AWS: who gets in, and what one other claim changes."""

import pytest

from sandbox.providers import all_providers
from tests.ci_claims import (
    AWS_ISSUER,
    BITBUCKET_ISSUER,
    ENVIRONMENT,
    REPOSITORY,
    STS,
    WORKSPACE,
    aws_claims,
    bitbucket_claims,
    bitrise_claims,
)
from tests.core.decisions import decided, denied, granted, names, nearest, reach, winners
from tests.loading.documents import AUDIENCE, Document, changed, document, faults, grant, load
from token_exchange.core.ports import Json
from token_exchange.core.refusals import Reason, Refused
from token_exchange.loading.problems import Code

OTHER = "00000000-1111-4222-8333-444444444444"
ROLE = "arn:aws:iam::320987654321:role/builds/ruder-ship"

ISSUERS: Document = {
    "bitbucket": {
        "provider": "bitbucket-pipelines",
        "workspace": "fjordbyte",
        "audience": AUDIENCE,
        "organizations": [{"name": "fjordbyte", "id": WORKSPACE}],
    },
    "bitrise": {
        "provider": "bitrise",
        "audience": AUDIENCE,
        "organizations": [{"id": "5eed0a1b2c3d4e5f"}],
    },
    "aws": {
        "provider": "aws-sts",
        "issuer": AWS_ISSUER,
        "audience": AUDIENCE,
        "organizations": [{"name": "o-9z8y7x6w5v", "id": "320987654321"}],
    },
}

MATCHES: dict[str, Document] = {
    "bitbucket": {"repository_id": REPOSITORY, "environment": ENVIRONMENT},
    "bitrise": {"pipeline_id": "c0ffee12ab34cd56", "branch": "main"},
    "aws": {"actor_id": ROLE},
}

CLAIMS = {
    "bitbucket": bitbucket_claims(deploymentEnvironmentUuid=f"{{{ENVIRONMENT}}}"),
    "bitrise": bitrise_claims(),
    "aws": aws_claims(),
}


def policy(issuer: str, **changes: Json) -> Document:
    fields: Document = {"issuers": [issuer], "match": MATCHES[issuer], **changes}
    return document(grant(**fields), issuers=ISSUERS)


@pytest.mark.parametrize("issuer", sorted(ISSUERS))
def test_a_job_that_the_policy_is_for(issuer: str) -> None:
    assert winners(decided(policy(issuer), CLAIMS[issuer], issuer=issuer)) == ["reader"]


@pytest.mark.parametrize(
    ("issuer", "changes", "reason"),
    [
        ("bitbucket", {"repositoryUuid": f"{{{OTHER}}}"}, Reason.NO_MATCHING_GRANT),
        ("bitbucket", {"deploymentEnvironmentUuid": f"{{{OTHER}}}"}, Reason.NO_MATCHING_GRANT),
        ("bitbucket", {"deploymentEnvironmentUuid": ""}, Reason.NO_MATCHING_GRANT),
        ("bitbucket", {"workspaceUuid": f"{{{OTHER}}}"}, Reason.ORGANIZATION_NOT_ALLOWED),
        ("bitbucket", {"workspaceUuid": "{fjordbyte}"}, Reason.ORGANIZATION_NOT_ALLOWED),
        ("bitrise", {"app_slug": "c0ffee12ab34cd57"}, Reason.NO_MATCHING_GRANT),
        ("bitrise", {"branch": "feature"}, Reason.NO_MATCHING_GRANT),
        ("bitrise", {"branch": ""}, Reason.NO_MATCHING_GRANT),
        ("bitrise", {"workspace_slug": "5eed0a1b2c3d4e50"}, Reason.ORGANIZATION_NOT_ALLOWED),
        ("bitrise", {"branch_dest": "main"}, Reason.UNTRUSTED_TRIGGER),
        ("aws", {"sub": f"{ROLE}-other"}, Reason.NO_MATCHING_GRANT),
        ("aws", {STS: {"aws_account": "320987654322", "org_id": "o-9z8y7x6w5v"}}, Reason.ORGANIZATION_NOT_ALLOWED),
        ("aws", {STS: {"aws_account": "320987654321", "org_id": "o-other"}}, Reason.ORGANIZATION_NOT_ALLOWED),
        ("aws", {STS: {"aws_account": "320987654321"}}, Reason.ORGANIZATION_NOT_ALLOWED),
    ],
)
def test_one_claim_that_matters_differs(issuer: str, changes: Document, reason: Reason) -> None:
    denied(decided(policy(issuer), {**CLAIMS[issuer], **changes}, issuer=issuer), reason)


@pytest.mark.parametrize("issuer", sorted(ISSUERS))
@pytest.mark.parametrize("other", sorted(ISSUERS))
def test_a_token_under_anothers_entry(issuer: str, other: str) -> None:
    if issuer != other:
        with pytest.raises(Refused) as refused:
            decided(policy(issuer), CLAIMS[other], issuer=issuer)
        assert refused.value.reason is Reason.MISSING_CLAIM


# ------------------------------------------------------------------------------------------- braces, on either side

BRACED = f"{{{REPOSITORY}}}"


def test_braces_do_not_count(subtests: pytest.Subtests) -> None:
    conditions: list[Document] = [
        {"match": {"repository_id": "ID"}},
        {"match": {"repository_id": ["x", "ID"]}},
        {"match": {"repository_id": {"like": "ID"}}},
        {"claims": {"repositoryUuid": "ID"}},
        {"claims": {"repositoryUuid": {"like": "ID"}}},
    ]
    for condition in conditions:
        for sent in [REPOSITORY, BRACED]:
            for written in [REPOSITORY, BRACED]:
                with subtests.test(written=written, sent=sent, condition=condition):
                    found = policy("bitbucket", **{"match": None, **_filled(condition, written)})
                    claims = bitbucket_claims(repositoryUuid=sent)
                    assert winners(decided(found, claims, issuer="bitbucket")) == ["reader"]
                    denied(
                        decided(found, bitbucket_claims(repositoryUuid=f"{{{OTHER}}}"), issuer="bitbucket"),
                        Reason.NO_MATCHING_GRANT,
                    )
                    rule: Document = {"name": "stop", "issuers": ["bitbucket"], **_filled(condition, written)}
                    denied(
                        decided({**policy("bitbucket", match=None), "deny": [rule]}, claims, issuer="bitbucket"),
                        Reason.DENIED,
                    )


@pytest.mark.parametrize("section", ["match", "claims"])
@pytest.mark.parametrize("written", [REPOSITORY, BRACED])
@pytest.mark.parametrize("operator", ["not", "not_like"])
def test_braces_do_not_make_it_another(section: str, written: str, operator: str) -> None:
    name = "repository_id" if section == "match" else "repositoryUuid"
    fields: Document = {"match": None, section: {name: {operator: written}}}
    found = policy("bitbucket", **fields)
    denied(decided(found, bitbucket_claims(), issuer="bitbucket"), Reason.NO_MATCHING_GRANT)


@pytest.mark.parametrize("glob", ["{9d5c*", "*0c94}", "{*}", "{**}"])
@pytest.mark.parametrize("operator", ["like", "not_like"])
def test_part_of_a_uuid_is_written_without_braces(glob: str, operator: str) -> None:
    found = policy("bitbucket", match={"repository_id": {operator: glob}})
    assert faults(found) == [(f"grants[0].match.repository_id.{operator}", "bad-value")]


@pytest.mark.parametrize("written", [WORKSPACE, f"{{{WORKSPACE}}}"])
def test_the_allowlist_has_ids_with_or_without_braces(written: str) -> None:
    found = changed(policy("bitbucket"), "issuers.bitbucket.organizations", [{"id": written}])
    assert winners(decided(found, CLAIMS["bitbucket"], issuer="bitbucket")) == ["reader"]


def test_elsewhere_braces_are_part_of_a_name() -> None:
    found = policy("bitrise", match={"branch": BRACED})
    assert winners(decided(found, bitrise_claims(branch=BRACED), issuer="bitrise")) == ["reader"]
    denied(decided(found, bitrise_claims(branch=REPOSITORY), issuer="bitrise"), Reason.NO_MATCHING_GRANT)


def test_braces_count_by_the_issuer_of_a_claim() -> None:
    """The index files both grants of `bitrise` under the same claim."""
    both = grant(name="both", issuers=["bitbucket", "bitrise"], match=None, claims={"accountUuid": REPOSITORY})
    alone = grant(name="alone", issuers=["bitrise"], match=None, registry="base", claims={"accountUuid": BRACED})
    found = document(both, alone, issuers=ISSUERS)
    decision = decided(found, bitrise_claims(accountUuid=BRACED), issuer="bitrise")
    assert winners(decision) == ["both", "alone"]
    decision = decided(found, bitrise_claims(accountUuid=REPOSITORY), issuer="bitrise")
    assert winners(decision) == ["both"]


def _filled(condition: Json, written: str) -> Document:
    def put(node: Json) -> Json:
        if isinstance(node, dict):
            return {key: put(value) for key, value in node.items()}
        if isinstance(node, list):
            return [put(item) for item in node]
        return written if node == "ID" else node

    found = put(condition)
    assert isinstance(found, dict)
    return found


# ----------------------------------------------------------------------------------------------------- templates


@pytest.mark.parametrize(
    ("issuer", "template", "code"),
    [
        ("bitbucket", "bb/{organization}/{repository_id}", None),
        ("bitbucket", "bb/{environment}", None),
        # what it holds for a pull request is not documented
        ("bitbucket", "bb/{branch}", "bad-value"),
        ("bitbucket", "bb/{repository}", "unknown-name"),
        ("bitrise", "br/{organization}/{pipeline_id}", None),
        # an app's owner types it in
        ("bitrise", "br/{repository}", "bad-value"),
        ("bitrise", "br/{workflow}", "bad-value"),
        ("bitrise", "br/{branch}", "bad-value"),
        ("aws", "aws/{organization_id}", None),
        ("aws", "aws/{repository}", "unknown-name"),
    ],
)
def test_names_that_can_fill_a_push_template(issuer: str, template: str, code: Code | None) -> None:
    found = policy(issuer, access="push", repositories=[template])
    if code is None:
        load(found)
    else:
        assert ("grants[0].repositories", code) in faults(found)


def test_a_declared_name_may_be_pulled_and_matched() -> None:
    load(policy("bitrise", repositories=["br/{repository}"], match={"repository": "nordlicht/ruder"}))


def test_names_are_filled_in_without_braces() -> None:
    found = policy("bitbucket", access="push", repositories=["bb/{organization}/{organization_id}/{repository_id}"])
    decision = decided(found, CLAIMS["bitbucket"], issuer="bitbucket")
    assert winners(decision) == ["reader"]
    (award,) = granted(decision).awards
    assert reach(award).repositories == (f"bb/fjordbyte/{WORKSPACE}/{REPOSITORY}",)


# -------------------------------------------------------------------------------------------------- who may be told


@pytest.mark.parametrize(
    ("issuer", "changes", "told"),
    [
        ("bitbucket", {"deploymentEnvironmentUuid": f"{{{OTHER}}}"}, True),
        ("bitbucket", {"repositoryUuid": f"{{{OTHER}}}"}, False),
        ("bitrise", {"branch": "feature"}, True),
        ("bitrise", {"app_slug": "c0ffee12ab34cd57"}, False),
        ("aws", {"sub": f"{ROLE}-other"}, False),
    ],
)
def test_a_grant_is_shown_to_its_owners(issuer: str, changes: Document, told: bool) -> None:  # noqa: FBT001 - a table's column
    claims = {**CLAIMS[issuer], **changes}
    denied(decided(policy(issuer), claims, issuer=issuer), Reason.NO_MATCHING_GRANT)
    assert names(nearest(policy(issuer), claims, issuer=issuer).own) == (["reader"] if told else [])


# ------------------------------------------------------------------------------------------------------ bad entries


@pytest.mark.parametrize(
    ("issuer", "key", "value", "fault"),
    [
        ("bitbucket", "workspace", None, ("workspace", "missing")),
        ("bitbucket", "workspace", "a/b", ("workspace", "bad-value")),
        ("bitbucket", "issuer", BITBUCKET_ISSUER.replace("fjordbyte", "other"), ("issuer", "bad-value")),
        ("bitbucket", "audience", f"ari:cloud:bitbucket::workspace/{WORKSPACE}", ("audience", "conflict")),
        ("bitbucket", "host", "x.example", ("host", "unknown-key")),
        ("bitrise", "issuer", "https://token.builds.bitrise.io/", ("issuer", "bad-value")),
        ("bitrise", "workspace", "fjordbyte", ("workspace", "unknown-key")),
        ("bitrise", "algorithms", ["ES384"], ("algorithms", "bad-value")),
        ("aws", "issuer", None, ("issuer", "missing")),
        ("aws", "issuer", "https://a.b.tokens.sts.global.api.aws", ("issuer", "bad-value")),
        ("aws", "audience", "sts.amazonaws.com", ("audience", "conflict")),
        ("aws", "algorithms", ["ES256"], ("algorithms", "bad-value")),
    ],
)
def test_entries_that_cannot_be(issuer: str, key: str, value: Json, fault: tuple[str, Code]) -> None:
    entry = ISSUERS[issuer]
    assert isinstance(entry, dict)
    new: Document = {name: found for name, found in {**entry, key: value}.items() if found is not None}
    path, code = fault
    found: Document = {**policy(issuer), "issuers": {**ISSUERS, issuer: new}}
    assert faults(found) == [(f"issuers.{issuer}.{path}", code)]


@pytest.mark.parametrize(
    "issuer",
    [
        BITBUCKET_ISSUER,
        AWS_ISSUER,
        "https://token.builds.bitrise.io",
        "https://oidc.eks.eu-west-1.amazonaws.com/id/5C0FFEE",
        *(one.fixed_issuer for one in all_providers().values() if one.fixed_issuer is not None),
    ],
)
def test_a_generic_entry_cannot_pose_as_a_known_system(issuer: str) -> None:
    found = changed(document(), "issuers.own.issuer", issuer)
    assert faults(found) == [("issuers.own.issuer", "conflict")]


def test_a_nested_claim_has_its_type() -> None:
    found = policy("aws", claims={STS: {"aws_account": 320987654321}})
    assert faults(found) == [(f'grants[0].claims["{STS}"].aws_account', "wrong-type")]
    tagged = policy("aws", claims={STS: {"principal_tags": {"team": "ruder"}}})
    assert winners(decided(tagged, aws_claims(), issuer="aws")) == ["reader"]
