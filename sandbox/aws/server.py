"""The sandbox's AWS: one HTTP server on loopback for several services.

Clients find it with `AWS_ENDPOINT_URL`. Every request needs a valid signature, except
for the one operation that takes a token instead.
"""

import threading
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, Self, assert_never, get_args

from sandbox.aws.appconfig import Deployments
from sandbox.aws.appconfigdata import Configurations
from sandbox.aws.calls import Call, OpenCall, OpenOperation, Operation, Seen
from sandbox.aws.dynamodb import StateTable
from sandbox.aws.ecr import Registry
from sandbox.aws.ecr_public import PublicRegistry
from sandbox.aws.errors import AwsError, error_answer
from sandbox.aws.named_calls import NamedCall, named_call, unknown_operation
from sandbox.aws.outbound_identity import OutboundFederation
from sandbox.aws.principals import Principals, Role, Session
from sandbox.aws.secrets_manager import Secrets
from sandbox.aws.signatures import MISSING_SIGNATURE, authenticate, claimed_access_key_id, require_signature
from sandbox.aws.sts import assume_role
from sandbox.aws.web_identity import assume_role_with_web_identity
from sandbox.clocks import WALL_CLOCK, Now
from sandbox.faults import NONE_PLANNED, Faults, planned
from sandbox.loopback import Answer, Request, Server, Silence

type FaultKind = Literal[
    "throttle", "server-error", "unavailable", "access-denied", "malformed", "slow", "hang", "drop", "lost"
]
FAULT_KINDS: Final[Mapping[str, FaultKind]] = {kind: kind for kind in get_args(FaultKind.__value__)}
CONTROL_PATH: Final = "/_control"


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsFault:
    """A planned failure of an operation; `seconds` is for `slow`."""

    kind: FaultKind
    seconds: float = 1.0


class Aws:
    """The AWS services that an exchange uses, on loopback.

    `requests` returns the received requests; `faults` are planned by operation, such as `sts:AssumeRole`.
    """

    def __init__(
        self, *, roles: Iterable[Role], callers: Iterable[Session], port: int = 0, now: Now = WALL_CLOCK
    ) -> None:
        self.principals = Principals(roles, now=now)
        for caller in callers:
            self.principals.remember(caller)
        self.registry = Registry()
        self.public_registry = PublicRegistry()
        self.secrets = Secrets()
        self.state = StateTable()
        self.configurations = Configurations()
        self.deployments = Deployments(self.configurations)
        self.outbound_federation = OutboundFederation()
        self.faults: Faults[str, AwsFault] = Faults()
        self._now = now
        self._seen: list[Seen] = []
        self._unsigned_operations: list[str] = []
        self._lock = threading.Lock()
        self._operations: Mapping[str, Operation] = {
            "sts:AssumeRole": assume_role,
            "sts:GetWebIdentityToken": self.outbound_federation.get_web_identity_token,
            "ecr:GetAuthorizationToken": self.registry.get_authorization_token,
            "ecr-public:GetAuthorizationToken": self.public_registry.get_authorization_token,
            "secretsmanager:GetSecretValue": self.secrets.get_secret_value,
            **self.state.operations,
            **self.configurations.operations,
            **self.deployments.operations,
        }
        self._open_operations: Mapping[str, OpenOperation] = {
            "sts:AssumeRoleWithWebIdentity": assume_role_with_web_identity
        }
        self._server = Server(self._handle, port=port)

    @property
    def url(self) -> str:
        """The endpoint for every service."""
        return f"http://127.0.0.1:{self._server.port}"

    @property
    def _names(self) -> list[str]:
        return [*self._operations, *self._open_operations]

    def accepted_connections(self) -> int:
        """Return how many connections clients have opened so far."""
        return self._server.accepted_connections()

    def unsigned_requests(self) -> list[str]:
        """Return the operations of requests without a signature that need one: a client opened its connection."""
        with self._lock:
            return list(self._unsigned_operations)

    def requests(self, operation: str | None = None) -> list[Seen]:
        """Return the received requests in order, of one `operation` or of all."""
        with self._lock:
            return [seen for seen in self._seen if operation in {None, seen.operation}]

    def forget_requests(self) -> None:
        """Clear the record of requests."""
        with self._lock:
            self._seen.clear()
            self._unsigned_operations.clear()

    def close(self) -> None:
        """Stop serving."""
        self._server.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _handle(self, request: Request) -> Answer | Silence:
        if request.url.path.startswith(CONTROL_PATH):
            return self._control(request)
        request_id = str(uuid.uuid4())
        named = named_call(request)
        fault = self.faults.take(named.operation)
        error: AwsError | None = None
        region: str | None = None
        try:
            if fault is not None and (instead := self._fail(fault, named, request_id)) is not None:
                answer: Answer | Silence = instead
            elif (open_operation := self._open_operations.get(named.operation)) is not None:
                answer = open_operation(self._unsigned(named, request_id))
            else:
                call = self._authenticated(request, named, request_id)
                region = call.caller.region
                answer = self._operations[named.operation](call)
                if fault is not None and fault.kind == "lost":
                    answer = Silence.DROP
        except AwsError as refusal:
            error = refusal
            answer = error_answer(refusal, protocol=named.protocol, request_id=request_id)
        self._record(request, named, request_id, error=error, region=region, fault=fault)
        return answer

    def _authenticated(self, request: Request, named: NamedCall, request_id: str) -> Call:
        now_seconds = self._now()
        # As AWS does, before it looks for the operation.
        require_signature(request, named.protocol)
        if named.operation not in self._operations:
            raise unknown_operation(named)
        caller = authenticate(
            request,
            service=named.service,
            protocol=named.protocol,
            principals=self.principals,
            now_seconds=now_seconds,
        )
        if named.parameters is None:
            raise AwsError(code="SerializationException", message="")
        return Call(
            operation=named.operation,
            parameters=named.parameters,
            caller=caller,
            principals=self.principals,
            request_id=request_id,
            now_seconds=now_seconds,
        )

    def _unsigned(self, named: NamedCall, request_id: str) -> OpenCall:
        return OpenCall(
            operation=named.operation,
            parameters=named.parameters or {},
            principals=self.principals,
            request_id=request_id,
            now_seconds=self._now(),
        )

    def _fail(self, fault: AwsFault, named: NamedCall, request_id: str) -> Answer | Silence | None:
        """Return the answer in place of the operation's, or None if the operation runs, late or unanswered."""
        match fault.kind:
            case "throttle":
                code = "Throttling" if named.protocol == "query" else "ThrottlingException"
                raise AwsError(code=code, message="Rate exceeded")
            case "server-error":
                code = "InternalFailure" if named.protocol == "query" else "ServerException"
                raise AwsError(code=code, message="an internal error, on request", status=500)
            case "unavailable":
                raise AwsError(code="ServiceUnavailable", message="Service is unavailable", status=503)
            case "access-denied":
                code, status = ("AccessDenied", 403) if named.protocol == "query" else ("AccessDeniedException", 400)
                raise AwsError(code=code, message="User is not authorized, on request", status=status)
            case "malformed":
                return Answer(headers=(("x-amzn-requestid", request_id),), body=b"<html>not what you expect")
            case "slow":
                self._server.stopping.wait(fault.seconds)
                return None
            case "lost":
                return None
            case "hang":
                return Silence.HANG
            case "drop":
                return Silence.DROP
            case _:
                assert_never(fault.kind)

    def _record(
        self,
        request: Request,
        named: NamedCall,
        request_id: str,
        *,
        error: AwsError | None,
        region: str | None,
        fault: AwsFault | None,
    ) -> None:
        seen = Seen(
            operation=named.operation,
            parameters=named.parameters or {},
            access_key_id=claimed_access_key_id(request),
            request_id=request_id,
            at_seconds=self._now(),
            error=error.code if error else None,
            region=region,
            fault=fault.kind if fault else None,
        )
        with self._lock:
            if seen.error in MISSING_SIGNATURE:
                self._unsigned_operations.append(seen.operation)
            else:
                self._seen.append(seen)

    def _control(self, request: Request) -> Answer:
        """Plan faults and list requests, for use with curl."""
        asked = dict(request.parameters())
        match request.method, request.url.path.removeprefix(CONTROL_PATH):
            case "POST", "/faults" if asked.get("fault") in FAULT_KINDS and asked.get("operation") in self._names:
                times = asked.get("times", "")
                fault = AwsFault(kind=FAULT_KINDS[asked["fault"]], seconds=float(asked.get("seconds", "1")))
                self.faults.plan(asked["operation"], fault, times=int(times) if times.isdecimal() else None)
                return planned(f"{asked['operation']}: {asked['fault']}", times)
            case "DELETE", "/faults":
                self.faults.clear()
                return NONE_PLANNED
            case "GET", "/requests":
                lines = [f"{seen.operation} {seen.error or 'ok'} {seen.request_id}\n" for seen in self.requests()]
                return Answer(headers=(("content-type", "text/plain"),), body="".join(lines).encode())
            case _:
                usage = (
                    f"POST {CONTROL_PATH}/faults?operation=OPERATION&fault=FAULT[&times=N][&seconds=S]\n"
                    f"DELETE {CONTROL_PATH}/faults\nGET {CONTROL_PATH}/requests\n"
                    f"OPERATION: {' '.join(self._names)}\nFAULT: {' '.join(FAULT_KINDS)}\n"
                )
                return Answer(status=400, headers=(("content-type", "text/plain"),), body=usage.encode())
