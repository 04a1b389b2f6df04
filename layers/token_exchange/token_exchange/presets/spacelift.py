"""Spacelift: one issuer for each account, or for a self-hosted installation.

Source: Spacelift documentation, "OpenID Connect" and "Subject template". The audience is the account's host name and
cannot be chosen. Every claim except the times is a string. `sub` follows a template that the account can change, and
`spacePath` is sent if that template uses it.

A proposed run is for a pull request. A tracked run has the `scope` read while it plans, before people approve it, and
write afterwards. Not documented: the signing algorithm; RS256 is assumed.
"""

import re
from collections.abc import Mapping
from typing import Final

from token_exchange.core.identity import ClaimType, Preset
from token_exchange.core.ports import Json
from token_exchange.core.sources import Claim, Constant
from token_exchange.core.vocabulary import Name, Source
from token_exchange.presets.provider import Provider, Settings, issuer_host, label_setting, tenant_of

_HOSTED: Final = re.compile(r"https://[^/]*\.spacelift\.io(?:[:/].*)?", re.IGNORECASE)

_VOCABULARY: Final[Mapping[Name, Source]] = {
    # The id of a stack or a module; callerType says which.
    "pipeline_id": Claim(("callerId",)),
    "event": Claim(("runType",)),
    "run_id": Claim(("runId",)),
}

_CLAIMS: Final[Mapping[str, ClaimType]] = dict.fromkeys(
    ("callerId", "callerType", "runId", "runType", "scope", "spaceId", "spacePath"), "text"
)

_MEMBERS_ONLY: Final = frozenset({"TRACKED", "TASK", "DESTROY"})
"""Run types whose code is merged, or entered by a member. A module's tests also run on pull requests."""


def _untrusted_trigger(claims: Mapping[str, Json]) -> str | None:
    run_type = claims.get("runType")
    return None if run_type in _MEMBERS_ONLY else f"run type {run_type}"


def _tenant(settings: Settings, issuer: str | None) -> tuple[str, str]:
    """Return the organization and the issuer URL; a self-hosted installation is an organization, named by its host."""
    if settings or issuer is None or _HOSTED.fullmatch(issuer):
        return tenant_of(settings, issuer, key="account", form="https://{}.app.spacelift.io", check=label_setting)
    return issuer_host(issuer).partition(":")[0], issuer


def _preset(settings: Settings, issuer: str | None) -> Preset:
    organization, url = _tenant(settings, issuer)
    return Preset(
        provider="spacelift",
        issuer=url,
        algorithms=("RS256",),
        max_lifetime_seconds=3600,
        vocabulary={"organization": Constant(organization), **_VOCABULARY},
        required=frozenset({("callerId",), ("callerType",), ("runId",), ("runType",)}),
        claims=_CLAIMS,
        public_claims=frozenset({("callerType",), ("runType",), ("scope",)}),
        other_claims="any",
        proven=frozenset(_VOCABULARY) | {"organization"},
        untrusted_trigger=_untrusted_trigger,
        triggers=frozenset({("runType",)}),
        ignores_case=False,
        # The audience is always the account's host name.
        shared_audience=lambda _audience: True,
        minted="once-per-job",
    )


PROVIDER: Final = Provider(name="spacelift", settings=frozenset({"account"}), preset=_preset)
