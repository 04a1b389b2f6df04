"""`make drill NAME=…`: run one drill, or all of them."""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from sandbox.drills.drills import DRILLS
from sandbox.drills.runbook import DrillFailed
from sandbox.drills.site import KINDS, Kind, Site


def main(arguments: Sequence[str]) -> int:
    """Run the drills that the arguments name, by default all; return 1 if one fails."""
    parser = argparse.ArgumentParser(prog="python -m sandbox drill", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(DRILLS)} (default: all)")
    names = parser.parse_args(arguments).names or [*DRILLS]
    unknown = [name for name in names if name not in DRILLS]
    if unknown:
        print(f"drill: there is no drill {unknown[0]}; use one of {', '.join(DRILLS)}", file=sys.stderr)
        return 2
    for name in names:
        print(f"\n{name}: {(DRILLS[name].__doc__ or '').splitlines()[0]}")
        try:
            spent = run(name)
        except DrillFailed as failed:
            print(f"drill: {name}: {failed}", file=sys.stderr)
            return 1
        parts = ", ".join(f"{minutes:.1f} {kind}" for kind, minutes in spent.items())
        print(f"{name}: jobs worked again after {sum(spent.values()):.1f} min: {parts}")
    return 0


def run(name: str) -> dict[Kind, float]:
    """Run one drill and return the minutes until jobs worked again, by how they are known."""
    with tempfile.TemporaryDirectory() as folder, Site(Path(folder)) as site:
        DRILLS[name](site)
        return {kind: sum(each.minutes for each in site.spent if each.kind == kind) for kind in KINDS}
