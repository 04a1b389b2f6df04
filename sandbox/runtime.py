"""The process in which the real handler runs: `python -m sandbox.runtime DESCRIPTOR MODULE:NAME`.

It serves on the listening socket that it inherits until its standard input ends, so it never outlives its parent,
even a killed one.
"""

import importlib
import socket
import sys
from collections.abc import Callable

from sandbox.front_door import FrontDoor


def load_handler(target: str) -> Callable[..., object]:
    """Import `MODULE:NAME`. The module reads the environment, which the parent process has set.

    Raises:
        TypeError: it cannot be called.
    """
    module, _, name = target.partition(":")
    handler: object = vars(importlib.import_module(module)).get(name)
    if not callable(handler):
        raise TypeError(f"expected a handler at {target}, found {handler!r}")
    return handler


def main() -> None:
    """Serve until standard input ends."""
    descriptor, target = sys.argv[1:]
    with FrontDoor(load_handler(target), listener=socket.socket(fileno=int(descriptor))):
        sys.stdin.buffer.read()


if __name__ == "__main__":
    main()
