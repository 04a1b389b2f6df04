"""`python -m sandbox month`: write a month of logs, to try questions on."""

import argparse
from pathlib import Path

from sandbox.month.company import MOST_TEAMS
from sandbox.month.month import Month, write_month


def main(arguments: list[str]) -> int:
    """Write the month; return a status."""
    parser = argparse.ArgumentParser(prog="python -m sandbox month", description=__doc__)
    parser.add_argument("folder", type=Path, help="where to write it; must not exist yet")
    parser.add_argument("--exchanges", type=int, default=600, help="how many exchanges (default: 600)")
    parser.add_argument("--teams", type=int, default=12, help=f"how many teams, up to {MOST_TEAMS} (default: 12)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same month (default: 1)")
    parser.add_argument("--plain", action="store_true", help="one file of lines, audit.jsonl, as the log")
    asked = parser.parse_args(arguments)
    if asked.exchanges < 100 or not 1 <= asked.teams <= MOST_TEAMS:  # noqa: PLR2004 - what is planted needs some room
        parser.error(f"expected at least 100 exchanges, and 1 to {MOST_TEAMS} teams")
    try:
        asked.folder.mkdir(parents=True)
    except FileExistsError:
        parser.error(f"{asked.folder} exists")
    month = Month(exchanges=asked.exchanges, teams=asked.teams, seed=asked.seed)
    write_month(asked.folder, month, plain=asked.plain)
    print(f"{asked.folder}: {asked.exchanges} exchanges of {asked.teams} teams")
    return 0
