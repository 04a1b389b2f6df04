"""The job behind an audit line: its address in the CI system, or what to look up there.

People open these addresses, and anyone who can start a run chooses much of what a token says. So a value becomes part
of an address only if it is a plain name, a path of such names or a number, and a server is only one that the preset
names or that the policy has as an issuer.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from token_exchange.core.ports import Json
from token_exchange.core.vocabulary import Name, claim_at

_NAME: Final = r"(?!\.{1,2}(?:/|\Z))[A-Za-z0-9._-]+"
"""A part of a path that is that part only: it needs no escape, and is not `.` or `..`, which are other places."""

NAME: Final = re.compile(_NAME)
PATH: Final = re.compile(rf"{_NAME}(?:/{_NAME})*")
NUMBER: Final = re.compile(r"[0-9]{1,20}")
SERVER: Final = re.compile(rf"https://[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[0-9]{{1,5}})?(?:/{_NAME})*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Where the job is: `address` is its page, or with `look_up`, the page on which to look that up.

    Without an address, `look_up` says where it is to be looked up too.
    """

    address: str | None = None
    look_up: str | None = None


class NotInLineError(LookupError):
    """A value that the address needs is not in the line, not whole, or no plain name; `name` is the value's."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


@dataclass(frozen=True, slots=True, kw_only=True)
class JobLine:
    """What the audit line of a verified token records of it; `issuer_url` is the policy's."""

    issuer_url: str
    identity: Mapping[str, Json]
    claims: Mapping[str, Json]

    def value(self, name: Name, form: re.Pattern[str] = NAME) -> str:
        """Return the value of the vocabulary's `name`.

        Raises:
            NotInLineError: there is none of this form.
        """
        return _checked(self.identity.get(name), form, name)

    def claim(self, *path: str, form: re.Pattern[str] = NAME) -> str:
        """Return the claim at `path`; a number is text.

        Raises:
            NotInLineError: there is none of this form.
        """
        return _checked(claim_at(self.claims, path), form, path[-1])

    def server(self, *, below: str = "") -> str:
        """Return the URL of the CI server whose issuer is `below` it, without a slash at its end.

        Raises:
            NotInLineError: the issuer has another form.
        """
        url = self.issuer_url.removesuffix("/")
        if not url.endswith(below):
            raise NotInLineError("issuer_url")
        return _checked(url.removesuffix(below), SERVER, "issuer_url")


def _checked(value: Json, form: re.Pattern[str], name: str) -> str:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not form.fullmatch(text):
        raise NotInLineError(name)
    return text
