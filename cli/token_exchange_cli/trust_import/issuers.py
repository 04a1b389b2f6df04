"""Find the preset of an OIDC provider of IAM, and write its issuer entry.

Source: each provider's section in docs/providers.md, of its issuer.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from token_exchange.core.identity import Preset
from token_exchange.core.ports import Json
from token_exchange.core.sources import Claim, Constant
from token_exchange.presets.catalog import owner_of, provider_named
from token_exchange.presets.provider import BadSetting, issuer_host
from token_exchange_cli.subjects.catalog import SUBJECTS
from token_exchange_cli.subjects.iam_patterns import NotSayable, Value

_SHORT: Final[Mapping[str, str]] = {
    "aws-sts": "aws",
    "bitbucket-pipelines": "bitbucket",
    "generic": "issuer",
    "github-actions": "github",
    "hcp-terraform": "terraform",
}

_SELF_HOSTED: Final = ("github-actions", "vela", "gitea", "forgejo")
"""Systems whose own servers are known by the form of their issuers; the first that fits is assumed."""

_JENKINS: Final = re.compile(r"([^/]+(?:/[^/]+)*)/oidc(?:/job/.+)?")
"""Other systems have such a path too: it is Jenkins if subjects are URLs of the same controller."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerForm:
    """An issuer: its preset, the keys of its entry besides audience and organizations, and the entry's usual name.

    `tenant` is its only organization, if the issuer belongs to one: `name`, `id` or both. `doubt` is a remark for
    people, if the issuer's URL does not prove the preset.
    """

    preset: Preset
    keys: Mapping[str, Json]
    usual_name: str
    tenant: Mapping[str, str] = field(default_factory=dict[str, str])
    doubt: str | None = None


def issuer_form(address: str, subjects: Sequence[Value], claims: Collection[str]) -> IssuerForm:
    """Return the issuer at `address`, the URL without its scheme.

    `subjects` and `claims` are those that statements name.

    Raises:
        NotSayable: no issuer entry can have that address.
    """
    url = f"https://{address}"
    try:
        host = issuer_host(url).partition(":")[0]
        owner = owner_of(host)
        name = owner or _own_server(address, subjects, claims)
        keys = _keys(name, address, url)
        preset = provider_named(name).preset(
            {key: value for key, value in keys.items() if key not in _OF_EVERY}, _issuer(keys)
        )
    except BadSetting as error:
        raise NotSayable(f"not an issuer that a policy can name: {url}: {error}{_advice(address)}") from error
    if preset.issuer != url:
        raise NotSayable(f"{url} is not an issuer of {name}")
    return IssuerForm(
        preset=preset,
        keys={"provider": name, **keys},
        usual_name=_SHORT.get(name, name),
        tenant=_tenant(preset),
        doubt=_doubt(name, address) if owner is None else None,
    )


def _advice(address: str) -> str:
    if "{" in address:
        return "; an issuer contains the workspace by name, not by its UUID in braces"
    return "; expected the id of the organization" if address.startswith("vstoken.dev.azure.com/") else ""


def _doubt(name: str, address: str) -> str:
    if name == "generic":
        return (
            f"https://{address} is not a known CI system, so its provider is generic: all tokens that it signs belong "
            "to one organization, and only the grants say which are a job's; if it is a known CI system, write its "
            "provider"
        )
    vela = (
        f"; Vela has the same path: for Vela, write provider: vela and issuer: https://{address} instead of host"
        if name == "github-actions"
        else ""
    )
    return (
        f"https://{address} is assumed to be {name}, by its path or its subjects: if it is not, write the right "
        f"provider{vela}"
    )


_OF_EVERY: Final = frozenset({"issuer", "algorithms"})


def _issuer(keys: Mapping[str, Json]) -> str | None:
    issuer = keys.get("issuer")
    return issuer if isinstance(issuer, str) else None


def _own_server(address: str, subjects: Sequence[Value], claims: Collection[str]) -> str:
    for name, grammar in SUBJECTS.items():
        form = grammar.self_hosted
        if form is not None and subjects and all(form.match(value.text) for value in subjects):
            return name
    jenkins = _JENKINS.fullmatch(address)
    if jenkins is not None and subjects and all(one.text.startswith(f"https://{jenkins[1]}/") for one in subjects):
        return "jenkins"
    for name in _SELF_HOSTED:
        if _host_of(name, address) is not None:
            return "vela" if name == "github-actions" and _is_vela(subjects, claims) else name
    return "generic"


def _host_of(name: str, address: str) -> str | None:
    """Return the `host` with which an entry has the issuer at `address`, or None if there is none."""
    parts = address.split("/")
    for host in ("/".join(parts[:count]) for count in range(1, len(parts))):
        try:
            preset = provider_named(name).preset({"host": host}, None)
        except BadSetting:
            continue
        if preset.issuer == f"https://{address}":
            return host
    return None


def _is_vela(subjects: Sequence[Value], claims: Collection[str]) -> bool:
    """Say whether there are subjects or claims that Vela has, but GitHub does not."""
    if subjects and all(":event:" in value.text for value in subjects):
        return True
    vela, github = (
        provider_named(name).preset({"host": "ci.invalid"}, None).claims.keys() for name in ("vela", "github-actions")
    )
    return any(claim in vela and claim not in github for claim in claims)


def _keys(name: str, address: str, url: str) -> dict[str, Json]:
    if name == "github-actions":
        return _keys_of_github(address)
    if name == "bitbucket-pipelines":
        return {"workspace": _tenant(provider_named(name).preset({}, url))["name"]}
    if name == "generic":
        # All tokens of this issuer are of one tenant, as in the trust policy.
        return {"issuer": url, "algorithms": ["RS256"], "organization_claim": "iss"}
    return {"issuer": url} if _takes_issuer(name, url) else {}


def _keys_of_github(address: str) -> dict[str, Json]:
    own = _host_of("github-actions", address)
    if own is not None:
        return {"host": own}
    host, _, path = address.partition("/")
    keys: dict[str, Json] = {}
    if host.endswith(".ghe.com"):
        keys["ghe_com"] = host.removeprefix("token.actions.").removesuffix(".ghe.com")
    if path:
        keys["enterprise"] = path
    return keys


def _takes_issuer(name: str, url: str) -> bool:
    """Say whether an entry must name its issuer, because the preset has no issuer or another one."""
    try:
        return provider_named(name).preset({}, None).issuer != url
    except BadSetting:
        return True


def _tenant(preset: Preset) -> dict[str, str]:
    """Return the only organization of an issuer that belongs to one tenant, as its preset states it."""
    if preset.provider == "generic":
        return {"name": preset.issuer}
    name, id_ = preset.vocabulary.get("organization"), preset.vocabulary.get("organization_id")
    if isinstance(name, Constant):
        return {"name": name.value}
    match preset.required_values.get(id_.path) if isinstance(id_, Claim) else None:
        case (str() as only,):
            return {"id": only}
        case _:
            return {}
