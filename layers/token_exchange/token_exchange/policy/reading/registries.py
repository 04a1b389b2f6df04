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


def read_registries(document: Fields) -> Mapping[str, Registry | None]:
    """Return the registries by their names; None stands for one that cannot be used."""
    registries: dict[str, Registry | None] = {}
    hosts: dict[str, str] = {}
    for name, fields in document.named_mappings("registries", required=True):
        registries[name] = None
        if fields is None:
            continue
        if fields.text("type", required=True) not in (None, "ecr"):
            fields.problem("type", "not-available", "expected ecr; other types are not available in this version")
            continue
        registry = _read_ecr(name, fields)
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


def _read_ecr(name: str, fields: Fields) -> Registry | None:
    account = fields.converted("account", _account, required=True)
    region = fields.text("region", required=True)
    partition = None if region is None else _partition(fields, region)
    hosts = fields.texts("hosts") or ()
    for host in hosts:
        if not _HOST.fullmatch(host):
            fields.problem("hosts", "bad-value", f"expected host names without https://, found {quoted(host)}")
    if account is None or region is None or partition is None:
        return None
    own = f"{account}.dkr.ecr.{region}.{partition.dns_suffix}"
    return Registry(
        name=name,
        account=account,
        region=region,
        partition=partition,
        hosts=(own, *(host for host in hosts if host != own)),
    )


def _partition(fields: Fields, region: str) -> Partition | None:
    partition = partition_of(region)
    if partition is None:
        fields.problem("region", "bad-value", f"expected an AWS region such as eu-west-1, found {quoted(region)}")
    return partition


def _account(text: str) -> str:
    if not _ACCOUNT.fullmatch(text):
        raise ValueError("expected the 12 digits of an AWS account")
    return text
