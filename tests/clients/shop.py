"""What a pipeline has: a service, the registries behind its policy, an image to push, and a folder of its own."""

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sandbox import account
from sandbox.backends import Backends
from sandbox.images import Image, make_image
from sandbox.registry.gate import Gate
from sandbox.service import Service
from tests.moved_clock import MovedClock
from tests.sandbox.clients import Clients
from tests.sandbox.registry.client import Client, owner_password

SHOP = "ci/acme/shop"
"""What the token's job may push."""

OTHER = "ci/acme/other"
"""What it may not even read."""

BASE = "base/python"
"""What it may read: in the registry of base images, and beside its own."""

LOGIN_SECONDS = 2 * 3600
"""More than a session can last."""

IMAGE = make_image("of the tests with real clients")
HELPER = Path(__file__).parents[2] / "clients" / "docker-credential-ecr-exchange"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """The backends of a pipeline. Each of `owners` may do everything in one registry, to put images there."""

    backends: Backends
    service: Service
    clock: MovedClock
    owners: Mapping[str, Client] = field(repr=False)

    @property
    def apps(self) -> Gate:
        return self.backends.gates["apps"]

    @property
    def base(self) -> Gate:
        return self.backends.gates["base"]

    def token(self, scenario: str = "push-main") -> str:
        return self.backends.issuer.mint("github-actions", audience=self.backends.audience, scenario=scenario)

    def answer(self, path: str) -> str:
        """Return the answer to a token, got with curl as a pipeline does it."""
        done = subprocess.run(
            ["curl", "--silent", "--show-error", "--fail", "--request", "POST", "-H", "@-", self.service.url + path],
            input=f"Authorization: Bearer {self.token()}",
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )
        return done.stdout

    def write_config(self, folder: Path, query: str = "") -> Path:
        """Write `format=docker-config` as it comes to where docker looks for it, and return the folder."""
        folder.mkdir(exist_ok=True)
        (folder / "config.json").write_text(self.answer(f"/v1/token?format=docker-config{query}"))
        return folder

    def write_helper_config(self, folder: Path, *hosts: str) -> dict[str, str]:
        """Let docker call the helper for `hosts`; return the environment in which it finds helper and token."""
        folder.mkdir(exist_ok=True)
        helpers = {"credHelpers": dict.fromkeys(hosts, "ecr-exchange")}
        (folder / "config.json").write_text(json.dumps(helpers))
        return {
            "DOCKER_CONFIG": str(folder),
            "REGISTRY_AUTH_FILE": str(folder / "config.json"),
            "PATH": f"{HELPER.parent}:{os.environ['PATH']}",
            "ECR_EXCHANGE_URL": self.service.url,
            "ECR_EXCHANGE_TOKEN": self.token(),
        }

    def tags(self, repository: str, *, registry: str = "apps") -> list[str]:
        """Return what lies in a repository, as its owner sees it."""
        answer = self.owners[registry].send("GET", f"/v2/{repository}/tags/list")
        return json.loads(answer.body)["tags"] or [] if answer.status == 200 else []

    def has(self, repository: str, tag: str, *, registry: str = "apps") -> bool:
        return tag in self.tags(repository, registry=registry)

    def put(self, repository: str, tag: str, image: Image = IMAGE, *, registry: str = "apps") -> None:
        """Put an image where the pipeline may not."""
        assert self.owners[registry].push(repository, tag, image).status == 201


def owners(backends: Backends, clients: Clients) -> dict[str, Client]:
    """Return a client of each registry whose login nothing bounds."""
    found = {}
    for name, gate in backends.gates.items():
        owner, region = account.REGISTRIES[name]
        found[name] = Client(
            host=gate.host, password=owner_password(backends.aws, clients, account=owner, region=region)
        )
    return found


def run(
    *command: str | Path, stdin: str | bytes = b"", environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program with nothing of a developer's own logins."""
    mine = {name: value for name, value in os.environ.items() if not name.startswith(("DOCKER_", "REGISTRY_"))}
    done = subprocess.run(
        command,
        input=stdin.encode() if isinstance(stdin, str) else stdin,
        capture_output=True,
        check=False,
        timeout=120,
        env=mine | dict(environment or {}),
    )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())
