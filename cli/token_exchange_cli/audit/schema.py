"""The JSON Schema of the audit line, and the check of a line against it."""

import json
from importlib import resources
from typing import TYPE_CHECKING, Final

from token_exchange.core.ports import Json
from token_exchange_cli.audit.engine import needs_packages

if TYPE_CHECKING:
    from jsonschema_rs import Validator

_FILE: Final = "line.schema.json"


def line_schema() -> dict[str, Json]:
    """Return the schema."""
    text = resources.files("token_exchange_cli.audit").joinpath(_FILE).read_text("utf-8")
    schema: dict[str, Json] = json.loads(text)
    return schema


class LineChecker:
    """Checks lines against the schema.

    Raises:
        Unusable: the package for it is not installed.
    """

    def __init__(self) -> None:
        try:
            import jsonschema_rs  # noqa: PLC0415 - optional
        except ImportError as error:
            raise needs_packages(error) from error
        self._validator: Validator = jsonschema_rs.validator_for(line_schema())

    def problem(self, line: dict[str, Json]) -> str | None:
        """Return the first violation of the schema in `line`, without its values; None if it is valid."""
        if self._validator.is_valid(line):
            return None
        for error in self._validator.iter_errors(line):
            parts = ("[]" if isinstance(part, int) else f".{part}" for part in error.instance_path)
            field = "".join(parts).removeprefix(".") or "the line"
            rule = [str(part) for part in error.schema_path if isinstance(part, str)]
            return f"{field}: does not satisfy the schema's {rule[-1] if rule else 'rule'}"
        return None
