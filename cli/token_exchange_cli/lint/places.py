"""Where a field stands in its file: line and column of YAML or JSON, by the loader's own reader of YAML."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Final

from token_exchange.loading.document import readable_text
from token_exchange.loading.fields import Node
from token_exchange.loading.problems import Path, Place, PolicyUnusable, Problems
from token_exchange.loading.yaml import read_yaml
from token_exchange_cli.meaning.placeholders import has_placeholder

START: Final = Place(line=1, column=1)


class Places:
    """The places of all fields of one document, up to where the loader stops reading it.

    `grants` has the number of each grant by its name, `placeholders` the fields in which one was left.
    """

    def __init__(self, content: bytes) -> None:
        self._places: dict[Path, Place] = {}
        node: Node = None
        with suppress(PolicyUnusable):  # the loader reports what is wrong with it, and where
            node = read_yaml(readable_text(content), Problems(), places=self._places)
        self._places[()] = START
        self.grants: Mapping[str, int] = {name: number for number, name in reversed([*_grant_names(node)])}
        self.placeholders: Sequence[Path] = [path for path, text in _texts(node, ()) if has_placeholder(text)]

    def of(self, path: Path) -> Place:
        """Return where the field at `path` stands, or what it would stand in."""
        return next(place for end in range(len(path), -1, -1) if (place := self._places.get(path[:end])) is not None)


def _texts(node: Node, path: Path) -> Iterator[tuple[Path, str]]:
    """Yield each string with its path; the loader bounds the depth."""
    match node:
        case str():
            yield path, node
        case list():
            for number, element in enumerate(node):
                yield from _texts(element, (*path, number))
        case dict():
            for name, value in node.items():
                yield from _texts(value, (*path, name))
        case _:
            pass


def _grant_names(document: Node) -> Iterator[tuple[int, str]]:
    match document:
        case {"grants": [*grants]}:
            for number, grant in enumerate(grants):
                match grant:
                    case {"name": str() as name}:
                        yield number, name
                    case _:
                        pass
        case _:
            pass
