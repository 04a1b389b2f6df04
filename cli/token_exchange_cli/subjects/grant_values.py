"""What a grant's conditions leave to a claim, as IAM patterns: the material of which a `sub` is written."""

from token_exchange.core.policy import Grant
from token_exchange.core.vocabulary import Name
from token_exchange_cli.meaning.conditions import wanted_values
from token_exchange_cli.subjects.iam_patterns import literal, pattern_of_glob


def name_patterns(grant: Grant, name: Name) -> list[str] | None:
    """Return patterns for the values of `name` in the vocabulary, or None where the grant allows every value."""
    return stated_patterns(grant, "match", name)


def stated_patterns(grant: Grant, section: str, name: str) -> list[str] | None:
    """Return patterns for the values that the grant's conditions leave, or None where they leave every value."""
    for condition in grant.conditions:
        if condition.document_path == (section, name):
            wanted = wanted_values(condition)
            if wanted is None:
                return None
            return [
                pattern_of_glob(text) if is_glob else literal(text)
                for text, is_glob in wanted
                if is_glob or condition.holds(text)
            ]
    return None
