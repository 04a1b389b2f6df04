"""A folder with the templates of a policy's roles, `roles-1.json` and so on, which is kept from one run to the next."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from token_exchange.core.ports import Json
from token_exchange_cli.console import Refusal, Unusable
from token_exchange_cli.roles.parts import outgrown, part_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A file of the folder, and how many roles its template has."""

    path: Path
    roles: int


def present_parts(folder: Path) -> list[frozenset[str]]:
    """Return the logical ids of each template in `folder`, in the order of their numbers; none if it does not exist.

    Raises:
        Unusable: a file is not such a template, or a number is missing.
    """
    names = (re.fullmatch(r"roles-(\d+)\.json", path.name) for path in folder.glob("roles-*.json"))
    numbers = sorted(int(found[1]) for found in names if found)
    if numbers != [*range(1, len(numbers) + 1)]:
        raise Unusable(f"{folder}: expected roles-1.json to roles-{len(numbers)}.json, found the numbers {numbers}")
    return [_logical_ids(_file(folder, number)) for number in numbers]


def _logical_ids(path: Path) -> frozenset[str]:
    try:
        template: Json = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise Unusable(f"{path}: not a template that this command wrote ({type(error).__name__})") from error
    resources = template.get("Resources") if isinstance(template, dict) else None
    if not isinstance(resources, dict):
        raise Unusable(f"{path}: not a template that this command wrote (no Resources)")
    return frozenset(resources)


def write_parts(folder: Path, templates: Sequence[Mapping[str, Json]]) -> Iterator[Written]:
    """Write each template into its file, and yield it.

    Raises:
        Refusal: a template is larger than CloudFormation accepts; nothing was written.
        Unusable: the folder cannot be written.
    """
    texts = [part_text(template) for template in templates]
    for number, (text, template) in enumerate(zip(texts, templates, strict=True), start=1):
        if excess := outgrown(text, template):
            raise Refusal(
                f"{_file(folder, number)}: it would have {excess}; give some of its grants other roles, which are then "
                "written to another file"
            )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number, (text, template) in enumerate(zip(texts, templates, strict=True), start=1):
            path = _file(folder, number)
            path.write_text(text, "utf-8")
            resources = template["Resources"]
            yield Written(path=path, roles=len(resources) - 1 if isinstance(resources, dict) else 0)
    except OSError as error:
        raise Unusable(f"cannot write to {folder}: {error.strerror}") from error


def _file(folder: Path, number: int) -> Path:
    return folder / f"roles-{number}.json"
