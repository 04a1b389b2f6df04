import base64
import binascii
import json
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from sandbox.event_cases import CASES, Case
from sandbox.events import LIFETIME_SECONDS, PLACEHOLDER, main, mint_for, render
from sandbox.policy import AUDIENCE
from sandbox.tokens import Mint
from tests.deploy.cloudformation import ROOT, at
from tests.requirements_present import skips_nothing
from token_exchange.core.refusals import Reason
from token_exchange.http.event import read_event

NOW = 1_790_000_000.0
EVENTS = ROOT / "events"
TOKEN = re.compile(r"eyJ[A-Za-z0-9_-]+\.eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")

each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@pytest.fixture(scope="module")
def mint(tmp_path_factory: pytest.TempPathFactory) -> Mint:
    return Mint(tmp_path_factory.mktemp("keys"), base_url="https://localhost:8443")


def without_token(event: str) -> str:
    """Return the event's text with the placeholder where a token stands, in a body in base64 too."""
    parsed = json.loads(event)
    if parsed.get("isBase64Encoded"):
        body = base64.b64decode(parsed["body"]).decode()
        parsed["body"] = base64.b64encode(TOKEN.sub(PLACEHOLDER, body).encode()).decode()
    return TOKEN.sub(PLACEHOLDER, json.dumps(parsed, indent=2) + "\n")


def test_there_is_a_file_for_each_case_and_no_other() -> None:
    assert {path.stem for path in EVENTS.glob("*.json")} == {case.name for case in CASES}


def test_each_file_has_the_request_of_its_case(subtests: pytest.Subtests) -> None:
    for case in CASES:
        with subtests.test(case=case.name):
            assert without_token((EVENTS / f"{case.name}.json").read_text()) == render(case, PLACEHOLDER)


def test_committed_events_have_no_token(subtests: pytest.Subtests) -> None:
    for case in CASES:
        with subtests.test(case=case.name):
            text = (EVENTS / f"{case.name}.json").read_text()
            if text != without_token(text) and not skips_nothing():
                pytest.skip(
                    "`make events` wrote tokens into events/; `make events FLAGS=--placeholders` takes them out"
                )
            assert text == render(case, PLACEHOLDER)


def test_the_name_states_an_outcome(subtests: pytest.Subtests) -> None:
    for case in CASES:
        with subtests.test(case=case.name):
            assert re.fullmatch(r"health|(granted|explained|denied|rejected)-[a-z-]+", case.name)
            assert case.reason is None or case.reason in set(Reason)


def test_the_service_can_read_it(subtests: pytest.Subtests) -> None:
    for case in CASES:
        with subtests.test(case=case.name):
            request = read_event(json.loads(render(case, PLACEHOLDER)))
            assert request.path.startswith("/v")
            assert request.source_ip == "203.0.113.7"


def claims_of(token: str) -> Mapping[str, object]:
    payload = token.split(".")[1]
    found = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert isinstance(found, dict)
    return found


@each_case
def test_a_token_is_good_for_an_hour_unless_it_is_to_be_expired(case: Case, mint: Mint) -> None:
    if case.token is None:
        return
    claims = claims_of(mint_for(case, mint.mint, now=NOW))
    assert claims["exp"] == NOW + (-LIFETIME_SECONDS if case.token.expired else LIFETIME_SECONDS)
    assert claims["aud"] == (case.token.audience or AUDIENCE)


def test_placeholders_restore_every_renewed_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    into = tmp_path / "events"
    assert main(["--into", str(into), "--folder", str(tmp_path)]) == 0
    with_token = [path.name for path in into.iterdir() if without_token(path.read_text()) != path.read_text()]
    assert len(with_token) == len([case for case in CASES if case.token is not None])
    assert main(["--into", str(into), "--folder", str(tmp_path), "--placeholders"]) == 0
    for case in CASES:
        assert (into / f"{case.name}.json").read_text() == render(case, PLACEHOLDER)
    assert "hold no token" in capsys.readouterr().out


def test_the_placeholder_is_not_a_token() -> None:
    with pytest.raises((ValueError, binascii.Error)):
        claims_of(f"{PLACEHOLDER}.{PLACEHOLDER}.{PLACEHOLDER}")


def test_a_rest_event_has_a_stage_outside_its_path() -> None:
    case = next(each for each in CASES if each.rest_api)
    event = json.loads(render(case, PLACEHOLDER))
    assert at(event, "requestContext", "path") == "/prod/v1/token"
    assert at(event, "path") == "/v1/token"
    assert at(event, "multiValueQueryStringParameters", "registry") == ["apps"]
