"""The template as SAM's own translator expands it, which is what CloudFormation gets."""

import copy
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from samtranslator.translator.transform import transform

from tests.deploy.cloudformation import load, mapping, text

TEMPLATE: Final = "template.yaml"


class _NoManagedPolicies:
    def load(self) -> dict[str, str]:
        return {}


def parameters(**given: str) -> dict[str, str]:
    """Return a value for each parameter of the template: `given`, or its default."""
    declared = mapping(load(TEMPLATE), "Parameters")
    return {name: str(mapping(one).get("Default", "")) for name, one in declared.items()} | given


def expanded(folder: Path, values: Mapping[str, str]) -> str:
    """Write the expanded template for these parameters into `folder`, and return its path.

    The code is not built: each function gets an address in S3 that depends only on its name.
    """
    template = copy.deepcopy(load(TEMPLATE))
    assert isinstance(template, dict)
    for name, resource in mapping(template, "Resources").items():
        properties = mapping(resource).get("Properties")
        for key in ("CodeUri", "ContentUri"):
            if isinstance(properties, dict) and key in properties:
                properties[key] = f"s3://build/{name}"
    # boto3 asks for a region, to look up the partition.
    os.environ.setdefault("AWS_DEFAULT_REGION", "eu-west-1")
    made = transform(template, dict(values), _NoManagedPolicies())
    path = folder / "expanded.json"
    path.write_text(json.dumps(made), "utf-8")
    return str(path)


def kinds(template: object) -> dict[str, str]:
    """Return the type of each resource, by its logical id."""
    return {name: text(one, "Type") for name, one in mapping(template, "Resources").items()}
