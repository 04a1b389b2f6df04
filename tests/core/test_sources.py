import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_exchange.core.ports import Json
from token_exchange.core.refusals import Reason, Refused
from token_exchange.core.sources import PrefixedRef
from token_exchange.core.vocabulary import Source
from token_exchange.presets.azure_devops import Uuid
from token_exchange.presets.google import ProjectOfServiceAccount
from token_exchange.presets.provider import RepositoryOfUrl
from token_exchange.presets.vela import OwnerOf

X = ("x",)
UUID = "0f1e2d3c-4b5a-4697-8879-6a5b4c3d2e1f"

SOURCES: list[Source] = [
    PrefixedRef(X, "branch"),
    PrefixedRef(X, "tag"),
    RepositoryOfUrl(X),
    OwnerOf(X),
    Uuid(X),
    ProjectOfServiceAccount(X),
]


@pytest.mark.parametrize(
    ("source", "value", "expected"),
    [
        (PrefixedRef(X, "branch"), "refs/heads/main", "main"),
        (PrefixedRef(X, "branch"), "refs/heads/a/b", "a/b"),
        (PrefixedRef(X, "branch"), "refs/tags/main", None),
        (PrefixedRef(X, "branch"), "refs/pull/7/merge", None),
        (PrefixedRef(X, "branch"), "main", None),
        (PrefixedRef(X, "branch"), "refs/heads/", None),
        (PrefixedRef(X, "branch"), "REFS/HEADS/main", None),
        (PrefixedRef(X, "tag"), "refs/tags/v1", "v1"),
        (PrefixedRef(X, "tag"), "refs/heads/v1", None),
        # addresses of repositories
        (RepositoryOfUrl(X), "github.com/acme/shop", "acme/shop"),
        (RepositoryOfUrl(X), "https://github.com/acme/shop", "acme/shop"),
        (RepositoryOfUrl(X), "https://github.com/acme/shop.git", "acme/shop"),
        (RepositoryOfUrl(X), "https://github.com/acme/shop/", "acme/shop"),
        (RepositoryOfUrl(X), "http://git.acme.example:8443/a/b/c.git", "a/b/c"),
        (RepositoryOfUrl(X), "https://github.com/acme/s.h_o-p", "acme/s.h_o-p"),
        # what is none of them
        (RepositoryOfUrl(X), "acme/shop", None),
        (RepositoryOfUrl(X), "https://acme/shop", None),
        (RepositoryOfUrl(X), "/acme/shop", None),
        (RepositoryOfUrl(X), "github.com//acme/shop", None),
        (RepositoryOfUrl(X), "github.com/acme//shop", None),
        (RepositoryOfUrl(X), "git@github.com:acme/shop.git", None),
        (RepositoryOfUrl(X), "https://github.com/acme/shop?x=1", None),
        (RepositoryOfUrl(X), "https://github.com/acme/shop#x", None),
        (RepositoryOfUrl(X), "https://github.com/acme/sh op", None),
        (RepositoryOfUrl(X), "https://github.com/acme/shop\n", None),
        (RepositoryOfUrl(X), "https://github.com/acme/.git", None),
        (RepositoryOfUrl(X), "https://github.com/acme/sh\u00f6p", None),
        (OwnerOf(X), "acme/shop", "acme"),
        (OwnerOf(X), "acme", None),
        (OwnerOf(X), "acme/", None),
        (OwnerOf(X), "/shop", None),
        (OwnerOf(X), "acme/shop/stranger", None),
        (Uuid(X), UUID, UUID),
        (Uuid(X), UUID.upper(), UUID.upper()),
        (Uuid(X), f"{{{UUID}}}", None),
        (Uuid(X), "acme/shop", None),
        (Uuid(X), f"{UUID}\n", None),
        (ProjectOfServiceAccount(X), "ci@acme-builds.iam.gserviceaccount.com", "acme-builds"),
        # a project of a domain of its own
        (ProjectOfServiceAccount(X), "ci@builds.acme.example.iam.gserviceaccount.com", "builds.acme.example"),
        (ProjectOfServiceAccount(X), "5100-compute@developer.gserviceaccount.com", None),
        (ProjectOfServiceAccount(X), "ada@acme.example", None),
        (ProjectOfServiceAccount(X), "ci@iam.gserviceaccount.com", None),
        (ProjectOfServiceAccount(X), "a@b@acme-builds.iam.gserviceaccount.com", None),
        (ProjectOfServiceAccount(X), "ci@acme-builds.iam.gserviceaccount.com.evil.example", None),
        (ProjectOfServiceAccount(X), "@acme-builds.iam.gserviceaccount.com", None),
    ],
)
def test_one_form_and_nothing_else(source: Source, value: str, expected: str | None) -> None:
    assert source.read({"x": value}) == expected


@pytest.mark.parametrize("source", SOURCES)
def test_an_absent_claim_gives_no_value(source: Source) -> None:
    assert [source.read(claims) for claims in ({}, {"x": None}, {"x": ""})] == [None, None, None]
    assert source.source_claims == (X,)


def test_a_value_that_is_not_text_is_refused(subtests: pytest.Subtests) -> None:
    values: list[Json] = [True, 1.5, ["refs/heads/main"], {"a": "b"}]
    for value in values:
        for source in SOURCES:
            with subtests.test(source=source, value=value):
                with pytest.raises(Refused) as refused:
                    source.read({"x": value})
                assert refused.value.reason is Reason.INVALID_CLAIM


@pytest.mark.parametrize("source", SOURCES)
@given(value=st.text())
def test_the_value_is_a_part_of_the_claim(source: Source, value: str) -> None:
    found = source.read({"x": value})
    assert found is None or (isinstance(found, str) and found and found in value)
