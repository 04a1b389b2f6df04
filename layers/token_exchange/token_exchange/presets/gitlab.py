"""GitLab CI/CD: gitlab.com and self-managed instances.

Source: GitLab Docs, "OpenID Connect (OIDC) authentication using ID tokens". Ids and booleans are strings, `runner_id`
is a number.
"""

from collections.abc import Mapping
from typing import Final

from token_exchange.core.identity import ClaimType, Preset
from token_exchange.core.ports import Json
from token_exchange.core.record import positional_record
from token_exchange.core.sources import Claim, Flag, RefOfType
from token_exchange.core.vocabulary import ClaimPath, Name, Source, claim_at, string_at
from token_exchange.presets.provider import Provider, Settings, fixed_issuer, issuer_host


@positional_record
class TypedRef(RefOfType):
    """A short ref that the provider sends as such, if it has one type.

    `unless` is a claim and the values with which there is no short ref: that of a merge request is its source branch,
    which may be the `main` of a fork.
    """

    unless: tuple[ClaimPath, frozenset[str]]

    def read(self, claims: Mapping[str, Json]) -> str | None:
        """Return the short ref, or None if it does not have this type."""
        path, values = self.unless
        if string_at(claims, self.ref_type) != self.type or claim_at(claims, path) in values:
            return None
        return string_at(claims, self.ref)


_ISSUER: Final = "https://gitlab.com"
_MERGE_REQUESTS: Final = frozenset({"merge_request_event", "external_pull_request_event"})
_NO_MERGE_REQUEST: Final = (("pipeline_source",), _MERGE_REQUESTS)

_VOCABULARY: Final[Mapping[Name, Source]] = {
    "organization": Claim(("namespace_path",)),
    "organization_id": Claim(("namespace_id",)),
    "repository": Claim(("project_path",)),
    "repository_id": Claim(("project_id",)),
    "workflow_ref": Claim(("ci_config_ref_uri",)),
    "ref": Claim(("ref_path",)),
    "branch": TypedRef(("ref",), ("ref_type",), "branch", _NO_MERGE_REQUEST),
    "tag": TypedRef(("ref",), ("ref_type",), "tag", _NO_MERGE_REQUEST),
    "ref_protected": Flag(("ref_protected",)),
    "environment": Claim(("environment",)),
    "event": Claim(("pipeline_source",)),
    "run_id": Claim(("pipeline_id",)),
    "job_id": Claim(("job_id",)),
    "actor": Claim(("user_login",)),
    "actor_id": Claim(("user_id",)),
    "sha": Claim(("sha",)),
}

_TEXT: Final[Mapping[str, ClaimType]] = dict.fromkeys(
    (
        "ci_config_ref_uri",
        "ci_config_sha",
        "deployment_tier",
        "environment",
        "environment_action",
        "environment_protected",
        "job_namespace_path",
        "job_project_path",
        "job_source",
        "namespace_path",
        "pipeline_source",
        "project_path",
        "project_visibility",
        "ref",
        "ref_path",
        "ref_protected",
        "ref_type",
        "runner_environment",
        "sha",
        "target_audience",
        "user_access_level",
        "user_email",
        "user_login",
    ),
    "text",
)

_IDS: Final[Mapping[str, ClaimType]] = dict.fromkeys(
    ("job_id", "job_namespace_id", "job_project_id", "namespace_id", "pipeline_id", "project_id", "user_id"), "text"
)

_OTHER: Final[Mapping[str, ClaimType]] = {
    "groups_direct": "list",
    "job_config": "object",
    "runner_id": "number",
    "user_identities": "list",
}

_PUBLIC: Final = frozenset(
    {
        "deployment_tier",
        "environment",
        "environment_action",
        "environment_protected",
        "job_source",
        "pipeline_source",
        "project_visibility",
        "ref",
        "ref_path",
        "ref_protected",
        "ref_type",
        "runner_environment",
        "user_access_level",
    }
)
"""Claims that name neither a project nor a person."""


def _untrusted_trigger(claims: Mapping[str, Json]) -> str | None:
    # A fork's merge request can run in the parent project; the token then names the fork's project and branch.
    # Without job_project_id (GitLab before 18.4) such a run cannot be recognized, so every run counts as untrusted.
    if claims.get("job_project_id") != claims.get("project_id"):
        return "a job that runs in a project other than its own"
    source = claims.get("pipeline_source")
    return f"pipeline source {source}" if source in _MERGE_REQUESTS else None


def _preset(_settings: Settings, issuer: str | None) -> Preset:
    url = _ISSUER if issuer is None else issuer
    if issuer_host(url) == "gitlab.com":
        # With a slash at its end, it is no token's issuer.
        fixed_issuer(url, _ISSUER)
    return Preset(
        provider="gitlab",
        issuer=url,
        algorithms=("RS256",),
        max_lifetime_seconds=24 * 3600,
        vocabulary=_VOCABULARY,
        required=frozenset({("project_id",), ("job_id",)}),
        claims={**_TEXT, **_IDS, **_OTHER},
        public_claims=frozenset((name,) for name in _PUBLIC),
        other_claims="any",
        proven=frozenset(_VOCABULARY),
        untrusted_trigger=_untrusted_trigger,
        triggers=frozenset({("pipeline_source",)}),
        job_controlled_claims=frozenset({("deployment_tier",), ("environment_action",)}),
        named_in_sub=frozenset({"repository"}),
        host_prefixed_claims=frozenset({("ci_config_ref_uri",)}),
        ignores_case=True,
        organization_is_path=True,
        # The default audience in GitLab's documentation.
        shared_audience=lambda audience: audience == url,
        minted="once-per-job",
    )


PROVIDER: Final = Provider(
    name="gitlab",
    preset=_preset,
)
