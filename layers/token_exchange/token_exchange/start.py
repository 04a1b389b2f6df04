"""Starts the exchange function, with the garbage collector at rest until it has started."""

import gc
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from token_exchange.service import Service


def start(function_file: str) -> "Service":
    """Return the service as the environment configures it, for the function whose module is `function_file`.

    What is imported and read at start stays: the collector would walk through all of it again and again and find
    nothing, for a tenth of the time a start takes, and once more in the middle of an early request.

    Raises:
        BadSetting: a variable has a value that it cannot have.
    """
    gc.disable()
    try:
        from token_exchange import service  # noqa: PLC0415 - importing is most of what the collector shall not see

        return service.start(function_file)
    finally:
        gc.freeze()
        gc.enable()
