"""Compiles the policy in a build, so that no start of a function parses YAML.

The file keeps its name, and the policy its identity: `PolicyKey` stays the same, and what `sam build` and `sam deploy`
deploy by hand is the source again, never an older compiled form.
"""

import shutil
from pathlib import Path

from deploy.target import NotDeployed
from token_exchange.adapters.policy_file import PolicyFile
from token_exchange.loading.document import is_compiled
from token_exchange.loading.load import load_policy
from token_exchange.loading.problems import PolicyUnusable
from token_exchange.loading.store import PolicyUnreadable
from token_exchange_cli.compilation import compiled_form


def compile_policy(build: Path, key: str) -> None:
    """Replace the policy `key`, a file or a folder, by its compiled form in every function of `build` that has it.

    Raises:
        NotDeployed: it is not in the build, or what was built does not load.
    """
    places = [package / key for package in sorted(build.glob("*/exchange")) if (package / key).exists()]
    if not places:
        raise NotDeployed(f"the policy {key} is not in the build; run `make build` again")
    try:
        source = PolicyFile(places[0]).read()
        if is_compiled(source.content):
            return
        policy = load_policy(
            source.content, name=source.name, read_file=source.read_file, grant_files=source.grant_files
        )
    except (PolicyUnreadable, PolicyUnusable) as error:
        raise NotDeployed(f"the policy that was built does not load: {places[0]}\n{error}") from error
    compiled = compiled_form(source, policy)
    for place in places:
        if place.is_dir():
            shutil.rmtree(place)
        else:
            place.unlink()
        place.write_bytes(compiled)
