"""Policies for every CI system, and runs of its jobs: mostly sound, so that decisions are reached, and seldom plain."""

import re
from collections.abc import Mapping
from random import Random
from string import Template
from typing import Final

import yaml
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from fuzz.reference.systems import system_of
from fuzz.target import Json
from sandbox.providers import all_providers
from sandbox.providers.shape import Provider

NOW: Final = 1_800_014_400.5
"""2027-01-15, a little after noon."""

_ACCOUNT: Final = "111122223333"
_ROLE: Final = f"arn:aws:iam::{_ACCOUNT}:role/ci"
_SERVED: Final = "https://localhost:8443"
_WORDS: Final = (
    *("main", "Main", "ma", "refs/heads/main", "refs/tags/v1", "v1"),
    *("acme", "ACME", "globex", "acme/shop", "acme/Shop"),
    *("shop", "1", "true", "push", "pull_request", "production", "a:b", "x\n", "\u212aube", "\u017fhop", "a" * 130),
)
"""Half of them can be what a job's token says; two only look like such a one."""
_GLOBS: Final = ("*", "**", "m*", "?ain", "acme/*", "acme/**", "refs/*/main", "*:*", "v?", "**shop")
_DAYS: Final = ("2027-01-14", "2027-01-15", "2030-01-01")
_ANYTHING: Final = "anything"
"""Stands for the value of a claim that no system knows, which may be of any type."""
_REGISTRIES: Final[Mapping[str, Json]] = {
    "apps": {"type": "ecr", "account": _ACCOUNT, "region": "eu-west-1", "hosts": ["apps.acme.example"]},
    "base": {"type": "ecr", "account": "444455556666", "region": "us-east-1"},
    "public": {"type": "ecr-public", "account": _ACCOUNT},
    "hub": {
        "type": "secret",
        "host": "docker.io",
        "secret_arn": f"arn:aws:secretsmanager:eu-west-1:{_ACCOUNT}:secret:hub-AbCdEf",
    },
    **{f"more-{n}": {"type": "ecr", "account": f"{n:012}", "region": "eu-west-1"} for n in range(1, 9)},
}
_PATTERNS: Final = (
    *("ci/app", "ci/*", "base/*"),
    *("ci/{repository}", "ci/{repository}/*", "{repository}", "{organization}/x"),
)
_SCOPES: Final = ("ci/app", "ci/acme/shop", "ci/acme/shop/web", "ci/other", "base/python", "acme/shop", "acme/x")


@st.composite
def cases(draw: DrawFn) -> Json:
    """Draw a policy for one entry of one CI system, and some runs."""
    provider = draw(st.sampled_from(sorted(all_providers().values(), key=lambda one: one.name)))
    sound = _claims_of(provider, draw(st.sampled_from(sorted(provider.scenarios))))
    entry = draw(_entries(provider, sound))
    names = [name for name in system_of(entry).names if name != "ref_protected"]
    issuers: dict[str, Json] = {"ci": entry}
    if draw(st.integers(0, 9)) == 0:
        issuers["other"] = {"provider": "gitlab", "audience": "https://other.example", "organizations": [{"name": "o"}]}
    registries = dict(_REGISTRIES) if draw(st.integers(0, 5)) == 0 else dict(list(_REGISTRIES.items())[:4])
    grants = draw(st.lists(_grants(entry, names, sound, [*registries], [*issuers]), min_size=1, max_size=6))
    document: dict[str, Json] = {
        "version": 1,
        "issuers": issuers,
        "registries": registries,
        "grants": [{"name": f"grant-{place}", **grant} for place, grant in enumerate(grants)],
    }
    rules = draw(st.just(list[dict[str, Json]]()) | st.lists(_rules(names, sound, [*issuers]), min_size=1, max_size=2))
    if rules:
        document["deny"] = [{"name": f"rule-{place}", **rule} for place, rule in enumerate(rules)]
    run = st.integers(0, 2**32).map(
        lambda number: _run(
            Random(number),  # noqa: S311 - drawn, so that it is drawn again
            provider,
            entry,
            sound,
            [*registries],
            len(grants),
        )
    )
    return {"policy": document, "entry": "ci", "runs": list[Json](draw(st.lists(run, min_size=1, max_size=30)))}


def _claims_of(provider: Provider, scenario: str) -> dict[str, Json]:
    address = provider.fixed_issuer or _SERVED + provider.issuer_path
    return {"iat": int(NOW), "exp": int(NOW) + 300, **provider.claims(address, scenario=scenario, changes={})}


@st.composite
def _entries(draw: DrawFn, provider: Provider, sound: Mapping[str, Json]) -> dict[str, Json]:
    address = provider.fixed_issuer or _SERVED + provider.issuer_path
    keys = Template(provider.entry.keys).substitute(port=8443, issuer=address)
    entry: dict[str, Json] = {
        "provider": provider.name,
        "audience": provider.fixed_audience or "https://ecr.acme.example",
        **yaml.safe_load(keys),
    }
    if provider.fixed_audience is not None:
        entry["shared_audience"] = True
    names = {name: read(sound) for name, read in system_of(entry).names.items()}
    own: dict[str, Json] = {
        "name": names.get("organization") or "acme",
        "id": names.get("organization_id") or "1",
    }
    strange: dict[str, Json] = {"name": draw(st.sampled_from(_WORDS[5:9])), "id": draw(st.sampled_from(["1", "2"]))}
    lines: list[dict[str, Json]] = [own, {"name": own["name"]}, {"id": own["id"]}, strange, {"name": strange["name"]}]
    chosen = draw(st.lists(st.sampled_from([*range(5), 0, 1, 2]), min_size=1, max_size=2, unique=True))
    can_be_had = [
        {
            key: value
            for key, value in lines[place].items()
            if {"name": "organization", "id": "organization_id"}[key] in names
        }
        for place in chosen
    ]
    known = {"name": own["name"]} if "organization" in names else {"id": own["id"]}
    entry["organizations"] = [one for one in can_be_had if one] or [known]
    if draw(st.integers(0, 14)) == 0:
        entry["mode"] = "report"
    return entry


def _values(sound: Json) -> SearchStrategy[Json]:
    """Draw what a condition may ask for: the run's own value, something like it, or another."""
    own = [sound] if isinstance(sound, str) and sound and "*" not in sound else ["main"]
    return st.sampled_from([*own, *own, *own, *(own[0].upper(), own[0][:-1] or "x"), *_WORDS])


@st.composite
def _conditions(draw: DrawFn, sound: Json) -> Json:
    if isinstance(sound, dict) and sound and draw(st.booleans()):
        name = draw(st.sampled_from(sorted(sound)))
        return {name: draw(_conditions(sound[name]))}
    if isinstance(sound, bool | int | float):
        values: SearchStrategy[Json] = st.sampled_from(
            [sound, sound, *([True, False] if sound in (True, False) else [1.5])]
        )
    elif isinstance(sound, list) and sound:
        values = st.sampled_from([sound[0], sound[-1], "x"])
    elif sound == _ANYTHING:
        values = st.sampled_from([True, False, 1, 1.0, 0, *_WORDS])
    else:
        values = _values(sound)
    one_or_more = values | st.lists(values, min_size=1, max_size=3).map(list[Json])
    text = sound if isinstance(sound, str) and sound else "main"
    glob = st.sampled_from([text, f"{text[:2]}*", f"*{text[-2:]}", f"**{text[-3:]}", *_GLOBS])
    globs = glob | st.lists(glob, min_size=1, max_size=2).map(list[Json])
    operators = st.dictionaries(
        st.sampled_from(["like", "not", "not_like", "exists"]), st.none(), min_size=1, max_size=2
    )
    if draw(st.integers(0, 2)):
        return draw(one_or_more)
    return {
        operator: draw(st.booleans() if operator == "exists" else one_or_more if operator == "not" else globs)
        for operator in draw(operators)
    }


@st.composite
def _matches(draw: DrawFn, entry: Mapping[str, Json], sound: Mapping[str, Json]) -> dict[str, Json]:
    """Draw what a grant or a deny rule says of who asks."""
    reads = system_of(entry).names
    rule: dict[str, Json] = {}
    chosen = draw(st.lists(st.sampled_from([*reads]), max_size=2, unique=True))
    if chosen:
        match = {name: draw(_conditions(read(sound))) for name, read in reads.items() if name in chosen}
        rule["match"] = {
            name: draw(st.booleans()) if name == "ref_protected" else condition for name, condition in match.items()
        }
    claims = draw(st.lists(st.sampled_from([*sorted(sound), "absent", "extra"]), max_size=1))
    if claims and draw(st.integers(0, 2)) == 0:
        rule["claims"] = {name: draw(_conditions(sound.get(name, _ANYTHING))) for name in claims}
    return rule


@st.composite
def _rules(draw: DrawFn, names: list[str], sound: Mapping[str, Json], issuers: list[str]) -> dict[str, Json]:
    name = draw(st.sampled_from([*sorted(sound), "extra"]))
    rule: dict[str, Json] = {}
    by_name = bool(names) and draw(st.booleans())
    if by_name:
        rule["match"] = {draw(st.sampled_from(names)): draw(_conditions(draw(st.sampled_from(_WORDS))))}
    else:
        rule["claims"] = {name: draw(_conditions(sound.get(name, _ANYTHING)))}
    if draw(st.booleans()):
        rule["issuers"] = [draw(st.sampled_from(issuers))]
    return rule


@st.composite
def _grants(  # noqa: C901 - one line for each key of a grant
    draw: DrawFn,
    entry: Mapping[str, Json],
    names: list[str],
    sound: Mapping[str, Json],
    registries: list[str],
    issuers: list[str],
) -> dict[str, Json]:
    registry = draw(st.sampled_from(registries))
    grant: dict[str, Json] = {"issuers": ["ci"], "registry": registry, **draw(_matches(entry, sound))}
    if "other" in issuers and draw(st.integers(0, 3)) == 0:
        grant["issuers"] = [*draw(st.sampled_from(["", "ci"])).split(), "other"]
    if entry["provider"] == "circleci" and draw(st.integers(0, 3)):
        match = grant.get("match")
        grant["match"] = {**(match if isinstance(match, dict) else {}), "repository": "acme/shop"}
    rare = st.integers(0, 7).map(lambda number: number == 0)
    if draw(rare):
        grant["mode"] = "report"
    if draw(rare):
        grant["expires"] = draw(st.sampled_from(_DAYS))
    if draw(st.integers(0, 2)) == 0:
        grant["allow_untrusted_triggers"] = draw(st.booleans())
    if registry == "hub":
        return grant
    access = draw(st.sampled_from(["pull", "push"]))
    # Now and then one that must not load: then the loader has to say so.
    may_not = system_of(entry).not_for_push if access == "push" and draw(st.integers(0, 19)) else frozenset[str]()
    fitting = [name for name in names if name not in may_not]
    whole = [text for text in _PATTERNS if all(name in fitting for name in re.findall("{(.*?)}", text))]
    patterns = st.sampled_from([*whole, *whole, *(f"ci/{{{name}}}/*" for name in fitting)])
    grant |= {
        "role": _ROLE if registry != "base" else _ROLE.replace(_ACCOUNT, "444455556666"),
        "access": access,
        "repositories": draw(st.lists(patterns, min_size=1, max_size=3, unique=True).map(list[Json])),
    }
    if draw(st.integers(0, 2)) == 0 and registry != "public":
        grant["also_pull"] = draw(st.lists(patterns, min_size=1, max_size=2, unique=True).map(list[Json]))
    if registry == "public" and grant["access"] == "pull":
        del grant["repositories"]
    if draw(rare):
        grant["duration"] = draw(st.sampled_from(["1m", "30m", "12h"]))
    if draw(rare):
        grant["assume"] = "web-identity"
    else:
        grant |= draw(_of_the_broker(names))
    if draw(rare) and registry != "public":
        sign: Json = f"arn:aws:signer:eu-west-1:{_ACCOUNT}:/signing-profiles/ci"
        also: list[list[Json]] = [["list"], ["import"], [{"sign": sign}], ["list", "import"]]
        grant["also"] = draw(st.sampled_from(also))
    return grant


@st.composite
def _of_the_broker(draw: DrawFn, names: list[str]) -> dict[str, Json]:
    templates = st.sampled_from(["fixed", *(f"{{{name}}}" for name in names), *(f"a-{{{name}}}" for name in names)])
    more: dict[str, Json] = {}
    match draw(st.integers(0, 11)):
        case 0:
            more["session_tags"] = {"who": draw(templates)}
        case 1:
            more["source_identity"] = draw(templates)
        case 2:
            more |= {"session_tags": False, "source_identity": False, "external_id": "acme-1"}
    return more


def _run(
    chance: Random,
    provider: Provider,
    entry: Mapping[str, Json],
    sound: Mapping[str, Json],
    registries: list[str],
    grants: int,
) -> dict[str, Json]:
    """Return a run. Only its number is drawn: there are many of each policy, and each is small as it is."""
    scenario = chance.choice([*provider.scenarios])
    claims = dict(sound if chance.random() < 1 / 2 else _claims_of(provider, scenario))
    marks = system_of(entry).marks
    for name in chance.sample([*sorted(claims), "extra", "absent"], k=chance.choice([0, 1, 1, 2])):
        if isinstance(claims.get(name), dict) or name in ("iat", "exp", "sub", "iss"):
            continue
        value = _changed(chance, claims.get(name), is_own=name in ("extra", "absent"))
        if value == "" and (name,) in marks:
            continue  # whether a mark may be empty the documents leave open
        claims[name] = value
    asked: list[Json] = []
    if chance.random() < 1 / 2:
        hosts = ["apps.acme.example", "public.ecr.aws", "index.docker.io", "nowhere"]
        names = [*registries, *registries, *hosts, f"{_ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com"]
        asked += chance.choices(names, k=chance.choice([1, 1, 2]))
    scope: list[Json] = []
    if chance.random() < 1 / 5:
        scope += [[chance.choice(_SCOPES), chance.random() < 1 / 2] for _ in range(chance.choice([1, 2]))]
    grant = f"grant-{chance.randint(0, grants)}" if chance.random() < 1 / 6 else None
    return {"claims": claims, "wanted": {"registries": asked, "grant": grant, "scope": scope}}


def _changed(chance: Random, value: Json, *, is_own: bool) -> Json:
    """Return what a claim could be instead; only a claim that the system does not know changes its type."""
    if is_own:
        texts: list[Json] = [*chance.choices(_WORDS, k=chance.randint(0, 3))]
        return chance.choice([True, False, 1, 1.0, 0, None, "", texts, texts, *_WORDS])
    if isinstance(value, bool):
        return chance.choice([True, False, None])
    if isinstance(value, str):
        return chance.choice([value.upper(), value + "x", "", None, *_WORDS])
    return chance.choice([value, None])
