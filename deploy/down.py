"""`make undeploy`: removes the stack with its table; the log groups, which hold the audit lines, only on request."""

import argparse
import sys
from collections.abc import Sequence

from deploy.removal import Removal
from deploy.target import NotDeployed, Target, find_target


def main(arguments: Sequence[str]) -> int:
    """Return 0 if the stack is removed, 1 if something is left, 2 if it is not confirmed or cannot be found."""
    parser = argparse.ArgumentParser(prog="make undeploy")
    parser.add_argument("--stack", required=True)
    parser.add_argument("--region", default="")
    parser.add_argument("--confirm", default="", help="the stack's name, instead of the question")
    parser.add_argument("--logs", choices=["keep", "delete"], default="keep")
    asked = parser.parse_args(arguments)
    try:
        target = find_target(stack=asked.stack, region=asked.region or None)
        _confirm(asked.confirm, target, logs=asked.logs)
    except NotDeployed as error:
        print(f"nothing removed: {error}", file=sys.stderr)
        return 2
    removal = Removal(
        target.session, stacks=[target.stack], bucket=None, keeps_logs=asked.logs == "keep", unprotects=True, say=print
    )
    left = removal.run()
    for what in left:
        print(f"left: {what}", file=sys.stderr)
    if not left:
        print("removed; remove the roles in other stacks, and the files of this stack in SAM's bucket, yourself")
    return 1 if left else 0


def _confirm(given: str, target: Target, *, logs: str) -> None:
    """Return if there is a stack, and its name is given, or typed.

    Raises:
        NotDeployed: there is none, or its name is not given.
    """
    stack, place = target.stack, f"{target.account}, {target.region}"
    if not target.is_there:
        raise NotDeployed(f"there is no stack {stack} in {place}")
    if not given and sys.stdin is not None and sys.stdin.isatty():
        what = "and its audit lines" if logs == "delete" else "but not its log groups"
        print(f"This removes the stack {stack} in {place}, its table {what}. Pipelines then get no more logins.")
        given = input("Type the stack's name to continue: ").strip()
    if given != stack:
        raise NotDeployed(f"not confirmed; give CONFIRM={stack}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
