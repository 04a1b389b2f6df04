"""The files in `events/`: `python -m sandbox events` writes new tokens into them, valid for an hour.

A file's name is the outcome: `granted-…` is answered with a login, `denied-REASON` and `rejected-REASON` are not.
"""

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

from sandbox.event_cases import CASES, Case
from sandbox.gateway_events import make_event
from sandbox.policy import AUDIENCE
from sandbox.rest_events import make_rest_event
from sandbox.serve import ISSUER_PORT
from sandbox.state import DEFAULT_FOLDER
from sandbox.tokens import Mint

EVENTS_FOLDER: Final = Path("events")

PLACEHOLDER: Final = "a-token-of-make-events"
"""Replaces tokens in the committed files: no token belongs in a repository, not even a worthless one."""

LIFETIME_SECONDS: Final = 3600
_EXPIRED_SINCE_SECONDS: Final = 3600
_DOMAIN: Final = "sandbox001.execute-api.eu-west-1.amazonaws.com"
_REQUEST_ID: Final = "c2FuZGJveC1pZD0="
_TRACE_ID: Final = "Root=1-69556a80-0123456789abcdef01234567"
_MADE_AT_SECONDS: Final = 1_767_225_600.0  # nothing is decided by the gateway's time; a fixed one keeps diffs small


class Minter(Protocol):
    """The part of `Mint.mint` that is used here."""

    def __call__(self, provider: str, *, audience: str, scenario: str, lifetime_seconds: int, now: float) -> str:
        """Return a signed token."""
        ...


def mint_for(case: Case, mint: Minter, *, now: float) -> str:
    """Return the token of `case` as minted at `now`, in seconds since the epoch."""
    if case.token is None:
        return PLACEHOLDER
    expired = _EXPIRED_SINCE_SECONDS + LIFETIME_SECONDS if case.token.expired else 0
    return mint(
        case.token.provider,
        audience=case.token.audience or AUDIENCE,
        scenario=case.token.scenario,
        lifetime_seconds=LIFETIME_SECONDS,
        now=now - expired,
    )


def render(case: Case, token: str) -> str:
    """Return the text of the file of `case`, with `token` in its place."""
    make = make_rest_event if case.rest_api else make_event
    event = make(
        case.request(token),
        domain=_DOMAIN,
        request_id=_REQUEST_ID,
        trace_id=_TRACE_ID,
        now_seconds=_MADE_AT_SECONDS,
    )
    return json.dumps(event, indent=2) + "\n"


def write_events(folder: Path, mint: Minter, *, now: float) -> list[Path]:
    """Write every case into `folder` with a token of `mint`, and return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"{case.name}.json" for case in CASES]
    for case, path in zip(CASES, files, strict=True):
        path.write_text(render(case, mint_for(case, mint, now=now)))
    return files


def main(arguments: Sequence[str]) -> int:
    """Write new tokens or the placeholders; return 0."""
    parser = argparse.ArgumentParser(prog="python -m sandbox events", description=__doc__)
    parser.add_argument("--into", type=Path, default=EVENTS_FOLDER, help="folder of the files (%(default)s)")
    parser.add_argument("--issuer-port", type=int, default=ISSUER_PORT, help="issuer port of serve (%(default)s)")
    parser.add_argument("--folder", type=Path, default=DEFAULT_FOLDER, help="folder with the keys (%(default)s)")
    parser.add_argument(
        "--placeholders", action="store_true", help="replace the tokens with placeholders, as committed"
    )
    asked = parser.parse_args(arguments)
    if asked.placeholders:
        for case in CASES:
            (asked.into / f"{case.name}.json").write_text(render(case, PLACEHOLDER))
        print(f"{len(CASES)} files in {asked.into} hold no token")
        return 0
    now = time.time()
    mint = Mint(asked.folder / "keys", base_url=f"https://localhost:{asked.issuer_port}").mint
    files = write_events(asked.into, mint, now=now)
    until = time.strftime("%H:%M", time.localtime(now + LIFETIME_SECONDS))
    print(f"{len(files)} files in {asked.into} hold new tokens, valid until {until}")
    return 0
