"""The answers and lines that the documents show are those that the service gives."""

import json
import re
from http.client import HTTPConnection
from urllib.parse import quote, urlsplit

import pytest

from sandbox.aws.server import AwsFault
from tests.docs.conftest import Running
from tests.docs.pages import ROOT, blocks, code_in, page, pages
from token_exchange.adapters.events import EventCode
from token_exchange.core.ports import Json

type Object = dict[str, Json]

VARYING = {
    "access_token",
    "expires_at",
    "loaded_at",
    "password",
    "registry_expires_at",
    "request_id",
    "sha256",
}
"""Fields whose values differ from run to run."""

SHORTENED = {"claims", "identity"}
"""Objects that the documents say they show in part."""


def ask(running: Running, method: str, target: str, *, token: str | None = None) -> Object:
    connection = HTTPConnection(urlsplit(running.url).netloc, timeout=30)
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    connection.request(method, target, headers=headers)
    answer: Object = json.loads(connection.getresponse().read())
    connection.close()
    return answer


def exchange(running: Running, scenario: str, *, target: str = "?registry=apps", **claims: Json) -> Object:
    backends = running.backends
    token = backends.issuer.mint("github-actions", audience=backends.audience, scenario=scenario, claims=claims)
    return ask(running, "POST", f"/v1/token{target}", token=token)


def audit_line(running: Running, answer: Object) -> Object:
    lines: list[Object] = [json.loads(line) for line in running.log.read_text("utf-8").splitlines()]
    (line,) = [line for line in lines if line.get("record") == "audit" and line["request_id"] == answer["request_id"]]
    return line


def shown(use: str) -> list[Object]:
    found: list[Object] = [json.loads(text) for _, text in blocks("json", use)]
    assert found
    return found


def assert_same(documented: Json, real: Json, *, at: str = "", values: bool = True) -> None:
    """Compare what a document shows with what the service says; without `values` the fields alone."""
    if isinstance(documented, dict) and isinstance(real, dict):
        if at.rpartition(".")[2] in SHORTENED:
            assert documented.keys() <= real.keys(), at
        else:
            assert documented.keys() == real.keys(), at
        for name, value in documented.items():
            assert_same(value, real[name], at=f"{at}.{name}", values=values)
    elif isinstance(documented, list) and isinstance(real, list):
        for mine, theirs in zip(documented, real, strict=True):
            assert_same(mine, theirs, at=at, values=values)
    elif not values or at.rpartition(".")[2] in VARYING:
        assert type(documented) is type(real), at
    else:
        assert documented == real, at


def test_a_refusal_as_text_is_the_documented_line(running: Running) -> None:
    backends = running.backends
    token = backends.issuer.mint("github-actions", audience=backends.audience, scenario="push-feature")
    connection = HTTPConnection(urlsplit(running.url).netloc, timeout=30)
    connection.request("POST", "/v1/token?registry=apps&errors=text", headers={"Authorization": f"Bearer {token}"})
    answer = connection.getresponse()
    body = answer.read().decode("ascii")
    connection.close()
    assert answer.status == 403
    without_id = re.compile(r"\(request [0-9a-f-]+\)")
    documented = blocks("text", "refusal")
    assert {without_id.sub("", text) for _, text in documented} == {without_id.sub("", body)}
    assert {name for name, _ in documented} == {"README.md", "docs/api.md"}


def test_every_json_example_is_json(subtests: pytest.Subtests) -> None:
    for name, text in [
        (found.name, block.text) for found in pages() for block in found.blocks if block.language == "json"
    ]:
        with subtests.test(name=name, text=text):
            assert json.loads(text)


def test_a_login(running: Running) -> None:
    real = exchange(running, "push-main")
    assert len(shown("login")) == 2
    for documented in shown("login"):
        assert_same(documented, real)


def test_a_refusal(running: Running) -> None:
    real = exchange(running, "push-feature", repository_id="70010002")
    for documented in shown("refusal"):
        assert_same(documented, real)


def test_an_explanation(running: Running) -> None:
    backends = running.backends
    token = backends.issuer.mint("github-actions", audience=backends.audience, scenario="push-main")
    for documented in shown("explained"):
        assert_same(documented, ask(running, "POST", "/v1/explain?registry=apps", token=token))


def test_health(running: Running) -> None:
    for documented in shown("health"):
        assert_same(documented, ask(running, "GET", "/v1/health"))


def test_audience(running: Running) -> None:
    issuer = quote(running.backends.issuer.issuer_url("gitlab"), safe="")
    for documented in shown("audience"):
        assert_same(documented, ask(running, "GET", f"/v1/audience?issuer={issuer}"))


def test_metadata(running: Running) -> None:
    for documented in shown("metadata"):
        assert_same(documented, ask(running, "GET", "/.well-known/oauth-authorization-server"))


def test_an_audit_line(running: Running) -> None:
    real = audit_line(running, exchange(running, "push-main"))
    for documented in shown("audit"):
        # Which of them a request enters is not the example's point.
        assert_same({**documented, "timings_ms": real["timings_ms"]}, real, values=False)


# ------------------------------------------------------------------------------------------- docs/audit.md, each field

AUDIT = page("docs/audit.md")
FIELDS = {name for row in AUDIT.table("Fields") for name in code_in(row[0])} | {"xray_trace_id"}


@pytest.mark.parametrize(
    ("scenario", "fault"),
    [
        ("push-main", None),
        ("push-main", AwsFault(kind="access-denied")),
        ("push-feature", None),
        ("pull-request-target", None),
        ("leaked-runner", None),
        ("other-organization", None),
    ],
)
def test_every_field_of_a_line_is_explained(running: Running, scenario: str, fault: AwsFault | None) -> None:
    if fault is not None:
        running.backends.aws.faults.plan("sts:AssumeRole", fault, times=1)
    line = audit_line(running, exchange(running, scenario))
    grants = line.get("grants", [])
    assert isinstance(grants, list)
    names = set(line) | {name for grant in grants if isinstance(grant, dict) for name in grant}
    assert names <= FIELDS


def test_every_field_that_is_explained_can_be_there() -> None:
    package = ROOT / "layers/token_exchange/token_exchange"
    source = "".join(
        (package / name).read_text("utf-8") for name in ("reporting/audit.py", "service.py", "adapters/log.py")
    )
    of_the_logger = {"level", "location", "message", "timestamp", "xray_trace_id"}
    assert {name for name in FIELDS - of_the_logger if f'"{name}"' not in source and f"{name}=" not in source} == set()


def test_every_event_is_explained() -> None:
    rows = AUDIT.section("Other lines")
    events = {
        code_in(line)[0] for line in rows.splitlines() if line.startswith("| `") and not line.startswith("| `event`")
    }
    assert events == set(EventCode.__value__.__args__)


def test_every_metric_is_explained() -> None:
    source = (ROOT / "layers/token_exchange/token_exchange/adapters/events.py").read_text("utf-8")
    names = set(re.findall(r'"([A-Z][A-Za-z]+)"(?:: \(|\] = ).*MetricUnit', source))
    first_cells = [row[0] for row in AUDIT.table("Metrics")]
    assert names == {name for cell in first_cells for name in code_in(cell) if name[0].isupper()}
