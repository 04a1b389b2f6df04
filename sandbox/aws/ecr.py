"""`ecr:GetAuthorizationToken`, and the logins that it returned.

Source: the ECR API reference. The login is for every registry of the region; the policies of
the session limit it at each push and pull.
"""

import base64
import json
import re
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from sandbox.aws.calls import Call
from sandbox.aws.conditions import Context
from sandbox.aws.errors import AwsError, json_answer
from sandbox.aws.policies import AuthorizationRequest, Decision, combined_decision
from sandbox.aws.principals import Role, Session, new_secret
from sandbox.loopback import Answer

LOGIN_SECONDS: Final = 12 * 3600
_REGION: Final = re.compile(r"[a-z]{2,4}(-[a-z]+)+-[0-9]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A password, and the session whose policies limit it."""

    session: Session
    region: str
    password: str = field(repr=False)
    expires_at: float


class Logins:
    """The logins that one API made, by their passwords."""

    def __init__(self) -> None:
        self._logins: dict[str, Login] = {}
        self._lock = threading.Lock()

    def login(self, password: str) -> Login | None:
        """Return the login behind a password, expired or not."""
        return self._logins.get(password)

    def logins(self) -> list[Login]:
        """Return every login, in the order in which they were made."""
        with self._lock:
            return list(self._logins.values())

    def make(self, session: Session, region: str, *, now_seconds: float) -> Login:
        """Return a new login for `region`, bounded by `session`."""
        expires_at = float(int(now_seconds) + LOGIN_SECONDS)
        login = Login(session=session, region=region, password=new_password(expires_at), expires_at=expires_at)
        with self._lock:
            self._logins[login.password] = login
        return login


class Registry(Logins):
    """Makes logins of private ECR."""

    def get_authorization_token(self, call: Call) -> Answer:
        """Answer `GetAuthorizationToken`.

        Raises:
            AwsError: as ECR would refuse it.
        """
        _check_registry_ids(call.parameters.get("registryIds"))
        session, region = call.caller.session, call.caller.region
        if not _REGION.fullmatch(region):
            raise AwsError(code="InvalidSignatureException", message="Credential should be scoped to a valid region.")
        authorize(session, action="ecr:GetAuthorizationToken", resource="*", now_seconds=call.now_seconds)
        login = self.make(session, region, now_seconds=call.now_seconds)
        suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
        data = {
            "authorizationToken": base64.b64encode(f"AWS:{login.password}".encode()).decode(),
            "expiresAt": login.expires_at,
            "proxyEndpoint": f"https://{session.role.account}.dkr.ecr.{region}.{suffix}",
        }
        return json_answer({"authorizationData": [data]}, request_id=call.request_id)


def authorize(
    session: Session,
    *,
    action: str,
    resource: str,
    now_seconds: float,
    role: Role | None = None,
    context: Context | None = None,
) -> None:
    """Refuse what the role or the session policy does not allow now.

    `role` is the current state of the session's role, if it may have changed. `context` holds the condition keys of the
    called service.

    Raises:
        AwsError: AccessDeniedException, with the policy that did not allow it.
    """
    ask = AuthorizationRequest(
        action=action,
        resource=resource,
        context={
            "aws:currenttime": [datetime.fromtimestamp(now_seconds, UTC).isoformat()],
            "aws:principalarn": [session.role.arn],
            "aws:tokenissuetime": [datetime.fromtimestamp(session.issued_at, UTC).isoformat()],
            **(context or {}),
            **{f"aws:principaltag/{key.lower()}": [value] for key, value in session.tags.items()},
        },
    )
    bounds = [("identity-based policy", combined_decision((role or session.role).permissions, ask))]
    if session.policy is not None:
        bounds.append(("session policy", session.policy.evaluate(ask)))
    for name, decision in bounds:
        if decision is Decision.ALLOW:
            continue
        article = "an" if name.startswith("i") else "a"
        why = (
            f"with an explicit deny in {article} {name}"
            if decision is Decision.EXPLICIT_DENY
            else f"because no {name} allows the {action} action"
        )
        raise AwsError(
            code="AccessDeniedException",
            message=f"User: {session.arn} is not authorized to perform: {action} on resource: {resource} {why}",
        )


def _check_registry_ids(value: object) -> None:
    if value is None:
        return
    if not (isinstance(value, list) and 1 <= len(value) <= 10):  # noqa: PLR2004 - the model's own bounds
        raise _invalid("registryIds must hold 1 to 10 ids")
    if not all(isinstance(each, str) and re.fullmatch(r"[0-9]{12}", each, re.ASCII) for each in value):
        raise _invalid("Member must satisfy regular expression pattern: [0-9]{12}")


def _invalid(message: str) -> AwsError:
    text = f"Invalid parameter at 'registryIds' failed to satisfy constraint: '{message}'"
    return AwsError(code="InvalidParameterException", message=text)


def new_password(expires_at: float) -> str:
    """Return a password similar in form and size to ECR's: JSON in base64, so that nothing depends on a short one."""
    envelope = {
        "payload": new_secret(size_bytes=900),
        "datakey": new_secret(size_bytes=184),
        "version": "2",
        "type": "DATA_KEY",
        "expiration": int(expires_at),
    }
    return base64.b64encode(json.dumps(envelope, separators=(",", ":")).encode()).decode()
