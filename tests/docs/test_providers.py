"""The page of CI systems says the same of each system as its preset."""

import re

import pytest

from sandbox.providers import all_providers
from tests.core.test_identity_preset import PRESETS
from tests.docs.pages import code_in, page
from token_exchange.core.identity import Preset
from token_exchange.presets.catalog import NAMES
from token_exchange_cli.systems.catalog import SYSTEMS

PAGE = page("docs/providers.md")
IN_THE_GUIDE = {"aws-sts", "bitbucket-pipelines", "bitrise", "generic", "github-actions", "gitlab"}
TITLES = {
    name: title
    for _, title in PAGE.headings
    for name in re.findall(r"^`provider: ([a-z-]+)`", PAGE.section(title), re.MULTILINE)
    if title != PAGE.headings[0][1]
}


DESCRIBED = [PRESETS[name] for name in sorted(TITLES)]


def section(preset: Preset) -> str:
    return PAGE.section(TITLES[preset.provider])


def spelled(path: tuple[str, ...]) -> str:
    return " \u2192 ".join(path)


def test_every_system_has_its_place() -> None:
    assert TITLES.keys() == set(NAMES) - IN_THE_GUIDE


def test_the_vocabulary_is_the_presets(subtests: pytest.Subtests) -> None:
    for preset in DESCRIBED:
        with subtests.test(preset=preset.provider):
            documented = {code_in(name)[0]: claim for name, claim in PAGE.table(TITLES[preset.provider])}
            assert documented.keys() == preset.vocabulary.keys()
            for name, source in preset.vocabulary.items():
                words = documented[name]
                behind = {spelled(path) for path in source.source_claims}
                assert set(code_in(words.partition(", unless ")[0])) == behind, name
                assert ("declared" in words) is preset.is_declared(name)
                proven = "declared" not in words and "not proven" not in words
                assert proven is (name in preset.proven), name


def test_the_public_claims_are_listed() -> None:
    table = {code_in(name)[0]: set(code_in(claims)) for name, claims in PAGE.table("Claims that name no one")}
    assert table.keys() == set(NAMES)
    for name, preset in PRESETS.items():
        assert table[name] == {spelled(path) for path in preset.public_claims}, name


def test_the_claims_that_mark_a_job_are_documented(subtests: pytest.Subtests) -> None:
    for preset in DESCRIBED:
        with subtests.test(preset=preset.provider):
            (line,) = re.findall(r"^- \*\*A job's token has\*\* (.*)\.$", section(preset), re.MULTILINE)
            only = [value for values in preset.required_values.values() for value in values]
            values = {str(value).lower() if isinstance(value, bool) else value for value in only} | {
                *preset.required_suffixes.values()
            }
            named = set(code_in(line))
            assert {spelled(path) for path in preset.marks} <= named
            assert named - {spelled(path) for path in preset.marks} <= values


def test_each_system_has_a_link_to_its_step(subtests: pytest.Subtests) -> None:
    for preset in DESCRIBED:
        with subtests.test(preset=preset.provider):
            assert f"(ci/{SYSTEMS[preset.provider].page}.md)" in section(preset)


def test_the_names_to_pin_exist(subtests: pytest.Subtests) -> None:
    for preset in DESCRIBED:
        with subtests.test(preset=preset.provider):
            (line,) = re.findall(r"^- \*\*Pin\*\* (.*)$", section(preset), re.MULTILINE)
            assert preset.vocabulary.keys() & set(code_in(line))


def test_a_fixed_audience_is_documented(subtests: pytest.Subtests) -> None:
    for preset in DESCRIBED:
        with subtests.test(preset=preset.provider):
            fixed = all_providers()[preset.provider].fixed_audience is not None
            assert ("shared_audience: true" in section(preset)) is fixed


def test_claims_that_must_be_matched_are_documented(subtests: pytest.Subtests) -> None:
    for preset in DESCRIBED:
        with subtests.test(preset=preset.provider):
            for path in preset.must_match:
                assert f"only `{spelled(path)}` tells" in section(preset)
