"""Calls over a connection that was kept, and may be gone: an environment is frozen between two requests."""

from collections.abc import Callable

from botocore.exceptions import ConnectionClosedError


def reconnecting[T](call: Callable[[], T]) -> T:
    """Return what `call` of a botocore client returns, made a second time where its connection was closed.

    The clients for which this is meant make one attempt: botocore's own wait up to a second before the next.
    """
    try:
        return call()
    except ConnectionClosedError:
        return call()
