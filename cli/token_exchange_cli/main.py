"""The program `token-exchange` and its groups of commands."""

import click

from token_exchange import __version__
from token_exchange_cli.lazy_group import LazyAlone, LazyCommand, LazyGroup
from token_exchange_cli.program import Program


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="token-exchange")
def main() -> None:
    """Look at policies and tokens as the service does, before and after it does.

    Exit status: 0 fine, 1 the answer is no, 2 wrong use or input that cannot be read. `-` is standard input.
    """


main.add_command(
    LazyGroup(
        "policy",
        help="Check, explain, test and compare policies.",
        lazy_commands={
            "lint": LazyCommand("policy_lint", "Say what is wrong with a policy, and what is dangerous in it."),
            "explain": LazyCommand("policy_explain", "Say what a policy decides about one run, and why."),
            "who": LazyCommand("policy_who", "Say who can reach a role, a repository or a registry."),
            "import": LazyCommand("policy_import", "Make a policy of IAM trust policies."),
            "diff": LazyCommand("policy_diff", "Say what a new policy changes, also for exchanges of the past."),
            "schema": LazyCommand("policy_schema", "Print the JSON Schema of policies, for editors."),
            "test": LazyCommand("policy_test", "Hold a policy against a table of what it is to decide."),
        },
    )
)
main.add_command(
    LazyGroup(
        "token",
        help="Look at tokens.",
        lazy_commands={
            "inspect": LazyCommand("token_inspect", "Show what a token says, and verify it."),
        },
    )
)
main.add_command(
    LazyAlone("roles", LazyCommand("roles", "Print the IAM roles that a policy needs, as CloudFormation."))
)
