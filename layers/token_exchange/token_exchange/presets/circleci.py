"""CircleCI: one issuer for each organization, and a root issuer that all of them share.

Source: CircleCI documentation, "Using OpenID Connect tokens in jobs" and "OpenID Connect tokens with custom claims".
Fork builds that receive secrets have the project's own ids: only `vcs-origin` distinguishes them from the project's own
pushes. A grant that does not match `vcs-origin` never applies.

Not documented, so refused: the issuer of a CircleCI Server. `vcs-sha` was announced but is not among the listed claims,
so it is not used.
"""

import re
from collections.abc import Mapping
from typing import Final

from token_exchange.core.identity import ClaimType, Preset
from token_exchange.core.ports import Json
from token_exchange.core.sources import Claim, PrefixedRef
from token_exchange.core.vocabulary import UUID, ClaimPath, Name, Source, string_at
from token_exchange.presets.provider import Provider, RepositoryOfUrl, Settings, tenant_of, uuid_setting

_ROOT: Final = "https://oidc.circleci.com"


def _at(name: str) -> ClaimPath:
    return (f"oidc.circleci.com/{name}",)


_VOCABULARY: Final[Mapping[Name, Source]] = {
    "organization_id": Claim(_at("org-id")),
    "repository": RepositoryOfUrl(_at("vcs-origin")),
    "pipeline_id": Claim(_at("project-id")),
    "ref": Claim(_at("vcs-ref")),
    "branch": PrefixedRef(_at("vcs-ref"), "branch"),
    "tag": PrefixedRef(_at("vcs-ref"), "tag"),
    "run_id": Claim(_at("pipeline-id")),
    "job_id": Claim(_at("job-id")),
}

_CLAIMS: Final[Mapping[str, ClaimType]] = {
    **dict.fromkeys(
        (
            _at(name)[0]
            for name in (
                "job-id",
                "org-id",
                "pipeline-definition-id",
                "pipeline-id",
                "project-id",
                "vcs-origin",
                "vcs-ref",
                "workflow-id",
            )
        ),
        "text",
    ),
    _at("context-ids")[0]: "list",
    _at("ssh-rerun")[0]: "boolean",
    _at("vcs-sha")[0]: "any",
}


def _untrusted_trigger(claims: Mapping[str, Json]) -> str | None:
    ref = string_at(claims, _at("vcs-ref"))
    return f"a pull request, {ref}" if ref is not None and ref.startswith("refs/pull/") else None


def _shared_audience(audience: str) -> bool:
    # The organization's id: the audience of the predefined variable, and of the audit log stream.
    return re.fullmatch(UUID, audience) is not None


def _preset(settings: Settings, issuer: str | None) -> Preset:
    # In a job that is rerun with SSH, a person has a shell, and so the job's token.
    required_values: dict[ClaimPath, tuple[str | bool, ...]] = {_at("ssh-rerun"): (False,)}
    if settings or issuer != _ROOT:
        organization, url = tenant_of(
            settings, issuer, key="organization", form=f"{_ROOT}/org/{{}}", check=uuid_setting
        )
        required_values[_at("org-id")] = (organization,)
    else:
        url = _ROOT
    return Preset(
        provider="circleci",
        issuer=url,
        algorithms=("RS256",),
        max_lifetime_seconds=3600,
        vocabulary=_VOCABULARY,
        # The audit log stream has tokens of the same issuer, without a project.
        required=frozenset({_at("org-id"), _at("project-id")}),
        required_values=required_values,
        must_match=frozenset({_at("vcs-origin")}),
        claims=_CLAIMS,
        public_claims=frozenset({_at("ssh-rerun"), _at("vcs-ref")}),
        other_claims="any",
        # Anyone who starts a pipeline through the API chooses its ref.
        proven=frozenset({"organization_id", "pipeline_id", "run_id", "job_id"}),
        # A project's settings and its triggers choose where the code comes from.
        declared=frozenset({_at("vcs-origin")}),
        untrusted_trigger=_untrusted_trigger,
        triggers=frozenset({_at("vcs-ref")}),
        host_prefixed_claims=frozenset({_at("vcs-origin")}),
        ignores_case=False,
        shared_audience=_shared_audience,
        # The command requests a token; the predefined variable holds one for all steps, with a shared audience.
        minted="once-if-shared",
    )


PROVIDER: Final = Provider(name="circleci", settings=frozenset({"organization"}), preset=_preset)
