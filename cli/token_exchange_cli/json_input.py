"""Reads one JSON object, as strictly as the service reads a token's."""

import json
from typing import Final

from token_exchange.core.ports import Json
from token_exchange.core.strict_json import NotStrictJson, parse_object
from token_exchange_cli.input_files import read_input, shown_name
from token_exchange_cli.statuses import Unusable

MAX_JSON_BYTES: Final = 1024 * 1024
"""A token has 16 KiB at most, and an audit line 8."""


def read_json_object(argument: str, *, max_bytes: int = MAX_JSON_BYTES) -> dict[str, Json]:
    """Return the object in the file `argument`.

    Raises:
        Unusable: it cannot be read, or is not one JSON object.
    """
    content = read_input(argument, max_bytes=max_bytes)
    try:
        return parse_object(content, max_values=None)
    except NotStrictJson as error:
        raise Unusable(f"{shown_name(argument)}:{_place(content)} {error}") from error


def _place(content: bytes) -> str:
    """Return line and column at which `content` stops being JSON, where that is what is wrong with it."""
    try:
        json.loads(content.decode("utf-8"))
    except json.JSONDecodeError as error:
        return f"{error.lineno}:{error.colno}:"
    except UnicodeDecodeError as error:
        return f" byte {error.start}:"
    except (ValueError, RecursionError):
        return ""
    return ""
