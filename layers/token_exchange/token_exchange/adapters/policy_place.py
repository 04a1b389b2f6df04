"""Where the policy is, as `TOKEN_EXCHANGE_POLICY` says it."""

import re
from dataclasses import dataclass
from typing import Final

FORMS: Final = "file:PATH, s3://BUCKET/KEY or appconfig:APPLICATION/ENVIRONMENT/PROFILE"

NAME_WITHOUT_FILE: Final = "policy.yaml"
"""AppConfig keeps no name of the file: under this one, its identity is that of the file that was uploaded."""

_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)
"""Amazon S3 User Guide, "General purpose bucket naming rules"."""

_IDENTIFIER: Final = re.compile(r"[^/\x00-\x1f\x7f]{1,128}")
"""AppConfig Data API Reference, StartConfigurationSession: an id or a name."""

_MAX_KEY_BYTES: Final = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePlace:
    """A file or a folder, relative to the function's folder unless absolute."""

    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Place:
    """An object, of which the latest version counts."""

    bucket: str
    key: str

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AppConfigPlace:
    """What is deployed to an environment of an application, each by its id or name."""

    application: str
    environment: str
    profile: str

    def __str__(self) -> str:
        return f"appconfig:{self.application}/{self.environment}/{self.profile}"


type PolicyPlace = FilePlace | S3Place | AppConfigPlace


def parse_policy_place(text: str) -> PolicyPlace:
    """Return the place that `text` names.

    Raises:
        ValueError: it has none of the three forms.
    """
    form, _, rest = text.partition(":")
    match form:
        case "file" if rest:
            return FilePlace(path=rest)
        case "s3" if rest.startswith("//"):
            bucket, _, key = rest[2:].partition("/")
            # A key that ends in a slash is what consoles show as a folder: a policy in S3 is one object.
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
