"""Probes the exchange as a job does: one login, and one refusal.

The probe has its own issuer, whose keys are pinned in the policy and whose private key is a secret. On its schedule it
calls the address that jobs use, so it also notices a domain, a certificate or a gateway that does not work. Before a
deployment it calls a version that no job has reached yet.
"""

import json
import os
import uuid
from typing import Final

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from jwt.algorithms import ECAlgorithm

from probe.doors import Address, Door, ProbeFailed, Version
from token_exchange.adapters.aws import AwsClients
from token_exchange.adapters.aws_calls import call_aws
from token_exchange.adapters.events import Events, Metrics
from token_exchange.adapters.log import quiet_libraries
from token_exchange.adapters.settings import Settings, SystemClock, read_settings
from token_exchange.core.ports import Clock, Json
from token_exchange.core.refusals import Reason, Refused

ISSUER: Final = "https://probe.token-exchange.invalid"
"""A name that no one can register (RFC 2606): its keys can only be pinned."""

ORGANIZATION: Final = "probe"
_KEY_ID: Final = "probe"
_TOKEN_SECONDS: Final = 120
_GRANTED, _REFUSED = 200, 401


class Probe:
    """The probe function of one environment."""

    def __init__(self, settings: Settings, *, clock: Clock) -> None:
        quiet_libraries()
        self._settings = settings
        self._clock = clock
        self._metrics = Metrics(deployment=settings.deployment)
        self._events = Events(metrics=self._metrics)
        self._clients = AwsClients(region=settings.region)
        self._address = None if settings.public_url is None else Address(settings.public_url)

    def __call__(self, event: object, _context: object) -> dict[str, Json]:
        """Return what the exchange answered.

        For the event `{"version": ARN}`, return what that version answered, and measure nothing: no job uses it yet.
        For `{"show": "jwks"}`, return the keys to pin in the policy instead.

        Raises:
            ProbeFailed: it did not answer as it should.
            Refused: the secret cannot be read, or a setting is missing.
        """
        match event:
            case {"show": "jwks"}:
                return {"issuer": ISSUER, "jwks": {"keys": [self._public_key()]}}
            case {"version": str() as arn}:
                return self._answers(Version(arn))
            case _:
                return self._probe()

    def _probe(self) -> dict[str, Json]:
        succeeded = False
        try:
            if self._address is None:
                raise Refused(Reason.MISCONFIGURED, "the service's own URL is not configured: TOKEN_EXCHANGE_URL")
            found = self._answers(self._address)
            succeeded = True
        except ProbeFailed as failed:
            self._events.probe_failed(failed)
            raise
        finally:
            self._events.measure(lambda: self._metrics.probed(succeeded=succeeded))
        return found

    def _answers(self, ask: Door) -> dict[str, Json]:
        status, fields = ask("GET", "/v1/audience", query=f"issuer={ISSUER}")
        match fields:
            case {"audience": [str() as audience, *_]} if status == _GRANTED:
                key = self._key()
            case _:
                raise ProbeFailed(f"the audience of {ISSUER}: {status} {fields.get('reason')}")
        token, another = (self._token(key, audience) for _ in range(2))
        granted, login = ask("POST", "/v1/token", token=token)
        if granted != _GRANTED:
            raise ProbeFailed(f"expected a login, found {granted} {login.get('reason')}")
        forged = f"{token.rpartition('.')[0]}.{another.rpartition('.')[2]}"
        refused, answer = ask("POST", "/v1/token", token=forged)
        if refused != _REFUSED:
            raise ProbeFailed(f"expected a refusal of a forged token, found {refused} {answer.get('reason')}")
        return {"granted": granted, "refused": refused, "reason": str(answer.get("reason"))}

    def _token(self, key: ec.EllipticCurvePrivateKey, audience: str) -> str:
        now = int(self._clock.now())
        claims = {
            "iss": ISSUER,
            "aud": audience,
            "sub": ORGANIZATION,
            "jti": str(uuid.uuid4()),
            "organization": ORGANIZATION,
            "iat": now,
            "exp": now + _TOKEN_SECONDS,
        }
        return jwt.encode(claims, key, algorithm="ES256", headers={"kid": _KEY_ID})

    def _public_key(self) -> dict[str, Json]:
        public: dict[str, Json] = json.loads(ECAlgorithm.to_jwk(self._key().public_key()))
        return {**public, "alg": "ES256", "use": "sig", "kid": _KEY_ID}

    def _key(self) -> ec.EllipticCurvePrivateKey:
        """Return the private key, read each time, so that a changed one takes effect immediately."""
        arn = self._settings.probe_secret
        if arn is None:
            raise Refused(Reason.MISCONFIGURED, "the probe's key is not configured: TOKEN_EXCHANGE_PROBE_SECRET")
        client = self._clients.secrets(arn.split(":")[3])
        answer = call_aws(
            lambda: client.get_secret_value(SecretId=arn), refusal=Reason.SECRET_REFUSED, subject=f"secret {arn}"
        )
        try:
            key = load_pem_private_key(str(answer.get("SecretString", "")).encode(), password=None)
        except (ValueError, TypeError):
            key = None
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
            # Without a cause: an error of the parser could quote the key.
            raise Refused(Reason.SECRET_REFUSED, f"secret {arn}: expected a private key of the curve P-256, in PEM")
        return key


def start() -> Probe:
    """Return the probe as the environment configures it.

    Raises:
        BadSetting: a variable has an invalid value.
    """
    return Probe(read_settings(os.environ), clock=SystemClock())
