"""A refusal as a line of text, and its link: nothing in it acts in a shell or on a terminal."""

import json
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_exchange.core.ports import Json
from token_exchange.http.answers import for_readers, json_answer, refusal_answer
from token_exchange.http.event import HttpAnswer, HttpRequest


def refusal(description: str) -> HttpAnswer:
    fields: dict[str, Json] = {
        "error": "access_denied",
        "error_description": description,
        "reason": "denied",
        "hint": "ask",
        "documentation": "errors.md#denied",
        "request_id": "r-1",
    }
    return refusal_answer(403, fields, request_id="r-1", headers={"Retry-After": "5"})


def request(*query: tuple[str, str]) -> HttpRequest:
    return HttpRequest(
        method="POST",
        path="/v1/token",
        query=query,
        authorization=(),
        content_type=None,
        body=None,
        api_request_id=None,
        source_ip=None,
        user_agent=None,
    )


def test_text_is_one_line_with_a_link() -> None:
    answer = for_readers(refusal("a deny rule"), request(("errors", "text")), documentation_url="https://d.example/x")
    assert answer.body == 'denied: "a deny rule"; ask; see https://d.example/x/errors.md#denied (request r-1)\n'
    assert answer.status == 403
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["Retry-After"] == "5"
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "asked",
    [
        None,
        request(),
        request(("errors", "json")),
        request(("errors", "TEXT")),
        request(("error", "text")),
    ],
)
def test_everything_else_is_json_with_the_link_in_its_place(asked: HttpRequest | None) -> None:
    answer = for_readers(refusal("a deny rule"), asked, documentation_url="https://d.example/x")
    fields = json.loads(answer.body)
    assert fields["documentation"] == "https://d.example/x/errors.md#denied"
    assert list(fields) == ["error", "error_description", "reason", "hint", "documentation", "request_id"]
    assert answer.headers["Content-Type"] == "application/json"


def test_a_login_is_not_touched() -> None:
    login = json_answer(200, {"password": "p"}, request_id="r-1")
    assert for_readers(login, request(("errors", "text")), documentation_url="https://d.example") is login


@given(description=st.text())
def test_no_text_ends_the_line_or_runs_in_a_shell(description: str) -> None:
    line = for_readers(refusal(description), request(("errors", "text")), documentation_url="docs").body
    assert line.isascii()
    assert line.removesuffix("\n").isprintable()
    assert not set(line) & set("$`")
    assert line.startswith("denied: ")


@pytest.mark.parametrize(
    "branch",
    # What a git branch may be called, and what only other claims can hold: white space, quotes and line breaks.
    [
        "x;echo${IFS}RAN;#",
        "x;id>&2;#",
        "x|id>&2",
        "x&&id>&2||",
        "x; id >&2 #",
        "'; id >&2; '",
        '"; id >&2 #',
        "\\",
        "\nid\n",
    ],
)
def test_a_line_that_is_evaluated_runs_nothing_of_a_caller(branch: str) -> None:
    line = for_readers(refusal(f"the token has {branch}"), request(("errors", "text")), documentation_url="docs").body
    # Without the number of the request, whose parenthesis most shells refuse before they run anything.
    command = line.partition(" (request ")[0].replace("; ask", "; true").replace("; see ", "; true ")
    # A bare environment: whatever runs writes to one of the streams.
    ran = subprocess.run(["/bin/sh", "-c", 'eval "$1"', "sh", command], capture_output=True, text=True, check=False)
    assert ran.stdout == ""
    assert ran.stderr.splitlines() == [ran.stderr.rstrip("\n")]
    assert "denied:" in ran.stderr
    assert "uid=" not in ran.stderr
