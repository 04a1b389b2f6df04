"""docs/openapi.yaml says of the HTTP interface what the code says."""

from collections.abc import Iterator, Mapping

import pytest
import yaml
from jsonschema import Draft202012Validator

from sandbox.api_check import SCHEMA
from token_exchange.core.ports import Json
from token_exchange.core.refusals import Reason
from token_exchange.http import request as parameters
from token_exchange.http import routes
from token_exchange.http.parameters import KNOWN
from token_exchange.reporting.reasons import MEANINGS

type Fields = dict[str, Json]

DOCUMENT: Fields = yaml.safe_load(SCHEMA.read_text())
STATUSES = sorted({meaning.status for meaning in MEANINGS.values()})


def at(*path: str) -> Fields:
    """Return the object at `path`."""
    found: Json = DOCUMENT
    for name in path:
        assert isinstance(found, dict)
        found = found[name]
    assert isinstance(found, dict)
    return found


def operations() -> Iterator[tuple[str, Fields]]:
    for path, methods in at("paths").items():
        assert isinstance(methods, dict)
        for operation in methods.values():
            assert isinstance(operation, dict)
            yield path, operation


def test_every_path_of_the_service_is_there() -> None:
    assert at("paths").keys() == routes._RESOURCES.keys()  # noqa: SLF001 - the one list of paths


def test_reasons_are_those_of_the_code() -> None:
    assert at("components", "schemas", "Reason")["enum"] == [reason.value for reason in Reason]


def test_each_status_has_its_reasons(subtests: pytest.Subtests) -> None:
    for status in STATUSES:
        with subtests.test(status=status):
            schema = at("components", "responses", str(status), "content", "application/json", "schema")
            narrowed = schema["allOf"]
            assert isinstance(narrowed, list)
            assert isinstance(narrowed[1], dict)
            expected = [reason.value for reason in Reason if MEANINGS[reason].status == status]
            if status == 400:  # RFC 8693 section 2.2.2: what is 401 otherwise
                expected += [reason.value for reason in Reason if MEANINGS[reason].status == 401]
            properties = narrowed[1]["properties"]
            assert properties == {
                "error": {
                    "enum": sorted({MEANINGS[reason].error for reason in Reason if MEANINGS[reason].status == status})
                },
                "reason": {"enum": expected},
            }


def test_the_exchange_can_be_answered_with_every_status() -> None:
    responses = at("paths", "/v1/token", "post", "responses")
    assert responses.keys() == {"200", *map(str, STATUSES)}


@pytest.mark.parametrize(("path", "formats"), [("/v1/token", True), ("/v1/explain", False)])
def test_parameters_are_those_of_the_code(path: str, *, formats: bool) -> None:
    operation = at("paths", path, "post")
    in_query, body = operation["parameters"], operation["requestBody"]
    assert isinstance(in_query, list)
    assert isinstance(body, dict)
    named = {str(one["name"]) for one in in_query if isinstance(one, dict)}
    of_tokens = {"grant_type", "requested_token_type", "subject_token", "subject_token_type"}
    refused = {"actor_token", "actor_token_type"}
    known = KNOWN - refused - (set() if formats else {"format"})
    # `errors` is read only from the query, where the refusal is written.
    assert named == (known | {"errors"}) - of_tokens
    schema = "TokenRequest" if formats else "ExplainRequest"
    assert at("components", "schemas", schema, "properties").keys() == known


def test_formats_and_types_are_those_of_the_code() -> None:
    properties = at("components", "schemas", "TokenRequest", "properties")
    expected: Mapping[str, tuple[str, ...]] = {
        "format": parameters.FORMATS,
        "grant_type": (parameters.TOKEN_EXCHANGE,),
        "requested_token_type": (parameters.ACCESS_TOKEN,),
        "subject_token_type": parameters._SUBJECT_TOKEN_TYPES,  # noqa: SLF001 - written once
    }
    for name, values in expected.items():
        found = properties[name]
        assert isinstance(found, dict)
        assert found["enum"] == [*values]


def examples() -> Iterator[tuple[str, Json, Json]]:
    answers: list[tuple[str, Json]] = [(path, operation["responses"]) for path, operation in operations()]
    for where, responses in [*answers, ("components", at("components", "responses"))]:
        assert isinstance(responses, dict)
        for status, response in responses.items():
            assert isinstance(response, dict)
            if "$ref" not in response:
                content = response["content"]
                assert isinstance(content, dict)
                shown = content["application/json"]
                assert isinstance(shown, dict)
                yield f"{where} {status}", shown["schema"], shown["example"]


@pytest.mark.parametrize(
    ("schema", "example"), [pytest.param(schema, shown, id=name) for name, schema, shown in examples()]
)
def test_each_answer_has_an_example_that_fits(schema: Fields, example: Json) -> None:
    # With the components in it, so that what it refers to is found.
    Draft202012Validator({**schema, "components": DOCUMENT["components"]}).validate(example)
