"""A CI issuer that exists for one check: its key is pinned in the policy, so that no server is needed."""

import base64
import json
import uuid
from string import Template
from typing import Final

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

ISSUER: Final = "https://ci.live-check.example"
ORGANIZATION: Final = "live-check"
REPOSITORY: Final = "live-check/images"
LOGIN_SECONDS: Final = 120
_TOKEN_SECONDS: Final = 300
_KEY_ID: Final = "live-check"

_POLICY: Final = Template("""\
version: 1
issuers:
  check:
    provider: generic
    issuer: ${issuer}
    audience: ${audience}
    algorithms: [ES256]
    organization_claim: organization
    claims: {repository: repository}
    organizations: [{name: ${organization}}]
    jwks: ${jwks}
registries:
  check: {type: ecr, account: "${account}", region: ${region}${hosts}}
grants:
  - name: own
    issuers: [check]
    match: {repository: ${source}}
    registry: check
    role: ${role}
    access: push
    repositories: ["${own}"]
    duration: ${minutes}m
""")


class ThrowAwayIssuer:
    """Signs with a key that is never written anywhere."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._audience = f"https://{uuid.uuid4()}.live-check.example"

    def token(self, *, now: float) -> str:
        """Return a job's token."""
        claims = {
            "iss": ISSUER,
            "aud": self._audience,
            "sub": f"repository:{REPOSITORY}",
            "jti": str(uuid.uuid4()),
            "organization": ORGANIZATION,
            "repository": REPOSITORY,
            "iat": int(now),
            "exp": int(now) + _TOKEN_SECONDS,
        }
        return jwt.encode(claims, self._key, algorithm="ES256", headers={"kid": _KEY_ID})

    def policy(self, *, account: str, region: str, role: str, own: str, host: str | None = None) -> str:
        """Return a policy that trusts only this issuer, and grants it one repository for two minutes."""
        return _POLICY.substitute(
            issuer=ISSUER,
            audience=self._audience,
            organization=ORGANIZATION,
            source=REPOSITORY,
            jwks=json.dumps({"keys": [self._public_key()]}),
            account=account,
            region=region,
            role=role,
            own=own,
            hosts=f', hosts: ["{host}"]' if host else "",
            minutes=LOGIN_SECONDS // 60,
        )

    def _public_key(self) -> dict[str, str]:
        numbers = self._key.public_key().public_numbers()
        point = {name: _base64url(value.to_bytes(32)) for name, value in (("x", numbers.x), ("y", numbers.y))}
        return {"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": _KEY_ID, **point}


def _base64url(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()
