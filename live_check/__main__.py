"""`make live-check`: tests in your AWS account what AWS does not document.

It deploys the service under a unique name, runs the checks, and removes everything that it made, even after an error.
"""

import argparse
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import boto3

from live_check.aws import AwsAccount
from live_check.issuer import ThrowAwayIssuer
from live_check.place import Account, Clock, LiveCheckFailed
from live_check.questions import ask
from live_check.stacks import COST, MADE, is_base, new_base
from sandbox.curl import CurlFailed

_BUILD: Final = Path(".aws-sam/build")


class WallClock:
    """The wall clock."""

    def now(self) -> float:
        """Return the seconds since the epoch."""
        return time.time()

    def wait_until(self, moment: float, *, why: str) -> None:
        """Return when `now()` is not before `moment`."""
        seconds = moment - self.now()
        if seconds > 0:
            say(f"waiting {seconds:.0f} s: {why}")
            time.sleep(seconds)


def say(text: str) -> None:
    """Print progress."""
    print(f"live-check: {text}", file=sys.stderr, flush=True)


def main(arguments: Sequence[str]) -> int:
    """Return 0 if AWS behaves as the project assumes and everything is removed, else 1; 2 for wrong usage."""
    asked = _parser().parse_args(arguments)
    session = boto3.Session(region_name=asked.region or os.environ.get("AWS_REGION"))
    if not session.region_name:
        print("live-check: no region: expected --region or AWS_REGION", file=sys.stderr)
        return 2
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))  # so that what was made is removed, as after Ctrl-C
    sam = [os.environ.get("SAM", "sam")]
    try:
        account = AwsAccount(session, base=asked.remove or new_base(), build=_BUILD, sam=sam, say=say)
    except LiveCheckFailed as error:
        print(f"live-check: {error}", file=sys.stderr)
        return 1
    if asked.remove:
        return _removed(account)
    _state(account)
    if not asked.yes and input("Continue? Type yes: ") != "yes":
        print("live-check: cancelled; nothing was created")
        return 2
    return check(account, WallClock(), patient=not asked.quick)


def check(account: Account, clock: Clock, *, patient: bool) -> int:
    """Deploy, check, print, remove; return 0 if AWS behaves as the project assumes and nothing is left."""
    issuer = ThrowAwayIssuer()
    status = 0
    try:
        place = account.create(issuer)
        for finding in ask(account, place, issuer, clock, patient=patient):
            print(f"\n{finding.question}\n  {finding.answer.upper()}   {finding.seen}", flush=True)
            if not finding.is_as_expected:
                status = 1
                print(f"  The project depends on {finding.expected}: see docs/security-model.md", flush=True)
    except (LiveCheckFailed, CurlFailed) as error:
        status = 1
        print(f"live-check: {error}", file=sys.stderr)
    finally:
        status = _removed(account) or status
    return status


def _removed(account: Account) -> int:
    left = account.remove()
    for each in left:
        print(f"live-check: not removed: {each}", file=sys.stderr)
    if not left:
        say("everything that was created is removed")
    return 1 if left else 0


def _state(account: AwsAccount) -> None:
    names = account.names
    print(f"This creates in account {names.account}, under names that begin with {names.base}:")
    for each in MADE:
        print(f"  - {each}")
    print(f"and removes all of it at the end, after about 25 minutes; {COST}")
    print(f"If it is interrupted: make live-check LIVE_FLAGS='--remove {names.base}'")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m live_check", description=__doc__)
    parser.add_argument("--region", help="AWS region (AWS_REGION, or the profile's)")
    parser.add_argument("--yes", action="store_true", help="do not ask for confirmation")
    parser.add_argument("--quick", action="store_true", help="skip the question that takes 15 minutes")
    parser.add_argument(
        "--remove", metavar="NAME", type=_base, help="only remove what an interrupted check left behind"
    )
    return parser


def _base(text: str) -> str:
    # A typing error must not delete another stack.
    if not is_base(text):
        raise argparse.ArgumentTypeError("expected the name of a check, such as live-check-0a1b2c3d")
    return text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
