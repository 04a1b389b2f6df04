"""Pushes an image with a real client: docker if its engine runs, else skopeo."""

import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, assert_never

from sandbox.images import Image

type Program = Literal["docker", "skopeo"]

MISSING: Final = "a running docker, or skopeo"
_TIMEOUT_SECONDS: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """The result of a push, and the client's last line."""

    succeeded: bool
    last_line: str


def installed_client() -> Program | None:
    """Return the installed client, or None."""
    if shutil.which("docker") and _run("docker", "info").returncode == 0:
        return "docker"
    return "skopeo" if shutil.which("skopeo") else None


def push(program: Program, image: Image, to: str, *, config: Path) -> Pushed:
    """Push `image` with the logins in the folder `config`, and remove it from the client afterwards."""
    match program:
        case "docker":
            return _push_with_docker(image, to, config)
        case "skopeo":
            return _push_with_skopeo(image, to, config)
        case _:
            assert_never(program)


def push_line(program: Program, to: str) -> str:
    """Return the shell command for `push`."""
    return f"docker push {to}" if program == "docker" else f"skopeo copy oci:image docker://{to}"


def _push_with_docker(image: Image, to: str, config: Path) -> Pushed:
    made = _run("docker", "import", "-", to, stdin=image.layer)
    if made.returncode != 0:
        return _ended(made)
    try:
        return _ended(_run("docker", "--config", str(config), "push", to))
    finally:
        _run("docker", "rmi", "--force", to)


def _push_with_skopeo(image: Image, to: str, config: Path) -> Pushed:
    with tempfile.TemporaryDirectory() as folder:
        layout = image.write_layout(Path(folder))
        login = ("--authfile", str(config / "config.json"))
        return _ended(_run("skopeo", "copy", "--dest-tls-verify=false", *login, f"oci:{layout}", f"docker://{to}"))


def _run(*command: str, stdin: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(command, input=stdin, capture_output=True, check=False, timeout=_TIMEOUT_SECONDS)


def _ended(done: "subprocess.CompletedProcess[bytes]") -> Pushed:
    lines = (done.stderr.strip() or done.stdout.strip()).decode(errors="replace").splitlines()
    return Pushed(succeeded=done.returncode == 0, last_line=lines[-1] if lines else "")
