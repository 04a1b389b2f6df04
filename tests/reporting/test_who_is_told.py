"""Nothing of a grant that is for other callers is disclosed, whatever the policy and the claims are."""

from dataclasses import replace
from typing import override

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.attempts import attempt_of
from tests.ci_claims import NOON, caller_of, github_claims, gitlab_claims
from tests.loading.documents import document, grant, load
from token_exchange.core.attempt import Attempt
from token_exchange.core.decision import AccessRequest, Decision, Denied, decide
from token_exchange.core.evaluate import Caller
from token_exchange.core.exchange import Exchange
from token_exchange.core.policy import Policy
from token_exchange.core.ports import Json
from token_exchange.http.answers import for_readers
from token_exchange.http.event import HttpRequest
from token_exchange.http.parameters import SentParameters
from token_exchange.http.token import denial, explain_token
from token_exchange.reporting.audit import AuditRecord

OWN_CLAIMS: dict[str, Json] = {
    "iss": "https://ci.nordlicht.example",
    "sub": "job:1",
    "tenant": "nordlicht",
    "project": "nordlicht/kompass",
    "project_id": "7",
    "git": {"branch": "main", "author": "ada"},
    "team": "ship",
    "members": ["ada", "grace"],
}
CLAIMS = {"github": github_claims(environment="live"), "gitlab": gitlab_claims(), "own": OWN_CLAIMS}

type Place = tuple[str, str, *tuple[str, ...]]
"""The section of a condition, and the path of its claim."""

# By hand, not by the presets: all that a refusal may say of a grant that is for others. Everything else is a name.
PUBLIC: dict[str, set[Place]] = {
    "github": {
        ("match", "branch"),
        ("match", "event"),
        ("match", "environment"),
        ("claims", "event_name"),
        ("claims", "ref"),
        ("claims", "runner_environment"),
    },
    "gitlab": {
        ("match", "branch"),
        ("match", "event"),
        ("claims", "ref"),
        ("claims", "pipeline_source"),
        ("claims", "user_access_level"),
    },
    "own": {("match", "branch"), ("claims", "git", "branch")},
}
NAMING: dict[str, set[Place]] = {
    "github": {
        ("match", "repository"),
        ("match", "workflow"),
        ("match", "workflow_ref"),
        ("match", "actor"),
        ("claims", "sub"),
        ("claims", "job_workflow_ref"),
        ("claims", "workflow_ref"),
        ("claims", "enterprise"),
        ("claims", "repo_property_team"),
        ("claims", "never_documented"),
    },
    "gitlab": {
        ("match", "repository"),
        ("match", "organization"),
        ("claims", "job_project_path"),
        ("claims", "job_project_id"),
        ("claims", "job_namespace_path"),
        ("claims", "user_email"),
        ("claims", "user_login"),
        ("claims", "groups_direct"),
        ("claims", "never_documented"),
    },
    "own": {
        ("match", "repository"),
        ("claims", "team"),
        ("claims", "members"),
        ("claims", "git", "author"),
        ("claims", "never_documented"),
    },
}
REQUEST = HttpRequest(
    method="POST",
    path="/v1/token",
    query=(),
    authorization=("Bearer x",),
    content_type=None,
    body=b"",
    api_request_id=None,
    source_ip=None,
    user_agent=None,
)


class Deciding(Exchange):
    """An exchange that decides for one caller, whose token it takes for proven."""

    def __init__(self, policy: Policy, caller: Caller) -> None:
        self.policy = policy
        self.caller = caller

    @override
    def explain(self, raw_token: str, request: AccessRequest, attempt: Attempt) -> Decision:
        return self.decided(request, attempt)

    def decided(self, request: AccessRequest, attempt: Attempt) -> Decision:
        decision = decide(self.policy, self.caller, request)
        attempt.policy, attempt.caller, attempt.request, attempt.decision = self.policy, self.caller, request, decision
        return decision


def answers(policy: Policy, caller: Caller, ask: AccessRequest) -> list[str]:
    """Return all that the caller is told: the refusal where it is one, and the explanation."""
    exchange, record = Deciding(policy, caller), AuditRecord(attempt=attempt_of())
    decision = exchange.decided(ask, record.attempt)
    answered = [denial(decision, SentParameters.read(REQUEST), record)] if isinstance(decision, Denied) else []
    explained = explain_token(
        exchange,
        replace(REQUEST, path="/v1/explain", query=() if ask.grant is None else (("grant", ask.grant),)),
        AuditRecord(attempt=attempt_of()),
    )
    return [for_readers(answer, REQUEST, documentation_url="docs").body for answer in (*answered, explained)]


def put(into: dict[str, Json], path: list[str], value: Json) -> None:
    """Put `value` at `path` in nested mappings."""
    first, *rest = path
    if not rest:
        into[first] = value
        return
    inner = into.setdefault(first, {})
    assert isinstance(inner, dict)
    put(inner, rest, value)


@st.composite
def grants(draw: st.DrawFn, issuer: str, number: int) -> tuple[dict[str, Json], bool]:
    """Return a grant whose own texts all hold a mark, and whether it is for others."""
    mark = f"zq{number}z"
    places = draw(st.lists(st.sampled_from(sorted(PUBLIC[issuer] | NAMING[issuer])), unique=True, max_size=4))
    sections: dict[str, dict[str, Json]] = {"match": {}, "claims": {}}
    is_others = False
    for section, *path in places:
        found = held(issuer, section, *path)
        holds = found is not None and draw(st.booleans())
        other_values: list[Json] = [mark, [mark, f"{mark}-2"], {"like": f"{mark}/*"}]
        unlike = draw(st.sampled_from(other_values))
        is_others |= not holds and (section, *path) in NAMING[issuer]
        put(sections[section], path, found if holds else unlike)
    fields = grant(
        name=mark,
        issuers=[issuer],
        role=f"arn:aws:iam::210987654321:role/{mark}",
        repositories=[f"{mark}/*"],
        contact=f"#{mark}",
        mode=draw(st.sampled_from(["enforce", "enforce", "report"])),
        **{section: conditions for section, conditions in sections.items() if conditions},
    )
    return fields, is_others


VOCABULARY = {
    ("github", "branch"): "main",
    ("github", "event"): "push",
    ("github", "environment"): "live",
    ("github", "repository"): "nordlicht/kompass",
    ("github", "workflow"): "ship",
    ("github", "workflow_ref"): "nordlicht/kompass/.github/workflows/ship.yml@refs/heads/main",
    ("github", "actor"): "ada-mueller",
    ("gitlab", "branch"): "main",
    ("gitlab", "event"): "push",
    ("gitlab", "repository"): "werft/boote/jolle",
    ("gitlab", "organization"): "werft/boote",
    ("own", "branch"): "main",
    ("own", "repository"): "nordlicht/kompass",
}


def held(issuer: str, section: str, *path: str) -> Json:
    """Return a value that the caller has at this place, or None where there is none."""
    if section == "match":
        return VOCABULARY[issuer, path[0]]
    value: Json = CLAIMS[issuer]
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value[0] if isinstance(value, list) else value


@st.composite
def cases(draw: st.DrawFn) -> tuple[str, list[tuple[dict[str, Json], bool]], int | None]:
    issuer = draw(st.sampled_from(sorted(CLAIMS)))
    drawn = [draw(grants(issuer, number)) for number in range(draw(st.integers(1, 5)))]
    return issuer, drawn, draw(st.none() | st.integers(0, len(drawn) - 1))


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(cases())
def test_a_grant_for_others_is_not_disclosed(
    case: tuple[str, list[tuple[dict[str, Json], bool]], int | None],
) -> None:
    issuer, drawn, asked = case
    policy = load(document(*(fields for fields, _ in drawn)))
    caller = caller_of(policy, issuer, CLAIMS[issuer], now=NOON)
    for ask in (AccessRequest(), AccessRequest(grant=None if asked is None else f"zq{asked}z")):
        for answer in answers(policy, caller, ask):
            for number, (_, is_others) in enumerate(drawn):
                if is_others:
                    assert f"zq{number}z" not in answer


@pytest.mark.parametrize(
    ("issuer", "place"), [(issuer, place) for issuer, places in NAMING.items() for place in sorted(places)]
)
def test_a_grant_for_another_name_is_not_disclosed(issuer: str, place: Place) -> None:
    section, *path = place
    condition: Json = "zqz-falcon"
    for name in reversed(path):
        condition = {name: condition}
    policy = load(document(grant(name="zqz", issuers=[issuer], **{section: condition})))
    caller = caller_of(policy, issuer, CLAIMS[issuer], now=NOON)
    told = answers(policy, caller, AccessRequest())
    assert len(told) == 2
    for answer in told:
        assert "zqz" not in answer
        assert '"considered_not_shown": 1' in answer


@pytest.mark.parametrize(
    ("issuer", "place"), [(issuer, place) for issuer, places in PUBLIC.items() for place in sorted(places)]
)
def test_a_grant_for_another_branch_is_disclosed(issuer: str, place: Place) -> None:
    section, *path = place
    condition: Json = "zqz-next"
    for name in reversed(path):
        condition = {name: condition}
    policy = load(document(grant(name="zqz", issuers=[issuer], **{section: condition})))
    caller = caller_of(policy, issuer, CLAIMS[issuer], now=NOON)
    for answer in answers(policy, caller, AccessRequest()):
        assert "zqz-next" in answer
