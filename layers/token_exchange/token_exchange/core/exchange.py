"""The exchange of one token for logins, in exactly this order. Each step names the attack that it stops.

1. Read the policy in force. Without one, nothing is granted: a missing allowlist must not let everyone in.
2. Verify the token: signature, issuer, audience, times. Stops forged tokens, and tokens made for another service.
   AWS is not called before this; otherwise, outsiders could use up its quota and probe for role names.
3. Identify the caller by the claims that mark a job's token. Stops other tokens that the same issuer signs.
4. Decide: organization, deny rules, then each grant, beginning with who can start the run. Stops other tenants, and
   runs that outsiders start. A scope that no session policy can hold is refused here, before it costs anything.
5. Count the exchange against its budgets, and spend the token if a grant has `single_use`. Stops replays.
   This comes after the decision, so that a refused token is not spent.
6. Bound and mint each login: a session policy for these repositories, this direction and this time. Stops a leaked
   login from reaching anything else.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from token_exchange.core.attempt import Attempt, FailedLogin
from token_exchange.core.decision import AccessRequest, Award, Decision, Denied, Granted, decide, for_one_login
from token_exchange.core.evaluate import Caller, caller_of
from token_exchange.core.mint import Login, Minter
from token_exchange.core.policy import Policy
from token_exchange.core.ports import Clock, Deadline, RawToken
from token_exchange.core.record import record
from token_exchange.core.session import require_scopes_fit
from token_exchange.core.single_use import SingleUse, SpentToken
from token_exchange.core.trust import VerifiedToken
from token_exchange.core.verifier import Verifier, read_compact


class Policies(Protocol):
    """Provides the policy that decides."""

    def policy(self) -> Policy:
        """Return the policy in force.

        Raises:
            Refused: `policy-unavailable` if there is none.
        """


class Budgets(Protocol):
    """Counts exchanges, so that one caller cannot use up a shared quota. It can only refuse."""

    def spend(self, caller: Caller, *, deadline: Deadline) -> None:
        """Count one exchange of `caller` on each budget of its issuer.

        Raises:
            Refused: `too-many-requests` if one is used up, with the seconds until its period ends.
        """


@record
class Exchanged:
    """At least one login, and those that failed."""

    logins: tuple[Login, ...]
    failed: tuple[FailedLogin, ...]


@record
class _Verified:
    """The caller, their token and the policy that decides. `raw_token` is verified, and a secret."""

    policy: Policy
    caller: Caller
    token: VerifiedToken
    raw_token: RawToken = field(repr=False)


@dataclass(eq=False, kw_only=True)
class Exchange:
    """Exchanges tokens for logins; each Lambda environment has one."""

    policies: Policies
    verifier: Verifier
    budgets: Budgets
    single_use: SingleUse
    minter: Minter
    clock: Clock

    def run(
        self, raw_token: str, request: AccessRequest, attempt: Attempt, *, one_login: bool, all_or_none: bool
    ) -> Exchanged | Denied:
        """Return the logins that `raw_token` gets, or why there are none; each step adds to `attempt`.

        With `one_login`, several logins are refused, because the format holds only one. With `all_or_none`, one failed
        login fails the request, because the format cannot report it.

        Raises:
            Refused: for every other reason.
        """
        verified = self._verified(raw_token, request, attempt)
        decision = self._decided(verified, request, attempt, one_login=one_login)
        if isinstance(decision, Denied):
            return decision
        # 5. After the decision and before AWS: a refused token stays usable, and a replayed one mints nothing.
        spent = self._spend(decision.awards, verified, attempt)
        # 6. One session for each login.
        return self._mint(decision.awards, verified, attempt, all_or_none=all_or_none, spent=spent)

    def explain(self, raw_token: str, request: AccessRequest, attempt: Attempt) -> Decision:
        """Return what `run` would decide; nothing is minted or spent.

        Raises:
            Refused: for every other reason; AWS is not called.
        """
        verified = self._verified(raw_token, request, attempt)
        return self._decided(verified, request, attempt, one_login=False)

    def _verified(self, raw_token: str, request: AccessRequest, attempt: Attempt) -> _Verified:
        """Carry out steps 1 to 3."""
        # 1. The policy in force, once: a policy that changes during a request must not decide half of it.
        policy = attempt.policy = self.policies.policy()
        attempt.request = request
        # 2. The token. Its times and the grants' are compared with the same moment, however long a fetch of keys takes.
        now = self.clock.now()
        with attempt.measure("verify"):
            unverified = read_compact(raw_token)
            attempt.unverified_issuer = unverified.unverified_issuer
            token = self.verifier.verify(unverified, issuers=policy.issuers_by_url, now=now, attempt=attempt)
        # 3. The caller.
        caller = attempt.caller = caller_of(policy.issuers[token.trust.entry], token.claims, now=now)
        return _Verified(policy=policy, caller=caller, token=token, raw_token=unverified.raw_token)

    def _decided(self, verified: _Verified, request: AccessRequest, attempt: Attempt, *, one_login: bool) -> Decision:
        """Carry out step 4."""
        with attempt.measure("decide"):
            decision = decide(verified.policy, verified.caller, request)
        decision = attempt.decision = for_one_login(decision) if one_login else decision
        if isinstance(decision, Granted):
            require_scopes_fit(decision.awards)
        return decision

    def _spend(self, awards: Sequence[Award], verified: _Verified, attempt: Attempt) -> SpentToken | None:
        """Carry out step 5, once for the whole request."""
        is_single_use = any(award.grant.single_use for award in awards)
        if not is_single_use and not verified.caller.issuer.budgets:
            return None
        with attempt.measure("state"):
            # Budgets first: an exchange that they refuse does not spend the token.
            self.budgets.spend(verified.caller, deadline=attempt.deadline)
            if not is_single_use:
                return None
            return self.single_use.spend(verified.token, request_id=attempt.request_id, deadline=attempt.deadline)

    def _mint(
        self,
        awards: Sequence[Award],
        verified: _Verified,
        attempt: Attempt,
        *,
        all_or_none: bool,
        spent: SpentToken | None,
    ) -> Exchanged:
        try:
            results = self.minter.mint(awards, verified.caller, attempt, raw_token=verified.raw_token)
        finally:
            # Only if no login was made, whatever the cause: a token that brought one login stays spent.
            if spent is not None and all(isinstance(one, FailedLogin) for one in attempt.logins):
                with attempt.measure("state"):
                    spent.release(clock=self.clock)
        logins = tuple(one for one in results if isinstance(one, Login))
        failed = tuple(one for one in results if isinstance(one, FailedLogin))
        if failed and (all_or_none or not logins):
            raise failed[0].refused
        return Exchanged(logins=logins, failed=failed)
