"""The policy in S3.

Source: Amazon S3 API Reference, GetObject; RFC 9110 section 13.1.2 (If-None-Match).
"""

from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError
from botocore.response import StreamingBody

from token_exchange.adapters.aws import AwsClients
from token_exchange.adapters.aws_calls import DeadlineCalls, call_aws, reconnecting
from token_exchange.adapters.settings import S3Place
from token_exchange.core.ports import Deadline
from token_exchange.core.refusals import Reason, Refused
from token_exchange.loading.store import PolicyDocument, PolicyUnreadable

if TYPE_CHECKING:
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
    """A policy that is an object in S3, of which nothing is downloaded while it is unchanged."""

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
