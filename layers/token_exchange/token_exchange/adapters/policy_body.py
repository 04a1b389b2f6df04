"""Reads the body in which AWS sends a policy, bounded in size and time."""

from typing import Final

from botocore.response import StreamingBody

from token_exchange.ports import Deadline
from token_exchange.reasons import Reason
from token_exchange.refusals import Refused

MAX_POLICY_BYTES: Final = 16 * 1024 * 1024
"""Ten thousand grants are four of it."""

_CHUNK_BYTES: Final = 256 * 1024


def whole_body(body: StreamingBody, *, deadline: Deadline) -> bytes:
    """Return all of `body`; botocore raises where it ends before the length that it was announced with.

    Raises:
        Refused: it is too long, or drips: whoever asked has gone at `deadline`, and no thread should wait on.
    """
    content = bytearray()
    with body:
        for chunk in body.iter_chunks(_CHUNK_BYTES):
            content += chunk
            if len(content) > MAX_POLICY_BYTES:
                raise Refused(Reason.POLICY_UNAVAILABLE, f"expected at most {MAX_POLICY_BYTES} bytes")
            if deadline.remaining_seconds() <= 0:
                raise Refused(Reason.DEADLINE_EXCEEDED, "the time for a look ran out")
    return bytes(content)
