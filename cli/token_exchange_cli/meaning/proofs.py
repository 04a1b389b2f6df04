"""Whether two conditions exclude each other, and whether one follows from others.

Every answer is sound and none is complete: `True` is proven, `False` says that nothing was shown. A claim that may be a
list satisfies conditions on two different values at once, so little is ever shown of one whose type is not known.
"""

from collections.abc import Iterable, Sequence

from token_exchange.core.conditions import (
    Condition,
    Equals,
    Exists,
    Key,
    Like,
    NamedCondition,
    Not,
    NotLike,
    RawCondition,
    Test,
    key_of,
)
from token_exchange.core.glob import Glob
from token_exchange.core.identity import Preset
from token_exchange.core.policy import Issuer
from token_exchange.core.sources import REF_PREFIXES, BracedUuid, Claim, ClaimUnless, Constant, PrefixedRef, ShortRef
from token_exchange.core.vocabulary import ClaimPath, Name, Source
from token_exchange.presets.gitlab import TypedRef
from token_exchange_cli.meaning.conditions import allowed_values, is_on_claim, is_on_name
from token_exchange_cli.meaning.patterns import begin_alike, is_within, literal_beginning


def is_present(name: Name, issuer: Issuer) -> bool:
    """Say whether every token that `issuer` accepts has a value for `name`."""
    match issuer.preset.vocabulary.get(name):
        case Constant():
            return True
        case Claim(path) | BracedUuid(path) if path in issuer.preset.marks:
            return True
        case None:
            return False
        case _:
            return allowed_values(name, issuer, of_groups=True) is not None


def exclude_each_other(one: Condition, other: Condition, presets: Sequence[Preset]) -> bool:
    """Say whether no token of any of `presets` can satisfy both."""
    return bool(presets) and all(_exclude(one, other, preset) for preset in presets)


def never_holds(condition: Condition, presets: Sequence[Preset]) -> bool:
    """Say whether no token of any of `presets` can satisfy `condition`, even without other conditions."""
    if not condition.holds(None) and _is_absence(condition):
        return True
    values = only_values(condition, presets)
    if values is not None:
        return not values
    likes = [{glob.pattern for glob in test.globs} for test in condition.tests if isinstance(test, Like)]
    unlike = {glob.pattern for test in condition.tests if isinstance(test, NotLike) for glob in test.globs}
    return any(like <= unlike for like in likes) and all(_is_one_value(condition, preset) for preset in presets)


def no_token_has(condition: Condition, issuer: Issuer) -> bool:
    """Say whether `condition` contradicts a value that every token of `issuer` has."""
    preset = issuer.preset
    if isinstance(condition, NamedCondition):
        return _is_absence(condition) and is_present(condition.name, issuer)
    if _is_absence(condition):
        return condition.path in preset.marks
    values = preset.required_values.get(condition.path)
    return values is not None and not any(map(condition.holds, values))


def can_hold_together(conditions: Sequence[Condition], presets: Sequence[Preset]) -> bool:
    """Say whether nothing was found that keeps all of `conditions` from holding of one token of some of `presets`."""
    return not any(
        exclude_each_other(one, other, presets)
        for place, one in enumerate(conditions)
        for other in conditions[place + 1 :]
    )


def follows(wanted: Condition, given: Sequence[Condition], issuers: Sequence[Issuer]) -> bool:
    """Say whether `wanted` holds of every token of `issuers` of which all of `given` do."""
    presets = [issuer.preset for issuer in issuers]
    return any(_entails(one, wanted, presets) for one in given) or all(_goes_without(wanted, one) for one in issuers)


def only_values(condition: Condition, presets: Sequence[Preset]) -> frozenset[Key] | None:
    """Return the only values that the claim can have where `condition` holds, if they are few; each is one value."""
    if condition.ignore_case or not all(_is_one_value(condition, preset) for preset in presets):
        return None
    keys: frozenset[Key] | None = None
    for test in condition.tests:
        found = _values(test) if isinstance(test, Equals | Like) else None
        if found is not None:
            keys = found if keys is None else keys & found
    return None if keys is None else frozenset(key for key in keys if condition.holds(key[1]))


def _values(test: Equals | Like) -> frozenset[Key] | None:
    match test:
        case Equals(keys):
            return keys
        case Like(globs):
            if any(set("*?") & set(glob.pattern) for glob in globs):
                return None
            return frozenset(key for glob in globs if (key := key_of(glob.pattern)) is not None)


def _is_one_value(condition: Condition, preset: Preset) -> bool:
    """Say whether no accepted token has a list for the claim: a name is never one, nor is a string claim."""
    return isinstance(condition, NamedCondition) or is_text(condition.path, preset)


def is_text(path: ClaimPath, preset: Preset) -> bool:
    """Say whether a token is refused if its claim at `path` is present, but not a string."""
    known = preset.nested_claims.get(path) if path[1:] else preset.claims.get(path[0])
    return known == "text" or path == ("sub",)


def _exclude(one: Condition, other: Condition, preset: Preset) -> bool:
    if one.document_path == other.document_path:
        return _have_no_value_in_common(one, other, preset)
    if _is_raw_of(one, other, preset) or _is_raw_of(other, one, preset):
        return _differ_as_text(one, other, preset)
    return any(
        _is_short_of_other_type(short, ref, preset)
        or _is_short_of_another(short, ref, preset)
        or _is_of_another_type(short, ref, preset)
        for short, ref in ((one, other), (other, one))
    )


def _reading(condition: Condition) -> tuple[bool, bool]:
    """Return how `condition` reads a value before it compares it."""
    return condition.ignore_case, condition.strip_braces


def _have_no_value_in_common(one: Condition, other: Condition, preset: Preset) -> bool:
    if (_is_absence(one) and not other.holds(None)) or (_is_absence(other) and not one.holds(None)):
        return True
    if _reading(one) != _reading(other) or not _is_one_value(one, preset):
        return False
    for first, second in ((one, other), (other, one)):
        values = only_values(first, [preset])
        if values is not None and not first.holds(None) and not any(second.holds(value) for _, value in values):
            return True
    return _begin_differently(_beginnings(one), _beginnings(other))


def _is_raw_of(raw: Condition, named: Condition, preset: Preset) -> bool:
    """Say whether `raw` is on the claim whose unaltered value is the name of `named`."""
    if not isinstance(raw, RawCondition) or not isinstance(named, NamedCondition):
        return False
    if raw.strip_braces != named.strip_braces or raw.ignore_case or named.ignore_case:
        return False
    match preset.vocabulary.get(named.name):
        case Claim(path) | BracedUuid(path):
            return path == raw.path and _is_one_value(raw, preset)
        case _:
            return False


def _differ_as_text(one: Condition, other: Condition, preset: Preset) -> bool:
    """Say so for a name and its claim. The name treats an empty string as absent, so absence proves nothing here."""
    for first, second in ((one, other), (other, one)):
        values = only_values(first, [preset])
        if values is not None and not any(second.holds(None if value == "" else value) for _, value in values):
            return True
    return False


def _source(condition: Condition, preset: Preset) -> Source | None:
    """Return where the value comes from, if `condition` is on a name."""
    return preset.vocabulary.get(condition.name) if isinstance(condition, NamedCondition) else None


def _is_short_of_other_type(one: Condition, other: Condition, preset: Preset) -> bool:
    """Say whether one requires a branch and the other a tag, and `preset` never has both."""
    if not (is_on_name(one, "branch") and is_on_name(other, "tag")):
        return False
    if one.holds(None) or other.holds(None):
        return False
    match _source(one, preset), _source(other, preset):
        case (ShortRef(ref_type=first), ShortRef(ref_type=second)) | (
            TypedRef(ref_type=first),
            TypedRef(ref_type=second),
        ):
            return first == second
        case PrefixedRef(path=first), PrefixedRef(path=second):
            return first == second
        case ClaimUnless(unless=unless), Claim(path) | ClaimUnless(path=path):
            return unless == path
        case _:
            return False


def _is_of_another_type(short: Condition, ref_type: Condition, preset: Preset) -> bool:
    """Say whether `short` requires a branch or tag, and `ref_type` a ref of another type."""
    source = _source(short, preset)
    if not isinstance(source, ShortRef | TypedRef) or short.holds(None):
        return False
    if not is_on_claim(ref_type, source.ref_type) or ref_type.ignore_case:
        return False
    return _is_one_value(ref_type, preset) and not ref_type.holds(source.type)


def _is_short_of_another(short: Condition, ref: Condition, preset: Preset) -> bool:
    """Say whether `short` requires a branch or tag other than the one in the full `ref`."""
    source = _source(short, preset)
    if not isinstance(source, ShortRef | PrefixedRef) or short.holds(None) or short.ignore_case or ref.ignore_case:
        return False
    path = source.ref if isinstance(source, ShortRef) else source.path
    behind = Claim(ref.path) if isinstance(ref, RawCondition) else _source(ref, preset)
    if behind != Claim(path) or not _is_one_value(ref, preset):
        return False
    prefix = REF_PREFIXES[source.type]
    shorts, refs = only_values(short, [preset]), only_values(ref, [preset])
    if shorts is not None:
        return not any(ref.holds(f"{prefix}{value}") for _, value in shorts)
    if refs is not None:
        texts = [value for _, value in refs if isinstance(value, str) and value.startswith(prefix)]
        return not any(short.holds(text.removeprefix(prefix)) for text in texts)
    beginnings = _beginnings(short)
    return _begin_differently(
        [prefix] if beginnings is None else [prefix + one for one in beginnings], _beginnings(ref)
    )


def _beginnings(condition: Condition) -> list[str] | None:
    """Return texts with one of which the value begins, where `condition` has patterns."""
    for test in condition.tests:
        if isinstance(test, Like):
            return [literal_beginning(glob.pattern) for glob in test.globs]
    return None


def _begin_differently(some: Iterable[str] | None, others: Sequence[str] | None) -> bool:
    if some is None or others is None:
        return False
    return not any(begin_alike(one, other) for one in some for other in others)


def _entails(given: Condition, wanted: Condition, presets: Sequence[Preset]) -> bool:
    if _reading(given) != _reading(wanted):
        return False
    if given.document_path == wanted.document_path:
        if all(any(_is_at_least(has, wants) for has in given.tests) for wants in wanted.tests):
            return True
        if all(isinstance(test, Exists) and test.present for test in wanted.tests):
            return not given.holds(None)
    elif not all(_is_raw_of(given, wanted, one) or _is_raw_of(wanted, given, one) for one in presets):
        return False
    values = only_values(given, presets)
    return values is not None and not given.holds(None) and all(wanted.holds(value) for _, value in values)


def _is_at_least(has: Test, wants: Test) -> bool:
    match has, wants:
        case Equals(some), Equals(others):
            return some <= others
        case Equals(some), Like():
            return all(wants.holds(value) for _, value in some)
        case Like(some_globs), Like(other_globs):
            return _are_within(some_globs, other_globs)
        case Not(some), Not(others):
            # Of each type that is given, and of no other, something may be.
            return others <= some and {kind for kind, _ in others} == {kind for kind, _ in some}
        case NotLike(some_globs), NotLike(other_globs):
            return _are_within(other_globs, some_globs)
        case _:
            return has == wants


def _are_within(globs: Sequence[Glob], others: Sequence[Glob]) -> bool:
    return all(any(is_within(glob.pattern, other.pattern) for other in others) for glob in globs)


def _goes_without(wanted: Condition, issuer: Issuer) -> bool:
    """Say whether `wanted` follows from the allowlist of `issuer` or from what its preset requires of a token."""
    if not isinstance(wanted, NamedCondition) or wanted.name not in issuer.preset.vocabulary or wanted.ignore_case:
        return False
    if all(isinstance(test, Exists) and test.present for test in wanted.tests):
        return is_present(wanted.name, issuer)
    values = allowed_values(wanted.name, issuer, of_groups=False)
    return values is not None and not wanted.strip_braces and all(wanted.holds(value) for value in values)


def _is_absence(condition: Condition) -> bool:
    return any(isinstance(test, Exists) and not test.present for test in condition.tests)
