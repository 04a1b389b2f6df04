import threading
from collections.abc import Callable, Mapping

import pytest

from tests.fake_clock import FakeClock
from token_exchange.core.policy import Policy
from token_exchange.core.ports import Deadline
from token_exchange.core.refusals import Reason, Refused
from token_exchange.loading import store as policy_store
from token_exchange.loading.document import ReadFile
from token_exchange.loading.load import load_policy
from token_exchange.loading.problems import PolicyUnusable
from token_exchange.loading.store import (
    FIRST_POLICY_CHECK_TIMEOUT_SECONDS,
    POLICY_CHECK_TIMEOUT_SECONDS,
    RETRY_SECONDS,
    PolicyDocument,
    PolicyStore,
    PolicyUnreadable,
)

KEYS = b'{"keys": [{"kty": "EC", "crv": "P-256", "alg": "ES256", "kid": "k", "x": "%s", "y": "%s"}]}' % (
    b"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    b"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
)


def document(name: str = "first", *, more: str = "") -> bytes:
    return f"""\
version: 1
issuers:
  ci:
    provider: generic
    issuer: https://ci.acme.example
    audience: https://ecr.acme.example
    algorithms: [ES256]
    organization_claim: tenant
    organizations: [{{name: acme}}]
    jwks_file: keys.json
registries:
  apps: {{type: ecr, account: "111122223333", region: eu-west-1}}
grants:
  - name: {name}
    issuers: [ci]
    registry: apps
    role: arn:aws:iam::111122223333:role/ci
    access: pull
    repositories: [base]
{more}""".encode()


class FakeSource:
    """Fulfils `PolicySource`; what it holds may be changed, or an exception."""

    def __init__(self) -> None:
        self.content: bytes | Exception = document()
        self.files: dict[str, bytes] = {"keys.json": KEYS}
        self.looks = 0
        self.version: str | None = None
        self.seconds: list[float] = []
        """The time that each look was given."""
        self.meet: Callable[[], object] = int
        """Called in the middle of each look."""

    def read(self, deadline: Deadline, /) -> PolicyDocument:
        self.looks += 1
        self.seconds.append(deadline.remaining_seconds())
        self.meet()
        if isinstance(self.content, Exception):
            raise self.content
        return PolicyDocument(name="policy.yaml", content=self.content, read_file=self._file, version=self.version)

    def _file(self, path: str) -> bytes:
        if path not in self.files:
            raise FileNotFoundError(2, "No such file or directory")
        return self.files[path]


class RecordedEvents:
    """Fulfils `PolicyEvents` by remembering."""

    def __init__(self) -> None:
        self.policies: list[Policy] = []
        self.failures: list[tuple[Exception, str | None]] = []
        self.versions: list[str | None] = []
        self.unread: list[tuple[Exception, str | None]] = []

    def loaded(self, policy: Policy, *, version: str | None) -> None:
        self.policies.append(policy)
        self.versions.append(version)

    def not_loaded(
        self, cause: PolicyUnreadable | PolicyUnusable, *, in_force: str | None, version: str | None
    ) -> None:
        self.failures.append((cause, in_force))
        self.versions.append(version)

    def not_read(self, cause: PolicyUnreadable, *, in_force: str | None) -> None:
        self.unread.append((cause, in_force))


class Story:
    def __init__(self) -> None:
        self.source = FakeSource()
        self.clock = FakeClock()
        self.events = RecordedEvents()
        self.store = PolicyStore(source=self.source, clock=self.clock, max_age_seconds=60, events=self.events)

    def grant(self) -> str:
        """Return the name of the grant in force."""
        return self.store.current().policy.grants[0].name


@pytest.fixture
def story() -> Story:
    return Story()


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Count how often a document is parsed."""
    parsed: list[bytes] = []

    def counted(
        content: bytes,
        *,
        name: str,
        read_file: ReadFile | None,
        own_region: str | None,
        has_state: bool,
        grant_files: Mapping[str, bytes] | None,
    ) -> Policy:
        parsed.append(content)
        return load_policy(
            content,
            name=name,
            read_file=read_file,
            own_region=own_region,
            has_state=has_state,
            grant_files=grant_files,
        )

    monkeypatch.setattr(policy_store, "load_policy", counted)
    return parsed


def test_a_good_policy_is_in_force(story: Story) -> None:
    in_force = story.store.current()
    assert (in_force.loaded_at, in_force.refused) == (story.clock.wall_seconds, False)
    assert [policy.sha256 for policy in story.events.policies] == [in_force.policy.sha256]


def test_the_policy_is_checked_once_per_interval(story: Story) -> None:
    story.store.current()
    story.source.content = document("second")
    story.clock.advance(59.9)
    assert (story.grant(), story.source.looks) == ("first", 1)
    story.clock.advance(0.1)
    assert (story.grant(), story.source.looks) == ("second", 2)


def test_an_unchanged_document_is_not_parsed_again(story: Story, loads: list[bytes]) -> None:
    for _ in range(5):
        story.store.current()
        story.clock.advance(60)
    assert (story.source.looks, len(loads), len(story.events.policies)) == (5, 1, 1)


def test_a_changed_file_that_the_document_names_is_a_new_policy(story: Story) -> None:
    before = story.store.current().policy
    story.source.files["keys.json"] = KEYS + b"\n"
    story.clock.advance(60)
    after = story.store.current()
    assert after.policy.sha256 != before.sha256
    assert after.loaded_at == story.clock.wall_seconds


BROKEN: list[bytes | Exception] = [
    b"",
    b"\xff",
    b"version: 1",
    document(more="surprise: 1"),
    document().replace(b"jwks_file: keys.json", b"jwks_file: gone.json"),
    PolicyUnreadable("policy.yaml: No such file or directory"),
]


@pytest.mark.parametrize("content", BROKEN)
def test_a_bad_policy_never_replaces_a_good_one(story: Story, content: bytes | Exception) -> None:
    good = story.store.current()
    story.source.content = content
    for times in range(1, 4):
        story.clock.advance(60)
        in_force = story.store.current()
        assert (in_force.policy, in_force.loaded_at, in_force.refused) == (good.policy, good.loaded_at, True)
        # It is said again at each look until somebody mends it.
        said = story.events.unread if isinstance(content, Exception) else story.events.failures
        assert [in_force for _, in_force in said] == [good.policy.sha256] * times
        assert len(story.events.unread) + len(story.events.failures) == times


@pytest.mark.parametrize("mended", [document(), document("second")])
def test_a_fixed_policy_is_in_force_and_no_longer_refused(story: Story, mended: bytes) -> None:
    story.store.current()
    story.source.content = b"broken"
    story.clock.advance(60)
    assert story.store.current().refused
    story.source.content = mended
    story.clock.advance(60)
    assert not story.store.current().refused


def test_a_named_file_that_disappears_is_a_refusal_too(story: Story) -> None:
    good = story.store.current()
    story.source.files.clear()
    story.clock.advance(60)
    in_force = story.store.current()
    assert (in_force.policy, in_force.refused) == (good.policy, True)


def test_a_fault_of_the_reader_costs_no_policy_in_force(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    good = story.store.current()

    def fail(*_: object, **__: object) -> Policy:
        raise RecursionError("a bug")

    monkeypatch.setattr(policy_store, "load_policy", fail)
    story.source.content = document("second")
    story.clock.advance(60)
    assert story.store.current().policy is good.policy
    ((cause, _),) = story.events.failures
    assert "RecursionError" in str(cause)


@pytest.mark.parametrize("content", BROKEN)
def test_without_a_policy_every_request_is_refused(story: Story, content: bytes | Exception) -> None:
    story.source.content = content
    for _ in range(3):
        with pytest.raises(Refused) as refused:
            story.store.current()
        assert refused.value.reason is Reason.POLICY_UNAVAILABLE
    assert story.source.looks == 1  # a broken policy is not read at every request
    assert story.store.in_force is None
    story.source.content = document()
    # Every caller is turned away meanwhile, so the next look does not wait for a whole age.
    story.clock.advance(RETRY_SECONDS)
    assert story.grant() == "first"


def test_only_the_first_check_has_more_time(story: Story) -> None:
    for _ in range(3):
        story.store.current()
        story.clock.advance(60)
    assert story.source.seconds == [
        FIRST_POLICY_CHECK_TIMEOUT_SECONDS,
        POLICY_CHECK_TIMEOUT_SECONDS,
        POLICY_CHECK_TIMEOUT_SECONDS,
    ]
    assert POLICY_CHECK_TIMEOUT_SECONDS <= 1


def test_an_event_says_which_version_it_is_about(story: Story) -> None:
    story.source.version = "v1"
    story.store.current()
    story.clock.advance(60)
    story.source.content, story.source.version = b"broken", "v2"
    story.store.current()
    story.clock.advance(60)
    story.source.content = PolicyUnreadable("gone")
    story.store.current()
    assert story.events.versions == ["v1", "v2"]
    assert [str(cause) for cause, _ in story.events.unread] == ["gone"]


def test_the_policy_is_as_old_as_the_last_look_that_found_it(story: Story) -> None:
    loaded = story.store.current()
    assert loaded.read_at == loaded.loaded_at
    story.clock.advance(60)
    seen = story.store.current()
    assert (seen.loaded_at, seen.read_at) == (loaded.loaded_at, loaded.loaded_at + 60)
    # A document that does not load was seen too; that it is refused is another matter.
    story.source.content = b"broken"
    story.clock.advance(60)
    assert story.store.current().read_at == loaded.loaded_at + 120
    story.source.content = PolicyUnreadable("gone")
    story.clock.advance(60)
    assert story.store.current().read_at == loaded.loaded_at + 120


@pytest.mark.parametrize("jump_seconds", [3600.0, -3600.0])
def test_a_thawed_environment_checks_before_it_answers(story: Story, jump_seconds: float) -> None:
    story.store.current()
    story.source.content = document("deny-all")
    # The monotonic clock stood still.
    story.clock.wall_seconds += jump_seconds
    assert story.grant() == "deny-all"


def test_a_slow_check_blocks_no_other_request(story: Story) -> None:
    story.store.current()
    story.clock.advance(60)
    looking, go_on = threading.Event(), threading.Event()

    def hang() -> None:
        looking.set()
        assert go_on.wait(timeout=30)

    story.source.meet = hang
    thread = threading.Thread(target=story.store.current)
    thread.start()
    assert looking.wait(timeout=30)
    assert story.grant() == "first"
    go_on.set()
    thread.join()
    assert story.source.looks == 2
