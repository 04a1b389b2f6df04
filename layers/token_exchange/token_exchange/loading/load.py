"""Loads a policy: returns one immutable value, or raises all problems of the document."""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from token_exchange.core.conditions import RawCondition
from token_exchange.core.policy import DenyRule, Grant, Issuer, Policy, Registry
from token_exchange.core.trust import IssuerTrust
from token_exchange.loading.document import NamedFiles, ReadFile, identity_of, read_mapping
from token_exchange.loading.fields import described
from token_exchange.loading.grants import read_deny, read_grants
from token_exchange.loading.index import index_grants
from token_exchange.loading.issuers import read_issuers
from token_exchange.loading.problems import Problems
from token_exchange.loading.registries import partition_of, read_registries


def load_policy(
    document: bytes,
    *,
    name: str,
    read_file: ReadFile | None,
    own_region: str | None = None,
    has_state: bool = True,
    grant_files: Mapping[str, bytes] | None = None,
) -> Policy:
    """Return the policy in `document`, which is YAML or JSON.

    `name` is the document's file name, which is part of the policy's identity. `read_file` reads the files that it
    names, and is None if the document does not come from a file. `own_region` is the service's region, if it is known:
    roles of another partition cannot be assumed. `has_state` is whether there is a state table, which `single_use` and
    budgets require. `grant_files` are the grant files of a policy that is a folder, by path.

    Raises:
        PolicyUnusable: with all problems, each with the path to its field.
    """
    problems = Problems(file=None if grant_files is None else name)
    files = NamedFiles(read_file)
    fields = read_mapping(document, problems)
    if fields is None:
        problems.raise_if_any()
        raise AssertionError("read_mapping returned None without a problem")
    version = fields.take("version", required=True)
    if version is not None and (version != 1 or isinstance(version, bool)):
        fields.problem("version", "bad-value", f"expected 1, found {described(version)}")
    issuers = read_issuers(fields, files, has_state=has_state)
    registries = read_registries(fields, None if own_region is None else partition_of(own_region))
    deny = read_deny(fields, issuers)
    if grant_files is None:
        grants = tuple(grant for _, grant in read_grants(fields, issuers, registries, has_state=has_state))
        if "files" in fields:
            fields.ignore("files")
            # Without files of grants, the limits under `files` would have no effect.
            fields.problem("files", "conflict", "only allowed in a policy that is a folder")
    else:
        # Imported here to keep the cold start short: most policies are not folders.
        from token_exchange.loading.folder import read_grant_files  # noqa: PLC0415 - as said above

        grants = read_grant_files(fields, grant_files, issuers, registries, has_state=has_state)
    fields.finish()
    problems.raise_if_any()
    return _policy(
        identity_of(name, document, files.read_so_far(), grant_files=grant_files),
        tuple(sorted(files.read_so_far())),
        {entry: issuer for entry, issuer in issuers.items() if issuer is not None},
        {entry: registry for entry, registry in registries.items() if registry is not None},
        deny,
        grants,
    )


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


def _by_url(trusts: Iterable[IssuerTrust]) -> Mapping[str, Sequence[IssuerTrust]]:
    by_url: dict[str, list[IssuerTrust]] = {}
    for trust in trusts:
        by_url.setdefault(trust.url, []).append(trust)
    return MappingProxyType({url: tuple(entries) for url, entries in by_url.items()})
