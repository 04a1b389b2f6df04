"""Everything that the environment configures, read once, at start."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from token_exchange.adapters.policy_place import FORMS, PolicyPlace, parse_policy_place
from token_exchange.policy.partitions import partition_of

_PUBLIC_URL: Final = re.compile(
    r"(?:https://[A-Za-z0-9.-]+(?::[0-9]{1,5})?|http://(?:127\.0\.0\.1|localhost|\[::1\])(?::[0-9]{1,5})?)"
    r"(?:/[A-Za-z0-9._~-]+)*/?"
)
_SECONDS: Final = re.compile(r"[0-9]{1,6}")
_TABLE: Final = re.compile(r"[A-Za-z0-9_.-]{3,255}", re.ASCII)
"""Amazon DynamoDB Developer Guide, "Naming rules and data types"."""
_LOG_LEVELS: Final = frozenset({"NOTSET", "DEBUG", "INFO", "WARN", "WARNING", "ERROR", "CRITICAL", "FATAL"})
"""Those of Python's logging, which Powertools takes in any case."""


class BadSetting(ValueError):
    """A variable has a value that it cannot have; the text names the variable."""

    def __init__(self, variable: str, expected: str, found: str) -> None:
        super().__init__(f"{variable}: expected {expected}, found {found[:100]!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What was configured."""

    policy: PolicyPlace
    policy_max_age_seconds: int
    state_table: str | None
    public_url: str | None
    region: str | None
    function_version: str | None


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Return the settings that `environment` holds; an empty variable counts as absent.

    Raises:
        BadSetting: a variable has a value that it cannot have.
    """
    given = {name: value for name, value in environment.items() if value}
    _require_log_levels(given)
    return Settings(
        policy=_policy(given.get("TOKEN_EXCHANGE_POLICY", "file:policy.yaml")),
        policy_max_age_seconds=_seconds(given, "TOKEN_EXCHANGE_POLICY_MAX_AGE", default=60),
        state_table=_table(given.get("TOKEN_EXCHANGE_STATE_TABLE")),
        public_url=_public_url(given.get("TOKEN_EXCHANGE_URL")),
        region=_region(given),
        function_version=given.get("AWS_LAMBDA_FUNCTION_VERSION"),
    )


def _require_log_levels(given: Mapping[str, str]) -> None:
    """Refuse a level on which Powertools would fail without naming the variable."""
    for name in ("LOG_LEVEL", "POWERTOOLS_LOG_LEVEL"):
        level = given.get(name, "INFO")
        if level.upper() not in _LOG_LEVELS:
            raise BadSetting(name, "DEBUG, INFO, WARNING, ERROR or CRITICAL", level)


def _policy(value: str) -> PolicyPlace:
    try:
        return parse_policy_place(value)
    except ValueError as error:
        raise BadSetting("TOKEN_EXCHANGE_POLICY", FORMS, value) from error


def _seconds(given: Mapping[str, str], name: str, *, default: int) -> int:
    value = given.get(name)
    if value is None:
        return default
    if not _SECONDS.fullmatch(value):
        raise BadSetting(name, "a whole number of seconds", value)
    return int(value)


def _table(value: str | None) -> str | None:
    if value is not None and not _TABLE.fullmatch(value):
        raise BadSetting("TOKEN_EXCHANGE_STATE_TABLE", "the name of a DynamoDB table", value)
    return value


def _public_url(value: str | None) -> str | None:
    if value is None:
        return None
    if not _PUBLIC_URL.fullmatch(value):
        raise BadSetting("TOKEN_EXCHANGE_URL", "https://HOST, with a path where there is one", value)
    return value.removesuffix("/")


def _region(given: Mapping[str, str]) -> str | None:
    name = "AWS_REGION" if "AWS_REGION" in given else "AWS_DEFAULT_REGION"
    region = given.get(name)
    if region is not None and partition_of(region) is None:
        raise BadSetting(name, "an AWS region such as eu-west-1", region)
    return region
