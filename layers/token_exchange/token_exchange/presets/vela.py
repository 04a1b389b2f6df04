"""Vela: one issuer for each server, below its host or, with `VELA_OPEN_ID_ISSUER`, any URL.

Source: go-vela/server and go-vela/types, the claims of an id token and the response with it. Every claim except the
times is a string, empty claims are left out, and `aud` is a list. There are no ids of the repository or its owner, only
names.

In a pull request, `branch` is the target branch, so the vocabulary's `branch` comes only from `ref`. The server returns
the token as `token`; its documentation shows `value`, so the step accepts either.
"""

from collections.abc import Mapping
from typing import Final

from token_exchange.core.identity import ClaimType, Preset
from token_exchange.core.ports import Json
from token_exchange.core.record import positional_record
from token_exchange.core.sources import Claim, PartOfClaim, PrefixedRef
from token_exchange.core.vocabulary import Name, Source, string_at
from token_exchange.presets.provider import Provider, Settings, issuer_host, server_setting, tenant_of


@positional_record
class OwnerOf(PartOfClaim):
    """The owner of a repository `owner/name`."""

    def read(self, claims: Mapping[str, Json]) -> str | None:
        """Return the owner, or None if the claim is not `owner/name`."""
        owner, _, name = (string_at(claims, self.path) or "").partition("/")
        return owner if owner and name and "/" not in name else None


_VOCABULARY: Final[Mapping[Name, Source]] = {
    "organization": OwnerOf(("repo",)),
    "repository": Claim(("repo",)),
    "ref": Claim(("ref",)),
    "branch": PrefixedRef(("ref",), "branch"),
    "tag": PrefixedRef(("ref",), "tag"),
    "event": Claim(("event",)),
    "run_id": Claim(("build_id",)),
    "actor": Claim(("actor",)),
    "actor_id": Claim(("actor_scm_id",)),
    "sha": Claim(("sha",)),
}

_CLAIMS: Final[Mapping[str, ClaimType]] = {
    **dict.fromkeys(
        (
            "actor",
            "actor_scm_id",
            "branch",
            "build_id",
            "build_number",
            "commands",
            "event",
            "image",
            "image_name",
            "image_tag",
            "pull_fork",
            "ref",
            "repo",
            "request",
            "sha",
            "token_type",
        ),
        "text",
    ),
    "custom_properties": "object",
}

_MEMBERS_ONLY: Final = frozenset({"push", "tag", "deployment", "schedule"})
"""Events that require write access; some have an action after a colon."""


def _untrusted_trigger(claims: Mapping[str, Json]) -> str | None:
    if claims.get("pull_fork") not in (None, "", "false"):
        return "a pull request from a fork"
    event = str(claims.get("event"))
    return None if event.partition(":")[0] in _MEMBERS_ONLY else f"event {event}"


def _issuer(settings: Settings, issuer: str | None) -> str:
    if not settings and issuer is not None:
        issuer_host(issuer)
        return issuer
    return tenant_of(settings, issuer, key="host", form="https://{}/_services/token", check=server_setting)[1]


def _preset(settings: Settings, issuer: str | None) -> Preset:
    return Preset(
        provider="vela",
        issuer=_issuer(settings, issuer),
        algorithms=("RS256",),
        max_lifetime_seconds=3600,
        vocabulary=_VOCABULARY,
        required=frozenset({("build_id",), ("event",), ("repo",)}),
        # The server also issues other tokens, such as the one with which a step requests this one.
        required_values={("token_type",): ("ID",)},
        claims=_CLAIMS,
        public_claims=frozenset({("branch",), ("event",), ("pull_fork",), ("ref",), ("token_type",)}),
        other_claims="any",
        proven=frozenset(_VOCABULARY),
        untrusted_trigger=_untrusted_trigger,
        triggers=frozenset({("event",), ("pull_fork",)}),
        job_controlled_claims=frozenset({("commands",), ("image",), ("image_name",), ("image_tag",)}),
        named_in_sub=frozenset({"repository"}),
        ignores_case=False,
        shared_audience=lambda _audience: False,
        minted="on-request",
    )


PROVIDER: Final = Provider(name="vela", settings=frozenset({"host"}), preset=_preset)
