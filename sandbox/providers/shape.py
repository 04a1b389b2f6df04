"""What the issuer must know of a CI system to sign a token as it does."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sandbox.signing_keys import Algorithm

type Json = bool | int | float | str | list[Json] | dict[str, Json] | None
"""A claim's value."""

type Claims = dict[str, Json]

_CLAIMS: Final = Path(__file__).parent / "claims"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The claims of a job's token as the system's own source or documents show them, with identifiers of the sandbox.

    `source` says where, and `read` when that was read. `job` is a whole token but for its times, audience and id.
    `sometimes` has further claims that some tokens have. Claims named in `fixed` have one value in every token.
    """

    source: tuple[str, ...]
    read: str
    job: Mapping[str, Json]
    sometimes: Mapping[str, Json] = field(default_factory=dict[str, "Json"])
    fixed: tuple[str, ...] = ()

    def within(self, name: str) -> Claims:
        """Return the claims inside the job's claim `name`.

        Raises:
            TypeError: it is no object.
        """
        found = self.job[name]
        if not isinstance(found, dict):
            raise TypeError(f"claim {name}: expected an object")
        return found


def sample_of(provider: str) -> Sample:
    """Return the sample of a provider, from its file in the folder `claims`."""
    return Sample(**json.loads((_CLAIMS / f"{provider}.json").read_text("utf-8")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """The part of the sandbox's policy that is about one CI system.

    `name` is the issuer entry's. `keys` are its lines besides provider, audience and those about keys, and `grant` the
    lines of a grant to push, besides name, issuer, registry, role and access; both are YAML, in which `$port` and
    `$issuer` stand for the issuer's. `pulls_base` says that the one grant to pull base images is for this system too.
    """

    name: str
    keys: str
    grant: str
    pulls_base: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What the demo shows of a CI system.

    The scenario `granted` gets a login that pushes to `pushes` and pulls from `pulls`; the scenario `refused` is
    refused for `reason`. `claims` are those that tell the two apart, or say whose job it is.
    """

    granted: str
    claims: tuple[str, ...]
    pushes: tuple[str, ...]
    pulls: tuple[str, ...] = ()
    refused: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A CI system.

    `fixed_issuer` is the `iss` of a system whose issuers are only on its own host; a policy then has to name the keys.
    A job may request one of `other_algorithms` instead.
    `fixed_audience` is the `aud` of a system in which jobs cannot choose one.
    `issuer_path` and `keys_path` are appended to the server's and the issuer's URL. `scenarios` are changes to the
    claims of the first one, which is the sample's job and is used when none is named. `derive` adds the claims that
    follow from others (such as `sub`), so that changing one claim leaves a token that could exist; it never overrides
    what a scenario or a caller says.
    """

    name: str
    fixed_issuer: str | None = None
    fixed_audience: str | None = None
    audience_is_list: bool = False
    has_token_id: bool = True
    issuer_path: str
    keys_path: str
    algorithm: Algorithm
    other_algorithms: tuple[Algorithm, ...] = ()
    lifetime_seconds: int
    not_before_seconds: int | None
    scenarios: Mapping[str, Mapping[str, Json]]
    derive: Callable[[Claims, str], Claims]
    entry: Entry
    shown: Shown
    sample: Sample = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sample", sample_of(self.name))

    @property
    def algorithms(self) -> tuple[Algorithm, ...]:
        """All that its tokens may be signed with, the usual one first."""
        return (self.algorithm, *self.other_algorithms)

    def claims(self, issuer: str, *, scenario: str | None, changes: Mapping[str, Json]) -> Claims:
        """Return the claims of a job's token, without times, audience and id.

        Raises:
            KeyError: there is no such scenario.
        """
        chosen = self.scenarios[scenario or next(iter(self.scenarios))]
        job: Claims = dict(self.sample.job)
        for name in self.derive(job, issuer):
            del job[name]
        given: Claims = {**job, **chosen, **changes}
        return {**self.derive(given, issuer), **given, "iss": issuer}
