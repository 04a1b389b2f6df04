import pytest

from token_exchange.providers.catalog import providers
from token_exchange.providers.preset import BadSetting, ClaimType, Preset
from token_exchange.providers.vocabulary import IDS, NAMES
from token_exchange.verify.algorithms import SCHEMES

PRESETS = {name: provider.preset({}, None) for name, provider in providers().items() if name != "generic"}


@pytest.fixture(params=sorted(PRESETS))
def preset(request: pytest.FixtureRequest) -> Preset:
    return PRESETS[str(request.param)]


def test_what_the_vocabulary_is_made_of_is_documented(preset: Preset) -> None:
    for source in preset.vocabulary.values():
        assert {path[0] for path in source.behind} <= preset.claims.keys()


def test_what_is_required_is_documented(preset: Preset) -> None:
    assert preset.required
    assert preset.required <= preset.claims.keys()


def test_names_are_of_the_vocabulary(preset: Preset) -> None:
    assert set(preset.vocabulary) <= set(NAMES)
    assert preset.proven <= preset.vocabulary.keys()


def test_only_signatures_that_prove_something(preset: Preset) -> None:
    assert preset.algorithms
    assert set(preset.algorithms) <= SCHEMES.keys()


def test_a_step_knows_where_its_audience_goes(preset: Preset) -> None:
    assert "AUDIENCE" in preset.step_line


def test_each_id_is_whose_it_is(preset: Preset) -> None:
    """A grant on somebody's id is shown to nobody else."""
    for name in IDS - {"run_id", "job_id"}:
        if name in preset.vocabulary:
            assert set(preset.vocabulary[name].behind) <= preset.who
    assert ("sub",) in preset.who


def test_the_presets_name_is_the_providers(preset: Preset) -> None:
    assert PRESETS[preset.provider] is preset


@pytest.mark.parametrize(
    ("name", "path", "expected"),
    [
        ("github-actions", ("run_number",), "text"),
        ("github-actions", ("repo_property_x",), "text"),
        ("github-actions", ("exp",), "number"),
        ("github-actions", ("aud",), "any"),
        ("github-actions", ("a", "b"), "any"),
        ("gitlab", ("runner_id",), "number"),
        ("gitlab", ("groups_direct",), "list"),
        ("gitlab", ("job_config",), "object"),
        ("gitlab", ("job_config", "url"), "any"),
        ("gitlab", ("brand_new",), "any"),
    ],
)
def test_types_of_claims(name: str, path: tuple[str, ...], expected: ClaimType) -> None:
    assert PRESETS[name].claim_type(path) == expected


def test_a_bad_setting_says_which() -> None:
    with pytest.raises(BadSetting, match="missing") as bad:
        providers()["generic"].preset({}, None)
    assert bad.value.key == "issuer"
