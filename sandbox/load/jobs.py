"""The jobs of a load run: most with a good token, some with a bad one."""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from sandbox.providers import all_providers
from sandbox.providers.shape import Json
from sandbox.world import World
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


def make_jobs(world: World, *, count: int, bad_percent: int, chance: random.Random) -> list[Job]:
    """Return `count` jobs in a random order, `bad_percent` of them with a token that is to be refused."""
    bad = count * bad_percent // 100
    refused = _BAD_TOKENS * (bad // len(_BAD_TOKENS) + 1)
    jobs = [make(world, number) for number, make in enumerate(refused[:bad])]
    jobs += _good_jobs(world, count - bad, chance)
    chance.shuffle(jobs)
    return jobs


def _good_jobs(world: World, count: int, chance: random.Random) -> Iterator[Job]:
    others = [name for name in all_providers() if name not in FREQUENT_PROVIDERS]
    for number in range(count):
        match chance.randrange(4):
            case 0 | 1:
                yield _github(world, number)
            case 2:
                yield _gitlab(world, number)
            case _:
                yield _other(world, chance.choice(others))


def _github(world: World, number: int) -> Job:
    source = f"acme/load-{number}"
    token = _token(world, "github-actions", {"repository": source, "repository_id": str(71_000_000 + number)})
    return Job(provider="github-actions", token=token, own=(f"ci/{source}", f"ci/{source}/*"), source=source)


def _gitlab(world: World, number: int) -> Job:
    source = f"acme/load/project-{number}"
    token = _token(world, "gitlab", {"project_path": source, "project_id": str(41_000 + number)})
    return Job(provider="gitlab", token=token, own=(f"gitlab/{source}", f"gitlab/{source}/*"), source=source)


def _other(world: World, name: str) -> Job:
    return Job(provider=name, token=_token(world, name, {}), own=all_providers()[name].shown.pushes)


def _token(world: World, name: str, claims: Mapping[str, Json]) -> str:
    provider = all_providers()[name]
    audience = provider.fixed_audience or world.audience
    return world.issuer.mint(name, audience=audience, scenario=provider.shown.granted, claims=claims)


type _Make = Callable[[World, int], Job]


def _bad(reason: Reason, mint: Callable[[World, Mapping[str, Json]], str]) -> _Make:
    def make(world: World, number: int) -> Job:
        source = f"acme/bad-{number}"
        token = mint(world, {"repository": source, "repository_id": str(72_000_000 + number)})
        return Job(provider="github-actions", token=token, refused_for=reason, source=source)

    return make


def _github_token(world: World, claims: Mapping[str, Json], *, audience: str | None = None) -> str:
    return world.issuer.mint("github-actions", audience=audience or world.audience, claims=claims)


def _with_the_signature_of_another(world: World, claims: Mapping[str, Json]) -> str:
    signed = _github_token(world, claims).rpartition(".")[0]
    return f"{signed}.{_github_token(world, {}).rpartition('.')[2]}"


def _expired(world: World, claims: Mapping[str, Json]) -> str:
    issued = {"iat": 1_700_000_000, "nbf": 1_700_000_000, "exp": 1_700_000_300}
    return _github_token(world, {**claims, **issued})


def _of_another_branch(world: World, claims: Mapping[str, Json]) -> str:
    return world.issuer.mint("github-actions", audience=world.audience, scenario="push-feature", claims=claims)


def _of_another_organization(world: World, claims: Mapping[str, Json]) -> str:
    owner: dict[str, Json] = {"repository_owner": "globex", "repository_owner_id": "8001"}
    return _github_token(world, {**claims, **owner})


_BAD_TOKENS: Final[tuple[_Make, ...]] = (
    _bad(Reason.BAD_SIGNATURE, _with_the_signature_of_another),
    _bad(Reason.EXPIRED, _expired),
    _bad(
        Reason.WRONG_AUDIENCE, lambda world, claims: _github_token(world, claims, audience="https://elsewhere.example")
    ),
    _bad(Reason.UNKNOWN_ISSUER, lambda world, claims: _github_token(world, {**claims, "iss": "https://ci.example"})),
    _bad(Reason.MALFORMED_TOKEN, lambda world, claims: _github_token(world, claims).replace(".", "..", 1)),
    _bad(Reason.NO_MATCHING_GRANT, _of_another_branch),
    _bad(Reason.ORGANIZATION_NOT_ALLOWED, _of_another_organization),
)
