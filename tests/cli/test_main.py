"""The program as a whole: its help, its statuses, and that it starts fast."""

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from tests.cli.program import run
from tests.fake_issuer import compact
from token_exchange_cli.console import Program
from token_exchange_cli.main import LazyGroup, main

PROGRAM = Path(sys.executable).with_name("token-exchange")


def _groups() -> list[LazyGroup]:
    return [group for group in main.commands.values() if isinstance(group, LazyGroup)]


def _commands() -> list[tuple[str, str]]:
    return [(str(group.name), name) for group in _groups() for name in group.list_commands(click.Context(group))]


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_every_command_has_help(option: str) -> None:
    assert run(option).status == 0
    for group, name in _commands():
        shown = run(group, name, option)
        assert shown.status == 0
        assert "Examples:" in shown.out
        assert "\b" not in shown.out


def test_every_command_has_a_json_option() -> None:
    for group in _groups():
        for name in group.list_commands(click.Context(group)):
            command = group.get_command(click.Context(group), name)
            assert command is not None
            assert "--json" in [option for parameter in command.params for option in parameter.opts], name
    for name in ("roles", "init", "step", "doctor"):
        assert "--json" in run(name, "--help").out


TOKEN = compact(b'{"alg":"RS256"}', b'{"sub":"x"}', b"signature")


@pytest.mark.parametrize(
    "arguments",
    [
        [TOKEN],
        [f"--{TOKEN}"],
        ["policy", TOKEN],
        ["policy", "lint", TOKEN],
        ["policy", "lint", "a", TOKEN],
        ["policy", "who", "-", "--repository", TOKEN],
        ["token", "inspect", TOKEN],
        ["step", TOKEN],
    ],
)
def test_a_token_in_place_of_something_else_is_not_shown(arguments: list[str]) -> None:
    done = run(*arguments)
    assert (done.status, done.out) == (2, "")
    assert not any(part in done.err for part in TOKEN.split("."))


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, click.Abort])
def test_an_interrupted_command_has_no_answer(
    monkeypatch: pytest.MonkeyPatch, interruption: type[BaseException]
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise interruption

    monkeypatch.setattr(LazyGroup, "invoke", interrupted)
    done = run("policy", "schema")
    assert (done.status, done.out, done.err) == (130, "", "interrupted\n")


def test_command_list_and_command_help_agree() -> None:
    for group in _groups():
        for name in group.list_commands(click.Context(group)):
            command = group.get_command(click.Context(group), name)
            assert command is not None
            assert command.name == name
            assert name in run(str(group.name), "--help").out


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("lint", "policy lint"),
        ("lnt", "policy lint"),
        ("exlain", "policy explain"),
        ("inspect", "token inspect"),
        ("docter", "doctor"),
        ("polcy", "policy"),
    ],
)
def test_a_misspelt_command_gets_a_suggestion(typed: str, meant: str) -> None:
    done = run(typed)
    assert (done.status, done.out) == (2, "")
    assert f"No such command '{typed}'. Did you mean '{meant}'?" in done.err


def test_an_unknown_command_has_no_guess() -> None:
    assert "Did you mean" not in run("xyzzy").err


def test_version_option_prints_the_version() -> None:
    assert run("--version").out.startswith("token-exchange, version ")


@pytest.mark.parametrize(
    "arguments",
    [
        ["dance"],
        ["policy", "dance"],
        ["--fast"],
        ["policy", "explain"],
        ["policy", "explain", "a", "b"],
        [],
        ["policy"],
    ],
)
def test_wrong_usage_exits_2_with_empty_stdout(arguments: list[str]) -> None:
    done = run(*arguments)
    assert (done.status, done.out) == (2, "")
    assert "Usage: " in done.err


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["polcy", "lint"], "Did you mean 'policy'?"),
        (["policy", "lnt"], "Did you mean 'lint'?"),
        (["token", "inspct"], "Did you mean 'inspect'?"),
        (["lint"], "Did you mean 'policy lint'?"),
        (["inspect"], "Did you mean 'token inspect'?"),
    ],
)
def test_misspelt_command_gets_a_suggestion(arguments: list[str], meant: str) -> None:
    assert meant in run(*arguments).err


def test_help_imports_nothing_slow() -> None:
    code = (
        "import sys\n"
        "from token_exchange_cli.main import main\n"
        "main(['policy', '--help'], standalone_mode=False)\n"
        "print(sorted({'cryptography', 'jwt', 'yaml', 'rich', 'token_exchange.core.policy'} & sys.modules.keys()))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "[]"


def test_no_command_imports_an_aws_client() -> None:
    modules = [f"{group}_{name}" for group, name in _commands()] + ["roles"]
    code = (
        "import sys, importlib\n"
        f"for name in {modules!r}: importlib.import_module('token_exchange_cli.commands.' + name)\n"
        "print(sorted({'boto3', 'botocore', 's3transfer'} & sys.modules.keys()))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_installed_program_runs(tmp_path: Path) -> None:
    done = subprocess.run(
        [PROGRAM, "policy", "explain", "missing.yaml", "--claims", "-"],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "missing.yaml: no such file or directory\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_are_printed(tmp_path: Path, shell: str) -> None:
    done = subprocess.run(
        [PROGRAM],
        cwd=tmp_path,
        env={**os.environ, "_TOKEN_EXCHANGE_COMPLETE": f"{shell}_source"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0
    assert "token-exchange" in done.stdout


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("policy li", ["plain,lint"]),
        ("step --format pass", ["plain,password"]),
        ("step gitl", ["plain,gitlab"]),
        ("init new --system gitl", ["plain,gitlab"]),
        ("policy lint po", ["file,po"]),
        ("policy test policy.yaml te", ["file,te"]),
        ("policy review old.yaml new.yaml --owners CO", ["file,CO"]),
        ("audit report october/a", ["file,october/a"]),
        ("doctor htt", []),
    ],
)
def test_a_shell_completes_names_values_and_files(typed: str, completed: list[str]) -> None:
    words = f"token-exchange {typed}"
    number = len(words.split()) - 1
    given = {"_TOKEN_EXCHANGE_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(number)}
    done = subprocess.run(
        [PROGRAM], env={**os.environ, **given}, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == completed


def test_internal_error_is_one_message_with_its_place() -> None:
    @click.group(cls=Program)
    def program() -> None:
        pass

    @program.command()
    def broken() -> None:
        raise RuntimeError("with a secret in it")

    with pytest.raises(click.ClickException) as told:
        program.main(["broken"], standalone_mode=False)
    assert told.value.exit_code == 2
    assert "RuntimeError in broken, line " in told.value.message
    assert "secret" not in told.value.message
