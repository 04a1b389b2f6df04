"""Reads the registries that grants may name, the AWS partitions in which they are, and patterns of repository names.

Source of the partitions: the endpoint data that botocore ships; a test compares this table with it.
"""

import re
from collections.abc import Mapping
from typing import Final, Literal, assert_never

from token_exchange.core.policy import EcrPublicRegistry, EcrRegistry, Registry, SecretRegistry, Template
from token_exchange.core.reach import MAX_NAME_LENGTH, has_repository_form
from token_exchange.core.record import record
from token_exchange.core.refusals import quoted
from token_exchange.core.vocabulary import NAMES, Name
from token_exchange.loading.fields import Fields


@record
class Partition:
    """An AWS partition: its name in ARNs, the areas with which the names of its regions begin, its hosts' suffix."""

    name: str
    areas: frozenset[str]
    dns_suffix: str


PARTITIONS: Final = (
    Partition(
        name="aws",
        areas=frozenset({"us", "eu", "ap", "sa", "ca", "me", "af", "il", "mx"}),
        dns_suffix="amazonaws.com",
    ),
    Partition(name="aws-cn", areas=frozenset({"cn"}), dns_suffix="amazonaws.com.cn"),
    Partition(name="aws-us-gov", areas=frozenset({"us-gov"}), dns_suffix="amazonaws.com"),
    Partition(name="aws-eusc", areas=frozenset({"eusc-de"}), dns_suffix="amazonaws.eu"),
    Partition(name="aws-iso", areas=frozenset({"us-iso"}), dns_suffix="c2s.ic.gov"),
    Partition(name="aws-iso-b", areas=frozenset({"us-isob"}), dns_suffix="sc2s.sgov.gov"),
    Partition(name="aws-iso-e", areas=frozenset({"eu-isoe"}), dns_suffix="cloud.adc-e.uk"),
    Partition(name="aws-iso-f", areas=frozenset({"us-isof"}), dns_suffix="csp.hci.ic.gov"),
)

_REGION: Final = re.compile(r"([a-z]+(?:-[a-z]+)?)-[a-z]+-[0-9]+")
"""An area, a direction and a number."""


def partition_of(region: str) -> Partition | None:
    """Return the partition of `region`, or None if it is not the name of a region."""
    named = _REGION.fullmatch(region)
    return next((partition for partition in PARTITIONS if named and named[1] in partition.areas), None)


PUBLIC_REGION: Final = "us-east-1"
"""ECR Public User Guide, "Registry authentication": only this region's API returns logins."""


type Type = Literal["ecr", "ecr-public", "secret"]

TYPES: Final[tuple[Type, ...]] = ("ecr", "ecr-public", "secret")
_ACCOUNT: Final = re.compile(r"[0-9]{12}")
_HOST: Final = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?(?::[1-9][0-9]{0,4})?")

_SECRET: Final = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):secretsmanager:(?P<region>[a-z0-9-]+):[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]{1,519}"
)
"""Secrets Manager API Reference, CreateSecret: a name, and the six characters that AWS appends."""


def read_registries(document: Fields, own: Partition | None) -> Mapping[str, Registry | None]:
    """Return the registries by name; None marks a registry with problems.

    `own` is the partition of the service, if it is known.
    """
    registries: dict[str, Registry | None] = {}
    hosts: dict[str, str] = {}
    for name, fields in document.named_mappings("registries", required=True):
        registries[name] = None
        if fields is None:
            continue
        registry = _read_registry(name, fields, own)
        fields.finish()
        if registry is None:
            continue
        for host in registry.hosts:
            first = hosts.setdefault(host, name)
            if first != name:
                document.problems.add(fields.path, "conflict", f"host {host} is already used by {first}")
        registries[name] = registry
    for name in registries:
        if hosts.get(name, name) != name:
            document.problems.add(("registries", name), "conflict", f"the name is also a host of {hosts[name]}")
    return registries


def _read_registry(name: str, fields: Fields, own: Partition | None) -> Registry | None:
    kind = fields.choice("type", TYPES)
    match kind:
        case None:
            fields.ignore("account", "region", "hosts", "host", "secret_arn")
            return None
        case "ecr":
            return _read_ecr(name, fields, own)
        case "ecr-public":
            return _read_ecr_public(name, fields, own)
        case "secret":
            return _read_secret(name, fields, own)
        case _:
            assert_never(kind)


def _read_ecr_public(name: str, fields: Fields, own: Partition | None) -> EcrPublicRegistry | None:
    account = fields.converted("account", _account)
    partition = partition_of(PUBLIC_REGION)
    if partition is None:
        raise AssertionError("the region of ECR Public has no partition")
    if own is not None and own is not partition:
        fields.problem(
            "type", "conflict", f"ECR Public is in the partition {partition.name}, the service in {own.name}"
        )
    return EcrPublicRegistry(name=name, account=account, partition=partition.name)


def _read_secret(name: str, fields: Fields, own: Partition | None) -> SecretRegistry | None:
    host = fields.converted("host", _host, required=True)
    arn = fields.string("secret_arn", required=True)
    form = None if arn is None else _SECRET.fullmatch(arn)
    if arn is not None and form is None:
        fields.problem(
            "secret_arn",
            "bad-value",
            f"expected arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME, found {quoted(arn)}",
        )
    if form is not None:
        of = partition_of(form["region"])
        if of is None or of.name != form["partition"]:
            fields.problem("secret_arn", "bad-value", "expected a region of the ARN's partition")
        elif own is not None and own is not of:
            fields.problem("secret_arn", "conflict", f"expected a secret of the service's own partition, {own.name}")
    if host is None or arn is None:
        return None
    return SecretRegistry(name=name, host=host, secret_arn=arn)


def _read_ecr(name: str, fields: Fields, own: Partition | None) -> EcrRegistry | None:
    account = fields.converted("account", _account, required=True)
    region = fields.string("region", required=True)
    partition = None if region is None else _partition(fields, region, own)
    hosts = fields.strings("hosts") or ()
    for host in hosts:
        try:
            _host(host)
        except ValueError as error:
            fields.problem("hosts", "bad-value", f"{error}, found {quoted(host)}")
    if account is None or region is None or partition is None:
        return None
    own_host = f"{account}.dkr.ecr.{region}.{partition.dns_suffix}"
    return EcrRegistry(
        name=name,
        account=account,
        region=region,
        partition=partition.name,
        hosts=(own_host, *(host for host in hosts if host != own_host)),
    )


def _partition(fields: Fields, region: str, own: Partition | None) -> Partition | None:
    partition = partition_of(region)
    if partition is None:
        fields.problem("region", "bad-value", f"expected an AWS region such as eu-west-1, found {quoted(region)}")
    elif own is not None and own is not partition:
        # A role cannot be assumed from another partition.
        fields.problem("region", "conflict", f"expected a region of the service's own partition, {own.name}")
    return partition


def _account(text: str) -> str:
    if not _ACCOUNT.fullmatch(text):
        raise ValueError("expected a 12-digit AWS account id")
    return text


def _host(text: str) -> str:
    if not _HOST.fullmatch(text):
        raise ValueError("expected a host name without https://")
    return text


_PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")
_LITERAL: Final = re.compile(r"[a-z0-9._/*-]*")


def parse_template(text: str) -> Template:
    """Return the template that `text` spells.

    Raises:
        ValueError: a name is not in the vocabulary, or a brace is unmatched.
    """
    names: list[Name] = []
    for found in _PLACEHOLDER.finditer(text):
        name = next((name for name in NAMES if name == found[1]), None)
        if name is None:
            raise ValueError(f"expected a name of the vocabulary in braces ({', '.join(NAMES)})")
        names.append(name)
    literals = tuple(_PLACEHOLDER.split(text)[::2])
    if any("{" in literal or "}" in literal for literal in literals):
        raise ValueError("expected braces only around a name of the vocabulary")
    return Template(text=text, literals=literals, names=tuple(names))


def parse_repository_template(text: str) -> Template:
    """Return the template of a pattern that `text` spells.

    Raises:
        ValueError: no ECR repository could have such a name; says what was expected.
    """
    template = parse_template(text)
    if not all(_LITERAL.fullmatch(literal) for literal in template.literals):
        raise ValueError("expected lower-case letters, digits, ._-/, * and {name}")
    # A letter fits wherever a wildcard or a value does: if it gives no valid name, nothing does.
    shape = "a".join(template.literals).replace("*", "a")
    if len(shape) > MAX_NAME_LENGTH or not has_repository_form(shape):
        raise ValueError("expected an ECR repository name, or a pattern of one")
    return template
