"""Read a `sub`: whose run it is, and of which branch, tag or environment."""

from token_exchange_cli.subjects.catalog import grammar_of
from token_exchange_cli.subjects.grammar import WIDE_ORGANIZATION, Subject
from token_exchange_cli.subjects.iam_patterns import Value
from token_exchange_cli.subjects.proofs import names_the_tenant, says_nothing


def subject_of(provider: str, value: Value) -> Subject:
    """Return what `value`, a whole `sub` or a pattern, says of runs of `provider`."""
    grammar = grammar_of(provider)
    found = None if grammar.read is None else grammar.read(value)
    if found is not None:
        return found
    if not value.is_pattern:
        return Subject()
    if grammar.tenant is not None and not names_the_tenant(provider, value.text):
        return Subject(dangers=(WIDE_ORGANIZATION,))
    return (
        Subject(dangers=("admits every run that has the audience",))
        if says_nothing(provider, value.text)
        else Subject()
    )
