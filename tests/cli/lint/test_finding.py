import json

import pytest

from token_exchange.loading.problems import Place
from token_exchange_cli.lint.finding import FORMATS, Finding, Format, Located, warning, written

ERROR = Finding(severity="error", code="bad-value", path=("version",), message="expected 1", suggestion="write 1")
HOSTILE = warning("id-unused", ("grants", 0), "100%\n::error::x,\x1b[2J", "a: b, c")
FOUND = [
    Located(finding=ERROR, file="policy.yaml", place=Place(line=1, column=10)),
    Located(finding=HOSTILE, file="a,b:c%\n.yaml", place=Place(line=7, column=3)),
]


def test_json_has_the_fields_of_the_contract() -> None:
    (first, second) = json.loads(written(FOUND, "json"))["findings"]
    assert first == {
        "severity": "error",
        "code": "bad-value",
        "path": "version",
        "file": "policy.yaml",
        "line": 1,
        "column": 10,
        "message": "expected 1",
        "suggestion": "write 1",
    }
    assert (second["severity"], second["path"], second["line"]) == ("warning", "grants[0]", 7)


def test_text_format_is_readable_and_escapes_controls() -> None:
    text = written(FOUND, "text")
    assert text.startswith("policy.yaml:1:10: error bad-value at version\n  expected 1\n  -> write 1\n")
    assert "\x1b" not in text
    assert len(text.splitlines()) == 6


def test_github_format_is_one_command_per_line() -> None:
    lines = written(FOUND, "github").splitlines()
    assert lines[0] == "::error file=policy.yaml,line=1,col=10,title=bad-value::expected 1; write 1"
    assert lines[1].startswith(
        "::warning file=a%2Cb%3Ac%25\\n.yaml,line=7,col=3,title=id-unused::100%25\\n::error::x,\\x1b[2J; a: b, c"
    )
    assert len(lines) == 2


NASTY = "".join(map(chr, [*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, 0x202E, 0x2066, 0xD800, 0xDFFF, 0xFEFF]))


@pytest.mark.parametrize("wanted", FORMATS)
def test_hostile_strings_break_no_line_or_encoding(wanted: Format) -> None:
    plain = Located(finding=warning("c", ("a", "b"), "m", "s"), file="f", place=Place(line=1, column=1))
    nasty = Located(
        finding=warning("c", ("a", NASTY), f"m{NASTY}", f"s{NASTY}"), file=f"f{NASTY}", place=Place(line=1, column=1)
    )
    text = written([nasty], wanted)
    assert len(text.encode().splitlines()) == len(text.splitlines()) == len(written([plain], wanted).splitlines())
    assert text.replace("\n", "").isprintable()


@pytest.mark.parametrize("wanted", ["json", "gitlab", "sarif"])
def test_json_parses_strictly(wanted: Format) -> None:
    """Ruby and others refuse half a surrogate even where it is escaped."""
    nasty = Located(finding=warning("c", (NASTY,), NASTY, NASTY), file=NASTY, place=Place(line=1, column=1))
    assert json.dumps(json.loads(written([nasty], wanted)), ensure_ascii=False).encode()


def test_letters_of_other_languages_stay_in_a_files_name() -> None:
    found = Located(finding=ERROR, file="richtlinie-für-bau.yaml", place=Place(line=1, column=1))
    assert "file=richtlinie-für-bau.yaml," in written([found], "github")


def test_gitlab_format_is_a_code_quality_report() -> None:
    first, second = json.loads(written(FOUND, "gitlab"))
    assert first["location"] == {"path": "policy.yaml", "lines": {"begin": 1}}
    assert (first["severity"], second["severity"]) == ("critical", "minor")
    assert first["fingerprint"] != second["fingerprint"]
    assert {"description", "check_name", "fingerprint", "severity", "location"} == set(first)


def test_sarif_is_a_log_of_one_run() -> None:
    log = json.loads(written(FOUND, "sarif"))
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    helped = {rule["id"]: rule["help"]["text"] for rule in run["tool"]["driver"]["rules"]}
    assert helped["bad-value"].startswith("docs/lint.md#errors ")
    assert helped["id-unused"].startswith("docs/lint.md#id-unused ")
    assert all(rule["shortDescription"]["text"] for rule in run["tool"]["driver"]["rules"])
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] in {"error", "warning"}
        assert result["locations"][0]["physicalLocation"]["region"]["startLine"] >= 1


@pytest.mark.parametrize("docs", ["https://docs.acme.example/x", "https://docs.acme.example/x/"])
def test_sarif_links_each_code_to_its_section(docs: str) -> None:
    log = json.loads(written(FOUND, "sarif", docs=docs))
    rules = {rule["id"]: rule for rule in log["runs"][0]["tool"]["driver"]["rules"]}
    assert rules["bad-value"]["helpUri"] == "https://docs.acme.example/x/lint.md#errors"
    assert rules["id-unused"]["helpUri"] == "https://docs.acme.example/x/lint.md#id-unused"
    assert all(f"]({rule['helpUri']})" in rule["help"]["markdown"] for rule in rules.values())


@pytest.mark.parametrize(
    ("file", "uri"),
    [
        ("policies/ci.yaml", "policies/ci.yaml"),
        ("standard input", "standard%20input"),
        # what would end a path, begin a query, or be read as a scheme
        ("a#b?c%.yaml", "a%23b%3Fc%25.yaml"),
        ("c:policy.yaml", "c%3Apolicy.yaml"),
    ],
)
def test_sarif_names_the_file_by_a_uri(file: str, uri: str) -> None:
    log = json.loads(written([Located(finding=ERROR, file=file, place=Place(line=1, column=1))], "sarif"))
    (result,) = log["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"] == {"uri": uri}


@pytest.mark.parametrize("wanted", FORMATS)
def test_no_suggestion_prints_no_arrow(wanted: Format) -> None:
    plain = Finding(severity="error", code="missing", path=("version",), message="is missing", suggestion="")
    text = written([Located(finding=plain, file="p.yaml", place=Place(line=1, column=1))], wanted)
    assert "->" not in text
    assert "is missing;" not in text


@pytest.mark.parametrize("wanted", FORMATS)
def test_no_findings_print_nothing(wanted: Format) -> None:
    text = written([], wanted)
    assert text == "" if wanted in ("text", "github") else json.loads(text) is not None
