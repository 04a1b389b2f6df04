"""`python -m mutants`: runs the tests against a sample of changes to the deciding code; always exits with 0."""

import argparse
import os
import random
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from mutants.sites import Mutant, mutants_of

_ROOT: Final = Path(__file__).parents[1]
_LAYER: Final = Path("layers/token_exchange/token_exchange")
_PARTS: Final = ("core", "issuer_keys", "loading")
_PATHS: Final = ("layers/token_exchange", "functions", "cli", ".")
_MOST_SECONDS: Final = 600
_LEFT_OUT: Final = shutil.ignore_patterns(".git", ".venv", ".tools", ".sandbox", ".aws-sam", "__pycache__", ".*_cache")


def main() -> int:
    """Run the tests against each mutant of the sample, and print the survivors."""
    asked = _parser().parse_args()
    seed: int = secrets.randbelow(2**32) if asked.seed is None else asked.seed
    parts: list[str] = asked.part or [*_PARTS]
    everything = [
        (path.relative_to(_ROOT), mutant)
        for part in parts
        for path in sorted((_ROOT / _LAYER / part).rglob("*.py"))
        for mutant in mutants_of(path.read_text())
    ]
    chance = random.Random(seed)  # noqa: S311 - so that the sample can be drawn again
    sample = everything if asked.all else chance.sample(everything, min(asked.sample, len(everything)))
    print(f"seed {seed}; {len(sample)} of {len(everything)} mutants of {', '.join(parts)}")
    lived = 0
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name) / "copy"
        shutil.copytree(_ROOT, copy, ignore=_LEFT_OUT)
        if not _notices_nothing(copy, [f"tests/{part}" for part in parts]):
            print("the tests fail without any change", file=sys.stderr)
            return 1
        for path, mutant in sample:
            lived += _lives(copy, path, mutant)
    print(f"{len(sample) - lived} of {len(sample)} were noticed")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mutants", description=__doc__)
    parser.add_argument("--sample", type=int, default=20, help="how many (%(default)s)")
    parser.add_argument("--all", action="store_true", help="test all mutants, which takes hours")
    parser.add_argument("--seed", type=int, help="seed of the sample")
    parser.add_argument("--part", action="append", choices=_PARTS, help="only mutants of this part; may repeat (all)")
    return parser


def _lives(copy: Path, path: Path, mutant: Mutant) -> bool:
    """Return whether `mutant` survives the tests of its part and those of the whole service."""
    sound = (copy / path).read_text()
    part = path.relative_to(_LAYER).parts[0]
    started = time.monotonic()
    (copy / path).write_text(mutant.source)
    try:
        lives = all(
            _notices_nothing(copy, tests)
            for tests in ([f"tests/{part}"], ["tests/service", "tests/core", "tests/loading"])
        )
    finally:
        (copy / path).write_text(sound)
    said = "LIVES" if lives else "noticed"
    where = f"{path.relative_to(_LAYER)}:{mutant.line}"
    print(f"{said:<8} {time.monotonic() - started:5.0f} s  {where}  {mutant.what}", flush=True)
    return lives


def _notices_nothing(copy: Path, tests: list[str]) -> bool:
    # In front of the path on which the environment has the checkout itself.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(str(copy / path) for path in _PATHS)}
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--no-header", "-p", "no:cacheprovider", *tests]
    try:
        ended = subprocess.run(  # noqa: S603 - the tests of this checkout
            command, cwd=copy, env=environment, capture_output=True, check=False, timeout=_MOST_SECONDS
        )
    except subprocess.TimeoutExpired:
        return False  # a mutant that hangs counts as detected
    return ended.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
