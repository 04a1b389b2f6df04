"""A policy that is a folder, and what keeps one from loading."""

import json
from collections.abc import Mapping

import pytest

from tests.loading.documents import Document, document, grant
from token_exchange.core.policy import Policy
from token_exchange.core.ports import Json
from token_exchange.loading.load import load_policy
from token_exchange.loading.problems import Code, PolicyUnusable, Problem, spelled_path

ROLE = "arn:aws:iam::210987654321:role/ci-reader"
TEAM = "grants/team.yaml"


def entry(**changes: Json) -> Document:
    """Return an entry of `files` with room for the grant of the documents; None leaves a key out."""
    whole: Document = {
        "issuers": ["github"],
        "organizations": [{"name": "nordlicht"}],
        "registries": ["apps"],
        "roles": [ROLE],
        "repository_prefixes": ["base/"],
        **changes,
    }
    return {key: value for key, value in whole.items() if value is not None}


def main_file(files: Document | None = None, **changes: Json) -> Document:
    """Return a `policy.yaml` with `files`, or with one entry for the team."""
    return document(**{"grants": None, "files": files or {TEAM: entry()}, **changes})


def team_file(*grants: Document) -> bytes:
    return json.dumps({"grants": list(grants) or [grant()]}).encode()


def load_folder(found: Document, files: Mapping[str, bytes] | None = None) -> Policy:
    return load_policy(
        json.dumps(found).encode(),
        name="policy.yaml",
        read_file=None,
        grant_files={TEAM: team_file()} if files is None else files,
    )


def folder_problems(found: Document, files: Mapping[str, bytes] | None = None) -> tuple[Problem, ...]:
    with pytest.raises(PolicyUnusable) as unusable:
        load_folder(found, files)
    return unusable.value.problems


def folder_faults(found: Document, files: Mapping[str, bytes] | None = None) -> list[tuple[str | None, str, Code]]:
    """Return the file, path and code of everything that keeps the folder from loading."""
    return [(each.file, spelled_path(each.path), each.code) for each in folder_problems(found, files)]
