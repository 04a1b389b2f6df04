"""Spacelift: one issuer for each account, or that of a self-hosted installation.

Source: Spacelift documentation, "OpenID Connect" and "Subject template". The audience is the account's host name and
cannot be chosen. Every claim but the times is text; `sub` follows a template that the account can change, and
`spacePath` is sent where that template names it.

A proposed run is a pull request's. A tracked run has `scope` read while it plans, before people approve it, and write
after. Not documented: the signing algorithm; RS256 is taken.
"""

import re
from collections.abc import Mapping
from typing import Final

from token_exchange.core.identity import ClaimType, Preset, Provider, Settings
from token_exchange.core.ports import Json
from token_exchange.core.sources import Claim, Constant
from token_exchange.core.vocabulary import Name, Source
from token_exchange.presets.issuer_url import issuer_host, label_setting, tenant_of

_HOSTED: Final = re.compile(r"https://[^/]*\.spacelift\.io(?:[:/].*)?", re.IGNORECASE)

_VOCABULARY: Final[Mapping[Name, Source]] = {
    # A stack's or a module's; the two are told apart by callerType.
    "pipeline_id": Claim(("callerId",)),
    "event": Claim(("runType",)),
    "run_id": Claim(("runId",)),
}

_CLAIMS: Final[Mapping[str, ClaimType]] = dict.fromkeys(
    ("callerId", "callerType", "runId", "runType", "scope", "spaceId", "spacePath"), "text"
)

_MEMBERS_ONLY: Final = frozenset({"TRACKED", "TASK", "DESTROY"})
"""Run types whose code is merged, or typed in by a member. A module's tests run on pull requests too."""


def _untrusted_trigger(claims: Mapping[str, Json]) -> str | None:
    run_type = claims.get("runType")
    return None if run_type in _MEMBERS_ONLY else f"run type {run_type}"


def _tenant(settings: Settings, issuer: str | None) -> tuple[str, str]:
    """Return the organization and the issuer's URL; a self-hosted installation is one, by its host."""
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
        # It is the account's host name, for everybody.
        shared_audience=lambda _audience: True,
        minted="once-per-job",
        step_line="cat /mnt/workspace/spacelift.oidc   # the audience is always AUDIENCE",
    )


PROVIDER: Final = Provider(name="spacelift", settings=frozenset({"account"}), preset=_preset)
