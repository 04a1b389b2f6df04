"""The example of a policy's repository, and what the action and the component say about changes to it, through git."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from codeowners import CodeOwners

from tests.cli.program import run
from tests.docs.pages import ROOT
from tests.docs.schemas import check_schema
from tests.requirements_present import GITLAB_CI_LOCAL

pytestmark = pytest.mark.program("git")

EXAMPLE = ROOT / "docs/examples/policy-repository"
ACTION = ROOT / "clients/github-actions/policy-review/action.yml"
COMPONENT = ROOT / "clients/gitlab/policy-review.yml"
SHOP, LABS, MAIN = "policy/grants/shop.yaml", "policy/grants/labs.yaml", "policy/policy.yaml"
DEV = ("branch: main", "branch: [main, dev]")


def action_script() -> str:
    return str(yaml.safe_load(ACTION.read_text())["runs"]["steps"][1]["run"])


def component_script() -> str:
    job = yaml.safe_load(COMPONENT.read_text().partition("\n---\n")[2])["policy-review"]
    first, body = job["script"]
    for name, value in {"policy": "policy", "tests": "policy-tests.yaml", "audit": ""}.items():
        first = first.replace(f"$[[ inputs.{name} ]]", value)
    assert "$[[" not in first
    return f"{first}\n{body}"


def body_of(script: str) -> str:
    """Return the lines from the first parenthesis to the last."""
    return script[script.index("(\n") : script.rindex("\n)") + 2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewed:
    status: int
    printed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """The example in git, on a branch that starts at main."""

    folder: Path

    def git(self, *arguments: str) -> str:
        identity = ("-c", "user.name=ada", "-c", "user.email=ada@acme.example")
        done = subprocess.run(
            ["git", *identity, *arguments], cwd=self.folder, env=self._environment(), capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def change(self, path: str, old: str, new: str, message: str = "a change") -> None:
        file = self.folder / path
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))
        self.commit(message)

    def commit(self, message: str) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)

    def review(self, changes: Mapping[str, str] | None = None, *, component: bool = False) -> Reviewed:
        """Run the script of the action or the component, as a job of a change to main."""
        given = {
            "BASE": "main",
            "CI_MERGE_REQUEST_DIFF_BASE_SHA": "main",
            "POLICY": "policy",
            "TESTS": "policy-tests.yaml",
            "REVIEW": str(self.folder.parent / "review.md"),
            "GITHUB_OUTPUT": str(self.folder.parent / "output"),
            "GITHUB_STEP_SUMMARY": str(self.folder.parent / "summary"),
        }
        script = self.folder.parent / "script"
        script.write_text(component_script() if component else action_script())
        return self.run(["sh" if component else "bash", "-e", str(script)], given | dict(changes or {}))

    def run(self, command: Sequence[str], variables: Mapping[str, str] | None = None) -> Reviewed:
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self._environment() | dict(variables or {}),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=60,
        )
        assert len(self.git("worktree", "list").splitlines()) == 1
        return Reviewed(status=done.returncode, printed=done.stdout)

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(self.folder.parent),
            "TMPDIR": str(self.folder.parent),
            "GIT_CONFIG_NOSYSTEM": "1",
        }


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    found = Repository(folder=Path(shutil.copytree(EXAMPLE, tmp_path_factory.mktemp("first") / "repository")))
    found.git("init", "--quiet", "--template=", "--initial-branch", "main")
    found.commit("the first policy\n\nPolicy-Wider: shop-images")
    found.git("switch", "--quiet", "--create", "change")
    return found


@pytest.fixture
def repository(first: Repository, tmp_path: Path) -> Repository:
    return Repository(folder=Path(shutil.copytree(first.folder, tmp_path / "repository")))


# ----------------------------------------------------------------------------------------------------- what is in it


def test_its_policy_has_no_warning_and_passes_its_tests() -> None:
    assert run("policy", "lint", EXAMPLE / "policy", "--strict").status == 0
    done = run("policy", "test", EXAMPLE / "policy", EXAMPLE / "policy-tests.yaml")
    assert done.status == 0, done.out


def test_its_owners_are_those_of_the_bounds() -> None:
    owners = CodeOwners((EXAMPLE / "CODEOWNERS").read_text())
    files = yaml.safe_load((EXAMPLE / MAIN).read_text())["files"]
    teams = {file: owners.of(f"policy/{file}") for file in files}
    assert teams == {f"grants/{name}.yaml": [("TEAM", f"@acme/{name}")] for name in ("labs", "shop")}
    # Who can change these can merge without a review.
    for path in (MAIN, "CODEOWNERS", ".github/workflows/policy.yaml", ".gitlab-ci.yml", "policy/grants/new.yaml"):
        assert owners.of(path) == [("TEAM", "@acme/platform")]


def test_its_pipelines_use_the_inputs_of_the_forms(tmp_path: Path) -> None:
    workflow = EXAMPLE / ".github/workflows/policy.yaml"
    check_schema("vendor.github-workflows", workflow)
    check_schema("vendor.gitlab-ci", EXAMPLE / ".gitlab-ci.yml")
    check_schema("vendor.github-actions", ACTION)
    checkout, review = yaml.safe_load(workflow.read_text())["jobs"]["review"]["steps"]
    assert checkout["with"] == {"fetch-depth": 0}
    inputs = yaml.safe_load(ACTION.read_text())["inputs"]
    assert set(review["with"]) == {name for name, one in inputs.items() if one.get("required")}
    header, _, job = COMPONENT.read_text().partition("\n---\n")
    declared = yaml.safe_load(header)["spec"]["inputs"]
    (include,) = yaml.safe_load((EXAMPLE / ".gitlab-ci.yml").read_text())["include"]
    assert set(include["inputs"]) == {name for name, one in declared.items() if "default" not in one}
    for name, value in {"image": "python:3.13", "install": "x", "policy": "x", "tests": "x", "audit": ""}.items():
        job = job.replace(f"$[[ inputs.{name} ]]", value)
    (tmp_path / ".gitlab-ci.yml").write_text(job)
    check_schema("vendor.gitlab-ci", tmp_path / ".gitlab-ci.yml")


@pytest.mark.parametrize("bad", ["'; id; '", "$(id)", "`id`", '"', "a'b", "a;b", "a\nb"])
def test_no_input_of_the_component_ends_a_quote(bad: str) -> None:
    inputs = yaml.safe_load(COMPONENT.read_text().partition("\n---\n")[0])["spec"]["inputs"]
    written = [name for name in inputs if name != "image"]
    assert [name for name in written if re.search(inputs[name]["regex"], bad)] == []


def test_both_forms_have_the_same_script() -> None:
    assert body_of(action_script()) == body_of(component_script())


@pytest.mark.program("shellcheck")
def test_shellcheck_accepts_the_script() -> None:
    for script in (f"REVIEW=x\n{body_of(action_script())}", component_script()):
        done = subprocess.run(
            ["shellcheck", "--shell", "sh", "-"], input=script, capture_output=True, text=True, check=False
        )
        assert done.stdout == ""


# ---------------------------------------------------------------------------------------------------------- changes


@pytest.mark.parametrize("component", [False, True])
def test_a_wider_change_must_be_marked(repository: Repository, component: bool) -> None:  # noqa: FBT001 - a parameter of the test
    repository.change(SHOP, *DEV)
    done = repository.review(component=component)
    assert done.status == 1
    assert "without a line `Policy-Wider: NAME` in a commit: shop-images" in done.printed
    assert "- wider grant `shop-images`, **not marked**" in done.printed
    assert f"- `{SHOP}`: `@acme/shop` (changed)" in done.printed
    assert "3 passed, 0 failed" in done.printed
    if not component:
        folder = repository.folder.parent
        assert (folder / "summary").read_text() == (folder / "review.md").read_text()
        assert (folder / "review.md").read_text() in done.printed
        assert (folder / "output").read_text() == f"review={folder / 'review.md'}\n"
    repository.commit("Say so\n\nPolicy-Wider: shop-images")
    done = repository.review(component=component)
    assert done.status == 0, done.printed
    assert "No objections." in done.printed


def test_a_mark_is_for_one_name(repository: Repository) -> None:
    repository.change(SHOP, *DEV, message="Dev\n\nPolicy-Wider: shop-images")
    repository.change(LABS, *DEV)
    done = repository.review()
    assert done.status == 1
    assert "in a commit: labs-images**" in done.printed


def test_no_commit_message_is_run(repository: Repository) -> None:
    repository.change(SHOP, *DEV, message="Policy-Wider: $(touch stolen)\n\nPolicy-Wider: `touch stolen`; touch stolen")
    assert repository.review().status == 1
    assert not (repository.folder / "stolen").exists()


def test_a_narrower_change_needs_no_mark(repository: Repository) -> None:
    repository.change(SHOP, "duration: 15m", "duration: 15m\n    single_use: true")
    done = repository.review()
    assert done.status == 0, done.printed
    assert "- narrower grant `shop-images`\n  - `now single_use`" in done.printed


def test_wider_bounds_of_a_file_have_to_be_marked(repository: Repository) -> None:
    repository.change(MAIN, "repository_prefixes: [shop]", "repository_prefixes: [shop, base/]")
    done = repository.review()
    assert done.status == 1
    assert (
        "- wider file `grants/shop.yaml`, **not marked**\n  - `may name repository_prefixes: base/ added`"
        in done.printed
    )
    assert f"- `{MAIN}`: `@acme/platform` (changed)" in done.printed


def test_owners_of_grants_are_named_when_their_issuer_changes(repository: Repository) -> None:
    repository.change(MAIN, "    audience:", "    max_lifetime: 10m\n    audience:")
    done = repository.review()
    assert done.status == 0, done.printed
    why = "its grants depend on the issuer github, which changed"
    assert f"- `{LABS}`: `@acme/labs` (`{why}`)" in done.printed


def test_a_failed_test_fails_the_check(repository: Repository) -> None:
    repository.change(SHOP, "branch: main, ", "branch: release, ", message="x\n\nPolicy-Wider: shop-images")
    done = repository.review()
    assert done.status == 1
    assert "**failed tests: 1**" in done.printed
    assert "- `main of the shop pushes its image` in `policy-tests.yaml[0]`" in done.printed


def test_a_policy_that_does_not_load_fails_the_check(repository: Repository) -> None:
    repository.change(SHOP, "role/ci-shop-push", "role/ci-labs-push")
    done = repository.review()
    assert done.status == 1
    assert "**the new policy does not load**" in done.printed
    assert "`this file may not name this role`" in done.printed


def test_a_policy_of_another_account_is_noticed(repository: Repository) -> None:
    for path in (MAIN, SHOP, LABS):
        repository.change(path, "111122223333", "999900001111")
    done = repository.review()
    assert done.status == 1
    assert "all registries are in other accounts (111122223333 before, 999900001111 now)" in done.printed


def test_values_that_are_most_likely_wrong_are_named(repository: Repository) -> None:
    for path in (MAIN, LABS):
        text = (repository.folder / path).read_text()
        (repository.folder / path).write_text(text.replace("eu-west-1", "eu-wset-1").replace('"7002"', "acme-labs"))
    repository.commit("a change")
    done = repository.review()
    assert "`unknown-region`: `no region eu-wset-1 was known" in done.printed
    assert "`not-an-id`: `no organization of GitHub Actions has the id acme-labs" in done.printed


def test_changes_on_main_are_not_part_of_the_change(repository: Repository) -> None:
    repository.change(SHOP, "duration: 15m", "duration: 15m\n    single_use: true")
    repository.git("switch", "--quiet", "main")
    repository.change(LABS, *DEV, message="of main")
    repository.git("switch", "--quiet", "change")
    done = repository.review()
    assert done.status == 0, done.printed
    assert "labs-images" not in done.printed


def test_given_audit_lines_are_decided_again(repository: Repository) -> None:
    log = ROOT / "docs/examples/audit-line.json"
    done = repository.review({"AUDIT": str(log)})
    assert done.status == 0, done.printed
    assert "## Logged exchanges: 1 decided again, 0 with a different result" in done.printed


@pytest.mark.gitlab
def test_the_component_runs_as_a_pipeline(repository: Repository) -> None:
    # The command is on the path already, and would be installed over the network.
    head, _, rest = COMPONENT.read_text().partition("  before_script:\n")
    (repository.folder / "policy-review.yml").write_text(head + rest[rest.index("  script:\n") :])
    pipeline = (repository.folder / ".gitlab-ci.yml").read_text()
    include = re.sub(r"component: .*", "local: policy-review.yml", pipeline)
    (repository.folder / ".gitlab-ci.yml").write_text(include)
    repository.change(SHOP, *DEV)
    base = repository.git("rev-parse", "main")
    (repository.folder / ".gitlab-ci-local-variables.yml").write_text(
        f"CI_PIPELINE_SOURCE: merge_request_event\nCI_MERGE_REQUEST_DIFF_BASE_SHA: {base}\n"
    )
    repository.git("remote", "add", "origin", "git@gitlab.acme.example:acme/policy.git")
    command = [str(GITLAB_CI_LOCAL), "--force-shell-executor", "--no-color", "policy-review"]
    done = repository.run(command)
    assert done.status == 1
    assert "without a line `Policy-Wider: NAME` in a commit: shop-images" in done.printed
    assert (repository.folder / ".gitlab-ci-local/artifacts/policy-review/policy-review.md").exists()


# ------------------------------------------------------------------------------------------------------- bad input


MISCONFIGURED = (
    ({"BASE": "of-nowhere"}, "of-nowhere is not a commit of this checkout: check out the whole history"),
    ({"BASE": "unrelated"}, "unrelated and this change have no commit in common"),
    ({"BASE": ""}, "this job is not one of a merge request"),
    ({"POLICY": "policies"}, "no policy at policies before this change"),
    ({"POLICY": ""}, "name the policy, a file or a folder"),
    ({"TESTS": "missing.yaml"}, "missing.yaml: no such file or directory"),
    ({"AUDIT": "missing.jsonl"}, "missing.jsonl: no such file or directory"),
)


def test_a_misconfigured_job_gives_a_message(repository: Repository, subtests: pytest.Subtests) -> None:
    repository.git("switch", "--quiet", "--orphan", "unrelated")
    repository.git("commit", "--quiet", "--allow-empty", "--message", "unrelated")
    repository.git("switch", "--quiet", "change")
    for variables, says in MISCONFIGURED:
        with subtests.test(variables=variables):
            done = repository.review(variables)
            assert done.status != 0
            assert says in done.printed
            assert "Traceback" not in done.printed


def test_a_removed_policy_gives_a_message(repository: Repository) -> None:
    repository.git("rm", "--quiet", "-r", "policy")
    repository.commit("remove")
    done = repository.review()
    assert done.status == 2
    assert "policy: no such file or directory" in done.printed
