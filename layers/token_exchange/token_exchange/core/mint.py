"""Makes logins: with an assumed role for ECR and ECR Public, from a secret for other registries."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import assert_never

from token_exchange.core.attempt import Attempt, FailedLogin, MintedLogin, ReadLogin
from token_exchange.core.decision import Award
from token_exchange.core.evaluate import Caller
from token_exchange.core.policy import Assume, EcrPublicRegistry, EcrRegistry, SecretRegistry
from token_exchange.core.ports import (
    Clock,
    RawToken,
    RegistryAuthorizer,
    RegistryLogin,
    RoleAssumer,
    RoleRequest,
    RoleSession,
    StoredLogins,
    Threads,
)
from token_exchange.core.reach import Reach
from token_exchange.core.record import record
from token_exchange.core.refusals import Reason, Refused, SessionTooLarge
from token_exchange.core.session import bounded_session


@record
class Bounds:
    """What a login reaches, and until when: `expires_at` is in the session policy, ECR states `registry_expires_at`.

    Times are seconds since the epoch.
    """

    reach: Reach
    made_at: int
    expires_at: int
    registry_expires_at: int


@record
class Login:
    """A registry login. `bounds` is None for one from a secret, which has no limits and no end."""

    award: Award
    username: str
    password: str = field(repr=False)
    bounds: Bounds | None


@dataclass(eq=False, kw_only=True)
class Minter:
    """Makes the granted logins, all at the same time, and records each."""

    roles: RoleAssumer
    registries: RegistryAuthorizer
    stored: StoredLogins
    threads: Threads
    clock: Clock

    def mint(
        self, awards: Sequence[Award], caller: Caller, attempt: Attempt, *, raw_token: RawToken
    ) -> list[Login | FailedLogin]:
        """Return the login of each award, or why there is none.

        `raw_token` is sent only to STS, and only for a grant with `assume: web-identity`. An unexpected exception is
        raised after all logins that were made are recorded.
        """
        # Each thread writes to its own attempt, so a thread abandoned at the deadline changes nothing afterwards.
        attempts = [attempt.for_login() for _ in awards]
        calls = [
            partial(self._mint, award, caller, own, raw_token) for award, own in zip(awards, attempts, strict=True)
        ]
        outcomes = self.threads.run(calls, deadline=attempt.deadline)
        attempt.add_longest(attempts)
        results: list[Login | FailedLogin] = []
        for award, own, outcome in zip(awards, attempts, outcomes, strict=True):
            if isinstance(outcome, Login):
                attempt.logins += own.logins
                results.append(outcome)
            elif isinstance(outcome, Refused):
                failure = FailedLogin(award=award, refused=outcome)
                attempt.logins.append(failure)
                results.append(failure)
        for outcome in outcomes:
            if isinstance(outcome, Exception) and not isinstance(outcome, Refused):
                raise outcome
        return results

    def _mint(self, award: Award, caller: Caller, attempt: Attempt, raw_token: RawToken) -> Login:
        """Return the login that carries out `award`.

        Raises:
            Refused: AWS refused or failed, or the login cannot be bounded as the grant says.
        """
        registry = award.registry
        match registry:
            case SecretRegistry():
                return self._read(award, registry, attempt)
            case EcrRegistry() | EcrPublicRegistry():
                return self._make(award, registry, caller, attempt, raw_token)
            case _:
                assert_never(registry)

    def _read(self, award: Award, registry: SecretRegistry, attempt: Attempt) -> Login:
        arn = registry.secret_arn
        with attempt.measure("secret"):
            found = self.stored.read(arn)
        attempt.logins.append(ReadLogin(award=award, secret_arn=arn, secret_request_id=found.request_id))
        return Login(award=award, username=found.username, password=found.password, bounds=None)

    def _make(
        self,
        award: Award,
        registry: EcrRegistry | EcrPublicRegistry,
        caller: Caller,
        attempt: Attempt,
        raw_token: RawToken,
    ) -> Login:
        terms, reach = award.grant.terms, award.reach
        if terms is None or reach is None:
            raise AssertionError("a grant for ECR has the terms of its session")
        bounded = bounded_session(award, terms, reach, caller, request_id=attempt.request_id, now=self.clock.now())
        with attempt.measure("sts"):
            try:
                session = self._assumed(terms.assume, bounded.request, raw_token)
            except SessionTooLarge as error:
                raise _too_large(award, error) from error
        if not attempt.deadline.remaining_seconds():
            # The request is already answered: no one would receive the login.
            raise Refused(Reason.DEADLINE_EXCEEDED, "AWS did not answer before the request's deadline")
        with attempt.measure("ecr"):
            given = self._authorized(registry, session)
        # ECR states 12 hours for any session (ECR API Reference, GetAuthorizationToken): never promise that.
        expires_at = min(bounded.bounded_until, int(given.expires_at))
        attempt.logins.append(
            MintedLogin(
                award=award,
                request=bounded.request,
                expires_at=expires_at,
                assumed_role_id=session.assumed_role_id,
                assumed_role_arn=session.assumed_role_arn,
                access_key_id=session.access_key_id,
                packed_policy_percent=session.packed_policy_percent,
                sts_request_id=session.request_id,
                ecr_request_id=given.request_id,
            )
        )
        bounds = Bounds(
            reach=reach, made_at=bounded.made_at, expires_at=expires_at, registry_expires_at=int(given.expires_at)
        )
        return Login(award=award, username=given.username, password=given.password, bounds=bounds)

    def _assumed(self, assume: Assume, request: RoleRequest, raw_token: RawToken) -> RoleSession:
        match assume:
            case "broker":
                return self.roles.assume(request)
            case "web-identity":
                return self.roles.assume_with_web_identity(request, raw_token=raw_token)
            case _:
                assert_never(assume)

    def _authorized(self, registry: EcrRegistry | EcrPublicRegistry, session: RoleSession) -> RegistryLogin:
        match registry:
            case EcrRegistry():
                return self.registries.authorize(session, region=registry.region)
            case EcrPublicRegistry():
                return self.registries.authorize_public(session)
            case _:
                assert_never(registry)


def _too_large(award: Award, error: SessionTooLarge) -> Refused:
    """Return the refusal for a session that STS cannot pack. Only STS can say how much fits."""
    requested = len(award.scope)
    if requested <= 1:
        return error
    return Refused(
        Reason.MALFORMED_SCOPE,
        f"the packed session for these {requested} repositories is larger than STS accepts: fewer than {requested} fit",
    )
