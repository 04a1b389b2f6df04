"""What a target is: something that reads hostile input, with a law that holds whatever the input."""

from typing import Protocol, Self

from hypothesis.strategies import SearchStrategy

from fuzz.reference.values import Json

__all__ = ["Broken", "Json", "Target", "list_in", "mapping_in"]


def list_in(given: Json) -> list[Json]:
    """Return `given` if it is a list, or else an empty one."""
    return given if isinstance(given, list) else []


def mapping_in(given: Json) -> dict[str, Json]:
    """Return `given` if it is a mapping, or else an empty one."""
    return given if isinstance(given, dict) else {}


class Broken(Exception):
    """A law does not hold. `law` names it, the text says how."""

    def __init__(self, law: str, text: str) -> None:
        super().__init__(text)
        self.law = law


class Target(Protocol):
    """A reader of hostile input. Entering it starts what it needs, such as the sandbox.

    Inputs are JSON, so that they can be kept, read and sent again.
    """

    name: str

    @property
    def inputs(self) -> SearchStrategy[Json]:
        """Where inputs come from."""
        ...

    def check(self, given: Json) -> None:
        """Send one input and hold what happens against the laws.

        Raises:
            Broken: one does not hold. Any other exception is a finding, too.
        """
        ...

    def size_bytes(self, given: Json) -> int:
        """Return the size of the input, which bounds what it may cost."""
        ...

    def __enter__(self) -> Self:
        """Start."""
        ...

    def __exit__(self, *_: object) -> None:
        """Stop."""
        ...
