"""A policy in S3: moto's S3 over a real wire, and answers that no S3 would give."""

from collections.abc import Iterator

import pytest

from sandbox.loopback import Answer, Request, Server, Silence
from tests.fake_clock import FakeClock
from tests.local_s3 import BUCKET, LocalS3, local_s3
from tests.own_aws import aws_clients_for
from token_exchange.adapters import policy_remote as policy_body
from token_exchange.adapters.aws import AwsClients
from token_exchange.adapters.aws_calls import DeadlineCalls
from token_exchange.adapters.policy_remote import PolicyInS3
from token_exchange.adapters.settings import S3Place, SystemClock
from token_exchange.core.ports import Deadline
from token_exchange.loading.store import POLICY_CHECK_TIMEOUT_SECONDS, PolicyDocument, PolicyUnreadable

KEY = "live/policy.yaml"


class Wire:
    """An S3 that says what it is told to say."""

    clients: AwsClients

    def __init__(self) -> None:
        self.answer: Answer | Silence = Answer()
        self.seen: list[Request] = []
        self.server = Server(self._handle)

    def _handle(self, request: Request) -> Answer | Silence:
        self.seen.append(request)
        return self.answer


@pytest.fixture(scope="module")
def running() -> Iterator[Wire]:
    wire = Wire()
    with wire.server, aws_clients_for(f"http://127.0.0.1:{wire.server.port}") as wire.clients:
        yield wire


@pytest.fixture
def wire(running: Wire) -> Wire:
    running.seen.clear()
    running.answer = object_of(b"version: 1")
    return running


@pytest.fixture(scope="module")
def s3() -> Iterator[LocalS3]:
    with local_s3() as running:
        yield running


@pytest.fixture(scope="module")
def s3_clients(s3: LocalS3) -> Iterator[AwsClients]:
    with aws_clients_for(s3.url) as clients:
        yield clients


def object_of(content: bytes, **headers: str) -> Answer:
    return Answer(headers=(("ETag", '"e1"'), *headers.items()), body=content)


def policy_in(clients: AwsClients, key: str = KEY) -> PolicyInS3:
    return PolicyInS3(S3Place(bucket=BUCKET, key=key), clients=clients, calls=DeadlineCalls())


def look(policy: PolicyInS3, seconds: float = 10.0) -> PolicyDocument:
    clock = FakeClock()
    return policy.read(Deadline(clock=clock, at_monotonic_seconds=clock.monotonic() + seconds))


def test_the_latest_version_is_read_under_the_files_own_name(s3: LocalS3, s3_clients: AwsClients) -> None:
    policy = policy_in(s3_clients)
    for content in (b"version: 1", b"version: 2"):
        version = s3.put(KEY, content)
        document = look(policy)
        assert (document.name, document.content, document.version) == ("policy.yaml", content, version)
        # What stands in a bucket has no files beside it.
        assert document.read_file is None


def test_a_deleted_object_is_an_error_until_it_is_back(s3: LocalS3, s3_clients: AwsClients) -> None:
    policy = policy_in(s3_clients)
    s3.put(KEY, b"version: 1")
    look(policy)
    s3.client.delete_object(Bucket=BUCKET, Key=KEY)
    with pytest.raises(PolicyUnreadable, match=f"s3://{BUCKET}/{KEY}: .*NoSuchKey"):
        look(policy)
    s3.put(KEY, b"version: 1")
    assert look(policy).content == b"version: 1"


def test_an_unchanged_object_is_not_sent_again(s3: LocalS3, s3_clients: AwsClients) -> None:
    s3.put(KEY, b"version: 1")
    policy = policy_in(s3_clients)
    assert look(policy) is look(policy)


def test_a_check_is_one_conditional_request(wire: Wire) -> None:
    policy = policy_in(wire.clients)
    first = look(policy)
    wire.answer = Answer(status=304, headers=(("ETag", '"e1"'),))
    assert look(policy) is first
    assert [(seen.method, seen.url.path) for seen in wire.seen] == [("GET", f"/{BUCKET}/{KEY}")] * 2
    assert [seen.header("if-none-match") for seen in wire.seen] == [None, '"e1"']


def test_without_versions_the_entity_tag_names_the_version(wire: Wire) -> None:
    assert look(policy_in(wire.clients)).version == '"e1"'


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        # S3 says no
        (Answer(status=403, body=b"<Error><Code>AccessDenied</Code><Message>no</Message></Error>"), "AccessDenied"),
        (Answer(status=404, body=b"<Error><Code>NoSuchBucket</Code></Error>"), "NoSuchBucket"),
        # S3 fails, and is asked no second time
        (Answer(status=503, body=b"<Error><Code>SlowDown</Code></Error>"), "SlowDown"),
        (Answer(status=500, body=b"<Error><Code>InternalError</Code></Error>"), "InternalError"),
        (Answer(status=500), "500"),
        (Silence.DROP, "did not answer"),
        # nothing that could be used
        (Answer(status=304), "unconditional request"),
        (Answer(body=b"version: 1"), "cannot be read"),
        (object_of(b"version: 1", **{"x-amz-checksum-crc32": "AAAAAA=="}), "hecksum"),
    ],
)
def test_any_other_answer_is_an_error(wire: Wire, answer: Answer | Silence, why: str) -> None:
    wire.answer = answer
    with pytest.raises(PolicyUnreadable, match=why) as error:
        look(policy_in(wire.clients))
    assert str(error.value).startswith(f"s3://{BUCKET}/{KEY}: ")
    # A connection that was closed may have been a kept one.
    assert len(wire.seen) == (2 if answer is Silence.DROP else 1)


def test_a_failed_check_keeps_the_etag(wire: Wire) -> None:
    policy = policy_in(wire.clients)
    first = look(policy)
    wire.answer = Answer(status=500)
    with pytest.raises(PolicyUnreadable):
        look(policy)
    wire.answer = Answer(status=304)
    assert look(policy) is first
    assert [seen.header("if-none-match") for seen in wire.seen] == [None, '"e1"', '"e1"']


def test_an_object_that_is_too_long_is_an_error(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy_body, "MAX_POLICY_BYTES", 10)
    assert look(policy_in(wire.clients)).content == b"version: 1"
    wire.answer = object_of(b"version: 1\n")
    with pytest.raises(PolicyUnreadable, match="expected at most 10 bytes"):
        look(policy_in(wire.clients))


@pytest.mark.parametrize(
    "answer", [Silence.HANG, Answer(headers=(("ETag", '"e1"'),), body=b"x" * 60, seconds_per_byte=0.1)]
)
def test_a_check_ends_in_time_whatever_s3_does(wire: Wire, answer: Answer | Silence) -> None:
    wire.answer = answer
    clock = SystemClock()
    begun = clock.monotonic()
    with pytest.raises(PolicyUnreadable):
        policy_in(wire.clients).read(Deadline(clock=clock, at_monotonic_seconds=begun + POLICY_CHECK_TIMEOUT_SECONDS))
    assert clock.monotonic() - begun < POLICY_CHECK_TIMEOUT_SECONDS + 0.5
