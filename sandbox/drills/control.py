"""What the runbooks ask of Lambda, CloudFormation and IAM, on loopback: as strict as AWS where a mistake would cost.

Source: CloudFormation API Reference, CreateChangeSet (a parameter that is not given gets its default) and
ExecuteChangeSet (a set that is not complete is refused); Lambda API Reference, Invoke; IAM API Reference,
PutRolePolicy.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from sandbox.aws.errors import AwsError, error_answer, xml_answer
from sandbox.loopback import HOST, Answer, Request, Server

STACK: Final = "ecr-token-exchange"
REFRESHER: Final = f"{STACK}-RefreshKeysFunction"
PARAMETERS: Final = ("AlarmTopicArn", "AssumableRoleArns", "PolicySource")
"""Some of the stack's; what matters is that a change set keeps them."""

_INVOCATION: Final = f"/2015-03-31/functions/{REFRESHER}/invocations"
_ID: Final = "sandbox"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actions:
    """What the operations do here."""

    refresh_keys: Callable[[], Answer]
    revert_drift: Callable[[], None]
    put_role_policy: Callable[[str, str], None]


class Control:
    """The three services; `variables` lead the AWS CLI to them."""

    def __init__(self, actions: Actions) -> None:
        self._actions = actions
        self._made: dict[str, bool] = {}
        """Whether someone has waited for a change set, by its name."""
        self._server = Server(self._answer)

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables of a client."""
        url = f"http://{HOST}:{self._server.port}"
        return {f"AWS_ENDPOINT_URL_{service}": url for service in ("LAMBDA", "CLOUDFORMATION", "IAM")}

    def close(self) -> None:
        """Stop serving."""
        self._server.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _answer(self, request: Request) -> Answer:
        try:
            if request.url.path == _INVOCATION:
                return self._actions.refresh_keys()
            asked = dict(parse_qsl(request.body.decode()))
            return _xml(asked.get("Action", ""), self._done(asked))
        except AwsError as error:
            return error_answer(error, protocol="query", request_id=_ID)

    def _done(self, asked: Mapping[str, str]) -> str:
        match asked:
            case {"Action": "DescribeStacks", "StackName": name} if name == STACK:
                keys = "".join(f"<member><ParameterKey>{key}</ParameterKey></member>" for key in PARAMETERS)
                return (
                    f"<Stacks><member><StackName>{STACK}</StackName><Parameters>{keys}</Parameters></member></Stacks>"
                )
            case {"Action": "CreateChangeSet", "StackName": name, "ChangeSetName": change_set} if name == STACK:
                _check(asked)
                self._made[change_set] = False
                return f"<Id>{escape(change_set)}</Id>"
            case {"Action": "DescribeChangeSet", "ChangeSetName": change_set} if change_set in self._made:
                self._made[change_set] = True
                return "<Status>CREATE_COMPLETE</Status>"
            case {"Action": "ExecuteChangeSet", "ChangeSetName": change_set} if change_set in self._made:
                # It is complete some time after it was asked for: who does not wait is too early.
                if not self._made.pop(change_set):
                    raise AwsError(code="InvalidChangeSetStatus", message="the change set is not complete yet")
                self._actions.revert_drift()
                return ""
            case {"Action": "PutRolePolicy", "RoleName": role, "PolicyDocument": document}:
                self._actions.put_role_policy(role, document)
                return ""
            case _:
                raise AwsError(code="ValidationError", message=f"not supported here: {json.dumps(dict(asked))}")


def _check(asked: Mapping[str, str]) -> None:
    """Refuse a change set that does not make what was deleted, and only that.

    Raises:
        AwsError: it would change nothing, or more than what was deleted.
    """
    if asked.get("UsePreviousTemplate") != "true" or asked.get("DeploymentMode") != "REVERT_DRIFT":
        raise AwsError(code="ValidationError", message="No updates are to be performed.")
    kept = {
        asked[f"Parameters.member.{number}.ParameterKey"]
        for number in range(1, len(PARAMETERS) + 1)
        if asked.get(f"Parameters.member.{number}.UsePreviousValue") == "true"
    }
    if kept != set(PARAMETERS):
        raise AwsError(code="ValidationError", message=f"would get defaults: {sorted(set(PARAMETERS) - kept)}")


def _xml(action: str, result: str) -> Answer:
    return xml_answer(f"<{action}Response><{action}Result>{result}</{action}Result></{action}Response>", request_id=_ID)
