"""A package index on loopback with one uv, which is a shell script, and a machine whose path holds next to nothing."""

import base64
import hashlib
import io
import shutil
import subprocess
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

VERSION: Final = "1.2.3"
_TOOLS: Final = ("sh", "mkdir", "dirname", "ln", "rm", "curl")
# For every machine that the tests run on: glibc, musl or macOS, each with its processors.
_TAGS: Final = (
    "manylinux_2_17_x86_64.manylinux2014_x86_64",
    "manylinux_2_17_aarch64.manylinux2014_aarch64",
    "musllinux_1_1_x86_64",
    "musllinux_1_1_aarch64",
    "macosx_11_0_arm64",
    "macosx_10_12_x86_64",
)


def wheel() -> bytes:
    """Return a wheel with a `uv` that says its version."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        # With ZipInfo's fixed date, so that each call returns the same bytes.
        program = zipfile.ZipInfo(f"uv-{VERSION}.data/scripts/uv")
        archive.writestr(program, f"#!/bin/sh\necho uv {VERSION}\n")
    return written.getvalue()


def lock_text(*, content: bytes | None = None) -> str:
    """Return a requirements file as `make lock` writes it, for the wheel or for other `content`."""
    digest = hashlib.sha256(wheel() if content is None else content).hexdigest()
    return f"# by make lock\nuv=={VERSION} \\\n    --hash=sha256:{'0' * 64} \\\n    --hash=sha256:{digest}\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageIndex:
    """What was asked of it, and the credentials of each request."""

    port: int
    asked: list[str] = field(default_factory=list)
    credentials: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/index"


@contextmanager
def package_index() -> Iterator[PackageIndex]:
    """Serve uv's page and its wheels, those of an older version first."""
    names = [f"uv-{version}-py3-none-{tags}.whl" for version in ("1.2.2", VERSION) for tags in _TAGS]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            index.asked.append(self.path)
            scheme, _, value = self.headers.get("Authorization", "").partition(" ")
            index.credentials.append(base64.b64decode(value).decode() if scheme == "Basic" else "")
            if self.path == "/index/uv/":
                body = "".join(f'<a href="../../files/{name}#sha256=beside">{name}</a>\n' for name in names).encode()
            elif VERSION in self.path:
                body = wheel()
            else:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        index = PackageIndex(port=server.server_address[1])
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            yield index
        finally:
            server.shutdown()
            serving.join()


@dataclass(frozen=True, slots=True, kw_only=True)
class BareMachine:
    """A folder with a space in its path, and programs that are put there one by one."""

    folder: Path

    def has(self, *programs: str) -> None:
        """Link programs of this machine into the path."""
        bin_folder = self.folder / "bin"
        bin_folder.mkdir(exist_ok=True)
        for name in programs:
            found = shutil.which(name)
            assert found is not None, name
            (bin_folder / name).symlink_to(found)

    def script(self, name: str, text: str) -> Path:
        """Put a program of the test's into the path."""
        path = self.folder / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
        return path

    def run(self, *command: str | Path, **variables: str) -> "subprocess.CompletedProcess[str]":
        """Run a command with that path and an environment that holds nothing else."""
        self.has(*(name for name in _TOOLS if not (self.folder / "bin" / name).exists()))
        return subprocess.run(
            [str(part) for part in command],
            cwd=self.folder,
            env={"PATH": str(self.folder / "bin"), "HOME": str(self.folder), **variables},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
