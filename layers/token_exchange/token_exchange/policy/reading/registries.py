"""Reads the registries that grants may name."""

import re
from collections.abc import Mapping
from typing import Final

from token_exchange.policy.model import Registry
from token_exchange.policy.partitions import Partition, partition_of
from token_exchange.policy.reading.fields import Fields
from token_exchange.quoting import quoted

_ACCOUNT: Final = re.compile(r"[0-9]{12}")
_HOST: Final = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?(?::[1-9][0-9]{0,4})?")


def read_registries(document: Fields, own: Partition | None) -> Mapping[str, Registry | None]:
    """Return the registries by their names; None stands for one that cannot be used.

    `own` is the partition in which the service runs, where that is known.
    """
    registries: dict[str, Registry | None] = {}
    hosts: dict[str, str] = {}
    for name, fields in document.named_mappings("registries", required=True):
        registries[name] = None
        if fields is None:
            continue
        if fields.text("type", required=True) not in (None, "ecr"):
            fields.problem("type", "not-available", "expected ecr; other types are not available in this version")
            continue
        registry = _read_ecr(name, fields, own)
        fields.finish()
        if registry is None:
            continue
        for host in registry.hosts:
            first = hosts.setdefault(host, name)
            if first != name:
                document.problems.add(fields.path, "conflict", f"host {host} belongs to {first} already")
        registries[name] = registry
    for name in registries:
        if hosts.get(name, name) != name:
            document.problems.add(("registries", name), "conflict", f"the name is a host of {hosts[name]}")
    return registries


def _read_ecr(name: str, fields: Fields, own: Partition | None) -> Registry | None:
    account = fields.converted("account", _account, required=True)
    region = fields.text("region", required=True)
    partition = None if region is None else _partition(fields, region, own)
    hosts = fields.texts("hosts") or ()
    for host in hosts:
        if not _HOST.fullmatch(host):
            fields.problem("hosts", "bad-value", f"expected host names without https://, found {quoted(host)}")
    if account is None or region is None or partition is None:
        return None
    own_host = f"{account}.dkr.ecr.{region}.{partition.dns_suffix}"
    return Registry(
        name=name,
        account=account,
        region=region,
        partition=partition,
        hosts=(own_host, *(host for host in hosts if host != own_host)),
    )


def _partition(fields: Fields, region: str, own: Partition | None) -> Partition | None:
    partition = partition_of(region)
    if partition is None:
        fields.problem("region", "bad-value", f"expected an AWS region such as eu-west-1, found {quoted(region)}")
    elif own is not None and own is not partition:
        # No role of one partition can be assumed from another.
        fields.problem("region", "conflict", f"expected a region of the service's own partition, {own.name}")
    return partition


def _account(text: str) -> str:
    if not _ACCOUNT.fullmatch(text):
        raise ValueError("expected the 12 digits of an AWS account")
    return text
