"""The remarks on an imported policy, each once."""

from collections.abc import Callable, Iterator
from typing import Final

type Remark = Callable[[str, str], None]
"""Takes a place in the input, and the remark on it."""

_MAX_PLACES: Final = 3


class Remarks:
    """Remarks in order of appearance; the same remark on several places is printed once."""

    def __init__(self) -> None:
        self._places: dict[str, list[str]] = {}

    def add(self, place: str, text: str) -> None:
        """Add the remark `text` on `place`."""
        places = self._places.setdefault(text, [])
        if place not in places:
            places.append(place)

    def lines(self) -> Iterator[str]:
        """Yield a line for each remark."""
        for text, places in self._places.items():
            more = f" and {len(places) - _MAX_PLACES} more places" if len(places) > _MAX_PLACES else ""
            yield f"{', '.join(places[:_MAX_PLACES])}{more}: {text}"
