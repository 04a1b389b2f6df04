"""Forgejo Actions, version 15 and later: one issuer for each instance.

Source: Forgejo's routers/api/actions and services/actions; captured tokens. There is no `jti`, and two tokens issued in
the same second are equal. Version 16 and later send the ids of repository and owner. `ref_protected` is `false` in
every token (services/actions/context.go), so the vocabulary does not have it.

`sub` has two forms, and one owner's old form can be another owner's new form, so it is not used. A token of
`pull_request_target` has the base repository's branch. A job of a reusable workflow has the event `workflow_call`,
whatever started the run, so it counts as a run that outsiders can start.
"""

from typing import Final

from token_exchange.core.identity import Preset
from token_exchange.presets.github_family import (
    CLAIMS,
    PUBLIC_CLAIMS,
    VOCABULARY,
    is_owners_address,
    untrusted_event,
)
from token_exchange.presets.provider import Provider, Settings, server_setting, tenant_of


def _preset(settings: Settings, issuer: str | None) -> Preset:
    server, url = tenant_of(settings, issuer, key="host", form="https://{}/api/actions", check=server_setting)
    return Preset(
        provider="forgejo",
        issuer=url,
        # An instance's settings choose the algorithm; the default is RS256.
        algorithms=("RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "EdDSA"),
        max_lifetime_seconds=3600,
        vocabulary=VOCABULARY,
        required=frozenset({("event_name",), ("repository",), ("repository_owner",), ("workflow_ref",)}),
        claims=CLAIMS,
        public_claims=PUBLIC_CLAIMS,
        other_claims="any",
        # A workflow's name is its file name, which the repository chooses.
        proven=frozenset(VOCABULARY) - {"workflow"},
        untrusted_trigger=untrusted_event,
        triggers=frozenset({("event_name",)}),
        job_controlled_claims=frozenset({("workflow",)}),
        empty_claims=frozenset({("base_ref",), ("head_ref",)}),
        named_in_sub=frozenset({"organization", "repository"}),
        ignores_case=True,
        shared_audience=lambda audience: is_owners_address(server, audience),
        minted="on-request",
    )


PROVIDER: Final = Provider(name="forgejo", settings=frozenset({"host"}), preset=_preset)
