"""Reads the grants of a policy that is a folder: a file for each team, and in `policy.yaml` what each may name.

Whoever may edit one of these files shall get nothing that its entry does not give: what an entry does not list, its
grants cannot name, and a file without an entry can name nothing.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from token_exchange.policy.model import Grant, Issuer
from token_exchange.policy.reading.document import read_mapping
from token_exchange.policy.reading.fields import Fields, fields_of
from token_exchange.policy.reading.file_bounds import FileBounds, check_bounds
from token_exchange.policy.reading.grants import read_grants
from token_exchange.policy.reading.issuers import read_organizations
from token_exchange.policy.registries import Registry
from token_exchange.policy.repositories import parse_repository_template
from token_exchange.quoting import quoted

_FILE: Final = re.compile(r"grants/[A-Za-z0-9][A-Za-z0-9._-]{0,127}\.yaml")

_ROLE: Final = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]+\*?")
"""As the deployment names the roles that may be assumed at all: only the end of a name may be an asterisk."""


def read_grant_files(
    document: Fields,
    contents: Mapping[str, bytes],
    issuers: Mapping[str, Issuer | None],
    registries: Mapping[str, Registry | None],
    *,
    has_state: bool,
) -> tuple[Grant, ...]:
    """Return the grants of all files: the files in the order of their paths, each in its own.

    `document` is `policy.yaml`, `contents` the files' bytes by their paths.
    """
    if "grants" in document:
        document.pass_over("grants")
        document.problem("grants", "conflict", "expected in files of the folder grants alone")
    if not contents:
        document.problem("grants", "missing", "expected at least one file grants/NAME.yaml")
    bounds = dict(_read_bounds(document, contents, issuers, registries))
    grants: list[Grant] = []
    names: set[str] = set()
    for path, content in sorted(contents.items()):
        if not _FILE.fullmatch(path):
            document.problem(
                "grants",
                "bad-value",
                f"expected files grants/NAME.yaml of letters, digits and ._-, found {quoted(path)}",
            )
            continue
        problems = document.problems.of_file(path)
        if path not in bounds:
            problems.add((), "missing", "expected an entry under files of the policy, which says what it may name")
        fields = read_mapping(content, problems)
        if fields is None:
            continue
        of_file = bounds.get(path)
        for place, grant in read_grants(fields, issuers, registries, has_state=has_state, names=names):
            if of_file is not None:
                check_bounds(grant, place, of_file, issuers)
            grants.append(grant)
        fields.finish()
    return tuple(grants)


def _read_bounds(
    document: Fields,
    contents: Mapping[str, bytes],
    issuers: Mapping[str, Issuer | None],
    registries: Mapping[str, Registry | None],
) -> Iterator[tuple[str, FileBounds | None]]:
    """Yield each path under `files` with what its grants may name, None where that is not clear."""
    files = document.mapping("files", required=True)
    if files is None:
        return
    for path in files.names():
        value = files.take(path)
        if path not in contents:
            files.problem(path, "unknown-name", "there is no such file")
        entry = None if value is None else fields_of(value, files.at(path), files.problems)
        yield path, None if entry is None else _read_entry(entry, issuers, registries)


def _read_entry(
    entry: Fields, issuers: Mapping[str, Issuer | None], registries: Mapping[str, Registry | None]
) -> FileBounds | None:
    already_wrong = len(entry.problems)
    of_issuers = _known(entry, "issuers", issuers)
    organizations = read_organizations(entry, None)
    of_registries = _known(entry, "registries", registries)
    roles = entry.texts("roles") or ()
    for role in roles:
        if not _ROLE.fullmatch(role):
            entry.problem(
                "roles",
                "bad-value",
                f"expected arn:aws:iam::ACCOUNT:role/NAME, only its end may be *, found {quoted(role)}",
            )
    prefixes = entry.texts("repository_prefixes") or ()
    for prefix in prefixes:
        _check_prefix(entry, prefix)
    entry.finish()
    if len(entry.problems) > already_wrong:
        return None
    return FileBounds(
        issuers=of_issuers, organizations=organizations, registries=of_registries, roles=roles, prefixes=prefixes
    )


def _known(entry: Fields, key: str, known: Mapping[str, object]) -> frozenset[str]:
    names = entry.texts(key, required=True) or ()
    for name in names:
        if known and name not in known:
            entry.problem(key, "unknown-name", f"the policy has no {quoted(name)} among its {key}")
    return frozenset(names)


def _check_prefix(entry: Fields, prefix: str) -> None:
    try:
        parse_repository_template(prefix.removesuffix("/"))
    except ValueError as error:
        entry.problem("repository_prefixes", "bad-value", f"{error}, found {quoted(prefix)}")
        return
    if "*" in prefix:
        entry.problem(
            "repository_prefixes", "bad-value", f"expected the beginning of names, without *, found {quoted(prefix)}"
        )
