"""The JSON Schema: every policy that loads is valid, and common mistakes are not."""

import copy
import json
import re
from collections.abc import Callable, Iterator
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from tests.cli.program import run
from tests.docs.pages import ROOT, blocks
from tests.loading.documents import Document, changed, document, grant, load, without
from tests.loading.folders import TEAM, entry, main_file
from token_exchange.core.ports import Json
from token_exchange.loading.document import read_document
from token_exchange.loading.fields import Node, Unquoted
from token_exchange.loading.problems import PolicyUnusable, Problems
from token_exchange.presets.catalog import NAMES, provider_named
from token_exchange_cli.schema.document import policy_schema

FILE = ROOT / "docs/policy.schema.json"


@cache
def validator() -> Draft202012Validator:
    schema: dict[str, Json] = json.loads(FILE.read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def plain(node: Node) -> Json:
    """Return what an editor's reader makes of a node; a date is text there, too."""
    match node:
        case Unquoted(text, _):
            return text
        case dict():
            return {key: plain(value) for key, value in node.items()}
        case list():
            return [plain(item) for item in node]
        case _:
            return node


def parsed(text: str) -> Json:
    return plain(read_document(text.encode(), Problems()))


def is_valid(found: Json) -> bool:
    return bool(validator().is_valid(found))


def test_schema_file_equals_command_output() -> None:
    done = run("policy", "schema")
    assert (done.status, done.err) == (0, "")
    assert done.fields == policy_schema() == json.loads(FILE.read_text("utf-8"))
    assert done.out == FILE.read_text("utf-8")


@pytest.mark.parametrize(("name", "text"), [*blocks("yaml", "policy"), *blocks("yaml", "folder")])
def test_the_documents_policies_are_valid(name: str, text: str) -> None:
    assert [error.message for error in validator().iter_errors(parsed(text))] == []


def test_starter_policy_is_valid_when_uncommented() -> None:
    text = (ROOT / "docs/examples/policy.yaml").read_text("utf-8")
    lines = [re.sub(r"^( *)# (?= *(?:[a-z_]+:|- ))", r"\1", line) for line in text.splitlines()]
    assert is_valid(parsed(text))
    assert is_valid(parsed("\n".join(line for line in lines if not line.lstrip().startswith("#"))))


# ------------------------------------------------------------------------------------------------- the law

MANY = document(
    grant(
        name="push",
        access="push",
        match={"branch": {"like": ["main", "release/*"]}, "environment": {"exists": True}, "event": ["push"]},
        claims={"job_workflow_ref": {"like": "nordlicht/**"}},
        repositories=["ci/{repository}", "ci/{repository}/*"],
        also_pull=["base/*"],
        also=["list", {"sign": "arn:aws:signer:eu-central-1:210987654321:/signing-profiles/images"}],
        duration="90s",
        single_use=True,
        session_tags={"team": "{organization}"},
        source_identity="{actor}",
        expires="2027-01-31",
        contact="#platform",
        external_id="abc",
    ),
    grant(name="nested", issuers=["own"], claims={"a.b/c": {"d": {"e": [1, "2", True], "f": {"not_like": "x*"}}}}),
    {"name": "stored", "issuers": ["github"], "registry": "hub", "match": {"ref_protected": True}},
    grant(name="old", assume="web-identity", mode="report", allow_untrusted_triggers=True),
    registries={
        "apps": {
            "type": "ecr",
            "account": "210987654321",
            "region": "eu-central-1",
            "hosts": ["ecr.nordlicht.example"],
        },
        "public": {"type": "ecr-public", "account": "210987654321"},
        "hub": {
            "type": "secret",
            "host": "docker.io",
            "secret_arn": "arn:aws:secretsmanager:eu-central-1:210987654321:secret:hub-a1B2c3",
        },
    },
    deny=[{"name": "stop", "issuers": ["github"], "match": {"repository_id": {"not": ["7"]}}, "claims": {"sub": "x"}}],
)

TEXTS = (
    *("", "a", "*", "a*", "main", "30m", "2027-01-01", "acme/x", "{repository}", "pull", "https://ci.example"),
    *("generic", "gitlab", "report", "ecr-public", "210987654321"),
)
LISTS: list[Json] = [[], ["a"], ["a", "a"], [1], [None], ["a", "b/*"]]
MAPPINGS: list[Json] = [{}, {"like": "a*"}, {"exists": True}, {"not": 1}, {"x": {"y": "z"}}]
VALUES: list[Json] = [None, True, False, 0, 1, 7.5, *TEXTS, *LISTS, *MAPPINGS]


def places(found: Json, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if path:
        yield path
    if isinstance(found, dict):
        for key, value in found.items():
            yield from places(value, (*path, key))
    elif isinstance(found, list):
        for index, value in enumerate(found):
            yield from places(value, (*path, index))


def edited(found: Document, path: tuple[str | int, ...], edit: Callable[[Json, str | int], None]) -> Document:
    whole = copy.deepcopy(found)
    node: Json = whole
    for part in path[:-1]:
        if isinstance(node, dict) and isinstance(part, str):
            node = node[part]
        else:
            assert isinstance(node, list)
            assert isinstance(part, int)
            node = node[part]
    edit(node, path[-1])
    return whole


@st.composite
def mutants(draw: st.DrawFn) -> Document:
    """Return the policy with one to three of its fields changed, taken out or moved elsewhere."""
    found = MANY
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from([*places(found)]))
        value = draw(st.sampled_from(VALUES))
        drop = draw(st.booleans())

        def edit(parent: Json, key: str | int, value: Json = value, *, drop: bool = drop) -> None:
            if isinstance(parent, dict) and isinstance(key, str):
                parent.pop(key) if drop else parent.update({key: value})
            elif isinstance(parent, list) and isinstance(key, int):
                parent.pop(key) if drop else parent.__setitem__(key, value)

        found = edited(found, path, edit)
    return found


@given(mutants())
def test_every_policy_that_loads_is_valid(found: Document) -> None:
    try:
        load(found)
    except PolicyUnusable:
        return
    assert is_valid(found), [error.message for error in validator().iter_errors(found)]


def test_complete_example_policy_loads() -> None:
    assert load(MANY).grants
    assert is_valid(MANY)


# ------------------------------------------------------------------------------------------------- mistakes


@pytest.mark.parametrize(
    "mistaken",
    [
        # unknown keys
        changed(document(), "grants[0].repository", "base/x"),
        changed(document(), "issuers.github.organisation", "x"),
        changed(document(), "registries.apps.acount", "x"),
        changed(document(), "grant", []),
        # keys of another provider, or of another type
        changed(document(), "issuers.github.workspace", "nordlicht"),
        changed(document(), "registries.apps.host", "docker.io"),
        # what must be there
        without(document(), "issuers.github.audience"),
        without(document(), "issuers.github.organizations"),
        without(document(), "issuers.own.algorithms"),
        without(document(), "grants[0].role"),
        without(document(), "grants[0].issuers"),
        without(document(), "registries"),
        without(document(), "version"),
        # types: what lacks its quotes, and a text for a list
        changed(document(), "registries.apps.account", 210987654321),
        changed(document(), "grants[0].match", {"repository_id": 77}),
        changed(document(), "grants[0].match", {"ref_protected": "true"}),
        changed(document(), "grants[0].issuers", "github"),
        changed(document(), "grants[0].single_use", "yes"),
        changed(document(), "version", "1"),
        # empty is no one
        changed(document(), "issuers.github.organizations", []),
        changed(document(), "grants[0].repositories", []),
        changed(document(), "grants[0].match", {}),
        changed(document(), "grants", []),
        # a pattern without like, and operators among other keys
        changed(document(), "grants[0].match", {"branch": "release/*"}),
        changed(document(), "grants[0].claims", {"ref": {"like": "a", "other": "b"}}),
        changed(document(), "grants[0].match", {"brunch": "main"}),
        # values that nothing has
        changed(document(), "grants[0].access", "write"),
        changed(document(), "grants[0].duration", "1 hour"),
        changed(document(), "grants[0].repositories", ["CI/x"]),
        changed(document(), "grants[0].repositories", ["ci/{repo}"]),
        changed(document(), "grants[0].role", "ci-reader"),
        # a folder's file with more than grants
        {"grants": [grant()], "deny": []},
    ],
)
def test_a_typical_mistake_is_not_valid(mistaken: Document) -> None:
    with pytest.raises(PolicyUnusable):
        load(mistaken)
    assert not is_valid(mistaken)


def test_file_bounds_may_list_profiles_and_assume() -> None:
    profile = "arn:aws:signer:eu-central-1:210987654321:/signing-profiles/images"
    assert is_valid(main_file({TEAM: entry(signing_profiles=[profile], assume=["broker", "web-identity"])}))
    assert not is_valid(main_file({TEAM: entry(signing_profiles=["images"])}))
    assert not is_valid(main_file({TEAM: entry(assume=["direct"])}))


@pytest.mark.parametrize("provider", NAMES)
def test_every_key_of_a_provider_is_known(provider: str) -> None:
    entry: dict[str, Json] = {
        "provider": provider,
        "audience": "a",
        "organizations": [{"name": "a"}],
        "issuer": "https://ci.example",
    }
    needed: dict[str, Json] = {"algorithms": ["RS256"]} if provider == "generic" else {}
    for key in provider_named(provider).settings:
        values: dict[str, Json] = {"claims": {"repository": "project"}, "platform_url": "https://ci.example"}
        value = values.get(key, "acme")
        whole: Json = {**entry, **needed, key: value}
        assert is_valid(document(issuers={"one": whole})), key
