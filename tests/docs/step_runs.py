"""Runs a login step as its CI system would, with what a job finds there."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.loopback import Answer, Request, Server
from tests.docs.ci_systems import EXCHANGE, Ci, Endpoint
from tests.docs.shell import Shell
from tests.tls_server import loopback_context

HOST = "111122223333.dkr.ecr.eu-west-1.amazonaws.com"

SKOPEO = """#!/bin/sh
test "$1 $2" = "copy --authfile" || exit 2
cp "$3" "$SEEN/authfile"
printf '%s\\n' "$*" >>"$SEEN/skopeo"
"""
PRINTS = """#!/bin/sh
printf '%s\\n' "$*" >>"$SEEN/{name}"
case "$*" in
  'redactor add') cat >>"$SEEN/masked"; echo >>"$SEEN/masked" ;;
  '{arguments}') printf '%s\\n' '{token}' ;;
  *) exit 2 ;;
esac
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A step that has run; `printed` is all it wrote, `left` what still lies where temporary files go."""

    shell: Shell = field(repr=False)
    status: int
    printed: str
    left: tuple[str, ...]

    def masked(self, ci: Ci) -> list[str]:
        """Return what the CI system was told to hide, in this order."""
        if ci.mask is None or self.shell.seen("masked"):
            return self.shell.seen("masked").split()
        return [line.removeprefix(ci.mask) for line in self.printed.splitlines() if line.startswith(ci.mask)]

    def unmasked(self, ci: Ci) -> str:
        """Return what the log shows: all that was printed, without the lines that the CI system takes for itself."""
        lines = self.printed.splitlines()
        return "\n".join(line for line in lines if ci.mask is None or not line.startswith(ci.mask))


class _TokenEndpoint:
    """Gives the token to any caller that asks as a job would."""

    def __init__(self, endpoint: Endpoint, token: str) -> None:
        self._endpoint = endpoint
        self._token = token

    def answer(self, request: Request) -> Answer:
        name, value = self._endpoint.header
        sent = {header.lower(): text for header, text in request.headers}
        audience = dict(request.parameters()).get("audience", EXCHANGE)
        if sent.get(name) != value or audience != EXCHANGE:
            return Answer(status=401)
        member = self._endpoint.member
        return Answer(body=(self._token if member is None else json.dumps({"n": 1, member: self._token})).encode())


@contextmanager
def endpoint_variables(endpoint: Endpoint | None, token: str) -> Iterator[dict[str, str]]:
    """Serve `token` as the CI system does, and give the variables by which a job finds it."""
    with ExitStack() as stack:
        if endpoint is None:
            yield {}
            return
        context = None if endpoint.plain else loopback_context()
        server = stack.enter_context(Server(_TokenEndpoint(endpoint, token).answer, tls=context))
        host = f"127.0.0.1:{server.port}"
        url = f"{'http' if endpoint.plain else 'https'}://{host}/token"
        yield {name: text.format(host=host, url=url) for name, text in endpoint.variables.items()}


def prepare(ci: Ci, folder: Path, *, exchange: str, token: str, ca_bundle: Path) -> tuple[Shell, dict[str, str]]:
    """Lay out what a job of this system finds: programs, files and variables; but for its endpoint."""
    shell = Shell(folder=folder, ca_bundle=ca_bundle)
    (folder / "runner").mkdir(parents=True)
    variables = {
        "EXCHANGE": exchange,
        "AUDIENCE": EXCHANGE,
        "REGISTRY": HOST,
        "REGISTRY_NAME": "apps",
        "GITHUB_OUTPUT": str(folder / "output"),
        "AWS_REGION": "eu-west-1",
        "BUILDKITE_COMMIT": "c7d20e9b",
        "BUILD_ID": "7",
        "IMAGES": f"{HOST}/bitbucket/shop:7 {HOST}/bitbucket/shop:8",
        "TMPDIR": str(folder / "runner"),
        "DOCKER_CONFIG": str(folder / "config"),
    }
    shell.program("skopeo", SKOPEO)
    if ci.token_variable is not None:
        variables[ci.token_variable] = token
    if ci.token_file_variable is not None:
        variables[ci.token_file_variable] = str(folder / "token")
        (folder / "token").write_text(token)
    if ci.program is not None:
        name, arguments = ci.program
        shell.program(name, PRINTS.format(name=name, arguments=arguments, token=token))
    return shell, variables


def with_exchange(script: str, exchange: str) -> str:
    """Return the script with another service, where it writes the service's address down itself."""
    for quote in ("", "'"):
        script = script.replace(f"EXCHANGE={quote}{EXCHANGE}{quote}", f"EXCHANGE={quote}{exchange}{quote}")
    return script


def run_step(ci: Ci, script: str, folder: Path, *, exchange: str, token: str, ca_bundle: Path, **changes: str) -> Run:
    """Run the step with `token` against the service at `exchange`; `changes` are variables of the environment."""
    shell, variables = prepare(ci, folder, exchange=exchange, token=token, ca_bundle=ca_bundle)
    with endpoint_variables(ci.endpoint, token) as found:
        # Traced, as many systems run a step when they are asked for more of its log.
        script = "set -x\n" + with_exchange(script, exchange)
        done = shell.run(script, interpreter=ci.interpreter, **variables | found | changes)
    left = tuple(path.name for path in (folder / "runner").rglob("*"))
    return Run(shell=shell, status=done.returncode, printed=done.stdout + done.stderr, left=left)
