"""`sts:GetWebIdentityToken`: a role requests a token about itself, signed by its account's issuer.

Source: STS API Reference, GetWebIdentityToken; IAM User Guide, "Understanding token claims". Not implemented: the
limit on a token's size, which AWS does not state, and the claims about organizations and the caller's environment.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol

from sandbox.aws.calls import Call
from sandbox.aws.constraints import validation_error
from sandbox.aws.errors import STS_NAMESPACE, AwsError, xml_answer
from sandbox.aws.policies import AuthorizationRequest, Decision, combined_decision
from sandbox.aws.sts import required, tags_of
from sandbox.loopback import Answer
from sandbox.providers.shape import Claims, Json
from sandbox.signing_keys import Algorithm

ACTION: Final = "sts:GetWebIdentityToken"
TAG_ACTION: Final = "sts:TagGetWebIdentityToken"
MAX_AUDIENCES: Final = 10
MAX_AUDIENCE_CHARACTERS: Final = 1000
DEFAULT_SECONDS: Final = 300
SECONDS: Final = (60, 3600)
_ALGORITHMS: Final[Mapping[str, Algorithm]] = {"RS256": "RS256", "ES384": "ES384"}
_NAMESPACE_CLAIM: Final = "https://sts.amazonaws.com/"


class Sign(Protocol):
    """Signs tokens as one account's issuer."""

    def __call__(
        self,
        *,
        audience: str | list[str],
        claims: Mapping[str, Json],
        algorithm: Algorithm,
        lifetime_seconds: int,
        now: float,
    ) -> str:
        """Return a signed token."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRequest:
    """The parameters of `GetWebIdentityToken`, each within its own limits. `asked_seconds` None: none were sent."""

    audiences: tuple[str, ...]
    algorithm: Algorithm
    asked_seconds: int | None
    tags: Mapping[str, str]

    @property
    def lifetime_seconds(self) -> int:
        """The lifetime of the token."""
        return DEFAULT_SECONDS if self.asked_seconds is None else self.asked_seconds


class OutboundFederation:
    """The accounts whose roles can request tokens, each with its own issuer. Initially there are none."""

    def __init__(self) -> None:
        self._signers: dict[str, Sign] = {}

    def enable(self, account: str, *, sign: Sign) -> None:
        """Enable requests by the roles of `account`."""
        self._signers[account] = sign

    def get_web_identity_token(self, call: Call) -> Answer:
        """Answer `GetWebIdentityToken`.

        Raises:
            AwsError: as STS would refuse it.
        """
        asked = _read(call)
        _authorize(call, asked)
        session = call.caller.session
        sign = self._signers.get(session.role.account)
        if sign is None:
            raise AwsError(
                code="OutboundWebIdentityFederationDisabledException",
                message="Outbound web identity federation is disabled for this account",
                status=403,
            )
        expires_at = call.now_seconds + asked.lifetime_seconds
        if session.expires_at is not None and session.expires_at < expires_at:
            # A token that outlived its session would keep a stolen session alive.
            raise AwsError(
                code="SessionDurationEscalationException",
                message="The requested token duration would extend the session beyond its expiration time",
                status=403,
            )
        token = sign(
            audience=asked.audiences[0] if len(asked.audiences) == 1 else [*asked.audiences],
            claims={"sub": session.role.arn, _NAMESPACE_CLAIM: _identity(call, asked)},
            algorithm=asked.algorithm,
            lifetime_seconds=asked.lifetime_seconds,
            now=call.now_seconds,
        )
        return xml_answer(
            f'<GetWebIdentityTokenResponse xmlns="{STS_NAMESPACE}"><GetWebIdentityTokenResult>'
            f"<WebIdentityToken>{token}</WebIdentityToken><Expiration>{_zulu(expires_at)}</Expiration>"
            f"</GetWebIdentityTokenResult><ResponseMetadata><RequestId>{call.request_id}</RequestId></ResponseMetadata>"
            "</GetWebIdentityTokenResponse>",
            request_id=call.request_id,
        )


def _read(call: Call) -> TokenRequest:
    parameters = {name: str(value) for name, value in call.parameters.items()}
    named = required(parameters, "SigningAlgorithm")
    algorithm = _ALGORITHMS.get(named)
    if algorithm is None:
        raise validation_error(named, "signingAlgorithm", "Member must be one of RS256, ES384")
    return TokenRequest(
        audiences=_audiences(parameters),
        algorithm=algorithm,
        asked_seconds=_seconds(parameters.get("DurationSeconds")),
        tags=tags_of(parameters),
    )


def _audiences(parameters: Mapping[str, str]) -> tuple[str, ...]:
    found = [re.fullmatch(r"Audience\.member\.([0-9]{1,4})", name) for name in parameters]
    audiences = tuple(parameters[each[0]] for each in sorted(filter(None, found), key=lambda each: int(each[1])))
    if not 1 <= len(audiences) <= MAX_AUDIENCES:
        raise validation_error("[…]", "audience", f"Member must have length between 1 and {MAX_AUDIENCES}")
    for audience in audiences:
        if not 1 <= len(audience) <= MAX_AUDIENCE_CHARACTERS:
            raise validation_error(
                audience, "audience", f"Member must have length between 1 and {MAX_AUDIENCE_CHARACTERS}"
            )
    return audiences


def _seconds(text: str | None) -> int | None:
    if text is None:
        return None
    shortest, longest = SECONDS
    if not text.isascii() or not text.isdecimal() or not shortest <= int(text) <= longest:
        raise validation_error(text, "durationSeconds", f"Member must have value between {shortest} and {longest}")
    return int(text)


def _authorize(call: Call, asked: TokenRequest) -> None:
    session = call.caller.session
    context: dict[str, Sequence[str]] = {
        "aws:currenttime": [datetime.fromtimestamp(call.now_seconds, UTC).isoformat()],
        "aws:principalarn": [session.role.arn],
        "aws:principalaccount": [session.role.account],
        "aws:tagkeys": list(asked.tags),
        "sts:identitytokenaudience": list(asked.audiences),
        "sts:signingalgorithm": [asked.algorithm],
        **{f"aws:requesttag/{key.lower()}": [value] for key, value in asked.tags.items()},
    }
    if asked.asked_seconds is not None:
        # Whether AWS puts its default there is not documented: without it a bound on the duration refuses.
        context["sts:durationseconds"] = [str(asked.asked_seconds)]
    for action in (ACTION, TAG_ACTION) if asked.tags else (ACTION,):
        ask = AuthorizationRequest(action=action, resource="*", context=context)
        permitted = combined_decision(session.role.permissions, ask) is Decision.ALLOW
        if not permitted or (session.policy is not None and session.policy.evaluate(ask) is not Decision.ALLOW):
            raise AwsError(
                code="AccessDenied",
                message=f"User: {session.arn} is not authorized to perform: {action} on resource: *",
                status=403,
            )


def _identity(call: Call, asked: TokenRequest) -> Claims:
    session = call.caller.session
    identity: Claims = {"aws_account": session.role.account, "source_region": call.caller.region}
    if session.expires_at is not None:
        identity["original_session_exp"] = _zulu(session.expires_at)
    if session.source_identity is not None:
        identity["source_identity"] = session.source_identity
    if session.tags:
        identity["principal_tags"] = dict(session.tags)
    if asked.tags:
        identity["request_tags"] = dict(asked.tags)
    return identity


def _zulu(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
