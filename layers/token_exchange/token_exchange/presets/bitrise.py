"""Bitrise: one issuer for all customers, which `workspace_slug` distinguishes.

Source: Bitrise documentation, "OIDC authentication overview", which lists the claims but not their types. Callers could
once choose `sub`, and it is not documented that the API no longer allows this, so it is not used.
"""

from collections.abc import Mapping
from typing import Final

from token_exchange.core.identity import ClaimType, Preset
from token_exchange.core.ports import Json
from token_exchange.core.record import positional_record
from token_exchange.core.sources import Claim, ClaimUnless
from token_exchange.core.vocabulary import ClaimPath, Name, Source, string_at
from token_exchange.presets.provider import BadSetting, Provider, Settings


@positional_record
class Joined:
    """A repository whose owner and name are two claims; the owner may contain subgroups."""

    owner: ClaimPath
    name: ClaimPath

    @property
    def source_claims(self) -> tuple[ClaimPath, ...]:
        """The raw claims from which the value is computed."""
        return (self.owner, self.name)

    def read(self, claims: Mapping[str, Json]) -> str | None:
        """Return `owner/name`, or None if one of them is absent."""
        owner, name = string_at(claims, self.owner), string_at(claims, self.name)
        # If the name could contain a slash, `a` and `b/c` would give the same repository as `a/b` and `c`.
        if owner is None or name is None or "/" in name:
            return None
        return f"{owner}/{name}"


_ISSUER: Final = "https://token.builds.bitrise.io"

_PULL_REQUEST: Final[ClaimPath] = ("branch_dest",)
"""The target branch of a pull request. `branch` is then its source branch, which may be the `main` of a fork."""

_VOCABULARY: Final[Mapping[Name, Source]] = {
    "organization": Claim(("workspace_slug",)),
    "organization_id": Claim(("workspace_slug",)),
    "repository": Joined(("repository_owner",), ("repository_slug",)),
    "pipeline_id": Claim(("app_slug",)),
    "workflow": Claim(("workflow",)),
    "branch": ClaimUnless(("branch",), unless=_PULL_REQUEST),
    "tag": ClaimUnless(("tag",), unless=_PULL_REQUEST),
    "event": Claim(("trigger_by",)),
    "run_id": Claim(("build_number",)),
    "sha": Claim(("sha",)),
}

_CLAIMS: Final[Mapping[str, ClaimType]] = {
    **dict.fromkeys(
        (
            "app_slug",
            "branch",
            "branch_dest",
            "repository_owner",
            "repository_slug",
            "repository_url",
            "sha",
            "tag",
            "trigger_by",
            "workflow",
            "workspace_slug",
        ),
        "text",
    ),
    # A string or a number: the documentation does not say.
    "build_number": "any",
}


def _untrusted_trigger(claims: Mapping[str, Json]) -> str | None:
    target = claims.get(_PULL_REQUEST[0])
    return None if target in (None, "") else f"a pull request to {target}"


def _preset(_settings: Settings, issuer: str | None) -> Preset:
    if issuer not in (None, _ISSUER):
        raise BadSetting("issuer", f"expected {_ISSUER}, the only issuer of this provider")
    return Preset(
        provider="bitrise",
        issuer=_ISSUER,
        algorithms=("RS256",),
        max_lifetime_seconds=2 * 3600,
        vocabulary=_VOCABULARY,
        required=frozenset({("app_slug",), ("workspace_slug",)}),
        claims=_CLAIMS,
        public_claims=frozenset({("branch",), ("branch_dest",), ("tag",)}),
        other_claims="any",
        # Anyone who starts a build through the API chooses its branch, tag and commit.
        proven=frozenset({"organization", "organization_id", "pipeline_id", "run_id"}),
        # An app's owner enters the repository that it builds.
        declared=frozenset({("repository_owner",), ("repository_slug",), ("repository_url",)}),
        untrusted_trigger=_untrusted_trigger,
        triggers=frozenset({_PULL_REQUEST}),
        job_controlled_claims=frozenset({("sub",)}),
        empty_claims=frozenset({("branch",), ("branch_dest",), ("tag",)}),
        ignores_case=False,
        shared_audience=lambda _audience: False,
        minted="on-request",
        step_line=(
            "printf 'BUILD_API_TOKEN: %s\\nAuthorization: %s' "
            '"$BITRISE_BUILD_API_TOKEN" "$BITRISE_BUILD_API_TOKEN" | '
            "curl -sSf -H @- -H 'Content-Type: application/json' -d '{\"aud\": \"AUDIENCE\"}' "
            '"$BITRISE_BUILD_URL/id_token.json" | '
            'sed -n \'s/.*"id_token" *: *"\\([^"]*\\)".*/\\1/p\''
        ),
    )


PROVIDER: Final = Provider(
    name="bitrise",
    preset=_preset,
)
