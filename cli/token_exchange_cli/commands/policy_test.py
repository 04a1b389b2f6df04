"""`policy test`: run expected decisions against a policy."""

from collections.abc import Sequence

import click

from token_exchange.adapters.settings import SystemClock
from token_exchange.core.policy import Policy
from token_exchange.loading.problems import PolicyUnusable, Problem
from token_exchange_cli.cases.cases import read_cases
from token_exchange_cli.cases.results import Result, results_fields, run_case, spelled_fields, write_junit
from token_exchange_cli.console import Status, Unusable
from token_exchange_cli.inputs import load_policy_argument
from token_exchange_cli.safe_text import escape_non_ascii
from token_exchange_cli.terminal import STANDARD_OUTPUT, console, line, print_json


@click.command("test")
@click.argument("policy_file", metavar="FILE")
@click.argument("test_files", metavar="TESTS...", nargs=-1, required=True)
@click.option("--junit", metavar="FILE", help="Also write the results to FILE as JUnit XML.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def command(
    context: click.Context, *, policy_file: str, test_files: tuple[str, ...], junit: str | None, as_json: bool
) -> None:
    """Run TESTS against the policy FILE.

    A test gives the claims of a token, the request, and the expected result: a grant, or the reason of a refusal.
    Issuer, audience and times are filled in.

    Exit status: 0 all passed, 1 at least one failed, 2 wrong usage or unreadable input.

    \b
    Examples:
      token-exchange policy test policy.yaml policy-tests.yaml
      token-exchange policy test policy.yaml tests/*.yaml --junit results.xml
    """  # noqa: D301 - click takes the backspace for: keep these lines as they are
    if junit == STANDARD_OUTPUT:
        raise click.UsageError("--junit: expected a file; the results are printed on standard output")
    policy = _policy(policy_file)
    cases = [case for argument in test_files for case in read_cases(argument)]
    now = SystemClock().now()
    results = [run_case(policy, case, now=now) for case in cases]
    if junit is not None:
        write_junit(junit, results)
    failed = sum(not result.passed for result in results)
    if as_json:
        print_json(results_fields(results))
    else:
        _print_text(results, failed)
    context.exit(Status.NO if failed else Status.FINE)


def _policy(argument: str) -> Policy:
    try:
        return load_policy_argument(argument)
    except Unusable as error:
        match error.__cause__:
            case PolicyUnusable(problems=[Problem(path=(), code="wrong-type")]):
                raise Unusable(f"{error.message}; give the policy first, then the tests") from error
            case _:
                raise


def _print_text(results: Sequence[Result], failed: int) -> None:
    output = console()
    for result in results:
        word = ("passed", "green") if result.passed else ("failed", "bold red")
        output.print(line(word, f" {escape_non_ascii(result.case.name)}"))
        if not result.passed:
            output.print(line(f"{escape_non_ascii(result.case.file)}{result.case.place}", indent=2))
            output.print(line(f"expected {spelled_fields(result.expected)}", indent=2))
            output.print(line(f"found {spelled_fields(result.found)}", indent=2))
    output.print(line(f"{len(results) - failed} passed, {failed} failed"))
