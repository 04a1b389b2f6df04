"""The limits that a service model states, enforced as AWS enforces them.

botocore checks neither patterns nor upper bounds, so only the service enforces them.
Source: the models of STS and ECR in botocore, `service-2.json`.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from sandbox.aws.errors import AwsError


@dataclass(frozen=True, slots=True, kw_only=True)
class TextRule:
    """Length and alphabet of a string parameter; `shown` is the pattern as AWS prints it."""

    min_length: int
    max_length: int
    alphabet: re.Pattern[str]
    shown: str


def _ascii(characters: str, *, shown: str, lengths: tuple[int, int]) -> TextRule:
    # AWS means Java's \w, which is ASCII; Python's would accept letters of any script.
    alphabet = re.compile(rf"[{characters}]*", re.ASCII)
    return TextRule(min_length=lengths[0], max_length=lengths[1], alphabet=alphabet, shown=shown)


SESSION_NAME: Final = _ascii(r"\w+=,.@-", shown=r"[\w+=,.@-]*", lengths=(2, 64))
EXTERNAL_ID: Final = _ascii(r"\w+=,.@:/-", shown=r"[\w+=,.@:\/-]*", lengths=(2, 1224))
ROLE_ARN: Final = _ascii(
    r"\t\n\r -~", shown=r"[\u0009\u000A\u000D\u0020-\u007E\u0085\u00A0-\uD7FF]+", lengths=(20, 2048)
)
SESSION_POLICY: Final = _ascii(r"\t\n\r -\u00ff", shown=r"[\u0009\u000A\u000D\u0020-\u00FF]+", lengths=(1, 2048))
TAG_KEY_MAX: Final = 128
TAG_VALUE_MAX: Final = 256


def validation_error(value: str, name: str, constraint: str) -> AwsError:
    """Return AWS's ValidationError for one parameter, named as AWS names it."""
    message = f"1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: {constraint}"
    return AwsError(code="ValidationError", message=message)


def check_text(value: str, *, name: str, rule: TextRule) -> None:
    """Refuse a string that breaks its rule.

    Raises:
        AwsError: ValidationError.
    """
    _check_length(value, name, rule.min_length, rule.max_length)
    if not rule.alphabet.fullmatch(value):
        raise validation_error(value, name, f"Member must satisfy regular expression pattern: {rule.shown}")


def check_tag(key: str, value: str, *, position: int) -> None:
    r"""Refuse a session tag outside `[\p{L}\p{Z}\p{N}_.:/=+\-@]`, 1 to 128 and 0 to 256 characters.

    Raises:
        AwsError: ValidationError.
    """
    for part, text, bounds in (("key", key, (1, TAG_KEY_MAX)), ("value", value, (0, TAG_VALUE_MAX))):
        name = f"tags.{position}.member.{part}"
        _check_length(text, name, *bounds)
        if not all(character in "_.:/=+-@" or unicodedata.category(character)[0] in "LZN" for character in text):
            pattern = r"[\p{L}\p{Z}\p{N}_.:/=+\-@]" + ("+" if part == "key" else "*")
            raise validation_error(text, name, f"Member must satisfy regular expression pattern: {pattern}")


def _check_length(value: str, name: str, minimum: int, maximum: int) -> None:
    if len(value) < minimum:
        raise validation_error(value, name, f"Member must have length greater than or equal to {minimum}")
    if len(value) > maximum:
        raise validation_error(value, name, f"Member must have length less than or equal to {maximum}")
