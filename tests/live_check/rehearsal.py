"""The sandbox as the account of a check: the real handler, real requests, a registry that asks the session policy."""

from contextlib import ExitStack
from pathlib import Path

from live_check.issuer import ThrowAwayIssuer
from live_check.place import Login, Place
from sandbox import account
from sandbox.aws.principals import Session
from sandbox.backends import Backends
from sandbox.service import Service
from tests.moved_clock import MovedClock
from tests.sandbox.clients import Clients, authorization
from tests.sandbox.registry.client import session_of

OWN, OTHER = "ci/live/own", "ci/live/other"
SESSION_SECONDS = 900


class QuickClock:
    """Waits by moving the clock of everything but the service, which is asked only at the beginning."""

    def __init__(self, clock: MovedClock) -> None:
        self.clock = clock
        self.waited_for: list[str] = []

    def now(self) -> float:
        return self.clock()

    def wait_until(self, moment: float, *, why: str) -> None:
        self.waited_for.append(why)
        self.clock.ahead_seconds += max(0.0, moment - self.clock())


class RehearsedSession:
    def __init__(self, backends: Backends, session: Session, login: Login) -> None:
        self.login = login
        self._backends = backends
        self._session = session

    def is_over(self) -> bool:
        return self._backends.aws.principals.is_expired(self._session)


class RehearsalAccount:
    """A backends that is made for the check, and ends with it. `left` is what it says that it cannot remove."""

    def __init__(self, folder: Path, clock: MovedClock) -> None:
        self._folder = folder
        self._clock = clock
        self._stack = ExitStack()
        self.left: list[str] = []
        self.removed = False
        self.backends: Backends | None = None

    def create(self, issuer: ThrowAwayIssuer) -> Place:
        backends = Backends(self._folder, registry_ports={"apps": 0}, now=self._clock)
        self.backends = self._stack.enter_context(backends)
        policy = issuer.policy(
            account=account.APPS_ACCOUNT,
            region=account.REGION,
            role=account.PUSH_ROLE,
            own=OWN,
            host=backends.gates["apps"].host,
        )
        backends.policy_path.write_text(policy)
        log = self._stack.enter_context((self._folder / "service.log").open("wb"))
        service = self._stack.enter_context(Service(backends.environment(), output=log, errors=log))
        return Place(
            exchange_url=service.url, registry_url=f"http://{backends.gates['apps'].host}", own=OWN, other=OTHER
        )

    def open_session(self) -> RehearsedSession:
        assert self.backends is not None
        role = self.backends.aws.principals.role(account.PUSH_ROLE)
        assert role is not None
        session = session_of(self.backends.aws, role, name="measure", expires_at=self._clock() + SESSION_SECONDS)
        with Clients(self.backends.aws.url) as clients:
            password = authorization(clients.ecr(session)).password
        login = Login(password=password, ends_at=self._clock() + SESSION_SECONDS)
        return RehearsedSession(self.backends, session, login)

    def remove(self) -> list[str]:
        self.removed = True
        self._stack.close()
        return self.left
