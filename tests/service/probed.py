"""A service that trusts the probe's issuer, behind HTTP, and the settings of a probe for it."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from probe import probe
from sandbox import account
from sandbox.aws.secrets_manager import Secret
from sandbox.backends import Backends
from sandbox.front_door import FrontDoor
from tests.service.policy import AUDIENCE
from token_exchange.service import Service, start


def pem_of(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    ).decode()


def put_new_key(backends: Backends) -> None:
    """Give the probe another key."""
    backends.aws.secrets.put(Secret(arn=account.HUB_SECRET, value=pem_of(ec.generate_private_key(ec.SECP256R1()))))


@contextmanager
def probed_handler(backends: Backends, environment: Mapping[str, str]) -> Iterator[tuple[Service, dict[str, str]]]:
    """Start a handler with the probe's keys in its policy; yield it, and the environment of the probe."""
    put_new_key(backends)
    settings = {**environment, "TOKEN_EXCHANGE_PROBE_SECRET": account.HUB_SECRET}
    original = Path(environment["TOKEN_EXCHANGE_POLICY"].removeprefix("file:"))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        shown = probe.start()({"show": "jwks"}, None)
        policy = yaml.load(original.read_text(), Loader=yaml.CSafeLoader)
        policy["issuers"]["probe"] = {
            "provider": "generic",
            "issuer": shown["issuer"],
            "audience": AUDIENCE,
            "algorithms": ["ES256"],
            "organization_claim": "organization",
            "organizations": [{"name": probe.ORGANIZATION}],
            "jwks": shown["jwks"],
        }
        policy["grants"].append(
            {
                "name": "probe",
                "issuers": ["probe"],
                "registry": "base",
                "role": account.PULL_ROLE,
                "access": "pull",
                "repositories": ["probe"],
            }
        )
        path = original.with_name("probed.yaml")
        path.write_text(json.dumps(policy, default=str))
        patch.setenv("TOKEN_EXCHANGE_POLICY", f"file:{path}")
        handler = start(str(Path(__file__)))
    assert os.environ.get("TOKEN_EXCHANGE_PROBE_SECRET") != account.HUB_SECRET
    try:
        yield handler, settings
    finally:
        handler.close_connections()
        backends.aws.secrets.put(account.hub_secret())


@contextmanager
def probed_service(backends: Backends, environment: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Run the service behind HTTP; yield the environment of the probe."""
    with probed_handler(backends, environment) as (handler, settings), FrontDoor(handler) as door:
        yield {**settings, "TOKEN_EXCHANGE_URL": door.url}
