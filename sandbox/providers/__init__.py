"""What each CI system puts into a job's token: one file per system, found by being here.

A file defines `PROVIDER`. Its claims are in the folder `claims`, each with the source that shows them, and have
identifiers of the sandbox's own.
"""

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from typing import Final

from sandbox.providers.shape import Provider

_SHARED: Final = frozenset({"github_family", "shape"})
"""Files that are no provider's."""


@cache
def all_providers() -> Mapping[str, Provider]:
    """Return every provider of this folder by its name.

    Raises:
        TypeError: a file defines none.
    """
    found: dict[str, Provider] = {}
    for module in pkgutil.iter_modules(__path__):
        if module.name in _SHARED:
            continue
        provider: object = vars(importlib.import_module(f"{__name__}.{module.name}")).get("PROVIDER")
        if not isinstance(provider, Provider):
            raise TypeError(f"{__name__}.{module.name}: expected a Provider named PROVIDER, found none")
        found[provider.name] = provider
    return found
