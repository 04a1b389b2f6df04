"""Which issuer an entry may name: the presets' forms, and no others."""

import pytest

from tests.loading.documents import AUDIENCE, Document, changed, document, faults, load
from token_exchange.loading.problems import Code


def only(entry: Document) -> Document:
    """Return a policy whose only issuer is `entry`."""
    return document(issuers={"github": {"audience": AUDIENCE, "organizations": [{"name": "nordlicht"}], **entry}})


@pytest.mark.parametrize(
    ("entry", "url"),
    [
        ({}, "https://token.actions.githubusercontent.com"),
        ({"enterprise": "north-light"}, "https://token.actions.githubusercontent.com/north-light"),
        ({"ghe_com": "nord"}, "https://token.actions.nord.ghe.com"),
        ({"ghe_com": "nord", "enterprise": "nord"}, "https://token.actions.nord.ghe.com/nord"),
        ({"host": "ghes.example:8443"}, "https://ghes.example:8443/_services/token"),
        ({"issuer": "https://ghes.example/_services/token"}, "https://ghes.example/_services/token"),
        (
            {"issuer": "https://ghes.example/_services/token", "host": "ghes.example"},
            "https://ghes.example/_services/token",
        ),
        ({"issuer": "https://token.actions.githubusercontent.com"}, "https://token.actions.githubusercontent.com"),
        (
            {"issuer": "https://token.actions.githubusercontent.com/e", "enterprise": "e"},
            "https://token.actions.githubusercontent.com/e",
        ),
    ],
)
def test_the_forms_of_githubs_issuer(entry: Document, url: str) -> None:
    policy = load(only({"provider": "github-actions", **entry}))
    assert policy.issuers["github"].trust.url == url
    assert list(policy.issuers_by_url) == [url]


@pytest.mark.parametrize(
    ("entry", "path"),
    [
        ({"host": "ghes.example", "enterprise": "e"}, "host"),
        ({"host": "ghes.example", "ghe_com": "e"}, "host"),
        ({"issuer": "https://token.actions.githubusercontent.com/e", "enterprise": "f"}, "issuer"),
        ({"issuer": "https://ghes.example/_services/token", "host": "other.example"}, "issuer"),
        ({"issuer": "https://ghes.example/_services/token/"}, "issuer"),
        ({"issuer": "https://GHES.example/_services/token"}, "issuer"),
        ({"issuer": "https://user@ghes.example/_services/token"}, "issuer"),
    ],
)
def test_forms_that_githubs_issuer_cannot_have(entry: Document, path: str) -> None:
    assert faults(only({"provider": "github-actions", **entry})) == [(f"issuers.github.{path}", "bad-value")]


@pytest.mark.parametrize(
    "issuer", ["https://git.werft.example", "https://git.werft.example:8443/gitlab", "https://gitlab.com"]
)
def test_gitlab_may_be_on_any_host(issuer: str) -> None:
    assert load(changed(document(), "issuers.gitlab.issuer", issuer)).issuers["gitlab"].trust.url == issuer


def test_gitlab_dot_com_has_one_issuer() -> None:
    found = faults(changed(document(), "issuers.gitlab.issuer", "https://gitlab.com/"))
    assert found == [("issuers.gitlab.issuer", "bad-value")]


@pytest.mark.parametrize(
    ("issuer", "audience"),
    [("https://gitlab.com", "https://gitlab.com"), ("https://git.werft.example", "https://git.werft.example")],
)
def test_gitlabs_default_audience_is_shared(issuer: str, audience: str) -> None:
    found = changed(changed(document(), "issuers.gitlab.issuer", issuer), "issuers.gitlab.audience", audience)
    assert faults(found) == [("issuers.gitlab.audience", "conflict")]
    load(changed(found, "issuers.gitlab.shared_audience", True))  # noqa: FBT003 - the field's value


@pytest.mark.parametrize(
    ("provider", "issuer", "code"),
    [
        # on a provider's own host its checks cannot be left out
        ("generic", "https://token.actions.githubusercontent.com", "conflict"),
        ("generic", "https://token.actions.githubusercontent.com/nordlicht", "conflict"),
        ("generic", "https://token.actions.githubusercontent.com:443", "conflict"),
        ("generic", "https://token.actions.githubusercontent.com:8443/x", "conflict"),
        ("generic", "https://gitlab.com", "conflict"),
        ("generic", "https://gitlab.com:443", "conflict"),
        ("generic", "https://gitlab.com/x", "conflict"),
        ("generic", "https://nord.ghe.com", "conflict"),
        ("generic", "https://token.actions.nord.ghe.com/nord", "conflict"),
        ("gitlab", "https://token.actions.githubusercontent.com", "conflict"),
        ("gitlab", "https://x.ghe.com:8443", "conflict"),
        # spellings of such a host that are no issuer's
        ("generic", "https://GITLAB.com", "bad-value"),
        ("generic", "https://Token.Actions.GitHubUserContent.com", "bad-value"),
        ("generic", "https://gitlab.com.", "bad-value"),
        ("generic", "https://gitlab.com.:443", "bad-value"),
        ("generic", "https://gitlab.com:0443", "bad-value"),
        ("generic", "https://gitlab.com:", "bad-value"),
        ("generic", "https://x@gitlab.com", "bad-value"),
        ("generic", "https://gitlab.com?x", "bad-value"),
        ("generic", "https://gitlab.com#x", "bad-value"),
        ("generic", "https://gitlab%2ecom", "bad-value"),
        ("generic", "https://gitlab。com", "bad-value"),
        ("generic", "HTTPS://gitlab.com", "bad-value"),
        ("generic", "//gitlab.com", "bad-value"),
        ("generic", "http://ci.example", "bad-value"),
        ("generic", "https://ci.example/a b", "bad-value"),
        ("generic", "https:///x", "bad-value"),
        ("generic", "https://[::1]", "bad-value"),
    ],
)
def test_an_issuer_of_another_provider_is_refused(provider: str, issuer: str, code: Code) -> None:
    entry: Document = {"provider": provider, "issuer": issuer, "algorithms": ["RS256"]}
    if provider == "generic":
        entry["organization_claim"] = "tenant"
    assert faults(only(entry)) == [("issuers.github.issuer", code)]


def test_another_providers_issuer_is_reported_at_its_key() -> None:
    assert faults(only({"provider": "github-actions", "host": "gitlab.com"})) == [("issuers.github.host", "conflict")]


@pytest.mark.parametrize("issuer", ["https://ghe.com", "https://notgitlab.com", "https://gitlab.com.werft.example"])
def test_hosts_that_only_sound_like_a_providers(issuer: str) -> None:
    load(only({"provider": "generic", "issuer": issuer, "algorithms": ["RS256"], "organization_claim": "t"}))
