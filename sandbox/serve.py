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

from sandbox.curl import exchange_line
from sandbox.loopback import PortBusy
from sandbox.paper import Paper
from sandbox.providers.shape import Provider
from sandbox.registry.distribution import RegistryFailed, registry_program
from sandbox.service import HANDLER, Service, ServiceFailed
from sandbox.state import DEFAULT_FOLDER
from sandbox.tokens import add_provider_argument, find_provider
from sandbox.world import World

ISSUER_PORT: Final = 8443
AWS_PORT: Final = 4566
SERVICE_PORT: Final = 8080
REGISTRY_PORTS: Final = {"apps": 5001, "base": 5002}
"""By the registry's name in the policy. Not 5000, on which some systems have a service of their own."""


def main(arguments: Sequence[str]) -> int:
    """Serve until told to stop; return 0 then, 1 when something did not start."""
    asked = _parser().parse_args(arguments)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with ExitStack() as stack:
        try:
            world = stack.enter_context(
                World(
                    asked.folder,
                    issuer_port=asked.issuer_port,
                    aws_port=asked.aws_port,
                    registry_ports=_registry_ports(asked.registry_port) if registry_program() else None,
                )
            )
            output = stack.enter_context(asked.log.open("ab")) if asked.log else None
            service = stack.enter_context(
                Service(world.environment(), port=asked.port, handler=asked.handler, output=output)
            )
        except PortBusy as error:
            options = "--port, --issuer-port, --aws-port or --registry-port"
            print(f"{error}; choose another with {options}, as in", file=sys.stderr)
            print("  make serve SERVE_FLAGS='--port 8090'", file=sys.stderr)
            return 1
        except (ServiceFailed, RegistryFailed) as error:
            print(error, file=sys.stderr)
            return 1
        _explain(world, service, asked.provider or find_provider("github-actions"), log=asked.log)
        stop.wait()
    print("\nstopped")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox serve", description=__doc__)
    add_provider_argument(parser, help="whose jobs the lines to paste are of (github-actions)")
    parser.add_argument("--port", type=int, default=SERVICE_PORT, help="of the service (%(default)s)")
    parser.add_argument("--issuer-port", type=int, default=ISSUER_PORT, help="of the CI issuer (%(default)s)")
    parser.add_argument("--aws-port", type=int, default=AWS_PORT, help="of STS and ECR (%(default)s)")
    parser.add_argument(
        "--registry-port",
        type=int,
        default=REGISTRY_PORTS["apps"],
        help="of the registry of images, and the one after it of the registry of base images (%(default)s)",
    )
    parser.add_argument("--folder", type=Path, default=DEFAULT_FOLDER, help="for keys and policy (%(default)s)")
    parser.add_argument("--log", type=Path, help="where audit lines go (the terminal)")
    parser.add_argument("--handler", default=HANDLER, help="MODULE:NAME to serve (%(default)s)")
    return parser


def _explain(world: World, service: Service, provider: Provider, *, log: Path | None) -> None:
    paper = Paper()
    paper.heading("The token exchange is running on this machine")
    paper.line("service", service.url)
    paper.line("issuer", world.issuer.url)
    paper.line("aws", world.aws.url)
    for name, gate in world.gates.items():
        paper.line("registry", f"{gate.host}, which the policy calls {name}")
    paper.line("policy", world.policy_path)
    paper.line("audit lines", log or "below, as they come")
    paper.heading("Is it well?")
    paper.command(f"curl {service.url}/v1/health")
    paper.heading(f"Get a job's token ({provider.name}, {provider.shown.granted}), and exchange it for a login")
    paper.command(_mint_line(world, provider, provider.shown.granted))
    paper.command(exchange_line(f"{service.url}/v1/token?registry=apps"))
    paper.heading(f"Another one ({provider.shown.refused}) is refused, and says why")
    paper.command(_mint_line(world, provider, provider.shown.refused))
    paper.command(exchange_line(f"{service.url}/v1/token?registry=apps"))
    _explain_pushes(world, service, provider, paper)
    paper.heading("What AWS was asked, and how to let it fail")
    paper.command(f"curl {world.aws.url}/_control/requests")
    paper.command(f"curl -X POST '{world.aws.url}/_control/faults?operation=sts:AssumeRole&fault=throttle&times=2'")
    paper.heading("Ctrl-C stops it")
    sys.stdout.flush()


def _explain_pushes(world: World, service: Service, provider: Provider, paper: Paper) -> None:
    if not world.gates:
        paper.heading("There is no registry to push to: docker-registry (CNCF Distribution) is not installed")
        return
    config = shlex.quote(str(world.policy_path.parent / "docker"))
    own, other = f"{world.gates['apps'].host}/{provider.shown.pushes[0]}", f"{world.gates['apps'].host}/ci/acme/other"
    paper.heading("Push with such a login; to another repository it is refused")
    paper.command(_mint_line(world, provider, provider.shown.granted))
    paper.command(f"umask 077; mkdir -p {config}")
    paper.command(f"{exchange_line(f'{service.url}/v1/token?format=docker-config')} --fail >{config}/config.json")
    paper.command(
        f"echo hello >message.txt; tar -c message.txt | docker import - {own}:1; docker tag {own}:1 {other}:1"
    )
    paper.command(f"docker --config {config} push {own}:1")
    paper.command(f"docker --config {config} push {other}:1")


def _registry_ports(first: int) -> dict[str, int]:
    return {name: first + place if first else 0 for place, name in enumerate(REGISTRY_PORTS)}


def _mint_line(world: World, provider: Provider, scenario: str) -> str:
    audience = provider.fixed_audience or world.audience
    query = urlencode({"audience": audience, "scenario": scenario, "format": "text"})
    ca_bundle = shlex.quote(str(world.issuer.ca_bundle))
    return f"TOKEN=$(curl -sSf --cacert {ca_bundle} '{world.issuer.url}/mint/{provider.name}?{query}')"
