"""Jenkins with the plugin oidc-provider: one issuer for a controller, a folder or a credential.

Source: the plugin's README and its IdTokenCredentials. A controller is an organization, named by the issuer's host.
`sub` is the job's URL, unless an administrator configured another template; it is compared as a whole. A token has no
immutable id and no `jti`, and two tokens issued in the same second are equal.

All branches of a multibranch job can use its folder's credential, also those of pull requests; only `sub` distinguishes
them. A token that was issued outside a build has no `build_number`.
"""

from collections.abc import Mapping
from typing import Final

from token_exchange.core.identity import ClaimType, Preset
from token_exchange.core.sources import Claim, Constant
from token_exchange.core.vocabulary import Name, Source
from token_exchange.presets.provider import BadSetting, Provider, Settings, host_setting, issuer_host

_VOCABULARY: Final[Mapping[Name, Source]] = {
    "pipeline": Claim(("sub",)),
    "run_id": Claim(("build_number",)),
}

_CLAIMS: Final[Mapping[str, ClaimType]] = {
    # A number by default; a template may make it a string.
    "build_number": "any",
}


def _issuer(settings: Settings, issuer: str | None) -> str:
    if "host" not in settings:
        if issuer is None:
            raise BadSetting("host", "missing; each controller has its own issuer")
        return issuer
    url = f"https://{host_setting('host', settings['host'])}/oidc"
    if issuer not in (None, url):
        raise BadSetting(
            "issuer", f"expected {url}, or no issuer in addition to host; for a folder's issuer, omit host"
        )
    return url


def _preset(settings: Settings, issuer: str | None) -> Preset:
    url = _issuer(settings, issuer)
    return Preset(
        provider="jenkins",
        issuer=url,
        algorithms=("RS256",),
        max_lifetime_seconds=3600,
        vocabulary={"organization": Constant(issuer_host(url).partition(":")[0]), **_VOCABULARY},
        required=frozenset({("build_number",)}),
        claims=_CLAIMS,
        public_claims=frozenset(),
        # Administrators can add any claim.
        custom_claim_prefixes=("",),
        other_claims="any",
        proven=frozenset({"organization", "pipeline", "run_id"}),
        untrusted_trigger=lambda _claims: None,
        ignores_case=False,
        shared_audience=lambda _audience: False,
        minted="on-request",
    )


PROVIDER: Final = Provider(name="jenkins", settings=frozenset({"host"}), preset=_preset)
