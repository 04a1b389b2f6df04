"""Reads a policy that is a folder: files of grants, each within the bounds that `policy.yaml` sets for it."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from token_exchange.core.policy import ASSUMES, Assume, Grant, Issuer, Organization, SessionTerms, Template
from token_exchange.core.reach import parse_repository_template
from token_exchange.core.refusals import quoted
from token_exchange.core.registries import Registry
from token_exchange.core.vocabulary import without_braces
from token_exchange.loading.document import read_mapping
from token_exchange.loading.fields import Fields, fields_of
from token_exchange.loading.grants import read_grants
from token_exchange.loading.issuers import read_organizations
from token_exchange.loading.session_terms import SIGNING_PROFILE


@dataclass(frozen=True, slots=True, kw_only=True)
class FileBounds:
    """What the grants of one file may name; what is not listed they may not.

    The last character of a role may be `*`. A prefix that ends in `/` holds for what begins with it, another for
    itself and what lies below it; `{name}` in it is the same text as in a grant's repository. `signing_profiles` are
    ARNs, and `assume` the ways to get a session.
    """

    issuers: frozenset[str]
    organizations: tuple[Organization, ...]
    registries: frozenset[str]
    roles: tuple[str, ...]
    prefixes: tuple[str, ...]
    signing_profiles: tuple[str, ...]
    assume: tuple[Assume, ...]


def check_bounds(grant: Grant, fields: Fields, bounds: FileBounds, issuers: Mapping[str, Issuer | None]) -> None:
    """Report everything in `grant`, which stands at `fields`, that is beyond `bounds`."""
    for name in grant.issuers:
        if name not in bounds.issuers:
            fields.problem("issuers", "conflict", f"this file may not name {name}")
    if grant.registry.name not in bounds.registries:
        fields.problem("registry", "conflict", f"this file may not name {grant.registry.name}")
    # A stored login has no role and no repositories: whoever may name its registry may have it.
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
    """Report a session that is not this file's to make, or that would speak in another team's name.

    CloudTrail, a role's trust policy and a key's policy read the source identity and the tags: with texts of its own
    a file could name another team's repository there. The standard values come from the verified token.
    """
    if terms.assume not in bounds.assume:
        fields.problem("assume", "conflict", f"this file may not use {terms.assume}")
    if terms.also.sign is not None and terms.also.sign not in bounds.signing_profiles:
        fields.problem("also", "conflict", f"this file may not sign with {terms.also.sign}")
    for key, value in (("session_tags", terms.session_tags), ("source_identity", terms.source_identity)):
        if not isinstance(value, bool):
            fields.problem(
                key, "conflict", "expected true or false: in a file of grants the values are the standard ones"
            )


def _check_organizations(grant: Grant, entries: Sequence[Issuer], fields: Fields, bounds: FileBounds) -> None:
    possible = False
    for issuer in entries:
        callers = tuple(_callers(grant, issuer))
        possible |= bool(callers)
        if not all(_is_of(bounds.organizations, caller, issuer) for caller in callers):
            fields.problem(
                "match",
                "conflict",
                "expected conditions on organization or organization_id, with values, that leave none of "
                f"{issuer.name} but this file's organizations",
            )
    if entries and not possible:
        fields.problem("match", "conflict", "no organization that an issuer lists can have this grant")


def _is_role(role: str, allowed: str) -> bool:
    return role.startswith(allowed[:-1]) if allowed.endswith("*") else role == allowed


def _is_within(template: Template, prefix: str) -> bool:
    """Say whether every name that `template` can become has `prefix`.

    The same `{name}` is filled with the same value, so that texts can be compared as they stand.
    """
    fixed = template.text.partition("*")[0]
    return (
        fixed.startswith(prefix) if prefix.endswith("/") else template.text == prefix or fixed.startswith(f"{prefix}/")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Caller:
    """What is sure of the organization of some callers; None is anything."""

    name: str | None
    id: str | None


def _callers(grant: Grant, issuer: Issuer) -> Iterator[_Caller]:
    """Yield what is sure of the organizations of those who pass the allowlist and the grant's conditions.

    Only what equals a value is counted on: what a glob, a raw claim or a repository's name says of the organization
    is not for this to judge.
    """
    names, ids = _values(grant, "organization"), _values(grant, "organization_id")
    for listed in issuer.organizations:
        for name in names or (listed.name,):
            for id_ in ids or (listed.id,):
                caller = _Caller(name=name, id=id_)
                if _holds(listed, caller, issuer):
                    yield caller


def _values(grant: Grant, name: str) -> tuple[str, ...]:
    """Return the values one of which the grant wants under `name`, none where it does not say."""
    for condition in grant.conditions:
        if condition.section == "match" and condition.path == (name,) and condition.exact_keys is not None:
            return tuple(value for _, value in condition.exact_keys if isinstance(value, str))
    return ()


def _is_of(allowed: tuple[Organization, ...], caller: _Caller, issuer: Issuer) -> bool:
    return any(_holds(organization, caller, issuer) for organization in allowed)


def _holds(organization: Organization, caller: _Caller, issuer: Issuer) -> bool:
    if organization.id is not None and _plain(organization.id, issuer) != caller.id:
        return False
    if organization.name is None:
        return True
    below = issuer.preset.organization_is_path and (caller.name or "").startswith(f"{organization.name}/")
    return caller.name == organization.name or below


def _plain(id_: str, issuer: Issuer) -> str:
    return without_braces(id_) if issuer.preset.is_braced("organization_id") else id_


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
        document.problem(
            "grants",
            "conflict",
            "in a folder, grants stand in files grants/NAME.yaml; for a policy of one file, give the file instead of "
            "its folder",
        )
    elif not contents:
        document.problem("grants", "missing", "expected at least one file grants/NAME.yaml")
    # A file that holds its grants itself is most likely no folder's, and lacks nothing.
    is_one_file = "grants" in document and not contents
    bounds = {} if is_one_file else dict(_read_bounds(document, contents, issuers, registries))
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
    signing_profiles = entry.texts("signing_profiles") or ()
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
    """Return the ways that are listed; without a list only the service's own, which goes past no bound."""
    listed = entry.texts("assume")
    if listed is None:
        return ("broker",)
    for name in listed:
        if name not in ASSUMES:
            entry.problem("assume", "bad-value", f"expected {' or '.join(ASSUMES)}, found {quoted(name)}")
    return tuple(way for way in ASSUMES if way in listed)


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
