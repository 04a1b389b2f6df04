"""The environment of the processes that are timed: the sandbox's, and nothing else of this shell's."""

import os

from sandbox.world import World


def child_environment(world: World) -> dict[str, str]:
    """Return the variables. Bytecode may be written: it is there for both sides of a comparison."""
    return {"PATH": os.environ.get("PATH", os.defpath), **world.environment()}
