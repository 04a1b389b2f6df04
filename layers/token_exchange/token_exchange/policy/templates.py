"""Texts with `{name}` in them, a name of the common vocabulary, to be filled in for each caller."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from token_exchange.providers.vocabulary import NAMES, Name

_PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """Literal and named parts in turn, a literal first and last; some of them may be empty."""

    text: str
    literals: tuple[str, ...]
    names: tuple[Name, ...]

    def filled(self, values: Sequence[str]) -> str:
        """Return the text with one value for each name, in their order."""
        parts = [self.literals[0]]
        for value, literal in zip(values, self.literals[1:], strict=True):
            parts += (value, literal)
        return "".join(parts)


def parse_template(text: str) -> Template:
    """Return the template that `text` spells.

    Raises:
        ValueError: a name is not in the vocabulary, or a brace stands alone.
    """
    names: list[Name] = []
    for found in _PLACEHOLDER.finditer(text):
        name = next((name for name in NAMES if name == found[1]), None)
        if name is None:
            raise ValueError(f"expected a name of the vocabulary in braces ({', '.join(NAMES)})")
        names.append(name)
    literals = tuple(_PLACEHOLDER.split(text)[::2])
    if any("{" in literal or "}" in literal for literal in literals):
        raise ValueError("expected braces only around a name of the vocabulary")
    return Template(text=text, literals=literals, names=tuple(names))
