"""What a change may widen: a line `Policy-Wider: NAME` in the message of one of its commits names it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from token_exchange.core.policy import EcrRegistry, Policy
from token_exchange_cli.diff.change import Change
from token_exchange_cli.inputs import read_input

MARK: Final = "Policy-Wider"

_LINE: Final = re.compile(rf"^{MARK}: +(\S+) *\r?$", re.MULTILINE)
_MAX_BYTES: Final = 16 * 1024 * 1024


def read_marks(argument: str) -> frozenset[str]:
    """Return the names that the commit messages in the file `argument` mark.

    Raises:
        Unusable: it cannot be read.
    """
    text = read_input(argument, max_bytes=_MAX_BYTES).decode("utf-8", errors="replace")
    return frozenset(_LINE.findall(text))


def widened(changes: Sequence[Change], before: Policy, after: Policy) -> list[Change]:
    """Return the changes by which some run, or the author of some file, may get more than before."""
    return [change for change in changes if _may_widen(change, before, after)]


def _may_widen(change: Change, before: Policy, after: Policy) -> bool:
    if change.section not in ("added", "wider", "changed"):
        return False
    match change.kind:
        case "order":
            return False  # a caller can request each of the grants that match, whatever their order
        case "issuer":
            return after.issuers[change.name].mode != "report"
        case "grant":
            new = next(grant for grant in after.grants if grant.name == change.name)
            same = (replace(old, name=new.name, contact=new.contact) == new for old in before.grants)
            return new.mode != "report" and not any(same)
        case "registry" | "deny" | "file":
            return True


def other_accounts(before: Policy, after: Policy) -> tuple[list[str], list[str]] | None:
    """Return the accounts of both policies if they have none in common."""
    old, new = (
        {registry.account for registry in policy.registries.values() if isinstance(registry, EcrRegistry)}
        for policy in (before, after)
    )
    return (sorted(old), sorted(new)) if old and new and old.isdisjoint(new) else None


def unused(marks: frozenset[str], wider: Sequence[Change]) -> Iterator[str]:
    """Yield the marks that name nothing that got wider."""
    yield from sorted(marks - {change.name for change in wider})
