"""What the presets make of the claims that each system's own source or documents show."""

import pytest

from sandbox.providers import all_providers
from tests.core.test_identity_preset import PRESETS
from token_exchange.core.identity import Preset, identify
from token_exchange.core.ports import Json
from token_exchange.core.vocabulary import claim_at
from token_exchange.reporting.new_claims import unknown_claims

NO_TOKEN_HAS = {
    # Aliases of one claim, or names for what a sample's run does not have.
    "tag",
    "environment",
    "actor",
    "pipeline",
}


def whole(preset: Preset) -> dict[str, Json]:
    """Return the claims of a job with all that a token may have besides."""
    sample = all_providers()[preset.provider].sample
    found: dict[str, Json] = dict(sample.job)
    for name, value in sample.sometimes.items():
        inner = found.get(name)
        found[name] = {**inner, **value} if isinstance(inner, dict) and isinstance(value, dict) else value
    return found


def test_every_claim_that_is_shown_is_known(subtests: pytest.Subtests) -> None:
    for preset in PRESETS.values():
        with subtests.test(preset=preset.provider):
            assert list(unknown_claims(preset, whole(preset))) == []


def test_no_name_comes_from_a_fixed_claim(subtests: pytest.Subtests) -> None:
    """A grant on it would let every token in, or none."""
    for preset in PRESETS.values():
        with subtests.test(preset=preset.provider):
            fixed = {(name,) for name in all_providers()[preset.provider].sample.fixed}
            assert not any(fixed.intersection(source.source_claims) for source in preset.vocabulary.values())


def test_every_name_can_be_had(subtests: pytest.Subtests) -> None:
    for preset in PRESETS.values():
        with subtests.test(preset=preset.provider):
            found = identify(preset, dict(all_providers()[preset.provider].sample.job))
            assert found.untrusted_trigger is None
            with_all = {name for name, source in preset.vocabulary.items() if source.read(whole(preset)) is not None}
            assert preset.vocabulary.keys() - with_all - found.vocabulary.keys() <= NO_TOKEN_HAS


def test_a_claim_that_is_sent_empty_is_shown_so(subtests: pytest.Subtests) -> None:
    for preset in PRESETS.values():
        with subtests.test(preset=preset.provider):
            claims = dict(all_providers()[preset.provider].sample.job)
            always = {path for path in preset.empty_claims if claim_at(claims, path) != ""}
            # A run of a branch has one; a tag's has none.
            assert always <= {("branch",)}
