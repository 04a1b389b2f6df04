"""What a function gets from Lambda: its settings, read once from the environment at start, its clock, and its time."""

import re
import time
from collections.abc import Mapping
from typing import Final

from token_exchange.core.record import record
from token_exchange.loading.registries import partition_of


class SystemClock:
    """Implements `Clock`."""

    def now(self) -> float:
        """Return the wall clock's time, in seconds since the epoch."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds on a clock that is never corrected."""
        return time.monotonic()


def invocation_seconds(context: object, *, at_most: float, reserve: float) -> float:
    """Return how long an invocation may take: what Lambda's `context` leaves of its timeout, less `reserve`.

    Outside Lambda there may be no timeout.
    """
    remaining = getattr(context, "get_remaining_time_in_millis", None)
    if remaining is None:
        return at_most
    left: float = remaining() / 1000 - reserve
    return min(at_most, left)


FORMS: Final = "file:PATH, s3://BUCKET/KEY or appconfig:APPLICATION/ENVIRONMENT/PROFILE"

NAME_WITHOUT_FILE: Final = "policy.yaml"
"""AppConfig stores no file name; with this one, the policy's identity is that of the uploaded file."""

_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)
"""Amazon S3 User Guide, "General purpose bucket naming rules"."""

_IDENTIFIER: Final = re.compile(r"[^/\x00-\x1f\x7f]{1,128}")
"""AppConfig Data API Reference, StartConfigurationSession: an id or a name."""

_MAX_KEY_BYTES: Final = 1024


@record
class FilePlace:
    """A file or a folder, relative to the function's folder unless absolute."""

    path: str


@record
class S3Place:
    """An object; its latest version is used."""

    bucket: str
    key: str

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


@record
class AppConfigPlace:
    """The configuration deployed to an environment of an application, each by id or name."""

    application: str
    environment: str
    profile: str

    def __str__(self) -> str:
        return f"appconfig:{self.application}/{self.environment}/{self.profile}"


type PolicyPlace = FilePlace | S3Place | AppConfigPlace


def parse_policy_place(text: str) -> PolicyPlace:
    """Return the place in `text`.

    Raises:
        ValueError: it has none of the three forms.
    """
    form, _, rest = text.partition(":")
    match form:
        case "file" if rest:
            return FilePlace(path=rest)
        case "s3" if rest.startswith("//"):
            bucket, _, key = rest[2:].partition("/")
            # The console shows a key that ends in a slash as a folder; a policy in S3 is one object.
            if _BUCKET.fullmatch(bucket) and key and not key.endswith("/") and _fits(key):
                return S3Place(bucket=bucket, key=key)
        case "appconfig":
            names = rest.split("/")
            if len(names) == 3 and all(map(_IDENTIFIER.fullmatch, names)):  # noqa: PLR2004 - as FORMS says
                return AppConfigPlace(application=names[0], environment=names[1], profile=names[2])
        case _:
            pass
    raise ValueError(f"expected {FORMS}")


def _fits(key: str) -> bool:
    return key.isprintable() and len(key.encode()) <= _MAX_KEY_BYTES


_PUBLIC_URL: Final = re.compile(
    r"(?:https://[A-Za-z0-9][A-Za-z0-9.-]*|http://(?:127\.0\.0\.1|localhost|\[::1\]))"
    r"(?::(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?"
    r"(?:/[A-Za-z0-9._~-]+)*/?"
)

_SECONDS: Final = re.compile(r"[0-9]{1,6}")

_TABLE: Final = re.compile(r"[A-Za-z0-9_.-]{3,255}", re.ASCII)
"""Amazon DynamoDB Developer Guide, "Naming rules and data types"."""

_SECRET_ARN: Final = re.compile(
    r"arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+", re.ASCII
)
"""Service Authorization Reference, "Resource types defined by AWS Secrets Manager"."""

_DEPLOYMENT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
"""The characters that stack names and CloudWatch dimension values allow."""

_LOG_LEVELS: Final = frozenset({"NOTSET", "DEBUG", "INFO", "WARN", "WARNING", "ERROR", "CRITICAL", "FATAL"})
"""The levels of Python's logging, which Powertools accepts in upper and lower case."""


_TRUTH_VALUES: Final = frozenset({"1", "y", "yes", "t", "true", "on", "0", "n", "no", "f", "false", "off"})
"""What Powertools reads as true or false, in upper and lower case."""


class BadSetting(ValueError):
    """A variable has an invalid value; the message names the variable."""

    def __init__(self, variable: str, expected: str, found: str) -> None:
        super().__init__(f"{variable}: expected {expected}, found {found[:100]!r}")


@record
class Settings:
    """The settings of a function."""

    policy: PolicyPlace
    policy_max_age_seconds: int
    first_policy: FilePlace | None
    state_table: str | None
    brake_table: str | None
    public_url: str | None
    documentation_url: str
    probe_secret: str | None
    region: str | None
    deployment: str
    metrics_by_issuer: bool
    function_version: str | None


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Return the settings in `environment`; an empty variable counts as absent.

    Raises:
        BadSetting: a variable has an invalid value.
    """
    given = {name: value for name, value in environment.items() if value}
    _require_log_levels(given)
    _require_switches(environment)
    policy = _policy("TOKEN_EXCHANGE_POLICY", given.get("TOKEN_EXCHANGE_POLICY", "file:policy.yaml"))
    return Settings(
        policy=policy,
        policy_max_age_seconds=_seconds(given, "TOKEN_EXCHANGE_POLICY_MAX_AGE", default=60),
        first_policy=_first_policy(given.get("TOKEN_EXCHANGE_FIRST_POLICY"), policy),
        state_table=_table(given, "TOKEN_EXCHANGE_STATE_TABLE"),
        brake_table=_table(given, "TOKEN_EXCHANGE_BRAKE_TABLE"),
        public_url=_public_url(given.get("TOKEN_EXCHANGE_URL")),
        documentation_url=_documentation_url(given.get("TOKEN_EXCHANGE_DOCUMENTATION_URL", "docs")),
        probe_secret=_secret(given.get("TOKEN_EXCHANGE_PROBE_SECRET")),
        region=_region(given),
        deployment=_deployment(given.get("TOKEN_EXCHANGE_DEPLOYMENT", "local")),
        metrics_by_issuer=_switch(given, "TOKEN_EXCHANGE_METRICS_BY_ISSUER", default=True),
        function_version=given.get("AWS_LAMBDA_FUNCTION_VERSION"),
    )


def _require_log_levels(given: Mapping[str, str]) -> None:
    """Refuse an unknown level; Powertools would fail without naming the variable."""
    for name in ("LOG_LEVEL", "POWERTOOLS_LOG_LEVEL"):
        level = given.get(name, "INFO")
        if level.upper() not in _LOG_LEVELS:
            raise BadSetting(name, "DEBUG, INFO, WARNING, ERROR or CRITICAL", level)


def _require_switches(environment: Mapping[str, str]) -> None:
    """Refuse what Powertools cannot read: it would fail without naming the variable, also on an empty one."""
    if environment.get("LOG_LEVEL") == "" and not environment.get("POWERTOOLS_LOG_LEVEL"):
        raise BadSetting("LOG_LEVEL", "DEBUG, INFO, WARNING, ERROR or CRITICAL", "")
    for name in ("POWERTOOLS_DEV", "POWERTOOLS_LOG_DEDUPLICATION_DISABLED", "POWERTOOLS_METRICS_DISABLED"):
        value = environment.get(name, "false")
        if value.lower() not in _TRUTH_VALUES:
            raise BadSetting(name, "true or false", value)


def _policy(name: str, value: str) -> PolicyPlace:
    try:
        return parse_policy_place(value)
    except ValueError as error:
        raise BadSetting(name, FORMS, value) from error


def _first_policy(value: str | None, policy: PolicyPlace) -> FilePlace | None:
    if value is None:
        return None
    place = _policy("TOKEN_EXCHANGE_FIRST_POLICY", value)
    # S3 does not say whether an object was ever there: one that is deleted must not bring back an old policy.
    if not isinstance(place, FilePlace) or not isinstance(policy, AppConfigPlace):
        raise BadSetting("TOKEN_EXCHANGE_FIRST_POLICY", "file:PATH, next to a policy in AppConfig", value)
    return place


def _seconds(given: Mapping[str, str], name: str, *, default: int) -> int:
    value = given.get(name)
    if value is None:
        return default
    if not _SECONDS.fullmatch(value):
        raise BadSetting(name, "a whole number of seconds", value)
    return int(value)


def _switch(given: Mapping[str, str], name: str, *, default: bool) -> bool:
    value = given.get(name)
    match value:
        case None:
            return default
        case "true" | "false":
            return value == "true"
        case _:
            raise BadSetting(name, "true or false", value)


def _table(given: Mapping[str, str], name: str) -> str | None:
    value = given.get(name)
    if value is not None and not _TABLE.fullmatch(value):
        raise BadSetting(name, "the name of a DynamoDB table", value)
    return value


def _secret(value: str | None) -> str | None:
    if value is not None and not _SECRET_ARN.fullmatch(value):
        raise BadSetting("TOKEN_EXCHANGE_PROBE_SECRET", "the whole ARN of a secret", value)
    return value


def _deployment(value: str) -> str:
    if not _DEPLOYMENT.fullmatch(value):
        raise BadSetting("TOKEN_EXCHANGE_DEPLOYMENT", "at most 128 letters, digits and ._-", value)
    return value


def _public_url(value: str | None) -> str | None:
    if value is None:
        return None
    if not _PUBLIC_URL.fullmatch(value):
        raise BadSetting("TOKEN_EXCHANGE_URL", "https://HOST with an optional path", value)
    return value.removesuffix("/")


def _documentation_url(value: str) -> str:
    if value != "docs" and not _PUBLIC_URL.fullmatch(value):
        raise BadSetting("TOKEN_EXCHANGE_DOCUMENTATION_URL", "https://HOST with an optional path", value)
    return value.removesuffix("/")


def _region(given: Mapping[str, str]) -> str | None:
    name = "AWS_REGION" if "AWS_REGION" in given else "AWS_DEFAULT_REGION"
    region = given.get(name)
    if region is not None and partition_of(region) is None:
        raise BadSetting(name, "an AWS region such as eu-west-1", region)
    return region
