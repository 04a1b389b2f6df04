"""The service decides by a folder as it does by one document, and so does the command line."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from sandbox.evidence import object_of
from tests.cli.program import run
from tests.service.front import Front, Log
from token_exchange.core.ports import Json


@pytest.fixture
def folder(environment: dict[str, str], tmp_path: Path) -> Path:
    """Lay the grants of the tests' policy into two files that may name whatever those grants name."""
    one = Path(environment["TOKEN_EXCHANGE_POLICY"].removeprefix("file:"))
    whole = object_of(yaml.safe_load(one.read_text().replace("2020-01-01", "'2020-01-01'")), "policy")
    grants = whole.pop("grants")
    assert isinstance(grants, list)
    issuers = object_of(whole["issuers"], "issuers")
    everything = {
        "issuers": list(issuers),
        "organizations": [each for entry in issuers.values() for each in object_of(entry, "entry")["organizations"]],  # type: ignore[attr-defined] # a list
        "registries": list(object_of(whole["registries"], "registries")),
        "roles": sorted({str(grant["role"]) for grant in grants}),
        "repository_prefixes": sorted(
            {
                str(name).partition("*")[0].rpartition("/")[0] or str(name)
                for grant in grants
                for name in [*grant["repositories"], *grant.get("also_pull", [])]
            }
        ),
    }
    files = {"grants/a.yaml": grants[:2], "grants/b.yaml": grants[2:]}
    (tmp_path / "policy" / "grants").mkdir(parents=True)
    shutil.copy(one.parent / "ca.pem", tmp_path / "policy")
    (tmp_path / "policy" / "policy.yaml").write_text(json.dumps(whole | {"files": dict.fromkeys(files, everything)}))
    for name, held in files.items():
        (tmp_path / "policy" / name).write_text(json.dumps({"grants": held}))
    return tmp_path / "policy"


def test_a_login_by_a_folder(folder: Path, changed: Callable[[dict[str, str]], Front], log: Callable[[], Log]) -> None:
    front = changed({"TOKEN_EXCHANGE_POLICY": f"file:{folder}"})
    answer = front.send(front.token(), "registry=apps")
    assert answer.status == 200, log().text
    (line,) = log().audit
    in_force = front.send(method="GET", path="/v1/health").fields["policy"]
    assert str(line["policy_sha256"]).startswith(str(object_of(in_force, "policy")["sha256"]))
    token = folder / "token.jwt"
    token.write_text(front.token())
    told = run("policy", "explain", folder, "--token", token, "--registry", "apps", "--json")
    assert told.fields["decision"] == "granted"


def test_a_grant_beyond_its_file_keeps_the_last_good_folder(
    folder: Path, changed: Callable[[dict[str, str]], Front], log: Callable[[], Log]
) -> None:
    front = changed({"TOKEN_EXCHANGE_POLICY": f"file:{folder}", "TOKEN_EXCHANGE_POLICY_MAX_AGE": "0"})
    before = front.send(method="GET", path="/v1/health").fields["policy"]
    path = folder / "grants" / "b.yaml"
    path.write_text(path.read_text().replace('"role": "arn:aws:iam::', '"role": "arn:aws:iam::9'))
    log()
    assert front.send(front.token(), "registry=apps").status == 200
    lines = [line for line in log().events if line["event"] == "policy-not-loaded"]
    assert lines
    problems = lines[0]["problems"]
    assert isinstance(problems, list)
    assert str(problems[0]).startswith("grants/b.yaml: grants[0].role: ")
    after = front.send(method="GET", path="/v1/health").fields["policy"]
    assert after == {**object_of(before, "policy"), "refused": True}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("source_identity", "acme-b"),
        ("session_tags", {"repository": "acme/b", "repository_id": "70010099", "grant": "team-b"}),
    ],
)
def test_no_session_speaks_in_another_teams_name(
    folder: Path, changed: Callable[[dict[str, str]], Front], log: Callable[[], Log], key: str, value: Json
) -> None:
    front = changed({"TOKEN_EXCHANGE_POLICY": f"file:{folder}", "TOKEN_EXCHANGE_POLICY_MAX_AGE": "0"})
    for path in (folder / "grants").iterdir():
        grants = object_of(json.loads(path.read_text()), "grants")["grants"]
        assert isinstance(grants, list)
        path.write_text(json.dumps({"grants": [object_of(each, "grant") | {key: value} for each in grants]}))
    log()
    assert front.send(front.token(), "registry=apps").status == 200
    (problems,) = [line["problems"] for line in log().events if line["event"] == "policy-not-loaded"]
    assert f"grants/a.yaml: grants[0].{key}: expected true or false" in str(problems)
    (assumed,) = front.backends.aws.requests("sts:AssumeRole")
    said = {name: text for name, text in assumed.parameters.items() if name != "Policy"}
    assert said["SourceIdentity"] == "acme-shop-d21b2cdf12b74c75"
    assert "acme/shop" in said.values()
    assert "acme-b" not in said.values()
    assert "acme/b" not in said.values()


def test_the_command_line_says_in_which_file_a_problem_is(folder: Path) -> None:
    (folder / "grants" / "c.yaml").write_text("grants: []")
    done = run("policy", "explain", folder, "--claims", "-", given="{}")
    assert done.status == 2
    assert f"{folder}: grants/c.yaml: expected an entry for this file under files" in done.err
