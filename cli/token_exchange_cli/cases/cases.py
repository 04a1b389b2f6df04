"""Reads a file of policy tests: the claims, the request and the expected decision."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Final

from token_exchange.core.decision import AccessRequest
from token_exchange.core.policy import ACCESSES
from token_exchange.core.ports import Json
from token_exchange.core.refusals import Reason, Refused
from token_exchange.http.request import parse_scope
from token_exchange.loading.document import read_document
from token_exchange.loading.fields import Fields, Node, Unquoted, closest_match, described, fields_of
from token_exchange.loading.problems import Path, PolicyUnusable, Problems
from token_exchange_cli.console import Unusable
from token_exchange_cli.inputs import STANDARD_INPUT, input_name, read_input, read_json_object

MAX_CASES_BYTES: Final = 16 * 1024 * 1024
_TEXTS: Final = ("grant", "registry", "duration")
LISTS: Final = ("repositories", "also_pull")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedLogin:
    """A login by `grant`, with these fields of an explanation's `registries`, as far as they are given."""

    grant: str
    fields: Mapping[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedDenial:
    """No login, for this reason."""

    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One test. `place` is its position, for messages."""

    name: str
    file: str
    place: str
    issuer: str | None
    claims: Mapping[str, Json]
    ask: AccessRequest
    expected: ExpectedLogin | ExpectedDenial


def read_cases(argument: str) -> tuple[Case, ...]:
    """Return the tests in the file `argument`.

    Raises:
        Unusable: it cannot be read, or is not a file of tests, with every problem on a separate line.
    """
    content = read_input(argument, max_bytes=MAX_CASES_BYTES)
    name = input_name(argument)
    folder = FilePath() if argument == STANDARD_INPUT else FilePath(argument).parent
    problems = Problems()
    try:
        cases = tuple(_cases(read_document(content, problems), name, folder, problems))
        problems.raise_if_any()
    except PolicyUnusable as error:
        raise Unusable("\n".join(f"{name}: {problem}" for problem in error.problems)) from error
    return cases


def _cases(document: Node, file: str, folder: FilePath, problems: Problems) -> Iterator[Case]:
    if not isinstance(document, list):
        problems.add((), "wrong-type", f"expected a list of tests, found {described(document)}")
        return
    if not document:
        problems.add((), "empty", "there are no tests")
    names: set[str] = set()
    for index, node in enumerate(document):
        fields = fields_of(node, (index,), problems)
        case = None if fields is None else _case(fields, file, f"[{index}]", folder)
        if case is None:
            continue
        if case.name in names:
            problems.add((index, "name"), "duplicate-name", "another test of this file has this name")
        names.add(case.name)
        yield case


def _case(fields: Fields, file: str, place: str, folder: FilePath) -> Case | None:
    name, issuer = fields.string("name", required=True), fields.string("issuer")
    claims, expected, ask = _claims(fields, folder), _expected(fields), _ask(fields)
    fields.finish()
    if name is None or claims is None or expected is None:
        return None
    return Case(name=name, file=file, place=place, issuer=issuer, claims=claims, ask=ask, expected=expected)


def _claims(fields: Fields, folder: FilePath) -> dict[str, Json] | None:
    """Return the claims of `claims_file`, with those of `claims` in their stead; None takes one out."""
    path = fields.string("claims_file")
    if path is None and "claims" not in fields:
        fields.problem("claims", "missing", "missing; give claims, claims_file or both")
        return None
    from_file: dict[str, Json] = {}
    if path == STANDARD_INPUT:
        fields.problem("claims_file", "bad-value", "expected a file next to the tests")
    elif path is not None:
        try:
            from_file = read_json_object(str(folder / path))
        except Unusable as error:
            fields.problem("claims_file", "bad-value", error.message)
    node = fields.take("claims")
    if node is None:
        return from_file
    given = _json(node, fields.at("claims"), fields.problems)
    if not isinstance(given, dict):
        fields.problem("claims", "wrong-type", f"expected a mapping, found {described(node)}")
        return None
    return {name: value for name, value in {**from_file, **given}.items() if value is not None}


def _json(node: Node, path: Path, problems: Problems) -> Json:
    match node:
        case Unquoted(text, looks_like):
            problems.add(path, "ambiguous-value", f"looks like {looks_like}; quote it: '{text}'")
            return None
        case list():
            return [_json(item, (*path, index), problems) for index, item in enumerate(node)]
        case dict():
            return {name: _json(value, (*path, name), problems) for name, value in node.items()}
        case _:
            return node


def _ask(fields: Fields) -> AccessRequest:
    ask = fields.mapping("ask")
    if ask is None:
        return AccessRequest()
    registries, grant = ask.strings("registry", single=True), ask.string("grant")
    scope = ask.string("scope")
    ask.finish()
    try:
        return AccessRequest(registries=registries or (), grant=grant, scope=parse_scope(scope))
    except Refused as refused:
        ask.problem("scope", "bad-value", refused.description)
        return AccessRequest()


def _expected(fields: Fields) -> ExpectedLogin | ExpectedDenial | None:
    expect = fields.mapping("expect", required=True)
    if expect is None:
        return None
    if "denied" in expect:
        reason = expect.converted("denied", _reason)
        expect.finish()
        return None if reason is None else ExpectedDenial(reason=reason)
    wanted: dict[str, Json] = {}
    for key in _TEXTS:
        if (text := expect.string(key, required=key == "grant")) is not None:
            wanted[key] = text
    if "access" in expect and (access := expect.choice("access", ACCESSES)) is not None:
        wanted["access"] = access
    for key in LISTS:
        if key in expect and expect.take(key) == []:
            wanted[key] = []
        elif (texts := expect.strings(key)) is not None:
            wanted[key] = [*texts]
    expect.finish()
    grant = wanted.get("grant")
    return ExpectedLogin(grant=grant, fields=wanted) if isinstance(grant, str) else None


def _reason(text: str) -> Reason:
    try:
        return Reason(text)
    except ValueError:
        close = closest_match(text, Reason)
        meant = f" such as {close}" if close else ""
        raise ValueError(f"expected a reason of docs/errors.md{meant}") from None
