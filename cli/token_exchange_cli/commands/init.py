"""`init`: a first policy with its tests and the login step."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import click

from token_exchange.adapters.settings import SystemClock
from token_exchange_cli.cases.cases import read_cases
from token_exchange_cli.cases.results import run_case
from token_exchange_cli.console import Status, Unusable
from token_exchange_cli.inputs import input_name, load_policy_argument
from token_exchange_cli.lint.finding import Subject
from token_exchange_cli.lint.linter import warnings
from token_exchange_cli.onboarding.files import POLICY, STEP, TESTS, files_of
from token_exchange_cli.onboarding.interview import OPTIONS, answers_from
from token_exchange_cli.safe_text import escape_non_ascii
from token_exchange_cli.steps.step import systems_from
from token_exchange_cli.systems.catalog import SYSTEMS
from token_exchange_cli.systems.system import Starter
from token_exchange_cli.terminal import print_json, remark


def _options[**P, R](command: Callable[P, R]) -> Callable[P, R]:
    """Add an option for each question."""
    for name, help_text in reversed(list(OPTIONS.items())):
        complete = systems_from if name == "system" else None
        command = click.option(f"--{name}", metavar="TEXT", help=help_text, shell_complete=complete)(command)
    return command


@click.command("init", epilog=f"CI systems: {', '.join(SYSTEMS)}.")
@click.argument("folder", metavar="FOLDER")
@_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def command(context: click.Context, /, *, folder: str, as_json: bool, **options: str | None) -> None:
    """Write a first policy, its tests and the login step of a CI system into FOLDER.

    On a terminal, the command asks for what no option gives. It overwrites no file, and then lints and tests the policy
    as `policy lint` and `policy test` do.

    Exit status: 0 success, 1 a test failed, 2 wrong usage, or a file already exists.

    \b
    Examples:
      token-exchange init exchange-policy
      token-exchange init . --system vela --host vela.acme.example --organization acme --account 111122223333 \\
        --region eu-west-1 --prefix ci --audience https://exchange.acme.example
    """  # noqa: D301 - click takes the backspace for: keep these lines as they are
    given = {name.replace("_", "-"): value for name, value in options.items() if value is not None}
    target = _folder(folder)
    answers = answers_from(given)
    texts = files_of(answers)
    _write(target, texts)
    passed = _checked(target, SYSTEMS[answers.system].starter)
    if as_json:
        print_json({"files": [str(target / file) for file in texts], "tests_passed": passed})
    else:
        for file in texts:
            click.echo(f"wrote {escape_non_ascii(str(target / file))}")
    context.exit(Status.FINE if passed else Status.NO)


def _folder(argument: str) -> Path:
    """Return the folder, which need not be there yet.

    Raises:
        Unusable: one of the files is there already, or the folder is none.
    """
    folder = Path(argument)
    if not argument:
        raise Unusable(f"{input_name(argument)}: not the name of a folder; . is the current one")
    try:
        if folder.exists() and not folder.is_dir():
            raise Unusable(f"{input_name(argument)}: not a folder")
        there = [name for name in (POLICY, TESTS, STEP) if (folder / name).exists() or (folder / name).is_symlink()]
    except (OSError, ValueError) as error:
        raise Unusable(f"{input_name(argument)}: not the name of a folder") from error
    if there:
        raise Unusable(
            "\n".join(f"{input_name(str(folder / name))}: already exists, and is not overwritten" for name in there)
        )
    return folder


def _write(folder: Path, texts: Mapping[str, str]) -> None:
    """Write the files, or none.

    Raises:
        Unusable: one cannot be written.
    """
    written: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            # Exclusively: a file, or a link to one, that came meanwhile is kept.
            with (folder / name).open("x", encoding="utf-8") as file:
                written.append(folder / name)
                file.write(text)
    except OSError as error:
        for path in written:
            path.unlink(missing_ok=True)
        raise Unusable(f"{input_name(str(folder))}: {(error.strerror or type(error).__name__).lower()}") from error


def _checked(folder: Path, starter: Starter) -> bool:
    """Lint and test what was written; say what was found, and whether all tests passed."""
    policy = load_policy_argument(str(folder / POLICY))
    for finding in warnings(Subject(policy=policy, today=datetime.now(UTC).date())):
        reason = starter.warnings.get(finding.code)
        said = f"{finding.message}; {finding.suggestion}" if reason is None else f"{reason}; no policy can avoid it"
        remark(f"{finding.code}: {said}")
    now = SystemClock().now()
    results = [run_case(policy, case, now=now) for case in read_cases(str(folder / TESTS))]
    for result in results:
        if not result.passed:
            remark(f"the test {result.case.name!r} failed; token-exchange policy test says why")
    remark(f"{sum(result.passed for result in results)} of {len(results)} tests of the policy passed")
    return all(result.passed for result in results)
