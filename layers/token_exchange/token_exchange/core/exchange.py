"""The exchange: verify, identify, decide, bound, mint, in this order and in no other."""

from collections.abc import Sequence
from dataclasses import dataclass

from token_exchange.core.attempt import Timings
from token_exchange.core.decision import Award, Decision, Denied, Granted, Nearest, decide, nearest_grants
from token_exchange.core.evaluate import Caller, Considered, caller_of
from token_exchange.core.mint import Login, Minter
from token_exchange.core.policy import Ask, Policy
from token_exchange.core.ports import Clock, Deadline
from token_exchange.core.refusals import Reason, Refused
from token_exchange.core.registries import Registry
from token_exchange.core.session import require_scope_fits
from token_exchange.core.token import read_compact
from token_exchange.core.trust import VerifiedToken
from token_exchange.core.usage import Budgets, SingleUse, SpentToken
from token_exchange.core.verifier import Verifier, in_time
from token_exchange.loading.store import PolicyStore
from token_exchange.reporting.audit import AuditRecord, claims_named
from token_exchange.reporting.new_claims import ClaimEvents, NewClaims


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedLogin:
    """A login that was granted and could not be made."""

    registry: Registry
    refused: Refused


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
        policies: PolicyStore,
        verifier: Verifier,
        budgets: Budgets,
        single_use: SingleUse,
        minter: Minter,
        claim_events: ClaimEvents,
        clock: Clock,
    ) -> None:
        self._policies = policies
        self._verifier = verifier
        self._budgets = budgets
        self._single_use = single_use
        self._minter = minter
        self._new_claims = NewClaims(claim_events)
        self._clock = clock

    def run(
        self,
        raw_token: str,
        ask: Ask,
        *,
        single: bool,
        whole: bool,
        record: AuditRecord,
        deadline: Deadline,
        timings: Timings,
    ) -> Exchanged | Denied:
        """Return the logins that `raw_token` is good for, or why there are none; `record` is filled on the way.

        With `single` exactly one login is wanted. With `whole` one that fails fails the request, as there is no
        place in the answer to say so.

        Raises:
            Refused: for every reason but those of a denial.
        """
        policy, caller, token = self._admitted(raw_token, record=record, deadline=deadline, timings=timings)
        with timings.measure("decide"):
            decision = _narrowed(decide(policy, caller, ask), single=single)
        _record_decision(record, decision)
        if isinstance(decision, Denied):
            return decision
        _require_scopes_fit(decision.awards)
        spent = self._spend(
            decision.awards, caller, token, request_id=record.request_id, deadline=deadline, timings=timings
        )
        return self._mint(
            decision.awards,
            caller,
            raw_token,
            whole=whole,
            spent=spent,
            record=record,
            deadline=deadline,
            timings=timings,
        )

    def explain(
        self, raw_token: str, ask: Ask, *, record: AuditRecord, deadline: Deadline, timings: Timings
    ) -> Explained | Denied:
        """Return what `run` would decide, and how each of the caller's grants stands; nothing is minted or spent.

        Raises:
            Refused: for every reason but those of a denial, and never for one of AWS.
        """
        policy, caller, _ = self._admitted(raw_token, record=record, deadline=deadline, timings=timings)
        with timings.measure("decide"):
            decision = decide(policy, caller, ask)
        _record_decision(record, decision)
        if isinstance(decision, Denied):
            return decision
        _require_scopes_fit(decision.awards)
        return Explained(granted=decision, nearest=nearest_grants(policy, caller, ask))

    def _admitted(
        self, raw_token: str, *, record: AuditRecord, deadline: Deadline, timings: Timings
    ) -> tuple[Policy, Caller, VerifiedToken]:
        """Return the policy in force, whom `raw_token` proves to be calling, and the token as it was verified."""
        policy = self._policies.current().policy
        record.policy_sha256 = policy.sha256
        token = self._verified(raw_token, policy, record=record, deadline=deadline, timings=timings)
        issuer = policy.issuers[token.trust.entry]
        caller = caller_of(issuer, token.claims, now=self._clock.now())
        record.caller = caller
        # A stranger's tokens could use up what one environment tells.
        if issuer.allows(caller.identity.vocabulary):
            self._new_claims.notice(issuer.name, issuer.preset, token.claims)
        return policy, caller, token

    def _verified(
        self, raw_token: str, policy: Policy, *, record: AuditRecord, deadline: Deadline, timings: Timings
    ) -> VerifiedToken:
        now = self._clock.now()
        with timings.measure("verify"):
            unverified = read_compact(raw_token)
            record.unverified_issuer = unverified.unverified_issuer
            signed = self._verifier.signed(
                unverified, issuers=policy.issuers_by_url, deadline=deadline, timings=timings
            )
            issuer = policy.issuers[signed.trust.entry]
            # Now: of a token that its issuer signed and that has expired, too, the record says whose it is.
            record.signed(signed, issuer, claims_named(issuer, policy.claims_in_conditions))
            return in_time(signed, now=now)

    def _spend(
        self,
        awards: Sequence[Award],
        caller: Caller,
        token: VerifiedToken,
        *,
        request_id: str,
        deadline: Deadline,
        timings: Timings,
    ) -> SpentToken | None:
        """Count the exchange, and spend its token where a grant takes each token once: once for the whole request."""
        is_single_use = any(award.grant.single_use for award in awards)
        if not is_single_use and not caller.issuer.budgets:
            return None
        with timings.measure("state"):
            self._budgets.spend(caller, deadline=deadline)
            if not is_single_use:
                return None
            return self._single_use.spend(token, request_id=request_id, deadline=deadline)

    def _mint(
        self,
        awards: Sequence[Award],
        caller: Caller,
        raw_token: str,
        *,
        whole: bool,
        spent: SpentToken | None,
        record: AuditRecord,
        deadline: Deadline,
        timings: Timings,
    ) -> Exchanged:
        logins: list[Login] = []
        failed: list[FailedLogin] = []
        try:
            for award in awards:
                try:
                    login = self._minter.mint(
                        award, caller, raw_token=raw_token, record=record, deadline=deadline, timings=timings
                    )
                    logins.append(login)
                except Refused as refused:
                    record.not_minted(award, refused)
                    if whole:
                        raise
                    failed.append(FailedLogin(registry=award.registry, refused=refused))
        finally:
            # Only then, and whatever happened: a token that brought one login is used.
            if spent is not None and not logins:
                with timings.measure("state"):
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
    """Refuse what the caller asked for and no session can hold, before anything is counted, spent or minted.

    Raises:
        Refused: `malformed-scope`.
    """
    for award in awards:
        require_scope_fits(award)


def _record_decision(record: AuditRecord, decision: Decision) -> None:
    record.would = decision.would
    if isinstance(decision, Denied):
        record.considered = decision.nearest
        record.deny_rule = decision.deny_rule
        record.identity_is_proven = decision.identity_is_proven
        return
    record.identity_is_proven = True
    won = [Considered(grant=award.grant, failed=()) for award in decision.awards]
    # First the winners: a record that is too long loses its end.
    record.considered = [*won, *decision.tried]
