"""Where a field stands in its file: line and column of YAML or JSON, both from 1."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import yaml

from token_exchange.loading.problems import Path
from token_exchange_cli.meaning.placeholders import has_placeholder

_DEEPEST: Final = 40
"""Deeper than any field of a policy; what is below has the place of what is above."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A line and a column, both from 1."""

    line: int
    column: int


_START = Place(line=1, column=1)


class Places:
    """The places of all fields of one document, up to where it is no YAML any more.

    `grants` has the number of each grant by its name, `placeholders` the fields in which one was left.
    """

    def __init__(self, content: bytes) -> None:
        self._places: dict[Path, Place] = {(): _START}
        self._broken = _START
        names: dict[str, int] = {}
        left: list[Path] = []
        try:
            for path, place, text in _fields(content.decode("utf-8")):
                self._places.setdefault(path, place)
                if text is not None and has_placeholder(text):
                    left.append(path)
                match path:
                    case ("grants", int() as number, "name") if text is not None:
                        names.setdefault(text, number)
                    case _:
                        pass
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark
            self._broken = _START if mark is None else Place(line=mark.line + 1, column=mark.column + 1)
            self._places[()] = self._broken
        except (UnicodeDecodeError, yaml.YAMLError):
            pass  # it has no places: what is wrong with it is the loader's to say
        self.grants: Mapping[str, int] = names
        self.placeholders: Sequence[Path] = left

    def of(self, path: Path) -> Place:
        """Return where the field at `path` stands, or what it would stand in."""
        return next(place for end in range(len(path), -1, -1) if (place := self._places.get(path[:end])) is not None)


class _Open:
    """A mapping or a list that has begun, and what is waited for next in it."""

    def __init__(self, path: Path, *, is_mapping: bool) -> None:
        self.path = path
        self.is_mapping = is_mapping
        self.key: str | None = None
        self.key_place = _START
        self.count = 0


def _fields(text: str) -> Iterator[tuple[Path, Place, str | None]]:
    """Yield path, place and text of every field, event by event: a tree of hostile depth would end the process."""
    within: list[_Open] = []
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.CollectionEndEvent):
            within.pop()
            continue
        if not isinstance(event, yaml.NodeEvent):
            continue
        mark = event.start_mark
        here = _START if mark is None else Place(line=mark.line + 1, column=mark.column + 1)
        scalar = event.value if isinstance(event, yaml.ScalarEvent) else None
        outer = within[-1] if within else None
        path: Path = ()
        if outer is not None and outer.is_mapping and outer.key is None:
            outer.key, outer.key_place = scalar or "", here
            if scalar is not None:
                continue
        elif outer is not None and outer.is_mapping:
            path, here = (*outer.path, outer.key or ""), outer.key_place
            outer.key = None
        elif outer is not None:
            path = (*outer.path, outer.count)
            outer.count += 1
        if len(within) <= _DEEPEST:
            yield path, here, scalar
        if isinstance(event, yaml.CollectionStartEvent):
            is_mapping = isinstance(event, yaml.MappingStartEvent)
            within.append(_Open(path if len(within) <= _DEEPEST else (), is_mapping=is_mapping))
