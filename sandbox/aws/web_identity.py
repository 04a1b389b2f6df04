"""`sts:AssumeRoleWithWebIdentity`: the request is unsigned, and only the token identifies the caller.

Source: STS API Reference, AssumeRoleWithWebIdentity.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final
from xml.sax.saxutils import escape

from sandbox.aws.calls import OpenCall
from sandbox.aws.constraints import ROLE_ARN, SESSION_NAME, check_text, validation_error
from sandbox.aws.errors import STS_NAMESPACE, AwsError, xml_answer
from sandbox.aws.oidc_providers import WebIdentity, web_identity
from sandbox.aws.policies import AuthorizationRequest, Decision
from sandbox.aws.principals import Role, Session, new_access_key_id, new_secret
from sandbox.aws.sts import credentials_xml, duration_of, packed_percent, required, session_policy_of
from sandbox.loopback import Answer

ACTION: Final = "sts:AssumeRoleWithWebIdentity"
_TOKEN_LENGTHS: Final = (4, 20_000)
_OF_OTHERS: Final = ("ExternalId", "SourceIdentity", "SerialNumber", "TokenCode", "Tags.member.1.Key")


def assume_role_with_web_identity(call: OpenCall) -> Answer:
    """Answer `AssumeRoleWithWebIdentity`.

    Raises:
        AwsError: as STS would refuse it.
    """
    parameters = {name: str(value) for name, value in call.parameters.items()}
    role_arn, name, token = _read(parameters)
    policy = session_policy_of(parameters)
    duration_seconds = duration_of(parameters.get("DurationSeconds", "3600"))
    percent = packed_percent(policy, {})
    identity = web_identity(
        token,
        account=_account(role_arn),
        providers=call.principals.oidc_providers(),
        now_seconds=call.now_seconds,
    )
    role = _authorized_role(call, role_arn, identity, name=name)
    if duration_seconds > role.max_session_seconds:
        raise AwsError(
            code="ValidationError",
            message="The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        )
    session = call.principals.remember(
        Session(
            role=role,
            name=name,
            access_key_id=new_access_key_id(),
            secret_access_key=new_secret(size_bytes=30),
            session_token=new_secret(size_bytes=600),
            issued_at=call.now_seconds,
            expires_at=call.now_seconds + duration_seconds,
            policy=policy,
        )
    )
    said = credentials_xml(session, packed_percent=percent)
    return xml_answer(_result(said, identity, call.request_id), request_id=call.request_id)


def _read(parameters: Mapping[str, str]) -> tuple[str, str, str]:
    role_arn = required(parameters, "RoleArn")
    name = required(parameters, "RoleSessionName")
    token = required(parameters, "WebIdentityToken")
    check_text(role_arn, name="roleArn", rule=ROLE_ARN)
    check_text(name, name="roleSessionName", rule=SESSION_NAME)
    shortest, longest = _TOKEN_LENGTHS
    if not shortest <= len(token) <= longest:
        bound = f"{'less' if len(token) > longest else 'greater'} than or equal to"
        limit = longest if len(token) > longest else shortest
        raise validation_error("…", "webIdentityToken", f"Member must have length {bound} {limit}")
    foreign = [each for each in _OF_OTHERS if each in parameters]
    if foreign:
        # STS ignores them; here they are an error, so that no caller relies on them.
        raise AwsError(code="ValidationError", message=f"{foreign[0]} is no parameter of AssumeRoleWithWebIdentity")
    return role_arn, name, token


def _account(role_arn: str) -> str:
    parts = role_arn.split(":")
    return parts[4] if len(parts) > 4 else ""  # noqa: PLR2004 - an ARN's own form


def _authorized_role(call: OpenCall, role_arn: str, identity: WebIdentity, *, name: str) -> Role:
    role = call.principals.role(role_arn)
    context = {
        **identity.context,
        "aws:currenttime": [datetime.fromtimestamp(call.now_seconds, UTC).isoformat()],
        "aws:federatedprovider": [identity.provider.arn],
        "sts:rolesessionname": [name],
    }
    ask = AuthorizationRequest(action=ACTION, resource=role_arn, context=context)
    # The caller has no permissions: only the trust policy decides.
    if role is None or role.trust.evaluate(ask, principals=[identity.provider.arn]) is not Decision.ALLOW:
        raise AwsError(code="AccessDenied", message=f"Not authorized to perform {ACTION}", status=403)
    return role


def _result(said: str, identity: WebIdentity, request_id: str) -> str:
    return (
        f'<AssumeRoleWithWebIdentityResponse xmlns="{STS_NAMESPACE}"><AssumeRoleWithWebIdentityResult>{said}'
        f"<SubjectFromWebIdentityToken>{escape(identity.subject)}</SubjectFromWebIdentityToken>"
        f"<Provider>{escape(identity.provider.arn)}</Provider><Audience>{escape(identity.audience)}</Audience>"
        f"</AssumeRoleWithWebIdentityResult><ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>"
        "</AssumeRoleWithWebIdentityResponse>"
    )
