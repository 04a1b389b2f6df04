"""CloudTrail's events of the month, in the form in which AWS writes them to S3.

Source: AWS CloudTrail User Guide, "CloudTrail record contents"; Amazon ECR User Guide, "Amazon ECR log file entry
examples"; IAM User Guide, "Example IAM and AWS STS API events in CloudTrail log".
"""

import random
from datetime import UTC, datetime
from typing import Final

from sandbox.month.company import APPS_ACCOUNT, BROKER_ACCOUNT, BROKER_ROLE, REGION
from sandbox.month.lines import Session
from token_exchange.core.ports import Json

BROKER_ROLE_ID: Final = "AROAMONTHBROKER00001"
_BROKER_SESSION: Final = "token-exchange-Exchange"


class EventMaker:
    """Makes events, with ids drawn from `chance`."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    def assumed(self, session: Session, *, caller_ip: str = "AWS Internal") -> dict[str, Json]:
        """Return the event of an `AssumeRole` by the broker."""
        role_name, caller = BROKER_ROLE.rpartition("/")[2], BROKER_ROLE.replace(":iam:", ":sts:")
        return self._event(
            session.made_at,
            "sts.amazonaws.com",
            "AssumeRole",
            requestID=session.sts_request_id,
            sourceIPAddress=caller_ip,
            recipientAccountId=BROKER_ACCOUNT,
            userIdentity={
                "type": "AssumedRole",
                "principalId": f"{BROKER_ROLE_ID}:{_BROKER_SESSION}",
                "arn": f"{caller.replace(':role/', ':assumed-role/')}/{_BROKER_SESSION}",
                "accountId": BROKER_ACCOUNT,
                "accessKeyId": "ASIAMONTHBROKERKEY01",
                "sessionContext": {
                    "sessionIssuer": {
                        "type": "Role",
                        "principalId": BROKER_ROLE_ID,
                        "arn": BROKER_ROLE,
                        "accountId": BROKER_ACCOUNT,
                        "userName": role_name,
                    }
                },
            },
            requestParameters={
                "roleArn": session.role_arn,
                "roleSessionName": session.session_name,
                "sourceIdentity": session.source_identity,
                "durationSeconds": 1800,
            },
            responseElements={
                "credentials": {
                    "accessKeyId": session.key_id,
                    "sessionToken": "not part of the sandbox",
                    "expiration": "Nov 1, 2026, 1:00:00 AM",
                },
                "assumedRoleUser": {
                    "assumedRoleId": f"{session.role_id}:{session.session_name}",
                    "arn": _session_arn(session),
                },
                "sourceIdentity": session.source_identity,
            },
        )

    def put_image(self, session: Session, repository: str, tag: str, digest: str, *, after: float) -> dict[str, Json]:
        """Return the event of a pushed image, so many seconds after the session was made."""
        return self._by_session(
            session,
            "PutImage",
            after,
            requestParameters={
                "registryId": APPS_ACCOUNT,
                "repositoryName": repository,
                "imageTag": tag,
                "imageManifest": '{"schemaVersion": 2}',
            },
            responseElements={
                "image": {
                    "registryId": APPS_ACCOUNT,
                    "repositoryName": repository,
                    "imageId": {"imageDigest": digest, "imageTag": tag},
                    "imageManifest": '{"schemaVersion": 2}',
                }
            },
        )

    def batch_get_image(self, session: Session, repository: str, tag: str, *, after: float) -> dict[str, Json]:
        """Return the event of a pulled image."""
        return self._by_session(
            session,
            "BatchGetImage",
            after,
            requestParameters={
                "registryId": APPS_ACCOUNT,
                "repositoryName": repository,
                "imageIds": [{"imageTag": tag}],
                "acceptedMediaTypes": ["application/vnd.oci.image.manifest.v1+json"],
            },
            responseElements=None,
        )

    def _by_session(self, session: Session, name: str, after: float, **fields: Json) -> dict[str, Json]:
        return self._event(
            session.made_at + after,
            "ecr.amazonaws.com",
            name,
            recipientAccountId=APPS_ACCOUNT,
            sourceIPAddress="AWS Internal",
            userIdentity={
                "type": "AssumedRole",
                "principalId": f"{session.role_id}:{session.session_name}",
                "arn": _session_arn(session),
                "accountId": APPS_ACCOUNT,
                "accessKeyId": session.key_id,
                "sessionContext": {
                    "sessionIssuer": {"type": "Role", "principalId": session.role_id, "arn": session.role_arn},
                    "sourceIdentity": session.source_identity,
                },
            },
            **fields,
        )

    def _event(self, at: float, source: str, name: str, **fields: Json) -> dict[str, Json]:
        return {
            "eventVersion": "1.11",
            "eventTime": datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "eventSource": source,
            "eventName": name,
            "awsRegion": REGION,
            "userAgent": "AWS Internal",
            "eventID": f"{self._chance.getrandbits(128):032x}",
            "readOnly": name.startswith("BatchGet"),
            "eventType": "AwsApiCall",
            "managementEvent": True,
            "eventCategory": "Management",
            **fields,
        }


def _session_arn(session: Session) -> str:
    arn = session.role_arn.replace(":iam:", ":sts:").replace(":role/", ":assumed-role/")
    return f"{arn}/{session.session_name}"
