import dataclasses
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.loading.documents import Document, Folder, changed, document, faults, grant, load, problems_of, without
from tests.loading.test_document import JSON
from token_exchange.core.ports import Json
from token_exchange.core.trust import Discovered, Pinned
from token_exchange.loading.load import load_policy
from token_exchange.loading.problems import Code, PolicyUnusable


def test_a_policy_that_loads() -> None:
    policy = load(document())
    assert list(policy.issuers) == ["github", "gitlab", "own"]
    assert policy.grant_names == {"reader"}
    assert policy.registries_by_name_or_host["apps"] is policy.registries["apps"]
    assert policy.registries_by_name_or_host["210987654321.dkr.ecr.eu-central-1.amazonaws.com"].name == "apps"
    assert [trust.entry for trust in policy.issuers_by_url["https://gitlab.com"]] == ["gitlab"]
    assert policy.deny == ()
    assert policy.files == ()


def test_it_is_immutable() -> None:
    policy = load(document())
    with pytest.raises(dataclasses.FrozenInstanceError):
        policy.grants = ()  # type: ignore[misc] # that it cannot be done is what is tested
    for mapping in (policy.issuers, policy.registries, policy.indexes, policy.issuers_by_url):
        with pytest.raises(TypeError):
            mapping["x"] = None  # type: ignore[index] # same


def test_the_raw_claims_of_its_conditions_are_known() -> None:
    found = document(grant(claims={"runner_environment": "github-hosted"}, match={"branch": "main"}))
    found = changed(found, "deny", [{"name": "d", "issuers": ["own"], "claims": {"a": {"b": "x"}}}])
    assert load(found).claims_in_conditions == {"runner_environment", "a"}


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        ("version", 2, "bad-value"),
        ("version", 0, "bad-value"),
        ("version", "1", "bad-value"),
        ("version", True, "bad-value"),
        ("version", [1], "bad-value"),
        ("version", None, "empty"),
        ("issuers", [], "wrong-type"),
        ("issuers", {}, "empty"),
        ("issuers", None, "empty"),
        ("registries", {}, "empty"),
        ("registries", "x", "wrong-type"),
        ("deny", [], "empty"),
        ("deny", {}, "wrong-type"),
        ("grants", [], "empty"),
        ("grants", {}, "wrong-type"),
        ("grants", None, "empty"),
        # what a policy that is a folder has
        ("files", {}, "conflict"),
        # what it is not called
        ("budgets", [], "unknown-key"),
    ],
)
def test_invalid_top_levels_are_refused(path: str, value: Json, code: Code) -> None:
    """One fault, and nothing that only follows from it."""
    assert faults(changed(document(), path, value)) == [(path, code)]


@pytest.mark.parametrize("key", ["version", "issuers", "registries", "grants"])
def test_missing_sections_are_errors(key: str) -> None:
    assert faults(without(document(), key)) == [(key, "missing")]


@pytest.mark.parametrize("text", [b"[]", b"[1]", b"text", b"7", b"true", b"~", b"---\n...\n", b'"{}"', b"{}", b"null"])
def test_a_document_that_is_not_a_mapping_is_refused(text: bytes) -> None:
    assert [path for path, _ in faults(text)] == [""]


def test_all_problems_are_reported_at_once() -> None:
    text = b"""
version: 1
version: 2
issuers:
  github: &gh
    provider: github-actions
    audience: [on]
    organizations: []
  copy: *gh
registries:
  apps: {type: ecr, account: 210987654321, region: eu-central-1}
deny:
  - {name: d, match: {repository_id: 7}}
grants:
  - {name: g, issuers: [github, nobody], registry: none, role: x, access: both, repositories: [A], expires: soon}
  - {name: g, surprise: 1}
"""
    assert sorted(faults(text)) == sorted(
        [
            ("issuers.github", "syntax"),
            ("issuers.copy", "syntax"),
            ("version", "duplicate-key"),
            ("issuers.github.audience[0]", "ambiguous-value"),
            ("issuers.github.organizations", "empty"),
            ("registries.apps.account", "wrong-type"),
            ("deny[0].match.repository_id", "wrong-type"),
            ("grants[0].issuers", "unknown-name"),
            ("grants[0].registry", "unknown-name"),
            ("grants[0].role", "bad-value"),
            ("grants[0].access", "bad-value"),
            ("grants[0].repositories", "bad-value"),
            ("grants[0].expires", "bad-value"),
            ("grants[1].name", "duplicate-name"),
            ("grants[1].issuers", "missing"),
            ("grants[1].registry", "missing"),
            ("grants[1].role", "missing"),
            ("grants[1].access", "missing"),
            ("grants[1].repositories", "missing"),
            ("grants[1].surprise", "unknown-key"),
        ]
    )


def test_keys_come_from_the_entrys_source() -> None:
    policy = load(document())
    assert policy.issuers["github"].trust.keys == Discovered(keys_host=None)
    assert not isinstance(policy.issuers["own"].trust.keys, Pinned)


def test_two_documents_have_two_identities() -> None:
    one, other = document(), document(grant(name="other"))
    assert load(one).sha256 == load(one).sha256
    assert load(one).sha256 != load(other).sha256
    text = json.dumps(one).encode()
    assert load_policy(text, name="a", read_file=None).sha256 != load_policy(text, name="b", read_file=None).sha256


RICH = changed(
    document(
        grant(
            name="rich",
            match={"branch": {"like": ["main", "v*"], "not": "x"}, "repository_id": ["1", "2"], "ref_protected": True},
            claims={"runner_environment": {"not_like": "self*", "exists": True}},
            also_pull=["base/*"],
            also=["list", {"sign": "arn:aws:signer:eu-central-1:210987654321:/signing-profiles/ship"}],
            access="push",
            repositories=["ci/{repository}", "ci/{repository}/*"],
            duration="30m",
            external_id="ext-1",
            session_tags={"team": "{repository}"},
            source_identity="{actor}",
            allow_untrusted_triggers=False,
            mode="enforce",
            expires="2027-06-30",
            contact="#help",
            single_use=False,
            assume="broker",
        ),
        grant(name="nested", issuers=["own"], claims={"git": {"branch": {"like": "main"}}}),
    ),
    "deny",
    [{"name": "lost", "issuers": ["github"], "match": {"repository_id": "9"}, "claims": {"actor_id": ["1", "2"]}}],
)


def _paths(node: Json, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    found = [path]
    if isinstance(node, dict):
        for key, value in node.items():
            found += _paths(value, (*path, key))
    if isinstance(node, list):
        for index, value in enumerate(node):
            found += _paths(value, (*path, index))
    return found


def _replaced(node: Json, path: tuple[str | int, ...], value: Json) -> Json:
    if not path:
        return value
    first, *rest = path
    if isinstance(node, dict):
        return {key: _replaced(item, tuple(rest), value) if key == first else item for key, item in node.items()}
    assert isinstance(node, list)
    return [_replaced(item, tuple(rest), value) if index == first else item for index, item in enumerate(node)]


HOSTILE = (
    JSON
    | st.floats()
    | st.text(st.characters(exclude_categories=()), max_size=4)
    | st.sampled_from(
        ["*", "{", "{repository}", "${x}", "9999-12-31", "0001-01-01", "\ud800", "\x00", "ghe.com", "1" * 400]
    )
)


def test_the_rich_policy_loads() -> None:
    assert load(RICH).grant_names == {"rich", "nested"}


@settings(max_examples=6 * settings().max_examples)
@given(st.sampled_from(_paths(RICH)), HOSTILE)
def test_a_policy_with_one_field_replaced_loads_or_says_why(path: tuple[str | int, ...], value: Json) -> None:
    text = json.dumps(_replaced(RICH, path, value)).encode()
    try:
        policy = load_policy(text, name="policy.json", read_file=Folder())
    except PolicyUnusable as unusable:
        assert all(problem.path or not path for problem in unusable.problems)  # noqa: PT017 - either outcome is fine
        assert "\x1b" not in str(unusable)  # noqa: PT017 - either outcome is fine
    else:
        assert all(grant.conditions is not None for grant in policy.grants)


@settings(max_examples=3 * settings().max_examples)
@given(st.sampled_from([path for path in _paths(RICH) if path]), st.text(max_size=6), HOSTILE)
def test_a_policy_with_one_key_added_loads_or_says_why(path: tuple[str | int, ...], key: str, value: Json) -> None:
    def added(node: Json, where: tuple[str | int, ...]) -> Json:
        if where:
            first, *rest = where
            if isinstance(node, dict):
                return {name: added(item, tuple(rest)) if name == first else item for name, item in node.items()}
            assert isinstance(node, list)
            return [added(item, tuple(rest)) if index == first else item for index, item in enumerate(node)]
        return {**node, key: value} if isinstance(node, dict) else node

    try:
        load_policy(json.dumps(added(RICH, path)).encode(), name="policy.json", read_file=Folder())
    except PolicyUnusable as unusable:
        assert all(problem.path for problem in unusable.problems)  # noqa: PT017 - either outcome is fine


def test_leaving_out_any_field_loads_or_says_why() -> None:
    for path in _paths(RICH):
        if path and isinstance(path[-1], str):
            found: Document = json.loads(json.dumps(RICH))
            parent: Json = found
            for part in path[:-1]:
                parent = parent[part]  # type: ignore[index] # the path is the document's own
            assert isinstance(parent, dict)
            del parent[path[-1]]
            try:
                load(found)
            except PolicyUnusable as unusable:
                assert all(problem.path for problem in unusable.problems)  # noqa: PT017 - either outcome is fine


def test_the_faults_of_ten_thousand_grants_are_all_reported() -> None:
    found = document(*(grant(name=f"g{n}", role="x") for n in range(2000)))
    assert len(problems_of(found)) == 2000
