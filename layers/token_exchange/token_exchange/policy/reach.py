"""What a login may touch: the grant's repositories for this caller, or the narrower ones that were asked for."""

from collections.abc import Sequence
from dataclasses import dataclass

from token_exchange.policy.ask import RepositoryScope
from token_exchange.policy.model import Access, Also, SessionTerms
from token_exchange.policy.repositories import covers_any, fill_repository_template
from token_exchange.policy.templates import Template
from token_exchange.providers.preset import Preset
from token_exchange.providers.vocabulary import Name, Vocabulary


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Patterns of repositories: `repositories` with `access` and what `also` names, `also_pull` for pull alone."""

    access: Access
    repositories: tuple[str, ...]
    also_pull: tuple[str, ...]
    also: Also

    @property
    def scope(self) -> str:
        """The reach as an OAuth scope (RFC 6749 section 3.3), in the form of a registry's token scopes."""
        actions = "pull,push" if self.access == "push" else "pull"
        wide = [f"repository:{pattern}:{actions}" for pattern in self.repositories]
        return " ".join([*wide, *(f"repository:{pattern}:pull" for pattern in self.also_pull)])


def reach_of(terms: SessionTerms, preset: Preset, vocabulary: Vocabulary) -> Reach:
    """Return all that a grant with these `terms` gives to the caller with `vocabulary`.

    Raises:
        DoesNotFit: a template cannot be filled in for this caller.
    """

    def value_of(name: Name) -> str | None:
        return template_value(name, preset, vocabulary)

    return Reach(
        access=terms.access,
        repositories=tuple(fill_repository_template(template, value_of) for template in terms.repositories),
        also_pull=tuple(fill_repository_template(template, value_of) for template in terms.also_pull),
        also=terms.also,
    )


def template_value(name: Name, preset: Preset, vocabulary: Vocabulary) -> str | None:
    """Return what stands for `{name}` in a repository's name, or None where the caller has none.

    ECR's names are lower case; only names that differ by more than case to their provider may be lowered, or two
    repositories would share one.
    """
    value = vocabulary.get(name)
    if not isinstance(value, str):
        return None
    if name == "organization" and preset.organization_is_path:
        value = value.partition("/")[0]
    # Only A to Z: lowered, the Kelvin sign is a plain k, and one who only looks alike has somebody else's name.
    lowered = preset.ignores_case and name in ("organization", "repository") and value.isascii()
    return value.lower() if lowered else value


def narrowed(reach: Reach, scope: Sequence[RepositoryScope]) -> Reach | None:
    """Return just what `scope` asks for, or None where `reach` does not cover all of it; never less than asked."""
    for wanted in scope:
        pushable = reach.access == "push" and covers_any(reach.repositories, wanted.name)
        pullable = covers_any(reach.repositories, wanted.name) or covers_any(reach.also_pull, wanted.name)
        if not (pushable if wanted.push else pullable):
            return None
    pushed = tuple(wanted.name for wanted in scope if wanted.push)
    pulled = tuple(wanted.name for wanted in scope if not wanted.push)
    if not pushed:
        return Reach(access="pull", repositories=pulled, also_pull=(), also=Also())
    return Reach(access="push", repositories=pushed, also_pull=pulled, also=Also())


def missing_name(template: Template, vocabulary: Vocabulary) -> Name | None:
    """Return a name in `template` that this caller has no value for, where there is one."""
    return next((name for name in template.names if vocabulary.get(name) is None), None)


def filled_text(template: Template, vocabulary: Vocabulary) -> str:
    """Return the text of `template` for a caller who has a value for each of its names."""
    values = [vocabulary[name] for name in template.names]
    return template.filled([str(value).lower() if isinstance(value, bool) else value for value in values])
