"""What AWS answers: every service that the exchange function asks, each answer bent in its turn."""

import json
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Final, Self

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from fuzz.bent_aws import BentAws
from fuzz.pieces import as_json, texts
from fuzz.running_service import RunningService, check_nothing_leaked, policy_document
from fuzz.target import Broken, Json
from token_exchange.adapters.aws import AwsClients
from token_exchange.adapters.aws_calls import DeadlineCalls
from token_exchange.adapters.policy_file import policy_source
from token_exchange.adapters.settings import SystemClock, parse_policy_place
from token_exchange.core.ports import Deadline
from token_exchange.loading.store import PolicyUnreadable

_ENVIRONMENTS: Final = {
    "sts": "none",
    "ecr": "none",
    "ecr-public": "public",
    "secretsmanager": "hub",
    "dynamodb": "once",
    "dynamodb-read": "none",
}
"""Which run of GitHub's makes the service ask: the policy's grants go by it."""

_PLACES: Final = {
    "s3": "s3://a-bucket/policy.yaml",
    "appconfig": "appconfig:a/b/c",
    "appconfig-start": "appconfig:a/b/c",
}
_HEADERS: Final = (
    *("x-amzn-requestid", "content-type", "etag", "next-poll-configuration-token", "next-poll-interval-in-seconds"),
    *("x-amz-version-id", "retry-after", "content-encoding", "x-amz-crc32"),
)
_PIECES: Final = (
    *(
        "",
        "0",
        "-1",
        "1e400",
        "NaN",
        "null",
        "true",
        "{}",
        "[]",
        "\\ud800",
        "\\u0000",
        "é",
        "$(id)",
        "a\\nb",
        "QVdTOg==",
    ),
    *(
        "QVdTOnB3",
        "<",
        ">",
        "&",
        "&#0;",
        "2027-01-01T00:00:00Z",
        "9999-99-99T99:99:99Z",
        "99999999999999",
        "A",
        "ASIA",
        ":",
    ),
)
_SECONDS: Final = 10.0


class Answers:
    """An answer that is wrong is a failure of AWS's, never of the caller's and never unforeseen."""

    name = "answers"

    def __init__(self) -> None:
        self._wire = BentAws(json.dumps(policy_document(8443)).encode())
        self._running = RunningService(
            variables=lambda backends: {
                name: self._wire.in_front_of(backends.aws.url).url
                for name in (*backends.environment(), "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_APPCONFIGDATA")
                if name.startswith("AWS_ENDPOINT_URL")
            }
        )
        self._clients = AwsClients(region="eu-west-1")
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        """Start the service in its backends."""
        self._stack.enter_context(self._wire)
        self._stack.enter_context(self._running)
        return self

    def __exit__(self, *_: object) -> None:
        """Stop everything."""
        self._stack.close()

    @property
    def inputs(self) -> SearchStrategy[Json]:
        """Draw which service's answer is bent, and how."""
        text = texts(_PIECES, most_characters=200_000, most_pieces=3)
        edits = st.lists(st.tuples(st.integers(0, 60), text).map(list[Json]), max_size=3)
        return st.fixed_dictionaries(
            {
                "service": st.sampled_from([*_ENVIRONMENTS, *_PLACES]),
                "status": st.sampled_from([None, None, None, 200, 204, 304, 400, 403, 413, 429, 500, 503]),
                "headers": st.dictionaries(st.sampled_from(_HEADERS), texts(_PIECES, most_characters=4000), max_size=1),
                "edits": edits.map(list[Json]),
                "drop": st.integers(0, 30).map(lambda number: number == 0),
            }
        ).map(as_json)

    def size_bytes(self, given: Json) -> int:
        """Return about the length of the answer, which may come three times over."""
        return 3 * len(json.dumps(given)) + 300_000

    def check(self, given: Json) -> None:
        """Have the answer given, and see what the service makes of it."""
        if not isinstance(given, dict):
            raise TypeError("not an input of this target")
        service = str(given["service"])
        self._wire.operation, self._wire.plan = service, given
        try:
            if service in _PLACES:
                _read_policy(_PLACES[service], self._clients)
            else:
                self._exchange(service)
        finally:
            self._wire.operation = None

    def _exchange(self, service: str) -> None:
        token = self._running.token({"environment": _ENVIRONMENTS[service]})
        registry = {"ecr-public": "public", "secretsmanager": "hub", "dynamodb": "wide-1"}.get(service, "wide-0")
        http: Json = {"method": "POST", "path": "/v1/token", "sourceIp": "203.0.113.7", "userAgent": "curl/8"}
        event: Json = {
            "version": "2.0",
            "rawPath": "/v1/token",
            "rawQueryString": f"registry={registry}",
            "headers": {"authorization": f"Bearer {token}"},
            "requestContext": {"http": http, "requestId": "gateway-1", "stage": "$default"},
        }
        # Keys are read from the table only at a cold start.
        fresh = self._running.started() if service == "dynamodb-read" else None
        seen = self._running.send(event, service=fresh)
        check_nothing_leaked(seen, [token])
        if 400 <= seen.status < 500:  # noqa: PLR2004 - HTTP's own
            raise Broken("blames-the-caller", f"{seen.status} {seen.reason} for an answer of {service}")
        if len(seen.audit) != 1:
            raise Broken("audit-lines", f"{len(seen.audit)} audit lines for one request")


def _read_policy(place: str, clients: AwsClients) -> None:
    """Read the policy at `place` as the service does: it is there, or it cannot be read."""
    source = policy_source(parse_policy_place(place), folder=Path(), clients=clients, calls=DeadlineCalls())
    clock = SystemClock()
    try:
        document = source.read(Deadline(clock=clock, at_monotonic_seconds=time.monotonic() + _SECONDS))
    except PolicyUnreadable:
        return
    if not document.content:
        raise Broken("empty-policy", f"nothing was read, under the name {document.name!r}")
