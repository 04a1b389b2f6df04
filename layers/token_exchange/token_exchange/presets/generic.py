"""Any other issuer of OIDC tokens: the policy maps claims to the vocabulary."""

from collections.abc import Mapping
from typing import Final

from token_exchange.core.identity import Preset
from token_exchange.core.ports import Json
from token_exchange.core.sources import Claim, Flag
from token_exchange.core.vocabulary import NAMES, ClaimPath, Name, Source
from token_exchange.presets.provider import BadSetting, Provider, Settings, issuer_host

_PUBLIC_NAMES: Final[frozenset[Name]] = frozenset({"ref", "branch", "tag", "ref_protected", "environment", "event"})
"""For an unknown system, only claims that the policy maps to one of these names are public."""


def _preset(settings: Settings, issuer: str | None) -> Preset:
    if issuer is None:
        raise BadSetting("issuer", "missing; the provider generic has no default issuer")
    issuer_host(issuer)
    vocabulary = _vocabulary(settings)
    return Preset(
        provider="generic",
        issuer=issuer,
        algorithms=(),
        max_lifetime_seconds=3600,
        vocabulary=vocabulary,
        required=frozenset(),
        claims={},
        public_claims=_public_claims(vocabulary),
        custom_claim_prefixes=("",),
        other_claims="any",
        # It is not known where an unknown system takes its values from.
        proven=frozenset(),
        untrusted_trigger=lambda _claims: None,
        ignores_case=False,
        shared_audience=lambda _audience: False,
        minted="on-request",
    )


def _vocabulary(settings: Settings) -> Mapping[Name, Source]:
    vocabulary: dict[Name, Source] = {}
    if "organization_claim" in settings:
        vocabulary["organization"] = Claim(_path("organization_claim", settings["organization_claim"]))
    mapped = settings.get("claims", {})
    if not isinstance(mapped, dict) or ("claims" in settings and not mapped):
        raise BadSetting("claims", "expected a mapping from names of the vocabulary to names of claims")
    for key, claim in mapped.items():
        name = next((name for name in NAMES if name == key), None)
        if name is None:
            raise BadSetting("claims", f"{key!r} is not a name of the vocabulary: {', '.join(NAMES)}")
        if name in vocabulary:
            raise BadSetting("claims", "organization is already set by organization_claim")
        path = _path("claims", claim)
        vocabulary[name] = Flag(path) if name == "ref_protected" else Claim(path)
    return vocabulary


def _public_claims(vocabulary: Mapping[Name, Source]) -> frozenset[ClaimPath]:
    """Return the claims that the policy maps only to public names."""
    public = {path for name, source in vocabulary.items() if name in _PUBLIC_NAMES for path in source.source_claims}
    return frozenset(
        public
        - {path for name, source in vocabulary.items() if name not in _PUBLIC_NAMES for path in source.source_claims}
    )


def _path(key: str, claim: Json) -> ClaimPath:
    """Return the path in `claim`: the name of a claim, or a list of names for a nested one."""
    parts = claim if isinstance(claim, list) else [claim]
    names = tuple(part for part in parts if isinstance(part, str) and part)
    if not names or len(names) != len(parts):
        raise BadSetting(key, "expected the name of a claim, or a list of names for a nested claim")
    return names


PROVIDER: Final = Provider(
    name="generic",
    settings=frozenset({"organization_claim", "claims"}),
    preset=_preset,
)
