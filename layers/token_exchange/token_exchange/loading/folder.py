"""Reads a policy that is a folder: a file of grants for each team, within the bounds that `policy.yaml` sets for it.

Anyone who can edit one of these files must not get more than its entry under `files` allows. The grants of a file can
name only what its entry lists, and without an entry, nothing.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from token_exchange.core.conditions import NamedCondition
from token_exchange.core.policy import ASSUMES, Assume, Grant, Issuer, Organization, Registry, SessionTerms, Template
from token_exchange.core.record import record
from token_exchange.core.refusals import quoted
from token_exchange.core.vocabulary import without_braces
from token_exchange.loading.document import read_mapping
from token_exchange.loading.fields import Fields, fields_of
from token_exchange.loading.grants import read_grants
from token_exchange.loading.issuers import read_organizations
from token_exchange.loading.registries import parse_repository_template
from token_exchange.loading.session_terms import SIGNING_PROFILE


@record
class FileBounds:
    """What the grants of one file may name, and nothing else.

    The last character of a role may be `*`. A prefix that ends in `/` allows every name that begins with it; any other
    prefix allows itself and the names below it. `{name}` in a prefix is compared with the same `{name}` in a grant's
    repository. `signing_profiles` are ARNs, and `assume` the allowed ways to get a session.
    """

    issuers: frozenset[str]
    organizations: tuple[Organization, ...]
    registries: frozenset[str]
    roles: tuple[str, ...]
    prefixes: tuple[str, ...]
    signing_profiles: tuple[str, ...]
    assume: tuple[Assume, ...]


def check_bounds(grant: Grant, fields: Fields, bounds: FileBounds, issuers: Mapping[str, Issuer | None]) -> None:
    """Report everything in `grant`, whose fields are `fields`, that `bounds` do not allow."""
    for name in grant.issuers:
        if name not in bounds.issuers:
            fields.problem("issuers", "conflict", f"this file may not name {name}")
    if grant.registry.name not in bounds.registries:
        fields.problem("registry", "conflict", f"this file may not name {grant.registry.name}")
    # A stored login has no role and no repositories: a file that may name its registry may grant it.
    if grant.terms is not None:
        if not any(_is_role(grant.terms.role, role) for role in bounds.roles):
            fields.problem("role", "conflict", "this file may not name this role")
        _check_repositories("repositories", grant.terms.repositories, fields, bounds)
        _check_repositories("also_pull", grant.terms.also_pull, fields, bounds)
        _check_session(grant.terms, fields, bounds)
    entries = [issuer for name in grant.issuers if (issuer := issuers[name]) is not None]
    _check_organizations(grant, entries, fields, bounds)


def _check_repositories(key: str, templates: Iterable[Template], fields: Fields, bounds: FileBounds) -> None:
    for template in templates:
        if not any(_is_within(template, prefix) for prefix in bounds.prefixes):
            expected = ", ".join(bounds.prefixes) or "none"
            fields.problem(
                key, "conflict", f"expected one of this file's prefixes ({expected}), found {quoted(template.text)}"
            )


def _check_session(terms: SessionTerms, fields: Fields, bounds: FileBounds) -> None:
    """Report a session that this file may not use, or that could be attributed to another team.

    CloudTrail, role trust policies and key policies use the source identity and the session tags. With values of its
    own, a file could name another team's repository there. The standard values come from the verified token.
    """
    if terms.assume not in bounds.assume:
        fields.problem("assume", "conflict", f"this file may not use {terms.assume}")
    if terms.also.sign is not None and terms.also.sign not in bounds.signing_profiles:
        fields.problem("also", "conflict", f"this file may not sign with {terms.also.sign}")
    for key, value in (("session_tags", terms.session_tags), ("source_identity", terms.source_identity)):
        if not isinstance(value, bool):
            fields.problem(key, "conflict", "expected true or false: a file of grants cannot set its own values")


def _check_organizations(grant: Grant, entries: Sequence[Issuer], fields: Fields, bounds: FileBounds) -> None:
    possible = False
    for issuer in entries:
        callers = tuple(_callers(grant, issuer))
        possible |= bool(callers)
        if not all(_is_of(bounds.organizations, caller, issuer) for caller in callers):
            fields.problem(
                "match",
                "conflict",
                "expected conditions on organization or organization_id, with exact values, that only this file's "
                f"organizations of {issuer.name} match",
            )
    if entries and not possible:
        fields.problem("match", "conflict", "no organization on the issuers' allowlists can match this grant")


def _is_role(role: str, allowed: str) -> bool:
    return role.startswith(allowed[:-1]) if allowed.endswith("*") else role == allowed


def _is_within(template: Template, prefix: str) -> bool:
    """Return whether every name that `template` can produce has `prefix`.

    A `{name}` has the same value in both, so the unfilled strings can be compared.
    """
    fixed = template.text.partition("*")[0]
    return (
        fixed.startswith(prefix) if prefix.endswith("/") else template.text == prefix or fixed.startswith(f"{prefix}/")
    )


@record
class _Caller:
    """What is certain about the organization of some callers; None can be any value."""

    name: str | None
    id: str | None


def _callers(grant: Grant, issuer: Issuer) -> Iterator[_Caller]:
    """Yield what is certain about the organizations of callers that pass the allowlist and the grant's conditions.

    Only conditions with exact values count. Globs, raw claims and repository names are not analyzed.
    """
    names, ids = _values(grant, "organization"), _values(grant, "organization_id")
    for listed in issuer.organizations:
        for name in names or (listed.name,):
            for id_ in ids or (listed.id,):
                caller = _Caller(name=name, id=id_)
                if issuer.lists([listed], name=name, id_=id_):
                    yield caller


def _values(grant: Grant, name: str) -> tuple[str, ...]:
    """Return the exact values that the grant accepts for `name`, or none if it has no such condition."""
    for condition in grant.conditions:
        if isinstance(condition, NamedCondition) and condition.name == name and condition.exact_keys is not None:
            return tuple(value for _, value in condition.exact_keys if isinstance(value, str))
    return ()


def _is_of(allowed: tuple[Organization, ...], caller: _Caller, issuer: Issuer) -> bool:
    listed = [replace(organization, id=_plain(organization.id, issuer)) for organization in allowed]
    return issuer.lists(listed, name=caller.name, id_=caller.id)


def _plain(id_: str | None, issuer: Issuer) -> str | None:
    return without_braces(id_) if id_ is not None and issuer.preset.is_braced("organization_id") else id_


_FILE: Final = re.compile(r"grants/[A-Za-z0-9][A-Za-z0-9._-]{0,127}\.yaml")

_ROLE: Final = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]+\*?")
"""The form in which the deployment lists the roles that can be assumed: an asterisk is allowed only at the end."""


def read_grant_files(
    document: Fields,
    contents: Mapping[str, bytes],
    issuers: Mapping[str, Issuer | None],
    registries: Mapping[str, Registry | None],
    *,
    has_state: bool,
) -> tuple[Grant, ...]:
    """Return the grants of all files, sorted by path, each file's in its own order.

    `document` is `policy.yaml`; `contents` has the bytes of each file by path.
    """
    if "grants" in document:
        document.ignore("grants")
        document.problem(
            "grants",
            "conflict",
            "in a folder, grants belong in files grants/NAME.yaml; to load a policy of one file, give the file and not "
            "its folder",
        )
    elif not contents:
        document.problem("grants", "missing", "expected at least one file grants/NAME.yaml")
    # A document with grants and no files is most likely a policy of one file; do not report `files` as missing.
    is_one_file = "grants" in document and not contents
    bounds = {} if is_one_file else dict(read_bounds(document, contents, issuers, registries))
    grants: list[Grant] = []
    names: set[str] = set()
    for path, content in sorted(contents.items()):
        if not _FILE.fullmatch(path):
            document.problem(
                "grants",
                "bad-value",
                f"expected file names grants/NAME.yaml of letters, digits and ._-, found {quoted(path)}",
            )
            continue
        problems = document.problems.of_file(path)
        if path not in bounds:
            problems.add((), "missing", "expected an entry for this file under files in policy.yaml")
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


def read_bounds(
    document: Fields,
    contents: Mapping[str, bytes],
    issuers: Mapping[str, Issuer | None],
    registries: Mapping[str, Registry | None],
) -> Iterator[tuple[str, FileBounds | None]]:
    """Yield each path under `files` with its bounds, or None if they have problems."""
    files = document.mapping("files", required=True)
    if files is None:
        return
    for path in files.names():
        value = files.take(path)
        if path not in contents:
            files.problem(path, "unknown-name", "no such file")
        entry = None if value is None else fields_of(value, files.at(path), files.problems)
        yield path, None if entry is None else _read_entry(entry, issuers, registries)


def _read_entry(
    entry: Fields, issuers: Mapping[str, Issuer | None], registries: Mapping[str, Registry | None]
) -> FileBounds | None:
    already_wrong = len(entry.problems)
    of_issuers = _known(entry, "issuers", issuers)
    organizations = read_organizations(entry, None)
    of_registries = _known(entry, "registries", registries)
    roles = entry.strings("roles") or ()
    for role in roles:
        if not _ROLE.fullmatch(role):
            entry.problem(
                "roles",
                "bad-value",
                f"expected arn:aws:iam::ACCOUNT:role/NAME, with * only at its end, found {quoted(role)}",
            )
    prefixes = entry.strings("repository_prefixes") or ()
    for prefix in prefixes:
        _check_prefix(entry, prefix)
    signing_profiles = entry.strings("signing_profiles") or ()
    for profile in signing_profiles:
        if not SIGNING_PROFILE.fullmatch(profile):
            entry.problem(
                "signing_profiles", "bad-value", f"expected ARNs of signing profiles, found {quoted(profile)}"
            )
    assume = _read_assume(entry)
    entry.finish()
    if len(entry.problems) > already_wrong:
        return None
    return FileBounds(
        issuers=of_issuers,
        organizations=organizations,
        registries=of_registries,
        roles=roles,
        prefixes=prefixes,
        signing_profiles=signing_profiles,
        assume=assume,
    )


def _read_assume(entry: Fields) -> tuple[Assume, ...]:
    """Return the listed ways; without a list only `broker`.

    A role for `web-identity` also trusts the CI token directly, without this service and its bounds.
    """
    listed = entry.strings("assume")
    if listed is None:
        return ("broker",)
    for name in listed:
        if name not in ASSUMES:
            entry.problem("assume", "bad-value", f"expected {' or '.join(ASSUMES)}, found {quoted(name)}")
    return tuple(way for way in ASSUMES if way in listed)


def _known(entry: Fields, key: str, known: Mapping[str, object]) -> frozenset[str]:
    names = entry.strings(key, required=True) or ()
    for name in names:
        if known and name not in known:
            entry.problem(key, "unknown-name", f"the policy's {key} do not include {quoted(name)}")
    return frozenset(names)


def _check_prefix(entry: Fields, prefix: str) -> None:
    try:
        parse_repository_template(prefix.removesuffix("/"))
    except ValueError as error:
        entry.problem("repository_prefixes", "bad-value", f"{error}, found {quoted(prefix)}")
        return
    if "*" in prefix:
        entry.problem("repository_prefixes", "bad-value", f"expected a prefix without *, found {quoted(prefix)}")
