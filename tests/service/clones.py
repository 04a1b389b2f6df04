"""A warmed process and its forks: what Lambda restores from a snapshot, as far as a process can be copied.

`python -m tests.service.clones FOLDER` starts the exchange, makes one exchange, and waits. FOLDER has `tokens.json`, a
list of a token and the seconds by which the clone's wall clock is ahead; the first token is for the warmed process.
Each clone writes `clone-N.json`.
"""

import json
import os
import random
import sys
import time
from pathlib import Path

from snapshot_restore_py import get_after_restore

from sandbox.loopback import Request
from tests.service.front import answer_of, context, event_of
from token_exchange import service
from token_exchange.core.ports import Json

type RandomState = tuple[object, ...]


def sockets() -> set[str]:
    """Return the sockets of this process that are connected to anything."""
    links = (str(path.readlink()) for path in Path("/proc/self/fd").iterdir() if path.is_symlink())
    return {link for link in links if link.startswith("socket:")}


def sent(method: str, path: str, token: str | None = None) -> dict[str, Json]:
    from exchange.app import handler  # noqa: PLC0415 - it reads the environment when it is imported

    headers = () if token is None else (("Authorization", f"Bearer {token}"),)
    request = Request(method=method, target=path, headers=headers, body=b"", peer="203.0.113.7")
    answer = answer_of(handler(event_of(request), context()))
    return {"status": answer.status, **answer.fields}


def clone(folder: Path, number: int, token: str, ahead_seconds: float, shared: set[str], seeded: RandomState) -> None:
    # Python seeds the generator of a fork anew, which it does not for a snapshot.
    random.setstate(seeded)
    wall = time.time
    time.time = lambda: wall() + ahead_seconds
    hooks: list[object] = [*get_after_restore()]
    for hook in hooks:
        match hook:
            case (function, tuple() as arguments, dict() as options) if callable(function):
                function(*arguments, **options)
            case _:
                raise TypeError(f"unknown hook: {hook!r}")
    kept = sockets() & shared
    found: dict[str, Json] = {
        "random": random.random(),  # noqa: S311 - what botocore takes its pauses from
        "kept_connections": len(kept),
        "health": sent("GET", "/v1/health"),
        "exchange": sent("POST", "/v1/token?registry=base", token),
    }
    (folder / f"clone-{number}.json").write_text(json.dumps(found))


def main(folder: Path) -> None:
    (first, _), *others = json.loads((folder / "tokens.json").read_text())
    # A fork lacks the threads of its parent, which would close a connection that is still being opened.
    vars(service).update(CONNECT_SECONDS=30.0)
    before = sockets()
    assert sent("POST", "/v1/token?registry=base", first)["status"] == 200
    shared = sockets() - before
    sys.stdout.write(f"warmed, {len(shared)} connections\n")
    sys.stdout.flush()
    sys.stdin.readline()
    children: list[int] = []
    seeded = random.getstate()
    for number, (token, ahead_seconds) in enumerate(others):
        child = os.fork()
        if child == 0:
            clone(folder, number, token, ahead_seconds, shared, seeded)
            os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
