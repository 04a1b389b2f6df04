"""A target that needs nothing around it."""

import json
from typing import Self

from fuzz.target import Json


class Plain:
    """What targets without a sandbox share."""

    def size_bytes(self, given: Json) -> int:
        """Return the length of the input as it is kept."""
        return len(json.dumps(given))

    def __enter__(self) -> Self:
        """Start nothing."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop nothing."""
