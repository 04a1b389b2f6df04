"""Two lists of conditions held against each other: whom one leaves out and the other does not."""

from collections.abc import Sequence

from token_exchange.core.conditions import Condition, Equals
from token_exchange.core.policy import Issuer
from token_exchange.core.ports import Json
from token_exchange.core.vocabulary import spelled
from token_exchange_cli.diff.change import Direction, Mark
from token_exchange_cli.meaning.proofs import follows
from token_exchange_cli.terminal import shown, value_text


def condition_marks(
    old: Sequence[Condition], new: Sequence[Condition], *, before: Sequence[Issuer], after: Sequence[Issuer]
) -> list[Mark]:
    """Return what a run has to be and no longer has to, and what it had not to be and now has to.

    `before` and `after` are the issuers whose runs the conditions are held against.
    """
    dropped = {_place(one): one for one in old if not _holds_with(one, new, after)}
    come = {_place(one): one for one in new if not _holds_with(one, old, before)}
    others = {_place(one): one for one in old} | {_place(one): one for one in new}
    marks: list[Mark] = []
    for place in others:
        was, now = dropped.get(place), come.get(place)
        if was is None and now is None:
            continue
        direction: Direction = "changed" if was and now else "wider" if was else "narrower"
        marks.append(Mark(direction=direction, text=_sentence(place, old, new)))
    return marks


def condition_text(condition: Condition) -> str:
    """Return the condition on one line, in ASCII."""
    return f"{_named(condition)} {expected_text(condition.expected)}"


def expected_text(expected: Json) -> str:
    """Return what a condition expects, in ASCII; of a list of one, that one."""
    return value_text(expected[0] if isinstance(expected, list) and len(expected) == 1 else expected)


def _holds_with(wanted: Condition, given: Sequence[Condition], issuers: Sequence[Issuer]) -> bool:
    """Say whether `wanted` holds of every run of `issuers` of which all of `given` do."""
    return any(_is_same_or_stricter(one, wanted) for one in given) or (
        bool(issuers) and follows(wanted, given, issuers)
    )


def _is_same_or_stricter(one: Condition, wanted: Condition) -> bool:
    """Say so of conditions on one claim, a deny rule's too, whose texts are compared without regard to case."""
    if (_place(one), one.fold, one.bare) != (_place(wanted), wanted.fold, wanted.bare):
        return False
    if one.tests == wanted.tests:
        return True
    match one.tests, wanted.tests:
        case (Equals(some),), (Equals(others),):
            return some <= others
        case _:
            return False


def _sentence(place: tuple[str, tuple[str, ...]], old: Sequence[Condition], new: Sequence[Condition]) -> str:
    was = next((one for one in old if _place(one) == place), None)
    now = next((one for one in new if _place(one) == place), None)
    if was is None:
        return "" if now is None else f"now asks for {condition_text(now)}"
    if now is None:
        return f"no longer asks for {condition_text(was)}"
    return f"{_named(was)} was {expected_text(was.expected)}, is {expected_text(now.expected)}"


def _place(condition: Condition) -> tuple[str, tuple[str, ...]]:
    return condition.section, condition.path


def _named(condition: Condition) -> str:
    name = spelled(tuple(map(shown, condition.path)))
    return name if condition.section == "match" else f"claims {name}"
