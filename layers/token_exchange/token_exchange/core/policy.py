"""A loaded policy: an immutable value in which everything is checked and precomputed; and what a request asks of it."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from token_exchange.core.conditions import Condition, Key, key_of
from token_exchange.core.identity import Preset
from token_exchange.core.ports import Json
from token_exchange.core.registries import Registry
from token_exchange.core.trust import IssuersByUrl, IssuerTrust
from token_exchange.core.vocabulary import NAMES, Name, Vocabulary

_PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """Literal and named parts in turn, a literal first and last; some of them may be empty."""

    text: str
    literals: tuple[str, ...]
    names: tuple[Name, ...]

    def filled(self, values: Sequence[str]) -> str:
        """Return the text with one value for each name, in their order."""
        parts = [self.literals[0]]
        for value, literal in zip(values, self.literals[1:], strict=True):
            parts += (value, literal)
        return "".join(parts)


def parse_template(text: str) -> Template:
    """Return the template that `text` spells.

    Raises:
        ValueError: a name is not in the vocabulary, or a brace stands alone.
    """
    names: list[Name] = []
    for found in _PLACEHOLDER.finditer(text):
        name = next((name for name in NAMES if name == found[1]), None)
        if name is None:
            raise ValueError(f"expected a name of the vocabulary in braces ({', '.join(NAMES)})")
        names.append(name)
    literals = tuple(_PLACEHOLDER.split(text)[::2])
    if any("{" in literal or "}" in literal for literal in literals):
        raise ValueError("expected braces only around a name of the vocabulary")
    return Template(text=text, literals=literals, names=tuple(names))


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryScope:
    """One repository, by its full name, and whether to push to it besides pulling."""

    name: str
    push: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """The registries asked for, by name or host, none for all that are granted; one grant alone; a narrower reach."""

    registries: tuple[str, ...] = ()
    grant: str | None = None
    scope: tuple[RepositoryScope, ...] = ()


_DURATION: Final = re.compile(r"(0|[1-9][0-9]{0,6})([smh])")


_UNITS: Final = {"s": 1, "m": 60, "h": 3600}


def duration_between(shortest: str, longest: str) -> Callable[[str], int]:
    """Return a reader that gives the seconds of a duration between the two, both included."""
    low, high = _seconds(shortest), _seconds(longest)

    def read(text: str) -> int:
        seconds = _seconds(text)
        if not low <= seconds <= high:
            raise ValueError(f"expected a duration between {shortest} and {longest}")
        return seconds

    return read


def _seconds(text: str) -> int:
    form = _DURATION.fullmatch(text)
    if not form:
        raise ValueError("expected a duration such as 90s, 30m or 12h")
    return int(form[1]) * _UNITS[form[2]]


def spelled_duration(seconds: int) -> str:
    """Return `seconds` as a policy would spell them, in the largest unit that leaves no rest."""
    unit = next(unit for unit in ("h", "m", "s") if seconds % _UNITS[unit] == 0)
    return f"{seconds // _UNITS[unit]}{unit}"


type _Slot = tuple[tuple[str, ...], bool]
"""Where a condition looks, and whether a UUID's braces count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantIndex:
    """The places of one issuer's grants in the policy: `everyone`'s, and each slot's by the values they want."""

    all: tuple[int, ...]
    everyone: tuple[int, ...]
    slots: Mapping[_Slot, Mapping[Key, tuple[int, ...]]]
    readers: Mapping[_Slot, Condition]

    def candidates(self, vocabulary: Vocabulary, claims: Mapping[str, Json]) -> Sequence[int]:
        """Return the places of all grants that can apply to the token, in the order of the file."""
        found = set(self.everyone)
        for slot, places_by_key in self.slots.items():
            value = self.readers[slot].found(vocabulary, claims)
            for element in value if isinstance(value, list) else [value]:
                key = key_of(element)
                if key is not None:
                    found.update(places_by_key.get(key, ()))
        return sorted(found)


def index_grants(grants: Sequence[tuple[int, tuple[Condition, ...]]]) -> GrantIndex:
    """Return the index over `grants`: their places in the policy, ascending, with their conditions."""
    frequency = Counter(found for _, conditions in grants for _, found in _exact(conditions))
    everyone: list[int] = []
    slots: dict[_Slot, dict[Key, list[int]]] = {}
    readers: dict[_Slot, Condition] = {}
    for place, conditions in grants:
        best = min(
            (condition for condition in conditions if condition.exact_keys is not None),
            key=lambda condition: sum(frequency[found] for _, found in _exact((condition,))),
            default=None,
        )
        if best is None:
            everyone.append(place)
            continue
        slot = (best.document_path, best.strip_braces)
        readers[slot] = best
        places_by_key = slots.setdefault(slot, {})
        for _, (_, key) in _exact((best,)):
            places_by_key.setdefault(key, []).append(place)
    return GrantIndex(
        all=tuple(place for place, _ in grants),
        everyone=tuple(everyone),
        slots={slot: {key: tuple(places) for key, places in by_key.items()} for slot, by_key in slots.items()},
        readers=readers,
    )


def _exact(conditions: tuple[Condition, ...]) -> Iterator[tuple[Condition, tuple[_Slot, Key]]]:
    for condition in conditions:
        for key in condition.exact_keys or ():
            yield condition, ((condition.document_path, condition.strip_braces), key)


type Mode = Literal["enforce", "report"]


MODES: Final[tuple[Mode, ...]] = ("enforce", "report")


type Access = Literal["pull", "push"]
"""Push includes pull."""


type Assume = Literal["broker", "web-identity"]
"""`broker` assumes the role as the service itself, `web-identity` with the caller's own token."""


ASSUMES: Final[tuple[Assume, ...]] = ("broker", "web-identity")


ACCESSES: Final[tuple[Access, ...]] = ("pull", "push")


@dataclass(frozen=True, slots=True, kw_only=True)
class Organization:
    """One line of an issuer's allowlist: where both are given, both must hold of the same token."""

    name: str | None
    id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """So many exchanges, every so often, for each value of one name of the vocabulary."""

    per: Name
    exchanges: int
    every_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """An issuer entry: whom it trusts to say what, and which organizations may come."""

    name: str
    preset: Preset
    trust: IssuerTrust
    organizations: tuple[Organization, ...]
    mode: Mode
    budgets: tuple[Budget, ...] = ()

    def allows(self, vocabulary: Vocabulary) -> bool:
        """Say whether the organization of a token is on the list; one that it does not name is not."""
        return any(self._is(organization, vocabulary) for organization in self.organizations)

    def _is(self, organization: Organization, vocabulary: Vocabulary) -> bool:
        # A name alone can be given up and taken by a stranger: where an id is listed too, it has to hold as well.
        if organization.id is not None and vocabulary.get("organization_id") != organization.id:
            return False
        if organization.name is None:
            return True
        found = vocabulary.get("organization")
        if not isinstance(found, str):
            return False
        below = self.preset.organization_is_path and found.startswith(f"{organization.name}/")
        return found == organization.name or below


@dataclass(frozen=True, slots=True, kw_only=True)
class DenyRule:
    """Refuses every run of its issuers for which all conditions hold."""

    name: str
    issuers: frozenset[str]
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Also:
    """Rights on a grant's repositories beyond pull and push."""

    list: bool = False
    import_: bool = False
    sign: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionTerms:
    """How the session of a login is made, and what it may do.

    `session_tags` is True for the standard set, False for none.
    """

    role: str
    assume: Assume
    external_id: str | None
    access: Access
    repositories: tuple[Template, ...]
    also_pull: tuple[Template, ...]
    also: Also
    duration_seconds: int
    session_tags: bool | Mapping[str, Template]
    source_identity: bool | Template


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """Who may have which login.

    `who` are the conditions, by their places, on claims that name someone (`Preset.public_claims` are those that do
    not): a caller is shown a grant only where all of these hold. `expires_at_seconds` is the first second, since the
    epoch, at which the grant no longer counts.
    """

    name: str
    issuers: tuple[str, ...]
    conditions: tuple[Condition, ...]
    who: frozenset[int]
    registry: Registry
    terms: SessionTerms | None
    single_use: bool
    allow_untrusted_triggers: bool
    mode: Mode
    expires: str | None
    expires_at_seconds: int | None
    contact: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Everything that one document says, and its identity: the hex SHA-256 over all of its bytes.

    `files` are the paths of the files it names.
    """

    sha256: str
    files: tuple[str, ...]
    issuers: Mapping[str, Issuer]
    registries: Mapping[str, Registry]
    deny: tuple[DenyRule, ...]
    grants: tuple[Grant, ...]
    issuers_by_url: IssuersByUrl = field(repr=False)
    registries_by_name_or_host: Mapping[str, Registry] = field(repr=False)
    grant_names: frozenset[str] = field(repr=False)
    indexes: Mapping[str, GrantIndex] = field(repr=False)
    claims_in_conditions: frozenset[str] = field(repr=False)
