"""One call of one operation: what it asks, who asks, and what is remembered of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sandbox.aws.principals import Principals
from sandbox.aws.signatures import Caller
from sandbox.loopback import Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call whose signature has been verified. `parameters` are as flat or nested as the protocol has them."""

    operation: str
    parameters: Mapping[str, object]
    caller: Caller
    principals: Principals
    request_id: str
    now_seconds: float


type Operation = Callable[[Call], Answer]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenCall:
    """A call that needs no signature: whoever makes it, what it brings along says who he is."""

    operation: str
    parameters: Mapping[str, object]
    principals: Principals
    request_id: str
    now_seconds: float


type OpenOperation = Callable[[OpenCall], Answer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A request that arrived, for tests and for people. `error` is the code of the refusal, or None.

    `access_key_id` is the key that the request names; where `error` speaks of the signature, it proves nothing.
    """

    operation: str
    parameters: Mapping[str, object]
    access_key_id: str | None
    request_id: str
    at_seconds: float
    error: str | None = None
    region: str | None = None
    fault: str | None = field(default=None)
