"""Decide the exchanges of a log again, by the old and the new policy, as of the time each was made."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, get_args

from token_exchange.core.policy import Issuer, Policy
from token_exchange.core.ports import Json
from token_exchange.core.refusals import Reason, Refused
from token_exchange.core.trust import check_claims
from token_exchange_cli.explain.callers import NotARecord
from token_exchange_cli.replay.alike import Alike
from token_exchange_cli.replay.decider import Decider, LoggedRequest, possible_requests, recorded_request
from token_exchange_cli.replay.outcomes import Outcome, Word, decided_outcome, recorded_outcome
from token_exchange_cli.replay.recorded import NotRecorded, RecordedClaims, RecordReader
from token_exchange_cli.safe_text import escape_non_ascii

_NOT_THEN: Final = (Reason.EXPIRED, Reason.NOT_YET_VALID, Reason.LIFETIME_TOO_LONG)
"""Reasons of tokens that were invalid when they were sent; no policy decided about them."""

type Skipped = Literal["other-lines", "unreadable", "explanations", "unverified", "undecidable"]
"""Why a line is skipped."""

_MOST_CAUSES: Final = 10
_OTHERS: Final = "other causes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One exchange that the new policy decides differently from its line.

    `lost` are grants of which the old policy has a login to a registry to which the new one has none.
    """

    line: int
    request_id: str
    before: Word
    after: Word
    why: str
    lost: frozenset[str]

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
    """How many records were decided again, and how many lines were skipped, by cause.

    `old_differs` counts those of which the old policy itself says otherwise than their lines: others were in force, or
    what was asked for cannot be recorded from the line. `undecidable` has the most frequent causes, and `_OTHERS`.
    """

    looked_at: int = 0
    old_differs: int = 0
    skipped: Counter[Skipped] = field(default_factory=Counter)
    undecidable: Counter[str] = field(default_factory=Counter)

    def fields(self) -> dict[str, Json]:
        """Return the counts as the commands print them."""
        return {
            "looked_at": self.looked_at,
            "old_differs": self.old_differs,
            "skipped": {why: self.skipped[why] for why in get_args(Skipped.__value__)},
            "undecidable": dict(self.undecidable.most_common()),
        }

    def undecided(self, why: str) -> None:
        """Count an undecidable record; the number of distinct causes is bounded."""
        self.skipped["undecidable"] += 1
        self._add_cause(why, 1)

    def add(self, other: "Tally") -> None:
        """Add the counts of other lines."""
        self.looked_at += other.looked_at
        self.old_differs += other.old_differs
        self.skipped.update(other.skipped)
        for why, count in other.undecidable.items():
            self._add_cause(why, count)

    def _add_cause(self, why: str, count: int) -> None:
        is_kept = why in self.undecidable or len(self.undecidable) < _MOST_CAUSES
        self.undecidable[why if is_kept else _OTHERS] += count


@dataclass(frozen=True, slots=True, kw_only=True)
class _Compared:
    """What records that are alike have in common: `why` says what is different by the new policy, None if nothing."""

    before: Word
    after: Word
    why: str | None
    lost: frozenset[str]
    old_differs: bool


type _Found = _Compared | Skipped | NotRecorded

_MOST_REMEMBERED: Final = 65_536
"""Results by the key of their records, of some hundred bytes each."""


class Replay:
    """Decide records by both policies, and count them."""

    def __init__(self, before: Policy, after: Policy) -> None:
        self._before = Decider(before)
        self._after = Decider(after)
        self._reader = RecordReader((before, after))
        self._alike = Alike((before, after))
        self._remembered: dict[bytes, _Found] = {}
        self._registry_of_grant = {grant.name: grant.registry.name for grant in before.grants}
        self.tally = Tally()

    def skip(self, why: Skipped) -> None:
        """Count a skipped line."""
        self.tally.skipped[why] += 1

    def difference(self, line: int, record: Mapping[str, Json]) -> Difference | None:
        """Return the difference for the exchange of `record`, or None if there is none or it is undecidable."""
        found = self._found(record)
        if isinstance(found, NotRecorded):
            self.tally.undecided(str(found))
            return None
        if isinstance(found, str):
            self.skip(found)
            return None
        self.tally.looked_at += 1
        self.tally.old_differs += found.old_differs
        if found.why is None:
            return None
        return Difference(
            line=line,
            request_id=escape_non_ascii(str(record.get("request_id"))),
            before=found.before,
            after=found.after,
            why=found.why,
            lost=found.lost,
        )

    def _found(self, record: Mapping[str, Json]) -> _Found:
        key = self._alike.key(record)
        if key is None:
            return self._replayed(record)
        if key not in self._remembered:
            found = self._replayed(record)
            is_unlike = self._alike.notice(record)
            if is_unlike or len(self._remembered) >= _MOST_REMEMBERED:
                self._remembered.clear()
            if is_unlike:
                return found
            self._remembered[key] = found
        return self._remembered[key]

    def _replayed(self, record: Mapping[str, Json]) -> _Found:
        if record.get("decision") == "explained":
            return "explanations"
        if record.get("verified") is not True or record.get("reason") in _NOT_THEN:
            return "unverified"
        try:
            before, after, old = self._outcomes(record)
        except NotARecord:
            return "unreadable"
        except NotRecorded as error:
            return error
        return _Compared(
            before=before.word,
            after=after.word,
            why=None if before.is_as(after) else _why(before, after, old),
            lost=_lost(old, after),
            old_differs=not old.is_as(before),
        )

    def _outcomes(self, record: Mapping[str, Json]) -> tuple[Outcome, Outcome, Outcome]:
        """Return the outcome in the line, that of the new policy, and that of the old one.

        Raises:
            NotARecord: it tells nothing that can be decided.
            NotRecorded: it does not tell what one of them hangs on.
        """
        recorded, claims = recorded_outcome(record), self._reader.claims(record)
        exact = recorded_request(record)
        if exact is not None:
            old = self._decided(self._before, record, claims, exact)
            return recorded or old, self._decided(self._after, record, claims, exact), old
        ask, old = self._asked(record, claims, recorded)
        new = self._decided(self._after, record, claims, ask)
        if recorded is None:
            if record.get("decision") == "rejected" and record.get("reason") != Reason.TOO_MANY_REQUESTS:
                raise NotRecorded("it was refused because of its request, which the record does not contain")
            return old, new, old
        if not recorded.logins and old.logins and new.logins:
            raise NotRecorded("it was refused, but the old policy has a login for it: the request is unknown")
        return recorded, new, old

    def _asked(
        self, record: Mapping[str, Json], claims: RecordedClaims, recorded: Outcome | None
    ) -> tuple[LoggedRequest, Outcome]:
        """Return the most likely request of an older record, and the outcome by the old policy.

        Such a record has what was given and not what was asked for. So the first way to ask for it is taken to which
        the old policy answers as the record says, and the plainest where it does so to none.
        """
        logins = {} if recorded is None else recorded.logins
        first, *others = possible_requests(record, logins, registry_of_grant=self._registry_of_grant)
        plainest = self._decided(self._before, record, claims, first)
        if recorded is not None and not plainest.is_as(recorded):
            for ask in others:
                outcome = self._decided(self._before, record, claims, ask)
                if outcome.is_as(recorded):
                    return ask, outcome
        return first, plainest

    def _decided(self, by: Decider, record: Mapping[str, Json], claims: RecordedClaims, ask: LoggedRequest) -> Outcome:
        issuer = _entry(by.policy, record, claims)
        if issuer is None:
            refused = Refused(Reason.UNKNOWN_ISSUER, "the policy accepts no token of this issuer for this audience")
            return decided_outcome(refused)
        try:
            _require_short_life(claims.recorded(), issuer)
            caller = self._reader.caller(record, claims, issuer, now=_seconds(record))
        except Refused as refused:
            return decided_outcome(refused)
        return by.outcome(caller, claims, ask)


def _entry(policy: Policy, record: Mapping[str, Json], claims: RecordedClaims) -> Issuer | None:
    """Return the entry that accepts the record's token, by issuer and audience, regardless of its name."""
    found = policy.issuers_by_url.get(str(record.get("issuer_url")), ())
    if len(found) == 1 and not claims.is_recorded("aud"):
        return policy.issuers[found[0].entry]
    recorded = claims["aud"] if found else None
    audiences = {*map(str, recorded)} if isinstance(recorded, list) else {str(recorded)}
    return next((policy.issuers[trust.entry] for trust in found if audiences <= trust.audiences), None)


def _require_short_life(claims: Mapping[str, Json], issuer: Issuer) -> None:
    """Check the token's lifetime against the entry; the record proves that it was valid at the time.

    Raises:
        Refused: `lifetime-too-long`.
    """
    begins, ends = claims.get("iat"), claims.get("exp")
    if isinstance(begins, int | float) and isinstance(ends, int | float) and ends > begins:
        check_claims({"sub": "unsaid", "iat": begins, "exp": ends}, trust=issuer.trust, now=begins)


def _seconds(record: Mapping[str, Json]) -> float:
    try:
        found = datetime.fromisoformat(str(record.get("timestamp")))
    except ValueError:
        raise NotARecord("timestamp: expected a time of RFC 3339") from None
    if found.tzinfo is None:
        raise NotARecord("timestamp: expected a time with its offset")
    return found.timestamp()


def _lost(old: Outcome, after: Outcome) -> frozenset[str]:
    kept = {login.registry for login in after.logins}
    return frozenset(grant for login, grant in old.logins.items() if login.registry not in kept)


def _why(before: Outcome, after: Outcome, old: Outcome) -> str:
    said = _what_changes(before, after)
    return f"{said}; the old policy decides the same" if old.is_as(after) else said


def _what_changes(before: Outcome, after: Outcome) -> str:
    if not after.logins:
        return after.why
    given = "; ".join(f"{grant} gives {login.text()}" for login, grant in after.logins.items())
    if not before.logins:
        return f"was {before.why}; {given}"
    had = "; ".join(f"{escape_non_ascii(grant)} gave {login.text()}" for login, grant in before.logins.items())
    return f"{had}, and {given}"
