"""Settle for which processor a build is: `python deploy/settle_architecture.py BUILD samconfig.toml`.

The layer contains compiled code, so it runs only on the architecture that it was built for. From here on, that is a
fact and no parameter: the built template states it, no deployment is asked for it, and none can choose another one.
"""

import re
import sys
import tomllib
from pathlib import Path
from typing import Final

import yaml

from deploy.check_layer import LAYER, LayerUnlike, compiled_for

PARAMETER: Final = "Architecture"
LAMBDA_NAMES: Final = {"x86_64": "x86_64", "aarch64": "arm64"}
_OVERRIDE: Final = re.compile(rf"""(?:^|[\s,'"])(?:ParameterKey=)?{PARAMETER}[=,](?:ParameterValue=)?\\?["']?(\w+)""")


class ArchitecturesDiffer(Exception):
    """The build is for one architecture, and something else names another one; the message says what."""


def settle(build: Path, samconfig: Path) -> str:
    """Replace the parameter in the built template by the layer's architecture, and return that.

    Raises:
        ArchitecturesDiffer: the saved parameters of the deployment name another one.
        LayerUnlike: there is no layer for one machine.
    """
    built = LAMBDA_NAMES[compiled_for(build / LAYER)]
    saved = saved_architecture(samconfig.read_text("utf-8")) if samconfig.exists() else None
    if saved not in {None, built}:
        raise ArchitecturesDiffer(
            f"the layer is built for {built}, but {samconfig} deploys it with {PARAMETER}={saved}: remove that from"
            f" [default.deploy.parameters], or write it into [default.global.parameters], for which the layer is built"
        )
    template = build / "template.yaml"
    template.write_text(settled(template.read_text("utf-8"), architecture=built), "utf-8")
    return built


def saved_architecture(samconfig: str) -> str | None:
    """Return the architecture that `sam deploy` has in its own parameters, or None.

    SAM writes there the answers of `sam deploy --guided`: one string, or a list of `NAME=VALUE`.
    """
    own: object = tomllib.loads(samconfig)
    for name in ("default", "deploy", "parameters", "parameter_overrides"):
        own = own.get(name) if isinstance(own, dict) else None
    text = " ".join(map(str, own)) if isinstance(own, list) else str(own or "")
    found = _OVERRIDE.search(text)
    return found[1] if found else None


def settled(template: str, *, architecture: str) -> str:
    """Return the built template with `architecture` in the place of its parameter.

    Raises:
        ArchitecturesDiffer: the template uses the parameter inside of a text, where it is not replaced.
    """
    document: object = yaml.safe_load(template)
    if isinstance(document, dict) and isinstance(document.get("Parameters"), dict):
        document["Parameters"].pop(PARAMETER, None)
    without = _replaced(document, architecture)
    text = yaml.safe_dump(without, sort_keys=False, allow_unicode=True, width=120)
    if f"${{{PARAMETER}}}" in text:
        raise ArchitecturesDiffer(f"expected {PARAMETER} only as !Ref {PARAMETER}, found ${{{PARAMETER}}} in a text")
    return text


def _replaced(value: object, architecture: str) -> object:
    if isinstance(value, dict):
        if value == {"Ref": PARAMETER}:
            return architecture
        return {key: _replaced(each, architecture) for key, each in value.items()}
    if isinstance(value, list):
        # The list of questions names the parameter without a reference.
        return [_replaced(each, architecture) for each in value if each != PARAMETER]
    return value


def main(build: str, samconfig: str) -> int:
    """Return 0 if a deployment of the build is for the layer's architecture, 1 if it is not."""
    try:
        built = settle(Path(build), Path(samconfig))
    except (ArchitecturesDiffer, LayerUnlike) as error:
        print(f"the build cannot be deployed: {error}", file=sys.stderr)
        return 1
    print(f"built for {built}, and deployed only for that")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
