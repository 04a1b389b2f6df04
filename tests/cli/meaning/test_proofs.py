"""What is proven of two conditions, and what is left open, for tokens of systems that read their refs differently."""

import pytest

from tests.ci_jobs import issuer_of
from tests.loading.documents import AUDIENCE, changed, document, grant, load
from token_exchange.core.conditions import Condition
from token_exchange.core.policy import Issuer
from token_exchange.core.ports import Json
from token_exchange.core.vocabulary import Name
from token_exchange_cli.meaning.proofs import exclude_each_other, is_present

_BASE = document()["issuers"]
_UUID = "84b1f7e2-60c9-4d35-9a1e-2f7c05d8b463"
_ISSUERS: Json = {
    **(_BASE if isinstance(_BASE, dict) else {}),
    "circleci": {
        "provider": "circleci",
        "issuer": issuer_of("circleci"),
        "audience": AUDIENCE,
        "organizations": [{"id": _UUID}],
    },
    "semaphore": {
        "provider": "semaphore",
        "issuer": issuer_of("semaphore"),
        "audience": issuer_of("semaphore"),
        "shared_audience": True,
        "organizations": [{"name": "acme"}],
    },
    "buildkite": {"provider": "buildkite", "audience": AUDIENCE, "organizations": [{"name": "acme"}]},
}


def _loaded(issuer: str, section: str, name: str, asked: Json) -> tuple[Condition, Issuer]:
    """Return the condition on `name`, as it is in a policy that loads, and the issuer whose tokens it is on."""
    where = changed(grant(issuers=[issuer]), f"{section}.{name}", asked)
    if issuer == "circleci":
        where = changed(where, "match.repository", "acme/shop")
    policy = load(document(where, issuers=_ISSUERS))
    (found,) = [one for one in policy.grants[0].conditions if one.document_path == (section, name)]
    return found, policy.issuers[issuer]


@pytest.mark.parametrize(
    ("issuer", "one", "other", "excluded"),
    [
        # a name, and the claim that it is read from
        ("github", ("match", "repository", "o/a"), ("claims", "repository", "o/b"), True),
        ("github", ("match", "repository", "o/a"), ("claims", "repository", "o/a"), False),
        ("github", ("match", "repository", {"like": "o/*"}), ("claims", "repository", "p/a"), True),
        ("github", ("match", "repository", {"like": "o/*"}), ("claims", "repository", {"like": "p/*"}), False),
        # sent empty, a claim is absent as a name
        ("github", ("match", "environment", {"exists": False}), ("claims", "environment", ""), False),
        ("github", ("match", "environment", {"exists": True}), ("claims", "environment", ""), True),
        ("github", ("match", "environment", "x"), ("claims", "environment", ["", "x"]), False),
        ("github", ("match", "environment", "x"), ("claims", "environment", ["", "y"]), True),
        # a branch, and the whole ref
        ("github", ("match", "branch", "main"), ("match", "ref", "refs/heads/main"), False),
        ("github", ("match", "branch", "main"), ("match", "ref", "refs/heads/next"), True),
        ("github", ("match", "branch", {"like": "release/*"}), ("match", "ref", "refs/tags/v1"), True),
        ("github", ("match", "branch", {"like": "release/*"}), ("match", "ref", "refs/heads/release/1"), False),
        ("github", ("match", "branch", {"like": "release/*"}), ("match", "ref", {"like": "refs/tags/*"}), True),
        ("github", ("match", "branch", {"like": "release/*"}), ("match", "ref", {"like": "refs/heads/r*"}), False),
        ("github", ("match", "branch", {"not": "main"}), ("match", "ref", {"like": "refs/tags/*"}), True),
        ("github", ("match", "branch", {"not": "main"}), ("match", "ref", {"like": "refs/heads/*"}), False),
        # a branch and a tag
        ("github", ("match", "branch", "main"), ("match", "tag", "v1"), True),
        ("gitlab", ("match", "branch", "main"), ("match", "tag", "v1"), True),
        ("circleci", ("match", "branch", "main"), ("match", "tag", "v1"), True),
        ("buildkite", ("match", "branch", "main"), ("match", "tag", "v1"), True),
        ("github", ("match", "branch", "main"), ("match", "tag", {"exists": False}), False),
        # a branch, and the type of the ref
        ("github", ("match", "branch", "main"), ("claims", "ref_type", "tag"), True),
        ("github", ("match", "branch", "main"), ("claims", "ref_type", "branch"), False),
        ("gitlab", ("match", "tag", "v1"), ("claims", "ref_type", "branch"), True),
        # two names that have nothing to do with each other
        ("github", ("match", "branch", "main"), ("match", "environment", "production"), False),
    ],
)
def test_conditions_exclude_each_other_where_shown(
    issuer: str, one: tuple[str, str, Json], other: tuple[str, str, Json], *, excluded: bool
) -> None:
    (first, whose), (second, _) = _loaded(issuer, *one), _loaded(issuer, *other)
    assert exclude_each_other(first, second, [whose.preset]) is excluded
    assert exclude_each_other(second, first, [whose.preset]) is excluded
    assert not exclude_each_other(first, second, [])


@pytest.mark.parametrize(
    ("issuer", "name", "present"),
    [
        # proven by every token, the same for each, sent by some, and not sent at all
        ("github", "repository_id", True),
        ("semaphore", "organization", True),
        ("github", "environment", False),
        ("github", "pipeline_id", False),
    ],
)
def test_claims_of_every_token_are_present(issuer: str, name: Name, *, present: bool) -> None:
    assert is_present(name, load(document(issuers=_ISSUERS)).issuers[issuer]) is present
