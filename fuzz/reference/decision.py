"""The decision by docs/policy.md, on the document as it was written: every rule and grant is looked at in turn."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from fuzz.reference.reading import System
from fuzz.reference.systems import system_of
from fuzz.reference.values import OPERATORS, Json, NotAJob, at, folded, holds, without_braces

type Document = Mapping[str, Json]

_RENAMEABLE = ("organization", "repository", "pipeline", "workflow", "environment", "actor")
_MOST_REGISTRIES = 10
_MOST_CHARACTERS = 256
_REPOSITORY = re.compile(r"[a-z0-9]+([._-][a-z0-9]+)*(/[a-z0-9]+([._-][a-z0-9]+)*)*")
_DOCKER_HUB = ["docker.io", "index.docker.io", "registry-1.docker.io"]


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a request asks for; `scope` has names of repositories, and whether to push there."""

    registries: tuple[str, ...] = ()
    grant: str | None = None
    scope: tuple[tuple[str, bool], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Login:
    """One login: patterns of repositories by what may be done with them. A stored login has none."""

    registry: str
    grant: str
    push: tuple[str, ...] = ()
    pull: tuple[str, ...] = ()
    is_stored: bool = False


type Verdict = tuple[Login, ...] | str
"""The logins, or the reason why there is none."""


def decide(document: Document, entry: str, claims: Document, wanted: Wanted, *, now: float) -> Verdict:
    """Return what the policy in `document` says of a token of its issuer `entry` with `claims`.

    Raises:
        NotAJob: the claims are not those of a job's token.
        Abstains: the documents do not say.
    """
    return _Run(document, entry, claims, now).decide(wanted)


def names_that_may_not_be(document: Document) -> list[str]:
    """Return the conditions and templates that a policy must not load with, and that this one has."""
    issuers = _mapping(document["issuers"])
    wrong: list[str] = []
    for grant in _mappings(document.get("grants")):
        systems = [system_of(_mapping(issuers[str(name)])) for name in _items(grant["issuers"])]
        wrong += [
            f"{grant['name']}: match {name}, which a system does not have"
            for name in _mapping(grant.get("match"))
            if any(name not in system.names for system in systems)
        ]
        if grant.get("access") == "push":
            wrong += [
                f"{grant['name']}: pushes to a template with {name}, which is not proven"
                for name in re.findall("{([a-z_]*)}", " ".join(map(str, _items(grant.get("repositories")))))
                if any(name in system.not_for_push for system in systems)
            ]
    return wrong


class _Run:
    def __init__(self, document: Document, entry: str, claims: Document, now: float) -> None:
        self._document = document
        self._entry_name = entry
        self._entry = _mapping(_mapping(document["issuers"])[entry])
        self._claims = claims
        self._now = now
        self._system = system_of(self._entry)
        _check_marks(self._system, claims)
        self._names = {name: value for name, read in self._system.names.items() if (value := read(claims)) is not None}

    def decide(self, wanted: Wanted) -> Verdict:
        if not any(self._is_in(_mapping(organization)) for organization in _items(self._entry["organizations"])):
            return "organization-not-allowed"
        if any(self._is_denied(rule) for rule in _mappings(self._document.get("deny"))):
            return "denied"
        asked: list[str] = []
        for name in wanted.registries:
            found = self._registry(name)
            if found is None:
                return "unknown-registry"
            asked += [found] if found not in asked else []
        grants = _mappings(self._document.get("grants"))
        if wanted.grant is not None and wanted.grant not in [grant["name"] for grant in grants]:
            return "unknown-grant"
        if wanted.scope and len(asked) > 1:
            return "ambiguous-registry"
        return self._search(grants, wanted, asked)

    def _search(self, grants: Sequence[Document], wanted: Wanted, asked: Sequence[str]) -> Verdict:
        outsider = self._system.outsiders(self._claims)
        won: dict[str, Login] = {}
        is_too_narrow = False
        for grant in grants:
            registry = str(grant["registry"])
            if self._entry_name not in _items(grant["issuers"]) or wanted.grant not in (None, grant["name"]):
                continue
            if registry in won or (asked and registry not in asked):
                continue
            if outsider and grant.get("allow_untrusted_triggers") is not True:
                continue
            whole = self._login(grant)
            if whole is None or "report" in (grant.get("mode"), self._entry.get("mode")):
                continue
            login = self._narrowed(whole, wanted.scope) if wanted.scope else whole
            if login is None:
                is_too_narrow = True
                continue
            won[registry] = login
        if won and all(registry in won for registry in asked):
            if not asked and (len(won) > _MOST_REGISTRIES or (wanted.scope and len(won) > 1)):
                return "ambiguous-registry"
            return tuple(won[registry] for registry in (asked or won))
        if outsider:
            return "untrusted-trigger"
        return "scope-exceeds-grant" if wanted.scope and is_too_narrow else "no-matching-grant"

    def _is_in(self, organization: Document) -> bool:
        name, number = organization.get("name"), organization.get("id")
        if number is not None and self._names.get("organization_id") != number:
            return False
        found = self._names.get("organization")
        below = self._system.organization_is_path and str(found).startswith(f"{name}/")
        return name is None or (found is not None and (found == name or below))

    def _is_denied(self, rule: Document) -> bool:
        issuers = _items(rule["issuers"]) if "issuers" in rule else list(_mapping(self._document["issuers"]))
        if self._entry_name not in issuers:
            return False
        return all(
            holds(folded(condition), folded(value)) if is_name else holds(condition, value)
            for condition, value, is_name in self._conditions(rule)
        )

    def _conditions(self, rule: Document) -> Iterator[tuple[Json, Json, bool]]:
        """Yield each condition, the value it is about, and whether that is a name."""
        for name, condition in _mapping(rule.get("match")).items():
            yield self._bare(condition), self._names.get(name), name in _RENAMEABLE
        for path, condition in _leaves(_mapping(rule.get("claims")), ()):
            # A claim behind a name: what the documents do not say of deny rules, and is safer.
            behind = any(self._is_behind(name, path) for name in _RENAMEABLE)
            yield self._bare(condition), self._bare(at(self._claims, path)), behind

    def _is_behind(self, name: str, path: Sequence[str]) -> bool:
        """Say whether the value of `name` changes with the claim at `path`."""
        return name in self._system.names and tuple(path) in self._system.names[name].of

    def _bare(self, value: Json) -> Json:
        return _deep_bare(value) if self._system.braces else value

    def _login(self, grant: Document) -> Login | None:
        """Return what `grant` gives to this run, or None where it does not apply."""
        conditions = list(self._conditions(grant))
        if not all(holds(condition, value) for condition, value, _ in conditions):
            return None
        if self._system.must_match and not self._names_the_source(grant):
            return None
        if "expires" in grant and self._now >= _day_after(str(grant["expires"])):
            return None
        tags = grant.get("session_tags")
        texts = [*map(str, _mapping(tags).values())] if isinstance(tags, dict) else []
        if isinstance(grant.get("source_identity"), str):
            texts.append(str(grant["source_identity"]))
        if any(name not in self._names for text in texts for name in re.findall("{([a-z_]*)}", text)):
            return None
        kind = _mapping(_mapping(self._document["registries"])[str(grant["registry"])])["type"]
        registry, name = str(grant["registry"]), str(grant["name"])
        if kind == "secret":
            return Login(registry=registry, grant=name, is_stored=True)
        own = [self._filled(str(text)) for text in _items(grant.get("repositories"))]
        also = [self._filled(str(text)) for text in _items(grant.get("also_pull"))]
        if any(text is None for text in (*own, *also)):
            return None
        fine = tuple(text for text in own if text is not None)
        further = tuple(text for text in also if text is not None)
        if grant["access"] == "push":
            return Login(registry=registry, grant=name, push=fine, pull=further)
        return Login(registry=registry, grant=name, pull=(*fine, *further))

    def _names_the_source(self, grant: Document) -> bool:
        """Say whether `grant` says where the code comes from, where nothing else tells a fork's run."""
        claim, name = self._system.must_match
        conditions = [_mapping(grant.get("match")).get(name), _mapping(grant.get("claims")).get(claim)]
        return any(
            condition is not None
            and (not isinstance(condition, dict) or "like" in condition or condition.get("exists") is False)
            for condition in conditions
        )

    def _filled(self, template: str) -> str | None:
        parts = re.split("{([a-z_]*)}", template)
        for place, name in enumerate(parts[1::2]):
            value = self._names.get(name)
            if not isinstance(value, str):
                return None
            if name == "organization" and self._system.organization_is_path:
                value = value.split("/")[0]
            if name in ("organization", "repository") and self._system.ignores_case:
                value = "".join(char.lower() if "A" <= char <= "Z" else char for char in value)
            if not _REPOSITORY.fullmatch(value) or ("/" in value and name not in ("organization", "repository")):
                return None
            parts[2 * place + 1] = value
        filled = "".join(parts)
        return filled if len(filled) <= _MOST_CHARACTERS else None

    def _narrowed(self, whole: Login, scope: Sequence[tuple[str, bool]]) -> Login | None:
        kind = _mapping(_mapping(self._document["registries"])[whole.registry])["type"]
        for name, push in scope:
            patterns = whole.push if push else (*whole.push, *whole.pull)
            if kind != "ecr" or not any(iam_matches(pattern, name) for pattern in patterns):
                return None
        return Login(
            registry=whole.registry,
            grant=whole.grant,
            push=tuple(name for name, push in scope if push),
            pull=tuple(name for name, push in scope if not push),
        )

    def _registry(self, asked: str) -> str | None:
        for name, registry in _mapping(self._document["registries"]).items():
            if asked == name or asked in _hosts(_mapping(registry)):
                return name
        return None


def _check_marks(system: System, claims: Document) -> None:
    for path, expected in system.marks.items():
        value = at(claims, path)
        if value is None:
            value = system.defaults.get(path)
        if value in (None, ""):
            raise NotAJob(" ".join(path))
        if isinstance(expected, str) and expected.startswith("*"):
            if not isinstance(value, str) or not value.endswith(expected[1:]):
                raise NotAJob(" ".join(path))
        elif expected is not None and (value != expected or type(value) is not type(expected)):
            raise NotAJob(" ".join(path))


def _leaves(claims: Document, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Json]]:
    for name, condition in claims.items():
        if isinstance(condition, dict) and not set(condition) & set(OPERATORS):
            yield from _leaves(condition, (*path, name))
        else:
            yield (*path, name), condition


def _deep_bare(value: Json) -> Json:
    if isinstance(value, dict):
        return {key: _deep_bare(one) for key, one in value.items()}
    return without_braces(value)


def _hosts(registry: Document) -> list[Json]:
    match registry["type"]:
        case "ecr":
            suffix = "amazonaws.com.cn" if str(registry["region"]).startswith("cn-") else "amazonaws.com"
            own = f"{registry['account']}.dkr.ecr.{registry['region']}.{suffix}"
            return [own, *_items(registry.get("hosts"))]
        case "ecr-public":
            return ["public.ecr.aws"]
        case _:
            host = registry["host"]
            return [*_DOCKER_HUB] if host in _DOCKER_HUB else [host]


def iam_matches(pattern: str, text: str) -> bool:
    """Say whether `text` matches a pattern of IAM's, whose `*` is any run of characters."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text, re.DOTALL) is not None


def _day_after(day: str) -> float:
    return (datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(days=1)).timestamp()


def _mapping(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}


def _mappings(value: Json) -> list[dict[str, Json]]:
    return [one for one in _items(value) if isinstance(one, dict)]


def _items(value: Json) -> list[Json]:
    return value if isinstance(value, list) else [] if value is None else [value]
