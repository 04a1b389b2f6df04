"""Pages in a real browser: they load nothing, run nothing but their own script, and show values as text."""

import re

import pytest
from selenium.webdriver.common.keys import Keys

from tests.browser import PROGRAMS, Browser
from token_exchange_cli.pages.elements import element
from token_exchange_cli.pages.page import asset, page
from token_exchange_cli.pages.tables import Cell, Column, filterable, table

pytestmark = [pytest.mark.program(name) for name in PROGRAMS]

HOSTILE = [
    "<script>document.title = 'run'</script>",
    "<img src=x onerror=\"document.title = 'run'\">",
    "</td></tr></table><h1>other</h1>",
    "</style></script><svg onload=\"document.title = 'run'\">",
    "javascript:document.title='run'",
    "\"><iframe src='https://evil.example'></iframe>",
    "&lt;b&gt; &amp; {{7*7}} ${7*7}",
    "<!-- ]]> <?xml ?>",
]
SIZES = [("small", 7), ("large", 1000), ("none", 0), ("middle", 40)]


def shown_table() -> str:
    rows: list[list[Cell | str | float]] = [[name, Cell(shown=[f"{size} KiB"], sorted_by=size)] for name, size in SIZES]
    made = table([Column(title="Name"), Column(title="Size", kind="number")], rows, caption="Sizes")
    return page(title="Sizes", lead=["of all things"], sections=[made])


def test_nothing_is_loaded_and_nothing_blocked(browser: Browser) -> None:
    browser.show(shown_table())
    (requested,) = browser.requests()
    assert requested.endswith("/page.html")
    assert browser.complaints() == []


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_value_is_shown_as_text(browser: Browser, value: str) -> None:
    hint = element("p", {"title": value, "data-value": value}, value, element("b", {}, value), value)
    rows = table([Column(title=value)], [[value]], caption=value)
    browser.show(page(title=value, lead=[value], sections=[hint, rows]))
    shown = browser.run("return document.querySelector('td').textContent")
    assert shown == value
    assert browser.run("return document.querySelector('main > p').title") == value
    assert browser.run("return document.title") == value
    assert browser.find("iframe, img, main svg, h1 + h1") == []
    assert len(browser.requests()) == 1
    assert browser.complaints() == []


@pytest.mark.parametrize("text", ["a\nb", "a\x1b[31mb", "a\u202eb", "a\x00b", "a\ud800b", "a\u200bb"])
def test_invisible_characters_are_escaped(text: str) -> None:
    made = page(title=text, lead=[], sections=[element("p", {"title": text}, text)])
    escaped = text[1].encode("unicode_escape").decode()
    assert made.count(f"a{escaped}") == 4
    assert text not in made
    made.encode()


@pytest.mark.parametrize(
    ("attempt", "directive"),
    [
        (
            "const s = document.createElement('script'); s.text = \"document.title = 'run'\"; document.body.append(s)",
            "require-trusted-types-for",
        ),
        ("document.body.innerHTML = '<b>markup</b>'", "require-trusted-types-for"),
        ("const i = new Image(); i.src = 'https://evil.example/x.png'; document.body.append(i)", "img-src"),
        ("document.body.setAttribute('onclick', \"document.title = 'run'\")", "require-trusted-types-for"),
        ("fetch('https://evil.example/').catch(() => {})", "connect-src"),
        (
            "const b = document.createElement('base'); b.href = 'https://evil.example/'; document.head.append(b)",
            "base-uri",
        ),
        (
            "const s = document.createElement('style'); s.textContent = 'p {}'; document.head.append(s)",
            "style-src-elem",
        ),
    ],
)
def test_browser_blocks_scripts_and_requests(browser: Browser, attempt: str, directive: str) -> None:
    browser.show(shown_table())
    blocked = browser.driver.execute_async_script(
        "const done = arguments[0];"
        "document.addEventListener('securitypolicyviolation', (event) =>"
        " done([event.effectiveDirective, event.disposition]));"
        f"try {{ {attempt} }} catch (error) {{ if (!(error instanceof TypeError)) throw error; }}"
    )
    assert blocked == [directive, "enforce"]
    assert browser.run("return document.title") == "Sizes"


def test_styles_of_an_attribute_are_blocked(browser: Browser) -> None:
    browser.show(page(title="A", lead=[], sections=[element("p", {"style": "color: red"}, "a")]))
    assert any("style-src" in text for text in browser.complaints())


def test_pressing_a_heading_sorts(browser: Browser) -> None:
    browser.show(shown_table())
    by_name, by_size = browser.find("th button")
    by_size.click()
    assert browser.texts("td:first-child") == ["none", "small", "middle", "large"]
    assert by_size.find_element("xpath", "..").get_attribute("aria-sort") == "ascending"
    by_size.send_keys(Keys.ENTER)
    assert browser.texts("td:first-child") == ["large", "middle", "small", "none"]
    by_name.click()
    assert browser.texts("td:first-child") == ["large", "middle", "none", "small"]
    assert by_size.find_element("xpath", "..").get_attribute("aria-sort") is None


def test_words_filter_rows_and_groups(browser: Browser) -> None:
    groups = [
        element("section", {"data-group": "", "id": name}, element("p", {"data-item": ""}, text))
        for name, text in (("one", "push Shop"), ("two", "pull shop"), ("three", "push cart"))
    ]
    browser.show(page(title="A", lead=[], sections=[filterable(*groups, label="Filter")]))
    field = browser.one("input")
    field.send_keys("shop PU")
    assert browser.texts("[data-group]") == ["push Shop", "pull shop"]
    assert browser.one("output").text == "2 of 3"
    field.send_keys("sh")
    assert browser.texts("[data-group]") == ["push Shop"]


def test_everything_is_reached_by_keyboard(browser: Browser) -> None:
    browser.show(shown_table())
    reached = []
    for _ in range(3):
        browser.driver.switch_to.active_element.send_keys(Keys.TAB)
        focused = browser.driver.switch_to.active_element
        reached.append(focused.get_attribute("aria-label") or focused.text)
        assert "2px" in focused.value_of_css_property("outline")
    assert reached == ["Filter: Sizes", "Name", "Size"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_in_both_schemes(browser: Browser, scheme: str) -> None:
    colours = element("p", {}, *(element("span", {"class": name}, name) for name in ("quiet", "good", "bad", "warn")))
    browser.prefer(scheme=scheme)
    browser.show(page(title="A", lead=["b"], sections=[colours]))
    ground = luminance(browser.one("body").value_of_css_property("background-color"))
    assert (ground < 0.5) is (scheme == "dark")
    for found in browser.find("h1, header p, span"):
        text = luminance(found.value_of_css_property("color"))
        # W3C, Web Content Accessibility Guidelines 2.2, 1.4.3
        assert (max(text, ground) + 0.05) / (min(text, ground) + 0.05) >= 4.5, found.text


def luminance(colour: str) -> float:
    """Return the relative luminance, as the guidelines define it."""
    parts = [int(part) / 255 for part in re.findall(r"[0-9]+", colour)[:3]]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_printing_shows_collapsed_parts(browser: Browser) -> None:
    closed = element("details", {}, element("summary", {}, "more"), element("p", {}, "inside"))
    browser.show(page(title="A", lead=[], sections=[closed]))
    assert browser.texts("p.inside, details p") == []
    browser.run("dispatchEvent(new Event('beforeprint'))")
    assert browser.texts("details p") == ["inside"]
    browser.run("dispatchEvent(new Event('afterprint'))")
    assert browser.texts("details p") == []
    browser.prefer(media="print")
    browser.show(shown_table())
    assert browser.find("input") == []


def test_assets_end_no_element_and_load_nothing() -> None:
    for name in ("page.css", "page.js"):
        text = asset(name)
        assert "</" not in text
        assert not re.search(r"https?:|url\(|@import|innerHTML|eval\(", text)


def test_styles_that_would_end_the_element_are_refused() -> None:
    with pytest.raises(ValueError, match="would end the element"):
        page(title="A", lead=[], sections=[], more_styles="</style><script>")


def test_page_is_the_same_each_time() -> None:
    assert shown_table() == shown_table()
