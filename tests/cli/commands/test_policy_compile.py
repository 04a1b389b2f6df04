import json
from pathlib import Path

import pytest

from tests.cli.program import run, write_policy
from tests.loading.documents import grant
from token_exchange.adapters.policy_file import PolicyFile
from token_exchange.loading.load import load_policy


def test_a_compiled_file_is_the_policy(tmp_path: Path) -> None:
    policy, compiled = write_policy(tmp_path), tmp_path / "policy.compiled"
    printed = run("policy", "compile", policy, "-o", compiled)
    assert (printed.status, printed.out) == (0, "")
    assert printed.err.startswith(f"remark: {compiled} written: policy ")
    assert ", 1 grant, " in printed.err
    document = PolicyFile(compiled).read()
    found = load_policy(document.content, name=document.name, read_file=document.read_file)
    fields = run("policy", "compile", policy, "-o", compiled, "--json").fields
    assert (fields["policy_sha256"], fields["grants"], fields["bytes"]) == (found.sha256, 1, compiled.stat().st_size)
    assert [path.name for path in tmp_path.iterdir() if "partial" in path.name] == []


def test_a_check_finds_the_file_of_another_policy(tmp_path: Path) -> None:
    policy, compiled = write_policy(tmp_path), tmp_path / "policy.compiled"
    run("policy", "compile", policy, "-o", compiled)
    assert run("policy", "compile", policy, "-o", compiled, "--check").status == 0
    before = compiled.read_bytes()
    write_policy(tmp_path, grant(name="other"))
    printed = run("policy", "compile", policy, "-o", compiled, "--check")
    assert (printed.status, printed.err) == (
        1,
        f"{compiled}: is not what {policy} compiles to; compile it again\n",
    )
    assert compiled.read_bytes() == before
    assert run("policy", "compile", policy, "-o", tmp_path / "gone", "--check").status == 2


def test_commands_decide_with_a_compiled_policy(tmp_path: Path) -> None:
    policy, compiled = (
        write_policy(tmp_path, grant(name="a"), grant(name="b", match={"branch": "main"})),
        tmp_path / "c",
    )
    run("policy", "compile", policy, "-o", compiled)
    claims = tmp_path / "claims.json"
    claims.write_text(json.dumps({"repository_owner": "nordlicht"}))
    for arguments in (("who", "--registry", "apps"), ("diff", policy)):
        answers = [run("policy", arguments[0], one, *arguments[1:]) for one in (policy, compiled)]
        assert answers[0].out.replace(str(policy), "") == answers[1].out.replace(str(compiled), "")


@pytest.mark.parametrize("command", [["lint"], ["compile", "-o", "x"]])
def test_commands_that_need_a_source_say_so(tmp_path: Path, command: list[str]) -> None:
    compiled = tmp_path / "c"
    run("policy", "compile", write_policy(tmp_path), "-o", compiled)
    printed = run("policy", *command, compiled)
    assert printed.status == 2
    assert "source" in printed.err


def test_a_damaged_file_is_one_problem(tmp_path: Path) -> None:
    compiled = tmp_path / "c"
    run("policy", "compile", write_policy(tmp_path), "-o", compiled)
    compiled.write_bytes(compiled.read_bytes().replace(b'"reader"', b'"loader"'))
    printed = run("policy", "who", compiled, "--registry", "apps")
    assert (printed.status, printed.err) == (
        2,
        f"{compiled}: the compiled policy is damaged; compile the policy again\n",
    )


def test_a_bad_policy_or_output_gives_a_message(tmp_path: Path) -> None:
    assert (
        "grants[0].access"
        in run("policy", "compile", write_policy(tmp_path, grant(access="all")), "-o", tmp_path / "c").err
    )
    assert not (tmp_path / "c").exists()
    printed = run("policy", "compile", write_policy(tmp_path), "-o", tmp_path)
    assert (printed.status, printed.err) == (2, f"{tmp_path}: is a directory\n")
    printed = run("policy", "compile", write_policy(tmp_path), "-o", "-")
    assert (printed.status, printed.out) == (2, "")
    assert "expected a file" in printed.err
    printed = run("policy", "compile", write_policy(tmp_path), "-o", tmp_path / "no" / "c")
    assert (printed.status, printed.err) == (2, f"{tmp_path / 'no' / 'c'}: no such file or directory\n")
