"""What a change of a policy means, entry by entry."""

import pytest

from tests.ci_jobs import issuer_of
from tests.loading.documents import AUDIENCE, Document, Folder, changed, document, grant, load, without
from tests.tls_server import authority
from token_exchange.core.ports import Json
from token_exchange_cli.diff.change import Change
from token_exchange_cli.diff.policies import changes

_FIPS = "210987654321.dkr.ecr-fips.eu-central-1.amazonaws.com"
_PUSH = grant(
    name="push",
    access="push",
    match={"branch": "main", "repository": {"like": "nordlicht/*"}},
    repositories=["ci/{repository}", "ci/{repository}/*"],
    also_pull=["base/*"],
    single_use=True,
    expires="2027-06-30",
)
_RULE: Document = {"name": "stopped", "issuers": ["github"], "match": {"repository_id": ["7", "8"]}}
_OLD = document(_PUSH, grant(), deny=[_RULE])


def _changes(new: Document, old: Document = _OLD) -> list[Change]:
    return list(changes(load(old), load(new)))


def _listed(found: list[Change]) -> list[tuple[str, str, str]]:
    return [(change.section, change.kind, change.name) for change in found]


@pytest.mark.parametrize(
    ("path", "value", "section", "sentence"),
    [
        # whose it is
        ("issuers", ["github", "own"], "wider", "issuers: own added"),
        ("match.branch", {"like": "m*"}, "wider", 'branch was "main", is {"like": ["m*"]}'),
        ("match.branch", {"like": "mai?", "not": "maib"}, "wider", 'branch was "main", is'),
        ("match.repository", {"like": "nordlicht/k*"}, "narrower", 'repository was {"like": ["nordlicht/*"]}, is'),
        ("match.repository", {"like": "**"}, "wider", 'repository was {"like": ["nordlicht/*"]}, is'),
        ("match.repository", {"like": "*/kompass"}, "changed", 'repository was {"like": ["nordlicht/*"]}, is'),
        ("claims", {"job_workflow_ref": "x"}, "narrower", 'now requires claims job_workflow_ref "x"'),
        # what it gives
        ("repositories", ["ci/{repository}"], "narrower", "repositories: ci/{repository}/* removed"),
        ("repositories", ["ci/{repository}", "ci/{repository}/x"], "narrower", "repositories: ci/{repository}/* remov"),
        ("repositories", ["ci/{repository}*"], "wider", "repositories: ci/{repository}* added"),
        ("also_pull", ["base/python"], "narrower", "also_pull: base/* removed"),
        # fewer repositories, for more: a name that fits no repository's name kept a run out
        ("repositories", ["ci/x"], "changed", "wider: its templates may now fit more runs"),
        # a value that has to be there keeps others out, whatever else it does
        ("session_tags", {"env": "{environment}"}, "changed", "narrower: its templates may no longer fit some runs"),
        ("source_identity", "{environment}", "changed", "narrower: its templates may no longer fit some runs"),
    ],
)
def test_changed_grant_field_has_its_section(path: str, value: Json, section: str, sentence: str) -> None:
    found = _changes(changed(_OLD, f"grants[0].{path}", value))
    assert _listed(found) == [(section, "grant", "push")]
    assert any(text.startswith(sentence) for text in found[0].what), found[0].what
    assert found[0].grants is None


@pytest.mark.parametrize(
    "new",
    [
        # written otherwise, and the same
        changed(_OLD, "grants[0].mode", "enforce"),
        changed(_OLD, "grants[0].match.branch", ["main"]),
        changed(_OLD, "grants[0].match.organization", "nordlicht"),
        changed(_OLD, "grants[0].match.repository_id", {"exists": True}),
        changed(_OLD, "grants[0].match.repository", {"like": ["nordlicht/*", "nordlicht/k*"]}),
        changed(_OLD, "grants[0].also_pull", ["base/*", "base/python"]),
        changed(_OLD, "grants[0].repositories", ["ci/{repository}", "ci/{repository}/*", "ci/{repository}/x"]),
        changed(_OLD, "deny[0].match.repository_id", ["8", "7"]),
        # for pull it does not matter in which list a repository is
        changed(changed(_OLD, "grants[1].repositories", ["base/x", "base/*"]), "grants[1].also_pull", ["base/*"]),
    ],
)
def test_equivalent_policies_do_not_differ(new: Document) -> None:
    assert _changes(new) == []
    assert _changes(_OLD, new) == []


def test_long_template_applies_to_fewer_runs() -> None:
    long = f"ci/{'x' * 60}/{{repository}}"
    old = changed(_OLD, "grants[0].repositories", ["ci/{repository}", long])
    new = changed(_OLD, "grants[0].repositories", ["ci/{repository}"])
    assert _listed(_changes(new, old)) == [("changed", "grant", "push")]


def test_adding_a_required_condition_is_changed() -> None:
    issuers: Json = {
        "circleci": {
            "provider": "circleci",
            "issuer": issuer_of("circleci"),
            "audience": AUDIENCE,
            "organizations": [{"id": "84b1f7e2-60c9-4d35-9a1e-2f7c05d8b463"}],
        }
    }
    bare = document(grant(issuers=["circleci"], match={"branch": "main"}), issuers=issuers)
    full = changed(bare, "grants[0].match.repository", "acme/shop")
    found = _changes(full, bare)
    assert _listed(found) == [("changed", "grant", "reader")]
    assert any("applied to no caller" in text for text in found[0].what)
    assert _listed(_changes(bare, full)) == [("changed", "grant", "reader")]


@pytest.mark.parametrize(
    ("path", "value", "section", "sentence"),
    [
        ("audience", [AUDIENCE, "other"], "wider", "audiences: other added"),
        ("leeway", "120s", "wider", "leeway was 1m, is 2m"),
        ("jwks_url", "https://keys.example/jwks", "changed", "its keys or their source changed"),
        ("enterprise", "nordlicht", "changed", "issuer was https://token.actions.githubusercontent.com, is"),
    ],
)
def test_changed_issuer_names_its_grants(path: str, value: Json, section: str, sentence: str) -> None:
    found = _changes(changed(_OLD, f"issuers.github.{path}", value))
    assert _listed(found) == [(section, "issuer", "github")]
    assert any(text.startswith(sentence) for text in found[0].what), found[0].what
    assert found[0].grants == ("push", "reader")
    assert found[0].fields()["grants"] == ["push", "reader"]


def test_a_group_covers_those_below_it() -> None:
    below = changed(_OLD, "issuers.gitlab.organizations", [{"name": "werft/boote"}])
    assert _listed(_changes(below)) == [("narrower", "issuer", "gitlab")]
    assert _listed(_changes(_OLD, below)) == [("wider", "issuer", "gitlab")]


def test_name_from_another_claim_changes_the_issuer() -> None:
    new = changed(_OLD, "issuers.own.claims.branch", ["git", "ref"])
    assert _listed(_changes(new)) == [("changed", "issuer", "own")]


@pytest.mark.parametrize(
    ("path", "value", "section"),
    [
        ("match.repository_id", "7", "wider"),
        ("match.repository_id", ["7", "8", "9"], "narrower"),
        ("match.branch", "main", "wider"),
        ("issuers", ["github", "own"], "narrower"),
        ("issuers", ["own"], "changed"),
    ],
)
def test_deny_rule_that_refuses_less_is_wider(path: str, value: Json, section: str) -> None:
    found = _changes(changed(_OLD, f"deny[0].{path}", value))
    assert _listed(found) == [(section, "deny", "stopped")]
    assert found[0].grants == ("push", "reader")


def test_deny_rules_ignore_case_and_compare_globs() -> None:
    old = document(deny=[{"name": "stopped", "match": {"repository": {"like": ["nordlicht/X*", "nordlicht/y"]}}}])
    same = document(deny=[{"name": "stopped", "match": {"repository": {"like": ["Nordlicht/x*", "nordlicht/Y"]}}}])
    fewer = document(deny=[{"name": "stopped", "match": {"repository": {"like": "Nordlicht/xy*"}}}])
    assert _changes(same, old) == []
    assert _listed(_changes(fewer, old)) == [("wider", "deny", "stopped")]


def test_removed_rule_names_the_affected_grants() -> None:
    (removed,) = _changes(without(_OLD, "deny"))
    assert (removed.section, removed.kind, removed.grants) == ("wider", "deny", ("push", "reader"))


@pytest.mark.parametrize(
    ("path", "value", "section", "sentence"),
    [
        ("region", "eu-west-1", "changed", "region was eu-central-1, is eu-west-1"),
        ("hosts", [_FIPS], "wider", f"hosts: {_FIPS} added"),
    ],
)
def test_a_registry_names_its_grants(path: str, value: Json, section: str, sentence: str) -> None:
    old = changed(_OLD, "grants[1].registry", "base")
    (found,) = _changes(changed(old, f"registries.apps.{path}", value), old)
    assert (found.section, found.kind, found.name) == (section, "registry", "apps")
    assert (found.what, found.grants) == ((sentence,), ("push",))


@pytest.mark.parametrize(
    ("names", "sentences"),
    [
        # among those of another registry, a place is no place
        (("c", "a", "b", "d"), ()),
        (("b", "a", "c", "d"), ("b is now first among the grants of apps",)),
        (("d", "a", "b", "c"), ("d is now first among the grants of apps",)),
        (("b", "d", "a", "c"), ("a is now after d among the grants of apps",)),
    ],
)
def test_the_order_of_a_registrys_grants(names: tuple[str, ...], sentences: tuple[str, ...]) -> None:
    registries = {"a": "apps", "b": "apps", "c": "base", "d": "apps"}
    old, new = (document(*(grant(name=name, registry=registries[name]) for name in order)) for order in ("abcd", names))
    found = _changes(new, old)
    assert [change.what[1:] for change in found] == ([sentences] if sentences else [])


_PROFILE = "arn:aws:signer:eu-central-1:210987654321:/signing-profiles/images"


@pytest.mark.parametrize(
    ("before", "after", "section", "sentence"),
    [
        ({}, {"also": ["list"]}, "wider", "also: the right to list is given"),
        ({"also": ["import"]}, {}, "narrower", "also: the right to import is taken away"),
        ({}, {"also": [{"sign": _PROFILE}]}, "wider", f"also: the right to sign with {_PROFILE} is given"),
        ({"also": [{"sign": _PROFILE}]}, {}, "narrower", f"also: the right to sign with {_PROFILE} is taken away"),
        ({"also": [{"sign": _PROFILE}]}, {"also": [{"sign": f"{_PROFILE}2"}]}, "changed", "also: sign was"),
        ({}, {"external_id": "acme"}, "changed", "external_id changed"),
        ({}, {"assume": "web-identity"}, "changed", "assume was"),
    ],
)
def test_changed_session_rights_have_their_section(
    before: Document, after: Document, section: str, sentence: str
) -> None:
    (found,) = _changes(document(grant(**after)), document(grant(**before)))
    assert found.section == section
    assert any(text.startswith(sentence) for text in found.what), found.what


@pytest.mark.parametrize(
    ("path", "value", "section", "sentence"),
    [
        ("leeway", "30s", "narrower", "leeway"),
        ("mode", "report", "narrower", "mode was"),
        ("jwks_url", "https://token.actions.githubusercontent.com/keys", "changed", "its keys or their source changed"),
        ("budgets", [{"per": "organization", "exchanges": 9, "every": "10m"}], "narrower", "budget per organization"),
    ],
)
def test_changed_issuer_fields_have_their_section(path: str, value: Json, section: str, sentence: str) -> None:
    new = changed(_OLD, f"issuers.github.{path}", value)
    for old_policy, new_policy, expected in (
        (_OLD, new, section),
        (new, _OLD, {"narrower": "wider"}.get(section, section)),
    ):
        (found,) = _changes(new_policy, old_policy)
        assert (found.section, found.kind, found.name) == (expected, "issuer", "github")
        assert any(text.startswith(sentence) for text in found.what), found.what


_PROVIDER: Document = {"provider": "gitea", "host": "git.nordlicht.example"}
_REST: Document = {"audience": AUDIENCE, "organizations": [{"name": "nordlicht"}]}


def test_another_provider_and_address_are_a_change() -> None:
    old = document(grant(issuers=["ci"]), issuers={"ci": {"provider": "gitlab", **_REST}})
    new = changed(old, "issuers.ci", {**_PROVIDER, **_REST})
    (found,) = _changes(new, old)
    assert (found.section, found.kind, found.name) == ("changed", "issuer", "ci")
    assert found.what[:1] == ("provider was gitlab, is gitea",)
    assert any(text.startswith("issuer was https://gitlab.com, is https://git.nordlicht") for text in found.what)


def test_an_issuer_of_one_policy_is_described() -> None:
    with_report = changed(_OLD, "issuers.ci", {**_PROVIDER, **_REST, "mode": "report"})
    (added,) = _changes(with_report)
    assert (added.section, added.kind, added.name) == ("added", "issuer", "ci")
    assert added.what[0].startswith("gitea at https://git.nordlicht.example")
    assert added.what[1:] == (f"audiences {AUDIENCE}", "organizations name nordlicht", "in report mode")
    (removed,) = _changes(_OLD, with_report)
    assert (removed.section, removed.what) == ("removed", added.what)
    (enforced,) = _changes(changed(with_report, "issuers.ci.mode", "enforce"), _OLD)
    assert enforced.what == added.what[:-1]


def test_a_ca_bundle_of_an_issuer_is_a_change() -> None:
    old = document(grant(issuers=["ci"]), issuers={"ci": {**_PROVIDER, **_REST}})
    new = changed(old, "issuers.ci.ca_bundle", "ca.pem")
    (found,) = changes(load(old), load(new, folder=Folder({"ca.pem": authority().bundle.encode()})))
    assert (found.section, found.kind, found.what) == ("changed", "issuer", ("ca_bundle changed",))


@pytest.mark.parametrize(("exchanges", "section"), [(12, "wider"), (5, "narrower")])
def test_a_budget_of_the_same_period_is_compared(exchanges: int, section: str) -> None:
    old = changed(_OLD, "issuers.github.budgets", [{"per": "organization", "exchanges": 9, "every": "10m"}])
    (found,) = _changes(changed(old, "issuers.github.budgets[0].exchanges", exchanges), old)
    assert (found.section, found.kind) == (section, "issuer")
    assert found.what == (f"budget per organization every 10m was 9, is {exchanges}",)


def test_another_type_of_registry_and_login_is_a_change() -> None:
    stored: Document = {"name": "reader", "issuers": ["github"], "registry": "apps"}
    hub: Json = {
        "type": "secret",
        "host": "docker.io",
        "secret_arn": "arn:aws:secretsmanager:eu-central-1:210987654321:secret:hub-a1B2c3",
    }
    old = document()
    new = changed(changed(old, "registries.apps", hub), "grants", [{**stored, "match": {"branch": "main"}}])
    found = {change.kind: change for change in _changes(new, old)}
    assert {change.section for change in found.values()} == {"changed"}
    assert found["registry"].what == ("the type of registry changed",)
    assert "the kind of login changed" in found["grant"].what


def test_entries_of_one_policy_are_added_or_removed() -> None:
    found = document(_PUSH, grant(), deny=[_RULE])
    registries = found["registries"]
    assert isinstance(registries, dict)
    more = changed(found, "registries", {**registries, "hub": {"type": "ecr-public"}})
    assert ("added", "registry", "hub") in _listed(_changes(more))
    assert ("removed", "registry", "hub") in _listed(_changes(_OLD, more))
