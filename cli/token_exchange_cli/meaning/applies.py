"""Whether a grant must apply, for which it is not enough that all conditions hold."""

from collections import Counter
from collections.abc import Collection, Sequence
from itertools import product
from math import prod
from typing import Final

from token_exchange.core.evaluate import unmatched_claims
from token_exchange.core.identity import Preset
from token_exchange.core.policy import Grant, Issuer, Template
from token_exchange.core.reach import DoesNotFit, fill_repository_template, template_value
from token_exchange.core.vocabulary import Name, Vocabulary
from token_exchange_cli.meaning.conditions import allowed_values, is_on_name
from token_exchange_cli.meaning.proofs import is_present, only_values

_MOST_FILLED: Final = 64
"""Ways to fill in a template that are tried."""


def must_apply(one: Grant, other: Grant, issuers: Sequence[Issuer]) -> bool:
    """Say whether `one` applies to every caller of `issuers` that `other` applies to, if all its conditions hold."""
    if one.expires is not None and (other.expires is None or other.expires > one.expires):
        return False
    if other.allow_untrusted_triggers and not one.allow_untrusted_triggers:
        return False
    return all(
        not [*unmatched_claims(one, issuer.preset)] and _can_be_filled_in(one, other, issuer) for issuer in issuers
    )


def _can_be_filled_in(one: Grant, other: Grant, issuer: Issuer) -> bool:
    if one.terms is None:
        return True
    given = [] if other.terms is None else [*other.terms.repositories, *other.terms.also_pull]
    return all(
        _fits(template, given, other, issuer) for template in (*one.terms.repositories, *one.terms.also_pull)
    ) and all(
        _is_had(name, given, other, issuer) for _, template in one.terms.text_templates for name in template.names
    )


def _fits(template: Template, given: Sequence[Template], other: Grant, issuer: Issuer) -> bool:
    """Say whether `template` can be filled in where all that is `given` can: no longer, and with nothing else."""
    if not template.names:
        return True
    longest = sum(map(len, template.literals))
    for known in given:
        if not Counter(template.names) - Counter(known.names) and longest <= sum(map(len, known.literals)):
            return True
    filled = _ways_to_fill_in(template, other, issuer)
    return filled is not None and all(filled)


def never_fits(template: Template, grant: Grant, issuer: Issuer) -> bool:
    """Say whether no caller of `issuer` that `grant` matches has values that fit into `template`."""
    filled = _ways_to_fill_in(template, grant, issuer)
    return filled is not None and not any(filled)


def _ways_to_fill_in(template: Template, grant: Grant, issuer: Issuer) -> list[bool] | None:
    """Say for each choice of values of the names whether it fits; None if these are unknown, or many."""
    names = list(dict.fromkeys(template.names))
    choices = [values for name in names if (values := _values(name, grant, issuer)) is not None]
    if len(choices) < len(names) or prod(map(len, choices)) > _MOST_FILLED:
        return None
    return [_is_filled(template, dict(zip(names, values, strict=True)), issuer.preset) for values in product(*choices)]


def _values(name: Name, grant: Grant, issuer: Issuer) -> Collection[str] | None:
    """Return the values that `name` can have where `grant` matches, if they are known."""
    for condition in grant.conditions:
        if is_on_name(condition, name):
            values = only_values(condition, [issuer.preset])
            if values is not None:
                return [value for _, value in values if isinstance(value, str)]
    return allowed_values(name, issuer, of_groups=False)


def _is_filled(template: Template, values: Vocabulary, preset: Preset) -> bool:
    try:
        fill_repository_template(template, lambda name: template_value(name, preset, values))
    except DoesNotFit:
        return False
    return True


def _is_had(name: Name, given: Sequence[Template], other: Grant, issuer: Issuer) -> bool:
    """Say whether every caller of `issuer` to whom `other` applies has a value for `name`."""
    in_texts = other.terms is not None and any(name in template.names for _, template in other.terms.text_templates)
    return (
        in_texts
        or is_present(name, issuer)
        or any(name in template.names for template in given)
        or any(is_on_name(condition, name) and not condition.holds(None) for condition in other.conditions)
    )
