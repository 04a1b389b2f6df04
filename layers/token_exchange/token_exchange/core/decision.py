"""The decision: organization, deny rules, the names in the request, then the grants in the order of the file."""

from collections.abc import Iterator, Sequence
from typing import Final, Literal

from token_exchange.core.evaluate import (
    MAX_CONSIDERED,
    Caller,
    Considered,
    awarded_reach,
    explain_grant,
    failed_checks,
    failed_conditions,
)
from token_exchange.core.policy import DenyRule, Grant, Policy, Registry
from token_exchange.core.reach import Reach, RepositoryScope
from token_exchange.core.record import record
from token_exchange.core.refusals import Reason, quoted

MAX_REGISTRIES: Final = 10
"""Logins in one answer: each costs two calls to AWS."""


@record
class AccessRequest:
    """What a caller requests.

    `registries` are names or hosts; if empty, all that are granted. `grant` is the only grant to use. `scope` narrows
    the login.
    """

    registries: tuple[str, ...] = ()
    grant: str | None = None
    scope: tuple[RepositoryScope, ...] = ()


@record
class Award:
    """One granted login: for this registry, by this grant, with this reach and no more.

    `reach` is None for a stored login, which has no limits. `scope` is what the request narrowed the reach to; it is
    empty if the login has all that the grant gives.
    """

    registry: Registry
    grant: Grant
    reach: Reach | None
    scope: tuple[RepositoryScope, ...] = ()


@record
class ReportOnlyAward:
    """What a grant would have given but for report mode. Not an `Award`: nothing can mint a login from it."""

    grant: Grant
    reach: Reach | None


@record
class Granted:
    """At least one login. `tried` are grants that did not win, `would` what report mode would have granted."""

    awards: tuple[Award, ...]
    tried: tuple[Considered, ...]
    would: tuple[ReportOnlyAward, ...]


type DenialReason = Literal[
    Reason.ORGANIZATION_NOT_ALLOWED,
    Reason.DENIED,
    Reason.UNKNOWN_REGISTRY,
    Reason.UNKNOWN_GRANT,
    Reason.AMBIGUOUS_REGISTRY,
    Reason.UNTRUSTED_TRIGGER,
    Reason.SCOPE_EXCEEDS_GRANT,
    Reason.NO_MATCHING_GRANT,
]


@record
class Denied:
    """No login. `reporting/disclosure.py` decides who may know why.

    `would` is what report mode would have granted. `in_report_mode` says that there is no login only because of report
    mode. `deny_rule` is the name of the rule that refused.
    """

    reason: DenialReason
    description: str
    would: tuple[ReportOnlyAward, ...] = ()
    in_report_mode: bool = False
    deny_rule: str | None = None


type Decision = Granted | Denied


def decide(policy: Policy, caller: Caller, request: AccessRequest) -> Decision:
    """Return what `policy` decides for `caller` and `request`."""
    # 1. The allowlist. An issuer such as GitHub signs for everyone: without this check any tenant could get logins.
    if not caller.issuer.allows(caller.identity.vocabulary):
        return Denied(
            reason=Reason.ORGANIZATION_NOT_ALLOWED,
            description="the token's organization may not use this service",
        )
    # 2. Deny rules. Before the names in the request, so that a denied run cannot probe for names.
    rule = _refusing_rule(policy, caller)
    if rule is not None:
        return Denied(reason=Reason.DENIED, description="a deny rule refuses this run", deny_rule=rule.name)
    # 3. The names in the request. A misspelt name is an error: if it were ignored, the request would get everything.
    registries: list[Registry] = []
    for name in request.registries:
        registry = policy.registries_by_name_or_host.get(name)
        if registry is None:
            return Denied(
                reason=Reason.UNKNOWN_REGISTRY, description=f"no registry has the name or host {quoted(name)}"
            )
        if registry not in registries:
            registries.append(registry)
    if request.grant is not None and request.grant not in policy.grant_names:
        return Denied(reason=Reason.UNKNOWN_GRANT, description=f"no grant has the name {quoted(request.grant)}")
    if request.scope and len(registries) > 1:
        return Denied(
            reason=Reason.AMBIGUOUS_REGISTRY,
            description=f"a scope needs exactly one registry, found {len(registries)}",
        )
    # 4. The grants. Nothing is granted unless one of them says so.
    return _Search(policy, caller, request, registries).run()


def for_one_login(decision: Decision) -> Decision:
    """Return `decision`, or a refusal if it grants several logins: the requested format holds only one."""
    if isinstance(decision, Granted) and len(decision.awards) > 1:
        names = ", ".join(award.registry.name for award in decision.awards)
        return Denied(
            reason=Reason.AMBIGUOUS_REGISTRY,
            description=f"this format holds one login, but several are granted: {names}",
            would=decision.would,
        )
    return decision


def _refusing_rule(policy: Policy, caller: Caller) -> DenyRule | None:
    for rule in policy.deny:
        if caller.issuer.name in rule.issuers and next(failed_conditions(rule.conditions, caller), None) is None:
            return rule
    return None


def requested_grants(
    policy: Policy, caller: Caller, request: AccessRequest, indexes: Sequence[int] | None = None
) -> Iterator[Grant]:
    """Yield the grants of the caller's issuer, or those of them at `indexes`, that `request` is about.

    A registry that `request` names and the policy does not have matches no grant.
    """
    by_host = policy.registries_by_name_or_host
    wanted = {by_host[name].name for name in request.registries if name in by_host}
    for index in policy.indexes[caller.issuer.name].all if indexes is None else indexes:
        grant = policy.grants[index]
        # The index is only for speed: even if it is wrong, another issuer's grant must not be considered.
        if caller.issuer.name not in grant.issuers:
            continue
        if (not request.registries or grant.registry.name in wanted) and request.grant in (None, grant.name):
            yield grant


class _Search:
    """Finds, for each registry, the first grant that wins."""

    def __init__(self, policy: Policy, caller: Caller, request: AccessRequest, registries: Sequence[Registry]) -> None:
        self._policy = policy
        self._caller = caller
        self._request = request
        self._wanted = [registry.name for registry in registries]
        self._awards: dict[str, Award] = {}
        self._tried: list[Considered] = []
        self._would: list[ReportOnlyAward] = []
        self._exceeded = False

    def run(self) -> Decision:
        """Return the decision."""
        caller = self._caller
        index = self._policy.indexes[caller.issuer.name]
        candidates = index.candidates(caller.identity.vocabulary, caller.claims)
        for grant in requested_grants(self._policy, caller, self._request, candidates):
            if grant.registry.name not in self._awards:
                self._try(grant)
                if self._wanted and self._awards.keys() >= {*self._wanted}:
                    break
        return self._refusal() or Granted(
            # In the order of the request, or in that of the file if the request names no registry.
            awards=tuple(self._awards[name] for name in self._wanted or self._awards),
            tried=tuple(self._tried),
            would=tuple(self._would),
        )

    def _try(self, grant: Grant) -> None:
        scope = self._request.scope
        checks = failed_checks(grant, self._caller, scope)
        failed = next(checks, None)
        if failed is None:
            reach = awarded_reach(grant, self._caller, scope)
            self._awards[grant.registry.name] = Award(registry=grant.registry, grant=grant, reach=reach, scope=scope)
        elif failed.rule == "mode":
            self._would.append(ReportOnlyAward(grant=grant, reach=awarded_reach(grant, self._caller, scope)))
        elif failed.rule != "allow_untrusted_triggers":  # for an outsider's run, such a grant does not exist
            # The scope is the reason only if nothing else failed, report mode included.
            self._exceeded |= failed.rule == "scope" and next(checks, None) is None
            if len(self._tried) < MAX_CONSIDERED:
                self._tried.append(explain_grant(grant, self._caller, scope))

    def _refusal(self) -> Denied | None:
        # All requested logins or none: otherwise a job would fail later, at the registry without a login.
        if self._awards and self._awards.keys() >= {*self._wanted}:
            return self._too_many()
        trigger = self._caller.identity.untrusted_trigger
        if trigger is not None:
            return self._denied(Reason.UNTRUSTED_TRIGGER, f"outsiders can start such a run ({trigger})")
        if self._request.scope and self._exceeded:
            return self._denied(Reason.SCOPE_EXCEEDS_GRANT, "no matching grant covers the whole scope")
        if self._caller.issuer.mode == "report":
            return self._reported("the token's issuer is in report mode, so nothing is granted")
        if self._would:
            return self._reported("only grants in report mode match, and they grant nothing")
        return self._denied(Reason.NO_MATCHING_GRANT, "no grant allows this")

    def _too_many(self) -> Denied | None:
        names = ", ".join(self._awards)
        if self._request.scope and len(self._awards) > 1:
            return self._denied(Reason.AMBIGUOUS_REGISTRY, f"a scope needs exactly one registry, of: {names}")
        if len(self._awards) > MAX_REGISTRIES:
            return self._denied(
                Reason.AMBIGUOUS_REGISTRY, f"more than {MAX_REGISTRIES} registries are granted: {names}"
            )
        return None

    def _denied(self, reason: DenialReason, description: str) -> Denied:
        return Denied(reason=reason, description=description, would=tuple(self._would))

    def _reported(self, description: str) -> Denied:
        return Denied(
            reason=Reason.NO_MATCHING_GRANT,
            description=description,
            would=tuple(self._would),
            in_report_mode=True,
        )
