"""Grants that overlap: for the same callers, or for the same repositories.

Ten thousand grants are a realistic size, so no two lists are compared in full. Each grant is indexed by the rarest
exact values that identify its tenant, and is compared only with grants for the same tenant and with those for many.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final

from token_exchange.core.conditions import Key, RawCondition
from token_exchange.core.identity import Preset
from token_exchange.core.policy import Grant, Issuer, Template
from token_exchange.core.sources import BracedUuid
from token_exchange.core.vocabulary import IDS, ClaimPath, Name
from token_exchange.presets.azure_devops import Uuid
from token_exchange_cli.meaning.conditions import TENANT_NAMES, exact
from token_exchange_cli.meaning.patterns import patterns_meet

MAX_OVERLAPPING_GRANTS: Final = 200
"""Grants for many tenants, and grants for the same tenant, that a later grant is compared with."""

MAX_COMPARISONS: Final = 200_000
"""Comparisons of grants for one tenant with later grants for many, in a whole policy."""

type _Claim = tuple[str, ...]

type _Place = tuple[str, str]
"""A registry and an issuer."""


class OverlappingGrants:
    """The enforced grants of a policy that were seen so far, to find those that overlap a later one."""

    def __init__(self, grants: Sequence[Grant], issuers: Mapping[str, Issuer]) -> None:
        self._tenant_claims = {name: _tenant_claims(issuer.preset) for name, issuer in issuers.items()}
        self._frequency = Counter(found for grant in grants for found in self._tenants(grant))
        self._for_many: dict[_Place, list[Grant]] = defaultdict(list)
        self._for_one: dict[_Place, dict[_Claim, dict[Key, list[Grant]]]] = defaultdict(lambda: defaultdict(dict))
        self._left = MAX_COMPARISONS

    def before(self, grant: Grant) -> Iterator[Grant]:
        """Yield the grants seen so far that could be for a caller of `grant`; one may come more than once."""
        wanted: dict[_Claim, list[Key]] = defaultdict(list)
        for claim, key in self._tenants(grant):
            wanted[claim].append(key)
        for issuer in grant.issuers:
            place = (grant.registry.name, issuer)
            yield from self._for_many[place][:MAX_OVERLAPPING_GRANTS]
            for claim, by_key in self._for_one[place].items():
                if claim in wanted:
                    for key in wanted[claim]:
                        yield from by_key.get(key, ())[:MAX_OVERLAPPING_GRANTS]
                    continue
                for grants in by_key.values():
                    for other in grants:
                        if self._left <= 0:
                            return
                        self._left -= 1
                        yield other

    def add(self, grant: Grant) -> None:
        """Add `grant` to those seen."""
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
        """Yield the exact values by which `grant` identifies a tenant, each with its claim."""
        behind = frozenset().union(*(self._tenant_claims[name] for name in grant.issuers))
        for condition in grant.conditions:
            if condition.path in behind if isinstance(condition, RawCondition) else condition.name in TENANT_NAMES:
                for key in exact(condition) or ():
                    yield condition.document_path, key


def _tenant_claims(preset: Preset) -> frozenset[ClaimPath]:
    """Return `sub`, and the claims behind the names that tell one tenant's runs from another's."""
    sources = (source for name, source in preset.vocabulary.items() if name in TENANT_NAMES)
    return frozenset({("sub",)}).union(*(source.source_claims for source in sources))


_BY_NAME: Final[dict[Name, str]] = {"organization": "organization", "repository": "organization/*"}
"""What fills in two templates where their issuers have an organization of one name; all else may be anything."""


def can_be_confused(one: Issuer, other: Issuer) -> bool:
    """Say whether the two speak of different repositories: two entries for one URL speak of the same."""
    return one.name != other.name and one.trust.url != other.trust.url


def what_is_shared(one: Template, of: Issuer, other: Template, of_other: Issuer) -> str | None:
    """Return what two repositories, one of each issuer, must have in common to push the same image; None if nothing."""
    first, second = one.names[0], other.names[0]
    if first in _BY_NAME and second in _BY_NAME:
        return "name" if _share_a_name(of, of_other) and patterns_meet(_filled(one), _filled(other)) else None
    if first != second or first not in IDS or _is_uuid(first, of) or _is_uuid(second, of_other):
        return None
    return first if patterns_meet(_filled(one), _filled(other)) else None


def _is_uuid(name: Name, issuer: Issuer) -> bool:
    return isinstance(issuer.preset.vocabulary.get(name), BracedUuid | Uuid)


def _share_a_name(one: Issuer, other: Issuer) -> bool:
    names = [
        {org.name.partition("/")[0].lower() for org in issuer.organizations if org.name} for issuer in (one, other)
    ]
    # An organization that is listed only by id may have any name.
    by_id_alone = any(org.name is None for issuer in (one, other) for org in issuer.organizations)
    return bool(names[0] & names[1]) or by_id_alone


@lru_cache(maxsize=1 << 16)
def _filled(template: Template) -> str:
    return template.filled([_BY_NAME.get(name, "7" if name in IDS else "*") for name in template.names])
