"""What the linter claims is so: held against the service's own decisions, for tokens of several systems."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ci_claims import bitrise_claims, caller_of, github_claims, gitlab_claims
from tests.ci_jobs import job_claims
from tests.cli.lint.lint import lint
from tests.loading.documents import AUDIENCE, Document, document, grant, load
from token_exchange.core.decision import AccessRequest, Denied, Granted, decide
from token_exchange.core.policy import Policy
from token_exchange.core.ports import Json
from token_exchange.core.reach import RepositoryScope, parse_repository_name
from token_exchange.core.refusals import Reason, Refused
from token_exchange_cli.meaning.proofs import exclude_each_other, follows, never_holds

BITRISE: Json = {"provider": "bitrise", "audience": AUDIENCE, "organizations": [{"id": "a90b3c7d15e2f846"}]}
BUILDKITE: Json = {
    "provider": "buildkite",
    "audience": AUDIENCE,
    "organizations": [{"id": str(job_claims("buildkite")["organization_id"])}],
}
OWN: Json = {
    "provider": "generic",
    "issuer": "https://ci.nordlicht.example",
    "audience": AUDIENCE,
    "algorithms": ["ES256"],
    "organization_claim": "tenant",
    "claims": {"repository": "project", "branch": "branch", "tag": "tag", "ref": "ref"},
    "organizations": [{"name": "nordlicht"}],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """A CI system of the laws: a job's claims, values that they may have, and names and raw claims to match."""

    claims: Mapping[str, Json]
    runs: Mapping[str, tuple[Json, ...]]
    names: Mapping[str, tuple[str, ...]]
    raw: Mapping[str, tuple[str, ...]]
    can_be_flag: bool = False


REFS = ("refs/heads/main", "refs/heads/dev", "refs/tags/main", "refs/tags/v1", "refs/pull/7/merge")
SYSTEMS: dict[str, System] = {
    "github": System(
        claims=github_claims(),
        runs={
            "ref": REFS,
            "ref_type": ("branch", "tag"),
            "environment": ("main", "v1", "Pr od", None, ""),
            "event_name": ("push", "schedule", "pull_request"),
            "repository": ("nordlicht/kompass", "nordlicht/" + "x" * 240),
            "ref_protected": ("true", "false"),
            # nothing says that it is text
            "unheard_of": ("main", ["main", "dev"], None, "", []),
        },
        names={
            "branch": ("main", "dev"),
            "tag": ("main", "v1"),
            "ref": REFS,
            "environment": ("main", "v1"),
            "event": ("push", "pull_request"),
            "organization": ("nordlicht", "werft"),
            "organization_id": ("4400117", "1"),
            "repository": ("nordlicht/kompass", "nordlicht/" + "x" * 240),
        },
        raw={
            "ref": REFS,
            "environment": ("main", "v1"),
            "repository_owner_id": ("4400117", "1"),
            "ref_type": ("branch", "tag"),
            "event_name": ("push", "pull_request"),
            "unheard_of": ("main", "dev"),
        },
        can_be_flag=True,
    ),
    "gitlab": System(
        claims=gitlab_claims(),
        runs={
            "ref": ("main", "dev"),
            "ref_type": ("branch", "tag"),
            "ref_path": REFS,
            "pipeline_source": ("push", "merge_request_event"),
            "namespace_path": ("werft", "werft/boote", "werften", "werft-x/y"),
            "user_identities": ("main", ["main", "dev"], None),
        },
        names={
            "branch": ("main", "dev"),
            "tag": ("main", "dev"),
            "ref": REFS,
            "organization": ("werft", "werft/boote", "werften", "nordlicht"),
        },
        raw={"ref": ("main", "dev"), "namespace_path": ("werft", "werften"), "user_identities": ("main", "dev")},
        can_be_flag=True,
    ),
    "bitrise": System(
        claims=bitrise_claims(),
        runs={"branch": ("main", "dev", "", None), "tag": ("main", "v1", "", None), "branch_dest": ("", None, "main")},
        names={"branch": ("main", "dev"), "tag": ("main", "v1"), "organization": ("a90b3c7d15e2f846", "werft")},
        raw={"branch": ("main", "dev"), "tag": ("main", "v1")},
    ),
    "buildkite": System(
        claims=job_claims("buildkite"),
        runs={"build_branch": ("main", "v1"), "build_tag": ("main", "v1", "", None)},
        names={"branch": ("main", "v1"), "tag": ("main", "v1")},
        raw={"build_branch": ("main", "v1"), "build_tag": ("main", "v1")},
    ),
    "own": System(
        claims={"tenant": "nordlicht", "project": "nordlicht/kompass"},
        runs={
            "branch": ("main", "dev", "", None),
            "tag": ("main", "v1", "", None),
            "ref": (*REFS, None),
            "groups": ("main", ["main", "dev"], ["main"], [], None, 7, True),
        },
        names={"branch": ("main", "dev"), "tag": ("main", "v1"), "ref": REFS, "organization": ("nordlicht", "werft")},
        raw={"branch": ("main", "dev"), "groups": ("main", "dev")},
    ),
}


def _forms(values: tuple[str, ...]) -> st.SearchStrategy[Json]:
    one = st.sampled_from(values)
    some: st.SearchStrategy[list[Json]] = st.lists(one, min_size=1, max_size=2).map(lambda found: [*found])
    likes: st.SearchStrategy[Json] = st.one_of(
        some, one.map(lambda value: value[:3] + "*"), one.map(lambda v: v[:1] + "**")
    )
    operators: st.SearchStrategy[Json] = st.fixed_dictionaries(
        {},
        optional={"like": likes, "not_like": likes, "not": some, "exists": st.booleans()},
    ).filter(bool)  # fmt: skip
    plain: st.SearchStrategy[Json] = st.one_of(one, some)
    return st.one_of(plain, operators)


def _conditions(forms: Mapping[str, tuple[str, ...]], most: int) -> st.SearchStrategy[dict[str, Json]]:
    every = {name: _forms(values) for name, values in forms.items()}
    few = st.lists(st.sampled_from(sorted(every)), max_size=most, unique=True)
    return few.flatmap(lambda names: st.fixed_dictionaries({name: every[name] for name in names}))


@cache
def grants(issuer: str, name: str) -> st.SearchStrategy[Document]:
    system = SYSTEMS[issuer]
    flag: st.SearchStrategy[dict[str, Json]] = st.just({})
    if system.can_be_flag:
        flag = st.one_of(flag, st.booleans().map(lambda value: {"ref_protected": value}))
    templates: st.SearchStrategy[Json] = st.sampled_from([[one] for one in ("base/*", "base/x", *_templates(issuer))])
    also_pull: list[Json] = [None, None, ["base/*"], ["more/{organization}"]]
    tags: list[Json] = [None, None, {"b": "{branch}"}, {"o": "{organization}"}]
    identities: list[Json] = [None, None, "{tag}", "{organization}"]
    days: list[Json] = [None, None, "2027-01-01", "2027-06-01"]
    return st.builds(
        grant,
        name=st.just(name),
        issuers=st.just([issuer]),
        match=st.builds(lambda some, more: {**some, **more} or None, _conditions(system.names, 2), flag),
        claims=_conditions(system.raw, 1).map(lambda found: found or None),
        repositories=templates,
        also_pull=st.sampled_from(also_pull),
        session_tags=st.sampled_from(tags),
        source_identity=st.sampled_from(identities),
        allow_untrusted_triggers=st.sampled_from([None, True]),
        expires=st.sampled_from(days),
    )


@st.composite
def pairs(draw: st.DrawFn, issuer: str) -> tuple[Document, Document]:
    """Two grants that differ in one field, or in all: a wrong proof shows where little differs."""
    first, second = draw(grants(issuer, "one")), draw(grants(issuer, "two"))
    fields = draw(st.lists(st.sampled_from(sorted({*first, *second} - {"name"})), max_size=2, unique=True))
    if draw(st.integers(min_value=0, max_value=4)):
        second = {key: found for key in {**first, **second} if (found := (second if key in fields else first).get(key))}
        second["name"] = "two"
    return first, second


def _templates(issuer: str) -> list[str]:
    named = ["ci/{organization}/{branch}", "ci/{branch}", "long/{organization}/x"]
    has_repository = ["ci/{repository}", "ci/{repository}/*", "ci/*"]
    has_environment = ["ci/{environment}/x"]
    return named + (has_repository if issuer != "buildkite" else []) + (has_environment if issuer == "github" else [])


def _claims(system: System, changes: Mapping[str, Json]) -> dict[str, Json]:
    found = {**system.claims, **changes}
    if isinstance(ref := found.get("namespace_path"), str):
        found["project_path"] = f"{ref}/jolle"
    return {name: value for name, value in found.items() if value is not None}


@cache
def runs(issuer: str) -> st.SearchStrategy[list[dict[str, Json]]]:
    """Return jobs of the system, by their claims."""
    system = SYSTEMS[issuer]
    changes = st.fixed_dictionaries({name: st.sampled_from(values) for name, values in system.runs.items()})
    return st.lists(changes.map(lambda found: _claims(system, found)), min_size=1, max_size=8)


def policy_of_all(*found: Document, deny: Json = None) -> Document:
    """Return a policy of every system with these grants."""
    whole = document(*found, deny=deny)
    issuers = whole["issuers"]
    assert isinstance(issuers, dict)
    issuers.update({"bitrise": BITRISE, "buildkite": BUILDKITE, "own": OWN})
    return whole


ASKS = (
    AccessRequest(),
    AccessRequest(scope=(RepositoryScope(name=parse_repository_name("base/x"), push=False),)),
    AccessRequest(scope=(RepositoryScope(name=parse_repository_name("ci/nordlicht/kompass"), push=False),)),
)


def _won(policy: Policy, issuer: str, claims: dict[str, Json], ask: AccessRequest) -> list[str]:
    try:
        decision = decide(policy, caller_of(policy, issuer, claims), ask)
    except Refused:
        return []
    return [award.grant.name for award in decision.awards] if isinstance(decision, Granted) else []


@settings(max_examples=3 * settings().max_examples)
@given(st.sampled_from(sorted(SYSTEMS)), st.data())
def test_unreachable_and_never_matches_are_proven(issuer: str, data: st.DataObject) -> None:
    found = policy_of_all(*data.draw(pairs(issuer)))
    said = {(one.code, one.path[1]) for one in lint(found) if one.path[0] == "grants"}
    loaded = load(found)
    for claims in data.draw(runs(issuer)):
        for ask in ASKS:
            won = _won(loaded, issuer, claims, ask)
            assert not (("unreachable", 1) in said and "two" in won)
        for number, name in enumerate(("one", "two")):
            if ("never-matches", number) in said:
                assert not _won(loaded, issuer, claims, AccessRequest(grant=name))


@settings(max_examples=3 * settings().max_examples)
@given(st.sampled_from(sorted(SYSTEMS)), st.data())
def test_a_proof_about_two_conditions_holds_of_every_token(issuer: str, data: st.DataObject) -> None:
    policy = load(policy_of_all(*data.draw(pairs(issuer))))
    entry = policy.issuers[issuer]
    conditions = [condition for found in policy.grants for condition in found.conditions]
    for claims in data.draw(runs(issuer)):
        try:
            caller = caller_of(policy, issuer, claims)
        except Refused:
            continue
        if not entry.allows(caller.identity.vocabulary):
            continue
        holds = [one.holds(one.found(caller.identity.vocabulary, claims)) for one in conditions]
        for one, one_holds in zip(conditions, holds, strict=True):
            assert not (one_holds and never_holds(one, [entry.preset]))
            for other, other_holds in zip(conditions, holds, strict=True):
                assert not (
                    one is not other and one_holds and other_holds and exclude_each_other(one, other, [entry.preset])
                )
                assert not (one_holds and not other_holds and follows(other, [one], [entry]))


@settings(max_examples=3 * settings().max_examples)
@given(st.sampled_from(sorted(SYSTEMS)), st.data())
def test_deny_never_fires_is_proven(issuer: str, data: st.DataObject) -> None:
    system = SYSTEMS[issuer]
    strange: dict[str, tuple[str, ...]] = {"job_id": ("7",), "pipeline_id": ("a",)}
    match = data.draw(_conditions({**system.names, **strange}, 3))
    claims = data.draw(_conditions(system.raw, 1))
    conditions = {key: value for key, value in {"match": match, "claims": claims}.items() if value}
    rule: Json = {"name": "stop", **(conditions or {"match": {"branch": "main"}})}
    found = policy_of_all(deny=[rule])
    told = [one.message for one in lint(found) if one.code == "deny-never-fires"]
    loaded = load(found)
    for run in data.draw(runs(issuer)):
        try:
            decision = decide(loaded, caller_of(loaded, issuer, run), AccessRequest())
        except Refused:
            continue
        if isinstance(decision, Denied) and decision.reason is Reason.DENIED:
            assert not any(issuer in message for message in told)
