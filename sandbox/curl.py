"""Requests with the real curl, as a pipeline makes them."""

import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path


class CurlFailed(Exception):
    """curl is missing or got no answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A JSON answer. `body` may hold a password."""

    status: int
    body: dict[str, object] = field(repr=False)


def get_text(url: str, *, ca_bundle: Path) -> str:
    """Return the body of a 200 answer."""
    return _curl(["--fail", "--cacert", str(ca_bundle), url], stdin="")


def post(url: str, *, token: str) -> Reply:
    """Send `token` as a bearer token.

    It goes through curl's standard input, since every user of the machine can read command lines.

    Raises:
        CurlFailed: there is no answer, or none in JSON.
    """
    arguments = ["--header", "@-", "--request", "POST", "--write-out", "\\n%{http_code}", url]
    body, _, status = _curl(arguments, stdin=f"Authorization: Bearer {token}").rpartition("\n")
    try:
        parsed: object = json.loads(body)
    except ValueError as error:
        raise CurlFailed(f"expected JSON from {url}, found another body with status {status}") from error
    if not isinstance(parsed, dict):
        raise CurlFailed(f"expected a JSON object from {url}, found {type(parsed).__name__}")
    return Reply(status=int(status), body={str(name): value for name, value in parsed.items()})


def exchange_line(url: str) -> str:
    """Return the shell command for `post`, with the token in `$TOKEN`."""
    return f"printf 'Authorization: Bearer %s' \"$TOKEN\" | curl -sS -H @- -X POST '{url}'"


def _curl(arguments: list[str], *, stdin: str) -> str:
    command = ["curl", "--silent", "--show-error", "--noproxy", "*", "--max-time", "20", *arguments]
    try:
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise CurlFailed("curl is not installed") from error
    if done.returncode != 0:
        raise CurlFailed(f"curl ended with status {done.returncode}: {done.stderr.strip()}")
    return done.stdout
