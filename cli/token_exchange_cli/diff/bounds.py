"""Compare what the files of a policy that is a folder may name."""

from collections.abc import Iterator, Mapping

from token_exchange.core.policy import Policy
from token_exchange.loading.document import read_mapping
from token_exchange.loading.folder import FileBounds, read_bounds
from token_exchange.loading.problems import Problems
from token_exchange_cli.diff.change import Change, change_of, members
from token_exchange_cli.diff.issuers import spelled_organization
from token_exchange_cli.inputs import PolicyInput

type Bounds = Mapping[str, Mapping[str, tuple[str, ...]]]
"""What each file may name, by the keys of its entry."""


def bounds_of(given: PolicyInput, policy: Policy) -> Bounds:
    """Return the bounds of each file of `given`, which loads as `policy`; none if it is not a folder."""
    if not given.document.grant_files:
        return {}
    fields = read_mapping(given.text(), Problems())
    if fields is None:
        return {}
    read = read_bounds(fields, given.document.grant_files, policy.issuers, policy.registries)
    return {file: _texts(bounds) for file, bounds in read if bounds is not None}


def _texts(bounds: FileBounds) -> Mapping[str, tuple[str, ...]]:
    return {
        "issuers": tuple(sorted(bounds.issuers)),
        "organizations": tuple(map(spelled_organization, bounds.organizations)),
        "registries": tuple(sorted(bounds.registries)),
        "roles": bounds.roles,
        "repository_prefixes": bounds.prefixes,
        "signing_profiles": bounds.signing_profiles,
        "assume": bounds.assume,
    }


def bounds_changes(before: Bounds, after: Bounds) -> Iterator[Change]:
    """Yield each file whose grants may name more or less than before."""
    for file, new in after.items():
        if file not in before:
            yield Change(section="added", kind="file", name=file, what=spelled_bounds(new))
    for file, old in before.items():
        if file not in after:
            yield Change(section="removed", kind="file", name=file, what=spelled_bounds(old))
        elif marks := [mark for key in old for mark in members(f"may name {key}", old[key], after[file][key])]:
            yield change_of("file", file, marks)


def spelled_bounds(bounds: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Return what a file may name, a line for each key that has values."""
    return tuple(f"may name {key}: {', '.join(values)}" for key, values in bounds.items() if values)
