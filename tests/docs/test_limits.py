"""Numbers that the documents quote are the constants of the code."""

import re
from importlib import import_module

import pytest

from tests.docs.pages import ROOT, code_in, page
from token_exchange.adapters.fetch import tls_context
from token_exchange.adapters.settings import read_settings
from token_exchange.core.decision import MAX_REGISTRIES
from token_exchange.core.session import MAX_SESSION_POLICY_CHARACTERS
from token_exchange.http.event import MAX_BODY_BYTES
from token_exchange.http.request import FORMATS
from token_exchange.issuer_keys import timing as issuer_keys
from token_exchange.reporting.safe_text import MAX_RECORD_CHARACTERS
from token_exchange.service import MAX_REQUEST_SECONDS

ARCHITECTURE = page("docs/architecture.md")
API = page("docs/api.md")
ERRORS = page("docs/errors.md")

ROWS = [
    (row[0], row[-2] if title == "Limits" else row[1], row[-1])
    for title in ("Limits", "Caches")
    for row in ARCHITECTURE.table(title)
]


def constant(module: str, name: str) -> object:
    """Return what `module`, as the documents write it, calls `name`, private or not."""
    value: object = getattr(import_module(f"token_exchange.{module.removesuffix('.py').replace('/', '.')}"), name)
    return value


def number(module: str, name: str) -> float:
    value = constant(module, name)
    assert isinstance(value, int | float)
    return value


def numbers(places: str) -> list[float]:
    module, *names = code_in(places)
    return [number(module, name) for name in names]


MAX_SCOPES = number("http/request.py", "_MAX_SCOPES")
MAX_TOKEN_KIBIBYTES = int(number("core/verifier.py", "_MAX_TOKEN_CHARACTERS")) // 1024


def test_a_limit_is_the_constant_that_its_line_names(subtests: pytest.Subtests) -> None:
    for what, limit, places in [row for row in ROWS if row[2].count("`") > 2]:
        with subtests.test(what=what, limit=limit, places=places):
            assert sorted(map(float, re.findall(r"\d+", limit))) == sorted(numbers(places)), what


def test_most_lines_name_a_constant() -> None:
    without = [what for what, _, places in ROWS if places.count("`") <= 2]
    assert without == ["the policy", "AWS clients", "TLS contexts"]


def test_the_other_caches_are_as_documented() -> None:
    limits = {what: limit for what, limit, _ in ROWS}
    assert limits["the policy"] == f"checked every {read_settings({}).policy_max_age_seconds} s"
    assert limits["TLS contexts"] == f"{tls_context.cache_parameters()['maxsize']} of them"


def test_the_clients_timeouts_are_as_documented() -> None:
    config = vars(constant("adapters/aws.py", "_CONFIG"))
    assert config["retries"]["total_max_attempts"] == 3
    said = f"{config['connect_timeout']} s to connect, {config['read_timeout']} s for each wait, and three attempts"
    assert said in ARCHITECTURE.text
    config = vars(constant("adapters/aws.py", "_TABLE_CONFIG"))
    assert config["retries"]["total_max_attempts"] == 3
    said = f"The state table has {config['connect_timeout']} s to connect, {config['read_timeout']} s for each wait"
    assert said in ARCHITECTURE.text


def test_the_timeouts_of_the_template_are_as_documented() -> None:
    template = (ROOT / "template.yaml").read_text("utf-8")
    function = re.findall(r"^  ExchangeFunction:$.*?^ +Timeout: (\d+)$", template, re.MULTILINE | re.DOTALL)[0]
    http, rest = (int(found) // 1000 for found in re.findall(r"timeoutInMillis: (\d+)", template))
    said = f"The function's own timeout is {function} s, the gateway's {http} s, or {rest} s for a REST API"
    assert said in ARCHITECTURE.text
    assert MAX_REQUEST_SECONDS < int(function) < rest < http


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (f"more than {MAX_REGISTRIES} registries", ERRORS.section("`malformed-request`")),
        (f"more than {MAX_REGISTRIES} are granted", ERRORS.section("`ambiguous-registry`")),
        (f"more than {MAX_SCOPES}", ERRORS.section("`malformed-scope`")),
        (f"more than {MAX_BODY_BYTES // 1024} KiB", ERRORS.section("`body-too-large`")),
        (f"more than {MAX_TOKEN_KIBIBYTES} KiB", ERRORS.section("`token-too-large`")),
        (f"within {issuer_keys.UNKNOWN_KEY_COOLDOWN_SECONDS} seconds", ERRORS.section("`bad-signature`")),
        (f"more than {MAX_SESSION_POLICY_CHARACTERS:,} characters", ERRORS.section("`misconfigured`")),
        (f"at most {MAX_REQUEST_SECONDS:.0f} seconds", ERRORS.section("`deadline-exceeded`")),
        (f"can be repeated, up to {MAX_REGISTRIES}", API.section("Parameters")),
        (f"at most {MAX_SCOPES}; needs exactly one registry", API.section("Parameters")),
    ],
)
def test_prose_quotes_the_same_numbers(said: str, text: str) -> None:
    assert said in text


def test_the_audit_line_fits_the_documented_limit() -> None:
    assert "under 8 KiB" in page("docs/audit.md").text
    assert MAX_RECORD_CHARACTERS < 8 * 1024


def test_the_formats_are_as_documented() -> None:
    said = " or ".join([", ".join(f"`{name}`" for name in FORMATS[:-1]), f"`{FORMATS[-1]}`"])
    (row,) = [row for row in API.table("Parameters") if row[0] == "`format`"]
    assert row[1] == said.replace("`json`", "`json` (the default)")
