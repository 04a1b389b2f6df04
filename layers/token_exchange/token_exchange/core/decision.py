"""The decision: organization, deny rules, triggers, then the grants in the order of the file."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from heapq import nsmallest
from typing import Final

from token_exchange.core.evaluate import Caller, Considered, applies, conditions_failed, fit, look_at
from token_exchange.core.policy import Ask, Grant, Policy, RepositoryScope
from token_exchange.core.reach import Reach
from token_exchange.core.refusals import Reason, quoted
from token_exchange.core.registries import Registry

MAX_REGISTRIES = 10
"""Logins in one answer: each costs two calls to AWS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Award:
    """One login that is granted: of this registry, by this grant, with this reach and nothing beyond it.

    `reach` is None for a stored login, which nothing bounds. `scope` is what the request cut the reach down to, empty
    where it is all that the grant gives.
    """

    registry: Registry
    grant: Grant
    reach: Reach | None
    scope: tuple[RepositoryScope, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Would:
    """What an entry in report mode would have granted."""

    grant: Grant
    reach: Reach | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """At least one login. `tried` are the grants that were looked at before the winning ones."""

    awards: tuple[Award, ...]
    tried: tuple[Considered, ...]
    would: tuple[Would, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Denied:
    """No login.

    `nearest` are the grants that came closest, for the record. `shown` are those of them, or of the ones behind
    them, that the caller may be told of; `not_shown` counts the rest. `in_report_mode` says that there is nothing to
    be had because an entry in report mode grants nothing. Until `identity_is_proven` the caller is told nothing of
    what we took him for.
    """

    reason: Reason
    description: str
    nearest: tuple[Considered, ...] = ()
    shown: tuple[Considered, ...] = ()
    not_shown: int = 0
    would: tuple[Would, ...] = ()
    in_report_mode: bool = False
    deny_rule: str | None = None
    identity_is_proven: bool = True


type Decision = Granted | Denied


def decide(policy: Policy, caller: Caller, ask: Ask) -> Decision:
    """Return what `policy` says of `caller` who asks for `ask`."""
    vocabulary = caller.identity.vocabulary
    if not caller.issuer.allows(vocabulary):
        return Denied(
            reason=Reason.ORGANIZATION_NOT_ALLOWED,
            description="the token's organization is not one that may use this service",
            identity_is_proven=False,
        )
    for rule in policy.deny:
        if caller.issuer.name in rule.issuers and all(
            condition.holds(condition.found(vocabulary, caller.claims)) for condition in rule.conditions
        ):
            return Denied(reason=Reason.DENIED, description="a deny rule refuses this run", deny_rule=rule.name)
    registries: list[Registry] = []
    for name in ask.registries:
        registry = policy.registries_by_name_or_host.get(name)
        if registry is None:
            return Denied(
                reason=Reason.UNKNOWN_REGISTRY, description=f"no registry has the name or host {quoted(name)}"
            )
        if registry not in registries:
            registries.append(registry)
    if ask.grant is not None and ask.grant not in policy.grant_names:
        return Denied(reason=Reason.UNKNOWN_GRANT, description=f"no grant has the name {quoted(ask.grant)}")
    if ask.scope and len(registries) > 1:
        return Denied(
            reason=Reason.AMBIGUOUS_REGISTRY,
            description=f"a scope needs exactly one registry, found {len(registries)}",
        )
    return _Search(policy, caller, ask, registries).run()


class _Search:
    """Looks for the first grant of each registry that matches and covers what was asked."""

    def __init__(self, policy: Policy, caller: Caller, ask: Ask, registries: Sequence[Registry]) -> None:
        self._policy = policy
        self._caller = caller
        self._ask = ask
        self._wanted = {registry.name for registry in registries}
        self._awards: dict[str, Award] = {}
        self._tried: list[Considered] = []
        self._would: list[Would] = []
        self._matched_without_covering = False

    def run(self) -> Decision:
        """Return the decision."""
        caller = self._caller
        index = self._policy.indexes[caller.issuer.name]
        places = index.candidates(caller.identity.vocabulary, caller.claims)
        for grant in grants_asked(self._policy, caller, self._ask, places):
            if grant.registry.name not in self._awards:
                self._try(grant)
                if self._wanted and self._wanted == self._awards.keys():
                    break
        return self._refusal() or Granted(
            awards=tuple(self._in_order_asked()), tried=tuple(self._tried), would=tuple(self._would)
        )

    def _try(self, grant: Grant) -> None:
        if self._caller.identity.untrusted_trigger is not None and not grant.allow_untrusted_triggers:
            return
        if not applies(grant, self._caller):
            self._failed(grant)
            return
        given = fit(grant, self._caller, self._ask.scope)
        if not given.covers:
            self._failed(grant)
            self._matched_without_covering |= given.applies and self._enforces(grant)
        elif self._enforces(grant):
            self._awards[grant.registry.name] = Award(
                registry=grant.registry, grant=grant, reach=given.asked, scope=self._ask.scope
            )
        else:
            self._would.append(Would(grant=grant, reach=given.asked))

    def _failed(self, grant: Grant) -> None:
        if len(self._tried) < MOST_CONSIDERED:
            self._tried.append(look_at(grant, self._caller, self._ask.scope))

    def _enforces(self, grant: Grant) -> bool:
        return grant.mode == "enforce" and self._caller.issuer.mode == "enforce"

    def _in_order_asked(self) -> Iterable[Award]:
        by_host = self._policy.registries_by_name_or_host
        names = dict.fromkeys(by_host[name].name for name in self._ask.registries) or self._awards
        return [self._awards[name] for name in names]

    def _refusal(self) -> Denied | None:
        missing = self._wanted - self._awards.keys()
        if self._awards and not missing:
            return self._too_many()
        trigger = self._caller.identity.untrusted_trigger
        if trigger is not None:
            return self._denied(Reason.UNTRUSTED_TRIGGER, f"outsiders can start such a run ({trigger})", tell=False)
        if self._ask.scope and self._matched_without_covering:
            return self._denied(Reason.SCOPE_EXCEEDS_GRANT, "no grant that matches holds all of the scope", tell=True)
        if self._caller.issuer.mode == "report":
            return self._reported("the token's issuer is in report mode, and grants nothing")
        if self._would:
            return self._reported("only grants in report mode match, and those grant nothing")
        return self._denied(Reason.NO_MATCHING_GRANT, "no grant allows this", tell=True)

    def _reported(self, description: str) -> Denied:
        return replace(self._denied(Reason.NO_MATCHING_GRANT, description, tell=True), in_report_mode=True)

    def _too_many(self) -> Denied | None:
        names = ", ".join(self._awards)
        if self._ask.scope and len(self._awards) > 1:
            return self._denied(
                Reason.AMBIGUOUS_REGISTRY, f"a scope needs exactly one registry, of: {names}", tell=False
            )
        if len(self._awards) > MAX_REGISTRIES:
            return self._denied(
                Reason.AMBIGUOUS_REGISTRY, f"more than {MAX_REGISTRIES} registries are granted: {names}", tell=False
            )
        return None

    def _denied(self, reason: Reason, description: str, *, tell: bool) -> Denied:
        """Return the refusal with the grants that came nearest; with `tell` the caller learns of their own of these."""
        found = nearest_grants(self._policy, self._caller, self._ask)
        return Denied(
            reason=reason,
            description=description,
            nearest=found.nearest,
            shown=found.shown if tell else (),
            not_shown=found.not_shown if tell else 0,
            would=tuple(self._would),
        )


MOST_CONSIDERED: Final = 10
"""Grants in an answer or a record: enough to mend a policy by, few enough to read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nearest:
    """Grants by nearness: fewest conditions short, then the file's order.

    `shown` are the nearest of those whose conditions on who asks all hold; `not_shown` counts the rest.
    """

    nearest: tuple[Considered, ...]
    shown: tuple[Considered, ...]
    not_shown: int


def grants_asked(policy: Policy, caller: Caller, ask: Ask, places: Sequence[int] | None = None) -> Iterator[Grant]:
    """Yield the grants of the caller's issuer, or those of them at `places`, that `ask` is about.

    A registry that `ask` names and the policy does not have is nobody's.
    """
    by_host = policy.registries_by_name_or_host
    wanted = {by_host[name].name for name in ask.registries if name in by_host}
    for place in policy.indexes[caller.issuer.name].all if places is None else places:
        grant = policy.grants[place]
        if (not ask.registries or grant.registry.name in wanted) and ask.grant in (None, grant.name):
            yield grant


def nearest_grants(policy: Policy, caller: Caller, ask: Ask) -> Nearest:
    """Look once at every grant that `ask` is about."""
    grants = list(grants_asked(policy, caller, ask))
    short: list[tuple[int, int, bool]] = []
    for place, grant in enumerate(grants):
        failed = conditions_failed(grant, caller)
        short.append((len(failed), place, not grant.who.isdisjoint(failed)))
    nearest = nsmallest(MOST_CONSIDERED, short)
    shown = nsmallest(MOST_CONSIDERED, (item for item in short if not item[2]))
    return Nearest(
        nearest=tuple(look_at(grants[place], caller, ask.scope) for _, place, _ in nearest),
        shown=tuple(look_at(grants[place], caller, ask.scope) for _, place, _ in shown),
        not_shown=len(grants) - len(shown),
    )
