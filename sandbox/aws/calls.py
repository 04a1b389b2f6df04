"""One call of an AWS operation, and the record of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sandbox.aws.principals import Principals
from sandbox.aws.signatures import Caller
from sandbox.loopback import Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call whose signature has been verified. `parameters` are flat or nested, as in the protocol."""

    operation: str
    parameters: Mapping[str, object]
    caller: Caller
    principals: Principals
    request_id: str
    now_seconds: float


type Operation = Callable[[Call], Answer]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenCall:
    """A call that needs no signature: its parameters identify the caller."""

    operation: str
    parameters: Mapping[str, object]
    principals: Principals
    request_id: str
    now_seconds: float


type OpenOperation = Callable[[OpenCall], Answer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The record of a received request. `error` is the code of the refusal, or None.

    `access_key_id` is the key id in the request, which is unverified if `error` is about the signature.
    """

    operation: str
    parameters: Mapping[str, object]
    access_key_id: str | None
    request_id: str
    at_seconds: float
    error: str | None = None
    region: str | None = None
    fault: str | None = field(default=None)
