"""A deployment in the sandbox that can be broken: backends, environments of the function, and jobs."""

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal, Self

from sandbox import account
from sandbox.aws.ecr import authorize
from sandbox.aws.errors import AwsError
from sandbox.aws.policy_grammar import parse_policy
from sandbox.aws.principals import Session
from sandbox.backends import Backends
from sandbox.drills.control import Actions, Control
from sandbox.drills.runbook import DrillFailed, Shell
from sandbox.evidence import object_of
from sandbox.loopback import HOST, Answer
from sandbox.service import Service

type Kind = Literal["measured", "documented", "assumed"]
KINDS: Final[tuple[Kind, ...]] = ("measured", "documented", "assumed")

COMMAND_MINUTES: Final = 1.0
"""What it takes an operator to find, fill in and run one command of the page, with the page open: an assumption."""

_PATIENCE_SECONDS: Final = 30.0
_TIMEOUT_SECONDS: Final = 30.0
_REFRESH: Final = "import json; from refresh_keys.app import handler; print(json.dumps(handler({}, None)))"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """Time in which jobs did not work, or were not known to work, and how it is known."""

    kind: Kind
    minutes: float


class Site:
    """A service with its jobs; `spent` is how long they have not worked."""

    def __init__(self, folder: Path, *, say: Callable[[str], None] = print) -> None:
        self.say = say
        self.spent: list[Spent] = []
        with ExitStack() as stack:
            self.backends = stack.enter_context(Backends(folder))
            self._log = stack.enter_context((folder / "drill.log").open("ab"))
            actions = Actions(
                refresh_keys=self._refresh_keys,
                revert_drift=self.backends.aws.state.create_again,
                put_role_policy=self._put_role_policy,
            )
            control = stack.enter_context(Control(actions))
            operator = {**self.backends.operator_environment(), "PATH": os.environ["PATH"]}
            self.shell = Shell(folder, environment=operator | control.variables)
            self._stack = stack.pop_all()
        self._settings = {"TOKEN_EXCHANGE_POLICY_MAX_AGE": "0"}
        self.services: list[Service] = []

    def start(self, *, regions: int = 1, **settings: str) -> None:
        """Start an environment of the function for each region, with some variables changed."""
        self._settings.update(settings)
        self.services = [self._service() for _ in range(regions)]

    def _service(self) -> Service:
        environment = {**self.backends.environment(), **self._settings}
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
        return self.backends.issuer.mint("github-actions", audience=self.backends.audience, claims=claims)

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

    def last_session(self) -> Session:
        """Return the session behind the login that was made last."""
        return self.backends.aws.principals.sessions()[-1]

    def push(self, session: Session, repository: str) -> str:
        """Return whether ECR would let a job with this session push now, as `allowed` or `refused`."""
        resource = f"arn:aws:ecr:{account.REGION}:{account.APPS_ACCOUNT}:repository/{repository}"
        role = self.backends.aws.principals.role(session.role.arn)
        try:
            authorize(session, action="ecr:PutImage", resource=resource, now_seconds=time.time(), role=role)
        except AwsError:
            return "refused"
        return "allowed"

    def new_environments(self) -> None:
        """Replace all environments, as Lambda does with a new version, and with idle ones."""
        for service in self.services:
            service.close()
        self.services = [self._service() for _ in self.services]

    def _refresh_keys(self) -> Answer:
        """Run the refresher, which has its own rights."""
        environment = {**self.backends.operator_environment(), **self._settings, "PATH": os.environ["PATH"]}
        done = subprocess.run(
            [sys.executable, "-c", _REFRESH], env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        if done.returncode != 0:
            crash = {"errorMessage": done.stderr[-500:]}
            return Answer(headers=(("x-amz-function-error", "Unhandled"),), body=json.dumps(crash).encode())
        return Answer(body=done.stdout.encode())

    def _put_role_policy(self, name: str, document: str) -> None:
        role = self.backends.aws.principals.role(f"arn:aws:iam::{account.APPS_ACCOUNT}:role/{name}")
        if role is None:
            raise AwsError(code="NoSuchEntity", message=f"The role with name {name} cannot be found.", status=404)
        added = (*role.permissions, parse_policy(document, kind="identity"))
        self.backends.aws.principals.put_role(replace(role, permissions=added))

    def runs(self, line: str, **placeholders: str) -> str:
        """Run one command of the page, as an operator does."""
        self.say(f"$ {line}")
        self.spent.append(Spent(kind="assumed", minutes=COMMAND_MINUTES))
        return self.shell.run(line, **placeholders)

    def takes(self, minutes: float, kind: Kind, why: str) -> None:
        """Count time that AWS or a person would need, and that does not pass here; `why` has its source."""
        self.say(f"… {minutes:g} min, {kind}: {why}")
        self.spent.append(Spent(kind=kind, minutes=minutes))

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
        self.spent.append(Spent(kind="measured", minutes=waited / 60))
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
