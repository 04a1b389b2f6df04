"""Codefresh: one issuer for all customers, including those with their own installation.

Source: Codefresh documentation, "ID tokens"; codefresh-io/steps, obtain-oidc-id-token; sigstore/fulcio's tests of this
issuer. `sub` contains strings that users choose, which may contain colons, so it is never parsed.

`platform_url` distinguishes installations; a token without it is from `https://g.codefresh.io`. It is not documented
whether two installations can have accounts with the same id, so only tokens of one installation are accepted.

The claims `scm_…` are declared: anyone who starts a pipeline by hand or through the API chooses its repository and ref.
`scm_ref` is the short name of a branch or a tag, and no claim says which, so it is `ref` and never `branch`. Not
documented: the signing algorithm, for which RS256 is assumed, and what `scm_repo_url` is for a fork's pull request.
"""

from collections.abc import Mapping
from typing import Final

from token_exchange.core.identity import ClaimType, Preset
from token_exchange.core.ports import Json
from token_exchange.core.sources import Claim, ClaimUnless
from token_exchange.core.vocabulary import ClaimPath, Name, Source
from token_exchange.presets.provider import BadSetting, Provider, RepositoryOfUrl, Settings, fixed_issuer, issuer_host

_ISSUER: Final = "https://oidc.codefresh.io"

_PULL_REQUEST: Final[ClaimPath] = ("scm_pull_request_target_branch",)
"""The target branch of a pull request; `scm_ref` is then its source branch, which may be the `main` of a fork."""

_PLATFORM: Final[ClaimPath] = ("platform_url",)
_CLOUD: Final = "https://g.codefresh.io"

_VOCABULARY: Final[Mapping[Name, Source]] = {
    "organization": Claim(("account_name",)),
    "organization_id": Claim(("account_id",)),
    "repository": RepositoryOfUrl(("scm_repo_url",)),
    "pipeline": Claim(("pipeline_name",)),
    "pipeline_id": Claim(("pipeline_id",)),
    "ref": ClaimUnless(("scm_ref",), unless=_PULL_REQUEST),
    "run_id": Claim(("workflow_id",)),
    "actor": Claim(("initiator",)),
}

_SCM: Final = ("scm_pull_request_target_branch", "scm_ref", "scm_repo_url", "scm_user_name")

_CLAIMS: Final[Mapping[str, ClaimType]] = dict.fromkeys(
    (
        "account_id",
        "account_name",
        "initiator",
        "pipeline_id",
        "pipeline_name",
        "platform_url",
        "runner_environment",
        "workflow_id",
        *_SCM,
    ),
    "text",
)


def _untrusted_trigger(claims: Mapping[str, Json]) -> str | None:
    # Only the token of a pull request has this claim, which may be empty.
    target = claims.get(_PULL_REQUEST[0])
    return None if target is None else f"a pull request to {target}"


def _platform(settings: Settings) -> str:
    """Return the URL of the installation, as in its tokens."""
    url = settings.get("platform_url", _CLOUD)
    if not isinstance(url, str):
        raise BadSetting("platform_url", "expected a URL such as https://codefresh.example.com")
    try:
        issuer_host(url)
    except BadSetting as error:
        raise BadSetting("platform_url", str(error)) from error
    return url


def _preset(settings: Settings, issuer: str | None) -> Preset:
    platform = _platform(settings)
    return Preset(
        provider="codefresh",
        issuer=fixed_issuer(issuer, _ISSUER),
        algorithms=("RS256",),
        max_lifetime_seconds=3600,
        vocabulary=_VOCABULARY,
        required=frozenset({("account_id",), ("pipeline_id",)}),
        required_values={_PLATFORM: (platform,)},
        defaults={_PLATFORM: _CLOUD},
        configured=frozenset({_PLATFORM}),
        claims=_CLAIMS,
        public_claims=frozenset({("runner_environment",), ("scm_pull_request_target_branch",), ("scm_ref",)}),
        other_claims="any",
        proven=frozenset(_VOCABULARY) - {"repository", "ref"},
        declared=frozenset((name,) for name in _SCM),
        untrusted_trigger=_untrusted_trigger,
        triggers=frozenset({_PULL_REQUEST}),
        ignores_case=False,
        # The default for a job that names no audience: the URL of its installation.
        shared_audience=lambda audience: audience.rstrip("/") in {platform.rstrip("/"), _CLOUD},
        minted="on-request",
    )


PROVIDER: Final = Provider(name="codefresh", settings=frozenset({"platform_url"}), preset=_preset)
