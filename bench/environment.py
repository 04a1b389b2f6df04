"""The environment of the processes that are timed: the sandbox's, and nothing else of this shell's."""

import os
from pathlib import Path

import yaml

from bench.policies import policy_of
from sandbox.backends import Backends
from token_exchange.adapters.policy_file import PolicyFile
from token_exchange.loading.load import load_policy
from token_exchange_cli.compilation import compiled_form


def child_environment(backends: Backends) -> dict[str, str]:
    """Return the variables. Bytecode may be written: it is there for both sides of a comparison."""
    return {"PATH": os.environ.get("PATH", os.defpath), **backends.environment()}


def small_policy_environments(backends: Backends, folder: Path) -> dict[str, dict[str, str]]:
    """Return the variables with a policy of one grant, in `folder`: `compiled`, as it is deployed, and its `source`."""
    source, compiled = (folder / "one.yaml").resolve(), (folder / "one.compiled").resolve()
    source.write_text(yaml.safe_dump(policy_of(1)))
    document = PolicyFile(source).read()
    compiled.write_bytes(compiled_form(document, load_policy(document.content, name=document.name, read_file=None)))
    return {
        form: {**child_environment(backends), "TOKEN_EXCHANGE_POLICY": f"file:{path}"}
        for form, path in (("compiled", compiled), ("source", source))
    }
