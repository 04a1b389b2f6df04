"""A service for each page of docs/ci, with the policy of that page."""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from sandbox.backends import Backends
from sandbox.front_door import FrontDoor
from sandbox.loopback import Server
from tests.docs.ci_systems import CI, only_block
from tests.docs.pages import Page
from tests.front_door import forwarding
from tests.tls_server import authority, loopback_context
from token_exchange.service import start


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """The service, with the policy of one page and the sandbox's keys for its issuer."""

    backends: Backends
    url: str
    front: str
    """The same service by TLS, without which no step sends a token."""


class Services:
    """One service for each page, started in this process when first asked for; `ca_bundle` is what a job trusts."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self._running: dict[str, Running] = {}
        self._backends = stack.enter_context(Backends(folder))
        self.ca_bundle = folder / "ca-of-the-front.pem"
        self.ca_bundle.write_text(authority().bundle)

    def of(self, found: Page) -> Running:
        if found.name not in self._running:
            ci, backends = CI[found.name], self._backends
            policy: dict[str, dict[str, dict[str, object]]] = yaml.safe_load(only_block(found, "yaml", "policy"))
            for entry in policy["issuers"].values():
                entry["jwks_url"] = backends.issuer.tokens.keys_url(ci.provider)
                entry["ca_bundle"] = str(backends.issuer.ca_bundle)
            path = self._folder / f"{ci.provider}.yaml"
            path.write_text(yaml.safe_dump(policy))
            with pytest.MonkeyPatch.context() as patch:
                for name, value in {**backends.environment(), "TOKEN_EXCHANGE_POLICY": f"file:{path}"}.items():
                    patch.setenv(name, value)
                handler = start(str(Path(__file__)))
            self._stack.callback(handler.close_connections)
            service = self._stack.enter_context(FrontDoor(handler))
            front = self._stack.enter_context(Server(forwarding(service.url), tls=loopback_context()))
            url = f"https://127.0.0.1:{front.port}"
            self._running[found.name] = Running(backends=backends, url=service.url, front=url)
        return self._running[found.name]
