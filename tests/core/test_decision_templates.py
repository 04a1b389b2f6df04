"""What a token fills into a grant's templates."""

import pytest

from tests.ci_claims import github_claims, gitlab_claims
from tests.core.decisions import decided, denied, granted, nearest, reach, wants, winners
from tests.loading.documents import document, grant
from token_exchange.core.ports import Json
from token_exchange.core.refusals import Reason


@pytest.mark.parametrize(
    ("issuer", "claims", "template", "expected"),
    [
        ("github", github_claims(repository="Nordlicht/Kompass"), "ci/{repository}", "ci/nordlicht/kompass"),
        ("github", github_claims(), "ci/{organization}/x", "ci/nordlicht/x"),
        ("github", github_claims(), "ci/{repository_id}", "ci/900100200"),
        ("github", github_claims(), "ci/{branch}", "ci/main"),
        ("gitlab", gitlab_claims(), "ci/{organization}", "ci/werft"),
        ("gitlab", gitlab_claims(namespace_path="werft/A/B"), "ci/{organization}", "ci/werft"),
        ("gitlab", gitlab_claims(project_path="werft/Boote/Jolle"), "ci/{repository}", "ci/werft/boote/jolle"),
        ("own", {"tenant": "nordlicht", "project": "a/b"}, "ci/{repository}", "ci/a/b"),
    ],
)
def test_templates_are_filled_from_the_token(
    issuer: str, claims: dict[str, Json], template: str, expected: str
) -> None:
    decision = granted(decided(document(grant(issuers=[issuer], repositories=[template])), claims, issuer=issuer))
    assert reach(decision.awards[0]).repositories == (expected,)


@pytest.mark.parametrize(
    ("issuer", "claims", "template"),
    [
        # only organization and repository are lowered, and only where the provider ignores case
        ("github", github_claims(ref="refs/heads/Main"), "ci/{branch}"),
        ("own", {"tenant": "nordlicht", "project": "A/b"}, "ci/{repository}"),
        # what only looks like another name: lowered, the Kelvin sign would be a k
        ("github", github_claims(repository="nordlicht/\u212aompass"), "ci/{repository}"),
        # what would reach elsewhere
        ("github", github_claims(repository="nordlicht/*"), "ci/{repository}"),
        ("github", github_claims(repository="nordlicht/.."), "ci/{repository}"),
        ("github", github_claims(repository="../other"), "ci/{repository}"),
        ("github", github_claims(repository="{organization}"), "ci/{repository}"),
        ("github", github_claims(repository="a/${aws:x}"), "ci/{repository}"),
        ("github", github_claims(repository="a/b\n"), "ci/{repository}"),
        ("github", github_claims(ref="refs/heads/a/b"), "ci/{branch}"),
        ("github", github_claims(ref="refs/heads/*"), "ci/{branch}"),
        # too long
        ("github", github_claims(repository="n/" + "x" * 260), "ci/{repository}"),
        # absent
        ("github", github_claims(), "ci/{environment}"),
        ("github", github_claims(), "ci/{tag}"),
        ("github", github_claims(), "ci/{ref_protected}"),
        ("gitlab", gitlab_claims(project_path=None), "ci/{repository}"),
    ],
)
def test_a_value_that_does_not_fit_makes_the_grant_not_apply(
    issuer: str, claims: dict[str, Json], template: str
) -> None:
    found = document(grant(issuers=[issuer], repositories=["fine", template]))
    denied(decided(found, claims, issuer=issuer), Reason.NO_MATCHING_GRANT)
    (failed,) = nearest(found, claims, issuer=issuer).own[0].failed
    assert failed.rule == "repositories"
    assert failed.claim == template.split("{")[1].rstrip("}")
    # and a scope cannot get around it
    denied(decided(found, claims, issuer=issuer, scope=wants("fine")), Reason.NO_MATCHING_GRANT)


@pytest.mark.parametrize("key", ["session_tags", "source_identity"])
def test_a_tag_that_cannot_be_filled_makes_the_grant_not_apply(key: str) -> None:
    value: Json = {"stage": "{environment}"} if key == "session_tags" else "{environment}"
    found = document(grant(**{key: value}), grant(name="next"))
    assert winners(decided(found)) == ["next"]
    assert winners(decided(found, github_claims(environment="prod"))) == ["reader"]
    (failed,) = granted(decided(found)).tried[0].failed
    assert (failed.rule, failed.claim) == (key, "environment")
