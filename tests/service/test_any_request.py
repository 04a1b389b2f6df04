"""Every request is answered with a reason, and none with an internal error."""

import base64
import json
import re
from collections.abc import Callable
from typing import cast

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.service.front import FORM_TYPE, Answer, Front
from token_exchange.core.ports import Json
from token_exchange.core.refusals import Reason
from token_exchange.http.request import ACCESS_TOKEN, FORMATS

# The handler is one for all examples, as it is for all requests of an environment; what it logs is captured.
LAW = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=2 * settings().max_examples)

SCALAR = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters(), max_size=20)
ANYTHING: st.SearchStrategy[Json] = st.recursive(
    SCALAR,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
# Text of code points that no byte string decodes to as well: an event is JSON, where they can be written.
WILD = st.text(st.characters(), max_size=60)


def _or_anything(good: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    return good | good | good | ANYTHING


def _mapping(**fields: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    return cast("st.SearchStrategy[Json]", st.fixed_dictionaries({}, optional=fields))


PATH = st.sampled_from(["/v1/token", "/v1/health", "/v1/audience", "/live/v1/token", "/"]) | WILD
METHOD = st.sampled_from(["POST", "GET"]) | WILD
PAIRS = st.dictionaries(
    st.sampled_from(
        ["Authorization", "authorization", "content-type", "registry", "scope", "format", "grant_type", "issuer"]
    )
    | WILD,
    st.sampled_from(["Bearer x.y.z", "Bearer e30.e30.e30", FORM_TYPE, "application/json"]) | WILD,
    max_size=4,
)
MULTI = st.dictionaries(st.text(max_size=5), st.lists(WILD, max_size=2), max_size=3)
EVENT = _mapping(
    version=_or_anything(st.sampled_from(["1.0", "2.0"])),
    rawPath=_or_anything(PATH),
    path=_or_anything(PATH),
    httpMethod=_or_anything(METHOD),
    rawQueryString=_or_anything(WILD | st.sampled_from(["registry=%", "a=%ff", "registry=apps&registry=base"])),
    queryStringParameters=_or_anything(cast("st.SearchStrategy[Json]", PAIRS)),
    multiValueQueryStringParameters=_or_anything(cast("st.SearchStrategy[Json]", MULTI)),
    headers=_or_anything(cast("st.SearchStrategy[Json]", PAIRS)),
    multiValueHeaders=_or_anything(cast("st.SearchStrategy[Json]", MULTI)),
    pathParameters=_or_anything(cast("st.SearchStrategy[Json]", PAIRS)),
    resource=_or_anything(st.sampled_from(["/{proxy+}", "/v1/{name}"]) | WILD),
    routeKey=_or_anything(st.sampled_from(["$default", "POST /v1/{proxy+}"]) | WILD),
    body=_or_anything(WILD),
    isBase64Encoded=_or_anything(st.booleans()),
    requestContext=_or_anything(
        _mapping(
            http=_or_anything(
                _mapping(
                    method=_or_anything(METHOD),
                    path=_or_anything(PATH),
                    sourceIp=_or_anything(WILD),
                    userAgent=_or_anything(WILD),
                )
            ),
            stage=_or_anything(st.sampled_from(["live", "$default"]) | WILD),
            requestId=_or_anything(WILD),
            identity=_or_anything(_mapping(sourceIp=ANYTHING, userAgent=ANYTHING)),
        )
    ),
)


def _is_an_answer(answer: Answer) -> None:
    assert 200 <= answer.status < 600
    assert answer.status != 500
    assert answer.body.isascii()
    fields = answer.fields
    if answer.status >= 400:
        assert fields["reason"] in set(Reason)
        assert fields["request_id"] == answer.headers["x-request-id"]
    else:
        assert "policy" in fields or "audience" in fields
    json.dumps(answer.headers).encode("ascii")


@LAW
@given(event=ANYTHING | EVENT)
def test_any_event_is_answered(started: Front, event: Json) -> None:
    _is_an_answer(started.invoke(event))


def _post(**more: object) -> dict[str, object]:
    return {
        "version": "2.0",
        "rawPath": "/v1/token",
        "requestContext": {"http": {"method": "POST", "path": "/v1/token"}},
        **more,
    }


FORMS: list[Callable[[bytes], dict[str, object]]] = [
    lambda octets: _post(
        body=base64.b64encode(octets).decode(), isBase64Encoded=True, headers={"content-type": FORM_TYPE}
    ),
    lambda octets: _post(
        body=base64.b64encode(octets).decode(), isBase64Encoded=True, headers={"content-type": "application/json"}
    ),
    lambda octets: _post(body=octets.decode("latin-1"), headers={"content-type": "application/json"}),
    lambda octets: _post(rawQueryString=octets.decode("latin-1")),
    lambda octets: _post(headers={"authorization": octets.decode("latin-1")}),
    lambda octets: _post(headers={"authorization": f"Bearer {octets.decode('latin-1')}"}),
    lambda octets: _post(headers={"content-type": octets.decode("latin-1")}, body="x"),
]
PIECES = st.lists(
    st.sampled_from(
        [b"{", b"}", b"[", b'"', b":", b",", b"\\ud800", b"registry", b"scope", b"grant_type", b"=", b"&", b"%"]
    )
    | st.binary(max_size=6),
    max_size=12,
).map(b"".join)


@LAW
@given(octets=st.binary(max_size=200) | PIECES, form=st.sampled_from(FORMS))
def test_any_octets_anywhere_are_answered(
    started: Front, octets: bytes, form: Callable[[bytes], dict[str, object]]
) -> None:
    answer = started.invoke(form(octets))
    _is_an_answer(answer)
    assert 400 <= answer.status < 500


@LAW
@given(
    name=st.sampled_from(["registry", "resource", "audience", "scope", "grant", "format", "requested_token_type"]),
    value=WILD.filter(bool),
)
def test_any_parameter_of_a_good_token_is_answered(started: Front, good_token: str, name: str, value: str) -> None:
    # Hypothesis tries words that it finds in the source, and some of them are names that are granted.
    assume(value not in {*FORMATS, ACCESS_TOKEN, *re.findall(r"[\w.-]+", started.backends.policy_path.read_text())})
    event = _post(headers={"authorization": f"Bearer {good_token}"}, queryStringParameters={name: value})
    answer = started.invoke(event)
    _is_an_answer(answer)
    assert answer.status in (400, 403)
