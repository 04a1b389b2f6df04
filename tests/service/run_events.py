"""Runs the real function as Lambda's runtime does: a handler on the root logger, then the import, then the events.

Reads a JSON list of events from standard input, and writes the list of answers to the file that the first argument
names; standard output and standard error are the log.
"""

import importlib
import json
import logging
import os
import sys
import uuid
from pathlib import Path
from typing import override


class _Lines(logging.Handler):
    """Lambda's own handler, as far as anybody can see it."""

    @override
    def emit(self, record: logging.LogRecord) -> None:
        sys.stdout.write(f"[ROOT]\t{record.levelname}\t{self.format(record)}\n")


class Context:
    """As much of Lambda's context as there always is."""

    function_name = "ecr-token-exchange"
    function_version = "$LATEST"

    def __init__(self) -> None:
        self.aws_request_id = str(uuid.uuid4())

    def get_remaining_time_in_millis(self) -> int:
        return 30_000


def main() -> None:
    logging.getLogger().addHandler(_Lines())
    logging.getLogger().setLevel(os.environ.get("AWS_LAMBDA_LOG_LEVEL", "INFO"))
    handler = importlib.import_module("exchange.app").handler
    answers = [handler(event, Context()) for event in json.load(sys.stdin)]
    Path(sys.argv[1]).write_text(json.dumps(answers))


if __name__ == "__main__":
    main()
