"""A deployment in the sandbox that can be broken: the world, environments of the function, and jobs that ask them."""

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Final, Self

from sandbox.drills.runbook import DrillFailed, Shell
from sandbox.evidence import object_of
from sandbox.loopback import HOST
from sandbox.service import Service
from sandbox.world import World

COMMAND_MINUTES: Final = 1.0
"""What it takes an operator to find, fill in and run one command of the page, with the page open."""

DEPLOYMENT_MINUTES: Final = 8.0
"""What a deployment of the stack takes; `make live-check` spends a third of its 25 minutes on one."""

_PATIENCE_SECONDS: Final = 30.0
_TIMEOUT_SECONDS: Final = 30.0
_REFRESH: Final = "import json; from refresh_keys.app import handler; print(json.dumps(handler({}, None)))"


class Site:
    """A service with its jobs; `minutes` is how long they have not worked, as far as that is simulated."""

    def __init__(self, folder: Path, *, say: Callable[[str], None] = print, **settings: str) -> None:
        self.say = say
        self.minutes = 0.0
        with ExitStack() as stack:
            self.world = stack.enter_context(World(folder))
            self._log = stack.enter_context((folder / "drill.log").open("ab"))
            self.shell = Shell(folder, environment={**self.world.operator_environment(), "PATH": os.environ["PATH"]})
            self._stack = stack.pop_all()
        self._settings = {"TOKEN_EXCHANGE_POLICY_MAX_AGE": "0", **settings}
        self.services: list[Service] = []

    def start(self, *, regions: int = 1) -> None:
        """Start an environment of the function for each region."""
        self.services = [self._service() for _ in range(regions)]

    def _service(self) -> Service:
        environment = {**self.world.environment(), **self._settings}
        return Service(environment, output=self._log, errors=self._log)

    def close(self) -> None:
        """Stop everything."""
        for service in self.services:
            service.close()
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def token(self, **claims: str) -> str:
        """Return a token of a job on main, with some claims changed."""
        return self.world.issuer.mint("github-actions", audience=self.world.audience, claims=claims)

    def job(self, token: str | None = None, **claims: str) -> str:
        """Let a job ask for a login, at one region after another; return the reason, or `granted`."""
        reason = "unreachable"
        for service in self.services:
            try:
                reason = _asked(service.port, token or self.token(**claims))
            except OSError:
                continue
            break
        return reason

    def new_environments(self, **settings: str) -> None:
        """Replace all environments, as Lambda does after a change of the function's configuration."""
        self._settings.update(settings)
        for service in self.services:
            service.close()
        self.services = [self._service() for _ in self.services]

    def refresh_keys(self) -> None:
        """Invoke the refresher, which has its own permissions."""
        environment = {**self.world.operator_environment(), **self._settings, "PATH": os.environ["PATH"]}
        done = subprocess.run(
            [sys.executable, "-c", _REFRESH], env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        if done.returncode != 0:
            raise DrillFailed(f"the refresher failed: {done.stderr[-500:]}")

    def runs(self, line: str, **placeholders: str) -> str:
        """Run one command of the page, as an operator does."""
        self.say(f"$ {line}")
        self.minutes += COMMAND_MINUTES
        return self.shell.run(line, **placeholders)

    def takes(self, minutes: float, why: str) -> None:
        """Count time that passes in AWS or at a person, and not here."""
        self.say(f"… {minutes:g} min: {why}")
        self.minutes += minutes

    def wait_until(self, expected: str, ask: Callable[[], str], what: str) -> None:
        """Ask until the answer is as expected; the seconds that it takes count.

        Raises:
            DrillFailed: it is not, after half a minute.
        """
        began = time.monotonic()
        while (found := ask()) != expected:
            if time.monotonic() - began > _PATIENCE_SECONDS:
                raise DrillFailed(f"{what}: expected {expected}, found {found}")
            time.sleep(0.1)
        waited = time.monotonic() - began
        self.minutes += waited / 60
        self.say(f"✓ {what}: {expected}, after {waited:.1f} s")

    def expect(self, expected: str, found: str, what: str) -> None:
        """Check an answer that must be so at once.

        Raises:
            DrillFailed: it is another one.
        """
        if found != expected:
            raise DrillFailed(f"{what}: expected {expected}, found {found}")
        self.say(f"✓ {what}: {expected}")


def _asked(port: int, token: str) -> str:
    connection = http.client.HTTPConnection(HOST, port, timeout=_TIMEOUT_SECONDS)
    try:
        connection.request("POST", "/v1/token?registry=apps", headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        body: Mapping[str, object] = object_of(json.loads(answer.read()), "answer")
    finally:
        connection.close()
    return "granted" if answer.status == 200 else str(body.get("reason"))  # noqa: PLR2004 - HTTP's own
