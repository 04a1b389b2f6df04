"""The environment of the processes that are timed: the sandbox's, and nothing else of this shell's."""

import json
import os
from pathlib import Path

import yaml

from bench.policies import policy_of
from sandbox.world import World


def child_environment(world: World) -> dict[str, str]:
    """Return the variables. Bytecode may be written: it is there for both sides of a comparison."""
    return {"PATH": os.environ.get("PATH", os.defpath), **world.environment()}


def small_policy_environments(world: World, folder: Path) -> dict[str, dict[str, str]]:
    """Return the variables with a policy of one grant, which is put into `folder`, as `yaml` and as `json`."""
    policy = policy_of(1)
    environments = {}
    for form, text in (("yaml", yaml.safe_dump(policy)), ("json", json.dumps(policy))):
        path = (folder / f"one.{form}").resolve()
        path.write_text(text)
        environments[form] = {**child_environment(world), "TOKEN_EXCHANGE_POLICY": f"file:{path}"}
    return environments
