"""Every refusal: its reason, what it says and carries, and that nothing happened in AWS."""

import base64
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

import pytest

from sandbox.gateway_events import Event
from sandbox.issuer import Document, FaultKind, IssuerFault
from sandbox.loopback import Request
from tests.service.front import EXCHANGE_FORM, FORM_TYPE, ID_TOKEN, TOKEN_EXCHANGE, Answer, Front, Log, event_of
from token_exchange.core.refusals import Reason
from token_exchange.reporting.reasons import MEANINGS

JSON_TYPE = ("Content-Type", "application/json")
type Send = Callable[[Front], Answer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    reason: str
    send: Send
    status: int
    error: str


def _bearer(value: str, query: str = "") -> Send:
    return lambda front: front.send(None, query, headers=[("Authorization", value)])


def _with(query: str) -> Send:
    return lambda front: front.send(front.token(), query)


def _body(body: bytes, content_type: str = FORM_TYPE) -> Send:
    return lambda front: front.send(front.token(), body=body, headers=[("Content-Type", content_type)])


def _form(**form: str) -> Send:
    return lambda front: front.send(form={**EXCHANGE_FORM, "subject_token": front.token(), **form})


def _tampered(front: Front) -> str:
    header, payload, signature = front.token().split(".")
    return f"{header}.{payload}.{signature[:-4]}AAAA"


def _event(token: str) -> Event:
    headers = (("Authorization", f"Bearer {token}"), ("Content-Type", FORM_TYPE))
    return event_of(Request(method="POST", target="/v1/token", headers=headers))


def _by(method: str) -> Send:
    return lambda front: front.send(method=method)


def _with_algorithm(token: str, algorithm: str) -> str:
    header = base64.urlsafe_b64encode(json.dumps({"alg": algorithm}).encode()).rstrip(b"=").decode()
    return f"{header}.{token.partition('.')[2]}"


def _cases() -> list[Case]:
    def rows(status: int, error: str, **sends: list[Send]) -> list[Case]:
        return [
            Case(reason=reason.replace("_", "-"), send=send, status=status, error=error)
            for reason, all_sends in sends.items()
            for send in all_sends
        ]

    return [
        *rows(
            400,
            "invalid_request",
            malformed_request=[
                # A token in a query is in every access log.
                lambda front: front.send(None, {"subject_token": front.token()}),
                lambda front: front.send(None, {"token": front.token()}),
                lambda front: front.send(None, {"anything": front.token()}),
                lambda front: front.send(None, {"header": f"Bearer {front.token()}"}),
                lambda front: front.send(None, front.token()),
                _with("subject_whatever=1"),
                _with("subject_token="),
                _with("registry=%ff"),
                _with("&".join(f"a{number}=1" for number in range(101))),
                _body("&".join(f"a{number}=1" for number in range(101)).encode()),
                _body(b'{"a":[' + b"1," * 1000 + b"1]}", "application/json"),
                _body(b"registry=%"),
                _with("registry=100%"),
                _with("registry=apps&audience=base"),
                _with("registry=apps&resource=https://base"),
                _with("&".join(f"registry=r{number}" for number in range(11))),
                _with("actor_token=x"),
                lambda front: front.invoke({**_event(front.token()), "body": "YQ", "isBase64Encoded": True}),
                lambda front: front.invoke({**_event(front.token()), "body": 7}),
                _body(b"registry=%ff"),
                _body(b"registry=\xff"),
                _body(b"{", "application/json"),
                _body(b"[]", "application/json"),
                _body(b'{"format": 1}', "application/json"),
                _body(b'{"format": ["json"]}', "application/json"),
                _body(b'{"registry": []}', "application/json"),
                _body(b'{"registry": [1]}', "application/json"),
                _body(b'{"registry": {"name": "apps"}}', "application/json"),
                _body(b'{"other": "\\ud800"}', "application/json"),
                _body(b'{"other": NaN}', "application/json"),
                _body(b'{"other": 1, "other": 2}', "application/json"),
                _body(b'{"a":' * 40 + b"1" + b"}" * 40, "application/json"),
            ],
            two_tokens=[
                lambda front: front.send(front.token(), form={**EXCHANGE_FORM, "subject_token": front.token()}),
                lambda front: front.send(front.token(), headers=[("Authorization", "Bearer x")]),
                lambda front: front.send(front.token(), headers=[("authorization", "Basic x")]),
                lambda front: front.send(front.token(), headers=[("Authorization", "Bearer x")], shape="rest-api"),
                _bearer("Bearer a, Bearer b"),
                _bearer("Bearer a,b"),
                _bearer("Basic a,Bearer b"),
                _bearer("Digest a=b, Bearer c=d"),
            ],
            repeated_parameter=[
                _with("format=json&format=json"),
                _with("grant=a&grant=a"),
                lambda front: front.send(front.token(), "format=json", form={"format": "json"}),
                lambda front: front.send(front.token(), "registry=apps", form={"registry": "base"}),
                _body(b'{"format": "json", "format": "json"}', "application/json"),
                _body(b"grant_type=a&grant_type=a"),
            ],
            unsupported_token_type=[
                _form(subject_token_type=""),
                _form(subject_token_type="urn:ietf:params:oauth:token-type:saml2"),
                _form(requested_token_type="urn:ietf:params:oauth:token-type:refresh_token"),
                _with(f"requested_token_type={ID_TOKEN}"),
            ],
            unknown_format=[_with("format=xml"), _with("format=JSON"), _with("format=password%20")],
        ),
        *rows(
            400,
            "unsupported_grant_type",
            unsupported_grant_type=[
                _form(grant_type=""),
                _form(grant_type="client_credentials"),
                _with("grant_type=authorization_code"),
            ],
        ),
        *rows(
            400,
            "invalid_target",
            unknown_registry=[
                _with("registry=nope"),
                _with("registry=apps&registry=nope"),
                _with("registry=APPS"),
                _with("registry=https://111122223333.dkr.ecr.eu-west-1.amazonaws.com"),
                _with("resource=nonsense"),
                # A registry's name and its host, neither of which is a URI.
                _with("resource=apps"),
                _with("resource=apps.acme.example"),
                _with("resource=http://apps.acme.example"),
                _with("resource=https://apps.acme.example/a/path"),
                _with("resource=https://user@apps.acme.example"),
                _with("audience=nope"),
                _with("registry=apps/../base"),
            ],
            unknown_grant=[_with("grant=nope"), _with("grant=OWN-IMAGES")],
            ambiguous_registry=[
                _with("format=password"),
                _with("scope=repository:base/go:pull"),
                _with("registry=apps&registry=base&scope=repository:base/go:pull"),
            ],
        ),
        *rows(
            400,
            "invalid_scope",
            malformed_scope=[
                _with(f"registry=apps&scope={quote(scope)}")
                for scope in (
                    "ci/acme/shop",
                    "repository:ci/acme/shop",
                    "repository:ci/acme/shop:",
                    "repository:ci/acme/shop:pull,pull",
                    "repository:ci/acme/shop:delete",
                    "repository:ci/acme/shop:*",
                    "repository:ci/acme/*:pull",
                    "repository:CI/acme:pull",
                    "repository::pull",
                    "registry:ci/acme/shop:pull",
                    "repository:a/b:pull  repository:c/d:pull",
                    " repository:ci/acme/shop:pull",
                    "repository:ci/acme/shop:pull\n",
                    " ".join(f"repository:ci/acme/shop/{number}:pull" for number in range(21)),
                )
            ],
            scope_exceeds_grant=[
                _with(f"registry=apps&scope={quote(scope)}")
                for scope in (
                    "repository:ci/acme/other:pull",
                    "repository:ci/acme/shop:pull repository:ci/acme/other:pull",
                    "repository:base/go:push",
                    "repository:ci/acme/shopkeeper:push",
                )
            ],
        ),
        *rows(
            401,
            "invalid_token",
            missing_token=[
                lambda front: front.send(),
                _bearer("Bearer"),
                _bearer("Bearer "),
                _bearer("Basic YWRhOnNlY3JldA=="),
                lambda front: front.send(headers=[("X-Authorization", f"Bearer {front.token()}")]),
            ],
            malformed_token=[_bearer("Bearer x"), _bearer("Bearer a.b.c"), _bearer("bearer é.é.é")],
            token_too_large=[_bearer(f"Bearer {'a' * 16385}")],
            unsupported_algorithm=[
                lambda front: front.send(_with_algorithm(front.token(), "none")),
                lambda front: front.send(_with_algorithm(front.token(), "HS256")),
            ],
            unknown_issuer=[lambda front: front.send(front.token(iss="https://elsewhere.example"))],
            wrong_audience=[
                lambda front: front.send(front.token(audience="https://elsewhere.example")),
                lambda front: front.send(
                    front.token(audience=["https://exchange.acme.example", "https://elsewhere.example"])
                ),
            ],
            unknown_key=[lambda front: front.send(front.token(header={"kid": "nobodys"}))],
            bad_signature=[lambda front: front.send(_tampered(front))],
            missing_claim=[
                lambda front: front.send(front.token(without=["exp"])),
                lambda front: front.send(front.token(without=["repository_id"])),
            ],
            invalid_claim=[lambda front: front.send(front.token(exp="soon"))],
            expired=[lambda front: front.send(front.token(now=time.time() - 7200))],
            not_yet_valid=[lambda front: front.send(front.token(now=time.time() + 7200))],
            lifetime_too_long=[lambda front: front.send(front.token(lifetime_seconds=86400))],
        ),
        *rows(
            403,
            "access_denied",
            organization_not_allowed=[lambda front: front.send(front.token("other-organization"))],
            denied=[lambda front: front.send(front.token("leaked-runner"))],
            untrusted_trigger=[
                lambda front: front.send(front.token("pull-request-target")),
                lambda front: front.send(front.token("pull-request"), "registry=base"),
            ],
            no_matching_grant=[
                lambda front: front.send(front.token("push-feature"), "registry=apps"),
                # One of those named is not granted: nothing is.
                lambda front: front.send(front.token("push-feature"), "registry=base&registry=apps"),
                lambda front: front.send(front.token("push-feature"), "grant=own-images"),
                lambda front: front.send(front.token(), "grant=own-images&registry=base"),
                lambda front: front.send(front.token(environment="expired"), "registry=trial"),
                lambda front: front.send(front.token(environment="trial"), "registry=trial"),
                lambda front: front.send(front.token(audience="https://report.acme.example")),
            ],
        ),
        *rows(
            404,
            "invalid_request",
            not_found=[
                lambda front: front.send(path="/"),
                lambda front: front.send(path="/v1/token/"),
                lambda front: front.send(path="/v1/tokens"),
                lambda front: front.send(path="/V1/token"),
                lambda front: front.send(path="/elsewhere/v1/token"),
                lambda front: front.send(path="//v1/token"),
                lambda front: front.send(path="/v1/explain/"),
                lambda front: front.send(method="GET", path="/v1/audience", query="issuer=https://elsewhere.example"),
            ],
        ),
        *rows(
            405,
            "invalid_request",
            method_not_allowed=[
                *map(_by, ("GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "post", "")),
                lambda front: front.send(path="/v1/health"),
                lambda front: front.send(path="/v1/audience", query="issuer=x"),
            ],
        ),
        *rows(413, "invalid_request", body_too_large=[_body(b"a=" + b"x" * 65535)]),
        *rows(
            415,
            "invalid_request",
            unsupported_media_type=[
                _body(b"x", "text/plain"),
                _body(b"x", ""),
                _body(b"{}", "application/json; charset=utf-16"),
                _body(b"x", "multipart/form-data; boundary=x"),
            ],
        ),
    ]


CASES = _cases()


@pytest.mark.parametrize("case", CASES, ids=[f"{number}-{case.reason}" for number, case in enumerate(CASES)])
def test_a_refusal_says_why_and_does_nothing(front: Front, case: Case) -> None:
    answer = case.send(front)
    assert (answer.reason, answer.status, answer.fields["error"]) == (case.reason, case.status, case.error)
    assert front.calls() == []
    fields = answer.fields
    assert fields["documentation"] == f"docs/errors.md#{case.reason}"
    for name in ("error_description", "hint", "request_id"):
        assert fields[name]
    assert fields["request_id"] == answer.headers["x-request-id"]
    assert answer.headers.items() >= {
        ("cache-control", "no-store"),
        ("pragma", "no-cache"),
        ("x-content-type-options", "nosniff"),
        ("content-type", "application/json"),
    }
    _is_one_harmless_line(answer)
    _carries_the_headers_of_its_status(answer)


def _is_one_harmless_line(answer: Answer) -> None:
    assert answer.body.isascii()
    assert not set(answer.body) & set("$`\n\r\x7f")


def _carries_the_headers_of_its_status(answer: Answer) -> None:
    challenge = answer.headers.get("www-authenticate")
    if answer.status != 401:
        assert challenge is None
    elif answer.reason == "missing-token":
        assert challenge == "Bearer"
    else:
        words = str(answer.reason).replace("-", " ")
        assert challenge == f'Bearer error="invalid_token", error_description="{words}"'
    assert ("allow" in answer.headers) == (answer.status == 405)
    assert ("retry-after" in answer.headers) == (answer.status in (429, 503))


def test_the_table_is_whole() -> None:
    # Those of AWS, of the keys and of the policy have tests of their own; these two are not raised yet.
    elsewhere = {reason.value for reason, meaning in MEANINGS.items() if meaning.status >= 500}
    later = {Reason.REPLAYED, Reason.TOO_MANY_REQUESTS}
    assert {case.reason for case in CASES} | elsewhere | {reason.value for reason in later} == set(Reason)


@pytest.mark.parametrize("path", ["/v1/token", "/v1/health"])
def test_the_answer_to_a_bad_method_names_the_allowed_one(front: Front, path: str) -> None:
    answer = front.send(method="PUT", path=path)
    assert answer.headers["allow"] == ("POST" if path == "/v1/token" else "GET")


@pytest.mark.parametrize("place", ["query", "form", "json"])
def test_with_a_grant_type_a_bad_token_is_a_bad_request(front: Front, place: str) -> None:
    # RFC 8693 section 2.2.2; some HTTP clients throw the body of a 401 away.
    token = front.token(audience="https://elsewhere.example")
    match place:
        case "query":
            answer = front.send(token, {"grant_type": TOKEN_EXCHANGE})
        case "form":
            answer = front.send(form={**EXCHANGE_FORM, "subject_token": token})
        case _:
            answer = front.send(json_body={**EXCHANGE_FORM, "subject_token": token})
    assert (answer.status, answer.fields["error"], answer.reason) == (400, "invalid_request", "wrong-audience")
    assert "www-authenticate" not in answer.headers


def test_with_a_grant_type_a_missing_token_is_a_bad_request_too(front: Front) -> None:
    answer = front.send(form=EXCHANGE_FORM)
    assert (answer.status, answer.reason) == (400, "missing-token")


@pytest.mark.parametrize("format_", ["json", "docker-config", "password"])
def test_a_refusal_is_json_in_every_format(front: Front, format_: str) -> None:
    answer = front.send(front.token("push-feature"), {"format": format_, "registry": "apps"})
    assert answer.headers["content-type"] == "application/json"
    assert answer.reason == "no-matching-grant"


def test_a_branch_name_cannot_run_in_a_step_that_evals_a_refusal(front: Front) -> None:
    branch = "refs/heads/$(touch x)`touch y`\u202e\x7f\n\u2028"
    answer = front.send(front.token("push-feature", ref=branch), "registry=apps")
    assert answer.reason == "no-matching-grant"
    _is_one_harmless_line(answer)
    assert "\\u0024(touch x)\\u0060touch y\\u0060" in answer.body
    identity = answer.fields["identity"]
    assert isinstance(identity, dict)
    assert identity["ref"] == branch


def test_without_its_own_url_the_service_has_no_metadata(changed: Callable[[dict[str, str]], Front]) -> None:
    # Never from a header: that would let anybody say where tokens are sent to.
    front = changed({"TOKEN_EXCHANGE_URL": ""})
    forged = [("Host", "attacker.example"), ("X-Forwarded-Host", "attacker.example")]
    answer = front.send(method="GET", path="/.well-known/oauth-authorization-server", headers=forged)
    assert (answer.status, answer.reason) == (404, "not-found")
    assert "attacker" not in answer.body


def test_the_callers_own_request_id_is_ignored(front: Front) -> None:
    answer = front.send(headers=[("X-Request-Id", "mine"), ("X-Amzn-RequestId", "mine")], request_id="lambdas")
    assert answer.headers["x-request-id"] == answer.fields["request_id"] == "lambdas"
    assert "mine" not in answer.body


# The order of the interface, "One reason": each row has two faults, and is answered with the first of them.
ORDER: list[tuple[str, Send]] = [
    ("not-found", lambda front: front.send(method="GET", path="/v1/nothing")),
    ("method-not-allowed", lambda front: front.send(method="GET", body=b"x" * 70000)),
    ("malformed-request", lambda front: front.send(None, "subject_token=x", body=b"x" * 70000)),
    ("body-too-large", lambda front: front.send(None, "format=xml", body=b"x" * 70000)),
    ("unsupported-media-type", lambda front: front.send(None, "format=xml", body=b"x")),
    ("repeated-parameter", lambda front: front.send(None, "format=xml&format=xml")),
    ("unknown-format", lambda front: front.send(None, "format=xml")),
    ("malformed-scope", lambda front: front.send("garbage", "scope=x")),
    # Also before the policy is asked: a URI that names no host is at fault whatever the registries are.
    ("unknown-registry", lambda front: front.send("garbage", "resource=apps")),
    ("malformed-request", lambda front: front.send(front.token("other-organization"), "registry=apps&audience=apps")),
    ("two-tokens", lambda front: front.send("garbage", headers=[("Authorization", "Bearer garbage")])),
    ("malformed-token", lambda front: front.send("garbage", "registry=nope")),
    ("unsupported-algorithm", lambda front: front.send(_with_algorithm(front.token(audience="x"), "none"))),
    ("unknown-issuer", lambda front: front.send(front.token(iss="https://x.example", audience="x"))),
    ("wrong-audience", lambda front: front.send(front.token(audience="x", header={"kid": "nobodys"}))),
    ("unknown-key", lambda front: front.send(front.token(header={"kid": "nobodys"}, now=time.time() - 7200))),
    ("bad-signature", lambda front: front.send(_expired_and_tampered(front))),
    ("expired", lambda front: front.send(front.token("other-organization", now=time.time() - 7200))),
    ("expired", lambda front: front.send(front.token(without=["repository_id"], now=time.time() - 7200))),
    ("missing-claim", lambda front: front.send(front.token("other-organization", without=["repository_id"]))),
    ("organization-not-allowed", lambda front: front.send(front.token("other-organization", repository_id="70010666"))),
    ("organization-not-allowed", lambda front: front.send(front.token("other-organization"), "registry=nope")),
    ("denied", lambda front: front.send(front.token("leaked-runner"), "registry=nope&grant=nope")),
    ("denied", lambda front: front.send(front.token("leaked-runner", event_name="pull_request_target"))),
    ("unknown-registry", lambda front: front.send(front.token("pull-request-target"), "registry=nope&grant=nope")),
    ("unknown-grant", lambda front: front.send(front.token("push-feature"), "grant=nope&registry=apps")),
]


@pytest.mark.parametrize("resource", ["apps", "http://docker.io", "https://", "https://docker.io/x", "urn:apps"])
def test_a_resource_is_the_url_of_a_host(front: Front, resource: str) -> None:
    refused = front.send(front.token(), f"resource={resource}")
    assert (refused.status, refused.reason) == (400, "unknown-registry")
    assert refused.fields["error_description"] == f"resource: expected the https URL of a host, found '{resource}'"


def _expired_and_tampered(front: Front) -> str:
    header, payload, signature = front.token(now=time.time() - 7200).split(".")
    return f"{header}.{payload}.{signature[:-4]}AAAA"


@pytest.mark.parametrize(("reason", "send"), ORDER, ids=[f"{place}-{row[0]}" for place, row in enumerate(ORDER)])
def test_of_two_faults_the_first_is_answered(front: Front, reason: str, send: Send) -> None:
    assert send(front).reason == reason
    assert front.calls() == []


FAULTS: list[tuple[FaultKind, Document]] = [
    ("server-error", "keys"),
    ("error-page", "keys"),
    ("empty-keys", "keys"),
    ("wrong-issuer", "discovery"),
    ("redirect", "discovery"),
    ("drop", "keys"),
]


@pytest.mark.parametrize(("kind", "document"), FAULTS)
def test_unavailable_keys_are_not_the_tokens_fault(fresh: Front, kind: FaultKind, document: Document) -> None:
    fresh.backends.issuer.faults.plan(("github-actions", document), IssuerFault(kind=kind))
    answer = fresh.send(fresh.token())
    assert (answer.status, answer.reason) == (503, "issuer-unavailable")
    assert int(answer.headers["retry-after"]) >= 1
    assert fresh.calls() == []


def test_an_unknown_issuers_audience_hints_at_its_url(front: Front) -> None:
    answer = front.send(method="GET", path="/v1/audience", query={"issuer": "https://elsewhere.example"})
    assert (answer.status, answer.reason) == (404, "not-found")
    assert answer.fields["hint"] == "docs/api.md lists the paths; an issuer is named by its exact URL"


@pytest.mark.parametrize("has_keys", [True, False])
def test_an_unknown_key_while_the_issuer_fails_is_unverified(
    fresh: Front, log: Callable[[], Log], *, has_keys: bool
) -> None:
    if has_keys:
        assert fresh.send(fresh.token()).status == 200
        log()
    fresh.backends.issuer.faults.plan(("github-actions", "keys"), IssuerFault(kind="server-error"))
    for _ in range(3):
        answer = fresh.send(fresh.token(header={"kid": "invented"}))
        # Never 401: which keys there are is not known.
        assert (answer.status, answer.reason) == (503, "issuer-unavailable")
    counted = [line for line in log().metrics if "Exchanges" in line]
    assert [(line["decision"], line["fault"]) for line in counted] == [("failed", "unverified")] * 3
    if has_keys:
        assert fresh.send(fresh.token()).status == 200


def test_public_paths_return_their_documents(front: Front) -> None:
    health = front.send(method="GET", path="/v1/health")
    assert health.fields["status"] == "ok"
    policy = health.fields["policy"]
    assert isinstance(policy, dict)
    assert list(policy) == ["sha256", "loaded_at", "refused"]
    assert (len(str(policy["sha256"])), policy["refused"]) == (12, False)
    issuer = front.backends.issuer.issuer_url("github-actions")
    audience = front.send(method="GET", path="/v1/audience", query={"issuer": issuer})
    assert json.loads(audience.body) == {"audience": ["https://exchange.acme.example", "https://report.acme.example"]}
    metadata = front.send(method="GET", path="/.well-known/oauth-authorization-server")
    assert json.loads(metadata.body) == {
        "issuer": "https://login.acme.example/ecr",
        "token_endpoint": "https://login.acme.example/ecr/v1/token",
        "grant_types_supported": [TOKEN_EXCHANGE],
        "token_endpoint_auth_methods_supported": ["none"],
        "response_types_supported": [],
    }
    for answer in (health, audience, metadata):
        assert answer.status == 200
        assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("query", "reason"),
    [("", "malformed-request"), ("issuer=", "malformed-request"), ("issuer=a&issuer=b", "repeated-parameter")],
)
def test_an_audience_request_names_one_issuer(front: Front, query: str, reason: str) -> None:
    assert front.send(method="GET", path="/v1/audience", query=query).reason == reason
