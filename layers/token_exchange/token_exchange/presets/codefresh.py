"""Codefresh: one issuer for all of its customers.

Source: codefresh-io/steps, obtain-oidc-id-token; sigstore/fulcio's tests of this issuer. `sub` holds text that users
choose, colons included: it is never taken apart.

What is called `scm_…` is declared: whoever starts a pipeline by hand or through the API says for which repository and
branch. Not documented, so nothing rests on it: the signing algorithm (RS256 is taken), what `scm_repo_url` is for a
fork's pull request, and whether `scm_ref` can be a tag's name, so it fills no push template.
"""

from collections.abc import Mapping
from typing import Final

from token_exchange.core.identity import ClaimType, Preset, Provider, Settings
from token_exchange.core.ports import Json
from token_exchange.core.sources import Claim, ClaimUnless, RepositoryOfUrl
from token_exchange.core.vocabulary import ClaimPath, Name, Source
from token_exchange.presets.issuer_url import fixed_issuer

_ISSUER: Final = "https://oidc.codefresh.io"


_PULL_REQUEST: Final[ClaimPath] = ("scm_pull_request_target_branch",)
"""The branch that a pull request goes to; `scm_ref` is then the one it comes from."""


_VOCABULARY: Final[Mapping[Name, Source]] = {
    "organization": Claim(("account_name",)),
    "organization_id": Claim(("account_id",)),
    "repository": RepositoryOfUrl(("scm_repo_url",)),
    "pipeline": Claim(("pipeline_name",)),
    "pipeline_id": Claim(("pipeline_id",)),
    "branch": ClaimUnless(("scm_ref",), unless=_PULL_REQUEST),
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
    # Only a pull request's token has it, empty or not.
    target = claims.get(_PULL_REQUEST[0])
    return None if target is None else f"a pull request to {target}"


def _preset(_settings: Settings, issuer: str | None) -> Preset:
    return Preset(
        provider="codefresh",
        issuer=fixed_issuer(issuer, _ISSUER),
        algorithms=("RS256",),
        max_lifetime_seconds=3600,
        vocabulary=_VOCABULARY,
        required=frozenset({("account_id",), ("pipeline_id",)}),
        claims=_CLAIMS,
        other_claims="any",
        proven=frozenset(_VOCABULARY) - {"repository", "branch"},
        declared=frozenset((name,) for name in _SCM),
        untrusted_trigger=_untrusted_trigger,
        triggers=frozenset({_PULL_REQUEST}),
        ignores_case=False,
        # What a job gets that names no audience: the platform's URL.
        shared_audience=lambda audience: audience.rstrip("/") == "https://g.codefresh.io",
        minted="on-request",
        step_line=(
            "printf 'Authorization: %s' \"$CF_OIDC_REQUEST_TOKEN\" | "
            'curl -sSf -H @- "$CF_OIDC_REQUEST_URL?audience=AUDIENCE" | '
            'sed -n \'s/.*"id_token" *: *"\\([^"]*\\)".*/\\1/p\''
        ),
    )


PROVIDER: Final = Provider(name="codefresh", preset=_preset)
