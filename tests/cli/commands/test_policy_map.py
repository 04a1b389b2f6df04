"""`policy map`: the page in a real browser, with hostile values and with a thousand grants."""

import re
from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys

from tests.browser import PROGRAMS, Browser
from tests.cli.program import run, write_policy
from tests.loading.documents import Document, grant
from token_exchange.core.ports import Json

PUSH = grant(
    name="push",
    access="push",
    role="arn:aws:iam::210987654321:role/ci-pusher",
    match={"branch": "main"},
    repositories=["ci/{repository}"],
    also_pull=["base/*"],
    duration="90m",
    contact="#platform",
)
PULL = grant(name="pull", issuers=["gitlab"], single_use=True)
STORED: Document = {"name": "stored", "issuers": ["github"], "registry": "hub", "match": {"branch": "main"}}
TRIAL = grant(name="trial", mode="report")
OVER = grant(name="over", expires="2020-01-01")
HUB: Json = {
    "type": "secret",
    "host": "docker.io",
    "secret_arn": "arn:aws:secretsmanager:eu-central-1:210987654321:secret:hub-a1B2c3",
}
HOSTILE = "</script><img src=x onerror=\"document.title='run'\">\u202e"


def map_of(folder: Path, *grants: Document, **changes: Json) -> str:
    done = run("policy", "map", write_policy(folder, *grants, **changes))
    assert (done.status, done.err) == (0, "")
    return done.out


def everything(folder: Path) -> str:
    registries: Json = {
        "apps": {"type": "ecr", "account": "210987654321", "region": "eu-central-1"},
        "hub": HUB,
    }
    deny: Json = [{"name": "leaked", "issuers": ["github"], "match": {"repository_id": "70010666"}}]
    return map_of(folder, PUSH, PULL, STORED, TRIAL, OVER, registries=registries, deny=deny)


@pytest.mark.program(PROGRAMS[0])
@pytest.mark.program(PROGRAMS[1])
class TestInABrowser:
    def test_every_grant_is_under_its_role_and_registry(self, browser: Browser, tmp_path: Path) -> None:
        browser.show(everything(tmp_path))
        assert browser.complaints() == []
        assert [text.split("\n")[0] for text in browser.texts("[data-item] > summary")] == [
            'push push github: nordlicht 4400117 branch ["main"]',
            "pull pull gitlab: werft",
            'stored stored login github: nordlicht 4400117 branch ["main"]',
        ]
        assert browser.texts("[data-filterable] > div > details > summary") == [
            "apps (210987654321, eu-central-1) 2 grants",
            "hub (docker.io) 1 grant",
        ]
        assert browser.texts("main > section > h2") == ["Grants", "In report mode", "Expired", "Deny rules"]
        assert browser.texts("li") == ['leaked github repository_id ["70010666"]']

    def test_a_grant_opens_to_its_terms(self, browser: Browser, tmp_path: Path) -> None:
        browser.show(map_of(tmp_path, PUSH))
        assert browser.texts("dd") == []
        browser.one("[data-item] > summary").send_keys(Keys.ENTER)
        assert list(zip(browser.texts("dt"), browser.texts("dd"), strict=True)) == [
            ("condition", 'branch ["main"]'),
            ("registry", "apps (210987654321, eu-central-1)"),
            ("role", "arn:aws:iam::210987654321:role/ci-pusher"),
            ("repositories", "ci/{repository}"),
            ("also pull", "base/*"),
            ("duration", "90m"),
            ("contact", "#platform"),
        ]

    def test_picture_leads_from_organizations_to_registries(self, browser: Browser, tmp_path: Path) -> None:
        browser.show(everything(tmp_path))
        assert browser.texts("svg .box text") == [
            "github: nordlicht 4400117",
            "gitlab: werft",
            "210987654321 ci-pusher",
            "210987654321 ci-reader",
            "the stored login",
            "apps (210987654321, eu-central-1)",
            "hub (docker.io)",
        ]
        kinds = [path.get_attribute("class") for path in browser.find("svg path")]
        assert sorted(map(str, kinds)) == ["pull", "pull", "push", "push", "stored", "stored"]

    @pytest.mark.parametrize("pressed", ["click", Keys.ENTER, Keys.SPACE])
    def test_pressing_a_box_filters_the_grants(self, browser: Browser, tmp_path: Path, pressed: str) -> None:
        browser.show(everything(tmp_path))
        (box,) = [box for box in browser.find("svg .box") if "werft" in str(box.get_attribute("data-words"))]
        if pressed == "click":
            box.click()
        else:
            box.send_keys(pressed)
        assert browser.texts("[data-item] b") == ["pull"]
        assert browser.one("output").text == "1 of 3"
        assert browser.driver.switch_to.active_element == browser.one("input")

    def test_thousand_grants_are_folded_and_found(self, browser: Browser, tmp_path: Path) -> None:
        grants = [
            grant(
                name=f"team-{number}",
                role=f"arn:aws:iam::210987654321:role/ci-{number % 50}",
                match={"repository": f"nordlicht/app-{number}"},
            )
            for number in range(1000)
        ]
        html = map_of(tmp_path, *grants)
        assert len(html) < 1_500_000
        browser.show(html)
        assert browser.find("[data-item]") == []
        assert len(browser.find("svg .box")) <= 3 * 24
        browser.one("input").send_keys("app-777")
        assert browser.texts("[data-item] b") == ["team-777"]
        assert browser.texts("details details[data-group] > summary") == [
            "arn:aws:iam::210987654321:role/ci-27 20 grants"
        ]
        browser.one("input").send_keys(Keys.CONTROL, "a", Keys.NULL, Keys.DELETE)
        (opened, closed) = browser.find("button[data-opens]")
        opened.click()
        assert len(browser.find("details[open]")) == 1051
        closed.click()
        assert browser.find("details[open]") == []

    def test_hostile_values_are_text(self, browser: Browser, tmp_path: Path) -> None:
        hostile = grant(claims={"actor": HOSTILE}, contact=HOSTILE)
        browser.show(map_of(tmp_path, hostile))
        assert browser.run("return document.title") == "Who can reach what"
        assert browser.find("img") == []
        assert browser.complaints() == []
        assert len(browser.requests()) == 1
        assert "\\u202e" in browser.texts("[data-item] > summary")[0]

    def test_dark_and_paper_show_all_of_it(self, browser: Browser, tmp_path: Path) -> None:
        browser.prefer(scheme="dark", media="print")
        browser.show(everything(tmp_path))
        browser.run("dispatchEvent(new Event('beforeprint'))")
        assert len(browser.find("dl")) == 3
        assert browser.find("input, button") == []


def test_names_with_numbers_are_in_the_order_that_people_expect(tmp_path: Path) -> None:
    registries: dict[str, Json] = {
        f"reg{number}": {"type": "ecr", "account": f"2109876543{number:02}", "region": "eu-central-1"}
        for number in range(1, 13)
    }
    grants = [
        grant(
            name=f"team-{number}", registry=f"reg{min(number, 12)}", role=f"arn:aws:iam::2109876543{number:02}:role/ci"
        )
        for number in range(1, 15)
    ]
    html = map_of(tmp_path, *grants[::-1], registries=registries)
    assert re.findall(r"<summary><b>(reg\d+)", html) == [*registries]
    assert re.findall(r'data-item="">.*?<b>(.*?)</b>', html) == [f"team-{number}" for number in range(1, 15)]


def test_page_is_written_to_a_file(tmp_path: Path) -> None:
    path = tmp_path / "map.html"
    done = run("policy", "map", write_policy(tmp_path, PUSH), "-o", path)
    assert (done.status, done.out, done.err) == (0, "", "")
    assert re.match(r"<!doctype html>\n<html lang=\"en\">", path.read_text("utf-8"))


def test_exceptions_and_limits_of_a_grant_are_its_terms(tmp_path: Path) -> None:
    page = map_of(tmp_path, grant(single_use=True, allow_untrusted_triggers=True, expires="2999-01-01"))
    terms = dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", page))
    assert terms["single use"] == "each token once"
    assert terms["untrusted triggers"] == "allowed: outsiders can start such a run"
    assert terms["expires"] == "2999-01-01"
    assert "contact" not in terms


@pytest.mark.parametrize(
    ("more", "place"),
    [({}, "public (public.ecr.aws)"), ({"account": "210987654321"}, "public (210987654321, public.ecr.aws)")],
)
def test_a_public_registry_shows_its_host(tmp_path: Path, more: Document, place: str) -> None:
    public: Document = {"type": "ecr-public", **more}
    registries: Json = {"public": public}
    assert f"<dt>registry</dt><dd>{place}</dd>" in map_of(
        tmp_path, grant(registry="public", repositories=None), registries=registries
    )


def test_json_has_every_grant_with_the_fields_of_who(tmp_path: Path) -> None:
    policy = write_policy(tmp_path, PUSH, PULL, TRIAL, OVER)
    fields = run("policy", "map", policy, "--json").fields
    everywhere = run("policy", "who", policy, "--registry", "apps", "--json").fields
    assert fields == {**everywhere, "in_report_mode": ["trial"], "expired": ["over"]}


@pytest.mark.parametrize(
    ("target", "message"),
    [("missing/map.html", "no such file or directory"), (".", "is a directory"), ("a\0b", "not a file name")],
)
def test_file_that_cannot_be_written_is_one_sentence(tmp_path: Path, target: str, message: str) -> None:
    path = tmp_path / target
    done = run("policy", "map", write_policy(tmp_path, PUSH), "-o", path)
    assert (done.status, done.err) == (2, f"{str(path)!a}: {message}\n")


def test_policy_without_grants_has_a_page(tmp_path: Path) -> None:
    assert "0 grants in force" in map_of(tmp_path, TRIAL)
