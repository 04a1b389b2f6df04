import json
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_exchange.core.refusals import Reason, Refused
from token_exchange.http.answers import failure_fields, failure_headers, json_answer, safe_json, status_of
from token_exchange.reporting.reasons import MEANINGS

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(st.dictionaries(TEXT, TEXT | st.lists(TEXT)))
def test_json_is_one_harmless_line_with_the_same_content(fields: dict[str, str | list[str]]) -> None:
    line = safe_json({name: value if isinstance(value, str) else [*value] for name, value in fields.items()})
    assert line.isascii()
    assert line.isprintable()
    assert not set(line) & set("$`")
    assert json.loads(line) == fields


@pytest.mark.parametrize("name", ["$(echo ran >&2)", "`echo ran >&2`", "${HOME}", "$HOME"])
def test_a_shell_that_puts_an_answer_between_quotes_runs_nothing(name: str) -> None:
    line = safe_json({"ref": name})
    quoted = line.replace('"', '\\"')
    done = subprocess.run(["sh", "-c", f'printf %s "{quoted}"'], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert "ran" not in done.stderr
    assert json.loads(done.stdout) == {"ref": name}


def test_a_grant_type_changes_only_the_answer_to_a_bad_token(subtests: pytest.Subtests) -> None:
    for has_grant_type in [True, False]:
        for reason in Reason:
            with subtests.test(reason=reason, has_grant_type=has_grant_type):
                meaning = MEANINGS[reason]
                status = status_of(reason, has_grant_type=has_grant_type)
                fields = failure_fields(reason, "why", request_id="r", has_grant_type=has_grant_type)
                if meaning.status == 401 and has_grant_type:
                    assert (status, fields["error"]) == (400, "invalid_request")
                else:
                    assert (status, fields["error"]) == (meaning.status, meaning.error)
                assert fields["reason"] == reason.value
                assert fields["hint"] == meaning.hint


def test_headers_go_by_the_status(subtests: pytest.Subtests) -> None:
    for reason in Reason:
        with subtests.test(reason=reason):
            status = MEANINGS[reason].status
            headers = failure_headers(Refused(reason, "why"), status=status)
            assert ("WWW-Authenticate" in headers) == (status == 401)
            assert ("Retry-After" in headers) == (status in (429, 503))
            assert failure_headers(Refused(reason, "why"), status=400) == {}


def test_a_refusal_may_have_retry_after() -> None:
    refused = Refused(Reason.ISSUER_UNAVAILABLE, "why", retry_after_seconds=17)
    assert failure_headers(refused, status=503) == {"Retry-After": "17"}


def test_no_repr_shows_a_password() -> None:
    assert "secret" not in repr(json_answer(200, {"password": "secret"}, request_id="r"))
