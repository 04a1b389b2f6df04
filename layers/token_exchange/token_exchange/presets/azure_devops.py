"""Azure DevOps: one issuer for each organization, all with the same keys.

Source: Microsoft's azure-pipelines-tasks, the README of azure-oidc; captured tokens. The keys prove only that Microsoft
signed; `iss` and `org_id` prove the organization. Every claim except the times is a string.

The audience cannot be chosen: any service that receives such a token could send it here. A token that was requested
with a service connection has only the registered claims, and is refused. Entra's issuer is refused too, since it signs
for a whole tenant.

Not documented: the ref of a pull request's run, so every ref that is neither a branch nor a tag counts as one; and
`rpo_id` for code on other hosts, so it counts as a repository's id only if it is a UUID.
"""

import re
from collections.abc import Mapping
from typing import Final

from token_exchange.core.identity import ClaimType, Preset
from token_exchange.core.ports import Json
from token_exchange.core.record import positional_record
from token_exchange.core.refusals import quoted
from token_exchange.core.sources import Claim, PartOfClaim, PrefixedRef
from token_exchange.core.vocabulary import UUID, Name, Source, string_at
from token_exchange.presets.provider import Provider, Settings, tenant_of, uuid_setting

_UUID: Final = re.compile(UUID, re.ASCII | re.IGNORECASE)


@positional_record
class Uuid(PartOfClaim):
    """An id that is a UUID; any other value is not an id."""

    def read(self, claims: Mapping[str, Json]) -> str | None:
        """Return the UUID unchanged, or None for anything else."""
        value = string_at(claims, self.path)
        return value if value is not None and _UUID.fullmatch(value) else None


_VOCABULARY: Final[Mapping[Name, Source]] = {
    "organization_id": Claim(("org_id",)),
    "repository_id": Uuid(("rpo_id",)),
    "pipeline_id": Claim(("def_id",)),
    "ref": Claim(("rpo_ref",)),
    "branch": PrefixedRef(("rpo_ref",), "branch"),
    "tag": PrefixedRef(("rpo_ref",), "tag"),
    "run_id": Claim(("run_id",)),
    "sha": Claim(("rpo_ver",)),
}

_CLAIMS: Final[Mapping[str, ClaimType]] = dict.fromkeys(
    ("def_id", "org_id", "prj_id", "rpo_id", "rpo_ref", "rpo_uri", "rpo_ver", "run_id"), "text"
)


def _untrusted_trigger(claims: Mapping[str, Json]) -> str | None:
    ref = string_at(claims, ("rpo_ref",)) or ""
    return (
        None
        if ref.startswith(("refs/heads/", "refs/tags/"))
        else f"a ref that is neither a branch nor a tag, {quoted(ref)}"
    )


def _preset(settings: Settings, issuer: str | None) -> Preset:
    organization, url = tenant_of(
        settings, issuer, key="organization", form="https://vstoken.dev.azure.com/{}", check=uuid_setting
    )
    return Preset(
        provider="azure-devops",
        issuer=url,
        algorithms=("RS256",),
        max_lifetime_seconds=3600,
        vocabulary=_VOCABULARY,
        required=frozenset({("def_id",), ("org_id",), ("prj_id",)}),
        required_values={("org_id",): (organization,)},
        claims=_CLAIMS,
        public_claims=frozenset({("rpo_ref",)}),
        other_claims="any",
        # Anyone who queues a run chooses its ref and commit.
        proven=frozenset({"organization_id", "repository_id", "pipeline_id", "run_id"}),
        untrusted_trigger=_untrusted_trigger,
        triggers=frozenset({("rpo_ref",)}),
        ignores_case=False,
        # The audience is always api://AzureADTokenExchange.
        shared_audience=lambda _audience: True,
        minted="on-request",
    )


PROVIDER: Final = Provider(name="azure-devops", settings=frozenset({"organization"}), preset=_preset)
