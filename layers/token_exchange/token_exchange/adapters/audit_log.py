"""Writes the audit line: one for each exchange, before its answer leaves."""

from typing import Final

from token_exchange.adapters.log_lines import logger_for
from token_exchange.audit import AuditRecord
from token_exchange.ports import Json

_LOGGER_NAME: Final = "token-exchange-audit"


class AuditLog:
    """Writes audit lines, whatever level the environment sets for the others."""

    def __init__(self) -> None:
        self._logger = logger_for(_LOGGER_NAME, level="INFO")

    def write(self, record: AuditRecord, more: dict[str, Json]) -> None:
        """Write the line of `record`, with what only the environment knows in `more`.

        Raises:
            OSError: the line could not be written; then nothing may be handed out.
        """
        self._logger.info("exchange", extra={**record.render(), **more})
