"""Several environments of the function, each serving one request at a time, as in Lambda."""

import http.client
import json
import queue
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final, Self

from sandbox.evidence import object_of
from sandbox.loopback import HOST
from sandbox.service import HANDLER, Service

_TIMEOUT_SECONDS: Final = 40.0
_PAGE_KILOBYTES: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer. `served_seconds` is what the environment took for it. `body` may hold a password."""

    status: int
    body: dict[str, object] = field(repr=False)
    retry_after_seconds: int | None
    served_seconds: float


class Environments:
    """`count` processes with `handler`, by default the real one; a request waits for a free one."""

    def __init__(self, environment: Mapping[str, str], *, count: int, log: IO[bytes], handler: str = HANDLER) -> None:
        self._free: queue.SimpleQueue[int] = queue.SimpleQueue()
        with ExitStack() as stack:
            self._services = [
                stack.enter_context(Service(environment, handler=handler, output=log, errors=log)) for _ in range(count)
            ]
            self._stack = stack.pop_all()
        for service in self._services:
            self._free.put(service.port)

    def post(self, token: str) -> Reply:
        """Exchange a token for a login to the registry `apps`.

        Raises:
            OSError: there is no answer.
        """
        with self._environment() as port:
            connection = http.client.HTTPConnection(HOST, port, timeout=_TIMEOUT_SECONDS)
            try:
                started = time.monotonic()
                connection.request("POST", "/v1/token?registry=apps", headers={"Authorization": f"Bearer {token}"})
                answer = connection.getresponse()
                body = object_of(json.loads(answer.read()), "answer")
                served_seconds = time.monotonic() - started
            finally:
                connection.close()
        told = answer.getheader("retry-after")
        return Reply(
            status=answer.status,
            body=body,
            retry_after_seconds=None if told is None else int(told),
            served_seconds=served_seconds,
        )

    def memory_megabytes(self) -> float | None:
        """Return the largest resident memory of them, or None where the system has no /proc."""
        sizes = [Path(f"/proc/{service.number}/statm") for service in self._services]
        if not all(size.exists() for size in sizes):
            return None
        return max(int(size.read_text().split()[1]) * _PAGE_KILOBYTES / 1024 for size in sizes)

    def close(self) -> None:
        """End them all."""
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _environment(self) -> Iterator[int]:
        port = self._free.get()
        try:
            yield port
        finally:
            self._free.put(port)
