"""`roles --directory`: as many templates as AWS takes, and each role in the one that has it already."""

import json
from pathlib import Path

import pytest

from tests.cli.program import run, write_policy
from tests.cli.roles.made import ACCOUNT, BROKER, role_names, roles_in
from tests.deploy.cloudformation import mapping
from tests.loading.documents import Document, grant
from token_exchange_cli.roles import parts

SMALL_RESOURCES, SMALL_BYTES = 10, 25_000


def roles_of(count: int, *, start: int = 0, accounts: int = 1) -> list[Document]:
    return [
        grant(name=f"team-{number}", role=f"arn:aws:iam::{300000000000 + number % accounts}:role/teams/team-{number}")
        for number in range(start, start + count)
    ]


def files(folder: Path) -> list[set[str]]:
    """Return the roles' logical ids in each file."""
    paths = sorted(folder.glob("roles-*.json"), key=lambda path: int(path.stem.partition("-")[2]))
    return [set(role_names(json.loads(path.read_text()))) for path in paths]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a template take ten resources, so that the tests of what is moved need few roles."""
    monkeypatch.setattr(parts, "MAX_RESOURCES", SMALL_RESOURCES)
    monkeypatch.setattr(parts, "MAX_BYTES", SMALL_BYTES)


def written(tmp_path: Path, *grants: Document) -> list[set[str]]:
    folder = tmp_path / "roles"
    done = run("roles", write_policy(tmp_path, *grants), "--broker-role", BROKER, "--directory", folder)
    assert done.status == 0, done.err
    found = files(folder)
    assert [int(line.split()[1]) for line in done.out.splitlines()] == [len(names) for names in found]
    return found


def test_six_hundred_roles_become_templates_that_aws_takes(tmp_path: Path) -> None:
    found = written(tmp_path, *roles_of(600, accounts=300))
    assert len(set[str]().union(*found)) == sum(map(len, found)) == 600
    assert len(found) > 1
    for path in (tmp_path / "roles").iterdir():
        assert path.stat().st_size <= parts.MAX_BYTES
        assert len(mapping(json.loads(path.read_text()), "Resources")) <= parts.MAX_RESOURCES


def test_six_hundred_roles_are_not_printed_as_one(tmp_path: Path) -> None:
    done = run("roles", write_policy(tmp_path, *roles_of(600)), "--broker-role", BROKER, "--json")
    assert (done.status, done.out) == (1, "")
    assert "601 resources, but CloudFormation accepts 500: use --directory" in done.err


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_template_is_measured_as_it_is_printed(tmp_path: Path, options: tuple[str, ...]) -> None:
    for count in (14, 17, 20, 26, 34):
        done = run("roles", write_policy(tmp_path, *roles_of(count)), *options)
        assert ("upload it to S3" in done.err) is (len(done.out.encode()) > 51_200)


@pytest.mark.usefixtures("small")
def test_a_role_stays_in_its_file(tmp_path: Path) -> None:
    first = written(tmp_path, *roles_of(12))
    assert [len(names) for names in first] == [8, 4]
    # The first role is gone, and there are four more.
    second = written(tmp_path, *roles_of(15, start=1))
    assert all(before & set[str]().union(*second) <= after for before, after in zip(first, second, strict=True))
    assert len(set[str]().union(*second)) == 15


@pytest.mark.usefixtures("small")
def test_new_roles_join_their_account(tmp_path: Path) -> None:
    accounts = [roles_of(1, start=number, accounts=2)[0] for number in range(16)]
    assert [len(names) for names in written(tmp_path, *accounts)] == [8, 8]
    fewer = [*accounts[:6], *accounts[8:14]]
    written(tmp_path, *fewer)
    text = (tmp_path / "roles" / "roles-1.json").read_text()
    assert roles_in("300000000000", text, tmp_path)
    assert not roles_in(ACCOUNT, text, tmp_path)


@pytest.mark.usefixtures("small")
def test_a_file_without_roles_remains(tmp_path: Path) -> None:
    written(tmp_path, *roles_of(12))
    folder = tmp_path / "roles"
    done = run("roles", write_policy(tmp_path, *roles_of(4, start=8)), "--broker-role", BROKER, "--directory", folder)
    assert "roles-1.json has no role any more; its stack set still needs this template" in done.err
    assert [len(names) for names in files(folder)] == [0, 4]


@pytest.mark.usefixtures("small")
def test_roles_that_outgrow_their_file_are_refused(tmp_path: Path) -> None:
    before = written(tmp_path, *roles_of(8))
    grown = [one | {"repositories": [f"{'x' * 90}-{number}" for number in range(30)]} for one in roles_of(8)]
    folder = tmp_path / "roles"
    done = run("roles", write_policy(tmp_path, *grown), "--broker-role", BROKER, "--directory", folder)
    assert (done.status, done.out) == (1, "")
    assert "roles-1.json: it would have" in done.err
    assert f"but CloudFormation accepts {SMALL_BYTES}; give some of its grants other roles" in done.err
    assert files(folder) == before


def test_an_account_without_roles_gets_a_stack_all_the_same(tmp_path: Path) -> None:
    written(tmp_path, *roles_of(1))
    resources = mapping(json.loads((tmp_path / "roles" / "roles-1.json").read_text()), "Resources")
    assert resources["NoRoleInThisAccount"] == {"Type": "AWS::CloudFormation::WaitConditionHandle"}


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("roles-1.json", "{", "roles-1.json: not a template that this command wrote (JSONDecodeError)"),
        ("roles-1.json", "[]", "roles-1.json: not a template that this command wrote (no Resources)"),
        ("roles-1.json", b"\xff", "roles-1.json: not a template that this command wrote (UnicodeDecodeError)"),
        ("roles-2.json", "{}", "expected roles-1.json to roles-1.json, found the numbers [2]"),
    ],
)
def test_a_folder_of_something_else_is_not_written(tmp_path: Path, name: str, content: str | bytes, said: str) -> None:
    folder = tmp_path / "roles"
    folder.mkdir()
    raw = content if isinstance(content, bytes) else content.encode()
    (folder / name).write_bytes(raw)
    done = run("roles", write_policy(tmp_path, grant()), "--directory", folder)
    assert (done.status, done.out) == (2, "")
    assert said in done.err
    assert [path.read_bytes() for path in folder.iterdir()] == [raw]


def test_a_directory_that_cannot_be_made_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = run("roles", write_policy(tmp_path, grant()), "--directory", tmp_path / "file" / "roles")
    assert (done.status, done.out) == (2, "")
    assert "cannot write to" in done.err


@pytest.mark.parametrize("option", [("--account", ACCOUNT), ("--json",)])
def test_a_directory_has_the_roles_of_all_accounts(tmp_path: Path, option: tuple[str, ...]) -> None:
    done = run("roles", write_policy(tmp_path, grant()), "--directory", tmp_path / "roles", *option)
    assert (done.status, done.out) == (2, "")
    assert "omit --account and --json" in done.err
