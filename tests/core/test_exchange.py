import pytest

from tests.attempts import REQUEST_ID, attempt_of
from tests.doubles import (
    FakePolicySource,
    FakeRegistries,
    FakeRoles,
    FakeStoredLogins,
    OneByOne,
    QuietPolicyEvents,
    grant,
    policy_text,
)
from tests.fake_clock import NOW, FakeClock
from tests.fake_issuer import FakeIssuer, RecordedKeyEvents
from tests.fake_state import FakeState, RecordedStateEvents
from token_exchange.adapters.budgets import BudgetCounter
from token_exchange.core.attempt import FailedLogin, MintedLogin
from token_exchange.core.decision import AccessRequest, Decision, Denied, Granted
from token_exchange.core.evaluate import Caller
from token_exchange.core.exchange import Exchange, Exchanged
from token_exchange.core.mint import Minter
from token_exchange.core.ports import Deadline, Json, RegistryLogin, RoleRequest, RoleSession
from token_exchange.core.reach import RepositoryScope, parse_repository_name
from token_exchange.core.refusals import Reason, Refused, SessionTooLarge
from token_exchange.core.single_use import SingleUse
from token_exchange.core.verifier import Verifier
from token_exchange.issuer_keys.store import KeyStore
from token_exchange.loading.store import PolicyStore
from token_exchange.reporting.audit import AuditRecord
from token_exchange.reporting.disclosure import disclosure

BOTH = [grant("own"), grant("base", registry="base", access="pull", repositories=["base/*"])]
THROTTLED = Refused(Reason.AWS_THROTTLED, "role x: Throttling")


class Story:
    """An exchange with everything around it in memory."""

    def __init__(self, grants: list[dict[str, object]], *, deny: list[dict[str, object]] | None = None) -> None:
        self.clock = FakeClock()
        self.issuer = FakeIssuer()
        self.roles = FakeRoles()
        self.registries = FakeRegistries(expires_at=NOW + 12 * 3600)
        self.request_id = REQUEST_ID
        self.attempt = attempt_of(self.clock, request_id=self.request_id)
        self.stored = FakeStoredLogins()
        self.state = FakeState()
        self.state_events = RecordedStateEvents()
        keys = KeyStore(fetcher=self.issuer, clock=self.clock, events=RecordedKeyEvents())
        self.exchange = Exchange(
            policies=PolicyStore(
                source=FakePolicySource(policy_text(grants, deny=deny)),
                clock=self.clock,
                max_age_seconds=60,
                events=QuietPolicyEvents(),
            ),
            verifier=Verifier(keys),
            budgets=BudgetCounter(counts=self.state, events=self.state_events),
            single_use=SingleUse(marks=self.state, events=self.state_events),
            minter=Minter(
                roles=self.roles, registries=self.registries, stored=self.stored, threads=OneByOne(), clock=self.clock
            ),
            clock=self.clock,
        )

    def token(self, **changes: Json) -> str:
        claims = self.issuer.claims(**{"organization": "acme", "repository": "shop", "branch": "main", **changes})
        return self.issuer.signing_key.sign(self.issuer.header(), claims)

    def run(
        self, ask: AccessRequest | None = None, *, one_login: bool = False, all_or_none: bool = False, **changes: Json
    ) -> Exchanged | Denied:
        self.attempt = attempt_of(self.clock, request_id=self.request_id)
        return self.exchange.run(
            self.token(**changes), ask or AccessRequest(), self.attempt, one_login=one_login, all_or_none=all_or_none
        )

    def explain(self, ask: AccessRequest | None = None, **changes: Json) -> Decision:
        claims = self.issuer.claims(**{"organization": "acme", "repository": "shop", "branch": "main", **changes})
        return self.exchange.explain(
            self.issuer.signing_key.sign(self.issuer.header(), claims),
            ask or AccessRequest(),
            self.attempt,
        )

    @property
    def record(self) -> AuditRecord:
        return AuditRecord(attempt=self.attempt)

    def logins(self, ask: AccessRequest | None = None, **more: bool) -> Exchanged:
        outcome = self.run(ask, **more)
        assert isinstance(outcome, Exchanged)
        return outcome

    def is_untouched(self) -> bool:
        return not self.roles.requests and not self.registries.calls


def test_each_login_is_made_with_the_session_of_its_own_grant() -> None:
    story = Story(BOTH)
    outcome = story.logins()
    assert [(login.award.registry.name, login.award.grant.name, login.password) for login in outcome.logins] == [
        ("apps", "own", "password-of-ASIA1"),
        ("base", "base", "password-of-ASIA2"),
    ]
    assert story.registries.calls == [("ASIA1", "eu-west-1"), ("ASIA2", "us-east-1")]


def test_a_login_is_never_promised_for_longer_than_aws_states() -> None:
    story = Story([grant(duration="12h")])
    story.registries.expires_at = NOW + 600.9
    (login,) = story.logins().logins
    assert login.bounds is not None
    assert (login.bounds.expires_at, login.bounds.registry_expires_at) == (int(NOW) + 600, int(NOW) + 600)


def test_all_times_are_compared_with_the_same_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    story = Story([grant()])
    fetch = story.issuer.fetch

    def slow(url: str, *, ca_bundle: str | None, timeout_seconds: float, max_bytes: int) -> bytes:
        story.clock.advance(2)
        return fetch(url, ca_bundle=ca_bundle, timeout_seconds=timeout_seconds, max_bytes=max_bytes)

    monkeypatch.setattr(story.issuer, "fetch", slow)
    story.run()
    assert story.clock.now() > NOW
    assert story.attempt.caller is not None
    assert story.attempt.caller.now == NOW


def test_aws_is_not_called_before_all_checks_pass() -> None:
    story = Story(BOTH, deny=[{"name": "stop", "match": {"repository": "stopped"}}])
    with pytest.raises(Refused):
        story.run(aud="https://elsewhere.example")
    assert isinstance(story.run(organization="other"), Denied)
    assert isinstance(story.run(repository="stopped"), Denied)
    assert isinstance(story.run(AccessRequest(registries=("apps",)), repository=None), Denied)
    assert isinstance(
        story.run(AccessRequest(scope=(RepositoryScope(name=parse_repository_name("ci/other"), push=True),))), Denied
    )
    assert story.is_untouched()


def test_an_explanation_is_the_decision_and_mints_nothing() -> None:
    story = Story([*BOTH, grant("release", match={"environment": "release"})])
    outcome = story.explain()
    assert isinstance(outcome, Granted)
    assert [award.grant.name for award in outcome.awards] == ["own", "base"]
    assert [one.grant.name for one in story.record.nearest().nearest] == ["own", "base", "release"]
    assert (story.attempt.logins, disclosure(story.attempt)) == ([], "own-grants")
    assert story.is_untouched()


def test_an_explanation_of_a_denial_is_the_denial() -> None:
    story = Story(BOTH, deny=[{"name": "stop", "match": {"repository": "stopped"}}])
    for changes, reason in (
        ({"organization": "other"}, Reason.ORGANIZATION_NOT_ALLOWED),
        ({"repository": "stopped"}, Reason.DENIED),
    ):
        outcome = story.explain(None, **changes)
        assert isinstance(outcome, Denied)
        assert outcome.reason is reason
        # An outsider must not make the service look at ten thousand grants.
        assert list(story.record.considered) == []
    assert story.is_untouched()


def test_several_logins_for_a_single_format_are_ambiguous() -> None:
    story = Story(BOTH)
    outcome = story.run(one_login=True)
    assert isinstance(outcome, Denied)
    assert outcome.reason is Reason.AMBIGUOUS_REGISTRY
    assert story.is_untouched()
    assert len(story.logins(AccessRequest(registries=("base",)), one_login=True).logins) == 1


def test_a_failed_registry_is_reported_beside_the_others() -> None:
    story = Story(BOTH)
    story.roles.refusals["arn:aws:iam::111122223333:role/own"] = THROTTLED
    outcome = story.logins()
    assert [login.award.registry.name for login in outcome.logins] == ["base"]
    assert [(failed.award.registry.name, failed.refused) for failed in outcome.failed] == [("apps", THROTTLED)]


def test_without_a_field_for_failures_one_fails_all() -> None:
    story = Story(BOTH)
    story.roles.refusals["arn:aws:iam::111122223333:role/base"] = THROTTLED
    with pytest.raises(Refused) as refused:
        story.run(all_or_none=True)
    assert refused.value is THROTTLED
    assert [type(login) for login in story.attempt.logins] == [MintedLogin, FailedLogin]


def test_all_failing_is_the_first_failure() -> None:
    story = Story(BOTH)
    story.registries.refusal = THROTTLED
    with pytest.raises(Refused) as refused:
        story.run()
    assert refused.value is THROTTLED


def test_the_record_has_no_token_before_its_signature_holds() -> None:
    story = Story(BOTH)
    with pytest.raises(Refused):
        story.run(aud="https://elsewhere.example")
    assert (story.attempt.token, story.attempt.caller) == (None, None)
    signed_part, signature = story.token().rpartition(".")[0], story.token(branch="other").rpartition(".")[2]
    forged = f"{signed_part}.{signature}"
    with pytest.raises(Refused) as refused:
        story.exchange.run(forged, AccessRequest(), story.attempt, one_login=False, all_or_none=False)
    assert refused.value.reason is Reason.BAD_SIGNATURE
    assert (story.attempt.token, story.attempt.caller) == (None, None)


def test_the_record_of_an_expired_token_names_its_caller() -> None:
    story = Story(BOTH)
    with pytest.raises(Refused):
        story.run(exp=int(NOW) - 3600, iat=int(NOW) - 7200, nbf=None)
    assert story.attempt.token is not None
    assert story.attempt.token.claims["exp"] == int(NOW) - 3600
    assert (story.attempt.caller, disclosure(story.attempt)) == (None, "nothing")


def test_the_record_has_no_identity_before_the_organization() -> None:
    story = Story(BOTH)
    story.run(organization="other")
    assert story.attempt.token is not None
    assert disclosure(story.attempt) == "nothing"


def test_the_record_has_the_winning_grants() -> None:
    story = Story(BOTH)
    story.run()
    assert disclosure(story.attempt) != "nothing"
    assert [considered.grant.name for considered in story.record.considered] == ["own", "base"]


# ------------------------------------------------------------------------------------------------------ single use

ONCE = [grant("own", single_use=True), grant("base", registry="base", access="pull", repositories=["base/*"])]


def test_a_token_is_spent_after_the_decision_and_before_minting() -> None:
    story = Story(ONCE, deny=[{"name": "stop", "match": {"repository": "stopped"}}])
    assert isinstance(story.run(repository="stopped"), Denied)
    assert isinstance(story.run(organization="other"), Denied)
    assert story.state.calls == []
    story.logins()
    assert story.state.calls == ["set"]
    assert len(story.roles.requests) == 2
    assert "state" in story.attempt.milliseconds()


def test_one_mark_is_set_for_the_whole_request() -> None:
    both = [grant("own", single_use=True), grant("base", registry="base", single_use=True)]
    story = Story(both)
    assert len(story.logins().logins) == 2
    assert story.state.calls == ["set"]


def test_a_token_that_was_used_mints_nothing() -> None:
    story = Story(ONCE)
    story.logins()
    story.request_id = "another-request"
    before = len(story.roles.requests)
    with pytest.raises(Refused) as refused:
        story.run()
    assert refused.value.reason is Reason.REPLAYED
    assert len(story.roles.requests) == before
    # Other grants neither look nor spend.
    assert len(story.logins(AccessRequest(registries=("base",))).logins) == 1


class NoRoom:
    """Fulfils `Budgets`; every one is spent."""

    def spend(self, caller: Caller, *, deadline: Deadline) -> None:
        del caller, deadline
        raise Refused(Reason.TOO_MANY_REQUESTS, "the budget is spent")


def test_a_budget_that_is_spent_costs_no_token() -> None:
    story = Story(ONCE)
    story.exchange.budgets = NoRoom()
    with pytest.raises(Refused) as refused:
        story.run()
    assert refused.value.reason is Reason.TOO_MANY_REQUESTS
    assert story.state.calls == []
    assert story.is_untouched()


def test_explaining_spends_nothing() -> None:
    story = Story(ONCE)
    story.explain()
    assert story.state.calls == []


@pytest.mark.parametrize("all_or_none", [False, True])
def test_a_token_is_released_where_nothing_was_minted(*, all_or_none: bool) -> None:
    story = Story(ONCE)
    story.registries.refusal = THROTTLED
    with pytest.raises(Refused) as refused:
        story.run(all_or_none=all_or_none)
    assert refused.value is THROTTLED
    assert story.state.calls == ["set", "release"]
    assert story.state.marks == {}


def test_a_token_is_released_after_an_internal_error(monkeypatch: pytest.MonkeyPatch) -> None:
    story = Story(ONCE)
    monkeypatch.setattr(story.roles, "refusals", None)  # a fault of ours, of any kind
    with pytest.raises(TypeError):
        story.run()
    assert story.state.marks == {}


def test_a_token_that_brought_one_login_stays_spent() -> None:
    story = Story(ONCE)
    story.roles.refusals["arn:aws:iam::111122223333:role/base"] = THROTTLED
    assert len(story.logins().logins) == 1
    assert story.state.calls == ["set"]
    story = Story(ONCE)
    story.roles.refusals["arn:aws:iam::111122223333:role/base"] = THROTTLED
    with pytest.raises(Refused):
        story.run(all_or_none=True)
    assert story.state.calls == ["set"]


def test_a_session_policy_that_does_not_fit_costs_no_token() -> None:
    story = Story([grant(single_use=True, repositories=[f"ci/{'x' * 100}-{number}" for number in range(30)])])
    with pytest.raises(Refused) as refused:
        story.run()
    assert refused.value.reason is Reason.MISCONFIGURED
    assert story.state.marks == {}


def scope_of(count: int, *, length: int = 67, push: bool = False) -> tuple[RepositoryScope, ...]:
    return tuple(
        RepositoryScope(name=parse_repository_name(f"base/{number:02}".ljust(length, "x")), push=push)
        for number in range(count)
    )


WIDE = [grant("base", access="push", repositories=["base/*"], single_use=True)]


@pytest.mark.parametrize(("length", "push"), [(67, False), (67, True), (120, False), (250, True)])
def test_a_scope_too_long_for_a_session_says_how_many_fit(length: int, *, push: bool) -> None:
    story = Story(WIDE)
    scope = scope_of(20, length=length, push=push)
    with pytest.raises(Refused) as explained:
        story.explain(AccessRequest(scope=scope))
    with pytest.raises(Refused) as refused:
        story.run(AccessRequest(scope=scope))
    assert refused.value.reason is Reason.MALFORMED_SCOPE
    assert str(explained.value) == str(refused.value)
    fits = int(refused.value.description.removesuffix(" of them fit").rpartition(" ")[2])
    # Nothing was asked of AWS, and the token is not spent.
    assert story.is_untouched()
    assert not story.state.marks
    # What is said is so.
    with pytest.raises(Refused):
        story.run(AccessRequest(scope=scope[: fits + 1]))
    assert len(story.logins(AccessRequest(scope=scope[:fits])).logins) == 1


def test_a_mixed_scope_too_long_says_how_many_fit() -> None:
    story = Story(WIDE)
    scope = (*scope_of(12), *scope_of(20, push=True)[12:])
    with pytest.raises(Refused) as refused:
        story.run(AccessRequest(scope=scope))
    fits = int(refused.value.description.removesuffix(" of them fit").rpartition(" ")[2])
    assert 12 <= fits < 20
    assert len(story.logins(AccessRequest(scope=scope[:fits])).logins) == 1


def test_a_grant_too_long_for_a_session_stays_misconfigured() -> None:
    story = Story([grant("base", access="pull", repositories=[f"base/{number:02}{'x' * 60}" for number in range(20)])])
    with pytest.raises(Refused) as refused:
        story.run()
    assert refused.value.reason is Reason.MISCONFIGURED
    # A scope of it that fits is granted.
    names = tuple(
        RepositoryScope(name=parse_repository_name(f"base/{number:02}{'x' * 60}"), push=False) for number in range(3)
    )
    assert len(story.logins(AccessRequest(scope=names)).logins) == 1


@pytest.mark.parametrize(
    ("asked", "reason"),
    [(0, Reason.MISCONFIGURED), (1, Reason.MISCONFIGURED), (2, Reason.MALFORMED_SCOPE), (9, Reason.MALFORMED_SCOPE)],
)
def test_a_session_that_sts_cannot_pack_is_the_scopes_fault(asked: int, reason: Reason) -> None:
    story = Story(WIDE)
    story.roles.refusals["arn:aws:iam::111122223333:role/base"] = SessionTooLarge(Reason.MISCONFIGURED, "role x: 103%")
    with pytest.raises(Refused) as refused:
        story.run(AccessRequest(scope=scope_of(asked)))
    assert refused.value.reason is reason
    assert (f"fewer than {asked} fit" in refused.value.description) is (asked > 1)
    assert len(story.roles.requests) == 1
    # Nothing was minted: the token is good for a narrower one.
    assert not story.state.marks


def test_made_logins_are_recorded_before_an_unexpected_error(monkeypatch: pytest.MonkeyPatch) -> None:
    story = Story([grant("own", single_use=True), BOTH[1]])
    broken = ZeroDivisionError("a defect")
    authorize = story.registries.authorize

    def authorize_once(session: RoleSession, *, region: str) -> RegistryLogin:
        if story.registries.calls:
            raise broken
        return authorize(session, region=region)

    monkeypatch.setattr(story.registries, "authorize", authorize_once)
    with pytest.raises(ZeroDivisionError):
        story.run()
    assert [type(one) for one in story.attempt.logins] == [MintedLogin]
    # The login that was made is lost, and the token stays spent.
    assert len(story.state.marks) == 1


def test_no_login_is_requested_after_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    story = Story([grant("own")])
    assume = story.roles.assume

    def assume_slowly(request: RoleRequest) -> RoleSession:
        story.clock.advance(60)
        return assume(request)

    monkeypatch.setattr(story.roles, "assume", assume_slowly)
    with pytest.raises(Refused) as refused:
        story.run()
    assert refused.value.reason is Reason.DEADLINE_EXCEEDED
    assert story.registries.calls == []
