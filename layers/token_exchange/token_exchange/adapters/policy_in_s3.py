"""Reads the policy from an object in S3, and no byte of it while it is unchanged.

Source: Amazon S3 API Reference, GetObject; RFC 9110, section 13.1.2 (If-None-Match).
"""

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from token_exchange.adapters.aws_clients import AwsClients
from token_exchange.adapters.aws_faults import answered
from token_exchange.adapters.deadline_calls import DeadlineCalls
from token_exchange.adapters.kept_connections import reconnecting
from token_exchange.adapters.policy_body import whole_body
from token_exchange.adapters.policy_place import S3Place
from token_exchange.policy_store import PolicyDocument, PolicyUnreadable
from token_exchange.ports import Deadline
from token_exchange.reasons import Reason
from token_exchange.refusals import Refused

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import GetObjectOutputTypeDef


class PolicyInS3:
    """A policy that is an object; of a versioned one the latest version counts."""

    def __init__(self, place: S3Place, *, clients: AwsClients, calls: DeadlineCalls) -> None:
        self._place = place
        self._clients = clients
        self._calls = calls
        self._last: tuple[str, PolicyDocument] | None = None

    def read(self, deadline: Deadline, /) -> PolicyDocument:
        """Return the document as it is now, asked for only when it is not the one of the last look.

        Raises:
            PolicyUnreadable: S3 did not give it by `deadline`.
        """
        last = self._last
        etag = None if last is None else last[0]
        try:
            client = self._clients.s3()
            fresh = self._calls.call(
                lambda: answered(
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
            raise PolicyUnreadable(f"{self._place}: S3 answered that nothing changed since a look that never was")
        return last[1]

    def _fetched(self, client: "S3Client", etag: str | None, deadline: Deadline) -> tuple[str, PolicyDocument] | None:
        """Return the object with its entity tag, or None where that is still `etag`."""
        try:
            answer = self._asked(client, etag)
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

    def _asked(self, client: "S3Client", etag: str | None) -> "GetObjectOutputTypeDef":
        bucket, key = self._place.bucket, self._place.key
        if etag is None:
            return reconnecting(lambda: client.get_object(Bucket=bucket, Key=key))
        return reconnecting(lambda: client.get_object(Bucket=bucket, Key=key, IfNoneMatch=etag))
