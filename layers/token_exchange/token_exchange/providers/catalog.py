"""The providers there are: each file under `presets` is one."""

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType

from token_exchange.providers import presets
from token_exchange.providers.preset import Provider


@cache
def providers() -> Mapping[str, Provider]:
    """Return every provider by the name that a policy uses."""
    found: dict[str, Provider] = {}
    for module in iter_modules(presets.__path__):
        provider = import_module(f"{presets.__name__}.{module.name}").PROVIDER
        if not isinstance(provider, Provider):
            raise TypeError(f"{module.name}.PROVIDER is not a Provider")
        found[provider.name] = provider
    return MappingProxyType(dict(sorted(found.items())))


def owner_of(host: str) -> Provider | None:
    """Return the provider that alone signs on `host`, where there is one."""
    return next((provider for provider in providers().values() if provider.owns(host)), None)
