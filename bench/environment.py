"""The environment of the processes that are timed: the sandbox's, and nothing else of this shell's."""

import json
import os
from pathlib import Path

import yaml

from bench.policies import policy_of
from sandbox.backends import Backends


def child_environment(backends: Backends) -> dict[str, str]:
    """Return the variables. Bytecode may be written: it is there for both sides of a comparison."""
    return {"PATH": os.environ.get("PATH", os.defpath), **backends.environment()}


def small_policy_environments(backends: Backends, folder: Path) -> dict[str, dict[str, str]]:
    """Return the variables with a policy of one grant, which is put into `folder`, as `yaml` and as `json`."""
    policy = policy_of(1)
    environments = {}
    for form, text in (("yaml", yaml.safe_dump(policy)), ("json", json.dumps(policy))):
        path = (folder / f"one.{form}").resolve()
        path.write_text(text)
        environments[form] = {**child_environment(backends), "TOKEN_EXCHANGE_POLICY": f"file:{path}"}
    return environments
