"""Every policy in the documents loads, with the loader of the service."""

import json
import re
from typing import get_args

import pytest

from sandbox.aws.policy_grammar import parse_policy
from tests.docs.pages import ROOT, blocks, code_in, page, pages
from token_exchange.adapters.policy_file import PolicyFile
from token_exchange.core.policy import Policy
from token_exchange.core.vocabulary import NAMES, Name
from token_exchange.loading.load import load_policy
from token_exchange.loading.problems import PolicyUnusable
from token_exchange.presets import aws_sts, bitbucket_pipelines, bitrise, github_actions, gitlab
from token_exchange.presets.catalog import providers

GUIDE = page("docs/policy.md")
POLICIES = blocks("yaml", "policy")


def load(text: str) -> Policy:
    return load_policy(text.encode(), name="policy.yaml", read_file=None)


def test_a_policy_loads(subtests: pytest.Subtests) -> None:
    for name, text in POLICIES:
        with subtests.test(name=name, text=text):
            assert load(text).grants


def test_every_block_like_a_policy_is_tested() -> None:
    looks = [
        block.text
        for found in pages()
        for block in found.blocks
        if block.text.startswith("version: 1") and block.use != "folder"
    ]
    assert looks == [text for _, text in POLICIES]
    assert {"README.md", "docs/policy.md"} <= {name for name, _ in POLICIES}


def test_the_ready_to_edit_policy_loads() -> None:
    document = PolicyFile(ROOT / "docs/examples/policy.yaml").read()
    policy = load_policy(document.content, name=document.name, read_file=document.read_file)
    assert [grant.name for grant in policy.grants] == ["own-images"]


def test_the_policy_to_edit_loads_without_its_comments() -> None:
    text = (ROOT / "docs/examples/policy.yaml").read_text("utf-8")
    lines = [re.sub(r"^( *)# (?= *(?:[a-z_]+:|- ))", r"\1", line) for line in text.splitlines()]
    policy = load("\n".join(line for line in lines if not line.lstrip().startswith("#")))
    assert set(policy.issuers) == {"github", "gitlab"}
    assert [rule.name for rule in policy.deny] == ["leaked-runner"]


def folder(**changes: str) -> Policy:
    """Load the folder of the guide, with texts replaced in it."""
    (_, main), (_, labs) = blocks("yaml", "folder")
    for old, new in changes.items():
        main = main.replace(f"{old}:", f"{new}:")
    return load_policy(
        main.encode(), name="policy.yaml", read_file=None, grant_files={"grants/labs.yaml": labs.encode()}
    )


def test_the_folder_of_the_guide_loads() -> None:
    assert folder().grant_names == {"labs-images"}


def test_the_guide_has_every_key_of_an_entry_of_files() -> None:
    with pytest.raises(PolicyUnusable) as caught:
        folder(repository_prefixes=UNKNOWN)
    (unknown,) = [each.message for each in caught.value.problems if each.code == "unknown-key"]
    assert documented_keys("A folder, for many teams") == set(unknown.partition("expected one of ")[2].split(", "))


def test_the_deny_rule_of_the_guide_loads_in_a_policy() -> None:
    (rule,) = [block.text for block in GUIDE.blocks if block.text.startswith("deny:")]
    assert [one.name for one in load(f"{POLICIES[0][1]}\n{rule}").deny] == ["leaked-runner"]


# ------------------------------------------------------------------------------------------ every key, and no other

UNKNOWN = "zzzzzzzzzz"
WHOLE = """
version: 1
issuers:
  one:
    provider: {provider}
    issuer: {issuer}
    audience: https://exchange.acme.example
    {zzz_issuer}
    algorithms: [RS256]
    organizations: [{{id: "1"}}]
    {setting}
registries:
  apps: {{type: ecr, account: "111122223333", region: eu-west-1{zzz_registry}}}
grants:
  - name: pull
    {zzz_grant}
    issuers: [one]
    registry: apps
    role: arn:aws:iam::111122223333:role/ci-ecr-pull
    access: pull
    repositories: ["base/*"]
"""
GENERIC = {
    "provider": "generic",
    "issuer": "https://ci.acme.example",
    "setting": "claims: {organization_id: tenant}",
}
GITHUB = {"provider": "github-actions", "issuer": "https://github.acme.example/_services/token", "setting": ""}


def known_keys(provider: dict[str, str], place: str) -> set[str]:
    """Return the keys that the loader names when it meets one that it does not know."""
    zzz = dict.fromkeys(("zzz_issuer", "zzz_registry", "zzz_grant"), "")
    zzz[place] = f", {UNKNOWN}: a" if place == "zzz_registry" else f"{UNKNOWN}: a"
    with pytest.raises(PolicyUnusable) as caught:
        load(WHOLE.format(**provider, **zzz))
    (problem,) = caught.value.problems
    return set(problem.message.partition("expected one of ")[2].split(", "))


def documented_keys(section: str) -> set[str]:
    return {key for row in GUIDE.table(section) for key in code_in(row[0])}


def test_the_guide_has_every_key_of_an_issuer() -> None:
    settings = {key for provider in providers().values() for key in provider.settings}
    found = known_keys(GENERIC, "zzz_issuer") | known_keys(GITHUB, "zzz_issuer") | settings
    assert documented_keys("Issuers") == found


def test_the_guide_has_every_key_of_a_registry() -> None:
    assert documented_keys("Registries") == known_keys(GENERIC, "zzz_registry")


def test_the_guide_has_every_key_of_a_grant() -> None:
    grants = GUIDE.section("Grants").partition("###")[0]
    documented = {key for line in re.findall(r"^\| (`[^|]+) \|", grants, re.MULTILINE) for key in code_in(line)}
    assert documented == known_keys(GENERIC, "zzz_grant")


# ------------------------------------------------------------------------------------------------- the vocabulary


def test_the_guides_vocabulary_is_the_presets() -> None:
    presets = [
        github_actions.PROVIDER.preset({}, None),
        gitlab.PROVIDER.preset({}, None),
        bitbucket_pipelines.PROVIDER.preset({"workspace": "acme"}, None),
        bitrise.PROVIDER.preset({}, None),
        aws_sts.PROVIDER.preset({}, "https://x.tokens.sts.global.api.aws"),
    ]
    documented: set[str] = set()
    for names, *columns in GUIDE.table("The vocabulary"):
        row: list[Name] = [name for name in NAMES if name in code_in(names)]
        documented |= set(row)
        for column, preset in zip(columns, presets, strict=True):
            sources = [preset.vocabulary[name] for name in row if name in preset.vocabulary]
            behind = {path[-1] for source in sources for path in source.source_claims}
            assert set(code_in(column)) == behind, f"{names} of {preset.provider}"
    assert documented | {"pipeline"} == set(get_args(Name.__value__))


def test_the_guide_names_the_events_that_only_members_can_cause() -> None:
    section = GUIDE.section("Runs that outsiders can start")
    (github,) = re.findall(r"^- GitHub: every (.*?)\.$", section, re.MULTILINE)
    trigger = github_actions.PROVIDER.preset({}, None).untrusted_trigger
    events = set(code_in(github)) - {"event_name"}
    assert all(trigger({"event_name": event, "ref": "refs/heads/main"}) is None for event in events)
    assert len(events) == 8
    others = {"pull_request_target", "workflow_run", "issue_comment"}
    assert others <= set(code_in(section))
    assert all(trigger({"event_name": event}) for event in others)


# ------------------------------------------------------------------------------------------------- AWS's policies


def test_policies_for_aws_are_valid_iam_policies() -> None:
    # A policy of a registry has both a principal and a resource; tests/docs/test_operations.py reads it.
    every = [block for each in pages() for block in each.blocks if '"Statement"' in block.text]
    found = [block.text for block in every if block.use != "registry"]
    for text in found:
        parse_policy(text, kind="trust" if '"Principal"' in text else "identity")
        assert json.loads(text)["Version"] == "2012-10-17"
    assert len(found) == 3


def test_every_file_that_a_command_names_is_there() -> None:
    commands = "\n".join(block.text for found in pages() for block in found.blocks if block.language == "bash")
    named = re.findall(r"(?<![\w/.])((?:docs|deploy|events|functions|sandbox)/[\w./-]+)", commands)
    missing = {name for name in named if not (ROOT / name).exists()} - {"functions/exchange/policy.yaml"}
    assert missing == set()
    assert "deploy/member-account.yaml" in named
