"""What an audit record does not tell of its token, and whether a policy's decision hangs on it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from token_exchange.audit import claims_named
from token_exchange.policy.conditions import Condition
from token_exchange.policy.judgement import Caller
from token_exchange.policy.model import Policy
from token_exchange.ports import Json
from token_exchange_cli.from_record import is_cut


@dataclass(frozen=True, slots=True, kw_only=True)
class Gaps:
    """Claims and names of the vocabulary that a token may have had and its record does not have, or not whole."""

    claims: frozenset[str]
    names: frozenset[str]

    def has(self, condition: Condition) -> bool:
        """Say whether what `condition` is about is one of them."""
        return condition.path[0] in (self.claims if condition.section == "claims" else self.names)


def gaps_of(policy: Policy, caller: Caller, record: Mapping[str, Json], *, known_policies: Sequence[Policy]) -> Gaps:
    """Return what `policy` may ask for and `record` does not tell.

    A record has the claims that its issuer's preset names, and those that a condition of the policy of its day named:
    which these were is known where that policy is one of `known_policies`.
    """
    recorded, identity = _mapping(record.get("claims")), _mapping(record.get("identity"))
    claims = {name for name, value in recorded.items() if is_cut(value)}
    missing = policy.claims_in_conditions - recorded.keys()
    if missing and "claims_left_out" not in record:
        of_that_day = [known for known in known_policies if known.sha256 == record.get("policy_sha256")]
        conditions = of_that_day[0].claims_in_conditions if of_that_day else frozenset[str]()
        missing -= claims_named(caller.issuer, conditions)
    claims |= missing
    return Gaps(claims=frozenset(claims), names=frozenset(name for name, value in identity.items() if is_cut(value)))


def hangs_on(policy: Policy, caller: Caller, gaps: Gaps) -> str | None:
    """Return the first grant or deny rule whose answer depends on what the record does not tell, or None."""
    if not gaps.claims and not gaps.names:
        return None
    for name, conditions in _asking(policy, caller):
        if any(gaps.has(one) for one in conditions) and all(
            gaps.has(one) or one.holds(one.found(caller.identity.vocabulary, caller.claims)) for one in conditions
        ):
            return name
    return None


def _asking(policy: Policy, caller: Caller) -> Iterator[tuple[str, Sequence[Condition]]]:
    for rule in policy.deny:
        if caller.issuer.name in rule.issuers:
            yield f"deny rule {rule.name}", rule.conditions
    for place in policy.indexes[caller.issuer.name].all:
        yield f"grant {policy.grants[place].name}", policy.grants[place].conditions


def _mapping(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, dict) else {}
