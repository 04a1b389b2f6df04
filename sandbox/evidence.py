"""The checks behind what the demo and `make load` print."""

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from sandbox import account
from sandbox.aws.calls import Seen
from sandbox.aws.conditions import moment
from sandbox.aws.policies import AuthorizationRequest, Decision, Policy
from sandbox.aws.policy_grammar import parse_policy

_PART: Final = 24
"""Length of the parts of a secret that are searched for in a log: its beginning, middle and end."""


_SESSION_NAME_DIGITS: Final = 12


class Unexpected(Exception):
    """A check failed. The message contains no secret."""


def expect(holds: bool, message: str) -> None:  # noqa: FBT001 - reads as an assertion
    """Raise `Unexpected` with `message` unless it holds."""
    if not holds:
        raise Unexpected(message)


def object_of(value: object, name: str) -> dict[str, object]:
    """Return `value` as a JSON object."""
    if not isinstance(value, dict):
        raise Unexpected(f"expected an object at {name}, found {type(value).__name__}")
    return {str(key): member for key, member in value.items()}


def text_of(container: dict[str, object], name: str) -> str:
    """Return the string member `name`."""
    value = container.get(name)
    if not isinstance(value, str):
        raise Unexpected(f"expected a string at {name}, found {type(value).__name__}")
    return value


def texts_of(container: dict[str, object], name: str) -> list[str]:
    """Return the member `name` as a list of strings."""
    value = container.get(name)
    if not isinstance(value, list):
        raise Unexpected(f"expected a list at {name}, found {type(value).__name__}")
    return [str(each) for each in value]


def only_login(answer: dict[str, object]) -> dict[str, object]:
    """Return the one entry of an answer's `registries`."""
    listed = answer.get("registries")
    if not isinstance(listed, list) or len(listed) != 1:
        raise Unexpected("expected exactly one registry in the answer")
    return object_of(listed[0], "registries[0]")


def request_id_of(answer: dict[str, object]) -> str:
    """Return the service's id of the request."""
    return text_of(answer, "request_id")


def assumed_roles(requests: Sequence[Seen], *, request_id: str) -> list[Seen]:
    """Return the `AssumeRole` calls of one exchange: their session names end in the first digits of its id.

    Time would not tell them apart: a call that the service gave up on can arrive during the next exchange.
    """
    suffix = request_id.replace("-", "")[:_SESSION_NAME_DIGITS]
    return [
        seen
        for seen in requests
        if seen.operation == "sts:AssumeRole" and str(seen.parameters.get("RoleSessionName")).endswith(suffix)
    ]


class Evidence:
    """The service's log in `log_path`, and checks of its answers."""

    def __init__(self, log_path: Path) -> None:
        self._log_path = log_path

    def unverified_claims(self, token: str) -> dict[str, object]:
        """Return the claims of a token that the sandbox has minted."""
        payload = token.split(".")[1]
        padded = payload + "=" * (-len(payload) % 4)
        return object_of(json.loads(base64.urlsafe_b64decode(padded)), "payload")

    def audit_record(self, request_id: str, *, decision: str) -> dict[str, object]:
        """Return the one audit record of a request.

        Raises:
            Unexpected: there is none, more than one, or one with another decision.
        """
        records = [record for record in self._records() if record.get("request_id") == request_id]
        expect(len(records) == 1, f"expected one audit record for request {request_id}, found {len(records)}")
        found = records[0].get("decision")
        expect(found == decision, f"expected the decision {decision} in the audit record, found {found}")
        return records[0]

    def check_not_logged(self, secret: str) -> None:
        """Check that the log contains no part of a secret.

        Raises:
            Unexpected: it does.
        """
        written = self._log_path.read_text(errors="replace")
        for start in (0, len(secret) // 2, len(secret) - _PART):
            part = secret[max(0, start) :][:_PART]
            expect(part not in written, "the service's log contains a token, a password or a key")

    def check_session_policy(
        self, text: str, *, pushes: tuple[str, ...], pulls: tuple[str, ...], not_this: str, until: str
    ) -> None:
        """Check that the policy names exactly these repositories, and evaluate it as IAM does.

        Raises:
            Unexpected: it allows more or less.
        """
        policy = parse_policy(text, kind="session")
        named = {value for statement in policy.statements for value in statement.resources.values} - {"*"}
        wanted = {_arn(repository) for repository in (*pushes, *pulls)}
        expect(named == wanted, f"expected the repositories {sorted(wanted)}, found {sorted(named)}")
        end = moment(until)
        expect(_may_push(policy, pushes[0], at_seconds=end - 1), f"expected a push to {pushes[0]} to be allowed")
        expect(not _may_push(policy, not_this, at_seconds=end - 1), f"expected a push to {not_this} to be refused")
        expect(not _may_push(policy, pushes[0], at_seconds=end), f"expected no push to be allowed from {until} on")
        for repository in pulls:
            expect(not _may_push(policy, repository, at_seconds=end - 1), f"expected pull access only to {repository}")

    def _records(self) -> list[dict[str, object]]:
        found: list[dict[str, object]] = []
        for line in self._log_path.read_text(errors="replace").splitlines():
            try:
                parsed: object = json.loads(line)
            except ValueError:
                continue  # a traceback, or other text
            if isinstance(parsed, dict) and parsed.get("record") == "audit":
                found.append(object_of(parsed, "record"))
        return found


def _arn(repository: str) -> str:
    return f"arn:aws:ecr:{account.REGION}:{account.APPS_ACCOUNT}:repository/{repository}"


def _may_push(policy: Policy, repository: str, *, at_seconds: float) -> bool:
    request = AuthorizationRequest(
        action="ecr:PutImage",
        resource=_arn(repository),
        context={"aws:currenttime": [str(int(at_seconds))]},
    )
    return policy.evaluate(request) is Decision.ALLOW
