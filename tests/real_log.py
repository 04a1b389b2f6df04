"""The log of a service that ran in the sandbox: exchanges that were granted, denied, rejected, failed and explained."""

import http.client
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from sandbox.aws.server import AwsFault
from sandbox.backends import Backends
from sandbox.service import Service
from token_exchange.core.ports import Json

DEPLOYMENT = "exchange"


@dataclass(frozen=True, slots=True, kw_only=True)
class RealLog:
    """Each line as the service wrote it."""

    lines: tuple[str, ...]

    def records(self) -> Iterator[dict[str, Json]]:
        """Yield what the lines hold."""
        for line in self.lines:
            parsed: Json = json.loads(line)
            assert isinstance(parsed, dict)
            yield parsed

    def audit(self) -> list[dict[str, Json]]:
        """Return the audit records."""
        return [record for record in self.records() if record.get("record") == "audit"]

    def audit_lines(self) -> list[str]:
        """Return the audit lines."""
        return [
            line for line, record in zip(self.lines, self.records(), strict=True) if record.get("record") == "audit"
        ]


def record_log(folder: Path) -> RealLog:
    """Run the service with its own backends, and return everything that it wrote."""
    log = folder / "service.log"
    with (
        log.open("wb") as output,
        Backends(folder) as backends,
        Service(
            {**backends.environment(), "TOKEN_EXCHANGE_DEPLOYMENT": DEPLOYMENT}, output=output, errors=output
        ) as service,
    ):
        _exchange(backends, service.url)
    return RealLog(lines=tuple(log.read_text("utf-8").splitlines()))


def _exchange(backends: Backends, url: str) -> None:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)

    def send(expected: int, query: str, *, path: str = "/v1/token", token: str | None = None, **claims: Json) -> None:
        sent = token or backends.issuer.mint("github-actions", audience=backends.audience, claims=claims)
        headers = {"Authorization": f"Bearer {sent}", "User-Agent": "curl/8.14.1", "Content-Length": "0"}
        connection.request("POST", f"{path}?{query}", headers=headers)
        answer = connection.getresponse()
        found = answer.read()
        assert answer.status == expected, found

    gitlab = backends.issuer.mint("gitlab", audience=backends.audience)
    forged = backends.issuer.mint("github-actions", audience=backends.audience)[:-8] + "AAAAAAAA"
    send(200, "registry=apps", claim_of_tomorrow="x")
    send(200, "registry=apps&registry=base&format=docker-config")
    send(200, "registry=public&registry=dockerhub&registry=base&format=docker-config", environment="elsewhere")
    send(200, "registry=apps", token=gitlab)
    send(403, "registry=apps", ref="refs/heads/feature")
    send(403, "registry=apps", ref="refs/heads/feature", actor="</script><img src=x onerror=alert(1)>\u202e\x1b[31m")
    send(403, "registry=apps", repository_id="70010666")
    send(401, "registry=apps", token=forged)
    send(200, "registry=apps", path="/v1/explain")
    backends.aws.faults.plan("sts:AssumeRole", AwsFault(kind="access-denied"), times=1)
    send(502, "registry=apps")
    # Only one of the two asks ECR, whichever is made first.
    backends.aws.faults.plan("ecr:GetAuthorizationToken", AwsFault(kind="access-denied"), times=1)
    send(502, "registry=dockerhub&registry=base&format=docker-config", environment="elsewhere")
    connection.close()
