"""`init`: what it writes loads, is lint-free and passes its tests; what it cannot use it says, and writes nothing."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.cli.onboarding.examples import FIXED_AUDIENCE, OWN, options
from tests.cli.program import run
from token_exchange_cli.onboarding.files import POLICY, STEP, TESTS
from token_exchange_cli.systems.catalog import SYSTEMS

PROGRAM = Path(sys.executable).with_name("token-exchange")
EVERY_SYSTEM = pytest.mark.parametrize("name", SYSTEMS)


def test_every_system_has_an_example() -> None:
    assert set(OWN) == set(SYSTEMS)


@EVERY_SYSTEM
def test_the_policy_loads_and_passes_its_tests(tmp_path: Path, name: str) -> None:
    made = run("init", tmp_path / "new", *options(name))
    assert made.status == 0, made.err
    tested = run("policy", "test", tmp_path / "new" / POLICY, tmp_path / "new" / TESTS, "--json")
    assert (tested.status, tested.fields["failed"]) == (0, 0)
    assert int(str(tested.fields["passed"])) > 1


@EVERY_SYSTEM
def test_the_linter_warns_only_where_a_comment_allows_it(tmp_path: Path, name: str) -> None:
    run("init", tmp_path, *options(name))
    linted = run("policy", "lint", tmp_path / POLICY, "--json", "--strict")
    assert (linted.status, linted.fields) == (0, {"findings": []})
    policy = tmp_path / POLICY
    unavoidable = SYSTEMS[name].starter.warnings
    assert dict(re.findall(r"# lint: allow ([a-z-]+): (.*)", policy.read_text())) == unavoidable
    # A comment that is not needed would hide a warning one day.
    policy.write_text(policy.read_text().replace("lint: allow", ""))
    linted = run("policy", "lint", policy, "--json")
    assert {str(finding["code"]) for finding in linted.texts("findings")} == set(unavoidable)


@pytest.mark.parametrize(
    ("name", "key", "condition"),
    [
        (name, key, condition)
        for name, system in SYSTEMS.items()
        for key, conditions in (("match", system.starter.match), ("claims", system.starter.claims_match))
        for condition in conditions
    ],
)
def test_a_test_fails_without_any_one_condition(tmp_path: Path, name: str, key: str, condition: str) -> None:
    run("init", tmp_path, *options(name))
    policy = yaml.safe_load((tmp_path / POLICY).read_text())
    grant = policy["grants"][0]
    del grant[key][condition]
    if not grant[key]:
        del grant[key]
        # A grant has to name someone: here the whole allowlist.
        organization = "organization" if "organization" in _vocabulary(policy) else "organization_id"
        grant["match"] = {organization: {"like": "*"}}
    (tmp_path / "weak.yaml").write_text(yaml.safe_dump(policy))
    tested = run("policy", "test", tmp_path / "weak.yaml", tmp_path / TESTS)
    assert tested.status == 1, tested.out


def _vocabulary(policy: dict[str, dict[str, dict[str, list[dict[str, str]]]]]) -> set[str]:
    """Return the names that the allowlist goes by."""
    (entry,) = policy["issuers"].values()
    return {"organization" if "name" in item else "organization_id" for item in entry["organizations"]}


@EVERY_SYSTEM
def test_the_step_logs_in_to_the_registry_of_the_policy(tmp_path: Path, name: str) -> None:
    run("init", tmp_path, *options(name))
    step = (tmp_path / STEP).read_text()
    assert "444455556666.dkr.ecr.eu-central-1.amazonaws.com" in step
    assert "registry=apps&" in step
    policy = yaml.safe_load((tmp_path / POLICY).read_text())
    assert set(policy["registries"]) == {"apps"}
    assert "EXCHANGE=https://" in step


@pytest.mark.parametrize("region", ["cn-north-1", "us-gov-west-1"])
def test_every_partition_has_its_own_names(tmp_path: Path, region: str) -> None:
    made = run("init", tmp_path, *options("gitlab", region=region))
    assert made.status == 0, made.err
    partition, suffix = ("aws-cn", "amazonaws.com.cn") if region.startswith("cn") else ("aws-us-gov", "amazonaws.com")
    assert f"role: arn:{partition}:iam::444455556666" in (tmp_path / POLICY).read_text()
    assert f"444455556666.dkr.ecr.{region}.{suffix}\n" in (tmp_path / STEP).read_text()


@pytest.mark.parametrize(("name", "key"), [("gitlab", "issuer: https://"), ("github-actions", "host: ")])
def test_a_self_hosted_server_is_in_the_issuer_entry(tmp_path: Path, name: str, key: str) -> None:
    made = run("init", tmp_path, *options(name, host="code.globex.example"))
    assert made.status == 0, made.err
    assert f"    {key}code.globex.example\n" in (tmp_path / POLICY).read_text()


def test_a_name_that_no_folder_can_have_is_refused(tmp_path: Path) -> None:
    done = run("init", tmp_path / ("x" * 300), *options("gitlab"))
    assert (done.status, done.out) == (2, "")
    assert "not the name of a folder" in done.err


def test_an_empty_name_is_not_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = run("init", "", *options("gitlab"))
    assert (done.status, done.out) == (2, "")
    assert "not the name of a folder" in done.err
    assert list(tmp_path.iterdir()) == []


def test_a_folder_below_a_file_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("kept")
    done = run("init", tmp_path / "file" / "new", *options("gitlab"))
    assert (done.status, done.out) == (2, "")
    assert "not a directory" in done.err
    assert (tmp_path / "file").read_text() == "kept"


def test_a_file_that_came_meanwhile_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make = Path.mkdir

    def make_and_lose_the_race(folder: Path, *, parents: bool, exist_ok: bool) -> None:
        make(folder, parents=parents, exist_ok=exist_ok)
        (folder / STEP).write_text("theirs")

    monkeypatch.setattr(Path, "mkdir", make_and_lose_the_race)
    done = run("init", tmp_path / "new", *options("gitlab"))
    assert (done.status, done.out) == (2, "")
    assert "file exists" in done.err
    assert [path.name for path in (tmp_path / "new").iterdir()] == [STEP]
    assert (tmp_path / "new" / STEP).read_text() == "theirs"


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / TESTS).write_text("mine")
    made = run("init", tmp_path, *options("vela"))
    assert (made.status, made.out) == (2, "")
    assert f"{TESTS}: already exists, and is not overwritten" in made.err
    assert [path.name for path in tmp_path.iterdir()] == [TESTS]
    assert (tmp_path / TESTS).read_text() == "mine"


def test_a_link_to_nowhere_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / STEP).symlink_to(tmp_path / "elsewhere")
    assert run("init", tmp_path / "new", *options("vela")).status == 2
    assert not (tmp_path / "elsewhere").exists()


def test_a_file_instead_of_a_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    made = run("init", tmp_path / "file", *options("vela"))
    assert (made.status, made.err.strip().endswith("not a folder")) == (2, True)


@pytest.mark.parametrize(
    ("name", "changes", "says"),
    [
        ("gitlab", {"prefix": "Team/Images"}, "no capitals; write team/images"),
        ("gitlab", {"prefix": "team//images"}, "the beginning of repository names"),
        ("gitlab", {"prefix": "team/"}, "the beginning of repository names"),
        ("gitlab", {"account": "44445555666"}, "the 12 digits of an AWS account"),
        ("gitlab", {"account": "4444-5555-6666"}, "the 12 digits of an AWS account"),
        (
            "gitlab",
            {"account": "\uff14\uff14\uff14\uff14\uff15\uff15\uff15\uff15\uff16\uff16\uff16\uff16"},
            "the 12 digits of an AWS account",
        ),
        ("gitlab", {"region": "eu-central"}, "no region with this name"),
        ("gitlab", {"region": "xx-north-1"}, "no region with this name"),
        ("gitlab", {"audience": "sts.amazonaws.com"}, "AWS accepts sts.amazonaws.com too"),
        ("gitlab", {"audience": ""}, "one string for your service"),
        ("gitlab", {"exchange": "http://tokens.globex.example"}, "only over TLS"),
        (
            "gitlab",
            {"pipeline_id": "1", "actor": "me"},
            "a policy for gitlab does not use --actor, --pipeline-id; it needs --host (",
        ),
        ("semaphore", {"audience": "mine"}, "the audience is https://ORGANIZATION.semaphoreci.com"),
        # Ids that are none for this system.
        ("github-actions", {"organization_id": "globex"}, "expected a number"),
        ("github-actions", {"organization_id": "007"}, "expected a number"),
        ("github-actions", {"organization": "https://github.com/globex"}, "without a path or URL"),
        ("circleci", {"organization_id": "globex"}, "expected a UUID"),
        ("circleci", {"repository": "https://github.com/globex/shop"}, "without a host"),
        ("hcp-terraform", {"pipeline_id": "shop"}, "expected ws-"),
        ("codefresh", {"organization_id": "globex"}, "24 hexadecimal digits"),
        ("aws-sts", {"actor": "codebuild"}, "expected arn:aws:iam::ACCOUNT:role/NAME"),
        ("vela", {"host": "https://vela.globex.example"}, "without https://"),
        ("github-actions", {"host": "globex"}, "expected a host name in lower case, such as ci.example.com"),
        ("aws-sts", {"organization_id": "111122223333"}, "is not in the builds' account 111122223333"),
        ("gitlab", {"region": "EU-WEST-1"}, "AWS has no region with this name; did you mean eu-west-1?"),
        ("gitlab", {"exchange": "https://Tokens.globex.example"}, "in lower case; write https://tokens.globex.example"),
        ("gitlab", {"exchange": "tokens.globex.example"}, "found no https://; write https://tokens.globex.example"),
        # What would end a line, a quote or a comment of what is written.
        ("gitlab", {"organization": "globex\nversion: 2"}, "a name or a path of names"),
        ("gitlab", {"audience": "a # b"}, "one string for your service"),
        ("gitlab", {"prefix": 'a"]'}, "the beginning of repository names"),
    ],
)
def test_an_unusable_value_gives_a_message(tmp_path: Path, name: str, changes: dict[str, str], says: str) -> None:
    made = run("init", tmp_path / "new", *options(name, **changes))
    assert (made.status, made.out) == (2, "")
    assert says in made.err
    assert not (tmp_path / "new").exists()


@EVERY_SYSTEM
def test_without_a_terminal_every_missing_option_is_named(tmp_path: Path, name: str) -> None:
    made = run("init", tmp_path / "new", "--system", name)
    asks = SYSTEMS[name].starter.questions
    needed = {"account", "region", "prefix", *(asked for asked, ask in asks.items() if not ask.optional)}
    needed |= set() if name in FIXED_AUDIENCE else {"audience"}
    assert made.status == 2
    assert set(re.findall(r"(?:^|, )--([a-z-]+)", made.err.partition("give ")[2])) == needed


def test_an_unknown_region_gives_a_remark(tmp_path: Path) -> None:
    made = run("init", tmp_path, *options("gitlab", region="eu-west-9"))
    assert made.status == 0
    assert "unknown-region: no region eu-west-9 was known when this version was released; did you mean" in made.err


def test_a_misspelt_system_gets_a_suggestion(tmp_path: Path) -> None:
    assert "did you mean gitlab" in run("init", tmp_path / "new", "--system", "gitlba").err


def test_without_a_terminal_the_system_is_asked_for_first(tmp_path: Path) -> None:
    assert "is not a terminal; give --system" in run("init", tmp_path / "new").err


def test_an_audience_that_is_no_url_leaves_the_example(tmp_path: Path) -> None:
    made = run("init", tmp_path / "one", *options("vela", audience="globex-images"))
    assert "remark: --exchange is not given; the step uses the example https://exchange.acme.example" in made.err
    assert "# EXCHANGE is an example: " in (tmp_path / "one" / STEP).read_text()
    made = run(
        "init", tmp_path / "two", *options("vela", audience="globex-images", exchange="https://tokens.globex.example")
    )
    assert "--exchange" not in made.err
    step = (tmp_path / "two" / STEP).read_text()
    assert "EXCHANGE=https://tokens.globex.example " in step
    assert "is an example" not in step


def test_help_has_examples() -> None:
    assert "Examples:" in run("init", "--help").out


def test_json_names_the_files(tmp_path: Path) -> None:
    made = run("init", tmp_path, *options("vela"), "--json")
    assert made.fields == {"files": [str(tmp_path / name) for name in (POLICY, TESTS, STEP)], "tests_passed": True}


def answered(folder: Path, typed: list[str]) -> tuple[int, str, str]:
    """Run the program on a terminal on which `typed` is written, and return what came of it."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [PROGRAM, "init", "new"], cwd=folder, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as program:
        os.close(theirs)
        os.write(ours, "".join(f"{answer}\n" for answer in typed).encode())
        out, err = program.communicate(timeout=60)
    os.close(ours)
    return program.returncode, out, err


def test_a_terminal_asks_until_the_answer_is_usable(tmp_path: Path) -> None:
    typed = ["vela", "https://vela.acme.example", "vela.acme.example", "acme", "1", "111122223333", "eu-wset-1"]
    status, out, err = answered(tmp_path, [*typed, "eu-west-1", "CI", "ci", "https://exchange.acme.example", ""])
    assert status == 0, err
    assert out.splitlines() == [f"wrote new/{name}" for name in (POLICY, TESTS, STEP)]
    for said in ("without https://", "the 12 digits", "did you mean eu-west-1?", "no capitals; write ci"):
        assert said in err
    assert "region: eu-west-1}" in (tmp_path / "new" / POLICY).read_text()
    assert "host: vela.acme.example\n" in (tmp_path / "new" / POLICY).read_text()


def test_an_optional_question_can_be_left_empty(tmp_path: Path) -> None:
    typed = ["gitlba", "gitlab", "", "acme", "310", "111122223333", "eu-west-1", "ci", "acme-images"]
    status, _, err = answered(tmp_path, [*typed, "https://tokens.acme.example"])
    assert status == 0, err
    assert "did you mean gitlab" in err
    assert "    issuer:" not in (tmp_path / "new" / POLICY).read_text()
    assert "EXCHANGE=https://tokens.acme.example " in (tmp_path / "new" / STEP).read_text()
