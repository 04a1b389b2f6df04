"""Seal an archive of audit lines: a chain of daily digests that shows removed, added and altered lines.

The digest of a day is the SHA-256 of the digest before it, the day, and the SHA-256 of each of its lines, sorted: the
order in which lines were delivered, and how often, does not matter. Anyone who keeps the last digest elsewhere can
detect a change of any line up to that day, even by someone who can write both the archive and its seals.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from token_exchange.core.ports import Json
from token_exchange.core.strict_json import NotStrictJson, parse_object
from token_exchange_cli.console import Unusable

_START: Final = "0" * 64
_TIME: Final = re.compile(rb'"timestamp": ?"([0-9]{4}-[0-9]{2}-[0-9]{2})T')
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
UNDATED: Final = "0000-00-00"
"""The day of lines without a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """One day's digest, and how many different lines the day has."""

    day: str
    lines: int
    sha256: str

    def fields(self) -> Json:
        """Return the seal as the command prints it."""
        return {"day": self.day, "lines": self.lines, "sha256": self.sha256}

    def text(self) -> str:
        """Return the seal as a line of a file of seals."""
        return json.dumps(self.fields())


class Sealer:
    """Collects the hashes of lines by day: 32 bytes for each different line."""

    def __init__(self) -> None:
        self._days: dict[str, set[bytes]] = defaultdict(set)

    def seen(self, texts: Iterable[bytes]) -> Iterator[bytes]:
        """Collect and yield each of `texts`."""
        for text in texts:
            found = _TIME.search(text)
            day = UNDATED if found is None else found[1].decode("ascii")
            self._days[day].add(sha256(text).digest())
            yield text

    def seals(self) -> list[Seal]:
        """Return the seals of the collected days, in order."""
        seals: list[Seal] = []
        for day in sorted(self._days):
            previous = seals[-1].sha256 if seals else _START
            seals.append(Seal(day=day, lines=len(self._days[day]), sha256=self.digest(day, previous)))
        return seals

    def digest(self, day: str, previous: str) -> str:
        """Return the digest of the collected lines of `day`, chained to the digest `previous`."""
        hashed = sha256(f"{previous} {day}\n".encode())
        for line in sorted(self._days.get(day, ())):
            hashed.update(line)
        return hashed.hexdigest()

    def differences(self, sealed: Sequence[Seal]) -> list[str]:
        """Return a sentence for each day whose lines are not those that were sealed.

        A day that differs does not affect the days after it. Days that were not sealed are not compared.
        """
        sentences: list[str] = []
        previous = _START
        for seal in sealed:
            if self.digest(seal.day, previous) != seal.sha256:
                count = len(self._days.get(seal.day, ()))
                same = "; at least one differs" if count == seal.lines else ""
                sentences.append(f"{seal.day}: {seal.lines:,} lines were sealed, {count:,} were found{same}")
            previous = seal.sha256
        days = [seal.day for seal in sealed]
        # A day between sealed days that has no seal had no lines.
        sentences += [
            f"{day}: no lines were sealed, {len(self._days[day]):,} were found"
            for day in sorted(self._days)
            if days and days[0] < day < days[-1] and day not in days
        ]
        return sentences


def read_seals(content: bytes, *, name: str) -> list[Seal]:
    """Return the seals in a file of them.

    Raises:
        Unusable: it is not one, or its days are not in order.
    """
    seals: list[Seal] = []
    for number, line in enumerate(content.splitlines(), 1):
        try:
            fields = parse_object(line)
        except NotStrictJson as error:
            raise Unusable(f"{name}:{number}: {error}; expected a seal, as `audit seal` writes it") from error
        seals.append(_seal(fields, f"{name}:{number}"))
        if len(seals) > 1 and seals[-2].day >= seals[-1].day:
            raise Unusable(f"{name}:{number}: the day is not after the previous one")
    if not seals:
        raise Unusable(f"{name}: contains no seal")
    return seals


def _seal(fields: dict[str, Json], place: str) -> Seal:
    day, lines, digest = fields.get("day"), fields.get("lines"), fields.get("sha256")
    if (
        isinstance(day, str)
        and _DAY.fullmatch(day)
        and isinstance(lines, int)
        and isinstance(digest, str)
        and _DIGEST.fullmatch(digest)
    ):
        return Seal(day=day, lines=lines, sha256=digest)
    raise Unusable(f"{place}: expected a seal with day, lines and sha256")
