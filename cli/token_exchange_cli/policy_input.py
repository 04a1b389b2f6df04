"""Loads the policy that a command is given, with the service's own loader."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from token_exchange.adapters.policy_file import PolicyFile
from token_exchange.core.policy import Policy
from token_exchange.loading.load import load_policy
from token_exchange.loading.problems import PolicyUnusable
from token_exchange.loading.store import PolicyDocument, PolicyUnreadable
from token_exchange_cli.input_files import STANDARD_INPUT, read_input, shown_name
from token_exchange_cli.statuses import Unusable

MAX_POLICY_BYTES: Final = 64 * 1024 * 1024
"""Ten thousand grants are four of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyInput:
    """A policy as it was given: how messages speak of it, and its text or those of its folder."""

    name: str
    is_folder: bool
    document: PolicyDocument

    def load(self) -> Policy:
        """Return the policy.

        Raises:
            PolicyUnusable: it does not load.
        """
        return load_policy(
            self.document.content,
            name=self.document.name,
            read_file=self.document.read_file,
            grant_files=self.document.grant_files,
        )

    def texts(self) -> Mapping[str, bytes]:
        """Return every file of the policy by its path, its main one by the name that a folder gives it."""
        return {self.document.name: self.document.content, **(self.document.grant_files or {})}


def read_policy(argument: str) -> PolicyInput:
    """Return what the file or folder `argument` holds; one from standard input names files relative to here.

    Raises:
        Unusable: it cannot be read.
    """
    is_folder = argument != STANDARD_INPUT and _is_folder(Path(argument))
    return PolicyInput(name=shown_name(argument), is_folder=is_folder, document=_document(argument))


def load_policy_argument(argument: str) -> Policy:
    """Return the policy in the file or folder `argument`.

    Raises:
        Unusable: it cannot be read or does not load, with every problem on a line of its own.
    """
    given = read_policy(argument)
    try:
        return given.load()
    except PolicyUnusable as error:
        raise Unusable("\n".join(f"{given.name}: {problem}" for problem in error.problems)) from error


def _document(argument: str) -> PolicyDocument:
    path = Path("policy.yaml" if argument == STANDARD_INPUT else argument)
    if argument != STANDARD_INPUT and _is_folder(path):
        try:
            return PolicyFile(path).read()
        except PolicyUnreadable as error:
            raise Unusable(shown_name(str(error))) from error
    content = read_input(argument, max_bytes=MAX_POLICY_BYTES)
    return PolicyDocument(name=path.name, content=content, read_file=PolicyFile(path).read_named)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # no name of a file; reading it as one says why
        return False
