"""A small policy that loads, and ways to spoil one field of it."""

import copy
import json
import re
from collections.abc import Callable, Mapping

import pytest

from token_exchange.core.policy import Policy
from token_exchange.core.ports import Json
from token_exchange.loading.load import load_policy
from token_exchange.loading.problems import Code, PolicyUnusable, Problem, spelled_path

type Document = dict[str, Json]
type Edit = Callable[[Json, str | int], None]

AUDIENCE = "https://ecr.nordlicht.example"

_PART = re.compile(r'\.?([A-Za-z_][A-Za-z0-9_-]*)|\[([0-9]+)\]|\["([^"]*)"\]')


def grant(**changes: Json) -> Document:
    """Return a grant of pull rights; None leaves a key out."""
    return _without_nones(
        {
            "name": "reader",
            "issuers": ["github"],
            "registry": "apps",
            "role": "arn:aws:iam::210987654321:role/ci-reader",
            "access": "pull",
            "repositories": ["base/*"],
            **changes,
        }
    )


def document(*grants: Document, **changes: Json) -> Document:
    """Return a policy with `grants`, or with one that lets all of nordlicht pull; None leaves a key out."""
    return _without_nones(
        {
            "version": 1,
            "issuers": {
                "github": {
                    "provider": "github-actions",
                    "audience": AUDIENCE,
                    "organizations": [{"name": "nordlicht", "id": "4400117"}],
                },
                "gitlab": {"provider": "gitlab", "audience": AUDIENCE, "organizations": [{"name": "werft"}]},
                "own": {
                    "provider": "generic",
                    "issuer": "https://ci.nordlicht.example",
                    "audience": AUDIENCE,
                    "algorithms": ["ES256"],
                    "organization_claim": "tenant",
                    "claims": {"repository": "project", "repository_id": "project_id", "branch": ["git", "branch"]},
                    "organizations": [{"name": "nordlicht"}],
                },
            },
            "registries": {
                "apps": {"type": "ecr", "account": "210987654321", "region": "eu-central-1"},
                "base": {"type": "ecr", "account": "210987654321", "region": "us-east-1"},
            },
            "grants": list(grants) or [grant()],
            **changes,
        }
    )


def _without_nones(found: Document) -> Document:
    return {key: value for key, value in found.items() if value is not None}


def changed(found: Document, path: str, value: Json) -> Document:
    """Return a copy of `found` in which the field at `path` (as problems spell it) is `value`."""
    return _edited(found, path, lambda parent, key: _put(parent, key, value))


def without(found: Document, path: str) -> Document:
    """Return a copy of `found` that lacks the field at `path`."""
    return _edited(found, path, _drop)


def _edited(found: Document, path: str, edit: Edit) -> Document:
    whole = copy.deepcopy(found)
    parts: list[str | int] = [
        int(part[2]) if part[2] else part[1] if part[3] is None else part[3] for part in _PART.finditer(path)
    ]
    node: Json = whole
    for part in parts[:-1]:
        if isinstance(node, dict):
            node = node.setdefault(str(part), {})
        elif isinstance(node, list) and isinstance(part, int):
            node = node[part]
    edit(node, parts[-1])
    return whole


def _put(parent: Json, key: str | int, value: Json) -> None:
    if isinstance(parent, dict):
        parent[str(key)] = value
    elif isinstance(parent, list) and isinstance(key, int):
        parent[key] = value


def _drop(parent: Json, key: str | int) -> None:
    if isinstance(parent, dict):
        del parent[str(key)]
    elif isinstance(parent, list) and isinstance(key, int):
        del parent[key]


class Folder:
    """Files beside the policy; counts how often each is read."""

    def __init__(self, files: Mapping[str, bytes] | None = None) -> None:
        self.files = dict(files or {})
        self.reads: list[str] = []

    def __call__(self, path: str) -> bytes:
        self.reads.append(path)
        if path not in self.files:
            raise FileNotFoundError(2, "No such file or directory", path)
        return self.files[path]


def load(found: Document | bytes, *, folder: Folder | None = None) -> Policy:
    """Return the policy that `found` spells."""
    text = found if isinstance(found, bytes) else json.dumps(found).encode()
    return load_policy(text, name="policy.yaml", read_file=folder)


def problems_of(found: Document | bytes, *, folder: Folder | None = None) -> tuple[Problem, ...]:
    """Return what keeps `found` from loading."""
    with pytest.raises(PolicyUnusable) as unusable:
        load(found, folder=folder)
    assert unusable.value.problems
    return unusable.value.problems


def faults(found: Document | bytes, *, folder: Folder | None = None) -> list[tuple[str, Code]]:
    """Return the path and code of everything that keeps `found` from loading."""
    return [(spelled_path(problem.path), problem.code) for problem in problems_of(found, folder=folder)]
