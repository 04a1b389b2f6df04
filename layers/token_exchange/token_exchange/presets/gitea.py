"""Gitea Actions: one issuer for each instance.

Source: go-gitea/gitea at a commit of 2026; no release had it when this was written, so hold a real token against it
first. Every claim but the times is text. `sub` is never taken apart.
"""

from collections.abc import Mapping
from typing import Final

from token_exchange.core.identity import ClaimType, Preset, Provider, Settings
from token_exchange.core.ports import Json
from token_exchange.core.sources import Claim, Flag, ShortRef
from token_exchange.core.vocabulary import Name, Source
from token_exchange.presets.issuer_url import server_setting, tenant_of

_VOCABULARY: Final[Mapping[Name, Source]] = {
    "organization": Claim(("repository_owner",)),
    "organization_id": Claim(("repository_owner_id",)),
    "repository": Claim(("repository",)),
    "repository_id": Claim(("repository_id",)),
    "workflow": Claim(("workflow",)),
    "workflow_ref": Claim(("job_workflow_ref",)),
    "ref": Claim(("ref",)),
    "branch": ShortRef(("ref",), ("ref_type",), "branch"),
    "tag": ShortRef(("ref",), ("ref_type",), "tag"),
    "ref_protected": Flag(("ref_protected",)),
    "event": Claim(("event_name",)),
    "run_id": Claim(("run_id",)),
    "actor": Claim(("actor",)),
    "actor_id": Claim(("actor_id",)),
    "sha": Claim(("sha",)),
}


_CLAIMS: Final[Mapping[str, ClaimType]] = dict.fromkeys(
    (
        "actor",
        "actor_id",
        "base_ref",
        "event_name",
        "head_ref",
        "job_workflow_ref",
        "job_workflow_sha",
        "ref",
        "ref_protected",
        "ref_type",
        "repository",
        "repository_id",
        "repository_owner",
        "repository_owner_id",
        "repository_visibility",
        "run_attempt",
        "run_id",
        "run_number",
        "runner_environment",
        "sha",
        "workflow",
        "workflow_ref",
        "workflow_sha",
    ),
    "text",
)


_MEMBERS_ONLY: Final = frozenset({"push", "create", "release", "workflow_dispatch", "schedule"})
"""Events that only somebody with write access can cause."""


def _untrusted_trigger(claims: Mapping[str, Json]) -> str | None:
    event = claims.get("event_name")
    return None if event in _MEMBERS_ONLY else f"event {event}"


def _preset(settings: Settings, issuer: str | None) -> Preset:
    server, url = tenant_of(settings, issuer, key="host", form="https://{}/api/actions/oidc", check=server_setting)

    def is_shared(audience: str) -> bool:
        # What a job gets that names no audience: https://SERVER/OWNER.
        owner = audience.removeprefix(f"https://{server}/")
        return owner != audience and "/" not in owner

    return Preset(
        provider="gitea",
        issuer=url,
        algorithms=("RS256",),
        max_lifetime_seconds=3600,
        vocabulary=_VOCABULARY,
        required=frozenset({("event_name",), ("job_workflow_ref",), ("repository_id",), ("repository_owner_id",)}),
        claims=_CLAIMS,
        other_claims="any",
        # A workflow is called by its file, which is the repository's to name.
        proven=frozenset(_VOCABULARY) - {"workflow"},
        untrusted_trigger=_untrusted_trigger,
        triggers=frozenset({("event_name",)}),
        written=frozenset({("workflow",)}),
        sent_empty=frozenset({("base_ref",), ("head_ref",)}),
        named_in_sub=frozenset({"organization", "repository"}),
        ignores_case=True,
        shared_audience=is_shared,
        minted="on-request",
        step_line=(
            "printf 'Authorization: bearer %s' \"$ACTIONS_ID_TOKEN_REQUEST_TOKEN\" | "
            'curl -sSf -H @- -G "$ACTIONS_ID_TOKEN_REQUEST_URL" --data-urlencode "audience=AUDIENCE" | '
            'sed -n \'s/.*"value" *: *"\\([^"]*\\)".*/\\1/p\''
        ),
    )


PROVIDER: Final = Provider(name="gitea", settings=frozenset({"host"}), preset=_preset)
