"""`sam` with its containers on this machine's own network; run it with the SAM CLI's interpreter.

`sam local … --docker-network host` has no effect (aws/aws-sam-cli, issue 3609): the container stays on docker's
bridge, where this machine's loopback, and so the whole sandbox, is out of reach. Opening the sandbox to the bridge
would open it to more than loopback, so the container comes to the host instead.

What SAM asks docker for is changed in one place, and only for the network: the emulator in the container
listens on the very port of loopback at which SAM expects docker to publish it.
"""

import importlib
import sys
from collections.abc import Mapping
from typing import Protocol

_EMULATOR_PORT = "8080"
"""The port of Lambda's runtime interface emulator in a container, as the SAM CLI publishes it."""


_RUNTIME_API_OFFSET = 10_000
"""SAM takes its ports from 5000 to 9000. So these are no two containers' either, and below those that the system
gives to outgoing connections, one of which would sooner or later have taken a port that was only looked for."""


class _Create(Protocol):
    """`ContainerCollection.create` of the docker package."""

    def __call__(self, collection: object, image: object, command: object = None, **options: object) -> object: ...


def on_loopback(options: Mapping[str, object]) -> dict[str, object]:
    """Return what docker is asked for, with the host's network in place of published ports.

    A container without the emulator is left as it is.
    """
    ports, entrypoint = options.get("ports"), options.get("entrypoint")
    if not (isinstance(ports, dict) and _EMULATOR_PORT in ports and isinstance(entrypoint, list)):
        return dict(options)
    interface, port = ports[_EMULATOR_PORT]
    listen = ["--runtime-interface-emulator-address", f"{interface}:{port}"]
    # Between emulator and runtime: a fixed port by default, which two functions at once would fight for.
    listen += ["--runtime-api-address", f"{interface}:{int(port) + _RUNTIME_API_OFFSET}"]
    others = {name: value for name, value in options.items() if name != "ports"}
    return others | {"network_mode": "host", "entrypoint": [*entrypoint, *listen]}


def main() -> None:
    """Run `sam` with the arguments of this process."""
    containers = importlib.import_module("docker.models.containers").ContainerCollection
    create: _Create = containers.create

    def create_on_loopback(collection: object, image: object, command: object = None, **options: object) -> object:
        return create(collection, image, command=command, **on_loopback(options))

    containers.create = create_on_loopback
    importlib.import_module("samcli.cli.main").cli(args=sys.argv[1:], prog_name="sam")


if __name__ == "__main__":
    main()
