"""Every newly admitted caller has a grant that the comparison names, by the service's own decisions."""

from collections.abc import Mapping

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ci_claims import NOON, caller_of, github_claims
from tests.loading.documents import AUDIENCE, Document, document, grant, load
from token_exchange.core.decision import AccessRequest, Decision, Denied, Granted, decide
from token_exchange.core.evaluate import Caller
from token_exchange.core.policy import Policy
from token_exchange.core.ports import Json
from token_exchange.core.reach import RepositoryName, RepositoryScope, parse_repository_name
from token_exchange.core.refusals import Reason
from token_exchange_cli.diff.policies import changes

_BRANCHES: tuple[Json, ...] = (
    "main",
    ["main", "dev"],
    {"like": "m*"},
    {"like": ["m**", "dev"]},
    {"like": "?**"},
    {"not": "dev"},
    {"not": ["dev", "main"]},
    {"not_like": "d*"},
    {"not_like": ["d*", "m?in"]},
    {"not_like": "**"},
    {"exists": True},
    {"exists": False},
    {"like": "*", "not": "main"},
)
_REFS = ("refs/heads/main", "refs/heads/dev", "refs/heads/m/x", "refs/heads/d/x", "refs/tags/v1")

_BRANCH: st.SearchStrategy[Json] = st.sampled_from(_BRANCHES)
_REPOSITORY: st.SearchStrategy[Json] = st.sampled_from(
    ["nordlicht/kompass", {"like": "nordlicht/*"}, {"like": "**"}, ["nordlicht/kompass", "nordlicht/Anker"]]
)


def _optional(**fields: st.SearchStrategy[Json]) -> st.SearchStrategy[dict[str, Json]]:
    return st.fixed_dictionaries({}, optional=fields)


_CONDITIONS = _optional(
    branch=_BRANCH,
    repository=_REPOSITORY,
    environment=st.sampled_from(["production", ["production", "test"], {"exists": False}, {"like": "*"}]),
    organization=st.sampled_from(["nordlicht", "werft"]),
)


@st.composite
def _grants(draw: st.DrawFn, name: str) -> Document:
    pushes = draw(st.booleans())
    names: list[Json] = ["ci/{repository}", "ci/{repository}/*", "ci/*", "ci/nordlicht/*", "ci/x"]
    terms = draw(
        _optional(
            also_pull=st.sampled_from([["base/*"], ["base/x"], ["ci/*"], ["base/{environment}"]]),
            duration=st.sampled_from(["10m", "1h"]),
            expires=st.sampled_from(["2026-01-01", "2028-01-01"]),
            mode=st.sampled_from(["report", "enforce"]),
            allow_untrusted_triggers=st.booleans(),
            session_tags=st.sampled_from([True, {"env": "{environment}"}]),
        )
    )
    match = draw(_CONDITIONS)
    return grant(
        name=name,
        access="push" if pushes else "pull",
        registry=draw(st.sampled_from(["apps", "base"])),
        repositories=draw(st.lists(st.sampled_from(names), min_size=1, max_size=2, unique=True)),
        match=dict(match) or None,
        **terms,
    )


_ORGANIZATIONS: tuple[Json, ...] = (
    {"name": "nordlicht"},
    {"name": "nordlicht", "id": "4400117"},
    {"id": "4400117"},
    {"name": "werft"},
)


@st.composite
def _issuers(draw: st.DrawFn) -> Document:
    return {
        "provider": "github-actions",
        "audience": AUDIENCE,
        "organizations": draw(st.lists(st.sampled_from(_ORGANIZATIONS), min_size=2, max_size=2, unique_by=str)),
        "mode": draw(st.sampled_from(["enforce", "enforce", "enforce", "report"])),
    }


@st.composite
def _rules(draw: st.DrawFn) -> list[Json]:
    return [
        {"name": name, "match": {"repository": "NORDLICHT/kompass", **draw(_CONDITIONS)}}
        for name in draw(st.lists(st.sampled_from(["halt", "stop"]), max_size=1, unique=True))
    ]


@st.composite
def policy_changes(draw: st.DrawFn) -> tuple[Policy, Policy]:
    """Draw a policy, and what became of it where one thing was changed, or several."""
    names = draw(st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=3, unique=True))
    before = [draw(_grants(name)) for name in names]
    issuer, deny = draw(_issuers()), draw(_rules())
    after = [_with_one_field_of(draw(_grants(name)), grant_, draw) for name, grant_ in zip(names, before, strict=True)]
    what = draw(st.sampled_from(["grants", "issuer", "deny", "all"]))
    return (
        load(document(*before, issuers={"github": issuer}, deny=[*deny] or None)),
        load(
            document(
                *(after if what in ("grants", "all") else before),
                issuers={"github": draw(_issuers()) if what in ("issuer", "all") else issuer},
                deny=[*(draw(_rules()) if what in ("deny", "all") else deny)] or None,
            )
        ),
    )


def _with_one_field_of(other: Document, own: Document, draw: st.DrawFn) -> Document:
    fields = draw(st.sets(st.sampled_from(sorted((own.keys() | other.keys()) - {"name"})), max_size=2))
    merged = {name: (other if name in fields else own).get(name) for name in own.keys() | other.keys()}
    return {name: value for name, value in merged.items() if value is not None}


@st.composite
def ci_runs(draw: st.DrawFn) -> Mapping[str, Json]:
    ref = draw(st.sampled_from(_REFS))
    return _of_ref(
        ref,
        environment=draw(st.sampled_from([None, "production", "test", "Bad Name"])),
        repository=draw(st.sampled_from(["nordlicht/kompass", "nordlicht/kompass", "nordlicht/Anker"])),
        event_name=draw(st.sampled_from(["push", "push", "pull_request"])),
        repository_owner=draw(st.sampled_from(["nordlicht", "nordlicht", "werft"])),
        repository_owner_id=draw(st.sampled_from(["4400117", "4400117", "99"])),
    )


ASKS = st.sampled_from(
    [
        AccessRequest(),
        AccessRequest(registries=("apps",)),
        AccessRequest(registries=("base",)),
        AccessRequest(grant="a"),
        AccessRequest(
            registries=("apps",),
            scope=(RepositoryScope(name=parse_repository_name("ci/nordlicht/kompass"), push=False),),
        ),
        AccessRequest(registries=("apps",), scope=(RepositoryScope(name=parse_repository_name("ci/x"), push=True),)),
        AccessRequest(registries=("apps",), scope=(RepositoryScope(name=parse_repository_name("base/x"), push=False),)),
    ]
)


def _decided(policy: Policy, claims: Mapping[str, Json], ask: AccessRequest) -> tuple[Decision, Caller]:
    caller = caller_of(policy, "github", dict(claims), now=NOON)
    return decide(policy, caller, ask), caller


def _named(old: Policy, new: Policy) -> set[str]:
    """Return the grants that may give more than they did."""
    found = [change for change in changes(old, new) if change.section in ("added", "wider", "changed")]
    return {name for change in found for name in (change.name, *(change.grants or ()))}


def _sections(old: Policy, new: Policy) -> set[str]:
    return {change.section for change in changes(old, new)}


def test_direction_between_any_two_conditions_holds() -> None:
    policies = [load(document(grant(match={"branch": branch}))) for branch in _BRANCHES]
    policies.append(load(document(grant())))
    let_in = [
        {ref for ref in _REFS if isinstance(_decided(policy, _of_ref(ref), AccessRequest())[0], Granted)}
        for policy in policies
    ]
    for old, old_runs in zip(policies, let_in, strict=True):
        for new, new_runs in zip(policies, let_in, strict=True):
            if new_runs - old_runs:
                assert _sections(old, new) & {"wider", "changed"}, (old.grants, new.grants)
            if old_runs - new_runs:
                assert _sections(old, new) & {"narrower", "changed"}, (old.grants, new.grants)


def _of_ref(ref: str, **claims: Json) -> dict[str, Json]:
    return github_claims(ref=ref, ref_type="tag" if "tags" in ref else "branch", **claims)


@settings(max_examples=2 * settings().max_examples)
@given(change=policy_changes(), claims=ci_runs(), ask=ASKS)
def test_newly_admitted_callers_have_a_named_grant(
    change: tuple[Policy, Policy], claims: Mapping[str, Json], ask: AccessRequest
) -> None:
    old, new = change
    before, _ = _decided(old, claims, ask)
    after, _ = _decided(new, claims, ask)
    # That a request could mean several registries is not a matter of who may have what.
    if isinstance(before, Denied) and before.reason is not Reason.AMBIGUOUS_REGISTRY and isinstance(after, Granted):
        named = _named(old, new)
        assert all(award.grant.name in named for award in after.awards)


@settings(max_examples=2 * settings().max_examples)
@given(change=policy_changes(), claims=ci_runs())
def test_unnamed_grant_gives_nothing_more(change: tuple[Policy, Policy], claims: Mapping[str, Json]) -> None:
    old, new = change
    named = _named(old, new)
    for grant_ in new.grants:
        if grant_.name in named:
            continue
        ask = AccessRequest(grant=grant_.name)
        after, _ = _decided(new, claims, ask)
        before, _ = _decided(old, claims, ask)
        if not isinstance(after, Granted):
            continue
        assert isinstance(before, Granted)
        assert grant_.terms is not None
        assert before.awards[0].grant.terms is not None
        assert grant_.terms.duration_seconds <= before.awards[0].grant.terms.duration_seconds
        (now,), (then,) = after.awards, before.awards
        assert now.reach is not None
        for pattern in now.reach.repositories:
            wanted = (RepositoryScope(name=RepositoryName(pattern), push=now.reach.access == "push"),)
            narrow, _ = _decided(
                old, claims, AccessRequest(registries=(then.registry.name,), grant=grant_.name, scope=wanted)
            )
            assert isinstance(narrow, Granted)


@given(change=policy_changes())
def test_policy_does_not_differ_from_itself(change: tuple[Policy, Policy]) -> None:
    policy, _ = change
    assert not list(changes(policy, policy))
