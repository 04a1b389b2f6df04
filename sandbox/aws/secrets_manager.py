"""`secretsmanager:GetSecretValue`, with the ways in which a secret can fail to be there.

Source: the Secrets Manager API reference, GetSecretValue; Secrets Manager User Guide, "Authentication and access
control".
"""

import base64
import threading
from dataclasses import dataclass, field
from typing import Final

from sandbox.aws.calls import Call
from sandbox.aws.ecr import authorize
from sandbox.aws.errors import AwsError, json_answer
from sandbox.loopback import Answer

TARGET: Final = "secretsmanager"
_CURRENT: Final = "AWSCURRENT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """A secret's current value. `is_deleted` marks it for deletion, `is_locked` takes its key of KMS away.

    A secret has neither text nor bytes between its making and its first value.
    """

    arn: str
    value: str | bytes | None = field(repr=False)
    is_deleted: bool = False
    is_locked: bool = False

    @property
    def name(self) -> str:
        """The name, without the six characters that AWS adds to it."""
        return self.arn.split(":", 6)[6].rpartition("-")[0]


class Secrets:
    """The secrets of every account and region, by their ARNs."""

    def __init__(self) -> None:
        self._secrets: dict[str, Secret] = {}
        self._lock = threading.Lock()

    def put(self, secret: Secret) -> None:
        """Add a secret, or replace the one with the same ARN."""
        with self._lock:
            self._secrets[secret.arn] = secret

    def remove(self, arn: str) -> None:
        """Let there be no such secret any more."""
        with self._lock:
            self._secrets.pop(arn, None)

    def get_secret_value(self, call: Call) -> Answer:
        """Answer `GetSecretValue`, asked for by ARN.

        Raises:
            AwsError: as Secrets Manager would refuse it.
        """
        arn = call.parameters.get("SecretId")
        if not isinstance(arn, str) or not arn.startswith("arn:"):
            raise AwsError(code="InvalidParameterException", message="the sandbox supports only whole ARNs")
        # Without permission to read it, a caller does not learn whether it exists.
        authorize(
            call.caller.session,
            action="secretsmanager:GetSecretValue",
            resource=arn,
            now_seconds=call.now_seconds,
            context={"secretsmanager:versionstage": [str(call.parameters.get("VersionStage", _CURRENT))]},
        )
        secret = self._secrets.get(arn)
        # A region knows its own secrets and no others.
        if secret is None or arn.split(":")[3] != call.caller.region:
            raise _not_found("Secrets Manager can't find the specified secret.")
        if secret.is_deleted:
            raise AwsError(
                code="InvalidRequestException",
                message="You can't perform this operation on the secret because it was marked for deletion.",
            )
        if secret.is_locked:
            raise AwsError(code="DecryptionFailure", message="Secrets Manager can't decrypt the secret value.")
        return json_answer(_answered(secret), request_id=call.request_id)


def _answered(secret: Secret) -> dict[str, object]:
    said: dict[str, object] = {"ARN": secret.arn, "Name": secret.name, "VersionStages": [_CURRENT]}
    match secret.value:
        case str() as text:
            return {**said, "SecretString": text}
        case bytes() as data:
            return {**said, "SecretBinary": base64.b64encode(data).decode()}
        case None:
            raise _not_found(
                f"Secrets Manager can't find the specified secret value for staging label: {_CURRENT}",
            )


def _not_found(message: str) -> AwsError:
    return AwsError(code="ResourceNotFoundException", message=message)
