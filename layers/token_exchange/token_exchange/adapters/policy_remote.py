"""The policy in S3 or AppConfig, and the packaged one that is in force until AppConfig has had its first.

Source: Amazon S3 API Reference, GetObject; RFC 9110 section 13.1.2 (If-None-Match); AppConfig Data API Reference,
StartConfigurationSession and GetLatestConfiguration; AppConfig API Reference, ListDeployments.
"""

from dataclasses import field, replace
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError
from botocore.response import StreamingBody

from token_exchange.adapters.aws import AwsClients
from token_exchange.adapters.aws_calls import DeadlineCalls, call_aws, reconnecting
from token_exchange.adapters.policy_file import PolicyFile
from token_exchange.adapters.settings import NAME_WITHOUT_FILE, AppConfigPlace, S3Place
from token_exchange.core.ports import Clock, Deadline
from token_exchange.core.record import record
from token_exchange.core.refusals import Reason, Refused
from token_exchange.loading.store import PolicyDocument, PolicyNotDeployed, PolicyUnreadable

if TYPE_CHECKING:
    from mypy_boto3_appconfig import AppConfigClient
    from mypy_boto3_appconfigdata import AppConfigDataClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import GetObjectOutputTypeDef


MAX_POLICY_BYTES: Final = 16 * 1024 * 1024
"""Ten thousand grants take 4 MiB."""

_CHUNK_BYTES: Final = 256 * 1024


def whole_body(body: StreamingBody, *, deadline: Deadline) -> bytes:
    """Return all of `body`; botocore raises if it is shorter than its Content-Length.

    Raises:
        Refused: it is too long, or did not arrive by `deadline`. After that its request has ended, and the thread
            should too.
    """
    content = bytearray()
    with body:
        for chunk in body.iter_chunks(_CHUNK_BYTES):
            content += chunk
            if len(content) > MAX_POLICY_BYTES:
                raise Refused(Reason.POLICY_UNAVAILABLE, f"expected at most {MAX_POLICY_BYTES} bytes")
            if deadline.remaining_seconds() <= 0:
                raise Refused(Reason.DEADLINE_EXCEEDED, "the policy did not arrive before the deadline")
    return bytes(content)


class PolicyInS3:
    """A policy that is an object in S3; it is downloaded only if it has changed."""

    def __init__(self, place: S3Place, *, clients: AwsClients, calls: DeadlineCalls) -> None:
        self._place = place
        self._clients = clients
        self._calls = calls
        self._last: tuple[str, PolicyDocument] | None = None

    def read(self, deadline: Deadline, /) -> PolicyDocument:
        """Return the current document, downloaded only if it changed since the last check.

        Raises:
            PolicyUnreadable: S3 did not return it by `deadline`.
        """
        last = self._last
        etag = None if last is None else last[0]
        try:
            client = self._clients.s3()
            fresh = self._calls.call(
                lambda: call_aws(
                    lambda: self._fetched(client, etag, deadline),
                    refusal=Reason.POLICY_UNAVAILABLE,
                    subject=str(self._place),
                ),
                deadline=deadline,
            )
        except Refused as refused:
            raise PolicyUnreadable(f"{self._place}: {refused.description}") from refused
        if fresh is not None:
            self._last = fresh
            return fresh[1]
        if last is None:
            raise PolicyUnreadable(f"{self._place}: S3 answered not modified to an unconditional request")
        return last[1]

    def _fetched(self, client: "S3Client", etag: str | None, deadline: Deadline) -> tuple[str, PolicyDocument] | None:
        """Return the object with its entity tag, or None if that is still `etag`."""
        try:
            answer = self._get(client, etag)
        except ClientError as error:
            if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") == 304:  # noqa: PLR2004 - HTTP's own
                return None
            raise
        document = PolicyDocument(
            name=self._place.key.rpartition("/")[2],
            content=whole_body(answer["Body"], deadline=deadline),
            read_file=None,
            version=answer.get("VersionId") or answer["ETag"],
        )
        return answer["ETag"], document

    def _get(self, client: "S3Client", etag: str | None) -> "GetObjectOutputTypeDef":
        bucket, key = self._place.bucket, self._place.key
        if etag is None:
            return reconnecting(lambda: client.get_object(Bucket=bucket, Key=key))
        return reconnecting(lambda: client.get_object(Bucket=bucket, Key=key, IfNoneMatch=etag))


POLL_SECONDS: Final = 15
"""The shortest poll interval that AppConfig allows; the policy's maximum age sets the actual one."""

_WAS_IN_FORCE: Final = frozenset({"BAKING", "COMPLETE", "REVERTED"})
"""The states of a deployment that reached every client at some time; one that is rolled back may not have."""


@record
class _Session:
    """The token for the next poll, and how long to wait since the last one.

    Each answer has a token for one more poll. Each configuration that is received is billed, so an environment keeps
    its session. A call that fails ends it, since it is not known whether its token was used.
    """

    token: str = field(repr=False)
    pause_seconds: int
    polled_at: tuple[float, float]
    document: PolicyDocument

    def must_wait(self, clock: Clock) -> bool:
        """Return whether AppConfig would refuse a poll; the monotonic clock may stop while frozen."""
        wall, monotonic = self.polled_at
        age = clock.now() - wall
        return age >= 0 and max(age, clock.monotonic() - monotonic) < self.pause_seconds


class PolicyInAppConfig:
    """A policy that is deployed to an environment of an application."""

    def __init__(self, place: AppConfigPlace, *, clients: AwsClients, calls: DeadlineCalls) -> None:
        self._place = place
        self._clients = clients
        self._calls = calls
        self._session: _Session | None = None

    def read(self, deadline: Deadline, /) -> PolicyDocument:
        """Return the deployed document.

        Raises:
            PolicyUnreadable: AppConfig did not return it by `deadline`.
            PolicyNotDeployed: AppConfig has nothing there.
        """
        before = self._session
        if before is not None and before.must_wait(deadline.clock):
            return before.document
        self._session = None
        try:
            client = self._clients.appconfigdata()
            self._session = self._calls.call(
                lambda: call_aws(
                    lambda: self._next(client, before, deadline),
                    refusal=Reason.POLICY_UNAVAILABLE,
                    subject=str(self._place),
                ),
                deadline=deadline,
            )
        except Refused as refused:
            raise PolicyUnreadable(f"{self._place}: {refused.description}") from refused
        return self._session.document

    def was_ever_deployed(self, deadline: Deadline) -> bool:
        """Return whether a deployment to the environment ever reached all clients; AppConfig keeps their history.

        Raises:
            PolicyUnreadable: it is not known, for example because the environment was deleted.
        """
        try:
            client = self._clients.appconfig()
            return self._calls.call(
                lambda: call_aws(
                    lambda: reconnecting(lambda: self._has_history(client)),
                    refusal=Reason.POLICY_UNAVAILABLE,
                    subject=str(self._place),
                ),
                deadline=deadline,
            )
        except Refused as refused:
            raise PolicyUnreadable(f"{self._place}: {refused.description}") from refused

    def _has_history(self, client: "AppConfigClient") -> bool:
        pages = client.get_paginator("list_deployments").paginate(
            ApplicationId=self._place.application, EnvironmentId=self._place.environment
        )
        # Of all pages: a completed deployment may be older than many that were rolled back.
        return any(deployment.get("State") in _WAS_IN_FORCE for page in pages for deployment in page["Items"])

    def _next(self, client: "AppConfigDataClient", before: _Session | None, deadline: Deadline) -> _Session:
        if before is not None:
            try:
                return _poll(client, before.token, before.document, deadline)
            except ClientError as error:
                # A token is valid for a day, and an environment may have been frozen for longer.
                if error.response.get("Error", {}).get("Code") != "BadRequestException":
                    raise
        try:
            started = reconnecting(
                lambda: client.start_configuration_session(
                    ApplicationIdentifier=self._place.application,
                    EnvironmentIdentifier=self._place.environment,
                    ConfigurationProfileIdentifier=self._place.profile,
                    RequiredMinimumPollIntervalInSeconds=POLL_SECONDS,
                )
            )
            return _poll(client, started["InitialConfigurationToken"], None, deadline)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") == "ResourceNotFoundException":
                raise PolicyNotDeployed(f"{self._place}: AppConfig has no configuration deployed there") from error
            raise


def _poll(client: "AppConfigDataClient", token: str, last: PolicyDocument | None, deadline: Deadline) -> _Session:
    """Poll once and return the session afterwards; an empty answer means that `last` is still deployed."""
    polled_at = deadline.clock.now(), deadline.clock.monotonic()
    # If the first of two attempts arrived, the second is refused, and a new session is started.
    answer = reconnecting(lambda: client.get_latest_configuration(ConfigurationToken=token))
    content = whole_body(answer["Configuration"], deadline=deadline)
    if not content and last is None:
        raise PolicyNotDeployed("AppConfig has no configuration deployed there, or an empty one")
    document = last
    if content or document is None:
        document = PolicyDocument(
            name=NAME_WITHOUT_FILE, content=content, read_file=None, version=answer.get("VersionLabel") or None
        )
    return _Session(
        token=answer["NextPollConfigurationToken"],
        # By default the interval that was requested.
        pause_seconds=answer.get("NextPollIntervalInSeconds", POLL_SECONDS),
        polled_at=polled_at,
        document=document,
    )


PACKAGED: Final = "packaged"
"""The version of the policy in the function's package."""


class UntilFirstDeployment:
    """The packaged policy until AppConfig has had its first one, so that a stack can move to AppConfig in use.

    Never afterwards: a packaged policy may be years old, and grant what was revoked since. So AppConfig itself is
    asked whether there ever was a deployment, and without its answer there is no policy.
    """

    def __init__(self, deployed: PolicyInAppConfig, packaged: PolicyFile) -> None:
        self._deployed = deployed
        self._packaged = packaged
        self._has_deployed = False

    def read(self, deadline: Deadline, /) -> PolicyDocument:
        """Return the deployed document, or the packaged one.

        Raises:
            PolicyUnreadable: neither can be read, or it is not known which of them is in force.
            PolicyNotDeployed: AppConfig has none any more.
        """
        try:
            document = self._deployed.read(deadline)
        except PolicyNotDeployed:
            if self._has_deployed or self._deployed.was_ever_deployed(deadline):
                raise
            return replace(self._packaged.read(), version=PACKAGED)
        self._has_deployed = True
        return document
