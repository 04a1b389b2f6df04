"""Reads logins from Secrets Manager, where `username` and `password` are kept as JSON.

Source: Secrets Manager API Reference, GetSecretValue; CodeBuild User Guide, "Private registry with Secrets Manager".
"""

import json
from collections.abc import Mapping

from token_exchange.adapters.aws_clients import AwsClients
from token_exchange.adapters.aws_faults import answered, unusable
from token_exchange.adapters.deadline_calls import DeadlineCalls
from token_exchange.ports import Deadline, StoredLogin
from token_exchange.reasons import Reason
from token_exchange.refusals import Refused


class SecretLogins:
    """Reads a secret each time it is asked for: a password that was changed stops being handed out at once."""

    def __init__(self, *, clients: AwsClients, calls: DeadlineCalls) -> None:
        self._clients = clients
        self._calls = calls

    def read(self, secret_arn: str, *, deadline: Deadline) -> StoredLogin:
        """Return the login that the secret holds.

        Raises:
            Refused: `secret-refused` where there is none, it may not be read, or is none; else `misconfigured`,
                `aws-throttled`, `aws-unavailable` or `deadline-exceeded`.
        """
        client = self._clients.secrets(secret_arn.split(":")[3])
        subject = f"secret {secret_arn}"
        answer: Mapping[str, object] = self._calls.call(
            lambda: answered(
                lambda: client.get_secret_value(SecretId=secret_arn), refusal=Reason.SECRET_REFUSED, subject=subject
            ),
            deadline=deadline,
        )
        return _login(answer, subject)


def _login(answer: Mapping[str, object], subject: str) -> StoredLogin:
    if not ("SecretString" in answer or "SecretBinary" in answer):
        raise unusable(subject, "secret")
    text = answer.get("SecretString")
    try:
        found: object = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        found = None
    # Not a word of what it holds, and no cause either: an error of a parser quotes what it parses.
    match found:
        case {"username": str() as username, "password": str() as password} if _is_usable(username, password):
            metadata = answer.get("ResponseMetadata")
            request_id = metadata.get("RequestId") if isinstance(metadata, Mapping) else None
            return StoredLogin(
                username=username,
                password=password,
                request_id=request_id if isinstance(request_id, str) else None,
            )
        case _:
            raise Refused(
                Reason.SECRET_REFUSED,
                f"{subject}: expected JSON text with a username and a password, found something else",
            )


def _is_usable(username: str, password: str) -> bool:
    """Say whether the two can be sent as basic authentication (RFC 7617): no control character, no colon in a name."""
    return (
        bool(username and password)
        and ":" not in username
        and all(character.isprintable() for character in username + password)
    )
