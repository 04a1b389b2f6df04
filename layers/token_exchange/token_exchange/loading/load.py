"""Loads a policy: returns one immutable value with its index of grants, or raises all problems of the document."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from token_exchange.core.conditions import Condition, Key, NamedCondition, RawCondition, key_of
from token_exchange.core.policy import DenyRule, Grant, Issuer, Policy, Registry
from token_exchange.core.ports import Json
from token_exchange.core.record import record
from token_exchange.core.refusals import Refused
from token_exchange.core.trust import IssuerTrust
from token_exchange.core.vocabulary import NAMES, Vocabulary
from token_exchange.loading.document import Content, NamedFiles, ReadFile, identity_of, is_compiled, read_mapping
from token_exchange.loading.fields import Fields, described, unreadable
from token_exchange.loading.grants import read_deny, read_grants
from token_exchange.loading.issuers import NO_STATE, read_issuers
from token_exchange.loading.problems import Problems
from token_exchange.loading.registries import partition_of, read_registries

if TYPE_CHECKING:
    from token_exchange.loading.compiled import CompiledFile, Slot, SlotPlaces


def load_policy(
    document: Content,
    *,
    name: str,
    read_file: ReadFile | None,
    own_region: str | None = None,
    has_state: bool = True,
    grant_files: Mapping[str, bytes] | None = None,
) -> Policy:
    """Return the policy in `document`, which is YAML or JSON, or a policy that was compiled.

    `name` is the document's file name, which is part of the policy's identity. `read_file` reads the files that it
    names, and is None if the document does not come from a file. `own_region` is the service's region, if it is known:
    roles of another partition cannot be assumed. `has_state` is whether there is a state table, which `single_use` and
    budgets require. `grant_files` are the grant files of a policy that is a folder, by path. The grants of a compiled
    policy are read when they are needed.

    Raises:
        PolicyUnusable: with all problems, each with the path to its field.
    """
    problems = Problems(file=None if grant_files is None else name)
    compiled = _opened(document, is_folder=grant_files is not None) if is_compiled(document) else None
    files = NamedFiles(read_file if compiled is None else compiled.read_named)
    text = bytes(document) if compiled is None else compiled.head.document.encode()
    fields = read_mapping(text, problems)
    if fields is None:
        problems.raise_if_any()
        raise AssertionError("read_mapping returned None without a problem")
    _check_version(fields)
    issuers = read_issuers(fields, files, has_state=has_state)
    registries = read_registries(fields, None if own_region is None else partition_of(own_region))
    deny = read_deny(fields, issuers)
    grants: tuple[Grant, ...] = ()
    if compiled is None:
        grants = _read_grants(fields, grant_files, issuers, registries, has_state=has_state)
    elif compiled.head.uses_single_use and not has_state:
        fields.problem("grants", "conflict", f"single_use {NO_STATE}")
    fields.finish()
    problems.raise_if_any()
    named = files.read_so_far()
    policy = _policy(
        identity_of(name, text, named, grant_files=grant_files),
        tuple(sorted(named)),
        {entry: issuer for entry, issuer in issuers.items() if issuer is not None},
        {entry: registry for entry, registry in registries.items() if registry is not None},
        deny,
        grants,
    )
    return policy if compiled is None else _with_compiled_grants(policy, compiled, has_state=has_state)


def _check_version(fields: Fields) -> None:
    version = fields.take("version", required=True)
    if version is not None and (version != 1 or isinstance(version, bool)):
        fields.problem("version", "bad-value", f"expected 1, found {described(version)}")


def _read_grants(
    fields: Fields,
    grant_files: Mapping[str, bytes] | None,
    issuers: Mapping[str, Issuer | None],
    registries: Mapping[str, Registry | None],
    *,
    has_state: bool,
) -> tuple[Grant, ...]:
    """Return the grants of the document, or those of its grant files if it is a folder."""
    if grant_files is not None:
        # Imported here to keep the cold start short: most policies are not folders.
        from token_exchange.loading.folder import read_grant_files  # noqa: PLC0415 - as said above

        return read_grant_files(fields, grant_files, issuers, registries, has_state=has_state)
    grants = tuple(grant for _, grant in read_grants(fields, issuers, registries, has_state=has_state))
    if "files" in fields:
        fields.ignore("files")
        # Without files of grants, the limits under `files` would have no effect.
        fields.problem("files", "conflict", "only allowed in a policy that is a folder")
    return grants


def _policy(
    sha256: str,
    files: tuple[str, ...],
    issuers: Mapping[str, Issuer],
    registries: Mapping[str, Registry],
    deny: Sequence[DenyRule],
    grants: Sequence[Grant],
) -> Policy:
    by_name_or_host = {key: registry for registry in registries.values() for key in (registry.name, *registry.hosts)}
    indexes = {
        name: index_grants([(index, grant.conditions) for index, grant in enumerate(grants) if name in grant.issuers])
        for name in issuers
    }
    return Policy(
        sha256=sha256,
        files=files,
        issuers=MappingProxyType(dict(issuers)),
        registries=MappingProxyType(dict(registries)),
        deny=tuple(deny),
        grants=tuple(grants),
        issuers_by_url=_by_url(issuer.trust for issuer in issuers.values()),
        registries_by_name_or_host=MappingProxyType(by_name_or_host),
        grant_names=frozenset(grant.name for grant in grants),
        indexes=MappingProxyType(indexes),
        claims_in_conditions=frozenset(
            condition.path[0]
            for conditions in [*(rule.conditions for rule in deny), *(grant.conditions for grant in grants)]
            for condition in conditions
            if isinstance(condition, RawCondition)
        ),
    )


def _opened(document: Content, *, is_folder: bool) -> "CompiledFile":
    # Imported here to keep the cold start short: most policies are not compiled.
    from token_exchange.loading.compiled import CompiledFile  # noqa: PLC0415 - as said above

    if is_folder:
        raise unreadable("expected a source: a compiled policy contains all grants, and cannot be part of a folder")
    return CompiledFile(document)


def _with_compiled_grants(policy: Policy, compiled: "CompiledFile", *, has_state: bool) -> Policy:
    """Return `policy`, which has no grants, with those of `compiled`, and with the identity of its source."""
    from token_exchange.loading import compiled as form  # noqa: PLC0415 - as in `_opened`

    grants = form.CompiledGrants(compiled, policy.issuers, policy.registries, has_state=has_state)
    return replace(
        policy,
        sha256=compiled.head.source_sha256,
        files=(),
        grants=grants,
        grant_names=form.CompiledNames(grants),
        indexes=MappingProxyType({name: _compiled_index(compiled, name) for name in policy.issuers}),
        claims_in_conditions=compiled.head.claims_in_conditions,
    )


def _compiled_index(compiled: "CompiledFile", issuer: str) -> "ExactValueIndex":
    from token_exchange.loading import compiled as form  # noqa: PLC0415 - as in `_opened`

    slots = compiled.head.slots.get(issuer, ())
    try:
        return ExactValueIndex(
            all=compiled.places(form.list_key("all", issuer)),
            unindexed=compiled.places(form.list_key("unindexed", issuer)),
            slots={slot: form.SlotPlaces(compiled, issuer, slot) for slot in slots},
            slot_conditions={slot: _slot_condition(slot) for slot in slots},
        )
    except Refused as refused:
        raise unreadable(refused.description) from refused


def _slot_condition(slot: "Slot") -> Condition:
    """Return a condition that reads the value of `slot`, and tests nothing.

    Raises:
        PolicyUnusable: there is no such name.
    """
    path, strip_braces = slot
    if path[:1] == ("claims",):
        return RawCondition(path=path[1:], tests=(), expected=None, strip_braces=strip_braces)
    for name in NAMES:
        if path == ("match", name):
            return NamedCondition(name=name, tests=(), expected=None, strip_braces=strip_braces)
    raise unreadable("a compiled policy with an unknown name in its index; compile the policy with this version")


def _by_url(trusts: Iterable[IssuerTrust]) -> Mapping[str, Sequence[IssuerTrust]]:
    by_url: dict[str, list[IssuerTrust]] = {}
    for trust in trusts:
        by_url.setdefault(trust.url, []).append(trust)
    return MappingProxyType({url: tuple(entries) for url, entries in by_url.items()})


@record
class ExactValueIndex:
    """Finds the grants of one issuer that can apply to a token without looking at those that cannot.

    Each grant is filed under the exact values of one of its conditions, the one whose values are rarest among the
    grants. A token then looks up its own values, so that a decision among 100,000 grants costs what one among ten does.
    This only leaves out what cannot win: whether a grant wins is said in `core/evaluate.py` only.

    `unindexed` are the grants without an exact condition, which every token has to look at. `slots` has the others by
    the values that they want, and `slot_conditions` a condition of each slot, which reads the token's value.
    """

    all: tuple[int, ...]
    unindexed: tuple[int, ...]
    slots: Mapping["Slot", "Mapping[Key, tuple[int, ...]] | SlotPlaces"]
    slot_conditions: Mapping["Slot", Condition]

    def candidates(self, vocabulary: Vocabulary, claims: Mapping[str, Json]) -> Sequence[int]:
        """Return the indexes of all grants that can apply to the token, in the order of the file."""
        found = set(self.unindexed)
        for slot, indexes_by_key in self.slots.items():
            value = self.slot_conditions[slot].found(vocabulary, claims)
            for element in value if isinstance(value, list) else [value]:
                key = key_of(element)
                if key is not None:
                    found.update(indexes_by_key.get(key, ()))
        return sorted(found)


def index_grants(grants: Sequence[tuple[int, tuple[Condition, ...]]]) -> ExactValueIndex:
    """Return the index over `grants`: their indexes in the policy, ascending, with their conditions."""
    frequency = Counter(found for _, conditions in grants for _, found in _exact(conditions))
    unindexed: list[int] = []
    slots: dict[Slot, dict[Key, list[int]]] = {}
    slot_conditions: dict[Slot, Condition] = {}
    for index, conditions in grants:
        best = min(
            (condition for condition in conditions if condition.exact_keys is not None),
            key=lambda condition: sum(frequency[found] for _, found in _exact((condition,))),
            default=None,
        )
        if best is None:
            unindexed.append(index)
            continue
        slot = (best.document_path, best.strip_braces)
        slot_conditions[slot] = best
        indexes_by_key = slots.setdefault(slot, {})
        for _, (_, key) in _exact((best,)):
            indexes_by_key.setdefault(key, []).append(index)
    return ExactValueIndex(
        all=tuple(index for index, _ in grants),
        unindexed=tuple(unindexed),
        slots={slot: {key: tuple(indexes) for key, indexes in by_key.items()} for slot, by_key in slots.items()},
        slot_conditions=slot_conditions,
    )


def _exact(conditions: tuple[Condition, ...]) -> Iterator[tuple[Condition, tuple["Slot", Key]]]:
    for condition in conditions:
        for key in condition.exact_keys or ():
            yield condition, ((condition.document_path, condition.strip_braces), key)
