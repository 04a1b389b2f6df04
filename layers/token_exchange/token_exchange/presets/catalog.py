"""The list of providers; each is a file in `presets`, imported when a policy names it.

A policy uses two or three providers. Importing all of them would slow every cold start down.
"""

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import Final

from token_exchange.presets.provider import Provider

_OWN_HOSTS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "aws-sts": ("*.tokens.sts.global.api.aws",),
        "azure-devops": ("vstoken.dev.azure.com",),
        "bitbucket-pipelines": ("api.bitbucket.org",),
        "bitrise": ("token.builds.bitrise.io",),
        "buildkite": ("agent.buildkite.com",),
        "circleci": ("oidc.circleci.com",),
        "codefresh": ("oidc.codefresh.io",),
        "forgejo": (),
        "generic": (),
        "gitea": (),
        "github-actions": ("token.actions.githubusercontent.com", "*.ghe.com"),
        "gitlab": ("gitlab.com",),
        "google": ("accounts.google.com",),
        "harness": ("app.harness.io",),
        "hcp-terraform": ("app.terraform.io", "app.eu.terraform.io"),
        "jenkins": (),
        "kubernetes": (
            "container.googleapis.com",
            "oidc.eks.*.amazonaws.com",
            "oidc.eks.*.amazonaws.com.cn",
            "oidc-eks.*.api.aws",
            "oidc-eks.*.api.amazonwebservices.com.cn",
            "*.oic.prod-aks.azure.com",
            "oidc.prod-aks.azure.com",
        ),
        "semaphore": ("*.semaphoreci.com",),
        "spacelift": ("*.app.spacelift.io",),
        "vela": (),
    }
)
"""Every provider by its name in a policy, with the issuer hosts that belong only to it.

An entry for one of these hosts must use this provider; `*` stands for one or more characters.
"""

NAMES: Final = tuple(_OWN_HOSTS)


@cache
def provider_named(name: str) -> Provider:
    """Return the provider called `name`, which is one of `NAMES`."""
    found = import_module(f"token_exchange.presets.{name.replace('-', '_')}").PROVIDER
    if not isinstance(found, Provider) or found.name != name:
        raise TypeError(f"presets/{name}: PROVIDER is not a Provider with this name")
    return found


def providers() -> Mapping[str, Provider]:
    """Return every provider by name; this imports all presets."""
    return MappingProxyType({name: provider_named(name) for name in NAMES})


def owner_of(host: str) -> str | None:
    """Return the provider to which the issuer host `host` (without a port) belongs, or None."""
    return next((name for name, hosts in _OWN_HOSTS.items() if any(_matches(own, host) for own in hosts)), None)


def _matches(own: str, host: str) -> bool:
    before, star, after = own.partition("*")
    if not star:
        return host == own
    return host.startswith(before) and host.endswith(after) and len(host) > len(before) + len(after)
