"""The checks of what people type for a service, a registry and a policy, each with its sentence.

The values become part of YAML, of a shell script and of a URL; none that passes has a character that one of these reads
as more than text.
"""

import re
from dataclasses import dataclass
from typing import Final

from token_exchange.loading.fields import did_you_mean
from token_exchange.loading.registries import Partition, partition_of
from token_exchange.presets.provider import HOST

EXAMPLE_HOST: Final = "111122223333.dkr.ecr.eu-west-1.amazonaws.com"

REGIONS: Final = frozenset(
    [
        "af-south-1",
        "ap-east-1",
        "ap-east-2",
        "ap-northeast-1",
        "ap-northeast-2",
        "ap-northeast-3",
        "ap-south-1",
        "ap-south-2",
        "ap-southeast-1",
        "ap-southeast-2",
        "ap-southeast-3",
        "ap-southeast-4",
        "ap-southeast-5",
        "ap-southeast-6",
        "ap-southeast-7",
        "ca-central-1",
        "ca-west-1",
        "eu-central-1",
        "eu-central-2",
        "eu-north-1",
        "eu-south-1",
        "eu-south-2",
        "eu-west-1",
        "eu-west-2",
        "eu-west-3",
        "il-central-1",
        "me-central-1",
        "me-south-1",
        "me-west-1",
        "mx-central-1",
        "sa-east-1",
        "sa-west-1",
        "us-east-1",
        "us-east-2",
        "us-west-1",
        "us-west-2",
        "cn-north-1",
        "cn-northwest-1",
        "eusc-de-east-1",
        "us-iso-east-1",
        "us-iso-west-1",
        "us-isob-east-1",
        "us-isob-west-1",
        "eu-isoe-west-1",
        "us-isof-east-1",
        "us-isof-south-1",
        "us-gov-east-1",
        "us-gov-west-1",
    ]
)
"""The regions in botocore's `partitions.json`; AWS adds some each year, so an unknown one is not refused."""


class BadValue(ValueError):
    """A value that cannot be used; the text says what is expected."""


@dataclass(frozen=True, slots=True)
class Form:
    """What a value looks like: a pattern, and the sentence for one that does not match."""

    pattern: re.Pattern[str]
    expected: str

    def check(self, text: str) -> str:
        """Return `text`.

        Raises:
            BadValue: it does not have this form.
        """
        if not self.pattern.fullmatch(text):
            raise BadValue(f"expected {self.expected}")
        return text


_ADDRESS: Final = re.compile(r"https://(?P<host>[^/]+)(?:/[A-Za-z0-9._~/-]*)?")
_ENDPOINT: Final = re.compile(r"/v1/(?:token|explain|health|audience)/?$")
_ECR_HOST: Final = re.compile(r"(?P<account>[^.]*)\.dkr\.ecr(?:-fips)?\.(?P<region>[^.]*)\.(?P<suffix>.*)")
_PREFIX: Final = re.compile(r"[a-z0-9]+(?:(?:[._/]|__|-+)[a-z0-9]+)*")
"""Amazon ECR API Reference, CreateRepository."""

ACCOUNT: Final = Form(re.compile(r"[0-9]{12}"), "the 12 digits of an AWS account")
_AUDIENCE: Final = Form(
    re.compile(r"[A-Za-z0-9][A-Za-z0-9._~:/@-]*"), "one string for your service, of letters, digits and ._~:/@-"
)
_REGISTRY: Final = Form(
    re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*"),
    "the registry's name in the policy: letters, digits and ._-, such as apps",
)
_IMAGE: Final = Form(
    re.compile(r"[a-z0-9]+(?:[._/-][a-z0-9]+)*(?::[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?"),
    "a repository and a tag in the registry, such as acme/shop:latest, without the host",
)


def check_exchange(text: str) -> str:
    """Return the service's address.

    Raises:
        BadValue: it is not an https address.
    """
    scheme, separator, rest = text.partition("://")
    if separator and scheme.lower() == "http":
        raise BadValue("expected an address that starts with https://: the step sends a token, and only over TLS")
    if not separator and _is_address(f"https://{text}"):
        raise BadValue(f"expected https://HOST, found no https://; write https://{text}")
    host, slash, path = rest.partition("/")
    lower = f"https://{host.lower()}{slash}{path}"
    if lower != text and scheme.lower() == "https" and _is_address(lower):
        raise BadValue(f"expected a host name in lower case; write {lower}")
    if not _is_address(text):
        raise BadValue("expected https://HOST or https://HOST/PATH in lower case, without user, query or fragment")
    refuse_endpoint(text)
    return text


def _is_address(text: str) -> bool:
    found = _ADDRESS.fullmatch(text)
    return found is not None and HOST.fullmatch(found["host"]) is not None


def refuse_endpoint(url: str) -> None:
    """Check that `url` is the address of the service, and not of an endpoint.

    Raises:
        BadValue: it is that of an endpoint, to which clients would add another.
    """
    if found := _ENDPOINT.search(url):
        raise BadValue(f"expected the service's address without {found[0]}; write {url[: found.start()]}")


def check_audience(text: str) -> str:
    """Return the audience.

    Raises:
        BadValue: it cannot be one, or AWS accepts it too.
    """
    if text == "sts.amazonaws.com":
        raise BadValue("AWS accepts sts.amazonaws.com too, so a token could be used there; choose another audience")
    return _AUDIENCE.check(text)


def check_registry(text: str) -> str:
    """Return the name of a registry in the policy.

    Raises:
        BadValue: it cannot be one.
    """
    return _REGISTRY.check(text)


def check_image(text: str) -> str:
    """Return a repository of a registry, with or without a tag.

    Raises:
        BadValue: it cannot be one.
    """
    return _IMAGE.check(text)


def check_host(text: str) -> str:
    """Return the host of a registry; one in ECR has an account and a region.

    Raises:
        BadValue: it is an address or an image, or cannot be a host.
    """
    if "://" in text:
        raise BadValue(f"expected a host name without {text.partition('://')[0]}://, such as {EXAMPLE_HOST}")
    if "/" in text:
        raise BadValue("expected only the host name, without the repository after the slash")
    if not HOST.fullmatch(text):
        raise BadValue(f"expected a host name in lower case, such as {EXAMPLE_HOST}")
    if found := _ECR_HOST.fullmatch(text):
        if not ACCOUNT.pattern.fullmatch(found["account"]):
            raise BadValue(f"expected {ACCOUNT.expected} at the beginning of the host, found {found['account']}")
        if partition(found["region"]).dns_suffix != found["suffix"]:
            raise BadValue(
                f"expected a host that ends in {partition(found['region']).dns_suffix}, as ECR's hosts there do"
            )
    return text


def check_region(text: str) -> str:
    """Return the region.

    Raises:
        BadValue: no partition of AWS has a region with such a name.
    """
    partition(text)
    return text


def partition(region: str) -> Partition:
    """Return the partition of AWS that `region` is in.

    Raises:
        BadValue: no partition has a region with such a name.
    """
    found = partition_of(region)
    if found is None:
        advice = did_you_mean(region.lower(), REGIONS) or "; expected one such as eu-west-1"
        raise BadValue(f"AWS has no region with this name{advice}")
    return found


def unknown_region(text: str) -> str | None:
    """Return the sentence for a region, or for the host of a registry in one, that is not among the known regions."""
    host = _ECR_HOST.fullmatch(text)
    region = host["region"] if host else text
    if region in REGIONS or (host is None and partition_of(region) is None):
        return None
    return f"no region {region} was known when this version was released{did_you_mean(region, REGIONS)}"


def check_prefix(text: str) -> str:
    """Return the beginning of names of repositories in ECR.

    Raises:
        BadValue: ECR would not accept such a name.
    """
    if text != text.lower():
        raise BadValue(f"ECR's repository names have no capitals; write {text.lower()}")
    if not _PREFIX.fullmatch(text):
        raise BadValue("expected the beginning of repository names in ECR, such as ci or team/shop")
    return text
