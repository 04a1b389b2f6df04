"""Runs the built function in Lambda's own image, and checks each answer: `python -m sandbox.lambda_check`.

`sam local invoke` for every case of `events/`, then one exchange after another through `sam local start-api`, with
the real curl. It has its own backends on free ports, beside a running `make serve`.
"""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sandbox.backends import Backends
from sandbox.curl import CurlFailed, post
from sandbox.demo_push import find_push_client, print_missing_programs, show_pushes
from sandbox.event_cases import CASES, Case
from sandbox.events import mint_for, render
from sandbox.evidence import Evidence, Unexpected, expect, object_of, text_of
from sandbox.lambda_build import (
    FUNCTION,
    BuildFailed,
    build,
    configure_for_sandbox,
    sam_environment,
    sam_on_loopback,
)
from sandbox.loopback import HOST, listen
from sandbox.state import DEFAULT_FOLDER, make_folder, write_private
from sandbox.terminal import Terminal

CHECK_FOLDER: Final = DEFAULT_FOLDER / "check"
_ENVIRONMENT_FILE: Final = CHECK_FOLDER / "env.json"
_INVOKE_SECONDS: Final = 120.0
_START_SECONDS: Final = 60.0
_WARM_CALLS: Final = 5


def main() -> int:
    """Return 0 if every answer is the one that its event's name states, else 1."""
    make_folder(DEFAULT_FOLDER)
    try:
        build()
        with prepared_backends() as (backends, port, _):
            failures = sum(not _passes(case, backends) for case in CASES)
            failures += not _api_passes(backends, port)
    except BuildFailed as error:
        print(error, file=sys.stderr)
        return 1
    total = len(CASES) + 1
    print(f"\nsam-check: {total - failures} of {total} as expected")
    return 1 if failures else 0


@contextmanager
def prepared_backends(built: Path | None = None) -> Iterator[tuple[Backends, int, dict[str, str]]]:
    """Start backends for the built function: that of the sandbox's build, or the one in the folder `built`.

    It comes with a free port for the HTTP API, and the function's variables.
    """
    with listen(0) as reserved:
        port = int(reserved.getsockname()[1])
    ports = {"apps": 0} if find_push_client() else None
    with Backends(make_folder(CHECK_FOLDER), registry_ports=ports) as backends:
        variables = configure_for_sandbox(
            _ENVIRONMENT_FILE,
            policy_folder=CHECK_FOLDER.name,
            issuer_port=backends.issuer.port,
            ca_bundle=backends.issuer.ca_bundle,
            aws_url=backends.aws.url,
            public_url=f"http://{HOST}:{port}",
            hosts=backends.registry_hosts(),
            built=built,
        )
        yield backends, port, variables


def _passes(case: Case, backends: Backends) -> bool:
    started = time.monotonic()
    try:
        check_case(case, backends)
    except Unexpected as error:
        print(f"  FAILED  {case.name}: {error}", flush=True)
        return False
    print(f"  ok  {case.name:<34} {time.monotonic() - started:5.1f} s, container and cold start included", flush=True)
    return True


def check_case(case: Case, backends: Backends) -> None:
    """Run one case in Lambda's image, and check the answer.

    Raises:
        Unexpected: it is not the one that the case's name states, or the function's log contains the token.
    """
    token = mint_for(case, backends.issuer.mint, now=time.time())
    event_path = CHECK_FOLDER / "event.json"
    write_private(event_path, render(case, token).encode())
    check_answer(case, _invoke(event_path, token))


def _invoke(event_path: Path, token: str) -> dict[str, object]:
    """Return the function's answer to an event, once its log has been searched for the token."""
    command = [*sam_on_loopback(), "local", "invoke", FUNCTION, "--event", str(event_path), *_options()]
    try:
        done = subprocess.run(
            command, env=sam_environment(), capture_output=True, text=True, check=False, timeout=_INVOKE_SECONDS
        )
    except subprocess.TimeoutExpired as error:
        raise Unexpected(f"sam local invoke did not end within {_INVOKE_SECONDS:.0f} s") from error
    for part in (token, token[-40:]):
        expect(part not in done.stderr, "the function's log contains the token")
    # The function's answer is the last line; its log goes to standard error.
    lines = done.stdout.strip().splitlines()
    try:
        answer: object = json.loads(lines[-1]) if lines else None
    except ValueError:
        answer = None
    if done.returncode != 0 or answer is None:
        raise Unexpected(f"sam local invoke ended with status {done.returncode}:\n{done.stderr}")
    return object_of(answer, "answer")


def check_answer(case: Case, answer: dict[str, object]) -> None:
    """Check that a function's answer is the one that the case's name states.

    Raises:
        Unexpected: it is not.
    """
    status = answer.get("statusCode")
    # Lambda answers for a function that failed, with a message that contains no secret.
    expect(status is not None, f"expected an answer for the gateway, found {str(answer)[:300]}")
    body = object_of(json.loads(text_of(answer, "body")), "body")
    found = body.get("reason")
    if case.reason is not None:
        expect(found == case.reason, f"expected {case.reason}, found {found} with status {status}")
        expect(isinstance(status, int) and status >= 400, f"expected a refusal, found status {status}")  # noqa: PLR2004 - HTTP
        return
    expect(status == 200, f"expected status 200, found {status}, {found}")  # noqa: PLR2004 - HTTP
    if case.name.startswith("granted-"):
        expect(bool(body.get("access_token") or body.get("auths")), "expected a login, found none")
    if case.name.startswith("explained-"):
        expect(body.get("decision") == "granted", f"expected a decision, found {found}")


def _api_passes(backends: Backends, port: int) -> bool:
    """Exchange tokens through `sam local start-api`: the first call is cold, the others are warm."""
    url = f"http://{HOST}:{port}/v1/token?registry=apps"
    log_path = CHECK_FOLDER / "start-api.log"
    try:
        with _local_api(port, log_path):
            seconds = [exchange(backends, url) for _ in range(1 + _WARM_CALLS)]
            push_with_a_login(backends, url, log_path)
    except (Unexpected, CurlFailed) as error:
        print(f"  FAILED  start-api: {error}\n{log_path.read_text(errors='replace')}")
        return False
    warm = sorted(seconds[1:])[len(seconds[1:]) // 2]
    print(f"  ok  {'start-api':<34} {seconds[0]:5.1f} s cold, {warm * 1000:.0f} ms warm")
    return True


def push_with_a_login(backends: Backends, url: str, log_path: Path) -> None:
    """Push with a login from the function at `url`, if registry and client are installed.

    Raises:
        Unexpected: a push did not end as expected, or the function's log contains the login.
    """
    terminal = Terminal()
    program = find_push_client()
    if program is None:
        print_missing_programs(terminal)
        return
    show_pushes(
        program,
        backends.gates["apps"],
        url=f"{url}&format=docker-config",
        token=backends.issuer.mint("github-actions", audience=backends.audience, scenario="push-main"),
        own="ci/acme/shop",
        other="ci/acme/other",
        evidence=Evidence(log_path),
        terminal=terminal,
    )


def exchange(backends: Backends, url: str) -> float:
    """Exchange a token at `url`, and return the seconds it took.

    Raises:
        Unexpected: there is no login.
    """
    token = backends.issuer.mint("github-actions", audience=backends.audience, scenario="push-main")
    started = time.monotonic()
    reply = post(url, token=token)
    seconds = time.monotonic() - started
    expect(reply.status == 200, f"expected status 200, found {reply.status}, {reply.body.get('reason')}")  # noqa: PLR2004 - HTTP
    expect(bool(reply.body.get("access_token")), "expected a login, found none")
    return seconds


@contextmanager
def _local_api(port: int, log_path: Path) -> Iterator[None]:
    command = [*sam_on_loopback(), "local", "start-api", "--port", str(port), *_options()]
    with log_path.open("wb") as log:
        process = subprocess.Popen(command, env=sam_environment(), stdout=log, stderr=log, start_new_session=True)
        try:
            _wait_for(port, process)
            yield
        finally:
            process.terminate()  # it also removes its warm container
            process.wait()


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until:
        expect(process.poll() is None, f"sam local start-api ended with status {process.returncode}")
        try:
            socket.create_connection((HOST, port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise Unexpected(f"sam local start-api did not listen within {_START_SECONDS:.0f} s")


def _options() -> list[str]:
    return ["--config-env", "sandbox", "--env-vars", str(_ENVIRONMENT_FILE)]


if __name__ == "__main__":
    sys.exit(main())
