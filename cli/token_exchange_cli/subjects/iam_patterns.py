"""Values and patterns of an IAM condition, escaped and unescaped.

Source: IAM User Guide, "IAM JSON policy elements: Condition operators" and "Policy variables", special characters.
"""

import re
from dataclasses import dataclass
from typing import Final

from token_exchange.core.glob import compile_glob

ANYTHING: Final = "*"
_ESCAPED: Final = re.compile(r"\$\{([*?$])\}")


class NotSayable(Exception):
    """A policy cannot express this; the message says what. `place` is the path in the trust policy, where known."""

    def __init__(self, message: str, place: str = "") -> None:
        super().__init__(message)
        self.place = place


@dataclass(frozen=True, slots=True)
class Value:
    """The expected value of a claim: exactly `text`, or with `is_pattern` an IAM pattern, whose `*` crosses `/`."""

    text: str
    is_pattern: bool

    @property
    def glob(self) -> str:
        """The policy's glob: `**` for a run, and `?` for one character except `/` and `:`, which is narrower."""
        return re.sub(r"\*+", "**", self.text)

    @property
    def wider_glob(self) -> str:
        """A glob that matches at least what this matches: what the trust policy refuses must stay refused."""
        return re.sub(r"[*?]+", "**", self.text)

    def takes(self, text: str) -> bool:
        """Say whether this matches `text`; no where it would only by IAM's wider `?`."""
        return compile_glob(self.glob).matches(text) if self.is_pattern else text == self.text


def literal(text: str) -> str:
    """Return the IAM pattern that matches only `text`."""
    return re.sub(r"[*?$]", lambda found: f"${{{found[0]}}}", text)


def pattern_of_glob(glob: str) -> str:
    """Return the IAM pattern for a policy's `glob`. It is wider: IAM's wildcards cross `/` and `:`."""
    return re.sub(r"\*+", ANYTHING, glob.replace("${", "${$}{"))


def value_of(text: str, *, takes_wildcards: bool) -> Value:
    """Return what `text` means to an operator that takes wildcards or does not.

    Raises:
        NotSayable: it is empty, or contains a policy variable or a literal `*`.
    """
    plain = _ESCAPED.sub(lambda found: {"$": "$"}.get(found[1], ""), text)
    if not text:
        raise NotSayable("an empty string, which no claim is")
    if "${" in plain:
        raise NotSayable("a policy variable")
    has_literal = any(found[1] in "*?" for found in _ESCAPED.finditer(text))
    is_pattern = takes_wildcards and re.search(r"[*?]", plain) is not None
    if "*" in text and (has_literal or not takes_wildcards):
        raise NotSayable("a literal *, which no claim contains: write StringLike where a pattern is meant")
    if has_literal:
        raise NotSayable("a literal ? beside wildcards")
    return Value(plain, is_pattern)
