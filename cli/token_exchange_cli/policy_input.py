"""Loads the policy that a command is given, with the service's own loader."""

from pathlib import Path
from typing import Final

from token_exchange.adapters.policy_file import PolicyFile
from token_exchange.policy.load import load_policy
from token_exchange.policy.model import Policy
from token_exchange.policy.reading.problems import PolicyUnusable
from token_exchange_cli.input_files import STANDARD_INPUT, read_input, shown_name
from token_exchange_cli.statuses import Unusable

MAX_POLICY_BYTES: Final = 64 * 1024 * 1024
"""Ten thousand grants are four of it."""


def load_policy_argument(argument: str) -> Policy:
    """Return the policy in the file `argument`; one from standard input names files relative to here.

    Raises:
        Unusable: it cannot be read or does not load, with every problem on a line of its own.
    """
    content = read_input(argument, max_bytes=MAX_POLICY_BYTES)
    path = Path("policy.yaml" if argument == STANDARD_INPUT else argument)
    try:
        return load_policy(content, name=path.name, read_file=PolicyFile(path).read_named)
    except PolicyUnusable as error:
        name = shown_name(argument)
        raise Unusable("\n".join(f"{name}: {problem}" for problem in error.problems)) from error
