"""Loads the policy that a command is given, with the service's own loader."""

from pathlib import Path
from typing import Final

from token_exchange.adapters.policy_file import PolicyFile
from token_exchange.policy.load import load_policy
from token_exchange.policy.model import Policy
from token_exchange.policy.reading.problems import PolicyUnusable
from token_exchange.policy_store import PolicyDocument, PolicyUnreadable
from token_exchange_cli.input_files import STANDARD_INPUT, read_input, shown_name
from token_exchange_cli.statuses import Unusable

MAX_POLICY_BYTES: Final = 64 * 1024 * 1024
"""Ten thousand grants are four of it."""


def load_policy_argument(argument: str) -> Policy:
    """Return the policy in the file or folder `argument`; one from standard input names files relative to here.

    Raises:
        Unusable: it cannot be read or does not load, with every problem on a line of its own.
    """
    document = _document(argument)
    try:
        return load_policy(
            document.content,
            name=document.name,
            read_file=document.read_file,
            grant_files=document.grant_files,
        )
    except PolicyUnusable as error:
        name = shown_name(argument)
        raise Unusable("\n".join(f"{name}: {problem}" for problem in error.problems)) from error


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
