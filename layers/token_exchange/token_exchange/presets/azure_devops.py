"""Azure DevOps: one issuer for each organization, all of whose keys are the same.

Source: Microsoft's azure-pipelines-tasks, the README of azure-oidc; captured tokens. The keys prove Microsoft alone;
it is `iss`, and `org_id`, that prove the organization. Every claim but the times is text.

The audience cannot be chosen: whoever takes such a token elsewhere could send it here. A token that was asked for with
a service connection lacks every claim but the registered ones, and is refused; so is Entra's issuer, which speaks for a
whole tenant.

Not documented: the ref of a pull request's run, so whatever is neither a branch nor a tag counts as one; and what
`rpo_id` is for code that lies elsewhere, so it is a repository's id only where it is a UUID.
"""

from collections.abc import Mapping
from typing import Final

from token_exchange.core.identity import ClaimType, Preset, Provider, Settings
from token_exchange.core.ports import Json
from token_exchange.core.refusals import quoted
from token_exchange.core.sources import Claim, PrefixedRef, Uuid
from token_exchange.core.vocabulary import Name, Source, string_at
from token_exchange.presets.issuer_url import tenant_of, uuid_setting

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
        None if ref.startswith(("refs/heads/", "refs/tags/")) else f"a ref that is no branch and no tag, {quoted(ref)}"
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
        # Whoever queues a run says for which ref and commit.
        proven=frozenset({"organization_id", "repository_id", "pipeline_id", "run_id"}),
        untrusted_trigger=_untrusted_trigger,
        triggers=frozenset({("rpo_ref",)}),
        ignores_case=False,
        # There is one for everybody: api://AzureADTokenExchange.
        shared_audience=lambda _audience: True,
        minted="on-request",
        step_line=(
            "printf 'Authorization: Bearer %s' \"$SYSTEM_ACCESSTOKEN\" | "
            'curl -sSf -H @- -H "Content-Length: 0" -X POST "$SYSTEM_OIDCREQUESTURI?api-version=7.1" | '
            'sed -n \'s/.*"oidcToken" *: *"\\([^"]*\\)".*/\\1/p\'   # the audience is always AUDIENCE'
        ),
    )


PROVIDER: Final = Provider(name="azure-devops", settings=frozenset({"organization"}), preset=_preset)
