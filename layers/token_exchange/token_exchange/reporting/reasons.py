"""How each reason is answered: its HTTP status, its OAuth error, a hint, and whose failure it is."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

from token_exchange.core.record import record
from token_exchange.core.refusals import Reason

type OAuthError = Literal[
    "access_denied",
    "invalid_request",
    "invalid_scope",
    "invalid_target",
    "invalid_token",
    "server_error",
    "temporarily_unavailable",
    "unsupported_grant_type",
]
"""An `error` of RFC 6749 section 5.2, RFC 6750 section 3.1 or RFC 8693 section 2.2.2."""

type Fault = Literal["unverified", "outsider", "caller", "issuer", "role-owner", "upstream", "service"]
"""Who has to act on a failure; a dimension of metrics.

`unverified` is anyone who sent a request, `outsider` a run of an organization that is not on the allowlist, `caller`
any other run whose token's signature is verified, `issuer` the CI system, whose signed token is not as expected,
`role-owner` the owner of a role or a secret that a grant names, `upstream` AWS or a CI system that does not answer.
Only `service`, which is this deployment and its policy, may roll a policy back, and only `service` and `upstream` count
against the service level objective.
"""


@record
class Meaning:
    """How a reason is answered.

    `status` is the HTTP status, `error` the OAuth code, `hint` what the caller can do about it. `fault` is whose
    failure it is once the token's signature is verified; `fault_of` covers every request.
    """

    status: int
    error: OAuthError
    hint: str
    fault: Fault


def _bad_request(hint: str) -> Meaning:
    return Meaning(status=400, error="invalid_request", hint=hint, fault="caller")


def _bad_target(hint: str) -> Meaning:
    return Meaning(status=400, error="invalid_target", hint=hint, fault="caller")


def _bad_scope(hint: str) -> Meaning:
    return Meaning(status=400, error="invalid_scope", hint=hint, fault="caller")


def _bad_token(hint: str) -> Meaning:
    return Meaning(status=401, error="invalid_token", hint=hint, fault="caller")


def _bad_issue(hint: str) -> Meaning:
    return Meaning(status=401, error="invalid_token", hint=hint, fault="issuer")


def _denied(hint: str) -> Meaning:
    return Meaning(status=403, error="access_denied", hint=hint, fault="caller")


def _bad_gateway(hint: str, *, fault: Fault) -> Meaning:
    return Meaning(status=502, error="server_error", hint=hint, fault=fault)


def _retry(hint: str, *, fault: Fault) -> Meaning:
    return Meaning(status=503, error="temporarily_unavailable", hint=hint, fault=fault)


MEANINGS: Final[Mapping[Reason, Meaning]] = MappingProxyType(
    {
        Reason.MALFORMED_REQUEST: _bad_request("correct the request; docs/getting-started.md has examples"),
        Reason.TWO_TOKENS: _bad_request("send the token once: as a bearer header or as subject_token, not both"),
        Reason.REPEATED_PARAMETER: _bad_request("send each parameter once, in the query or in the body"),
        Reason.UNSUPPORTED_TOKEN_TYPE: _bad_request(
            "subject_token_type is urn:ietf:params:oauth:token-type:jwt or …:id_token; "
            "requested_token_type, if sent, is urn:ietf:params:oauth:token-type:access_token"
        ),
        Reason.UNKNOWN_FORMAT: _bad_request("leave format out, or use one that the description lists"),
        Reason.UNSUPPORTED_GRANT_TYPE: Meaning(
            status=400,
            error="unsupported_grant_type",
            hint="send grant_type=urn:ietf:params:oauth:grant-type:token-exchange with a subject_token",
            fault="caller",
        ),
        Reason.UNKNOWN_REGISTRY: _bad_target(
            "use a registry's name from the policy, or its host without a path; "
            "leave it out to get every registry that you are granted"
        ),
        Reason.AMBIGUOUS_REGISTRY: _bad_target("name one registry with the registry parameter"),
        Reason.UNKNOWN_GRANT: _bad_target("leave grant out, or use the name of a grant in the policy"),
        Reason.MALFORMED_SCOPE: _bad_scope(
            "a scope is repository:NAME:pull or repository:NAME:pull,push; separate several with one space, "
            "and request those that do not fit into one login in another exchange"
        ),
        Reason.SCOPE_EXCEEDS_GRANT: _bad_scope(
            "request repositories and actions that the grant allows, or have the grant widened"
        ),
        Reason.MISSING_TOKEN: _bad_token(
            """send the job's OIDC token: printf 'Authorization: Bearer %s' "$TOKEN" | curl --header @- …"""
        ),
        Reason.MALFORMED_TOKEN: _bad_token(
            "send the token exactly as the CI system printed it: three base64url parts, no quotes, no line breaks"
        ),
        Reason.TOKEN_TOO_LARGE: _bad_token(
            "a token has at most 16 KiB; configure the CI system to put fewer claims in it"
        ),
        Reason.UNSUPPORTED_ALGORITHM: _bad_token(
            "configure the CI system to sign with an algorithm that the issuer entry allows; "
            "none and HS* are never allowed"
        ),
        Reason.UNKNOWN_ISSUER: _bad_token(
            "the issuer is compared byte for byte; add it to the policy's issuers, or use a CI system that is listed"
        ),
        Reason.WRONG_AUDIENCE: _bad_token(
            "request a token with this service's audience from the CI system; "
            "GET /v1/audience?issuer=… returns it, for use when setting up a pipeline"
        ),
        Reason.UNKNOWN_KEY: _bad_token(
            "the issuer publishes no such key; get a new token, and if that fails, check the issuer's key set"
        ),
        Reason.BAD_SIGNATURE: _bad_token("get a new token and send it unchanged"),
        Reason.MISSING_CLAIM: _bad_issue(
            "use a token that the CI system issued to a job; other tokens lack this claim"
        ),
        Reason.INVALID_CLAIM: _bad_issue("use a token that the CI system issued to a job, unchanged"),
        Reason.EXPIRED: _bad_token("request the token in the step that uses it, and check the CI system's clock"),
        Reason.NOT_YET_VALID: _bad_issue("check the CI system's clock"),
        Reason.LIFETIME_TOO_LONG: _bad_issue("request a shorter-lived token from the CI system"),
        Reason.REPLAYED: _bad_token("the grant accepts each token once; get a new token for each exchange"),
        Reason.ORGANIZATION_NOT_ALLOWED: Meaning(
            status=403,
            error="access_denied",
            hint="the organization must be listed under the issuer in the policy",
            fault="outsider",
        ),
        Reason.DENIED: _denied("a deny rule of the policy matches; ask the owners of the policy"),
        Reason.UNTRUSTED_TRIGGER: _denied(
            "start the run with an event that only members can trigger, such as a push to a branch of the repository"
        ),
        Reason.NO_MATCHING_GRANT: _denied(
            "run the job where the grant allows it, or ask the owners of the policy to change the grant"
        ),
        Reason.NOT_FOUND: Meaning(
            status=404,
            error="invalid_request",
            hint="docs/api.md lists the paths; an issuer is named by its exact URL",
            fault="caller",
        ),
        Reason.METHOD_NOT_ALLOWED: Meaning(
            status=405,
            error="invalid_request",
            hint="use a method from the Allow header",
            fault="caller",
        ),
        Reason.BODY_TOO_LARGE: Meaning(
            status=413, error="invalid_request", hint="a body has at most 64 KiB", fault="caller"
        ),
        Reason.UNSUPPORTED_MEDIA_TYPE: Meaning(
            status=415,
            error="invalid_request",
            hint="send application/x-www-form-urlencoded or application/json, in UTF-8",
            fault="caller",
        ),
        Reason.TOO_MANY_REQUESTS: Meaning(
            status=429,
            error="temporarily_unavailable",
            hint="wait as long as Retry-After says, and check for a runaway pipeline",
            fault="caller",
        ),
        Reason.INTERNAL_ERROR: Meaning(
            status=500,
            error="server_error",
            hint="report the request id to the operators of this service",
            fault="service",
        ),
        Reason.ROLE_REFUSED: _bad_gateway(
            "your grant matched; check the role's trust policy: it must allow the service's own role "
            "sts:AssumeRole, sts:TagSession and sts:SetSourceIdentity, with the same external id; with web identity it "
            "must allow the issuer's OIDC provider sts:AssumeRoleWithWebIdentity, for the token's aud and sub",
            fault="role-owner",
        ),
        Reason.REGISTRY_REFUSED: _bad_gateway(
            "your grant matched; the role must allow ecr:GetAuthorizationToken, and no organization policy may deny it",
            fault="role-owner",
        ),
        Reason.SECRET_REFUSED: _bad_gateway(
            "your grant matched; check the secret and the permission to read it", fault="role-owner"
        ),
        Reason.MISCONFIGURED: _bad_gateway(
            "your grant matched, but it cannot be carried out as written; show this to the owners of the policy",
            fault="service",
        ),
        Reason.ISSUER_UNAVAILABLE: _retry(
            "the CI system's keys cannot be fetched at the moment; try again after Retry-After", fault="upstream"
        ),
        Reason.AWS_THROTTLED: _retry("AWS throttled the request; try again after Retry-After", fault="upstream"),
        Reason.AWS_UNAVAILABLE: _retry("AWS did not answer correctly; try again after Retry-After", fault="upstream"),
        Reason.POLICY_UNAVAILABLE: _retry(
            "the service's operators find the cause in its log; try again after Retry-After", fault="service"
        ),
        Reason.STATE_UNAVAILABLE: _retry(
            "the state table cannot be reached; try again after Retry-After", fault="service"
        ),
        Reason.DEADLINE_EXCEEDED: _retry(
            "the time for this request ran out; try again after Retry-After", fault="upstream"
        ),
    }
)
"""How each reason is answered; a test checks that none is missing."""


def fault_of(reason: Reason, *, is_proven: bool) -> Fault:
    """Return whose failure `reason` is; `is_proven` is whether the token's signature is verified.

    Until then anyone can have sent the request, and a failure that they can cause counts as theirs. That includes an
    unexpected internal error, and keys that could not be fetched for an invented key id. Otherwise anyone could page
    the operators. A missing policy is the one failure that no request causes.
    """
    if not is_proven and reason is not Reason.POLICY_UNAVAILABLE:
        return "unverified"
    return MEANINGS[reason].fault
