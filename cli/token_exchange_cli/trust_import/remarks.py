"""What people are told beside an imported policy, each thing once."""

from collections.abc import Callable, Iterator
from typing import Final

type Remark = Callable[[str, str], None]
"""Takes a place in the input, and what is to be said of it."""

_MOST_PLACES: Final = 3


class Remarks:
    """Remarks in the order in which they came; one that is made of several places is one."""

    def __init__(self) -> None:
        self._places: dict[str, list[str]] = {}

    def add(self, place: str, text: str) -> None:
        """Say `text` of `place`."""
        places = self._places.setdefault(text, [])
        if place not in places:
            places.append(place)

    def lines(self) -> Iterator[str]:
        """Yield a line for each remark."""
        for text, places in self._places.items():
            more = f" and {len(places) - _MOST_PLACES} more places" if len(places) > _MOST_PLACES else ""
            yield f"{', '.join(places[:_MOST_PLACES])}{more}: {text}"
