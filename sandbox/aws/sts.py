"""`sts:AssumeRole`, with the refusals that an exchange can run into.

Source: the STS API reference, and the texts that STS is known to answer with.
"""

import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from xml.sax.saxutils import escape

from sandbox.aws.calls import Call
from sandbox.aws.constraints import (
    EXTERNAL_ID,
    ROLE_ARN,
    SESSION_NAME,
    SESSION_POLICY,
    check_tag,
    check_text,
    validation_error,
)
from sandbox.aws.errors import STS_NAMESPACE, AwsError, xml_answer
from sandbox.aws.policies import AuthorizationRequest, Decision, Policy, combined_decision
from sandbox.aws.policy_grammar import parse_policy
from sandbox.aws.principals import Role, Session, new_access_key_id, new_secret
from sandbox.loopback import Answer

MAX_TAGS: Final = 50
CHAINED_MAX_SECONDS: Final = 3600
PACKED_LIMIT_BYTES: Final = 1024
"""An estimate: STS does not say how it packs or how much fits, only that regular texts pack well."""

SESSION_TOKEN_LIMIT_BYTES: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class AssumeRoleRequest:
    """The parameters of `AssumeRole` that are supported, each within its own limits."""

    role_arn: str
    session_name: str
    duration_seconds: int
    policy: Policy | None
    external_id: str | None
    source_identity: str | None
    tags: Mapping[str, str]
    packed_percent: int


def assume_role(call: Call) -> Answer:
    """Answer `AssumeRole`.

    Raises:
        AwsError: as STS would refuse it.
    """
    asked = _read(call)
    role = _authorized_role(call, asked)
    if asked.duration_seconds > role.max_session_seconds:
        raise AwsError(
            code="ValidationError",
            message="The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        )
    session = call.principals.remember(
        Session(
            role=role,
            name=asked.session_name,
            access_key_id=new_access_key_id(),
            secret_access_key=new_secret(size_bytes=30),
            session_token=new_secret(size_bytes=600),
            issued_at=call.now_seconds,
            expires_at=call.now_seconds + asked.duration_seconds,
            policy=asked.policy,
            tags=asked.tags,
            source_identity=asked.source_identity,
        )
    )
    return xml_answer(_result(session, asked, call.request_id), request_id=call.request_id)


def _read(call: Call) -> AssumeRoleRequest:
    parameters = {name: str(value) for name, value in call.parameters.items()}
    role_arn = required(parameters, "RoleArn")
    session_name = required(parameters, "RoleSessionName")
    check_text(role_arn, name="roleArn", rule=ROLE_ARN)
    check_text(session_name, name="roleSessionName", rule=SESSION_NAME)
    external_id, source_identity = parameters.get("ExternalId"), parameters.get("SourceIdentity")
    if external_id is not None:
        check_text(external_id, name="externalId", rule=EXTERNAL_ID)
    if source_identity is not None:
        check_text(source_identity, name="sourceIdentity", rule=SESSION_NAME)
    tags = tags_of(parameters)
    policy = session_policy_of(parameters)
    return AssumeRoleRequest(
        role_arn=role_arn,
        session_name=session_name,
        duration_seconds=_chained(duration_of(parameters.get("DurationSeconds", "3600"))),
        policy=policy,
        external_id=external_id,
        source_identity=source_identity,
        tags=tags,
        packed_percent=packed_percent(policy, tags),
    )


def required(parameters: Mapping[str, str], name: str) -> str:
    """Return a parameter.

    Raises:
        AwsError: ValidationError, where it was not sent.
    """
    value = parameters.get(name)
    if value is None:
        shown = name[0].lower() + name[1:]
        raise AwsError(
            code="ValidationError",
            message=f"1 validation error detected: Value null at '{shown}' failed to satisfy constraint: "
            "Member must not be null",
        )
    return value


def duration_of(text: str) -> int:
    """Return the seconds that a session is to last.

    Raises:
        AwsError: no number, or not within STS's bounds.
    """
    if not text.isascii() or not text.isdecimal():
        raise AwsError(code="MalformedInput", message="DurationSeconds must be a whole number")
    seconds = int(text)
    if seconds < 900:  # noqa: PLR2004 - the model's own bound, as the next one
        raise validation_error(text, "durationSeconds", "Member must have value greater than or equal to 900")
    if seconds > 43200:  # noqa: PLR2004
        raise validation_error(text, "durationSeconds", "Member must have value less than or equal to 43200")
    return seconds


def _chained(seconds: int) -> int:
    # Every caller here is a role itself, as a Lambda is.
    if seconds > CHAINED_MAX_SECONDS:
        raise AwsError(
            code="ValidationError",
            message="The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role "
            "chaining.",
        )
    return seconds


def tags_of(parameters: Mapping[str, str]) -> dict[str, str]:
    """Return the tags that were sent, in their order.

    Raises:
        AwsError: too many, a key twice, or one outside its limits.
    """
    found = [re.fullmatch(r"Tags\.member\.([0-9]{1,4})\.(Key|Value)", name) for name in parameters]
    positions = sorted({int(each[1]) for each in found if each})
    if len(positions) > MAX_TAGS:
        raise validation_error("[…]", "tags", f"Member must have length less than or equal to {MAX_TAGS}")
    tags: dict[str, str] = {}
    for position in positions:
        key = required(parameters, f"Tags.member.{position}.Key")
        value = required(parameters, f"Tags.member.{position}.Value")
        check_tag(key, value, position=position)
        if key.lower() in {known.lower() for known in tags}:
            raise AwsError(
                code="InvalidParameterValue",
                message="Duplicate tag keys found. Please note that Tag keys are case insensitive.",
            )
        tags[key] = value
    return tags


def session_policy_of(parameters: Mapping[str, str]) -> Policy | None:
    """Return the session policy that was sent.

    Raises:
        AwsError: STS takes no such policy.
    """
    if any(name.startswith("PolicyArns.") for name in parameters):
        raise AwsError(code="ValidationError", message="managed session policies are not part of this fake")
    text = parameters.get("Policy")
    if text is None:
        return None
    check_text(text, name="policy", rule=SESSION_POLICY)
    return parse_policy(text, kind="session")


def packed_percent(policy: Policy | None, tags: Mapping[str, str]) -> int:
    """Return how much of its room a session takes, in percent.

    Raises:
        AwsError: PackedPolicyTooLarge.
    """
    plain = (policy.text if policy else "") + "".join(f"\0{key}\0{value}" for key, value in tags.items())
    if not plain:
        return 0
    percent = max(1, round(100 * len(zlib.compress(plain.encode(), level=9)) / PACKED_LIMIT_BYTES))
    if percent > 100:  # noqa: PLR2004 - per cent
        what = "Packed policy consumes" if policy else "Packed size of session tags consumes"
        advice = ", please use smaller policy." if policy else "."
        raise AwsError(code="PackedPolicyTooLarge", message=f"{what} {percent}% of allotted space{advice}")
    return percent


def _authorized_role(call: Call, asked: AssumeRoleRequest) -> Role:
    role = call.principals.role(asked.role_arn)
    actions = ["sts:AssumeRole"]
    if asked.tags:
        actions.append("sts:TagSession")
    if asked.source_identity is not None:
        actions.append("sts:SetSourceIdentity")
    for action in actions:
        # The answer is the same for a role that does not exist, so that callers cannot probe for roles.
        if role is None or not _may(call, asked, role, action):
            raise AwsError(
                code="AccessDenied",
                message=f"User: {call.caller.session.arn} is not authorized to perform: {action} "
                f"on resource: {asked.role_arn}",
                status=403,
            )
    if role is None:
        raise AssertionError("unreachable: the first action was refused")
    return role


def _may(call: Call, asked: AssumeRoleRequest, role: Role, action: str) -> bool:
    session = call.caller.session
    context = {
        "aws:currenttime": [datetime.fromtimestamp(call.now_seconds, UTC).isoformat()],
        "aws:principalarn": [session.role.arn],
        "aws:principalaccount": [session.role.account],
        "aws:resourceaccount": [role.account],
        "aws:tagkeys": list(asked.tags),
        "sts:rolesessionname": [asked.session_name],
        **{f"aws:requesttag/{key.lower()}": [value] for key, value in asked.tags.items()},
        **{f"aws:principaltag/{key.lower()}": [value] for key, value in session.tags.items()},
    }
    if role.organization is not None:
        context["aws:resourceorgid"] = [role.organization]
    if asked.external_id is not None:
        context["sts:externalid"] = [asked.external_id]
    if asked.source_identity is not None:
        context["sts:sourceidentity"] = [asked.source_identity]
    ask = AuthorizationRequest(action=action, resource=role.arn, context=context)
    # Within one account AWS is content with the trust policy if it names the role itself. Asking for both shows a
    # permission that the service's own role lacks before the first role in another account does.
    return (
        role.trust.evaluate(ask, principals=session.names) is Decision.ALLOW
        and combined_decision(session.role.permissions, ask) is Decision.ALLOW
        and (session.policy is None or session.policy.evaluate(ask) is Decision.ALLOW)
    )


def _result(session: Session, asked: AssumeRoleRequest, request_id: str) -> str:
    source_identity = (
        f"<SourceIdentity>{escape(session.source_identity)}</SourceIdentity>" if session.source_identity else ""
    )
    said = credentials_xml(session, packed_percent=asked.packed_percent)
    return (
        f'<AssumeRoleResponse xmlns="{STS_NAMESPACE}"><AssumeRoleResult>{said}{source_identity}'
        f"</AssumeRoleResult><ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>"
        "</AssumeRoleResponse>"
    )


def credentials_xml(session: Session, *, packed_percent: int) -> str:
    """Return what every way of assuming a role answers: who one is then, and with which keys."""
    expires = datetime.fromtimestamp(session.expires_at or 0, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    token_bytes = len(session.session_token)
    packed = f"<PackedPolicySize>{packed_percent}</PackedPolicySize>" if packed_percent else ""
    return (
        f"<AssumedRoleUser><AssumedRoleId>{escape(session.role_session_id)}</AssumedRoleId>"
        f"<Arn>{escape(session.arn)}</Arn></AssumedRoleUser>"
        f"<Credentials><AccessKeyId>{session.access_key_id}</AccessKeyId>"
        f"<SecretAccessKey>{session.secret_access_key}</SecretAccessKey>"
        f"<SessionToken>{session.session_token}</SessionToken><Expiration>{expires}</Expiration></Credentials>"
        f"{packed}<SessionTokenSize>{token_bytes}</SessionTokenSize>"
        f"<SessionTokenUtilization>{round(100 * token_bytes / SESSION_TOKEN_LIMIT_BYTES)}</SessionTokenUtilization>"
    )
