"""The exchange of one token for logins, in this order and no other. Each step names the attack that it stops.

1. Read the policy in force. Without one nothing is granted: a missing allowlist must not let everyone in.
2. Verify the token: signature, issuer, audience, times. Stops forged tokens, and tokens made for another service.
   AWS is not called before this: strangers would spend its quota and probe for role names.
3. Identify the caller by the claims that mark a job's token. Stops other tokens that the same issuer signs.
4. Decide: organization, deny rules, trigger, then the grants. Stops other tenants, and runs that outsiders start.
5. Count the exchange against its budgets, and spend the token where a grant takes each one once. Stops replays.
   After the decision: a refused token is not spent.
6. Bound and mint each login: a session policy for these repositories, this direction and this time. Stops a leaked
   login from reaching anything else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from token_exchange.core.attempt import Attempt, FailedLogin
from token_exchange.core.decision import Award, Decision, Denied, Granted, Nearest, decide, nearest_grants
from token_exchange.core.evaluate import Caller, caller_of
from token_exchange.core.mint import Login, Minter
from token_exchange.core.policy import Ask, Policy
from token_exchange.core.ports import Clock
from token_exchange.core.refusals import Reason, Refused
from token_exchange.core.session import require_scope_fits
from token_exchange.core.token import read_compact
from token_exchange.core.trust import VerifiedToken
from token_exchange.core.usage import Budgets, SingleUse, SpentToken
from token_exchange.core.verifier import Verifier, in_time


class PolicyInForce(Protocol):
    """Knows the policy by which to decide."""

    def policy(self) -> Policy:
        """Return the policy in force.

        Raises:
            Refused: `policy-unavailable` where there is none.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchanged:
    """At least one login, and those that failed."""

    logins: tuple[Login, ...]
    failed: tuple[FailedLogin, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """Logins that would be made, and how each of the grants stands that the request was about."""

    granted: Granted
    nearest: Nearest


class Exchange:
    """Exchanges tokens for logins; one for the life of an environment."""

    def __init__(
        self,
        *,
        policies: PolicyInForce,
        verifier: Verifier,
        budgets: Budgets,
        single_use: SingleUse,
        minter: Minter,
        clock: Clock,
    ) -> None:
        self._policies = policies
        self._verifier = verifier
        self._budgets = budgets
        self._single_use = single_use
        self._minter = minter
        self._clock = clock

    def run(self, raw_token: str, ask: Ask, attempt: Attempt, *, single: bool, whole: bool) -> Exchanged | Denied:
        """Return the logins that `raw_token` is good for, or why there are none; `attempt` is filled on the way.

        With `single` exactly one login is wanted. With `whole` one that fails fails the request, as there is no
        place in the answer to say so.

        Raises:
            Refused: for every reason but those of a denial.
        """
        _, caller, token, decision = self._decided(raw_token, ask, attempt, single=single)
        if isinstance(decision, Denied):
            return decision
        _require_scopes_fit(decision.awards)
        spent = self._spend(decision.awards, caller, token, attempt)
        return self._mint(decision.awards, caller, raw_token, attempt, whole=whole, spent=spent)

    def explain(self, raw_token: str, ask: Ask, attempt: Attempt) -> Explained | Denied:
        """Return what `run` would decide, and how each of the caller's grants stands; nothing is minted or spent.

        Raises:
            Refused: for every reason but those of a denial, and never for one of AWS.
        """
        policy, caller, _, decision = self._decided(raw_token, ask, attempt, single=False)
        if isinstance(decision, Denied):
            return decision
        _require_scopes_fit(decision.awards)
        return Explained(granted=decision, nearest=nearest_grants(policy, caller, ask))

    def _decided(
        self, raw_token: str, ask: Ask, attempt: Attempt, *, single: bool
    ) -> tuple[Policy, Caller, VerifiedToken, Decision]:
        """Carry out steps 1 to 4: the policy, who is calling, by which token, and what is decided."""
        policy = attempt.policy = self._policies.policy()
        attempt.ask = ask
        token = self._verified(raw_token, policy, attempt)
        caller = attempt.caller = caller_of(policy.issuers[token.trust.entry], token.claims, now=self._clock.now())
        with attempt.measure("decide"):
            decision = attempt.decision = _narrowed(decide(policy, caller, ask), single=single)
        return policy, caller, token, decision

    def _verified(self, raw_token: str, policy: Policy, attempt: Attempt) -> VerifiedToken:
        now = self._clock.now()
        with attempt.measure("verify"):
            unverified = read_compact(raw_token)
            attempt.unverified_issuer = unverified.unverified_issuer
            # Kept before the times are checked: the record of an expired token says whose it is.
            attempt.token = self._verifier.signed(unverified, issuers=policy.issuers_by_url, attempt=attempt)
            return in_time(attempt.token, now=now)

    def _spend(
        self, awards: Sequence[Award], caller: Caller, token: VerifiedToken, attempt: Attempt
    ) -> SpentToken | None:
        """Count the exchange, and spend its token where a grant takes each token once: once for the whole request."""
        is_single_use = any(award.grant.single_use for award in awards)
        if not is_single_use and not caller.issuer.budgets:
            return None
        with attempt.measure("state"):
            self._budgets.spend(caller, deadline=attempt.deadline)
            if not is_single_use:
                return None
            return self._single_use.spend(token, request_id=attempt.request_id, deadline=attempt.deadline)

    def _mint(
        self,
        awards: Sequence[Award],
        caller: Caller,
        raw_token: str,
        attempt: Attempt,
        *,
        whole: bool,
        spent: SpentToken | None,
    ) -> Exchanged:
        logins: list[Login] = []
        failed: list[FailedLogin] = []
        try:
            for award in awards:
                try:
                    logins.append(self._minter.mint(award, caller, attempt, raw_token=raw_token))
                except Refused as refused:
                    failure = FailedLogin(award=award, refused=refused)
                    attempt.logins.append(failure)
                    if whole:
                        raise
                    failed.append(failure)
        finally:
            # Only where nothing at all was made, whatever happened: a token that brought one login is used.
            if spent is not None and not logins:
                with attempt.measure("state"):
                    spent.release(clock=self._clock)
        if not logins:
            raise failed[0].refused
        return Exchanged(logins=tuple(logins), failed=tuple(failed))


def _narrowed(decision: Decision, *, single: bool) -> Decision:
    """Return `decision`, or a refusal where one login is wanted and several are granted; naming only those."""
    if single and isinstance(decision, Granted) and len(decision.awards) > 1:
        names = ", ".join(award.registry.name for award in decision.awards)
        return Denied(
            reason=Reason.AMBIGUOUS_REGISTRY,
            description=f"this format holds one login, and several are granted: {names}",
            nearest=decision.tried,
            would=decision.would,
        )
    return decision


def _require_scopes_fit(awards: Sequence[Award]) -> None:
    """Refuse a scope that no session can hold, before anything is counted, spent or minted.

    Raises:
        Refused: `malformed-scope`.
    """
    for award in awards:
        require_scope_fits(award)
