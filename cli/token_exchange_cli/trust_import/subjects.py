"""What a `sub` says in the vocabulary: whose run it is, and of which branch, tag or environment.

Source: each provider's page on OIDC, of the subject. A condition on `sub` itself stays beside this, so a form that is
read wrongly here lets no one in; it says to people, and to the linter, what the grant is for.
"""

from collections.abc import Mapping
from typing import Final

from token_exchange_cli.meaning.subjects import is_of_several_tenants, names_the_tenant, says_nothing
from token_exchange_cli.trust_import import subjects_of_forges, subjects_of_systems
from token_exchange_cli.trust_import.subject import WIDE_ORGANIZATION, Reader, Subject
from token_exchange_cli.trust_import.values import Value


def subject_of(provider: str, value: Value) -> Subject:
    """Return what `value`, a whole `sub` or a pattern of some, says of runs of `provider`."""
    reader = _READERS.get(provider)
    found = None if reader is None else reader(value)
    if found is not None:
        return found
    if not value.is_pattern:
        return Subject()
    if is_of_several_tenants(provider) and not names_the_tenant(provider, value.text):
        return Subject(dangers=(WIDE_ORGANIZATION,))
    return (
        Subject(dangers=("takes every run that has the audience",)) if says_nothing(provider, value.text) else Subject()
    )


_READERS: Final[Mapping[str, Reader]] = {**subjects_of_forges.READERS, **subjects_of_systems.READERS}
