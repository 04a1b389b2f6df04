"""Whole requests, as gateways hand them over, with tokens that are genuine and everything else that is not."""

import json
from collections.abc import Mapping
from typing import Final, Self
from urllib.parse import quote

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from fuzz.pieces import COUNTER, JSON_PIECES, as_json, built, grown, texts
from fuzz.running_service import RunningService, check_nothing_leaked
from fuzz.target import Broken, Json, list_in, mapping_in

_AUDITED: Final = ("/v1/token", "/v1/explain")
_PATHS: Final = (
    *_AUDITED,
    "/v1/token",
    "/v1/health",
    "/v1/audience",
    "/.well-known/oauth-authorization-server",
    "/",
    "",
)
_METHODS: Final = ("POST", "POST", "POST", "POST", "GET", "HEAD", "post", "")
_HEADERS: Final = (None, None, None, "{%}", '{\n "x":1,%}', '{"typ":"JWT" ,%}', "{\t%}", '{"a":[{}],%}')
_WHERE: Final = ("bearer", "bearer", "bearer", "form", "json", "query", "both", "none")
_FORM: Final = (
    "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange"
    "&subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Ajwt&subject_token="
)
_NAMES: Final = ("registry", "scope", "grant", "format", "resource", "audience", "foo", "token", "requested_token_type")
_VALUES: Final = (
    *("wide-0", "wide-1", "hub", "public", "nowhere", "own", "one", "once", "json", "shell", "dotenv", "docker-config"),
    *("password", "credential-helper", "repository:ci/acme/shop:pull", "repository:ci/acme/shop:push,pull", "@token"),
    *("https://index.docker.io", "", "\x00", "%", "\ud800", "é", "$(id)", "`id`", "a\r\nb", "@jwt"),
)
_CLAIMS: Final = (
    "environment",
    "repository",
    "ref",
    "event_name",
    "actor",
    "jti",
    "sub",
    "workflow",
    "sha",
    "iss",
    "job_workflow_ref",
)
_SOUND: Final[Mapping[str, Json]] = {
    "path": "/v1/token",
    "method": "POST",
    "query": None,
    "body": None,
    "type": None,
    "shape": "2.0",
}
_CLAIM_VALUES: Final[tuple[Json, ...]] = (
    *(
        "wide",
        "wide",
        "wide",
        "once",
        "public",
        "hub",
        "acme/shop",
        f"acme/{'x' * 36}",
        f"acme/{'y' * 90}",
        "refs/heads/main",
    ),
    *(
        "push",
        "pull_request_target",
        "@jwt",
        "@jwt",
        "",
        "\u2028",
        "\x1b[31m",
        "é" * 3000,
        "$(id)",
        None,
        7,
        True,
        [],
        {},
    ),
)
_PIECES: Final = (
    *JSON_PIECES,
    *"&=%+;",
    "%ff",
    "%00",
    "registry=",
    "scope=",
    f"a{COUNTER}=1&",
    "eyJ",
    "Bearer ",
    '"registry":',
)

_PLAIN: Final[Mapping[str, Json]] = {"header": None, "where": "bearer", "pairs": [], "agent": "curl/8", "broken": {}}


class EventTarget:
    """Every event is answered with a reason, leaves its audit line, and reveals no secret."""

    name = "event"

    def __init__(self) -> None:
        self._running = RunningService()

    def __enter__(self) -> Self:
        """Start the service in its backends."""
        self._running.__enter__()
        # The first login of each registry makes its client, which costs more than anything later.
        event, _ = _event({**_SOUND, **_PLAIN}, {"@token": self._running.token({"environment": "wide"})})
        self._running.answered(event)
        return self

    def __exit__(self, *_: object) -> None:
        """Stop everything."""
        self._running.__exit__()

    @property
    def inputs(self) -> SearchStrategy[Json]:
        """Draw what a request is made of; `broken` are members of the event that are replaced at the end."""
        claims = st.dictionaries(st.sampled_from(_CLAIMS), st.sampled_from(_CLAIM_VALUES), max_size=3)
        pairs = st.lists(st.tuples(st.sampled_from(_NAMES), st.sampled_from(_VALUES)).map(list[Json]), max_size=3)
        body = (
            st.none()
            | texts(_PIECES, most_characters=70_000)
            | st.one_of(
                grown("{", f'"{COUNTER}":1,', '"z":1,"z":1}', most_times=8_000),
                grown("", f"a{COUNTER}=1&", "", most_times=6_000),
            )
        )
        query = st.none() | texts(_PIECES, most_characters=8_000) | grown("a=", "eyJ", "", most_times=2_000)
        strange: SearchStrategy[Json] = st.sampled_from([None, 1, True, [], {}, "", "x", [1], {"a": 1}, {"a": [None]}])
        places = st.sampled_from(
            ["headers", "body", "rawPath", "requestContext", "requestContext.http", "rawQueryString"]
        )
        # Half of the requests are sound but for who asks and for what: many faults lie behind a grant.
        sound = st.fixed_dictionaries(
            {
                **{name: st.just(value) for name, value in _SOUND.items()},
                "claims": claims,
                "header": st.sampled_from(_HEADERS),
                "where": st.sampled_from(_WHERE),
                "pairs": pairs.map(lambda drawn: drawn[:1]),
                "agent": st.sampled_from(["curl/8", "@jwt"]),
                "broken": st.just(dict[str, Json]()),
            }
        )
        wild = st.fixed_dictionaries(
            {
                "path": st.sampled_from(_PATHS) | st.text(max_size=6),
                "method": st.sampled_from(_METHODS),
                "claims": claims,
                "header": st.sampled_from(_HEADERS),
                "where": st.sampled_from(_WHERE),
                "pairs": pairs,
                "query": query,
                "body": body,
                "type": st.sampled_from(
                    [None, "application/json", "application/x-www-form-urlencoded", "text/plain", "é;"]
                ),
                "agent": st.sampled_from(["curl/8", "", "@jwt", "\x1b]0;x\x07", "é" * 600]),
                "shape": st.sampled_from(["2.0", "2.0", "1.0"]),
                "broken": st.dictionaries(places, strange, max_size=1),
            }
        )
        return st.one_of(sound, wild).map(as_json)

    def size_bytes(self, given: Json) -> int:
        """Return about the event's length; the service's own cost is in the bound's base."""
        if not isinstance(given, dict):
            return 0
        return 4000 + sum(len(built(given[part] or [])) for part in ("query", "body"))

    def check(self, given: Json) -> None:
        """Send the event."""
        if not isinstance(given, dict):
            raise TypeError("not an input of this target")
        # A second genuine token: it must not be revealed, wherever in the request it is.
        other = self._running.token({"jti": "another"})
        claims = {name: other if value == "@jwt" else value for name, value in mapping_in(given["claims"]).items()}
        if "iss" in claims:
            claims["iss"] = str(claims["iss"])  # PyJWT signs no other
        header = given["header"]
        token = self._running.token(claims, header=header if isinstance(header, str) else None)
        event, query = _event(given, {"@token": token, "@jwt": other})
        seen = self._running.send(event)
        check_nothing_leaked(seen, [token, other])
        is_exchange = given["path"] in _AUDITED
        if is_exchange and seen.status == 200 and (token in query or other in query):  # noqa: PLR2004 - HTTP's own
            raise Broken("token-in-query", "a request with a token in its query is granted")
        is_due = is_exchange and not given["broken"] and given["method"]
        if is_due and len(seen.audit) != 1:
            raise Broken("audit-lines", f"{len(seen.audit)} audit lines for a request to {given['path']}")


def _event(given: Mapping[str, Json], tokens: Mapping[str, str]) -> tuple[dict[str, Json], str]:
    """Return the event, and its query."""
    token, where = tokens["@token"], given["where"]
    pairs = [
        f"{one[0]}={quote(tokens.get(str(one[1]), str(one[1])), safe='@', errors='replace')}"
        for one in list_in(given["pairs"])
        if isinstance(one, list)
    ]
    query = "&".join([*pairs, *([built(given["query"])] if given["query"] is not None else [])])
    if where == "query":
        query = f"foo={token}&{query}"
    headers: dict[str, Json] = {"user-agent": tokens.get(str(given["agent"]), given["agent"])}
    if given["type"] is not None:
        headers["content-type"] = given["type"]
    # The token in the query stands beside the same one where it belongs, or it would be refused for having none.
    if where in ("bearer", "both", "query"):
        headers["authorization"] = f"Bearer {token}"
    body: Json = built(given["body"]) if given["body"] is not None else None
    if where in ("form", "both"):
        headers["content-type"], body = "application/x-www-form-urlencoded", f"{_FORM}{token}&{body or ''}"
    elif where == "json":
        headers["content-type"], body = "application/json", json.dumps({"subject_token": token, "grant_type": "x"})
    return _bent(_shaped(given, headers, query, body), mapping_in(given["broken"])), query


def _shaped(given: Mapping[str, Json], headers: dict[str, Json], query: str, body: Json) -> dict[str, Json]:
    path, method, agent = given["path"], given["method"], headers["user-agent"]
    if given["shape"] == "1.0":
        parameters: dict[str, Json] = {
            part.partition("=")[0]: [part.partition("=")[2]] for part in query.split("&") if part
        }
        identity: Json = {"sourceIp": "203.0.113.7", "userAgent": agent}
        return {
            "path": path,
            "httpMethod": method,
            "multiValueHeaders": {name: [value] for name, value in headers.items()},
            "multiValueQueryStringParameters": parameters,
            "requestContext": {"requestId": "gateway-1", "identity": identity, "stage": "live"},
            "body": body,
            "isBase64Encoded": False,
        }
    http: Json = {"method": method, "path": path, "sourceIp": "203.0.113.7", "userAgent": agent}
    return {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers,
        "requestContext": {"http": http, "requestId": "gateway-1", "stage": "$default"},
        "body": body,
        "isBase64Encoded": False,
    }


def _bent(event: dict[str, Json], changes: Mapping[str, Json]) -> dict[str, Json]:
    for place, value in changes.items():
        *path, last = place.split(".")
        inner = event
        for name in path:
            inner = mapping_in(inner.get(name))
        inner[last] = value
    return event
