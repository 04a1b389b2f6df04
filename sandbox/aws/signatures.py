"""Signature Version 4, as the receiving side checks it.

Source: IAM User Guide, "AWS Signature Version 4 for API requests". The arithmetic is botocore's.
"""

import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from botocore.auth import SIGV4_TIMESTAMP, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials

from sandbox.aws.errors import AwsError, Protocol
from sandbox.aws.principals import Principals, Session
from sandbox.loopback import Request

MAX_SKEW_SECONDS: Final = 15 * 60
_AUTHORIZATION: Final = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/, ]+)/(?P<date>[0-9]{8})/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request"
    r", ?SignedHeaders=(?P<signed>[a-z0-9;-]+), ?Signature=(?P<signature>[0-9a-f]{64})"
)
# One refusal has one meaning and two names: STS's, and that of the JSON services.
_CODES: Final[dict[str, dict[Protocol, str]]] = {
    "missing": {"query": "MissingAuthenticationToken", "json": "MissingAuthenticationTokenException"},
    "incomplete": {"query": "IncompleteSignature", "json": "IncompleteSignatureException"},
    "unknown": {"query": "InvalidClientTokenId", "json": "UnrecognizedClientException"},
    "expired": {"query": "ExpiredToken", "json": "ExpiredTokenException"},
    "mismatch": {"query": "SignatureDoesNotMatch", "json": "InvalidSignatureException"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who signed a request, and for which region."""

    session: Session
    region: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claimed:
    key: str
    date: str
    region: str
    service: str
    signed: tuple[str, ...]
    signature: str


def claimed_access_key_id(request: Request) -> str | None:
    """Return the key that the request names, proven or not."""
    found = _AUTHORIZATION.fullmatch(request.header("authorization") or "")
    return found["key"] if found else None


def authenticate(
    request: Request, *, service: str, protocol: Protocol, principals: Principals, now_seconds: float
) -> Caller:
    """Return who signed the request.

    Raises:
        AwsError: unsigned, by an unknown caller, with expired credentials, or with a wrong signature.
    """
    claimed = _claimed(request, protocol)
    session = principals.session(claimed.key)
    # Key and token are one credential: another session's token under this key is as unknown as another key.
    if session is None or request.header("x-amz-security-token") != session.session_token:
        raise _refusal("unknown", protocol, "The security token included in the request is invalid.")
    _check_scope(request, claimed, service=service, protocol=protocol, now_seconds=now_seconds)
    if not hmac.compare_digest(_expected_signature(request, claimed, session), claimed.signature):
        raise _refusal(
            "mismatch",
            protocol,
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
            "Access Key and signing method. Consult the service documentation for details.",
        )
    if principals.is_expired(session):
        raise _refusal("expired", protocol, "The security token included in the request is expired")
    return Caller(session=session, region=claimed.region)


def _refusal(kind: str, protocol: Protocol, message: str) -> AwsError:
    return AwsError(code=_CODES[kind][protocol], message=message, status=403 if protocol == "query" else 400)


MISSING_SIGNATURE: Final = frozenset(_CODES["missing"].values())


def require_signature(request: Request, protocol: Protocol) -> None:
    """Refuse a request without a signature.

    Raises:
        AwsError: it has none.
    """
    if request.header("authorization") is None:
        raise _refusal("missing", protocol, "Request is missing Authentication Token")


def _claimed(request: Request, protocol: Protocol) -> _Claimed:
    require_signature(request, protocol)
    authorization = request.header("authorization") or ""
    found = _AUTHORIZATION.fullmatch(authorization)
    if found is None:
        raise _refusal("incomplete", protocol, "Authorization header is not a whole Signature Version 4.")
    return _Claimed(
        key=found["key"],
        date=found["date"],
        region=found["region"],
        service=found["service"],
        signed=tuple(found["signed"].split(";")),
        signature=found["signature"],
    )


def _check_scope(request: Request, claimed: _Claimed, *, service: str, protocol: Protocol, now_seconds: float) -> None:
    if claimed.service != service:
        raise _refusal("mismatch", protocol, f"Credential should be scoped to correct service: '{service}'.")
    # A token outside the signature could be swapped on the way.
    if not {"host", "x-amz-date", "x-amz-security-token"} <= {*claimed.signed}:
        raise _refusal(
            "incomplete", protocol, "'Host', 'X-Amz-Date' and 'X-Amz-Security-Token' must be signed headers."
        )
    stamp = request.header("x-amz-date") or ""
    try:
        signed_at = datetime.strptime(stamp, SIGV4_TIMESTAMP).replace(tzinfo=UTC).timestamp()
    except ValueError as error:
        raise _refusal("incomplete", protocol, "Date must be in ISO-8601 'basic format'.") from error
    if not stamp.startswith(claimed.date):
        raise _refusal(
            "mismatch", protocol, "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date."
        )
    if abs(signed_at - now_seconds) > MAX_SKEW_SECONDS:
        when = "Signature expired" if signed_at < now_seconds else "Signature not yet current"
        raise _refusal("mismatch", protocol, f"{when}: {stamp} is more than 15 min. away")


def _expected_signature(request: Request, claimed: _Claimed, session: Session) -> str:
    signer = SigV4Auth(
        ReadOnlyCredentials(session.access_key_id, session.secret_access_key, session.session_token),
        claimed.service,
        claimed.region,
    )
    # Only what was signed goes in: botocore would sign every header it finds.
    replayed = AWSRequest(
        method=request.method,
        url=f"http://{request.header('host') or ''}{request.target}",
        headers={name: request.header(name) or "" for name in claimed.signed},
        data=request.body,
    )
    replayed.context["timestamp"] = request.header("x-amz-date") or ""
    return signer.signature(signer.string_to_sign(replayed, signer.canonical_request(replayed)), replayed)
