import json

import pytest

from sandbox.cloudwatch.expressions import UnknownExpression, Values, evaluate, parse_query
from sandbox.cloudwatch.metrics import MetricFilter, MetricKey, dimensions_of, emf_values


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("a + b", [3, None, None]),
        ("a - b * 2", [-3, None, None]),
        ("100 * a / (a + b)", [pytest.approx(33.33, abs=0.01), None, None]),
        ("a / (a - a)", [None, None, None]),
        # Filled only where another metric has data: a series without any has no timestamps.
        ("FILL(a, 0)", [1, 0, None]),
        ("FILL(a, 0) + FILL(b, 0)", [3, 2, None]),
        ("IF(a >= 1, b, 0)", [2, None, None]),
        ("IF(FILL(a, 0) > 0, 1, 7)", [1, 7, None]),
        ("IF(b > 5, 1)", [None, None, None]),
        ("b <= 2", [1, 1, None]),
    ],
)
def test_metric_math(expression: str, result: Values) -> None:
    assert evaluate(expression, {"a": [1, None, None], "b": [2, 2, None]}) == result


@pytest.mark.parametrize("expression", ["c", "RATE(a)", "a ** 2", "'x'", "a < b < a", "FILL(a, REPEAT)"])
def test_other_math_is_refused(expression: str) -> None:
    with pytest.raises(UnknownExpression):
        evaluate(expression, {"a": [1], "b": [2]})


def test_a_query_is_taken_apart() -> None:
    query = parse_query("""SELECT MAX(Age) FROM SCHEMA("Own", deployment, issuer)
        WHERE deployment = 'exchange' AND issuer = 'ci'""")
    assert (query.statistic, query.metric, query.namespace) == ("Maximum", "Age", "Own")
    assert query.dimension_names == {"deployment", "issuer"}
    assert query.where == {"deployment": "exchange", "issuer": "ci"}


@pytest.mark.parametrize(
    "text",
    [
        'SELECT AVG(Age) FROM SCHEMA("Own", a)',
        'SELECT SUM(Age) FROM "Own"',
        'SELECT SUM(Age) FROM SCHEMA("Own", a) GROUP BY a',
        "SELECT SUM(Age) FROM SCHEMA(\"Own\", a) WHERE a != 'b'",
    ],
)
def test_other_queries_are_refused(text: str) -> None:
    with pytest.raises(UnknownExpression):
        parse_query(text)


def emf(**fields: object) -> str:
    directive = {"Namespace": "N", "Dimensions": [["a"], ["a", "b"]], "Metrics": [{"Name": "M", "Unit": "Count"}]}
    return json.dumps({"_aws": {"Timestamp": 1, "CloudWatchMetrics": [directive]}, **fields})


def test_a_line_has_one_metric_for_each_set_of_dimensions() -> None:
    found = {(key.dimensions, value) for key, value in emf_values(emf(a="x", b="y", M=[1.0, 2.0]))}
    both, one = dimensions_of({"a": "x", "b": "y"}), dimensions_of({"a": "x"})
    assert found == {(one, 1.0), (one, 2.0), (both, 1.0), (both, 2.0)}
    assert emf_values('{"record": "audit"}') == []


@pytest.mark.parametrize("fields", [{"a": "x", "b": "y"}, {"a": "x", "M": 1}, {"a": "x", "b": "", "M": 1}])
def test_a_line_that_lacks_what_it_promises_is_an_error(fields: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"the (metric|dimension) . has no"):
        emf_values(emf(**fields))


FILTER: dict[str, object] = {
    "FilterPattern": '{ $.status = "429" && $.id = "-" && $.by != "waf" }',
    "MetricTransformations": [
        {
            "MetricNamespace": "N",
            "MetricName": "M",
            "MetricValue": "1",
            "Dimensions": [{"Key": "d", "Value": "$.deployment"}],
        }
    ],
}


def test_a_filter_counts_the_lines_that_match() -> None:
    found = MetricFilter.from_properties(FILTER)
    line = '{"status": "429", "id": "-", "deployment": "exchange"}'
    assert found.metric_of(line) == MetricKey(namespace="N", name="M", dimensions=dimensions_of({"d": "exchange"}))
    assert found.metric_of(line.replace("429", "200")) is None
    assert found.metric_of(line.replace('"-"', '"3f"')) is None
    assert found.metric_of(line.replace("}", ', "by": "waf"}')) is None


@pytest.mark.parametrize("pattern", ["{ $.status = 429 }", "ERROR", '{ $.a = "1" || $.b = "2" }'])
def test_a_filter_of_another_form_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="another form"):
        MetricFilter.from_properties({**FILTER, "FilterPattern": pattern})
