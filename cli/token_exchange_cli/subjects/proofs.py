"""What the form of a `sub` proves: whose run it is, and which conditions no token meets."""

import re
from typing import Final

from token_exchange.core.conditions import Condition
from token_exchange.core.identity import Preset
from token_exchange_cli.meaning.conditions import is_on_claim, wanted_values
from token_exchange_cli.subjects.catalog import grammar_of
from token_exchange_cli.subjects.grammar import wild

_ONLY_SEPARATORS: Final = re.compile(r"[*?:/{}]*")


def names_the_tenant(provider: str, pattern: str) -> bool:
    """Say whether no wildcard of `pattern` comes before the end of the tenant's name.

    Outsiders can write what follows: anyone who names a branch writes the end of a subject.
    """
    if not wild(pattern):
        return True
    tenant = grammar_of(provider).tenant
    return pattern[:1] not in ("*", "?") if tenant is None else tenant.match(pattern) is not None


def says_nothing(provider: str, pattern: str) -> bool:
    """Say whether `pattern` has wildcards, and nothing that distinguishes one subject of `provider` from another."""
    if not wild(pattern):
        return False
    fixed_words = grammar_of(provider).fixed_words
    return any(one.fullmatch(pattern) is not None for one in (_ONLY_SEPARATORS, fixed_words) if one is not None)


def is_of_no_subject(condition: Condition, preset: Preset) -> bool:
    """Say whether `condition` is on `sub`, and requires a beginning that no token of `preset` has."""
    beginning = grammar_of(preset.provider).beginning
    wanted = wanted_values(condition)
    if beginning is None or wanted is None or not is_on_claim(condition, ("sub",)):
        return False
    heads = [re.split(r"[*?]", text, maxsplit=1)[0] if is_glob else text for text, is_glob in wanted]
    return not any(
        head.startswith(beginning) or (is_glob and beginning.startswith(head))
        for head, (_, is_glob) in zip(heads, wanted, strict=True)
    )


def only_customised(condition: Condition, preset: Preset) -> list[str]:
    """Return the values of `condition`, which is on `sub`, that only a customised subject has."""
    repository_only = grammar_of(preset.provider).repository_only
    if repository_only is None:
        return []
    return [text for text, _ in wanted_values(condition) or () if repository_only.fullmatch(text) is not None]


def is_chosen_by_the_job(condition: Condition, preset: Preset) -> bool:
    """Say whether `condition`, which is on `sub`, can hold for a `sub` that a job chose."""
    own_statement = grammar_of(preset.provider).own_statement
    wanted = wanted_values(condition)
    return own_statement is None or wanted is None or not all(text.startswith(own_statement) for text, _ in wanted)
