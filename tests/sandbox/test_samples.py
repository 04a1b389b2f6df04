"""The claims that the sandbox signs are those that each system's own source or documents show."""

import re
from collections.abc import Callable
from datetime import date

import pytest

from sandbox.providers import all_providers
from sandbox.providers.shape import Json, Provider
from tests.ci_claims import aws_claims, bitbucket_claims, bitrise_claims, github_claims, gitlab_claims

STANDARD = {"iss", "aud", "iat", "exp", "nbf", "jti"}

BUILT: dict[str, Callable[[], dict[str, Json]]] = {
    "aws-sts": aws_claims,
    "bitbucket-pipelines": bitbucket_claims,
    "bitrise": bitrise_claims,
    "github-actions": github_claims,
    "gitlab": gitlab_claims,
}
"""Claims that tests build on their own."""


@pytest.fixture(params=sorted(all_providers()))
def provider(request: pytest.FixtureRequest) -> Provider:
    return all_providers()[str(request.param)]


def shapes(claims: Json, path: tuple[str, ...] = ()) -> set[tuple[tuple[str, ...], type]]:
    """Return each claim's path with its type, of nested ones too."""
    if not isinstance(claims, dict):
        return set()
    found = {((*path, name), type(value)) for name, value in claims.items() if value is not None}
    return found.union(*(shapes(value, (*path, name)) for name, value in claims.items()))


def names(claims: Json) -> set[tuple[str, ...]]:
    return {path for path, _ in shapes(claims)}


def of_sample(provider: Provider) -> set[tuple[tuple[str, ...], type]]:
    sample = provider.sample
    return shapes(dict(sample.job)) | shapes(dict(sample.sometimes))


# Objects in which customers choose the names.
OPEN = {("https://sts.amazonaws.com/", "principal_tags"), ("https://sts.amazonaws.com/", "request_tags")}


def as_sample(provider: Provider, claims: dict[str, Json]) -> set[tuple[tuple[str, ...], type]]:
    """Return what `claims` has and the sample has not."""
    return {
        (path, kind)
        for path, kind in shapes(claims) - of_sample(provider)
        if path[0] not in STANDARD and path[:-1] not in OPEN
    }


def test_a_sample_says_where_it_was_read_and_when(provider: Provider) -> None:
    sample = provider.sample
    assert sample.source
    assert all(len(source) > 10 for source in sample.source)
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", sample.read)
    assert date.fromisoformat(sample.read) >= date(2026, 11, 21)


def test_the_first_scenario_is_the_sample(provider: Provider) -> None:
    """So what is derived from other claims is what the source shows."""
    found = provider.claims(str(provider.sample.job["iss"]), scenario=None, changes={})
    assert found == provider.sample.job
    assert provider.fixed_issuer in (None, provider.sample.job["iss"])


def test_every_scenario_has_claims_of_the_sample(provider: Provider) -> None:
    for scenario in provider.scenarios:
        claims = provider.claims(str(provider.sample.job["iss"]), scenario=scenario, changes={})
        assert as_sample(provider, claims) == set(), scenario


def test_fixed_claims_are_the_same_in_every_scenario(provider: Provider) -> None:
    for scenario in provider.scenarios:
        claims = provider.claims(str(provider.sample.job["iss"]), scenario=scenario, changes={})
        for name in provider.sample.fixed:
            assert claims[name] == provider.sample.job[name], scenario


@pytest.mark.parametrize("name", sorted(BUILT))
def test_claims_that_tests_build_are_those_of_the_sample(name: str) -> None:
    provider = all_providers()[name]
    assert as_sample(provider, BUILT[name]()) == set()
    assert {path for path in names(dict(provider.sample.job)) - names(BUILT[name]()) if path[:-1] not in OPEN} == set()


def test_a_path_into_a_non_object_is_an_error(provider: Provider) -> None:
    with pytest.raises(TypeError, match="claim iss: expected an object"):
        provider.sample.within("iss")
