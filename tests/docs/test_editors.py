"""What docs/lint.md says for editors: Vim lists the linter's findings, and VS Code's expression reads them."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.cli.program import run
from tests.docs.pages import ROOT, page
from tests.pictures.editor import risky_policy, vim

EXAMPLE = (ROOT / "docs/examples/policy.yaml").read_text("utf-8")
POLICIES = {
    "errors": EXAMPLE.replace("branch: main", "brnch: main").replace("duration: 30m", "duration: 30"),
    "syntax": EXAMPLE.replace("grants:\n", "grants: [\n"),
    "warnings": risky_policy(),
}


@pytest.fixture(params=POLICIES)
def policy(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "a policy.yaml"
    path.write_text(POLICIES[str(request.param)], "utf-8")
    return path


@pytest.mark.program("vim")
def test_vim_lists_each_finding_at_its_place(policy: Path) -> None:
    with_files = "map(getqflist(), {_, one -> extend(one, {'file': bufname(one.bufnr)})})"
    vim(policy, f"call writefile([json_encode({with_files})], 'list')")
    listed = [
        (one["file"], one["lnum"], one["col"], one["type"], one["text"].split("\n"))
        for one in json.loads((policy.parent / "list").read_text("utf-8"))
    ]
    assert listed == [
        (
            policy.name,
            one["line"],
            one["column"],
            {"error": "E", "warning": "W"}[str(one["severity"])],
            [
                f"{one['code']} at {one['path']}" if one["path"] else one["code"],
                one["message"],
                *([f"-> {one['suggestion']}"] if one["suggestion"] else []),
            ],
        )
        for one in run("policy", "lint", policy, "--json").texts("findings")
    ]


# JavaScript, as in VS Code: prints, for each line, the values of the groups that the matcher names.
_MATCH = """
const [matcher, output] = process.argv.slice(1);
const { regexp, ...groups } = JSON.parse(matcher);
for (const line of output.split("\\n")) {
  const found = line.match(new RegExp(regexp));
  const values = Object.entries(groups).map(([name, group]) => [name, found?.[group]]);
  if (found) console.log(JSON.stringify(Object.fromEntries(values)));
}
"""


@pytest.mark.program("node")
def test_the_task_of_vs_code_reads_each_finding(policy: Path) -> None:
    (block,) = [block.text for block in page("docs/lint.md").blocks if block.language == "json"]
    (task,) = json.loads(block)["tasks"]
    assert task["command"] == "token-exchange"
    printed = run(*(str(part).replace("${relativeFile}", str(policy)) for part in task["args"]))
    matcher = json.dumps(task["problemMatcher"]["pattern"])
    done = subprocess.run(
        ["node", "-e", _MATCH, matcher, printed.out], capture_output=True, check=True, encoding="utf-8", timeout=60
    )
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        {
            "severity": one["severity"],
            "file": str(policy),
            "line": str(one["line"]),
            "column": str(one["column"]),
            "code": one["code"],
            "message": "; ".join(filter(None, (str(one["message"]), str(one["suggestion"])))),
        }
        for one in run("policy", "lint", policy, "--json").texts("findings")
    ]
