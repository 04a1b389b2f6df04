"""Assumes roles through STS.

Source: STS API Reference, AssumeRole and AssumeRoleWithWebIdentity.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from token_exchange.adapters.aws_clients import AwsClients
from token_exchange.adapters.aws_faults import answered, unusable
from token_exchange.adapters.deadline_calls import DeadlineCalls
from token_exchange.ports import Deadline, RoleRequest, RoleSession
from token_exchange.reasons import Reason

if TYPE_CHECKING:
    from mypy_boto3_sts.type_defs import AssumeRoleRequestTypeDef, AssumeRoleWithWebIdentityRequestTypeDef


class StsRoleAssumer:
    """Assumes roles as the service itself."""

    def __init__(self, *, clients: AwsClients, calls: DeadlineCalls) -> None:
        self._clients = clients
        self._calls = calls

    def assume(self, request: RoleRequest, *, deadline: Deadline) -> RoleSession:
        """Return the credentials of a new session.

        Raises:
            Refused: `role-refused`, `misconfigured`, `aws-throttled`, `aws-unavailable` or `deadline-exceeded`.
        """
        client = self._clients.sts()
        subject = f"role {request.role_arn}"
        answer: Mapping[str, object] = self._calls.call(
            lambda: answered(
                lambda: client.assume_role(**_parameters(request)), refusal=Reason.ROLE_REFUSED, subject=subject
            ),
            deadline=deadline,
        )
        return _session(answer, subject)

    def assume_with_web_identity(self, request: RoleRequest, *, raw_token: str, deadline: Deadline) -> RoleSession:
        """Return the credentials of a new session, by the caller's own token and not by the service's rights.

        Raises:
            Refused: as `assume`; `InvalidIdentityToken`, `IDPRejectedClaim` and `ExpiredTokenException` are
                `role-refused`, since the service has accepted the token.
        """
        client = self._clients.sts()
        subject = f"role {request.role_arn} by web identity"
        answer: Mapping[str, object] = self._calls.call(
            lambda: answered(
                lambda: client.assume_role_with_web_identity(**_web_identity_parameters(request, raw_token)),
                refusal=Reason.ROLE_REFUSED,
                subject=subject,
            ),
            deadline=deadline,
        )
        return _session(answer, subject)


def _web_identity_parameters(request: RoleRequest, raw_token: str) -> "AssumeRoleWithWebIdentityRequestTypeDef":
    return {
        "RoleArn": request.role_arn,
        "RoleSessionName": request.session_name,
        "WebIdentityToken": raw_token,
        "Policy": request.session_policy,
        "DurationSeconds": request.duration_seconds,
    }


def _parameters(request: RoleRequest) -> "AssumeRoleRequestTypeDef":
    parameters: AssumeRoleRequestTypeDef = {
        "RoleArn": request.role_arn,
        "RoleSessionName": request.session_name,
        "Policy": request.session_policy,
        "DurationSeconds": request.duration_seconds,
    }
    if request.external_id is not None:
        parameters["ExternalId"] = request.external_id
    if request.source_identity is not None:
        parameters["SourceIdentity"] = request.source_identity
    if request.tags:
        parameters["Tags"] = [{"Key": key, "Value": value} for key, value in request.tags.items()]
    return parameters


def _session(answer: Mapping[str, object], subject: str) -> RoleSession:
    credentials, user, metadata = (
        _mapping(answer.get(name)) for name in ("Credentials", "AssumedRoleUser", "ResponseMetadata")
    )
    key, secret, token = (_text(credentials.get(name)) for name in ("AccessKeyId", "SecretAccessKey", "SessionToken"))
    if not (key and secret and token):
        raise unusable(subject, "set of credentials")
    return RoleSession(
        access_key_id=key,
        secret_access_key=secret,
        session_token=token,
        assumed_role_id=_text(user.get("AssumedRoleId")),
        assumed_role_arn=_text(user.get("Arn")),
        packed_policy_percent=_percent(answer),
        request_id=_text(metadata.get("RequestId")) or None,
    )


def _percent(answer: Mapping[str, object]) -> int | None:
    """Return how full the session is; STS renamed the figure in June 2026, and older answers have the old name."""
    figures = (answer.get("SessionTokenUtilization"), answer.get("PackedPolicySize"))
    return next((figure for figure in figures if isinstance(figure, int)), None)


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
