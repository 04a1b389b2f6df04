import pytest

from tests.loading.documents import Document, changed, document, grant
from tests.loading.folders import TEAM, entry, folder_faults, folder_problems, load_folder, main_file, team_file
from token_exchange.core.ports import Json
from token_exchange.loading.document import identity_of
from token_exchange.loading.problems import Code

OTHER = "grants/other.yaml"
TWO: Document = {OTHER: entry(), TEAM: entry()}


def test_the_grants_of_a_folder_are_those_of_its_files() -> None:
    policy = load_folder(main_file())
    assert policy.grant_names == {"reader"}
    assert list(policy.issuers) == ["github", "gitlab", "own"]


def test_grants_are_ordered_by_path_and_then_as_written() -> None:
    contents = {
        TEAM: team_file(grant(name="z"), grant(name="a")),
        OTHER: team_file(grant(name="y"), grant(name="b")),
    }
    for files in (contents, dict(reversed(contents.items()))):
        assert [one.name for one in load_folder(main_file(TWO), files).grants] == ["y", "b", "z", "a"]


def test_the_identity_is_over_every_file_with_its_path() -> None:
    policy = load_folder(main_file())
    seen = {policy.sha256}
    seen.add(load_folder(main_file({TEAM: entry(registries=["apps", "base"])})).sha256)
    seen.add(load_folder(main_file(), {TEAM: team_file() + b"\n"}).sha256)
    seen.add(load_folder(main_file({OTHER: entry()}), {OTHER: team_file()}).sha256)
    assert len(seen) == 4
    # What is in one file cannot be taken for two: each has its path and length before it.
    assert identity_of("p", b"", {}, grant_files={"a": b"1", "b": b"2"}) != identity_of(
        "p", b"", {}, grant_files={"a": b"1b2"}
    )
    assert identity_of("p", b"", {}, grant_files={"b": b"2", "a": b"1"}) == identity_of(
        "p", b"", {}, grant_files={"a": b"1", "b": b"2"}
    )


def test_a_file_without_an_entry_has_no_grants() -> None:
    assert folder_faults(main_file(), {TEAM: team_file(), OTHER: team_file(grant(name="mine"))}) == [
        (OTHER, "", "missing")
    ]


def test_an_entry_without_a_file_is_one_too_many() -> None:
    assert folder_faults(main_file(TWO), {TEAM: team_file()}) == [
        ("policy.yaml", 'files["grants/other.yaml"]', "unknown-name")
    ]


def test_a_folder_without_grants_is_refused() -> None:
    assert ("policy.yaml", "grants", "missing") in folder_faults(main_file(), {})


def test_names_are_unique_across_files() -> None:
    assert folder_faults(main_file(TWO), {OTHER: team_file(), TEAM: team_file()}) == [
        (TEAM, "grants[0].name", "duplicate-name")
    ]


def test_grants_in_the_main_file_of_a_folder_are_refused() -> None:
    found = main_file() | {"grants": [grant(name="hidden")]}
    assert folder_faults(found) == [("policy.yaml", "grants", "conflict")]


def test_a_folder_with_a_one_file_policy_is_reported() -> None:
    (problem,) = folder_problems(document(), {})
    assert (problem.path, problem.code) == (("grants",), "conflict")
    assert problem.message.endswith("to load a policy of one file, give the file and not its folder")


@pytest.mark.parametrize("key", ["version", "issuers", "registries", "deny", "files"])
def test_a_file_of_grants_holds_only_grants(key: str) -> None:
    text = team_file()[:-1] + f', "{key}": 1}}'.encode()
    assert folder_faults(main_file(), {TEAM: text}) == [(TEAM, key, "unknown-key")]


def test_a_folder_says_what_its_files_may_name() -> None:
    assert ("policy.yaml", "files", "missing") in folder_faults(document(grants=None))


@pytest.mark.parametrize(
    "path",
    [
        "grants/.hidden.yaml",
        "grants/deep/team.yaml",
        "grants/team.yml",
        "grants/..yaml",
        "team.yaml",
        "../grants/team.yaml",
        "grants/te\x1bam.yaml",
        "grants/te\udcffam.yaml",
    ],
)
def test_other_names_are_not_files_of_grants(path: str) -> None:
    (problem,) = [
        each
        for each in folder_problems(main_file(), {TEAM: team_file(), path: team_file()})
        if each.code == "bad-value"
    ]
    assert str(problem).isprintable()


@pytest.mark.parametrize(
    ("text", "path", "code"),
    [
        (b"\xff", "", "syntax"),
        (b"", "", "syntax"),
        (b"grants: [", "", "syntax"),
        (b"[]", "", "wrong-type"),
        (b"{}", "", "empty"),
        (b"grants: []", "grants", "empty"),
        (b"other: 1", "grants", "missing"),
    ],
)
def test_the_problems_of_every_file_are_reported(text: bytes, path: str, code: Code) -> None:
    found = folder_faults(main_file(TWO), {OTHER: text, TEAM: team_file(grant(access="both"))})
    assert (OTHER, path, code) in found
    assert (TEAM, "grants[0].access", "bad-value") in found


def test_an_unreadable_main_file_is_named() -> None:
    (problem,) = folder_problems({})
    assert str(problem).startswith("policy.yaml: ")


def test_a_problem_is_shown_with_its_file() -> None:
    (problem,) = folder_problems(main_file(), {TEAM: team_file(grant(access="both"))})
    assert str(problem) == "grants/team.yaml: grants[0].access: expected pull or push, found 'both'"


@pytest.mark.parametrize(
    ("key", "value", "code"),
    [
        # Each list says something, of what there is.
        ("issuers", None, "missing"),
        ("issuers", [], "empty"),
        ("issuers", ["nobody"], "unknown-name"),
        ("issuers", "github", "wrong-type"),
        ("organizations", None, "missing"),
        ("organizations", [], "empty"),
        ("organizations[0].name", "nord*", "bad-value"),
        ("registries", None, "missing"),
        ("registries", ["nowhere"], "unknown-name"),
        # Roles as the deployment takes them: an asterisk at the end alone, and never the account.
        ("roles", [], "empty"),
        ("roles", ["*"], "bad-value"),
        ("roles", ["arn:aws:iam::*:role/ci"], "bad-value"),
        ("roles", ["arn:aws:iam::210987654321:role/*"], "bad-value"),
        ("roles", ["arn:aws:iam::210987654321:role/*-reader"], "bad-value"),
        ("roles", ["arn:aws:iam::210987654321:user/ci"], "bad-value"),
        # Beginnings of names.
        ("repository_prefixes", [""], "empty"),
        ("repository_prefixes", ["/"], "bad-value"),
        ("repository_prefixes", ["*"], "bad-value"),
        ("repository_prefixes", ["base/*"], "bad-value"),
        ("repository_prefixes", ["Base/"], "bad-value"),
        ("repository_prefixes", ["base//"], "bad-value"),
        ("repository_prefixes", ["{repo}"], "bad-value"),
        # Signing profiles by their whole ARNs.
        ("signing_profiles", [], "empty"),
        ("signing_profiles", ["images"], "bad-value"),
        ("signing_profiles", ["arn:aws:signer:eu-central-1:210987654321:/signing-profiles/*"], "bad-value"),
        ("signing_profiles", "arn:aws:signer:eu-central-1:210987654321:/signing-profiles/image", "wrong-type"),
        # Ways to assume a role.
        ("assume", [], "empty"),
        ("assume", ["direct"], "bad-value"),
        ("assume", ["broker", "broker"], "duplicate-name"),
        ("assume", "web-identity", "wrong-type"),
        ("surprise", 1, "unknown-key"),
    ],
)
def test_invalid_entries_are_refused(key: str, value: Json, code: Code) -> None:
    spoilt = entry(**{key: None}) if value is None else changed(entry(), key, value)
    found = folder_faults(main_file({TEAM: spoilt}))
    assert [(file, each) for file, _, each in found] == [("policy.yaml", code)]
