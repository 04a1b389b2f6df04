"""What a request asks for."""

from dataclasses import dataclass


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
