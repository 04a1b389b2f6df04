"""AWS errors, in the format of the client's protocol."""

import json
from http import HTTPStatus
from typing import Literal
from xml.sax.saxutils import escape

from sandbox.loopback import Answer

type Protocol = Literal["query", "json"]
"""STS answers in XML to form parameters, ECR in JSON 1.1."""

STS_NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"


class AwsError(Exception):
    """A refusal with AWS's code and message; `status` is the HTTP status of the code."""

    def __init__(self, *, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


def error_answer(error: AwsError, *, protocol: Protocol, request_id: str) -> Answer:
    """Return `error` as a client of `protocol` expects it on the wire."""
    if protocol == "json":
        return json_answer({"__type": error.code, "message": error.message}, request_id=request_id, status=error.status)
    kind = "Sender" if HTTPStatus(error.status).is_client_error else "Receiver"
    return xml_answer(
        f'<ErrorResponse xmlns="{STS_NAMESPACE}"><Error><Type>{kind}</Type><Code>{escape(error.code)}</Code>'
        f"<Message>{escape(error.message)}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>",
        request_id=request_id,
        status=error.status,
    )


def xml_answer(body: str, *, request_id: str, status: int = 200) -> Answer:
    """Return an answer of the query protocol."""
    headers = (("x-amzn-requestid", request_id), ("content-type", "text/xml"))
    return Answer(status=status, headers=headers, body=body.encode())


def json_answer(body: dict[str, object], *, request_id: str, status: int = 200) -> Answer:
    """Return an answer of the JSON 1.1 protocol."""
    headers = (("x-amzn-requestid", request_id), ("content-type", "application/x-amz-json-1.1"))
    return Answer(status=status, headers=headers, body=json.dumps(body).encode())
