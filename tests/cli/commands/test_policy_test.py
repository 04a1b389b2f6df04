"""`policy test`: expected decisions run against a policy."""

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import yaml

from tests.ci_claims import github_claims
from tests.cli.program import Printed, run, write_json, write_policy
from tests.loading.documents import Document, grant
from token_exchange.core.ports import Json

MAIN = grant(
    name="main", match={"branch": "main"}, access="push", repositories=["ci/{repository}", "ci/{repository}/*"]
)
BASE = grant(name="base", registry="base", match={"environment": "base"})
LOGIN: Document = {
    "grant": "main",
    "access": "push",
    "registry": "apps",
    "repositories": ["ci/nordlicht/kompass/*", "ci/nordlicht/kompass"],
    "also_pull": [],
    "duration": "1h",
}


def _case(name: str = "a test", *, claims: dict[str, Json] | None = None, **changes: Json) -> Document:
    fields: Document = {
        "name": name,
        "issuer": "github",
        "claims": github_claims() if claims is None else claims,
        "expect": LOGIN,
        **changes,
    }
    return {key: value for key, value in fields.items() if value is not None}


def _test(
    folder: Path, *cases: Json, grants: tuple[Document, ...] = (MAIN, BASE), options: tuple[str, ...] = ()
) -> Printed:
    tests = folder / "tests.yaml"
    tests.write_text(yaml.safe_dump([*cases]))
    return run("policy", "test", write_policy(folder, *grants), tests, *options)


def _outcome(folder: Path, case: Document, *, grants: tuple[Document, ...] = (MAIN, BASE)) -> tuple[bool, Document]:
    done = _test(folder, case, options=("--json",), grants=grants)
    (told,) = done.texts("cases")
    assert done.fields["passed"] == (1 if told["passed"] else 0)
    assert done.fields["failed"] == (0 if told["passed"] else 1)
    assert done.status == (0 if told["passed"] else 1)
    found = told["found"]
    assert isinstance(found, dict)
    return told["passed"] is True, found


def test_expected_decision_passes(tmp_path: Path) -> None:
    done = _test(
        tmp_path,
        _case("main may push"),
        _case(
            "a pull request may not",
            claims=github_claims(event_name="pull_request"),
            expect={"denied": "untrusted-trigger"},
        ),
    )
    assert (done.status, done.err) == (0, "")
    assert done.out == "passed main may push\npassed a pull request may not\n2 passed, 0 failed\n"


def test_unexpected_decision_fails_with_both(tmp_path: Path) -> None:
    done = _test(
        tmp_path,
        _case("another access", expect={"grant": "main", "access": "pull"}),
        _case("a denial", expect={"denied": "denied"}),
        _case("another branch", claims=github_claims(ref="refs/heads/x"), expect={"grant": "main"}),
    )
    assert done.status == 1
    file = tmp_path / "tests.yaml"
    assert done.out.splitlines() == [
        "failed another access",
        f"  {file}[0]",
        "  expected grant main, access pull",
        "  found grant main, access push",
        "failed a denial",
        f"  {file}[1]",
        "  expected denied denied",
        '  found grant main, access push, repositories ["ci/nordlicht/kompass", "ci/nordlicht/kompass/*"]',
        "failed another branch",
        f"  {file}[2]",
        "  expected grant main",
        (
            "  found denied no-matching-grant, description no grant allows this: 'main' wants branch main, "
            "the token has x"
        ),
        "0 passed, 3 failed",
    ]


@pytest.mark.parametrize(
    ("expected", "passed"),
    [
        ({"grant": "main"}, True),
        ({"grant": "main", "repositories": ["ci/nordlicht/kompass", "ci/nordlicht/kompass/*"]}, True),
        ({"grant": "main", "repositories": ["ci/nordlicht/kompass"]}, False),
        ({"grant": "main", "repositories": ["ci/nordlicht/*"]}, False),
        ({"grant": "main", "also_pull": ["base/*"]}, False),
        ({"grant": "main", "duration": "30m"}, False),
        ({"grant": "main", "registry": "base"}, False),
        ({"grant": "base"}, False),
        ({"grant": "nobodys"}, False),
        ({"denied": "no-matching-grant"}, False),
    ],
)
def test_every_given_field_is_compared(tmp_path: Path, expected: Document, passed: bool) -> None:  # noqa: FBT001 - a table's column
    assert _outcome(tmp_path, _case(expect=expected))[0] is passed


@pytest.mark.parametrize(
    ("ask", "expected"),
    [
        ({"registry": "apps"}, {"grant": "main"}),
        ({"registry": ["apps"], "grant": "main"}, {"grant": "main"}),
        ({"registry": "base"}, {"denied": "no-matching-grant"}),
        ({"registry": "nowhere"}, {"denied": "unknown-registry"}),
        ({"grant": "nobodys"}, {"denied": "unknown-grant"}),
        (
            {"scope": "repository:ci/nordlicht/kompass:pull"},
            {"grant": "main", "access": "pull", "repositories": ["ci/nordlicht/kompass"]},
        ),
        ({"scope": "repository:ci/other:pull"}, {"denied": "scope-exceeds-grant"}),
    ],
)
def test_request_is_part_of_the_case(tmp_path: Path, ask: Document, expected: Document) -> None:
    assert _outcome(tmp_path, _case(ask=ask, expect=expected))[0]


@pytest.mark.parametrize(
    ("fields", "passed"),
    [
        ({"access": "pull", "repositories": ["ci/nordlicht/kompass"]}, True),  # what the scope names
        ({"access": "pull", "repositories": ["ci/nordlicht/kompass", "ci/nordlicht/kompass/*"]}, True),  # the grant's
        ({"access": "pull", "repositories": ["ci/nordlicht/kompass"], "also_pull": ["base/*"]}, False),  # some of both
        ({"access": "push", "repositories": ["ci/nordlicht/kompass", "ci/nordlicht/kompass/*"]}, False),
        ({"repositories": ["ci/nordlicht/kompass/*"]}, False),
    ],
)
def test_a_scope_or_the_whole_grant_is_expected(tmp_path: Path, fields: Document, passed: bool) -> None:  # noqa: FBT001 - a table's column
    with_base: Document = {**MAIN, "also_pull": ["base/*"]}
    case = _case(ask={"scope": "repository:ci/nordlicht/kompass:pull"}, expect={"grant": "main", **fields})
    assert _outcome(tmp_path, case, grants=(with_base,))[0] is passed


def test_expected_login_is_found_among_several(tmp_path: Path) -> None:
    claims = github_claims(environment="base")
    for name in ("main", "base"):
        passed, found = _outcome(tmp_path, _case(claims=claims, expect={"grant": name}))
        assert passed
        assert found == {"grant": name, "others": ["base" if name == "main" else "main"]}


def test_a_token_that_is_refused_is_denied(tmp_path: Path) -> None:
    case = _case(claims=github_claims(repository_id=None), expect={"denied": "missing-claim"})
    assert _outcome(tmp_path, case)[0]


def test_claims_file_is_relative_to_the_tests(tmp_path: Path) -> None:
    (tmp_path / "claims").mkdir()
    write_json(tmp_path / "claims" / "main.json", github_claims())
    alone = _case(claims_file="claims/main.json")
    del alone["claims"]
    assert _outcome(tmp_path, alone)[0]
    # Those of the test come in their stead, and null takes one out.
    changed = _case(
        claims={"ref": "refs/heads/x"}, claims_file="claims/main.json", expect={"denied": "no-matching-grant"}
    )
    assert _outcome(tmp_path, changed)[0]
    lacks = _case(claims={"repository_id": None}, claims_file="claims/main.json", expect={"denied": "missing-claim"})
    assert _outcome(tmp_path, lacks)[0]


def test_several_files_are_summed_up(tmp_path: Path) -> None:
    policy = write_policy(tmp_path, MAIN)
    files = [tmp_path / "a.yaml", tmp_path / "b.yaml"]
    for file in files:
        file.write_text(yaml.safe_dump([_case("the same name")]))
    done = run("policy", "test", policy, *files, "--json")
    assert (done.status, done.fields["passed"]) == (0, 2)
    assert [case["file"] for case in done.texts("cases")] == [str(file) for file in files]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the document is empty"),
        ("{}", "expected a list of tests, found a mapping"),
        ("[]", "there are no tests"),
        ("[1]", "[0]: expected a mapping, found the number 1"),
        ("- name: x\n  claims: [", "line "),
        ("- {name: x, claims: {a: b}}", "[0].expect: missing"),
        ("- {claims: {a: b}, expect: {grant: g}}", "[0].name: missing"),
        ("- {name: x, expect: {grant: g}}", "[0].claims: missing; give claims, claims_file or both"),
        ("- {name: x, claims: [a], expect: {grant: g}}", "[0].claims: expected a mapping"),
        ("- {name: x, claims: {a: yes}, expect: {grant: g}}", "[0].claims.a: looks like a boolean; quote it"),
        ("- {name: x, claims: {a: {b: [1, 2027-01-01]}}, expect: {grant: g}}", "[0].claims.a.b[1]: looks like a date"),
        ("- {name: x, claims: {a: b}, expects: {grant: g}}", "[0].expects: unknown key; did you mean expect?"),
        ("- {name: x, claims: {a: b}, expect: {denied: no-matching-grants}}", "such as no-matching-grant, found"),
        ("- {name: x, claims: {a: b}, expect: {denied: true}}", "[0].expect.denied: expected a string, found true"),
        ("- {name: x, claims: {a: b}, expect: {access: pull}}", "[0].expect.grant: missing"),
        ("- {name: x, claims: {a: b}, expect: {grant: g, access: write}}", "[0].expect.access: expected pull or push"),
        ("- {name: x, claims: {a: b}, expect: {grant: g, denied: denied}}", "[0].expect.grant: unknown key"),
        (
            "- {name: x, claims: {a: b}, expect: {grant: g, repositories: a}}",
            "[0].expect.repositories: expected a list",
        ),
        (
            "- {name: x, claims: {a: b}, ask: {scope: ci}, expect: {grant: g}}",
            "[0].ask.scope: expected repository:NAME",
        ),
        ("- {name: x, claims: {a: b}, ask: {format: json}, expect: {grant: g}}", "[0].ask.format: unknown key"),
        ("- {name: x, claims_file: nowhere.json, expect: {grant: g}}", "nowhere.json: no such file or directory"),
        ("- {name: x, claims_file: '-', expect: {grant: g}}", "[0].claims_file: expected a file next to the tests"),
        (
            "- &a {name: x, claims: {a: b}, expect: {grant: g}}",
            "[0]: anchors and aliases are not allowed",
        ),
        (
            "- {name: x, claims: {a: b}, expect: {grant: g}}\n- {name: x, claims: {a: b}, expect: {grant: g}}",
            "[1].name: another test of this file has this name",
        ),
    ],
)
def test_invalid_test_is_reported_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    tests = tmp_path / "tests.yaml"
    tests.write_text(text)
    done = run("policy", "test", write_policy(tmp_path, MAIN), tests)
    assert (done.status, done.out) == (2, "")
    assert message in done.err
    assert done.err.startswith(f"{tests}: ")


def test_swapped_files_are_named(tmp_path: Path) -> None:
    tests = tmp_path / "tests.yaml"
    tests.write_text("- {name: x, claims: {a: b}, expect: {grant: g}}\n")
    done = run("policy", "test", tests, write_policy(tmp_path, MAIN))
    text = f"{tests}: expected a mapping, found a list; give the policy first, then the tests\n"
    assert (done.status, done.out, done.err) == (2, "", text)


def test_all_problems_are_reported(tmp_path: Path) -> None:
    done = _test(tmp_path, {"name": "a"}, {"name": "b", "claims": {}, "expect": 1})
    assert done.status == 2
    assert {line.partition(": ")[2].partition(":")[0] for line in done.err.splitlines()} >= {
        "[0].claims",
        "[0].expect",
        "[1].expect",
    }


@pytest.mark.parametrize("issuer", ["nobody", None])
def test_unknown_issuer_is_reported_with_its_place(tmp_path: Path, issuer: str | None) -> None:
    done = _test(tmp_path, _case(issuer=issuer, claims=github_claims(iss=None)))
    assert (done.status, done.out) == (2, "")
    assert "tests.yaml: [0].issuer: " in done.err


def test_junit_has_every_test(tmp_path: Path) -> None:
    report = tmp_path / "results.xml"
    done = _test(
        tmp_path,
        _case("passes"),
        _case("fails <&> \U0001f600", expect={"denied": "denied"}),
        options=("--junit", str(report)),
    )
    assert done.status == 1
    root = ET.parse(report).getroot()  # noqa: S314 - our own program wrote it
    assert (root.tag, root.get("tests"), root.get("failures")) == ("testsuites", "2", "1")
    (suite,) = root
    assert suite.get("name") == str(tmp_path / "tests.yaml")
    passed, failed = suite
    assert (passed.get("name"), list(passed)) == ("passes", [])
    assert str(failed.get("name")).startswith("fails <&> ")
    (failure,) = failed
    assert str(failure.text).startswith("expected denied denied\nfound grant main")


def test_unwritable_report_gives_a_message(tmp_path: Path) -> None:
    done = _test(tmp_path, _case(), options=("--junit", str(tmp_path)))
    assert done.status == 2
    assert done.err == f"{str(tmp_path)!a}: is a directory\n"


def test_a_report_needs_a_file_of_its_own(tmp_path: Path) -> None:
    done = _test(tmp_path, _case(), options=("--junit", "-"))
    assert (done.status, done.out) == (2, "")
    assert "--junit: expected a file; the results are printed on standard output" in done.err


def test_a_hidden_character_in_the_tests_is_refused(tmp_path: Path) -> None:
    tests = tmp_path / "tests.yaml"
    tests.write_bytes(b"- name: a # \xe2\x80\xa8  x\n")
    done = run("policy", "test", write_policy(tmp_path, MAIN, BASE), tests)
    assert (done.status, done.out) == (2, "")
    assert (
        "tests.yaml: line 1, column 13: expected only visible characters, found the line separator U+2028" in done.err
    )
