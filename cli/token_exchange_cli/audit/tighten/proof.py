"""Prove by replay that a narrower policy grants what was granted."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from token_exchange.core.policy import Policy
from token_exchange.core.ports import Json
from token_exchange.core.strict_json import NotStrictJson, parse_object
from token_exchange_cli.replay.replay import Replay, Tally

_MOST_LISTED = 50


@dataclass(slots=True, kw_only=True)
class Proof:
    """What the replay found.

    `refused` are exchanges that the narrower policy refuses and that are to be refused, `broken` others of which it
    refuses a login that the policy has for it: each by its request id. `grants` are those of the broken ones' logins.
    `already` counts exchanges that were granted, by another policy, and that this one refuses without a change.
    """

    tally: Tally = field(default_factory=Tally)
    refused: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    grants: set[str] = field(default_factory=set)
    narrowed: int = 0
    already: int = 0


def prove(
    before: Policy, after: Policy, texts: Iterable[bytes], *, is_unwanted: Callable[[dict[str, Json]], bool]
) -> Proof:
    """Return how `after` decides the granted exchanges of these lines."""
    replay = Replay(before, after)
    proof = Proof(tally=replay.tally)
    for text in texts:
        try:
            record = parse_object(text, max_values=None)
        except NotStrictJson:
            replay.skip("unreadable")
            continue
        difference = replay.difference(0, record)
        if difference is None or difference.before == "denied":
            continue
        if is_unwanted(record) and (difference.lost or difference.after == "denied"):
            _keep(proof.refused, difference.request_id)
        elif difference.lost:
            _keep(proof.broken, difference.request_id)
            proof.grants |= difference.lost
        elif difference.after == "granted":
            proof.narrowed += 1
        else:
            proof.already += 1
    return proof


def _keep(ids: list[str], request_id: str) -> None:
    if len(ids) < _MOST_LISTED:
        ids.append(request_id)


def unwanted(values: Sequence[str]) -> Callable[[dict[str, Json]], bool]:
    """Return whether a record is for a request, or has a value of the vocabulary, that is to be refused."""
    wanted = frozenset(values)

    def is_unwanted(record: dict[str, Json]) -> bool:
        identity = record.get("identity")
        names = identity.values() if isinstance(identity, dict) else ()
        return any(isinstance(value, str) and value in wanted for value in (record.get("request_id"), *names))

    return is_unwanted
