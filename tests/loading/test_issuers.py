import pytest

from tests.fake_issuer import jwk, private_key
from tests.loading.documents import AUDIENCE, Document, changed, document, faults, load, problems_of, without
from token_exchange.core.policy import Organization
from token_exchange.core.ports import Json
from token_exchange.core.trust import Discovered
from token_exchange.loading.problems import Code

KEY_SET: Json = {"keys": [jwk("ES256", private_key("ES256"), kid="k1")]}
PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


def test_omitted_keys_default_to_the_preset() -> None:
    trust = load(document()).issuers["github"].trust
    assert trust.url == "https://token.actions.githubusercontent.com"
    assert trust.audiences == {AUDIENCE}
    assert trust.algorithms == ("RS256",)
    assert (trust.leeway_seconds, trust.max_lifetime_seconds) == (60, 3600)
    assert trust.keys == Discovered()
    assert trust.ca_bundle is None
    gitlab = load(document()).issuers["gitlab"]
    assert (gitlab.trust.url, gitlab.trust.max_lifetime_seconds) == ("https://gitlab.com", 86400)
    assert gitlab.mode == "enforce"
    assert gitlab.organizations == (Organization(name="werft", id=None),)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("audience", ["a", "b"]),
        ("shared_audience", True),
        ("mode", "report"),
        ("leeway", "0s"),
        ("leeway", "120s"),
        ("leeway", "2m"),
        ("max_lifetime", "1s"),
        ("max_lifetime", "744h"),
        ("organizations", [{"id": "7"}, {"name": "nordlicht", "id": "8"}]),
        ("organizations", [{"id": "7"}]),
        ("algorithms", ["RS256"]),
        ("jwks_url", "https://keys.nordlicht.example/set"),
        ("ca_bundle", PEM),
        ("enterprise", "north-light"),
        ("host", "ghes.nordlicht.example:8443"),
        ("ghe_com", "nordlicht"),
    ],
)
def test_good_values(path: str, value: Json) -> None:
    load(changed(document(), f"issuers.github.{path}", value))


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        # provider
        ("provider", None, "empty"),
        ("provider", "github", "bad-value"),
        ("provider", "travis-ci", "bad-value"),
        ("provider", 7, "wrong-type"),
        ("provider", ["github-actions"], "wrong-type"),
        # audience
        ("audience", "", "empty"),
        ("audience", [], "empty"),
        ("audience", 7, "wrong-type"),
        ("audience", {"a": "b"}, "wrong-type"),
        ("audience", ["a", "a"], "duplicate-name"),
        ("audience", "x" * 1001, "too-long"),
        ("audience", "https://github.com/nordlicht", "conflict"),
        ("audience", "sts.amazonaws.com", "conflict"),
        ("audience", [AUDIENCE, "sts.amazonaws.com"], "conflict"),
        ("shared_audience", "yes", "wrong-type"),
        ("shared_audience", 1, "wrong-type"),
        # organizations: an empty list never means all of them
        ("organizations", None, "empty"),
        ("organizations", [], "empty"),
        ("organizations", {}, "wrong-type"),
        ("organizations", "nordlicht", "wrong-type"),
        # mode
        ("mode", "off", "bad-value"),
        ("mode", False, "wrong-type"),
        ("mode", None, "empty"),
        # algorithms
        ("algorithms", [], "empty"),
        ("algorithms", "RS256", "wrong-type"),
        ("algorithms", ["ES256"], "bad-value"),
        ("algorithms", ["none"], "bad-value"),
        ("algorithms", ["HS256"], "bad-value"),
        ("algorithms", ["rs256"], "bad-value"),
        ("algorithms", ["RS256", "RS256"], "duplicate-name"),
        # times
        ("leeway", "121s", "bad-value"),
        ("leeway", "-1s", "bad-value"),
        ("leeway", 60, "wrong-type"),
        ("max_lifetime", "0s", "bad-value"),
        ("max_lifetime", "745h", "bad-value"),
        ("max_lifetime", "forever", "bad-value"),
        # keys
        ("jwks_url", "http://keys.nordlicht.example/set", "bad-value"),
        ("jwks_url", "https://user@keys.nordlicht.example/set", "bad-value"),
        ("jwks_url", "https://keys.nordlicht.example/set?x=1", "bad-value"),
        ("jwks_url", 7, "wrong-type"),
        ("jwks_url", None, "empty"),
        ("jwks", [], "wrong-type"),
        ("jwks", None, "empty"),
        ("jwks", {"keys": []}, "bad-value"),
        ("jwks", {"keys": [7]}, "bad-value"),
        ("jwks", {}, "bad-value"),
        ("jwks_file", 7, "wrong-type"),
        ("ca_bundle", 7, "wrong-type"),
        ("ca_bundle", None, "empty"),
        ("ca_bundle", "first\nsecond", "bad-value"),
        # the provider's own keys
        ("enterprise", "", "empty"),
        ("enterprise", "a/b", "bad-value"),
        ("enterprise", "../x", "bad-value"),
        ("enterprise", 7, "wrong-type"),
        ("enterprise", None, "empty"),
        ("enterprise", ["a"], "bad-value"),
        ("ghe_com", "evil.example#", "bad-value"),
        ("ghe_com", "nordlicht.ghe.com", "bad-value"),
        ("ghe_com", "nordlicht:8443", "bad-value"),
        ("host", "https://ghes.nordlicht.example", "bad-value"),
        ("host", "GHES.nordlicht.example", "bad-value"),
        ("host", "user@ghes.nordlicht.example", "bad-value"),
        ("host", "ghes.nordlicht.example/x", "bad-value"),
        # whose form GitHub's issuer has not
        ("issuer", "https://token.actions.githubusercontent.com/", "bad-value"),
        ("issuer", "https://token.actions.githubusercontent.com/some/one", "bad-value"),
        ("issuer", "https://evil.example", "bad-value"),
        ("issuer", "http://token.actions.githubusercontent.com", "bad-value"),
        ("issuer", 7, "wrong-type"),
        # other providers' keys, and unknown ones
        ("workspace", "nordlicht", "unknown-key"),
        ("claims", {"repository": "x"}, "unknown-key"),
        ("organization_claim", "x", "unknown-key"),
        ("audiences", ["x"], "unknown-key"),
    ],
)
def test_one_fault_and_nothing_that_only_follows_from_it(path: str, value: Json, code: Code) -> None:
    found = changed(document(), f"issuers.github.{path}", value)
    if path == "provider":
        found = changed(changed(found, "issuers.github.enterprise", "x"), "issuers.github.issuer", "https://x.example")
        found = changed(found, "issuers.github.jwks_url", "https://x.example")
    problems = faults(found)
    assert [(where.split("[")[0], what) for where, what in problems] == [(f"issuers.github.{path}", code)]


@pytest.mark.parametrize("key", ["provider", "audience", "organizations"])
def test_missing_keys_of_an_entry_are_errors(key: str) -> None:
    assert faults(without(document(), f"issuers.github.{key}")) == [(f"issuers.github.{key}", "missing")]


def test_a_generic_issuer_brings_everything_itself() -> None:
    own = without(document(), "issuers.own.algorithms")
    assert faults(changed(own, "issuers.own.jwks_url", "https://x.example")) == [("issuers.own.algorithms", "missing")]
    assert faults(without(document(), "issuers.own.issuer")) == [("issuers.own.issuer", "missing")]
    assert faults(without(document(), "issuers.own.organization_claim")) == [
        ("issuers.own.organizations[0].name", "unknown-name")
    ]


@pytest.mark.parametrize(
    ("organization", "expected"),
    [
        ({}, [("", "empty")]),
        ({"other": "x"}, [(".name", "missing"), (".other", "unknown-key")]),
        ({"name": None}, [(".name", "empty")]),
        ({"name": 7}, [(".name", "wrong-type")]),
        ({"id": 7}, [(".id", "wrong-type")]),
        ({"name": ""}, [(".name", "empty")]),
        ({"name": "*"}, [(".name", "bad-value")]),
        ({"name": "nord*"}, [(".name", "bad-value")]),
        ({"id": "*"}, [(".id", "bad-value")]),
        ({"name": {"like": "nord"}}, [(".name", "wrong-type")]),
        ("nordlicht", [("", "wrong-type")]),
    ],
)
def test_lines_of_the_allowlist(organization: Json, expected: list[tuple[str, Code]]) -> None:
    found = changed(document(), "issuers.github.organizations", [{"name": "ok"}, organization])
    assert faults(found) == [(f"issuers.github.organizations[1]{path}", code) for path, code in expected]


def test_two_entries_of_one_issuer_differ_in_every_audience() -> None:
    first: Document = {"provider": "github-actions", "organizations": [{"id": "1"}]}
    apart = document(issuers={"github": {**first, "audience": ["a", "b"]}, "other": {**first, "audience": "c"}})
    policy = load(apart)
    assert [trust.entry for trust in policy.issuers_by_url["https://token.actions.githubusercontent.com"]] == [
        "github",
        "other",
    ]
    (problem,) = problems_of(changed(apart, "issuers.other.audience", ["c", "b"]))
    assert problem.path == ("issuers", "other", "audience")
    assert "'b' of the same issuer is already used by github" in problem.message
    assert faults(changed(apart, "issuers.other.audience", ["b", "a"])) == [("issuers.other.audience", "conflict")] * 2


def test_one_audience_may_serve_two_issuers() -> None:
    load(document())


@pytest.mark.parametrize(
    ("path", "value", "where", "code"),
    [
        ("claims", {}, "claims", "bad-value"),
        ("claims", [], "claims", "bad-value"),
        ("claims", "x", "claims", "bad-value"),
        ("claims", None, "claims", "empty"),
        ("claims", {"nobody": "x"}, "claims", "bad-value"),
        ("claims", {"repository": ""}, "claims", "bad-value"),
        ("claims", {"repository": 7}, "claims", "ambiguous-value"),
        ("claims", {"repository": {"a": "b"}}, "claims", "bad-value"),
        ("claims", {"repository": []}, "claims", "bad-value"),
        ("claims", {"repository": ["a", ""]}, "claims", "bad-value"),
        ("claims", {"repository": ["a", ["b"]]}, "claims", "bad-value"),
        ("claims", {"organization": "x"}, "claims", "bad-value"),
        ("organization_claim", [], "organization_claim", "bad-value"),
        ("organization_claim", 7, "organization_claim", "wrong-type"),
        ("organization_claim", "", "organization_claim", "empty"),
    ],
)
def test_a_generic_issuers_own_keys(path: str, value: Json, where: str, code: Code) -> None:
    assert faults(changed(document(), f"issuers.own.{path}", value)) == [(f"issuers.own.{where}", code)]


def test_a_broken_entry_is_still_an_entry() -> None:
    """Grants and rules that name it are not at fault."""
    found = changed(document(), "deny", [{"name": "d", "issuers": ["github"], "match": {"repository": "a/b"}}])
    assert faults(changed(found, "issuers.github", 7)) == [("issuers.github", "wrong-type")]
    assert faults(changed(found, "issuers.github.audience", 7)) == [("issuers.github.audience", "wrong-type")]
