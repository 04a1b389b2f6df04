"""What the issuer must know of a CI system to sign a token as it does."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sandbox.signing_keys import Algorithm

type Json = bool | int | float | str | list[Json] | dict[str, Json] | None
"""A claim's value."""

type Claims = dict[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A CI system.

    `fixed_issuer` is the `iss` of a system whose issuers lie on its own host alone; a policy then has to name the keys.
    `issuer_path` and `keys_path` are appended to the server's and the issuer's URL. `scenarios` are changes to the
    claims of the first one, which is used when none is named. `derive` adds the claims that follow from others
    (such as `sub`), so that changing one claim leaves a token that could exist; it never overrides what is there.
    """

    name: str
    fixed_issuer: str | None = None
    issuer_path: str
    keys_path: str
    algorithm: Algorithm
    lifetime_seconds: int
    not_before_seconds: int | None
    base_claims: Mapping[str, Json]
    scenarios: Mapping[str, Mapping[str, Json]]
    derive: Callable[[Claims, str], Claims]

    def claims(self, issuer: str, *, scenario: str | None, changes: Mapping[str, Json]) -> Claims:
        """Return the claims of a job's token, without times, audience and id.

        Raises:
            KeyError: there is no such scenario.
        """
        chosen = self.scenarios[scenario or next(iter(self.scenarios))]
        given: Claims = {**self.base_claims, **chosen, **changes}
        return {**self.derive(given, issuer), **given, "iss": issuer}
