"""GitHub Actions: github.com, an enterprise's own issuer, data residency (GHE.com) and Enterprise Server.

Source: GitHub Docs, "OpenID Connect reference" (Actions, security). Every claim except the times is a string, also
booleans and numbers. `sub` has several forms and can be customised, so it is never parsed.
"""

import re
from collections.abc import Mapping
from typing import Final

from token_exchange.core.identity import ClaimType, Preset
from token_exchange.core.ports import Json
from token_exchange.core.sources import Claim, Flag
from token_exchange.core.vocabulary import Name, Source
from token_exchange.presets.github_family import (
    CLAIMS,
    PUBLIC_CLAIMS,
    VOCABULARY,
    is_owners_address,
    untrusted_event,
)
from token_exchange.presets.provider import BadSetting, Provider, Settings, host_setting, label_setting, slug_setting

_ISSUER: Final = "https://token.actions.githubusercontent.com"
_SERVER: Final = re.compile(r"https://([^/]+)/_services/token")
_HOSTED: Final = re.compile(
    r"https://token\.actions\.(?:githubusercontent|(?P<ghe_com>[^/.]+)\.ghe)\.com(?:/(?P<enterprise>[^/]+))?"
)

_VOCABULARY: Final[Mapping[Name, Source]] = {
    **VOCABULARY,
    # For a job of a reusable workflow, that workflow.
    "workflow_ref": Claim(("job_workflow_ref",)),
    "ref_protected": Flag(("ref_protected",)),
    "environment": Claim(("environment",)),
    "job_id": Claim(("check_run_id",)),
}

_CLAIMS: Final[Mapping[str, ClaimType]] = {
    **CLAIMS,
    **dict.fromkeys(
        (
            "check_run_id",
            "enterprise",
            "enterprise_id",
            "environment",
            "environment_node_id",
            "issuer_scope",
            "job_workflow_ref",
            "job_workflow_sha",
            "repository_visibility",
            "runner_environment",
            "workflow_sha",
        ),
        "text",
    ),
}

_ALSO_MEMBERS_ONLY: Final = frozenset({"repository_dispatch", "merge_group", "deployment"})
"""Events that require write access, in addition to those of the whole family."""


def _untrusted_trigger(claims: Mapping[str, Json]) -> str | None:
    event = claims.get("event_name")
    if event == "deployment" and claims.get("ref") in (None, ""):
        # Preview bots deploy the commit of a fork's pull request, which then runs that commit's workflow. For a
        # deployment of a branch or a tag, `ref` names it.
        return "event deployment of a commit without a ref"
    return None if event in _ALSO_MEMBERS_ONLY else untrusted_event(claims)


def _is_shared(issuer: str, audience: str) -> bool:
    """Return whether `audience` is the default audience: the URL of the repository's owner on the web host."""
    host = issuer.removeprefix("https://").partition("/")[0].removeprefix("token.actions.")
    seen = "github.com" if host == "githubusercontent.com" else host
    return is_owners_address(seen, audience)


def _issuer(settings: Settings, issuer: str | None) -> str:
    if issuer is not None and not settings and (hosted := _HOSTED.fullmatch(issuer)):
        # A whole URL says the same as the settings that build it.
        settings = {name: value for name, value in hosted.groupdict().items() if value is not None}
    if "host" in settings:
        if len(settings) > 1:
            raise BadSetting("host", "host cannot be combined with enterprise or ghe_com")
        built = f"https://{host_setting('host', settings['host'])}/_services/token"
    elif issuer is not None and not settings and (server := _SERVER.fullmatch(issuer)):
        built = f"https://{host_setting('issuer', server[1])}/_services/token"
    else:
        built = _ISSUER
        if "ghe_com" in settings:
            built = f"https://token.actions.{label_setting('ghe_com', settings['ghe_com'])}.ghe.com"
        if "enterprise" in settings:
            built += f"/{slug_setting('enterprise', settings['enterprise'])}"
    if issuer not in (None, built):
        raise BadSetting("issuer", f"expected {built}; for other issuers set enterprise, ghe_com or host")
    return built


def _preset(settings: Settings, issuer: str | None) -> Preset:
    url = _issuer(settings, issuer)
    return Preset(
        provider="github-actions",
        issuer=url,
        algorithms=("RS256",),
        max_lifetime_seconds=3600,
        vocabulary=_VOCABULARY,
        required=frozenset({("repository_id",), ("event_name",), ("job_workflow_ref",)}),
        claims=_CLAIMS,
        public_claims=PUBLIC_CLAIMS | {("environment",), ("repository_visibility",), ("runner_environment",)},
        # Custom properties of a repository, which administrators name.
        custom_claim_prefixes=("repo_property_",),
        other_claims="text",
        # A workflow's name is a free string in a file of the repository; GitHub records the others itself.
        proven=frozenset(_VOCABULARY) - {"workflow"},
        untrusted_trigger=_untrusted_trigger,
        triggers=frozenset({("event_name",)}),
        trigger_context={"ref": "refs/heads/main"},
        job_controlled_claims=frozenset({("workflow",)}),
        empty_claims=frozenset({("base_ref",), ("head_ref",)}),
        named_in_sub=frozenset({"organization", "repository"}),
        ignores_case=True,
        shared_audience=lambda audience: _is_shared(url, audience),
        minted="on-request",
    )


PROVIDER: Final = Provider(
    name="github-actions",
    settings=frozenset({"enterprise", "ghe_com", "host"}),
    preset=_preset,
)
