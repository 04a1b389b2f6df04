"""Exchange a CI job's OIDC token for a short-lived, down-scoped registry login.

A request passes through `service`, `http` and `core.exchange`. `core` decides without I/O; `adapters` implement its
ports. `loading` and `presets` make the policy that it decides by, `issuer_keys` keeps the issuers' keys available, and
`reporting` writes what was decided.
"""

import gc
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from token_exchange.service import Service

__version__ = "0.1.0"


def start(function_file: str) -> "Service":
    """Return the service as the environment configures it, for the function whose module is `function_file`.

    The garbage collector is off until it is ready. Objects created at start stay alive: the collector would scan them
    repeatedly and free nothing, which takes a tenth of a cold start, and again during an early request.

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
