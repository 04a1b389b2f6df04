"""`policy compile`: write a policy as one file that a function reads only in part."""

import os
from errno import EISDIR
from hashlib import sha256
from pathlib import Path

import click

from token_exchange_cli.compilation import compiled_form
from token_exchange_cli.console import Refusal, Unusable
from token_exchange_cli.inputs import MAX_POLICY_BYTES, input_name, read_input, read_policy
from token_exchange_cli.terminal import STANDARD_OUTPUT, print_json, remark


@click.command("compile")
@click.argument("policy_file", metavar="FILE")
@click.option("-o", "--output", "output", metavar="FILE", required=True, help="The compiled file.")
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 if the compiled file does not match FILE.")
@click.option("--json", "as_json", is_flag=True, help="Print the file's hash and size as JSON.")
def command(*, policy_file: str, output: str, check: bool, as_json: bool) -> None:
    """Compile the policy FILE, or folder, to one file that a function searches without reading all of it.

    The compiled file gives the same decisions as FILE, and has the same identity in the audit log. The same policy
    always gives the same bytes. Put the compiled file where FILE would be, and compile again after each change.

    Exit status: 0 success, 1 with --check if the compiled file does not match FILE, 2 wrong usage or unreadable input.

    \b
    Examples:
      token-exchange policy compile policy.yaml -o policy.compiled
      token-exchange policy compile policies/ -o policy.compiled --json
      token-exchange policy compile policy.yaml -o policy.compiled --check
    """  # noqa: D301 - click takes the backspace for: keep these lines as they are
    if output == STANDARD_OUTPUT and not check:
        raise click.UsageError("--output: expected a file; a compiled policy replaces it as a whole")
    given = read_policy(policy_file)
    policy = given.usable()
    given.text()  # only a source can be compiled
    compiled = compiled_form(given.document, policy)
    if check:
        if read_input(output, max_bytes=MAX_POLICY_BYTES) != compiled:
            raise Refusal(f"{input_name(output)}: is not what {input_name(policy_file)} compiles to; compile it again")
    else:
        _write(output, compiled)
    grants = len(policy.grants)
    if as_json:
        file_sha256 = sha256(compiled).hexdigest()
        print_json(
            {"policy_sha256": policy.sha256, "file_sha256": file_sha256, "grants": grants, "bytes": len(compiled)}
        )
    else:
        remark(
            f"{input_name(output)} {'is up to date' if check else 'written'}: policy {policy.sha256[:12]}, "
            f"{grants:,} {'grant' if grants == 1 else 'grants'}, {len(compiled):,} bytes"
        )


def _write(output: str, compiled: bytes) -> None:
    """Replace `output` as a whole: a function that has mapped the old file keeps using it."""
    partial = Path(f"{output}.{os.getpid()}.partial")
    try:
        if Path(output).is_dir():
            raise IsADirectoryError(EISDIR, os.strerror(EISDIR))
        partial.write_bytes(compiled)
        partial.replace(output)
    except (OSError, ValueError) as error:
        partial.unlink(missing_ok=True)
        reason = error.strerror or type(error).__name__ if isinstance(error, OSError) else "not a file name"
        raise Unusable(f"{input_name(output)}: {reason.lower()}") from error
