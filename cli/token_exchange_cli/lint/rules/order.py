"""Grants that only a request by name gets, and later grants that give more than earlier ones."""

from collections.abc import Iterator
from typing import Final

from token_exchange.core.policy import Grant, Issuer
from token_exchange_cli.lint.finding import Finding, Subject, warning
from token_exchange_cli.lint.overlaps import OverlappingGrants
from token_exchange_cli.meaning.applies import must_apply
from token_exchange_cli.meaning.patterns import covers, login_of
from token_exchange_cli.meaning.proofs import can_hold_together, follows


def later_grants(subject: Subject) -> Iterator[Finding]:
    """Warn of the order of grants: the first that matches wins, but a caller can request any other by name."""
    overlapping = OverlappingGrants([grant for _, grant in subject.grants()], subject.policy.issuers)
    logins = {grant.name: login_of(grant) for _, grant in subject.grants()}
    for path, grant in subject.grants():
        if grant.mode == "report":
            continue
        said: set[str] = set()
        for other in overlapping.before(grant):
            if "unreachable" not in said and _wins_always(other, grant, subject):
                said.add("unreachable")
                yield warning(
                    "unreachable",
                    path,
                    f"every caller of this grant also matches {other.name}, which comes first and gives the same: only "
                    f"a request with grant={grant.name} gets this grant",
                    f"move this grant before {other.name}, remove it, or have pipelines request it by name",
                )
            if "later-gives-more" in said:
                continue
            more = logins[grant.name].more_than(logins[other.name])
            if more and _have_a_caller_in_common(other, grant, subject):
                said.add("later-gives-more")
                yield warning(
                    "later-gives-more",
                    path,
                    f"a caller that {other.name} matches can match this one too, and gets {', '.join(more)} by "
                    f"naming it (grant={grant.name}): the order of grants does not prevent this",
                    f"if this is intended, move this grant before {other.name}; if not, add a condition that callers "
                    f"of {other.name} do not meet",
                )
        overlapping.add(grant)


def _common(one: Grant, other: Grant, subject: Subject) -> list[Issuer]:
    return [subject.policy.issuers[name] for name in other.issuers if name in one.issuers]


def _have_a_caller_in_common(one: Grant, other: Grant, subject: Subject) -> bool:
    presets = [issuer.preset for issuer in _common(one, other, subject)]
    return any(can_hold_together([*one.conditions, *other.conditions], [preset]) for preset in presets)


def _wins_always(first: Grant, later: Grant, subject: Subject) -> bool:
    """Say whether `first` wins wherever `later` could, unless a request names the latter."""
    if not {*later.issuers} <= {*first.issuers} or not covers(first, later):
        return False
    issuers = _common(first, later, subject)
    return all(follows(wanted, later.conditions, issuers) for wanted in first.conditions) and must_apply(
        first, later, issuers
    )


RULES: Final = (later_grants,)
