"""Fetch the uv that a requirements file locks, with curl and Python 3.9 or later: `fetch_uv.py LOCK PROGRAM`.

Debian's `python3` has neither pip nor `venv`, so this script imports only the standard library.
It uses the package index of the environment or of pip's configuration, or else the Python Package Index.
The index is not trusted: a wheel is used only if LOCK contains its SHA-256.
"""

from __future__ import annotations

import configparser
import hashlib
import io
import os
import platform
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urldefrag, urljoin, urlsplit, urlunsplit

# The default index of pip and uv, whose domain is its name.
_DEFAULT_INDEX = "PyPI"
_INDEX_VARIABLES = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL")
_CURL = ("curl", "--silent", "--show-error", "--fail", "--location", "--netrc-optional", "--retry", "2")
_CONNECT_SECONDS = "20"
_LONGEST_SECONDS = "300"


class FetchFailed(Exception):
    """The locked uv cannot be fetched; the message says why, and contains no credentials of the index."""


def main() -> int:
    """Fetch the program; return the exit status."""
    lock, program = Path(sys.argv[1]), Path(sys.argv[2])
    index = index_url(os.environ)
    try:
        content = fetch(index, lock.read_text(encoding="utf-8"))
    except FetchFailed as error:
        print(f"setup: could not fetch uv from {urlsplit(index).hostname}: {error}", file=sys.stderr)
        print("setup: install uv, or set PIP_INDEX_URL to another package index, and try again", file=sys.stderr)
        return 1
    program.parent.mkdir(parents=True, exist_ok=True)
    # An interrupted setup must not leave an incomplete program behind.
    partial = program.with_name(f"{program.name}.part")
    partial.write_bytes(content)
    partial.chmod(0o755)
    partial.replace(program)
    return 0


def index_url(environment: Mapping[str, str]) -> str:
    """Return the URL of the package index, with a trailing slash."""
    named = [environment[name] for name in _INDEX_VARIABLES if environment.get(name)]
    named += _indexes_of_pip(environment)
    url = named[0] if named else urlunsplit(("https", f"{_DEFAULT_INDEX.lower()}.org", "/simple", "", ""))
    return url.rstrip("/") + "/"


def fetch(index: str, lock: str) -> bytes:
    """Return the program from the first wheel in `index` that fits this machine, if its hash is in `lock`.

    Sources: PEP 503, simple repository API; PEP 427, file names of wheels.

    Raises:
        FetchFailed: curl cannot reach the index, there is no such wheel, or its hash is not in `lock`.
    """
    match = re.search(r"^uv==(\S+)", lock, re.MULTILINE)
    if match is None:
        raise FetchFailed("the lock names no version of uv")
    version = match.group(1)
    page_url = urljoin(index, "uv/")
    links = _Links()
    links.feed(_get(page_url).decode("utf-8", errors="replace"))
    for reference in links.references:
        url = _with_credentials(urldefrag(urljoin(page_url, reference)).url, page_url)
        name = urlsplit(url).path.rpartition("/")[2]
        if name.startswith(f"uv-{version}-py3-none-") and fits(name, platform.system(), platform.machine(), _libc()):
            wheel = _get(url)
            if hashlib.sha256(wheel).hexdigest() not in re.findall(r"--hash=sha256:([0-9a-f]{64})", lock):
                raise FetchFailed(f"the hash of {name} is not in the lock")
            with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
                return archive.read(f"uv-{version}.data/scripts/uv")
    raise FetchFailed(f"the index has no wheel of uv {version} for {platform.system()} on {platform.machine()}")


def fits(wheel: str, system: str, machine: str, libc: str) -> bool:
    """Return whether a wheel fits this machine, by its file name; `libc` is the name from `platform.libc_ver`."""
    kind = "macosx" if system == "Darwin" else "manylinux" if libc == "glibc" else "musllinux"
    tags = wheel.rpartition("-")[2][: -len(".whl")].split(".")
    return any(tag.startswith(kind) and tag.endswith(f"_{machine}") for tag in tags)


def _libc() -> str:
    return platform.libc_ver()[0]


def _get(url: str) -> bytes:
    # curl reads the URL from standard input: it may contain a password, and every user can read a command line.
    quoted = url.replace("\\", "\\\\").replace('"', '\\"')
    limits = ("--connect-timeout", _CONNECT_SECONDS, "--max-time", _LONGEST_SECONDS)
    command = [*_CURL, *limits, "--proto", "=https,http", "--config", "-"]
    try:
        done = subprocess.run(command, input=f'url = "{quoted}"\n'.encode(), capture_output=True, check=False)
    except FileNotFoundError as error:
        raise FetchFailed("curl is not installed") from error
    if done.returncode != 0:
        raise FetchFailed(done.stderr.decode("utf-8", errors="replace").strip().rpartition("\n")[2])
    return done.stdout


def _with_credentials(url: str, page_url: str) -> str:
    """Return `url` with the credentials of `page_url`, if it has none and both have the same host, as pip does."""
    credentials, _, host = urlsplit(page_url).netloc.rpartition("@")
    parts = urlsplit(url)
    if credentials and parts.netloc == host and parts.scheme == urlsplit(page_url).scheme:
        return parts._replace(netloc=f"{credentials}@{host}").geturl()
    return url


def _indexes_of_pip(environment: Mapping[str, str]) -> Iterator[str]:
    """Yield the index from each of pip's configuration files, in pip's order of precedence."""
    home = Path(environment.get("HOME", "/nonexistent"))
    settings = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
    files = [settings / "pip/pip.conf", home / "Library/Application Support/pip/pip.conf", home / ".pip/pip.conf"]
    files += [Path(folder) / "pip/pip.conf" for folder in environment.get("XDG_CONFIG_DIRS", "/etc/xdg").split(":")]
    if environment.get("PIP_CONFIG_FILE"):
        files.insert(0, Path(environment["PIP_CONFIG_FILE"]))
    for file in [*files, Path("/etc/pip.conf")]:
        parser = configparser.RawConfigParser()
        try:
            parser.read(file, encoding="utf-8")
        except (configparser.Error, OSError, UnicodeDecodeError):
            continue  # pip reports what is wrong with it
        for section in ("install", "global"):
            for name in ("index-url", "index_url"):
                if parser.get(section, name, fallback=""):
                    yield parser.get(section, name).strip()


class _Links(HTMLParser):
    """Collect the targets of the links in a page."""

    def __init__(self) -> None:
        super().__init__()
        self.references: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """See `HTMLParser`."""
        if tag == "a":
            self.references += [value for name, value in attrs if name == "href" and value]


if __name__ == "__main__":
    sys.exit(main())
