"""Finds, for each grant, those before it that the same caller could match, without holding all against all.

Ten thousand grants are a real size. Each is filed under the rarest exact values by which it tells one tenant from
another, so that the grants of ten thousand repositories meet none but their own and those for many.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from token_exchange.core.conditions import Key
from token_exchange.core.policy import Grant, Issuer
from token_exchange.core.vocabulary import WHO, ClaimPath
from token_exchange_cli.meaning.conditions import exact

MOST_RIVALS: Final = 200
"""Grants for many, and grants for the same tenant, that a later one is held against."""

MOST_HELD_AGAINST: Final = 200_000
"""Grants for one tenant that later grants for many are held against, in a whole policy."""

type _Claim = tuple[str, ClaimPath]
type _Place = tuple[str, str]
"""A registry and an issuer."""


class Rivals:
    """The enforced grants of a policy that were seen so far."""

    def __init__(self, grants: Sequence[Grant], issuers: Mapping[str, Issuer]) -> None:
        self._issuers = issuers
        self._frequency = Counter(found for grant in grants for found in self._tenants(grant))
        self._for_many: dict[_Place, list[Grant]] = defaultdict(list)
        self._for_one: dict[_Place, dict[_Claim, dict[Key, list[Grant]]]] = defaultdict(lambda: defaultdict(dict))
        self._left = MOST_HELD_AGAINST

    def before(self, grant: Grant) -> Iterator[Grant]:
        """Yield the grants seen so far that could be for a caller of `grant`; one may come more than once."""
        wanted: dict[_Claim, list[Key]] = defaultdict(list)
        for claim, key in self._tenants(grant):
            wanted[claim].append(key)
        for issuer in grant.issuers:
            place = (grant.registry.name, issuer)
            yield from self._for_many[place][:MOST_RIVALS]
            for claim, by_key in self._for_one[place].items():
                if claim in wanted:
                    for key in wanted[claim]:
                        yield from by_key.get(key, ())[:MOST_RIVALS]
                    continue
                for grants in by_key.values():
                    for other in grants:
                        if self._left <= 0:
                            return
                        self._left -= 1
                        yield other

    def add(self, grant: Grant) -> None:
        """File `grant`."""
        keys: dict[_Claim, list[Key]] = defaultdict(list)
        for claim, key in self._tenants(grant):
            keys[claim].append(key)
        rarest = min(keys, key=lambda claim: sum(self._frequency[(claim, key)] for key in keys[claim]), default=None)
        for issuer in grant.issuers:
            place = (grant.registry.name, issuer)
            if rarest is None:
                self._for_many[place].append(grant)
            else:
                for key in keys[rarest]:
                    self._for_one[place][rarest].setdefault(key, []).append(grant)

    def _tenants(self, grant: Grant) -> Iterator[tuple[_Claim, Key]]:
        """Yield the exact values by which `grant` tells one tenant from another, each with its claim."""
        behind = {path for name in grant.issuers for path in self._issuers[name].preset.who}
        for condition in grant.conditions:
            if condition.path in behind if condition.section == "claims" else condition.path[0] in WHO:
                for key in exact(condition) or ():
                    yield (condition.section, condition.path), key
