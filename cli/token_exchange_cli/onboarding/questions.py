"""The questions of `init`, and the checks of the answers that every first policy needs."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from token_exchange.loading.registries import Partition, partition_of
from token_exchange_cli.systems.answers import AUDIENCE, BadAnswer

_PREFIX: Final = re.compile(r"[a-z0-9]+(?:(?:[._/]|__|-+)[a-z0-9]+)*")
"""Amazon ECR API Reference, CreateRepository."""


def check_audience(text: str) -> str:
    """Return the audience.

    Raises:
        BadAnswer: it cannot be one, or AWS accepts it too.
    """
    if text == "sts.amazonaws.com":
        raise BadAnswer("AWS accepts sts.amazonaws.com too, so a token could be used there; choose another audience")
    return AUDIENCE.check(text)


def check_region(text: str) -> str:
    """Return the region.

    Raises:
        BadAnswer: no partition of AWS has a region of such a name.
    """
    partition(text)
    return text


def partition(region: str) -> Partition:
    """Return the partition of AWS that `region` is in.

    Raises:
        BadAnswer: no partition has a region of such a name.
    """
    found = partition_of(region)
    if found is None:
        raise BadAnswer("AWS has no region of such a name; expected one such as eu-west-1")
    return found


def check_prefix(text: str) -> str:
    """Return where the repositories in ECR begin.

    Raises:
        BadAnswer: ECR would not take such a name.
    """
    if text != text.lower():
        raise BadAnswer(f"ECR's repository names have no capitals; write {text.lower()}")
    if not _PREFIX.fullmatch(text):
        raise BadAnswer("expected the beginning of repository names in ECR, such as ci or team/shop")
    return text


QUESTIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "host": "The host of your own server",
        "issuer": "The issuer's URL",
        "organization": "The organization's name",
        "organization-id": "The organization's id",
        "project": "The project",
        "project-id": "The project's id",
        "repository": "The source repository, OWNER/NAME",
        "repository-id": "The source repository's id",
        "environment-id": "The deployment environment's id",
        "pipeline": "The pipeline that pushes",
        "pipeline-id": "The id of the pipeline that pushes",
        "actor": "The identity of the builds",
        "actor-id": "The id of the builds' account",
    }
)
"""What depends on the system, by the option's name and in the order in which it is asked."""
