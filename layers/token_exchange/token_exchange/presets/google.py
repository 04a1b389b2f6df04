"""Google Cloud: a service account, of Cloud Build, Compute Engine, Cloud Run or GKE.

Source: Google Cloud documentation, "Get an ID token" and "Verify the identity of instances". The same issuer signs for
every person who has a Google account: only a service account's verified address gets in. Nothing names a repository, a
branch or a build, so a job is its service account, and each trigger needs one of its own. An address that was deleted
can be made again; `sub` cannot.

Not documented: whether the metadata server answers from a cache, so that two requests have one token.
"""

from collections.abc import Mapping
from typing import Final

from token_exchange.core.identity import ClaimType, Preset, Provider, Settings
from token_exchange.core.sources import Claim, ProjectOfServiceAccount
from token_exchange.core.vocabulary import ClaimPath, Name, Source
from token_exchange.presets.issuer_url import fixed_issuer

_ISSUER: Final = "https://accounts.google.com"

_VOCABULARY: Final[Mapping[Name, Source]] = {
    # Google's own accounts of a project, such as Compute Engine's default, do not have it in their address.
    "organization": ProjectOfServiceAccount(("email",)),
    "actor": Claim(("email",)),
    "actor_id": Claim(("sub",)),
}

_CLAIMS: Final[Mapping[str, ClaimType]] = {
    "azp": "text",
    "email": "text",
    "email_verified": "boolean",
    "google": "object",
    # These are of people's tokens alone.
    **dict.fromkeys(("at_hash", "family_name", "given_name", "hd", "locale", "name", "nonce", "picture"), "text"),
}

_NESTED: Final[Mapping[ClaimPath, ClaimType]] = {
    ("google", "compute_engine"): "object",
    ("google", "compute_engine", "instance_confidentiality"): "number",
    ("google", "compute_engine", "instance_creation_timestamp"): "number",
    ("google", "compute_engine", "instance_id"): "text",
    ("google", "compute_engine", "instance_name"): "text",
    ("google", "compute_engine", "license_id"): "list",
    ("google", "compute_engine", "project_id"): "text",
    ("google", "compute_engine", "project_number"): "number",
    ("google", "compute_engine", "zone"): "text",
}


def _preset(_settings: Settings, issuer: str | None) -> Preset:
    return Preset(
        provider="google",
        issuer=fixed_issuer(issuer, _ISSUER),
        algorithms=("RS256",),
        max_lifetime_seconds=3600,
        vocabulary=_VOCABULARY,
        required=frozenset({("email",)}),
        required_values={("email_verified",): (True,)},
        # Only Google gives out addresses under this domain, and people have none.
        required_suffixes={("email",): ".gserviceaccount.com"},
        claims=_CLAIMS,
        public_claims=frozenset({("email_verified",), ("google", "compute_engine", "zone")}),
        nested_claims=_NESTED,
        other_claims="any",
        proven=frozenset(_VOCABULARY),
        untrusted_trigger=lambda _claims: None,
        ignores_case=False,
        shared_audience=lambda _audience: False,
        minted="on-request",
        step_line=(
            'curl -sSf -H "Metadata-Flavor: Google" "http://metadata.google.internal/computeMetadata/v1/instance/'
            'service-accounts/default/identity?audience=AUDIENCE&format=full"'
        ),
        keys_host="www.googleapis.com",
    )


PROVIDER: Final = Provider(name="google", preset=_preset)
