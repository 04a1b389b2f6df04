"""What a file of a folder may name, compared."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.cli.program import run, write_json
from tests.loading.documents import Document, grant
from tests.loading.folders import ROLE, TEAM, entry, main_file
from token_exchange.core.ports import Json


def write_folder(folder: Path, files: Mapping[str, Document] | None = None) -> Path:
    (folder / "grants").mkdir(parents=True)
    write_json(folder / "policy.yaml", main_file(None if files is None else {**files}))
    for file in files or {TEAM: entry()}:
        name = file.removeprefix("grants/").removesuffix(".yaml")
        write_json(folder / file, {"grants": [grant(name=name)]})
    return folder


@pytest.mark.parametrize(
    ("section", "what", "changes"),
    [
        ("wider", "may name repository_prefixes: tools/ added", {"repository_prefixes": ["base/", "tools/"]}),
        ("wider", "may name issuers: gitlab added", {"issuers": ["github", "gitlab"]}),
        ("wider", "may name registries: base added", {"registries": ["apps", "base"]}),
        ("wider", f"may name roles: {ROLE}* added", {"roles": [ROLE, f"{ROLE}*"]}),
        ("wider", "may name assume: web-identity added", {"assume": ["broker", "web-identity"]}),
        (
            "wider",
            "may name organizations: name hafen added",
            {"organizations": [{"name": "nordlicht"}, {"name": "hafen"}]},
        ),
        (
            "changed",
            "narrower: may name organizations: name nordlicht removed",
            {"organizations": [{"name": "nordlicht", "id": "4400117"}]},
        ),
    ],
)  # fmt: skip
def test_bounds_are_compared(tmp_path: Path, section: str, what: str, changes: dict[str, Json]) -> None:
    old, new = write_folder(tmp_path / "old"), write_folder(tmp_path / "new", {TEAM: entry(**changes)})
    (one,) = run("policy", "diff", old, new, "--json").texts(section)
    assert (one["kind"], one["name"]) == ("file", TEAM)
    assert what in str(one["what"])
    assert run("policy", "diff", old, new, "--exit-code").status == 1


def test_an_added_file_is_described(tmp_path: Path) -> None:
    more = {TEAM: entry(), "grants/more.yaml": entry()}
    old, new = write_folder(tmp_path / "old"), write_folder(tmp_path / "new", more)
    there, back = (run("policy", "diff", *pair, "--json") for pair in ((old, new), (new, old)))
    (come,) = [one for one in there.texts("added") if one["kind"] == "file"]
    (gone,) = [one for one in back.texts("removed") if one["kind"] == "file"]
    assert come == gone
    assert (come["name"], "may name repository_prefixes: base/" in str(come["what"])) == ("grants/more.yaml", True)


def test_the_order_of_bounds_does_not_matter(tmp_path: Path) -> None:
    first, second = ({TEAM: entry(repository_prefixes=list(order))} for order in (("base/", "b/"), ("b/", "base/")))
    old, new = write_folder(tmp_path / "old", first), write_folder(tmp_path / "new", second)
    assert run("policy", "diff", old, new).out == "the policies are equivalent\n"
