"""The linter: runs the rules, and finds line and column of each finding with the loader's own YAML reader."""

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date
from typing import Final

from token_exchange.core.policy import Grant
from token_exchange.loading.document import readable_text
from token_exchange.loading.fields import Node
from token_exchange.loading.problems import Path, Place, PolicyUnusable, Problem, Problems
from token_exchange.loading.yaml import read_yaml
from token_exchange_cli.inputs import PolicyInput
from token_exchange_cli.lint.finding import Finding, Located, Rule, Subject
from token_exchange_cli.lint.rules import (
    deny,
    issuers,
    likely,
    never,
    order,
    outsiders,
    patterns,
    pushing,
    repositories,
    terms,
)
from token_exchange_cli.meaning.patterns import PLACEHOLDER, has_placeholder

START: Final = Place(line=1, column=1)

_ALLOW: Final = re.compile(r"# *lint: allow ([a-z-]+): *[^ ]")
"""The comment that allows a warning: a code and a reason. Without a reason it allows nothing."""


class Places:
    """The places of all fields of one document, up to where the loader stops reading.

    `grants` has the index of each grant by name, `placeholders` the fields that still contain one.
    """

    def __init__(self, content: bytes) -> None:
        self._lines = content.decode("utf-8", "replace").split("\n")
        self._places: dict[Path, Place] = {}
        node: Node = None
        with suppress(PolicyUnusable):  # the loader reports the problems, with their places
            node = read_yaml(readable_text(content), Problems(), places=self._places)
        self._places[()] = START
        self.grants: Mapping[str, int] = {name: number for number, name in reversed([*_grant_names(node)])}
        self.placeholders: Sequence[Path] = [path for path, text in _texts(node, ()) if has_placeholder(text)]

    def of(self, path: Path) -> Place:
        """Return the place of the field at `path`, or of its closest parent."""
        return next(place for end in range(len(path), -1, -1) if (place := self._places.get(path[:end])) is not None)

    def is_allowed(self, code: str, place: Place) -> bool:
        """Return whether a comment allows `code` here: at the end of the line, or on separate lines before it."""
        above = itertools.takewhile(lambda line: line.lstrip().startswith("#"), reversed(self._lines[: place.line - 1]))
        return any(found[1] == code for line in (self._lines[place.line - 1], *above) if (found := _ALLOW.search(line)))


def _texts(node: Node, path: Path) -> Iterator[tuple[Path, str]]:
    """Yield each string with its path; the loader bounds the depth."""
    match node:
        case str():
            yield path, node
        case list():
            for number, element in enumerate(node):
                yield from _texts(element, (*path, number))
        case dict():
            for name, value in node.items():
                yield from _texts(value, (*path, name))
        case _:
            pass


def _grant_names(document: Node) -> Iterator[tuple[int, str]]:
    match document:
        case {"grants": [*grants]}:
            for number, grant in enumerate(grants):
                match grant:
                    case {"name": str() as name}:
                        yield number, name
                    case _:
                        pass
        case _:
            pass


class Sources:
    """The files of one policy."""

    def __init__(self, given: PolicyInput) -> None:
        self._given = given
        self._places = {file: Places(content) for file, content in given.texts().items()}

    def placeholders(self) -> Iterator[Finding]:
        """Yield each field that still contains the placeholder of `policy import`: the policy is not finished."""
        for file, places in self._places.items():
            for path in places.placeholders:
                yield Finding(
                    severity="error",
                    code="placeholder-left",
                    path=path,
                    message=f"{PLACEHOLDER} is a placeholder for a missing value, and grants nothing",
                    suggestion="replace it",
                    file=file,
                )

    def located(self, finding: Finding, grants: Sequence[Grant]) -> Located:
        """Return `finding` with its place; `grants` are those of the policy, in its order, where it loads."""
        file = finding.file or self._given.document.name
        path = finding.path
        match path:
            case ("grants", int() as number, *rest) if self._given.is_folder and finding.file is None:
                file, path = self._of_grant(grants[number].name, rest)
            case _:
                pass
        place = finding.place or (self._places[file].of(path) if file in self._places else START)
        shown = f"{self._given.name.rstrip('/')}/{file}" if self._given.is_folder else self._given.name
        is_allowed = (
            finding.severity == "warning"
            and file in self._places
            and self._places[file].is_allowed(finding.code, place)
        )
        return Located(finding=finding, file=shown, place=place, is_allowed=is_allowed)

    def _of_grant(self, name: str, rest: Sequence[str | int]) -> tuple[str, Path]:
        """Return the file that has the grant `name`, and the path in it."""
        for file, places in self._places.items():
            if name in places.grants:
                return file, ("grants", places.grants[name], *rest)
        return self._given.document.name, ()


RULES: Final[tuple[Rule, ...]] = (
    *issuers.RULES,
    *likely.RULES,
    *deny.RULES,
    *pushing.RULES,
    *outsiders.RULES,
    *patterns.RULES,
    *repositories.RULES,
    *never.RULES,
    *order.RULES,
    *terms.RULES,
)


def findings(given: PolicyInput, *, today: date) -> list[Located]:
    """Return what is wrong with the policy, in the order of its files: errors, or the risks if it loads.

    A warning that a comment allows is not among them.
    """
    grants: Sequence[Grant] = ()
    try:
        policy = given.load()
        grants = policy.grants
        found = list(warnings(Subject(policy=policy, today=today)))
    except PolicyUnusable as unusable:
        found = [error(problem) for problem in unusable.problems]
    sources = Sources(given)
    found += sources.placeholders()
    located = [one for one in (sources.located(one, grants) for one in found) if not one.is_allowed]
    return sorted(located, key=lambda one: (one.file, one.place.line, one.place.column))


_ADVICE: Final = re.compile("(.*?); ((?:quote it|write |did you mean |give one, ).*)", re.DOTALL)
"""A message whose second part says what to write instead."""


def warnings(subject: Subject) -> Iterator[Finding]:
    """Yield the risks in a policy that loads."""
    for rule in RULES:
        yield from rule(subject)


def error(problem: Problem) -> Finding:
    """Return a problem of the loader as a finding, with the advice in its message as the suggestion."""
    found = _ADVICE.fullmatch(problem.message)
    message, advice = (problem.message, "") if found is None else (found[1], found[2])
    return Finding(
        severity="error",
        code=problem.code,
        path=problem.path,
        message=message,
        suggestion=advice,
        file=problem.file,
        place=problem.place,
    )
