"""Decides the exchanges of a log again: by the old policy and by the new one, each at the time it was made."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from token_exchange.policy.ask import Ask
from token_exchange.policy.decision import decide
from token_exchange.policy.model import Issuer, Policy
from token_exchange.ports import Json
from token_exchange.reasons import Reason
from token_exchange.refusals import Refused
from token_exchange_cli.diff.gaps import gaps_of, hangs_on
from token_exchange_cli.diff.outcomes import Outcome, Word, decided_outcome, recorded_outcome
from token_exchange_cli.diff.past_asks import ways_to_ask
from token_exchange_cli.from_record import NotARecord, presented_record
from token_exchange_cli.terminal import shown

type Skipped = Literal["other-lines", "unreadable", "explanations", "unverified", "undecidable"]
"""Why a line is not looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One exchange that the new policy decides otherwise than its line says."""

    line: int
    request_id: str
    before: Word
    after: Word
    why: str

    def fields(self) -> dict[str, Json]:
        """Return the difference as the command prints it."""
        return {
            "request_id": self.request_id,
            "before": self.before,
            "after": self.after,
            "why": self.why,
            "line": self.line,
        }


@dataclass(slots=True, kw_only=True)
class Tally:
    """How many records were decided again, and how many lines were not, by why."""

    looked_at: int = 0
    skipped: Counter[Skipped] = field(default_factory=Counter)


class _Undecidable(Exception):
    """The record does not tell what the decision hangs on; the text says what."""


class Replay:
    """Decides records by both policies, and counts them."""

    def __init__(self, before: Policy, after: Policy) -> None:
        self._before = before
        self._after = after
        self._registry_of_grant = {grant.name: grant.registry.name for grant in before.grants}
        self.tally = Tally()

    def skip(self, why: Skipped) -> None:
        """Count a line that is not looked at."""
        self.tally.skipped[why] += 1

    def difference(self, line: int, record: Mapping[str, Json]) -> Difference | None:
        """Return how the exchange of `record` would end otherwise, or None where it would not, or nobody knows."""
        found = self._looked_at(record)
        if isinstance(found, str):
            self.skip(found)
            return None
        self.tally.looked_at += 1
        before, after, old = found
        if before.is_as(after):
            return None
        return Difference(
            line=line,
            request_id=shown(str(record.get("request_id"))),
            before=before.word,
            after=after.word,
            why=_why(before, after, old),
        )

    def _looked_at(self, record: Mapping[str, Json]) -> tuple[Outcome, Outcome, Outcome] | Skipped:
        if record.get("decision") == "explained":
            return "explanations"
        if record.get("verified") is not True:
            return "unverified"
        try:
            return self._compared(record)
        except NotARecord:
            return "unreadable"
        except _Undecidable:
            return "undecidable"

    def _compared(self, record: Mapping[str, Json]) -> tuple[Outcome, Outcome, Outcome]:
        """Return what the line says, what the new policy says, and what the old one does.

        Raises:
            NotARecord: it tells nothing that can be decided.
            _Undecidable: it does not tell what one of them hangs on.
        """
        recorded = recorded_outcome(record)
        ask, old = self._asked(record, recorded)
        new = self._decided(self._after, record, ask)
        if recorded is None:
            if record.get("decision") == "rejected" and record.get("reason") != Reason.TOO_MANY_REQUESTS:
                raise _Undecidable("it was refused for what it asked for, which the record does not have")
            return old, new, old
        if not recorded.logins and old.logins and new.logins:
            raise _Undecidable("it was refused though the old policy has a login for it: what it asked for is unknown")
        return recorded, new, old

    def _asked(self, record: Mapping[str, Json], recorded: Outcome | None) -> tuple[Ask, Outcome]:
        """Return what the request most likely asked for, and what the old policy says to it.

        A record has what was given and not what was asked for. So the first way to ask for it is taken to which the
        old policy answers as the record says, and the plainest where it does so to none.
        """
        logins = {} if recorded is None else recorded.logins
        first, *others = ways_to_ask(record, logins, registry_of_grant=self._registry_of_grant)
        plainest = self._decided(self._before, record, first)
        if recorded is not None and not plainest.is_as(recorded):
            for ask in others:
                outcome = self._decided(self._before, record, ask)
                if outcome.is_as(recorded):
                    return ask, outcome
        return first, plainest

    def _decided(self, policy: Policy, record: Mapping[str, Json], ask: Ask) -> Outcome:
        issuer = _entry(policy, record)
        if issuer is None:
            refused = Refused(Reason.UNKNOWN_ISSUER, "the policy takes no token of this issuer for this audience")
            return decided_outcome(refused)
        presented = presented_record(policy, record, issuer=issuer.name, now=_seconds(record))
        if isinstance(presented.outcome, Refused):
            return decided_outcome(presented.outcome)
        caller = presented.outcome
        gaps = gaps_of(policy, caller, record, known_policies=(self._before, self._after))
        if what := hangs_on(policy, caller, gaps):
            raise _Undecidable(what)
        return decided_outcome(decide(policy, caller, ask))


def _entry(policy: Policy, record: Mapping[str, Json]) -> Issuer | None:
    """Return the entry that takes the record's token, by its issuer and its audience, whatever the entry's name."""
    claims = record.get("claims")
    told = claims.get("aud") if isinstance(claims, dict) else None
    audiences = {told} if isinstance(told, str) else {*map(str, told)} if isinstance(told, list) else None
    for trust in policy.issuers_by_url.get(str(record.get("issuer_url")), ()):
        if audiences is None or audiences <= trust.audiences:
            return policy.issuers[trust.entry]
    return None


def _seconds(record: Mapping[str, Json]) -> float:
    try:
        found = datetime.fromisoformat(str(record.get("timestamp")))
    except ValueError:
        raise NotARecord("timestamp: expected a time of RFC 3339") from None
    if found.tzinfo is None:
        raise NotARecord("timestamp: expected a time with its offset")
    return found.timestamp()


def _why(before: Outcome, after: Outcome, old: Outcome) -> str:
    said = _what_changes(before, after)
    return f"{said}; the old policy decides so, too" if old.is_as(after) else said


def _what_changes(before: Outcome, after: Outcome) -> str:
    if not after.logins:
        return after.why
    given = "; ".join(f"{grant} gives {login.text()}" for login, grant in after.logins.items())
    if not before.logins:
        return f"was {before.why}; {given}"
    had = "; ".join(f"{shown(grant)} gave {login.text()}" for login, grant in before.logins.items())
    return f"{had}, and {given}"
