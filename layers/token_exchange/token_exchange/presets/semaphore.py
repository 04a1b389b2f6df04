"""Semaphore: one issuer for each organization, under its name on semaphoreci.com or on an installation's own domain.

Source: Semaphore documentation, "OpenID Connect"; semaphoreio/semaphore, open_id_connect/jwt.ex, jwt_filter.ex and
jwt_claim.ex. The audience is the issuer and cannot be chosen, and a token is valid for a day: both make a leaked token
more valuable.

In a pull request, `branch` is the target branch; the vocabulary's `branch` comes only from `ref` and `ref_type`. Debug
jobs give a person a shell, and are refused. An organization and a project can switch claims off, including `sub`; a
token without a required claim is refused. With that filter, `org` and `prj` are never sent. `actor` and `tag` are
always empty, so the vocabulary does not use them.
"""

from collections.abc import Mapping
from typing import Final

from token_exchange.core.identity import ClaimType, Preset
from token_exchange.core.ports import Json
from token_exchange.core.sources import Claim, Constant, ShortRef
from token_exchange.core.vocabulary import Name, Source
from token_exchange.presets.provider import Provider, Settings, host_setting, issuer_host, label_setting, tenant_of

_VOCABULARY: Final[Mapping[Name, Source]] = {
    "organization_id": Claim(("org_id",)),
    "repository": Claim(("repo_slug",)),
    "pipeline": Claim(("prj",)),
    "pipeline_id": Claim(("prj_id",)),
    "ref": Claim(("ref",)),
    "branch": ShortRef(("ref",), ("ref_type",), "branch"),
    "tag": ShortRef(("ref",), ("ref_type",), "tag"),
    "run_id": Claim(("wf_id",)),
    "job_id": Claim(("job_id",)),
}

_CLAIMS: Final[Mapping[str, ClaimType]] = {
    **dict.fromkeys(
        (
            "actor",
            "branch",
            "job_id",
            "job_type",
            "org",
            "org_id",
            "ppl_id",
            "pr",
            "pr_branch",
            "prj",
            "prj_id",
            "ref",
            "ref_type",
            "repo",
            "repo_slug",
            "sub127",
            "tag",
            "trg",
            "wf_id",
        ),
        "text",
    ),
    "https://aws.amazon.com/tags": "object",
}

_CLOUD: Final = "semaphoreci.com"


def _untrusted_trigger(claims: Mapping[str, Json]) -> str | None:
    ref_type = claims.get("ref_type")
    return None if ref_type in ("branch", "tag") else f"ref type {ref_type}"


def _tenant(settings: Settings, issuer: str | None) -> tuple[str, str]:
    """Return the organization and the issuer's URL, which is `https://ORGANIZATION.DOMAIN`."""
    domain = host_setting("domain", settings.get("domain", _CLOUD))
    if "domain" not in settings and issuer is not None:
        host = issuer_host(issuer)
        # A name with two labels on the cloud's domain is refused below; it is not an installation's own domain.
        if "." in host and not f".{host}".endswith(f".{_CLOUD}"):
            domain = host.partition(".")[2]
    return tenant_of(settings, issuer, key="organization", form=f"https://{{}}.{domain}", check=label_setting)


def _preset(settings: Settings, issuer: str | None) -> Preset:
    organization, url = _tenant(settings, issuer)
    return Preset(
        provider="semaphore",
        issuer=url,
        algorithms=("RS256",),
        max_lifetime_seconds=24 * 3600,
        vocabulary={"organization": Constant(organization), **_VOCABULARY},
        required=frozenset({("org_id",), ("prj_id",), ("ref_type",)}),
        required_values={("job_type",): ("pipeline_job",)},
        claims=_CLAIMS,
        public_claims=frozenset((name,) for name in ("branch", "job_type", "pr_branch", "ref", "ref_type", "tag")),
        other_claims="any",
        proven=frozenset(_VOCABULARY) | {"organization"},
        untrusted_trigger=_untrusted_trigger,
        triggers=frozenset({("ref_type",)}),
        empty_claims=frozenset({("actor",), ("pr",), ("pr_branch",), ("tag",)}),
        ignores_case=False,
        # The audience is always the issuer.
        shared_audience=lambda _audience: True,
        minted="once-per-job",
    )


PROVIDER: Final = Provider(name="semaphore", settings=frozenset({"domain", "organization"}), preset=_preset)
