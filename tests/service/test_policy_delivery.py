"""The handler with its policy in S3 and in AppConfig: the good is in force, the bad is not, and all can see it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandbox.aws.appconfigdata import Place
from sandbox.aws.server import AwsFault
from tests.local_s3 import BUCKET, LocalS3, local_s3
from tests.service.front import Front, Log
from token_exchange import refresher
from token_exchange.adapters.settings import BadSetting
from token_exchange.core.ports import Json

type StartChanged = Callable[[dict[str, str]], Front]
type ReadLog = Callable[[], Log]

PLACE = Place(application="ecr-token-exchange", environment="live", profile="policy")
IN_APPCONFIG = {"TOKEN_EXCHANGE_POLICY": "appconfig:ecr-token-exchange/live/policy"}


@pytest.fixture(scope="module")
def s3() -> Iterator[LocalS3]:
    with local_s3() as running:
        yield running


@pytest.fixture
def policy(environment: dict[str, str]) -> str:
    """The policy of these tests with all its files' text in their place: nothing lies beside what is delivered."""
    path = Path(environment["TOKEN_EXCHANGE_POLICY"].removeprefix("file:"))
    authority = (path.parent / "ca.pem").read_text()
    indented = "".join(f"\n      {line}" for line in authority.splitlines())
    return path.read_text().replace("ca_bundle: ca.pem", f"ca_bundle: |{indented}")


@pytest.fixture
def in_s3(changed: StartChanged, s3: LocalS3) -> Callable[[], Front]:
    """Start an environment whose policy is in S3, and looked at in each request."""

    def start() -> Front:
        return changed(
            {
                "TOKEN_EXCHANGE_POLICY": f"s3://{BUCKET}/policy.yaml",
                "TOKEN_EXCHANGE_POLICY_MAX_AGE": "0",
                "AWS_ENDPOINT_URL_S3": s3.url,
            }
        )

    return start


def told(log: Log) -> list[tuple[Json, Json]]:
    """Return what was said of policies, and of which version."""
    return [
        (line["event"], line.get("policy_version"))
        for line in log.events
        if line["event"] in {"policy-loaded", "policy-not-loaded"}
    ]


def health(front: Front) -> dict[str, Json]:
    answer = front.send(method="GET", path="/v1/health")
    assert answer.status == 200
    found = answer.fields["policy"]
    assert isinstance(found, dict)
    return found


def failures(log: Log) -> int:
    return sum("PolicyLoadFailed" in line for line in log.metrics)


def test_a_bad_policy_from_s3_is_refused_until_it_is_fixed(
    in_s3: Callable[[], Front], s3: LocalS3, policy: str, log: ReadLog
) -> None:
    first = s3.put("policy.yaml", policy.encode())
    front = in_s3()
    good = health(front)
    assert good["refused"] is False
    assert front.send(front.token()).status == 200
    assert told(log()) == [("policy-loaded", first)]

    bad = s3.put("policy.yaml", policy.replace("version: 1", "version: 2").encode())
    assert health(front) == {**good, "refused": True}
    assert front.send(front.token()).status == 200
    said = log()
    # At each look, until it is mended.
    assert told(said) == [("policy-not-loaded", bad)] * 2
    assert said.events[0]["problems"] == ["version: expected 1, found the number 2"]
    assert failures(said) == 2
    assert [line["policy_sha256"] for line in said.audit] == [said.events[0]["policy_sha256"]]

    denied = s3.put("policy.yaml", policy.replace("70010666", "70010001").encode())
    now = health(front)
    assert (now["refused"], now["sha256"] != good["sha256"]) == (False, True)
    assert front.send(front.token()).reason == "denied"
    assert told(log()) == [("policy-loaded", denied)]


def test_if_s3_is_gone_the_policy_stays(in_s3: Callable[[], Front], s3: LocalS3, policy: str, log: ReadLog) -> None:
    s3.put("policy.yaml", policy.encode())
    front = in_s3()
    s3.client.delete_object(Bucket=BUCKET, Key="policy.yaml")
    assert front.send(front.token()).status == 200
    assert health(front)["refused"] is True
    written = log()
    (cause, _) = [line["cause"] for line in written.events if line["event"] == "policy-not-read"]
    assert "NoSuchKey" in str(cause)
    # There was no policy to judge: one that does not load is another alarm.
    assert failures(written) == 0


def test_without_a_policy_every_request_is_refused(changed: StartChanged, s3: LocalS3) -> None:
    front = changed({"TOKEN_EXCHANGE_POLICY": f"s3://{BUCKET}/none.yaml", "AWS_ENDPOINT_URL_S3": s3.url})
    assert front.send(front.token()).reason == "policy-unavailable"
    assert front.calls() == []


def test_files_cannot_be_named_where_there_are_none(
    in_s3: Callable[[], Front], s3: LocalS3, policy: str, log: ReadLog
) -> None:
    s3.put("policy.yaml", policy.replace("ca_bundle: |", "jwks_file: keys.json\n    ca_bundle: |", 1).encode())
    front = in_s3()
    assert front.send(front.token()).reason == "policy-unavailable"
    problems = str(log().events[0]["problems"])
    assert (
        "issuers.github.jwks_file: expected the content itself: only a policy read from a file can name files"
        in problems
    )


def test_from_appconfig_the_policy_decides(front: Front, changed: StartChanged, policy: str, log: ReadLog) -> None:
    front.backends.aws.configurations.deploy(PLACE, policy.encode(), label="2026-11-21")
    deployed = changed(IN_APPCONFIG)
    assert deployed.send(deployed.token()).status == 200
    assert told(log()) == [("policy-loaded", "2026-11-21")]
    # It is asked at start; a look is not due.
    asked = [call for call in deployed.calls() if call.startswith("appconfig:")]
    assert asked == ["appconfig:StartConfigurationSession", "appconfig:GetLatestConfiguration"]


def test_a_failing_appconfig_means_no_policy(front: Front, changed: StartChanged, policy: str) -> None:
    front.backends.aws.configurations.deploy(PLACE, policy.encode())
    front.backends.aws.faults.plan("appconfig:StartConfigurationSession", AwsFault(kind="access-denied"))
    deployed = changed(IN_APPCONFIG)
    assert deployed.send(deployed.token()).reason == "policy-unavailable"


def test_the_refresher_reads_the_same_policy(front: Front, changed: StartChanged, policy: str) -> None:
    front.backends.aws.configurations.deploy(PLACE, policy.encode())
    changed(IN_APPCONFIG)
    handler = refresher.start(str(Path(__file__)))
    assert sorted(entry for entries in handler({}, None).values() for entry in entries) == [
        "builds",
        "github",
        "github-trial",
    ]


def test_a_place_of_no_form_stops_the_start(changed: StartChanged) -> None:
    with pytest.raises(BadSetting, match="TOKEN_EXCHANGE_POLICY: expected file:PATH, s3://BUCKET/KEY or appconfig:"):
        changed({"TOKEN_EXCHANGE_POLICY": f"s3://{BUCKET}/policies/"})
