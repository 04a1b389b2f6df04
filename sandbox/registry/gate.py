"""ECR's access control in front of a registry: every request needs a login that allows it.

Each request is checked against the current role and session policy of the login. Source of the refusals:
"Troubleshooting Amazon ECR" in the ECR User Guide, and what docker shows of ECR's answers.
"""

import base64
import binascii
import http.client
import json
import threading
from dataclasses import dataclass
from typing import Final, Literal, Self

from sandbox.aws.ecr import Login, authorize
from sandbox.aws.errors import AwsError
from sandbox.aws.server import Aws
from sandbox.clocks import WALL_CLOCK, Now
from sandbox.loopback import HOST, Answer, Request, Server
from sandbox.registry.distribution import Distribution
from sandbox.registry.routes import Need, need_of, without_mount

MAX_LAYER_BYTES: Final = 512 * 1024 * 1024
"""One layer in one piece, which is held in memory."""

_NOT_PASSED_ON: Final = frozenset(
    {
        "authorization",
        "connection",
        "content-length",
        "date",
        "expect",
        "keep-alive",
        "transfer-encoding",
        "upgrade",
    }
)

type MountRefusal = Literal["upload", "deny"]
"""The answer to a mount from a repository that the login may not read: an upload (202), or DENIED (403).

Which one ECR gives is unknown; some clients give up after a 403.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A received request. `session` is the name of its login's session, or None without a valid login."""

    method: str
    target: str
    status: int
    session: str | None


class _Turned(Exception):
    """The answer to a refused request."""

    def __init__(self, status: int, code: str, message: str, *, headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(message)
        body = json.dumps({"errors": [{"code": code, "message": message}]}).encode()
        self.answer = Answer(status=status, headers=(("content-type", "application/json"), *headers), body=body)


class Gate:
    """The registry of one account and region, on a loopback port, with its own images."""

    def __init__(
        self,
        aws: Aws,
        *,
        account: str,
        region: str,
        port: int = 0,
        now: Now = WALL_CLOCK,
        mount_refusal: MountRefusal = "upload",
    ) -> None:
        self._aws = aws
        self._account = account
        self._region = region
        self._now = now
        self._visits: list[Visit] = []
        self._lock = threading.Lock()
        self.mount_refusal = mount_refusal
        self._server = Server(self._handle, port=port, max_body_bytes=MAX_LAYER_BYTES)
        try:
            self._behind = Distribution()
        except BaseException:
            self._server.close()
            raise

    @property
    def host(self) -> str:
        """The host as clients and the policy name it; docker takes any of 127.0.0.0/8 without TLS."""
        return f"{HOST}:{self._server.port}"

    def visits(self) -> list[Visit]:
        """Return the received requests in order."""
        with self._lock:
            return list(self._visits)

    def close(self) -> None:
        """Stop serving, and delete the images."""
        self._server.close()
        self._behind.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _handle(self, request: Request) -> Answer:
        login: Login | None = None
        try:
            login = self._login(request)
            answer = self._answer(request, login)
        except _Turned as turned:
            answer = turned.answer
        visit = Visit(
            method=request.method,
            target=request.target,
            status=answer.status,
            session=login.session.name if login else None,
        )
        with self._lock:
            self._visits.append(visit)
        return answer

    def _login(self, request: Request) -> Login:
        authorization = request.header("authorization")
        challenge = (("www-authenticate", f'Basic realm="http://{self.host}/",service="ecr.amazonaws.com"'),)
        if authorization is None:
            raise _Turned(401, "UNAUTHORIZED", "Not Authorized", headers=challenge)
        login = self._aws.registry.login(_password(authorization) or "")
        if login is None or login.region != self._region:
            raise _Turned(401, "DENIED", "Your Authorization Token is invalid.", headers=challenge)
        if login.expires_at <= self._now():
            raise _Turned(403, "DENIED", "Your authorization token has expired. Reauthenticate and try again.")
        return login

    def _answer(self, request: Request, login: Login) -> Answer:
        if request.url.path == "/v2/" and request.method in {"GET", "HEAD"}:
            version = (("docker-distribution-api-version", "registry/2.0"),)
            return Answer(headers=(("content-type", "application/json"), *version), body=b"{}")
        need = need_of(request.method, request.url, has_body=bool(request.body))
        if need is None:
            raise _Turned(404, "UNSUPPORTED", "The operation is unsupported.")
        for action in need.actions:
            self._authorize(login, action, need.repository)
        if need.mounts_from is not None:
            need = self._mounted(need, need.mounts_from, login)
        return self._passed_on(request, need)

    def _authorize(self, login: Login, action: str, repository: str) -> None:
        session = login.session
        partition = session.role.arn.split(":")[1]
        resource = f"arn:{partition}:ecr:{self._region}:{self._account}:repository/{repository}"
        role = self._aws.principals.role(session.role.arn)
        refused = f"User: {session.arn} is not authorized to perform: {action} on resource: {resource}"
        if role is None:
            raise _Turned(403, "DENIED", refused)
        if role.account != self._account:
            # Another account's role needs the repository's own policy as well, and here no repository has one.
            raise _Turned(403, "DENIED", f"{refused} because no resource-based policy allows the {action} action")
        try:
            authorize(session, action=action, resource=resource, now_seconds=self._now(), role=role)
        except AwsError as error:
            raise _Turned(403, "DENIED", error.message) from error

    def _mounted(self, need: Need, source: str, login: Login) -> Need:
        try:
            self._authorize(login, "ecr:GetDownloadUrlForLayer", source)
        except _Turned:
            if self.mount_refusal == "deny":
                raise
            return without_mount(need)
        return need

    def _passed_on(self, request: Request, need: Need) -> Answer:
        connection = self._behind.connection()
        try:
            connection.putrequest(request.method, need.target, skip_host=True, skip_accept_encoding=True)
            for name, value in request.headers:  # one by one: some clients send `Accept` a line for each type
                if name.lower() not in _NOT_PASSED_ON:
                    connection.putheader(name, value)
            connection.putheader("content-length", str(len(request.body)))
            connection.endheaders(request.body)
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise _Turned(503, "UNAVAILABLE", "the registry program does not answer") from error
        finally:
            connection.close()
        stated = answer.getheader("content-length")
        return Answer(
            status=answer.status,
            headers=tuple((name, value) for name, value in answer.getheaders() if name.lower() not in _NOT_PASSED_ON),
            body=body,
            length_bytes=int(stated) if request.method == "HEAD" and stated else None,
        )


def _password(authorization: str) -> str | None:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(encoded, validate=True).decode("ascii").partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return password if user == "AWS" and colon else None
