"""The jobs of a load run: most with a good token, some with a bad one."""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from sandbox.backends import Backends
from sandbox.providers import all_providers
from sandbox.providers.shape import Json
from token_exchange.core.refusals import Reason

FREQUENT_PROVIDERS: Final = ("github-actions", "gitlab")
"""They have three of four jobs; all other providers share the remainder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job with its token. `own` are the repositories that its login is to push to; without any it is refused.

    `source` is the job's source repository, if no other job has it.
    """

    provider: str
    token: str = field(repr=False)
    own: tuple[str, ...] = ()
    refused_for: Reason | None = None
    source: str | None = None


def make_jobs(backends: Backends, *, count: int, bad_percent: int, chance: random.Random) -> list[Job]:
    """Return `count` jobs in a random order, `bad_percent` of them with a token that is to be refused."""
    bad = count * bad_percent // 100
    refused = _BAD_TOKENS * (bad // len(_BAD_TOKENS) + 1)
    jobs = [make(backends, number) for number, make in enumerate(refused[:bad])]
    jobs += _good_jobs(backends, count - bad, chance)
    chance.shuffle(jobs)
    return jobs


def _good_jobs(backends: Backends, count: int, chance: random.Random) -> Iterator[Job]:
    others = [name for name in all_providers() if name not in FREQUENT_PROVIDERS]
    for number in range(count):
        match chance.randrange(4):
            case 0 | 1:
                yield _github(backends, number)
            case 2:
                yield _gitlab(backends, number)
            case _:
                yield _other(backends, chance.choice(others))


def _github(backends: Backends, number: int) -> Job:
    source = f"acme/load-{number}"
    token = _token(backends, "github-actions", {"repository": source, "repository_id": str(71_000_000 + number)})
    return Job(provider="github-actions", token=token, own=(f"ci/{source}", f"ci/{source}/*"), source=source)


def _gitlab(backends: Backends, number: int) -> Job:
    source = f"acme/load/project-{number}"
    token = _token(backends, "gitlab", {"project_path": source, "project_id": str(41_000 + number)})
    return Job(provider="gitlab", token=token, own=(f"gitlab/{source}", f"gitlab/{source}/*"), source=source)


def _other(backends: Backends, name: str) -> Job:
    return Job(provider=name, token=_token(backends, name, {}), own=all_providers()[name].shown.pushes)


def _token(backends: Backends, name: str, claims: Mapping[str, Json]) -> str:
    provider = all_providers()[name]
    audience = provider.fixed_audience or backends.audience
    return backends.issuer.mint(name, audience=audience, scenario=provider.shown.granted, claims=claims)


type _Make = Callable[[Backends, int], Job]


def _bad(reason: Reason, mint: Callable[[Backends, Mapping[str, Json]], str]) -> _Make:
    def make(backends: Backends, number: int) -> Job:
        source = f"acme/bad-{number}"
        token = mint(backends, {"repository": source, "repository_id": str(72_000_000 + number)})
        return Job(provider="github-actions", token=token, refused_for=reason, source=source)

    return make


def _github_token(backends: Backends, claims: Mapping[str, Json], *, audience: str | None = None) -> str:
    return backends.issuer.mint("github-actions", audience=audience or backends.audience, claims=claims)


def _with_the_signature_of_another(backends: Backends, claims: Mapping[str, Json]) -> str:
    signed = _github_token(backends, claims).rpartition(".")[0]
    return f"{signed}.{_github_token(backends, {}).rpartition('.')[2]}"


def _expired(backends: Backends, claims: Mapping[str, Json]) -> str:
    issued = {"iat": 1_700_000_000, "nbf": 1_700_000_000, "exp": 1_700_000_300}
    return _github_token(backends, {**claims, **issued})


def _of_another_branch(backends: Backends, claims: Mapping[str, Json]) -> str:
    return backends.issuer.mint("github-actions", audience=backends.audience, scenario="push-feature", claims=claims)


def _of_another_organization(backends: Backends, claims: Mapping[str, Json]) -> str:
    owner: dict[str, Json] = {"repository_owner": "globex", "repository_owner_id": "8001"}
    return _github_token(backends, {**claims, **owner})


_BAD_TOKENS: Final[tuple[_Make, ...]] = (
    _bad(Reason.BAD_SIGNATURE, _with_the_signature_of_another),
    _bad(Reason.EXPIRED, _expired),
    _bad(
        Reason.WRONG_AUDIENCE,
        lambda backends, claims: _github_token(backends, claims, audience="https://elsewhere.example"),
    ),
    _bad(
        Reason.UNKNOWN_ISSUER, lambda backends, claims: _github_token(backends, {**claims, "iss": "https://ci.example"})
    ),
    _bad(Reason.MALFORMED_TOKEN, lambda backends, claims: _github_token(backends, claims).replace(".", "..", 1)),
    _bad(Reason.NO_MATCHING_GRANT, _of_another_branch),
    _bad(Reason.ORGANIZATION_NOT_ALLOWED, _of_another_organization),
)
