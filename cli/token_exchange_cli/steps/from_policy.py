"""What a policy says of the login step of a CI system: the audience, the registry and its host."""

from dataclasses import dataclass

from token_exchange.core.policy import EcrRegistry, Policy
from token_exchange.loading.fields import did_you_mean
from token_exchange_cli.safe_text import in_reading_order
from token_exchange_cli.values import BadValue


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyValues:
    """The values of a step for one system and one registry."""

    audience: str
    registry: str
    host: str


def values_of(
    policy: Policy, provider: str, *, audience: str | None, registry: str | None, host: str | None
) -> PolicyValues:
    """Return what `policy` says of jobs of `provider`; what is given chooses where it has several.

    Raises:
        BadValue: the policy has none, several to choose from, or another than what is given.
    """
    entries = [issuer for issuer in policy.issuers.values() if issuer.preset.provider == provider]
    if not entries:
        has = ", ".join(sorted({issuer.preset.provider for issuer in policy.issuers.values()}))
        raise BadValue(f"the policy has no issuer with provider: {provider}; it has {has}")
    audiences = sorted({one for issuer in entries for one in issuer.trust.audiences})
    names = {issuer.name for issuer in entries}
    registries = sorted(
        {grant.registry.name for grant in policy.grants if names.intersection(grant.issuers)}, key=in_reading_order
    )
    name = _chosen("--registry", registry, registries)
    found = policy.registries[name]
    if host is not None and host not in found.hosts:
        where = f", in account {found.account} and region {found.region}" if isinstance(found, EcrRegistry) else ""
        raise BadValue(f"--host is {host}, but the policy's registry {name} is {found.host}{where}")
    return PolicyValues(audience=_chosen("--audience", audience, audiences), registry=name, host=host or found.host)


def _chosen(option: str, given: str | None, known: list[str]) -> str:
    what = option.removeprefix("--")
    if given is not None:
        if given not in known:
            advice = did_you_mean(given, known) or (f"; it gives {', '.join(known)}" if known else "")
            raise BadValue(f"the policy gives these jobs no {what} {given}{advice}")
        return given
    if not known:
        raise BadValue(f"no grant of the policy is for these jobs, so it gives them no {what}")
    if len(known) > 1:
        raise BadValue(f"the policy gives these jobs more than one {what}; choose with {option}: {', '.join(known)}")
    return known[0]
