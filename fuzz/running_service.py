"""The service in this process, in the sandbox's backends: events in, answers and log lines out."""

import base64
import contextlib
import io
import json
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self
from unittest import mock

from botocore.retries.standard import ExponentialBackoff
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from fuzz.target import Broken, Json
from sandbox import account
from sandbox.backends import Backends
from sandbox.front_door import LambdaContext
from token_exchange.core.refusals import Reason
from token_exchange.service import Service, start

AUDIENCE: Final = "https://exchange.acme.example"
WIDE: Final = 10
"""Registries that one request can have logins for."""

_REGIONS: Final = (
    *("eu-west-1", "eu-west-2", "eu-west-3", "eu-north-1", "eu-south-1"),
    *("us-east-2", "us-west-1", "us-west-2", "ap-south-1", "sa-east-1"),
)
_MOST_RECORD_BYTES: Final = 8 * 1024
_LONGEST_SHOWN: Final = 8
"""Characters of a token that a log line may have: what all tokens begin with."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What came of an event: the answer, and what was logged meanwhile."""

    status: int
    body: str = field(repr=False)
    headers: Mapping[str, str]
    log: str = field(repr=False)
    audit: tuple[dict[str, Json], ...] = field(repr=False)

    @property
    def reason(self) -> str | None:
        """The reason of a refusal."""
        if self.status == 200 or not self.body:  # noqa: PLR2004 - HTTP's own
            return None
        fields = json.loads(self.body)
        return str(fields["reason"]) if isinstance(fields, dict) and "reason" in fields else None


class RunningService:
    """The service, with a policy that has one grant for each kind of login. `variables` are of its environment."""

    def __init__(self, *, variables: Callable[[Backends], Mapping[str, str]] = lambda _backends: {}) -> None:
        self._variables = variables
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        """Start the backends and the service."""
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        self.backends = self._stack.enter_context(Backends(folder))
        policy = folder / "fuzz.json"
        policy.write_text(json.dumps(policy_document(self.backends.issuer.port)))
        # A caller that must wait before another attempt does not learn more by waiting.
        self._stack.enter_context(mock.patch.object(ExponentialBackoff, "delay_amount", return_value=0.0))
        environment = {**self.backends.environment(), "TOKEN_EXCHANGE_POLICY": f"file:{policy}"}
        environment |= {
            "TOKEN_EXCHANGE_POLICY_MAX_AGE": "3600",
            "AWS_MAX_ATTEMPTS": "2",
            **self._variables(self.backends),
        }
        self._stack.enter_context(mock.patch.dict(os.environ, environment))
        self.service = self.started()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop everything."""
        self._stack.close()

    def started(self) -> Service:
        """Return another service of the same environment, which has seen nothing yet."""
        with contextlib.redirect_stdout(io.StringIO()):
            return start(__file__)

    def send(self, event: Json, *, service: Service | None = None) -> Seen:
        """Send one event, and hold the answer and the log against what is so for every request.

        Raises:
            Broken: it is not.
        """
        seen = self.answered(event, service=service)
        _check_answer(seen)
        _check_log(seen, self._secrets())
        return seen

    def answered(self, event: Json, *, service: Service | None = None) -> Seen:
        """Send one event, and hold against nothing what comes of it."""
        output = io.StringIO()
        context = LambdaContext(aws_request_id="0" * 32, ends_at_monotonic=time.monotonic() + 30)
        with contextlib.redirect_stdout(output):
            result = (service or self.service)(event, context)
        return _seen(result, output.getvalue())

    def _secrets(self) -> list[str]:
        """Return every secret of the backends's AWS."""
        aws = self.backends.aws
        sessions = aws.principals.sessions()
        found = [secret for session in sessions for secret in (session.secret_access_key, session.session_token)]
        return [*found, *(login.password for login in aws.registry.logins()), _hub_password()]

    def token(self, claims: Mapping[str, Json], *, header: str | None = None, provider: str = "github-actions") -> str:
        """Return a genuine token; `header` is how its header is spelled, `%` standing for algorithm and key."""
        minted = self.backends.issuer.mint(provider, audience=AUDIENCE, claims=claims)
        if header is None:
            return minted
        key = self.backends.issuer.keys(provider).current
        if not isinstance(key.key, rsa.RSAPrivateKey):
            raise TypeError("GitHub's key is RSA")
        spelled = header.replace("%", f'"alg":"RS256","kid":{json.dumps(key.key_id)}')
        signed = f"{base64url(spelled.encode())}.{minted.split('.')[1]}"
        signature = key.key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{base64url(signature)}"


def policy_document(port: int) -> dict[str, Json]:
    """Return a policy: `environment` says which grants a run of GitHub's has."""
    ecr: dict[str, Json] = {
        f"wide-{number}": {"type": "ecr", "account": account.APPS_ACCOUNT, "region": region}
        for number, region in enumerate(_REGIONS)
    }
    role: dict[str, Json] = {"issuers": ["github"], "role": account.PUSH_ROLE, "access": "push"}
    own: list[Json] = ["ci/{repository}", "ci/{repository}/*", "cache/{repository}"]
    hub: dict[str, Json] = {"type": "secret", "host": "docker.io", "secret_arn": account.HUB_SECRET}
    wide: list[Json] = [
        {
            "name": f"wide-{number}",
            **role,
            "registry": f"wide-{number}",
            "match": {"environment": "wide"},
            "repositories": own,
            "also_pull": ["base/*"],
        }
        for number in range(1, WIDE)
    ]
    return {
        "version": 1,
        "issuers": {
            "github": {
                "provider": "github-actions",
                "host": f"localhost:{port}",
                "audience": AUDIENCE,
                "organizations": [{"name": "acme", "id": "7001"}],
                "ca_bundle": "ca.pem",
            }
        },
        "registries": {**ecr, "public": {"type": "ecr-public", "account": account.APPS_ACCOUNT}, "hub": hub},
        "deny": [{"name": "leaked", "match": {"repository_id": "70010666"}}],
        "grants": [
            {"name": "one", **role, "registry": "wide-0", "match": {"branch": "main"}, "repositories": own[:1]},
            *wide,
            {
                "name": "once",
                **role,
                "registry": "wide-1",
                "match": {"environment": "once"},
                "repositories": own[:1],
                "single_use": True,
            },
            {
                "name": "public",
                **role,
                "role": account.PUBLIC_ROLE,
                "registry": "public",
                "match": {"environment": "public"},
                "repositories": ["acme/shop"],
            },
            {"name": "hub", "issuers": ["github"], "registry": "hub", "match": {"environment": "hub"}},
        ],
    }


def check_nothing_leaked(seen: Seen, tokens: list[str]) -> None:
    """Hold the log against the tokens that were sent.

    Raises:
        Broken: more of one stands there than what all tokens have in common.
    """
    for token in tokens:
        for segment in token.split("."):
            if len(segment) > _LONGEST_SHOWN and segment[: 2 * _LONGEST_SHOWN] in seen.log:
                raise Broken("token-in-log", f"a token's {segment[: 2 * _LONGEST_SHOWN]}… is in a log line")


def base64url(octets: bytes) -> str:
    """Return `octets` as a segment of a token."""
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def _hub_password() -> str:
    stored = json.loads(account.hub_secret().value or "{}")
    return str(stored["password"])


def _seen(result: Json | Mapping[str, object], log: str) -> Seen:
    match result:
        case {"statusCode": int(status), "headers": {**headers}, "body": str(body), "isBase64Encoded": False}:
            received = {str(name).lower(): str(value) for name, value in headers.items()}
            lines = [json.loads(line) for line in log.splitlines()]
            audit = tuple(line for line in lines if line.get("record") == "audit")
            return Seen(status=status, body=body, headers=received, log=log, audit=audit)
        case _:
            raise Broken("no-answer", f"not an answer for a gateway: {result}")


def _check_answer(seen: Seen) -> None:
    if seen.reason == Reason.INTERNAL_ERROR.value:
        raise Broken("internal-error", next((line for line in seen.log.splitlines() if "internal" in line), seen.body))
    if seen.status >= 400 and seen.reason not in {reason.value for reason in Reason}:  # noqa: PLR2004 - HTTP's own
        raise Broken("unknown-reason", f"{seen.status} {seen.body[:200]}")
    if seen.headers.get("content-type", "").startswith("application/json") and (
        not seen.body.isascii() or "\n" in seen.body.rstrip("\n") or "$" in seen.body or "`" in seen.body
    ):
        raise Broken("answer-not-for-a-shell", seen.body[:500])
    if any("\n" in value or "\r" in value for value in seen.headers.values()):
        raise Broken("split-header", str(dict(seen.headers)))


def _check_log(seen: Seen, hidden: list[str]) -> None:
    if len(seen.audit) > 1:
        raise Broken("audit-lines", f"{len(seen.audit)} audit lines for one request")
    for line in seen.log.splitlines():
        if '"record":"audit"' in line and len(line) >= _MOST_RECORD_BYTES:
            raise Broken("audit-line-too-long", f"{len(line)} bytes: {line[:300]}")
        if any(ord(char) < ord(" ") or ord(char) > ord("~") for char in line):
            raise Broken("log-line-not-plain", line[:300])
    for secret in hidden:
        if secret and secret in seen.log:
            raise Broken("secret-in-log", "a secret of AWS is in a log line")
