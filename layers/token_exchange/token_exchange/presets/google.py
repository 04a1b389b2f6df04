"""Google Cloud: service accounts of Cloud Build, Compute Engine, Cloud Run or GKE.

Source: Google Cloud documentation, "Get an ID token" and "Verify the identity of instances". The same issuer signs
tokens for every person with a Google account, so only the verified email of a service account is accepted. No claim
names a repository, a branch or a build: a job is identified by its service account, so each trigger needs its own. The
email of a deleted account can be used again; its `sub` cannot.

Not documented: whether the metadata server caches tokens, so that two requests return the same one.
"""

import re
from collections.abc import Mapping
from typing import Final

from token_exchange.core.identity import ClaimType, Preset
from token_exchange.core.ports import Json
from token_exchange.core.record import positional_record
from token_exchange.core.sources import Claim, PartOfClaim
from token_exchange.core.vocabulary import ClaimPath, Name, Source, string_at
from token_exchange.presets.provider import Provider, Settings, fixed_issuer

_ISSUER: Final = "https://accounts.google.com"
_SERVICE_ACCOUNT: Final = re.compile(r"[^@\s]+@([a-z0-9.-]+)\.iam\.gserviceaccount\.com", re.ASCII)


@positional_record
class ProjectOfServiceAccount(PartOfClaim):
    """The Google Cloud project of a service account, from its email `NAME@PROJECT.iam.gserviceaccount.com`."""

    def read(self, claims: Mapping[str, Json]) -> str | None:
        """Return the project, or None if the address does not contain one."""
        form = _SERVICE_ACCOUNT.fullmatch(string_at(claims, self.path) or "")
        return None if form is None else form[1]


_VOCABULARY: Final[Mapping[Name, Source]] = {
    # Google-managed accounts, such as Compute Engine's default, do not have the project in their email.
    "organization": ProjectOfServiceAccount(("email",)),
    "actor": Claim(("email",)),
    "actor_id": Claim(("sub",)),
}

_CLAIMS: Final[Mapping[str, ClaimType]] = {
    "azp": "text",
    "email": "text",
    "email_verified": "boolean",
    "google": "object",
    # Only tokens of people have these.
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
        # Only Google assigns emails in this domain, and people have none there.
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
