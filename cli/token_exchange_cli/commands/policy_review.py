"""`policy review`: what a reviewer of a changed policy needs to know, and whether it may be merged."""

from contextlib import nullcontext
from datetime import UTC, datetime

import click

from token_exchange_cli.cases.cases import read_cases
from token_exchange_cli.console import Status
from token_exchange_cli.inputs import read_policy
from token_exchange_cli.review.markdown import markdown
from token_exchange_cli.review.marks import read_marks
from token_exchange_cli.review.owners import read_owners
from token_exchange_cli.review.review import review
from token_exchange_cli.terminal import print_json, waiting


@click.command("review")
@click.argument("old_file", metavar="OLD")
@click.argument("new_file", metavar="NEW")
@click.option("--tests", "test_files", metavar="TESTS", multiple=True, help="Run these tests; can be repeated.")
@click.option("--marks", metavar="FILE", help="The commit messages, in which Policy-Wider: NAME marks what is wider.")
@click.option("--owners", metavar="CODEOWNERS", help="Say who owns each file, with paths from the current folder.")
@click.option("--audit", metavar="LOG", help="Replay these audit lines (gzipped or not) with NEW.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of Markdown.")
@click.pass_context
def command(
    context: click.Context,
    *,
    old_file: str,
    new_file: str,
    test_files: tuple[str, ...],
    marks: str | None,
    owners: str | None,
    audit: str | None,
    as_json: bool,
) -> None:
    """Review the policy NEW, which is to replace OLD: lint, test and compare it.

    A change that gives any run more than before must be marked, by a line Policy-Wider: NAME in a commit message.
    NAME is the name of the grant, issuer, registry, deny rule or file.

    Exit status: 0 no objections, 1 an error, a failed test, something wider without a mark or a file without an
    owner, 2 wrong usage or unreadable input.

    \b
    Examples:
      token-exchange policy review deployed.yaml policy.yaml --tests policy-tests.yaml
      git log --format=%B main..HEAD | token-exchange policy review ../main/policy policy --marks - --owners CODEOWNERS
    """  # noqa: D301 - click takes the backspace for: keep these lines as they are
    # The replay of a log shows its own progress.
    with waiting("reviewing the change") if audit is None else nullcontext():
        found = review(
            read_policy(old_file),
            read_policy(new_file),
            cases=[case for file in test_files for case in read_cases(file)],
            marks=frozenset() if marks is None else read_marks(marks),
            owners=None if owners is None else read_owners(owners),
            audit=audit,
            now=datetime.now(UTC),
        )
    if as_json:
        print_json(found.fields())
    else:
        click.echo(markdown(found), nl=False)
    context.exit(Status.NO if found.objections else Status.FINE)
