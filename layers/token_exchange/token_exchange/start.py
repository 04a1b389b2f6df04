"""Starts the exchange function with the garbage collector disabled until it has started."""

import gc
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from token_exchange.service import Service


def start(function_file: str) -> "Service":
    """Return the service as the environment configures it, for the function whose module is `function_file`.

    Objects created at start stay alive: the collector would scan them repeatedly and free nothing, which takes a tenth
    of a cold start, and again during an early request.

    Raises:
        BadSetting: a variable has an invalid value.
    """
    gc.disable()
    try:
        from token_exchange import service  # noqa: PLC0415 - the import creates most of these objects

        return service.start(function_file)
    finally:
        gc.freeze()
        gc.enable()
