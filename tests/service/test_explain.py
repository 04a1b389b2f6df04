"""`POST /v1/explain`: only the decision, for those who may know it, and no call to AWS."""

import re
from collections.abc import Callable
from typing import override

import pytest

from sandbox.issuer import IssuerFault
from tests.service.front import EXCHANGE_FORM, Answer, Front, Log
from tests.service.policy import REPORT_AUDIENCE
from tests.service.test_disclosure import SECRETS_OF_THE_POLICY, UNVERIFIED
from tests.service.test_refusals import CASES
from token_exchange.core.ports import Json

type ReadLog = Callable[[], Log]

ALIKE = (400, 401, 405, 413, 415)


class ExplainFront(Front):
    """Sends to `/v1/explain` what was meant for `/v1/token`."""

    @override
    def invoke(self, event: object, *, remaining_seconds: float = 30.0, request_id: str | None = None) -> Answer:
        assert isinstance(event, dict)
        changed = {
            name: value.replace("/v1/token", "/v1/explain") if name in ("path", "rawPath") else value
            for name, value in event.items()
        }
        return super().invoke(changed, remaining_seconds=remaining_seconds, request_id=request_id)


@pytest.fixture
def explain(front: Front) -> ExplainFront:
    return ExplainFront(front.backends, front.handler)


def test_a_bad_request_is_refused_as_by_an_exchange(
    subtests: pytest.Subtests, front: Front, explain: ExplainFront, log: ReadLog
) -> None:
    for number, case in enumerate(CASES):
        if case.status in ALIKE:
            with subtests.test(number=number, reason=case.reason):
                _are_alike(case.send(front), case.send(explain), log().audit)
                assert front.calls() == []


def _are_alike(token: Answer, explained: Answer, lines: list[dict[str, Json]]) -> None:
    if explained.status == 200:
        # Only what a format causes: there is none here.
        assert token.reason in ("unknown-format", "malformed-request", "repeated-parameter", "ambiguous-registry")
        assert "format" in token.body
        return
    assert explained.status == token.status
    for varying in ("request_id", "identity"):
        assert (varying in explained.fields) == (varying in token.fields)
    assert {**explained.fields, "request_id": "", "identity": ""} == {
        **token.fields,
        "request_id": "",
        "identity": "",
    }
    varying_headers = {"x-request-id", "content-length"}
    assert {name: value for name, value in explained.headers.items() if name not in varying_headers} == {
        name: value for name, value in token.headers.items() if name not in varying_headers
    }
    if lines:
        line = lines[-1]
        assert (line["decision"], line["reason"], line["status"]) == ("explained", explained.reason, explained.status)


def test_a_grant_is_explained_without_a_login(explain: ExplainFront) -> None:
    answer = explain.send(explain.token(), "registry=apps")
    assert answer.status == 200
    assert answer.headers["cache-control"] == "no-store"
    identity = answer.fields.pop("identity")
    assert isinstance(identity, dict)
    assert identity.items() >= {("issuer", "github"), ("repository", "acme/shop"), ("branch", "main")}
    assert {name: value for name, value in answer.fields.items() if name != "identity"} == {
        "decision": "granted",
        "reason": "granted",
        "registries": [
            {
                "name": "apps",
                "registry": "111122223333.dkr.ecr.eu-west-1.amazonaws.com",
                "grant": "own-images",
                "access": "push",
                "repositories": ["ci/acme/shop", "ci/acme/shop/*"],
                "also_pull": ["base/*"],
                "duration": "30m",
            }
        ],
        # The winner, and the caller's own that did not win; of another team's only the number.
        "considered": [
            {"grant": "own-images", "failed": []},
            {"grant": "release", "failed": [{"claim": "environment", "expected": ["release"]}]},
        ],
        "considered_not_shown": 1,
        "would": [],
        "request_id": answer.headers["x-request-id"],
    }
    assert explain.calls() == []


def test_it_explains_what_an_exchange_would_do(front: Front, explain: ExplainFront) -> None:
    for scenario, query in (
        ("push-main", ""),
        ("push-main", "registry=base&registry=apps"),
        ("push-main", "registry=apps&scope=repository:ci/acme/shop:pull"),
        ("push-feature", "registry=apps"),
        ("pull-request-target", ""),
        ("leaked-runner", "registry=apps"),
        ("other-organization", ""),
    ):
        token = front.token(scenario)
        exchanged, explained = front.send(token, query), explain.send(token, query)
        assert explained.status == 200
        assert explained.fields["decision"] == ("granted" if exchanged.status == 200 else "denied")
        if exchanged.status == 200:
            of_both = ("name", "registry", "grant", "access", "repositories", "also_pull")
            assert [{name: login[name] for name in of_both} for login in exchanged.texts("registries")] == [
                {name: login[name] for name in of_both} for login in explained.texts("registries")
            ]
            continue
        assert explained.fields["registries"] == []
        for told in ("reason", "identity", "considered", "considered_not_shown"):
            assert explained.fields.get(told) == exchanged.fields.get(told)


@pytest.mark.parametrize("form", ["format=nonsense", "format=password&format=json"])
def test_a_format_means_nothing(explain: ExplainFront, form: str) -> None:
    assert explain.send(explain.token(), form).status == 200


def test_a_format_in_a_body_means_nothing(explain: ExplainFront) -> None:
    assert explain.send(explain.token(), json_body={"format": 1}).status == 200
    expired = explain.token(now=1_000_000_000.0)
    fields: dict[str, Json] = {**EXCHANGE_FORM, "subject_token": expired, "format": 1}
    answer = explain.send(json_body=fields)
    # Its 401 is a 400 with a grant_type, whatever else is in the body.
    assert (answer.status, answer.reason) == (400, "expired")


def test_a_token_in_the_body_is_taken(explain: ExplainFront) -> None:
    answer = explain.send(form={**EXCHANGE_FORM, "subject_token": explain.token(), "registry": "apps"})
    assert answer.fields["decision"] == "granted"


def test_report_mode_is_disclosed_where_it_would_have_granted(explain: ExplainFront) -> None:
    answer = explain.send(explain.token(environment="trial"), "registry=trial")
    assert (answer.fields["decision"], answer.fields["reason"]) == ("denied", "no-matching-grant")
    assert answer.fields["would"] == [
        {
            "decision": "granted",
            "grant": "on-trial",
            "registry": "trial",
            "access": "pull",
            "repositories": ["base/*"],
        }
    ]
    of_the_issuer = explain.send(explain.token(audience=REPORT_AUDIENCE))
    assert [would["grant"] for would in of_the_issuer.texts("would")] == ["own-images"]


def test_an_unverified_caller_learns_nothing_of_the_policy(explain: ExplainFront) -> None:
    for name, mint in UNVERIFIED.items():
        answer = explain.send(mint(explain))
        assert not {"identity", "considered", "considered_not_shown"} & answer.fields.keys(), name
        for secret in (*SECRETS_OF_THE_POLICY, "own-images"):
            assert secret not in answer.body, name


@pytest.mark.parametrize("scenario", ["pull-request-target", "leaked-runner"])
def test_untrusted_and_denied_runs_learn_of_no_grant(explain: ExplainFront, scenario: str) -> None:
    answer = explain.send(explain.token(scenario))
    assert answer.fields.keys() == {"decision", "reason", "identity", "registries", "would", "request_id"}
    assert answer.fields["would"] == []
    for text in (*SECRETS_OF_THE_POLICY[:-1], "own-images"):
        assert text not in answer.body


def test_without_own_grants_considered_is_empty(explain: ExplainFront) -> None:
    answer = explain.send(explain.token("push-feature"), "grant=other-teams-secret")
    assert (answer.status, answer.fields["decision"]) == (200, "denied")
    assert (answer.fields["considered"], answer.fields["considered_not_shown"]) == ([], 1)


def test_one_line_says_that_it_was_explained(explain: ExplainFront, log: ReadLog) -> None:
    granted = explain.send(explain.token(), "registry=apps")
    denied = explain.send(explain.token("push-feature"), "registry=apps")
    first, second = log().audit
    assert (first["decision"], first["reason"], first["status"]) == ("explained", "granted", 200)
    assert first["request_id"] == granted.fields["request_id"]
    assert (second["decision"], second["reason"], second["status"]) == ("explained", "no-matching-grant", 200)
    assert second["request_id"] == denied.fields["request_id"]
    for line in (first, second):
        assert line["verified"] is True
        assert re.fullmatch("[0-9a-f]{64}", str(line["token_sha256"]))
        assert "considered" in line
        assert not {"grants", "error"} & line.keys()


def test_unavailable_keys_get_the_same_answer(changed: Callable[[dict[str, str]], Front], log: ReadLog) -> None:
    fresh = changed({})
    explain = ExplainFront(fresh.backends, fresh.handler)
    token = explain.token()
    fresh.backends.issuer.faults.plan(("github-actions", "keys"), IssuerFault(kind="server-error"), times=1)
    answer = explain.send(token)
    assert (answer.status, answer.reason) == (503, "issuer-unavailable")
    assert "retry-after" in answer.headers
    (line,) = log().audit
    assert (line["decision"], line["status"]) == ("explained", 503)
