"""The whole service on this machine, until Ctrl-C: `python -m sandbox serve`."""

import argparse
import shlex
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from sandbox.backends import Backends
from sandbox.curl import exchange_line
from sandbox.loopback import PortBusy
from sandbox.providers.shape import Provider
from sandbox.registry.distribution import RegistryFailed, registry_program
from sandbox.service import HANDLER, Service, ServiceFailed
from sandbox.state import DEFAULT_FOLDER
from sandbox.terminal import Terminal
from sandbox.tokens import add_provider_argument, find_provider

ISSUER_PORT: Final = 8443
AWS_PORT: Final = 4566
SERVICE_PORT: Final = 8080
REGISTRY_PORTS: Final = {"apps": 5001, "base": 5002}
"""By the registry's name in the policy. Not 5000, which macOS uses."""


def main(arguments: Sequence[str]) -> int:
    """Serve until interrupted, and return 0; return 1 if a part does not start."""
    asked = _parser().parse_args(arguments)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with ExitStack() as stack:
        try:
            backends = stack.enter_context(
                Backends(
                    asked.folder,
                    issuer_port=asked.issuer_port,
                    aws_port=asked.aws_port,
                    registry_ports=_registry_ports(asked.registry_port) if registry_program() else None,
                )
            )
            output = stack.enter_context(asked.log.open("ab")) if asked.log else None
            service = stack.enter_context(
                Service(backends.environment(), port=asked.port, handler=asked.handler, output=output)
            )
        except PortBusy as error:
            options = "--port, --issuer-port, --aws-port or --registry-port"
            print(f"{error}; choose another with {options}, as in", file=sys.stderr)
            print("  make serve SERVE_FLAGS='--port 8090'", file=sys.stderr)
            return 1
        except (ServiceFailed, RegistryFailed) as error:
            print(error, file=sys.stderr)
            return 1
        _print_commands(backends, service, asked.provider or find_provider("github-actions"), log=asked.log)
        stop.wait()
    print("\nstopped")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox serve", description=__doc__)
    add_provider_argument(parser, help="the CI system of the printed commands (github-actions)")
    parser.add_argument("--port", type=int, default=SERVICE_PORT, help="port of the service (%(default)s)")
    parser.add_argument("--issuer-port", type=int, default=ISSUER_PORT, help="port of the CI issuers (%(default)s)")
    parser.add_argument("--aws-port", type=int, default=AWS_PORT, help="port of the fake AWS (%(default)s)")
    parser.add_argument(
        "--registry-port",
        type=int,
        default=REGISTRY_PORTS["apps"],
        help="port of the registry apps; the registry base uses the next one (%(default)s)",
    )
    parser.add_argument("--folder", type=Path, default=DEFAULT_FOLDER, help="folder for keys and policy (%(default)s)")
    parser.add_argument("--log", type=Path, help="file for audit lines (default: standard output)")
    parser.add_argument("--handler", default=HANDLER, help="MODULE:NAME to serve (%(default)s)")
    return parser


def _print_commands(backends: Backends, service: Service, provider: Provider, *, log: Path | None) -> None:
    terminal = Terminal()
    terminal.heading("The token exchange is running on this machine")
    terminal.line("service", service.url)
    terminal.line("CI issuers", backends.issuer.url)
    terminal.line("AWS", backends.aws.url)
    for name, gate in backends.gates.items():
        terminal.line("registry", f"{gate.host}, {name} in the policy")
    terminal.line("policy", backends.policy_path)
    terminal.line("audit lines", log or "below")
    terminal.heading("Health check")
    terminal.command(f"curl {service.url}/v1/health")
    terminal.heading(f"Mint a job's token ({provider.name}, {provider.shown.granted}) and exchange it for a login")
    terminal.command(_mint_line(backends, provider, provider.shown.granted))
    terminal.command(exchange_line(f"{service.url}/v1/token?registry=apps"))
    terminal.heading(f"Another token ({provider.shown.refused}) is refused, with the reason")
    terminal.command(_mint_line(backends, provider, provider.shown.refused))
    terminal.command(exchange_line(f"{service.url}/v1/token?registry=apps"))
    _print_push_commands(backends, service, provider, terminal)
    terminal.heading("List the requests to AWS, and make the next two fail")
    terminal.command(f"curl {backends.aws.url}/_control/requests")
    terminal.command(
        f"curl -X POST '{backends.aws.url}/_control/faults?operation=sts:AssumeRole&fault=throttle&times=2'"
    )
    terminal.heading("Press Ctrl-C to stop")
    sys.stdout.flush()


def _print_push_commands(backends: Backends, service: Service, provider: Provider, terminal: Terminal) -> None:
    if not backends.gates:
        terminal.heading("No registry to push to: docker-registry (CNCF Distribution) is not installed")
        return
    config = shlex.quote(str(backends.policy_path.parent / "docker"))
    own, other = (
        f"{backends.gates['apps'].host}/{provider.shown.pushes[0]}",
        f"{backends.gates['apps'].host}/ci/acme/other",
    )
    terminal.heading("Push with such a login; the last command pushes to another repository and is refused")
    terminal.command(_mint_line(backends, provider, provider.shown.granted))
    terminal.command(f"umask 077; mkdir -p {config}")
    terminal.command(f"{exchange_line(f'{service.url}/v1/token?format=docker-config')} --fail >{config}/config.json")
    terminal.command(
        f"echo hello >message.txt; tar -c message.txt | docker import - {own}:1; docker tag {own}:1 {other}:1"
    )
    terminal.command(f"docker --config {config} push {own}:1")
    terminal.command(f"docker --config {config} push {other}:1")


def _registry_ports(first: int) -> dict[str, int]:
    return {name: first + offset if first else 0 for offset, name in enumerate(REGISTRY_PORTS)}


def _mint_line(backends: Backends, provider: Provider, scenario: str) -> str:
    audience = provider.fixed_audience or backends.audience
    query = urlencode({"audience": audience, "scenario": scenario, "format": "text"})
    ca_bundle = shlex.quote(str(backends.issuer.ca_bundle))
    return f"TOKEN=$(curl -sSf --cacert {ca_bundle} '{backends.issuer.url}/mint/{provider.name}?{query}')"
