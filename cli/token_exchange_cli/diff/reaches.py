"""What two grants' logins can do, held against each other."""

from collections.abc import Mapping, Sequence

from token_exchange.core.policy import SessionTerms, Template, spelled_duration
from token_exchange_cli.diff.change import Mark, more_or_less, was_and_is
from token_exchange_cli.meaning.gives import is_within


def terms_marks(old: SessionTerms, new: SessionTerms) -> list[Mark]:
    """Return the marks of what a session may do, for how long, and how it is made."""
    return [
        *_access(old, new),
        *_repositories(old, new),
        *_also(old, new),
        *more_or_less(
            "duration", old.duration_seconds, new.duration_seconds,
            shown=(spelled_duration(old.duration_seconds), spelled_duration(new.duration_seconds)),
        ),
        *_session(old, new),
    ]  # fmt: skip


def _access(old: SessionTerms, new: SessionTerms) -> list[Mark]:
    if old.access == new.access:
        return []
    return [was_and_is("access", old.access, new.access, "wider" if new.access == "push" else "narrower")]


def _repositories(old: SessionTerms, new: SessionTerms) -> list[Mark]:
    """What moves from `also_pull` to `repositories` is wider, and what goes back is narrower."""
    pulled_before = (*old.repositories, *old.also_pull)
    pulled_after = (*new.repositories, *new.also_pull)
    return [
        *_patterns("wider", "repositories", new.repositories, old.repositories),
        *_patterns("narrower", "repositories", old.repositories, new.repositories),
        *_patterns("wider", "also_pull", new.also_pull, pulled_before),
        *_patterns("narrower", "also_pull", old.also_pull, pulled_after),
    ]


def _patterns(direction: str, key: str, some: Sequence[Template], others: Sequence[Template]) -> list[Mark]:
    beyond = [one.text for one in some if not any(is_within(one.text, other) for other in others)]
    if not beyond:
        return []
    if direction == "wider":
        return [Mark(direction="wider", text=f"{key}: {', '.join(beyond)} added")]
    return [Mark(direction="narrower", text=f"{key}: {', '.join(beyond)} taken out")]


def _also(old: SessionTerms, new: SessionTerms) -> list[Mark]:
    marks: list[Mark] = []
    for right, had, has in (("list", old.also.list, new.also.list), ("import", old.also.import_, new.also.import_)):
        if had != has:
            word = "given" if has else "taken away"
            marks.append(Mark(direction="wider" if has else "narrower", text=f"also: the right to {right} is {word}"))
    match old.also.sign, new.also.sign:
        case None, str(profile):
            marks.append(Mark(direction="wider", text=f"also: the right to sign with {profile} is given"))
        case str(profile), None:
            marks.append(Mark(direction="narrower", text=f"also: the right to sign with {profile} is taken away"))
        case was, now if was != now:
            marks.append(was_and_is("also: sign", was, now))
        case _:
            pass
    return marks


def _session(old: SessionTerms, new: SessionTerms) -> list[Mark]:
    marks = [was_and_is("role", old.role, new.role)] if old.role != new.role else []
    if old.assume != new.assume:
        marks.append(was_and_is("assume", old.assume, new.assume))
    if old.external_id != new.external_id:
        marks.append(Mark(direction="changed", text="external_id is another one"))
    for key, was, now in (
        ("session_tags", _tags(old), _tags(new)),
        ("source_identity", _identity(old), _identity(new)),
    ):
        if was != now:
            marks.append(was_and_is(key, was, now))
    return marks


def _tags(terms: SessionTerms) -> str:
    tags = terms.session_tags
    if isinstance(tags, Mapping):
        return ", ".join(f"{key}={template.text}" for key, template in tags.items())
    return str(tags).lower()


def _identity(terms: SessionTerms) -> str:
    identity = terms.source_identity
    return identity.text if isinstance(identity, Template) else str(identity).lower()
