"""How the names of a run are read from a token's claims."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from fuzz.reference.values import Abstains, Json, NotAJob, at, without_braces

type Claims = Mapping[str, Json]
type Entry = Mapping[str, Json]


@dataclass(frozen=True)
class Read:
    """How a name is read, and out of which claims, by path."""

    of: tuple[tuple[str, ...], ...]
    value: Callable[[Claims], Json]

    def __call__(self, claims: Claims) -> Json:
        """Return the value, or None."""
        return self.value(claims)


@dataclass(frozen=True, kw_only=True)
class System:
    """One CI system.

    `marks` are what a job's token must have, by path; None accepts any value. `defaults` are what an absent mark means.
    """

    names: Mapping[str, Read]
    marks: Mapping[tuple[str, ...], Json] = field(default_factory=dict)
    defaults: Mapping[tuple[str, ...], Json] = field(default_factory=dict)
    outsiders: Callable[[Claims], bool] = lambda _claims: False
    ignores_case: bool = False
    organization_is_path: bool = False
    not_for_push: frozenset[str] = frozenset()
    braces: bool = False
    must_match: tuple[str, ...] = ()


type SystemOf = Callable[[Entry], System]


def claim(*path: str) -> Read:
    """Return what reads a claim: ids and numbers become text, empty text is absent."""

    def read(claims: Claims) -> Json:
        value = at(claims, path)
        if isinstance(value, float):
            raise Abstains("an id that is sent as a fraction")
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        return None if value == "" else value

    return Read((path,), read)


def flag(name: str) -> Read:
    """Return what reads a boolean that may be sent as text."""

    def read(claims: Claims) -> Json:
        value = claims.get(name)
        if value in (None, ""):
            return None
        if not isinstance(value, bool) and value not in ("true", "false"):
            raise NotAJob(name)
        return value in (True, "true")

    return Read(((name,),), read)


def fixed(value: str) -> Read:
    """Return what is the same for every token of the issuer."""
    return Read((), lambda _claims: value)


def bare(name: str) -> Read:
    """Return what reads a UUID that comes in braces."""
    return Read(((name,),), lambda claims: without_braces(claim(name)(claims)))


def short_ref(kind: str, *, ref: str = "ref", said: str | None = "ref_type") -> Read:
    """Return what reads a branch or a tag out of a full ref, where the claim `said` agrees that it is one."""
    prefix = {"branch": "refs/heads/", "tag": "refs/tags/"}[kind]

    def read(claims: Claims) -> Json:
        value = claims.get(ref)
        if not isinstance(value, str) or not value.startswith(prefix) or (said and claims.get(said) != kind):
            return None
        return value[len(prefix) :] or None

    return Read(((ref,),), read)


def unless(name: str, other: str) -> Read:
    """Return what reads a claim where `other` is neither there nor holds anything."""
    return Read(((name,),), lambda claims: claim(name)(claims) if claims.get(other) in (None, "") else None)


def repository_of_url(name: str) -> Read:
    """Return what reads `owner/name` out of an address."""

    def read(claims: Claims) -> Json:
        value = claims.get(name)
        if not isinstance(value, str) or not value:
            return None
        rest = value.removeprefix("https://").removeprefix("http://")
        host, *parts = rest.removesuffix("/").removesuffix(".git").split("/")
        fine = host and len(parts) > 1 and all(part and _is_plain(part) for part in parts)
        return "/".join(parts) if fine else None

    return Read(((name,),), read)


def _is_plain(text: str) -> bool:
    return all(char.isascii() and (char.isalnum() or char in "_.-") for char in text)


def event_is_not(*trusted: str, name: str = "event_name") -> Callable[[Claims], bool]:
    """Return whether the claim `name` is something else than one of `trusted`."""
    return lambda claims: claims.get(name) not in trusted
