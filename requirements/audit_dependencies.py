"""Ask for known vulnerabilities of every locked package: `python requirements/audit_dependencies.py PIP_AUDIT [COPY]`.

pip-audit asks the package index; with COPY, a folder or an archive of OSV's advisories, it asks a server on loopback
that answers from there. If nothing can be asked, that is said and is no failure; if only a part could be, it is one.
"""

import json
import subprocess
import sys
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from requirements.advisories import Advisories, AdvisoriesUnusable
from sandbox.loopback import HOST, Server

LOCKS: Final = (Path("layers/token_exchange/requirements.txt"), *sorted(Path("requirements").glob("*.txt")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """What is known of one locked package: its vulnerabilities, or why nothing is."""

    lock: Path
    name: str
    vulnerabilities: tuple[str, ...] = ()
    unknown: str = ""


class AuditFailed(Exception):
    """pip-audit failed; the message is its own."""


def audit(lock: Path, *, program: Path, options: Sequence[str]) -> Iterable[Audited]:
    """Yield what pip-audit finds about each package of a lock.

    Raises:
        AuditFailed: it does not answer.
    """
    command = [str(program), "--requirement", str(lock), "--require-hashes", "--disable-pip"]
    command += ["--format", "json", "--progress-spinner", "off", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        found: object = json.loads(done.stdout)
    except ValueError as error:
        raise AuditFailed(f"pip-audit ended with status {done.returncode}: {done.stderr.strip()}") from error
    match found:
        case {"dependencies": list(dependencies)}:
            return [_audited(lock, each) for each in dependencies]
        case _:
            raise AuditFailed(f"expected dependencies from pip-audit, found {done.stdout[:200]}")


def _audited(lock: Path, dependency: object) -> Audited:
    match dependency:
        case {"name": str() as name, "skip_reason": str() as reason}:
            return Audited(lock=lock, name=name, unknown=reason)
        case {"name": str() as name, "version": str() as version, "vulns": list(found)}:
            return Audited(
                lock=lock, name=f"{name} {version}", vulnerabilities=tuple(_described(each) for each in found)
            )
        case _:
            raise AuditFailed(f"expected a dependency from pip-audit, found {dependency}")


def _described(vulnerability: object) -> str:
    match vulnerability:
        case {"id": str() as identity, "fix_versions": list(fixes)}:
            return f"{identity}, fixed in {', '.join(map(str, fixes)) or 'no version'}"
        case _:
            raise AuditFailed(f"expected a vulnerability from pip-audit, found {vulnerability}")


def report(found: Sequence[Audited]) -> int:
    """Print what was found; return 1 for a vulnerability, or for a package of which nothing is known."""
    known = [each for each in found if not each.unknown]
    if not known:
        print(
            "audit-dependencies: SKIPPED, no advisories: the package index does not answer; ADVISORIES=FOLDER uses a"
            " copy of OSV's",
            file=sys.stderr,
        )
        return 0
    for each in found:
        for text in (*each.vulnerabilities, *filter(None, [each.unknown])):
            print(f"{each.lock}: {each.name}: {text}")
    bad = sum(bool(each.vulnerabilities or each.unknown) for each in found)
    print(f"audit-dependencies: {len(found)} locked packages, {bad} with a vulnerability or unknown")
    return 1 if bad else 0


def main(program: str, copy: str = "") -> int:
    """Return 0 if no vulnerability is known, or nothing could be asked; else 1."""
    try:
        with ExitStack() as stack:
            options: list[str] = []
            if copy:
                server = stack.enter_context(Server(Advisories(Path(copy))))
                url = f"http://{HOST}:{server.port}/v1/query"
                options = ["--vulnerability-service", "osv", "--osv-url", url]
            found = [each for lock in LOCKS for each in audit(lock, program=Path(program), options=options)]
    except (AuditFailed, AdvisoriesUnusable) as error:
        print(f"audit-dependencies: {error}", file=sys.stderr)
        return 1
    return report(found)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
