"""Reads the conditions of a grant or a deny rule.

A condition that can never match is an error. In a grant it denies a login without explanation, and in a deny rule it
blocks no one, which is noticed only when the rule is needed.
"""

from collections.abc import Sequence
from typing import Final

from token_exchange.core.conditions import (
    Condition,
    Equals,
    Exists,
    Like,
    NamedCondition,
    Not,
    NotLike,
    RawCondition,
    Scalar,
    Test,
    keys_of,
)
from token_exchange.core.glob import MAX_GLOB_CHARACTERS, compile_glob
from token_exchange.core.identity import ClaimType, Preset
from token_exchange.core.ports import Json
from token_exchange.core.refusals import quoted
from token_exchange.core.vocabulary import IDS, NAMES, RENAMEABLE, ClaimPath, Name, without_braces
from token_exchange.loading.fields import Fields, Node, Unquoted, described, did_you_mean, fields_of
from token_exchange.loading.problems import Path, Problems

_OPERATORS: Final = frozenset({"like", "not", "not_like", "exists"})
SEVERAL_ISSUERS: Final = "an id is unique only within one issuer, and this grant has several"


def read_conditions(fields: Fields, presets: Sequence[Preset], *, deny: bool) -> tuple[Condition, ...]:
    """Return the conditions under `match` and `claims`, for tokens of the issuers with `presets`.

    A name must be one that the tokens of every issuer can have; in a deny rule, of at least one issuer.
    """
    found: list[Condition] = []
    match = fields.mapping("match")
    if match is not None:
        for name in match.names():
            found += _read_match(match, name, presets, deny=deny)
    claims = fields.mapping("claims")
    if claims is not None:
        for name in claims.names():
            found += _Claims(presets, claims.problems, deny=deny).read((name,), claims.take(name), claims.at(name))
    return tuple(found)


def _read_match(match: Fields, key: str, presets: Sequence[Preset], *, deny: bool) -> list[Condition]:
    node = match.take(key)
    name = next((name for name in NAMES if name == key), None)
    if name is None:
        hint = did_you_mean(key, NAMES) or f": {', '.join(NAMES)}"
        match.problem(key, "unknown-name", f"not a name of the vocabulary{hint}")
        return []
    if not _can_be_had(name, presets, deny=deny):
        providers = ", ".join(sorted({preset.provider for preset in presets if name not in preset.vocabulary}))
        match.problem(name, "unknown-name", f"tokens of {providers} do not have it; put raw claims under claims")
        return []
    if name in IDS and len(presets) > 1 and not deny:
        match.problem(name, "conflict", SEVERAL_ISSUERS)
    wanted: ClaimType = "boolean" if name == "ref_protected" else "text"
    form = _Form(
        match.problems,
        [wanted],
        ignore_case=deny and name in RENAMEABLE,
        strip_braces=any(preset.is_braced(name) for preset in presets),
        empty_is_absent=True,
        deny=deny,
    )
    tests = form.read(node, match.at(name))
    if not tests:
        return []
    return [
        NamedCondition(
            name=name,
            tests=tests,
            expected=_as_written(node),
            ignore_case=form.ignore_case,
            strip_braces=form.strip_braces,
        )
    ]


def _can_be_had(name: Name, presets: Sequence[Preset], *, deny: bool) -> bool:
    has = [name in preset.vocabulary for preset in presets]
    return (any(has) or not has) if deny else all(has)


class _Claims:
    """Reads raw claims, which may be nested: a mapping without operators contains the claims inside this one."""

    def __init__(self, presets: Sequence[Preset], problems: Problems, *, deny: bool) -> None:
        self._presets = presets
        self._problems = problems
        self._deny = deny

    def read(self, path: ClaimPath, node: Node, at: Path) -> list[Condition]:
        if isinstance(node, dict) and not _OPERATORS.intersection(node):
            fields = fields_of(node, at, self._problems)
            if fields is None or not self._can_lead_further(path, at):
                return []
            return [
                condition
                for name in fields.names()
                for condition in self.read((*path, name), fields.take(name), fields.at(name))
            ]
        if node is None:
            return []
        if not self._deny and len(self._presets) > 1 and self._is_source_of(path, IDS):
            self._problems.add(at, "conflict", SEVERAL_ISSUERS)
        types = [preset.claim_type(path) for preset in self._presets]
        form = _Form(
            self._problems,
            types,
            ignore_case=self._deny and self._is_source_of(path, RENAMEABLE),
            # The token's own braces are left off here too: a deny rule without them would never hold.
            strip_braces=any(path in preset.braced_uuids for preset in self._presets),
            empty_is_absent=False,
            deny=self._deny,
        )
        tests = form.read(node, at)
        if not tests:
            return []
        return [
            RawCondition(
                path=path,
                tests=tests,
                expected=_as_written(node),
                ignore_case=form.ignore_case,
                strip_braces=form.strip_braces,
            )
        ]

    def _can_lead_further(self, path: ClaimPath, at: Path) -> bool:
        wrong = _misfit([preset.claim_type(path) for preset in self._presets], ("any", "object"), deny=self._deny)
        if wrong is not None:
            # Most likely a misspelt operator; a deny rule with it would never match, and no one would notice.
            expected = f"expected a value or operators ({', '.join(sorted(_OPERATORS))})"
            self._problems.add(at, "wrong-type", f"the claim is {_with_article(wrong)}; {expected}")
        return wrong is None

    def _is_source_of(self, path: ClaimPath, names: frozenset[Name]) -> bool:
        """Return whether the value of one of `names` is computed from the claim at `path`, for any of the issuers."""
        return any(
            path in source.source_claims
            for preset in self._presets
            for name, source in preset.vocabulary.items()
            if name in names
        )


class _Form:
    """Reads the condition on one claim: a value, a list of values, or operators."""

    def __init__(
        self,
        problems: Problems,
        types: Sequence[ClaimType],
        *,
        ignore_case: bool,
        strip_braces: bool,
        empty_is_absent: bool,
        deny: bool,
    ) -> None:
        self._problems = problems
        self._types = types
        self.ignore_case = ignore_case
        self.strip_braces = strip_braces
        self._empty_is_absent = empty_is_absent
        self._deny = deny

    def read(self, node: Node, at: Path) -> tuple[Test, ...]:
        if node is None:
            return ()
        return tuple(self._operators(node, at) if isinstance(node, dict) else self._equals(node, at))

    def _operators(self, node: dict[str, Node], at: Path) -> list[Test]:
        tests: list[Test] = []
        for operator, operand in node.items():
            here = (*at, operator)
            match operator:
                case "like" | "not_like":
                    globs = tuple(compile_glob(self._casefolded(text)) for text in self._texts(operand, here))
                    tests += [Like(globs) if operator == "like" else NotLike(globs)] if globs else []
                case "not":
                    values = self._values(operand, here)
                    tests += [Not(keys_of(values, ignore_case=self.ignore_case))] if values else []
                case "exists":
                    if isinstance(operand, bool):
                        tests.append(Exists(operand))
                    else:
                        self._problems.add(here, "wrong-type", f"expected true or false, found {described(operand)}")
                case _:
                    self._problems.add(here, "conflict", f"expected only operators ({', '.join(sorted(_OPERATORS))})")
        if not node:
            self._problems.add(at, "empty", "expected at least one key, found an empty mapping")
        return tests

    def _equals(self, node: Node, at: Path) -> list[Test]:
        values = self._values(node, at)
        return [Equals(keys_of(values, ignore_case=self.ignore_case))] if values else []

    def _casefolded(self, text: str) -> str:
        return text.casefold() if self.ignore_case else text

    def _texts(self, node: Node, at: Path) -> list[str]:
        texts: list[str] = []
        for value in self._values(node, at, globs=True):
            if isinstance(value, str):
                if len(value) > MAX_GLOB_CHARACTERS:
                    found = f"expected a glob of at most {MAX_GLOB_CHARACTERS} characters, found {len(value)}"
                    self._problems.add(at, "bad-value", found)
                    continue
                texts.append(value)
                if self.strip_braces and (value.startswith("{") or value.endswith("}")):
                    # Part of a UUID with part of its braces: no value has them any more, and not_like always held.
                    self._problems.add(
                        at, "bad-value", f"the value is compared without braces; remove them from {quoted(value)}"
                    )
            else:
                self._problems.add(at, "wrong-type", f"expected a string, found {described(value)}")
        return texts

    def _values(self, node: Node, at: Path, *, globs: bool = False) -> list[Scalar]:
        if isinstance(node, list):
            if not node:
                self._problems.add(at, "empty", "expected at least one item, found an empty list")
            places = [((*at, index), item) for index, item in enumerate(node)]
        else:
            places = [(at, node)]
        values = [self._value(item, place, globs=globs) for place, item in places]
        return [value for value in values if value is not None]

    def _value(self, node: Node, at: Path, *, globs: bool) -> Scalar | None:
        match node:
            case Unquoted(text, looks_like):
                self._problems.add(at, "ambiguous-value", f"looks like {looks_like}; quote it: '{text}'")
                return None
            case "" if self._empty_is_absent or globs:
                self._problems.add(at, "empty", "expected a non-empty string; use {exists: false} for an absent claim")
                return None
            case None | list() | dict():
                self._problems.add(
                    at, "wrong-type", f"expected a string, a number or a boolean, found {described(node)}"
                )
                return None
            case str() | bool() | int() | float():
                value = without_braces(node) if self.strip_braces and isinstance(node, str) else node
                return value if self._fits(value, at, globs=globs) else None

    def _fits(self, value: Scalar, at: Path, *, globs: bool) -> bool:
        if isinstance(value, str) and "*" in value and not globs:
            # In IAM's StringEquals an asterisk is not a wildcard, so such a statement matches nothing, silently.
            self._problems.add(
                at, "bad-value", f"a plain value is compared exactly; for a pattern write {{like: {quoted(value)}}}"
            )
            return False
        found: ClaimType = "text" if isinstance(value, str) else "boolean" if isinstance(value, bool) else "number"
        wanted = _misfit(self._types, (found, "any", "list"), deny=self._deny)
        if wanted is not None:
            shown = str(value).lower() if isinstance(value, bool) else str(value)
            advice = f"; quote it: '{shown}'" if wanted == "text" else ""
            self._problems.add(
                at, "wrong-type", f"the claim is {_with_article(wanted)}, found {described(value)}{advice}"
            )
        return wanted is None


def _misfit(types: Sequence[ClaimType], fitting: Sequence[ClaimType], *, deny: bool) -> ClaimType | None:
    """Return one of `types` that is not in `fitting`, or None; for a deny rule, one fitting type is enough."""
    wrong = [found for found in types if found not in fitting]
    return wrong[0] if wrong and (not deny or len(wrong) == len(types)) else None


def _with_article(claim_type: ClaimType) -> str:
    article = "an" if claim_type in ("object", "any") else "a"
    return f"{article} {'string' if claim_type == 'text' else claim_type}"


def _as_written(node: Node) -> Json:
    """Return `node` as explanations show what was expected; a single value becomes a list of one."""
    if isinstance(node, dict):
        return {key: _as_written(value) if key != "exists" else _plain(value) for key, value in node.items()}
    return [_plain(item) for item in node] if isinstance(node, list) else [_plain(node)]


def _plain(node: Node) -> Json:
    match node:
        case Unquoted(text, _):
            return text
        case list():
            return [_plain(item) for item in node]
        case dict():
            return {key: _plain(value) for key, value in node.items()}
        case _:
            return node
