import functools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from botocore.config import Config
from botocore.retries.standard import ExponentialBackoff

from sandbox import account
from sandbox.aws.server import Aws
from sandbox.backends import Backends
from tests.service.front import Front, Log, read_log
from tests.service.other_registries import furnish
from tests.service.policy import write_policy
from tests.service.recorded_metrics import record
from tests.service.simulated_days import Recorded
from token_exchange.adapters.aws import ServiceModels
from token_exchange.adapters.fetch import tls_context
from token_exchange.service import Service, start

_read_once = functools.cache(ServiceModels(None).file_loader.load_file)


@pytest.fixture(scope="module", autouse=True)
def _models_are_read_once() -> Iterator[None]:
    """Keep what the service's own loader reads: hundreds of handlers make clients of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(ServiceModels(None).file_loader), "load_file", staticmethod(_read_once))
        yield


@pytest.fixture(scope="session")
def backends(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backends]:
    with Backends(tmp_path_factory.mktemp("backends")) as running:
        yield running


@pytest.fixture(scope="session")
def environment(backends: Backends) -> dict[str, str]:
    folder = backends.policy_path.parent
    policy = write_policy(folder, issuer_port=backends.issuer.port)
    return {
        **backends.environment(),
        "TOKEN_EXCHANGE_POLICY": f"file:{policy}",
        "TOKEN_EXCHANGE_POLICY_MAX_AGE": "3600",
        # Without the brake, whose table must be there: here tables are lost and replaced. See test_brake.py.
        "TOKEN_EXCHANGE_BRAKE_TABLE": "",
        "TOKEN_EXCHANGE_URL": "https://login.acme.example/ecr/",
    }


def _allow_for_a_busy_machine(patch: pytest.MonkeyPatch) -> None:
    """Lengthen the time limits whose end changes an answer; what happens at their end is tested beside each."""
    for name, value in {
        "issuer_keys.store.SHARED_SECONDS": 10.0,
        "refresher.SHARED_SECONDS": 10.0,
        "issuer_keys.store.FETCH_SECONDS": 20.0,
        "issuer_keys.origins.FETCH_SECONDS": 20.0,
        "adapters.budgets.COUNT_SECONDS": 10.0,
        "core.single_use.RELEASE_MILLISECONDS": 5_000,
        "service.CONNECT_SECONDS": 10.0,
        "loading.store.POLICY_CHECK_TIMEOUT_SECONDS": 10.0,
        "loading.brake.POLICY_CHECK_TIMEOUT_SECONDS": 10.0,
        "adapters.aws._CHECK_CONFIG": Config(connect_timeout=10, read_timeout=10, retries={"total_max_attempts": 1}),
    }.items():
        patch.setattr(f"token_exchange.{name}", value)


@pytest.fixture(autouse=True)
def _unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    _allow_for_a_busy_machine(monkeypatch)


@pytest.fixture(scope="session")
def started(backends: Backends, environment: dict[str, str]) -> Front:
    with pytest.MonkeyPatch.context() as patch:
        _allow_for_a_busy_machine(patch)
        for name, value in environment.items():
            patch.setenv(name, value)
        front = Front(backends, start(str(Path(__file__))))
        # It has the keys from here on, whichever test is the first.
        assert front.send(front.token(), "registry=apps").status == 200
        return front


@pytest.fixture(scope="session")
def good_token(started: Front) -> str:
    """Mint a token that is good for as long as all of the tests may take on a slow machine."""
    return started.token(lifetime_seconds=3600)


@pytest.fixture(scope="session")
def recorded(backends: Backends, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    with pytest.MonkeyPatch.context() as patch:
        _allow_for_a_busy_machine(patch)
        return record(backends, environment, tmp_path_factory.mktemp("recorded"))


@pytest.fixture
def front(started: Front, monkeypatch: pytest.MonkeyPatch) -> Iterator[Front]:
    # botocore waits longer before each further attempt; here nothing has to recover.
    monkeypatch.setattr(ExponentialBackoff, "delay_amount", _no_delay)
    started.backends.aws.forget_requests()
    yield started
    started.backends.aws.faults.clear()
    started.backends.issuer.faults.clear()


@pytest.fixture
def changed(
    front: Front, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[dict[str, str]], Front]]:
    """Start another handler, which has no keys yet and is used by this test only, with some variables changed."""

    def start_changed(changes: dict[str, str]) -> Front:
        for name, value in {**environment, **changes}.items():
            if value:
                monkeypatch.setenv(name, value)
            else:
                monkeypatch.delenv(name, raising=False)
        services.append(start(str(Path(__file__))))
        return Front(front.backends, services[-1])

    services: list[Service] = []
    yield start_changed
    # All tests of a process share what it may open.
    for service in services:
        service.close_connections()


@pytest.fixture(scope="session")
def shared(backends: Backends, environment: dict[str, str]) -> Iterator[Callable[[dict[str, str]], Front]]:
    """Start a handler for the first test that asks for these variables; it has keys and connections for the next."""

    def start_once(changes: dict[str, str]) -> Front:
        name = tuple(sorted(changes.items()))
        if name not in services:
            with pytest.MonkeyPatch.context() as patch:
                for variable, value in {**environment, **changes}.items():
                    patch.setenv(variable, value)
                services[name] = start(str(Path(__file__)))
        return Front(backends, services[name])

    services: dict[tuple[tuple[str, str], ...], Service] = {}
    yield start_once
    for service in services.values():
        service.close_connections()


@pytest.fixture
def hanging() -> Iterator[Aws]:
    """Start an AWS of the test's own.

    A call that is given up goes on, and is made again seconds later: in another test it would look like that test's.
    """
    roles = account.roles()
    with Aws(roles=roles, callers=[account.service_session(roles[0])]) as running:
        yield running


@pytest.fixture
def fresh(changed: Callable[[dict[str, str]], Front]) -> Front:
    return changed({})


@pytest.fixture
def others(front: Front, shared: Callable[[dict[str, str]], Front], monkeypatch: pytest.MonkeyPatch) -> Iterator[Front]:
    """Have a handler for every kind of registry; here the system's authorities are the sandbox's one."""
    variables = furnish(front.backends)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    tls_context.cache_clear()
    yield shared(variables)
    tls_context.cache_clear()


def _no_delay(_self: ExponentialBackoff, _context: object) -> float:
    return 0.0


@pytest.fixture
def log(capsys: pytest.CaptureFixture[str]) -> Callable[[], Log]:
    """Read what was written since the last look."""
    capsys.readouterr()
    return functools.partial(_read, capsys)


def _read(capsys: pytest.CaptureFixture[str]) -> Log:
    captured = capsys.readouterr()
    assert captured.err == ""
    return read_log(captured.out)
