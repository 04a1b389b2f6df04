"""Random policies and runs: decisions equal the reference's, and sessions allow exactly what they say."""

import json
from typing import Final

from hypothesis.strategies import SearchStrategy

from fuzz.drawn_policies import NOW, cases
from fuzz.reference.decision import Login, Verdict, Wanted, decide, names_that_may_not_be
from fuzz.reference.session import rights_in, rights_of
from fuzz.reference.values import Abstains, NotAJob
from fuzz.target import Broken, Json
from fuzz.targets.plain import Plain
from token_exchange.core.decision import AccessRequest, Award, Denied
from token_exchange.core.decision import decide as decide_really
from token_exchange.core.evaluate import Caller, caller_of
from token_exchange.core.policy import Policy, SecretRegistry
from token_exchange.core.reach import RepositoryScope, parse_repository_name
from token_exchange.core.refusals import Reason, Refused
from token_exchange.core.session import bounded_session, utc_second
from token_exchange.loading.load import load_policy
from token_exchange.loading.problems import PolicyUnusable

_LONGEST_SESSION_POLICY: Final = 2048


class PolicyDecision(Plain):
    """Whatever policy loads decides as the reference does, and no session is wider than its grant."""

    name = "policy"

    @property
    def inputs(self) -> SearchStrategy[Json]:
        """Draw a policy for one CI system, and runs of it that ask for something."""
        return cases()

    def check(self, given: Json) -> None:
        """Decide for each of the runs."""
        match given:
            case {"policy": dict(document), "entry": str(entry), "runs": list(runs)}:
                pass
            case _:
                raise ValueError("not an input of this target")
        try:
            policy = load_policy(json.dumps(document).encode(), name="policy.json", read_file=None)
        except PolicyUnusable:
            return
        wrong = names_that_may_not_be(document)
        if wrong:
            raise Broken("loads-what-may-not-be", "; ".join(wrong))
        for run in runs:
            match run:
                case {"claims": dict(claims), "wanted": dict(asked)}:
                    _Run(policy, document, entry, claims, _wanted(asked)).check()
                case _:
                    raise ValueError("not an input of this target")


class _Run:
    def __init__(
        self, policy: Policy, document: dict[str, Json], entry: str, claims: dict[str, Json], wanted: Wanted
    ) -> None:
        self._policy = policy
        self._document = document
        self._entry = entry
        self._claims = claims
        self._wanted = wanted

    def check(self) -> None:  # noqa: C901 - one line for each way in which two verdicts can differ
        try:
            expected: Verdict | NotAJob = decide(self._document, self._entry, self._claims, self._wanted, now=NOW)
        except NotAJob as error:
            expected = error
        except Abstains:
            return
        try:
            caller = caller_of(self._policy.issuers[self._entry], self._claims, now=NOW)
        except Refused as refused:
            if refused.reason not in (Reason.MISSING_CLAIM, Reason.INVALID_CLAIM) or not isinstance(expected, NotAJob):
                raise Broken("not-a-job", f"{refused.reason}: {refused}; the reference says {expected}") from None
            return
        if isinstance(expected, NotAJob):
            raise Broken("not-a-job", f"the reference says that no job has such a {expected}")
        decision = decide_really(self._policy, caller, _ask(self._wanted))
        if isinstance(decision, Denied):
            if decision.reason.value != expected:
                raise Broken("decision", f"denied, {decision.reason.value}; the reference says {expected}")
            return
        if isinstance(expected, str):
            names = ", ".join(award.grant.name for award in decision.awards)
            raise Broken("decision", f"granted by {names}; the reference says {expected}")
        found = [(award.registry.name, award.grant.name) for award in decision.awards]
        if found != [(login.registry, login.grant) for login in expected]:
            raise Broken("decision", f"granted {found}; the reference says {expected}")
        for award, login in zip(decision.awards, expected, strict=True):
            self._check_session(award, login, caller)

    def _check_session(self, award: Award, login: Login, caller: Caller) -> None:
        terms, reach = award.grant.terms, award.reach
        if login.is_stored or terms is None or reach is None:
            if not (login.is_stored and terms is None and reach is None and isinstance(award.registry, SecretRegistry)):
                raise Broken("session", "a stored login, and not for one of the two")
            return
        registry, grant = self._registry(login.registry), self._grant(login.grant)
        expected = rights_of(
            login,
            registry,
            {**grant, "also": None} if self._wanted.scope else grant,
            until=utc_second(int(NOW) + terms.duration_seconds),
        )
        try:
            session = bounded_session(award, terms, reach, caller, request_id="0" * 32, now=NOW)
        except Refused as refused:
            if refused.reason is Reason.MISCONFIGURED or refused.reason is Reason.MALFORMED_SCOPE:
                return
            raise
        found = rights_in(session.request.session_policy)
        if len(session.request.session_policy) > _LONGEST_SESSION_POLICY:
            raise Broken("session-too-long", f"{len(session.request.session_policy)} characters")
        if found - expected:
            raise Broken("session-wider-than-grant", f"too much: {sorted(map(str, found - expected))}")
        if expected - found:
            raise Broken("session-narrower-than-grant", f"missing: {sorted(map(str, expected - found))}")

    def _registry(self, name: str) -> dict[str, Json]:
        match self._document["registries"]:
            case {**registries} if isinstance(found := registries[name], dict):
                return found
        raise AssertionError("a registry that was granted is one of the policy's")

    def _grant(self, name: str) -> dict[str, Json]:
        grants = self._document["grants"]
        for grant in grants if isinstance(grants, list) else []:
            if isinstance(grant, dict) and grant["name"] == name:
                return grant
        raise AssertionError("a grant that won is one of the policy's")


def _ask(wanted: Wanted) -> AccessRequest:
    scope = tuple(RepositoryScope(name=parse_repository_name(name), push=push) for name, push in wanted.scope)
    return AccessRequest(registries=wanted.registries, grant=wanted.grant, scope=scope)


def _wanted(asked: dict[str, Json]) -> Wanted:
    match asked:
        case {"registries": list(registries), "grant": str() | None as grant, "scope": list(scope)}:
            pairs = tuple((str(one[0]), one[1] is True) for one in scope if isinstance(one, list))
            return Wanted(registries=tuple(map(str, registries)), grant=grant, scope=pairs)
        case _:
            raise ValueError("not an input of this target")
