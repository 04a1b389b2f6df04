"""Tokens as a CI system gives them to a job."""

import argparse
import json
import uuid
from collections.abc import Collection, Mapping
from pathlib import Path

from sandbox.clocks import WALL_CLOCK, Now
from sandbox.providers import all_providers
from sandbox.providers.shape import Claims, Json, Provider
from sandbox.signing_keys import Algorithm, KeyRing


class Mint:
    """Mints tokens of every provider. The issuers are served at `base_url`; the keys are in `folder`."""

    def __init__(self, folder: Path, *, base_url: str, now: Now = WALL_CLOCK) -> None:
        self._base_url = base_url
        self._folder = folder
        self._now = now
        self._keys: dict[str, KeyRing] = {}

    def issuer(self, provider: str) -> str:
        """Return the `iss` of a provider's tokens."""
        found = find_provider(provider)
        return found.fixed_issuer or self.address(provider)

    def address(self, provider: str) -> str:
        """Return where a provider's documents are served: under its `iss`, unless that is fixed."""
        return self._base_url + find_provider(provider).issuer_path

    def keys_url(self, provider: str) -> str:
        """Return where a provider's key set is served."""
        return self.address(provider) + find_provider(provider).keys_path

    def keys(self, provider: str, *, algorithm: Algorithm | None = None) -> KeyRing:
        """Return a provider's keys, of its usual algorithm or of another one; they are made at their first use.

        Raises:
            KeyError: no such provider, or it does not sign with `algorithm`.
        """
        found = find_provider(provider)
        if algorithm in {None, found.algorithm}:
            return self._ring(found.name, found.algorithm)
        if algorithm not in found.other_algorithms:
            raise KeyError(f"{found.name} does not sign with {algorithm}")
        return self._ring(f"{found.name}-{algorithm.lower()}", algorithm)

    def published(self, provider: str) -> list[Mapping[str, object]]:
        """Return the public keys of a provider, of all its algorithms."""
        rings = (self.keys(provider, algorithm=each) for each in find_provider(provider).algorithms)
        return [key for ring in rings for key in ring.published()]

    def _ring(self, name: str, algorithm: Algorithm) -> KeyRing:
        if name not in self._keys:
            self._keys[name] = KeyRing(self._folder, name=name, algorithm=algorithm)
        return self._keys[name]

    def mint(  # noqa: PLR0913 - each is one way in which a token can differ
        self,
        provider: str,
        *,
        audience: str | list[str],
        scenario: str | None = None,
        claims: Mapping[str, Json] | None = None,
        without: Collection[str] = (),
        header: Mapping[str, object] | None = None,
        algorithm: Algorithm | None = None,
        lifetime_seconds: int | None = None,
        now: float | None = None,
    ) -> str:
        """Return a signed token.

        `claims` are added to the scenario's, or replace them, times and issuer included; claims that depend
        on them follow. `without` are left out at the end.

        Raises:
            KeyError: no such provider, scenario or algorithm.
        """
        found = find_provider(provider)
        issued_at = int(self._now() if now is None else now)
        changes = dict(claims or {})
        lifetime = found.lifetime_seconds if lifetime_seconds is None else lifetime_seconds
        audiences = [audience] if isinstance(audience, str) and found.audience_is_list else audience
        whole: Claims = {
            **({"jti": str(uuid.uuid4())} if found.has_token_id else {}),
            "aud": list[Json](audiences) if isinstance(audiences, list) else audiences,
            **found.claims(self.issuer(provider), scenario=scenario, changes=changes),
            "iat": issued_at,
            "exp": issued_at + lifetime,
        }
        if found.not_before_seconds is not None:
            whole["nbf"] = issued_at - found.not_before_seconds
        whole |= changes
        return self.keys(provider, algorithm=algorithm).current.sign(
            {name: value for name, value in whole.items() if name not in without}, header=header
        )


def find_provider(name: str) -> Provider:
    """Return a provider by its name, or by a word of it that no other has: `bitbucket` is `bitbucket-pipelines`.

    Raises:
        KeyError: there is none, with the names that there are.
    """
    providers = all_providers()
    found = [providers[name]] if name in providers else [p for p in providers.values() if name in p.name.split("-")]
    if len(found) != 1:
        raise KeyError(f"no provider {name!r}: expected one of {', '.join(sorted(providers))}")
    return found[0]


def add_provider_argument(parser: argparse.ArgumentParser, *, help: str) -> None:  # noqa: A002 - argparse's own word
    """Add `--provider`, whose value is a provider's name or a word of it; without it the value is None."""
    parser.add_argument("--provider", type=provider_argument, metavar="PROVIDER", help=help)


def provider_argument(name: str) -> Provider:
    """Return the provider that was named on the command line."""
    try:
        return find_provider(name)
    except KeyError as error:
        raise argparse.ArgumentTypeError(error.args[0]) from error


def claim_value(text: str) -> Json:
    """Return a typed value: parsed if it is JSON, else the string itself."""
    try:
        value: Json = json.loads(text)
    except ValueError:
        return text
    return value
