"""Who owns the files of a policy, by CODEOWNERS of GitHub, GitLab and others."""

from pathlib import Path
from typing import Final

from codeowners import CodeOwners

from token_exchange_cli.console import Unusable
from token_exchange_cli.inputs import PolicyInput, input_name, read_input

_MAX_BYTES: Final = 3 * 1024 * 1024
"""GitHub reads no larger file."""


def read_owners(argument: str) -> CodeOwners:
    """Return the owners in the file `argument`.

    Raises:
        Unusable: it cannot be read, or has a pattern that is none.
    """
    text = read_input(argument, max_bytes=_MAX_BYTES).decode("utf-8", errors="replace")
    try:
        return CodeOwners(text)
    except ValueError as error:
        raise Unusable(f"{input_name(argument)}: {error}") from error


def repository_path(given: PolicyInput, file: str) -> str:
    """Return the path of the policy's file in the repository, whose root is the current folder."""
    path = (Path(given.name) if given.is_folder else Path(given.name).parent) / file
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
