"""`audit report`, in a real browser: what outsiders wrote is text there, and every line is in a sum."""

import gzip
import json
import re
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from tests.browser import PROGRAMS, Browser
from tests.cli.audit.conftest import Written
from tests.cli.program import run

pytestmark = [pytest.mark.program(name) for name in PROGRAMS]

HOSTILE = (
    "<script>document.title='owned'</script>",
    "<img src=https://elsewhere.example/x onerror=\"document.title='owned'\">",
    "</td></table></section><h1>owned</h1>",
    "</script></style><svg onload=document.title='owned'>",
    "'; DROP TABLE audit; --",
    '=HYPERLINK("https://elsewhere.example")',
    "\u202egnp.exe\u0007",
)


@pytest.fixture(scope="module")
def page(month: Written, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Write the report of the month, in which some repositories, reasons and rules are hostile."""
    folder = tmp_path_factory.mktemp("report")
    texts = [
        line[25:]
        for path in sorted(month.logs.rglob("*.gz"))
        for line in gzip.decompress(path.read_bytes()).decode().splitlines()
        if '"record":"audit"' in line
    ]
    lines = [json.loads(text) for text in texts]
    for number, value in enumerate(HOSTILE):
        line = json.loads(texts[number])
        line |= {"request_id": f"hostile-{number}", "reason": value, "decision": "denied", "deny_rule": value}
        line["identity"] |= {"repository": value, "organization": value}
        lines.append(line)
    lines.append({**lines[0], "request_id": "odd", "decision": HOSTILE[0], "grants": [{"grant": HOSTILE[1]}]})
    log = folder / "audit.jsonl"
    log.write_text("".join(f"{json.dumps(line)}\n" for line in lines) + "not JSON {\n")
    done = run("audit", "report", log, "--policy", month.policy, "-o", folder / "report.html")
    assert (done.status, done.out) == (0, f"{folder}/report.html: {len(lines)} audit lines\n")
    return (folder / "report.html").read_text()


@pytest.fixture
def shown(browser: Browser, page: str) -> Browser:
    browser.show(page)
    return browser


def _section(shown: Browser, name: str) -> WebElement:
    return shown.driver.find_element(By.XPATH, f"//section[h2[@id='{name}']]")


def _column(shown: Browser, name: str, number: int) -> list[str]:
    found = shown.run(
        "return [...document.getElementById(arguments[0]).parentElement.querySelectorAll("
        "`tbody tr:not([hidden]) td:nth-child(${arguments[1]})`)].map((cell) => cell.textContent)",
        name,
        number,
    )
    assert isinstance(found, list)
    return found


def test_hostile_values_of_a_log_are_text(shown: Browser) -> None:
    assert shown.run("return document.title") == "Audit report"
    assert shown.find("img, iframe, object, link, h1 + h1, main script, form") == []
    assert shown.complaints() == []
    assert len(shown.requests()) == 1
    for name, column in (("refusals", 1), ("refusals", 5), ("deny_rules", 1)):
        texts = set(_column(shown, name, column))
        assert {*HOSTILE[:6], "\\u202egnp.exe\\x07"} <= texts


def test_a_table_sorts_by_mouse_and_keyboard(shown: Browser) -> None:
    head = _section(shown, "repositories").find_element(By.CSS_SELECTOR, "th:nth-child(4)")
    button = head.find_element(By.TAG_NAME, "button")
    button.click()
    counts = [int(count.replace(",", "")) for count in _column(shown, "repositories", 4)]
    assert counts == sorted(counts)
    button.send_keys(Keys.ENTER)
    assert [int(count.replace(",", "")) for count in _column(shown, "repositories", 4)] == sorted(counts, reverse=True)
    assert head.get_attribute("aria-sort") == "descending"


def test_a_table_filters(shown: Browser) -> None:
    everything = _column(shown, "grant_users", 4)
    field = _section(shown, "grant_users").find_element(By.TAG_NAME, "input")
    field.send_keys("shared playground")
    assert _column(shown, "grant_users", 4) == ["acme/intern-playground"]
    assert _section(shown, "grant_users").find_element(By.TAG_NAME, "output").text == f"1 of {len(everything)}"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_charts_are_seen_in_the_dark(shown: Browser, scheme: str) -> None:
    shown.prefer(scheme=scheme)
    colours = shown.run(
        "const of = (found, name) => getComputedStyle(found)[name];"
        "return [of(document.body, 'backgroundColor'),"
        " ...[...document.querySelectorAll('#time ~ svg rect')].map((rect) => of(rect, 'fill'))]"
    )
    assert isinstance(colours, list)
    ground, *bars = colours
    assert len({*bars}) >= 3
    assert ground not in bars


def test_print_shows_every_row_and_no_tools(shown: Browser) -> None:
    shown.prefer(media="print")
    assert shown.find("nav, input") == []
    clipped = shown.run(
        "return [...document.querySelectorAll('.scrolls')].map((one) => getComputedStyle(one).maxHeight)"
    )
    assert isinstance(clipped, list)
    assert {*clipped} == {"none"}


def test_nothing_is_left_out_of_the_sums(shown: Browser) -> None:
    tiles = [text.split("\n") for text in shown.texts("ul.tiles li")]
    counts = {name: int(count.replace(",", "")) for count, name in tiles}
    total = counts.pop("exchanges")
    # One line has a decision that is none.
    assert counts["other"] == 1
    assert sum(counts.values()) == total
    (remarks,) = shown.texts("main details")
    assert "1 line without a known decision" in remarks
    assert "1 unreadable: not JSON" in remarks
    titles = shown.run("return [...document.querySelectorAll('#time ~ svg title')].map((title) => title.textContent)")
    assert isinstance(titles, list)
    assert sum(int(re.findall(r": ([0-9,]+) ", title)[0].replace(",", "")) for title in titles) == total


def test_unused_parts_of_the_policy_are_shown(shown: Browser) -> None:
    grants = dict(zip(_column(shown, "grants", 1), _column(shown, "grants", 5), strict=True))
    assert grants["old-archive"] == "0"
    assert int(grants["own-images"]) > 100
    assert "retired-group" in _column(shown, "deny_rules", 1)


def test_a_report_that_cannot_be_written_is_unusable(month: Written, tmp_path: Path) -> None:
    done = run("audit", "report", month.logs, "-o", tmp_path / "no/such/report.html")
    assert (done.status, done.out) == (2, "")
    assert "no/such/report.html': no such file or directory" in done.err


def test_standard_output_has_only_the_page(month: Written) -> None:
    done = run("audit", "report", month.logs, "-o", "-")
    assert done.out.startswith("<!doctype html>")
    assert done.out.endswith("</html>\n")


def test_its_tables_are_a_document_too(month: Written) -> None:
    done = run("audit", "report", month.logs, "--policy", month.policy, "--json")
    grants = {str(row["grant_name"]): row["logins"] for row in done.texts("grants")}
    assert grants["old-archive"] == 0
    assert sum(int(str(row["exchanges"])) for row in done.texts("decisions_by_hour")) == 598
