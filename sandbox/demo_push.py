"""The last step of the demo: a real client pushes to a real registry, to its own repository and to another."""

import json
import tempfile
from pathlib import Path

from sandbox import curl
from sandbox.evidence import Evidence, expect, object_of
from sandbox.images import make_image
from sandbox.pushing import MISSING, Program, installed_client, push, push_line
from sandbox.registry.distribution import registry_program
from sandbox.registry.gate import Gate
from sandbox.state import write_private
from sandbox.terminal import Terminal


def find_push_client() -> Program | None:
    """Return the client to push with, or None where it or the registry is not installed."""
    return installed_client() if registry_program() else None


def print_missing_programs(terminal: Terminal) -> None:
    """Print what to install for the demo to show a push."""
    wanted = [] if registry_program() else ["docker-registry (CNCF Distribution)"]
    wanted += [] if installed_client() else [MISSING]
    terminal.heading("Not shown: a push with that login, and one that the registry refuses")
    terminal.line("install", " and ".join(wanted))


def show_pushes(
    program: Program, gate: Gate, *, url: str, token: str, own: str, other: str, evidence: Evidence, terminal: Terminal
) -> None:
    """Push to `own` and to `other` with one login for `own`.

    Raises:
        Unexpected: the first is refused, or the second is not.
    """
    reply = curl.post(url, token=token)
    expect(reply.status == 200, f"expected status 200, found {reply.status}: {reply.body.get('error_description')}")  # noqa: PLR2004 - HTTP
    for host, login in object_of(reply.body.get("auths"), "auths").items():
        evidence.check_not_logged(str(object_of(login, host)["auth"]))
    with tempfile.TemporaryDirectory() as folder:
        write_private(Path(folder) / "config.json", json.dumps(reply.body).encode())
        image = make_image("pushed by the demo")
        for repository, allowed in ((own, True), (other, False)):
            to = f"{gate.host}/{repository}:demo"
            terminal.line("command", push_line(program, to))
            pushed = push(program, image, to, config=Path(folder))
            terminal.line("output", pushed.last_line)
            expect(
                pushed.succeeded == allowed,
                f"expected the push to {repository} to {_outcome(allowed)}, found: {pushed.last_line}",
            )
            arrived = any(
                (visit.method, visit.status, visit.target) == ("PUT", 201, f"/v2/{repository}/manifests/demo")
                for visit in gate.visits()
            )
            expect(arrived == allowed, f"expected the push of a manifest to {repository} to {_outcome(allowed)}")
            terminal.passed(f"the registry {'stored' if allowed else 'refused'} the image")


def _outcome(allowed: bool) -> str:  # noqa: FBT001 - named at its calls
    return "succeed" if allowed else "fail"
