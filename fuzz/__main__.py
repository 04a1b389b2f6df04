"""`python -m fuzz`: sends hostile input to each target, and exits with 1 if an invariant does not hold."""

import argparse
import json
import secrets
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from fuzz.hunt import Finding, Report, hunt, kept, replay
from fuzz.target import Json
from fuzz.targets.all import TARGETS

CORPUS: Final = Path(__file__).parent / "corpus"
_FOUND: Final = Path(".fuzz")
_MAX_SHOWN: Final = 2000


def main(arguments: Sequence[str] | None = None) -> int:
    """Fuzz, and return the exit status."""
    asked = _parser().parse_args(arguments)
    if asked.replay:
        return _replayed(asked.replay)
    names: list[str] = asked.target or list(TARGETS)
    seed: int = secrets.randbelow(2**32) if asked.seed is None else asked.seed
    print(f"seed {seed}; {asked.seconds:g} s over {len(names)} of {len(TARGETS)} targets")
    findings: list[Finding] = []
    for name in names:
        with TARGETS[name]() as target:
            again = replay(target, kept(CORPUS, target))
            found = hunt(target, seed=seed, seconds=asked.seconds / len(names), known=again.findings)
        _tell(found, again)
        findings += [*again.findings, *found.findings]
    for number, finding in enumerate(findings, start=1):
        _show(finding, number, seed=seed)
    return 1 if findings else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="time for all targets (%(default)s)")
    parser.add_argument("--seed", type=int, help="generates the same inputs each time (default: random, and printed)")
    parser.add_argument("--target", action="append", choices=[*TARGETS], help="can be repeated (default: all targets)")
    parser.add_argument("--replay", type=Path, nargs="+", metavar="FILE", help="send only the inputs in these files")
    return parser


def _replayed(paths: Sequence[Path]) -> int:
    """Send the inputs in files, each of the target that its folder is named after."""
    findings: list[Finding] = []
    for path in paths:
        with TARGETS[path.resolve().parent.name]() as target:
            findings += replay(target, _only(path)).findings
    for number, finding in enumerate(findings, start=1):
        _show(finding, number, seed=None)
    print(f"{len(paths)} inputs, {len(findings)} findings")
    return 1 if findings else 0


def _only(path: Path) -> Iterator[Json]:
    found: Json = json.loads(path.read_text())
    yield found


def _tell(report: Report, again: Report) -> None:
    rate = report.inputs / report.seconds if report.seconds else 0.0
    print(
        f"{report.target:<10} {report.seconds:6.1f} s {report.inputs:>9,} inputs {rate:>9,.0f}/s "
        f"{again.inputs:>3} kept {len(again.findings) + len(report.findings):>3} findings",
        flush=True,
    )


def _show(finding: Finding, number: int, *, seed: int | None) -> None:
    text = json.dumps(finding.given)
    print(f"\nFINDING {number}: {finding.target}: {finding.law} {finding.place}")
    print("\n".join(f"  {line}" for line in finding.text.splitlines()[-12:]))
    print(f"  input: {text[:_MAX_SHOWN]}{' and so on' if len(text) > _MAX_SHOWN else ''}")
    if seed is not None:
        path = _FOUND / finding.target / f"{finding.law}-{number}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(finding.given, indent=1) + "\n")
        print(f"  send it again:  make fuzz FUZZ_FLAGS='--replay {path}'")
        print(f"  find it again:  make fuzz FUZZ_FLAGS='--seed {seed} --target {finding.target}'")


if __name__ == "__main__":
    sys.exit(main())
