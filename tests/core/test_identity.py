import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ci_claims import aws_claims, bitbucket_claims, bitrise_claims, github_claims, gitlab_claims
from tests.ci_jobs import job_claims
from tests.core.test_identity_preset import PRESETS
from token_exchange.core.identity import identify
from token_exchange.core.ports import Json
from token_exchange.core.refusals import Reason, Refused
from token_exchange.core.vocabulary import ClaimPath, spelled

SAMPLES = {
    **{name: job_claims(name) for name in PRESETS},
    "github-actions": github_claims(),
    "gitlab": gitlab_claims(),
    "bitbucket-pipelines": bitbucket_claims(),
    "bitrise": bitrise_claims(),
    "aws-sts": aws_claims(),
}


MARKS = [(provider, path) for provider in PRESETS for path in sorted(PRESETS[provider].marks)]
NOT_TEXT: tuple[Json, ...] = (7, 0, True, False, 1.5, [], ["push"], {}, {"push": "push"})
TEXT_CLAIMS = [
    (provider, claim)
    for provider in PRESETS
    for claim, kind in sorted(PRESETS[provider].claims.items())
    if kind == "text"
]


def refusal(provider: str, claims: dict[str, Json]) -> Refused:
    with pytest.raises(Refused) as refused:
        identify(PRESETS[provider], claims)
    return refused.value


def test_a_token_without_a_marking_claim_is_refused(subtests: pytest.Subtests) -> None:
    for value in ["absent", None, ""]:
        for provider, path in MARKS:
            with subtests.test(provider=provider, path=path, value=value):
                claims = copy.deepcopy(SAMPLES[provider])
                inside = claims
                for name in path[:-1]:
                    nested = inside[name]
                    assert isinstance(nested, dict)
                    inside = nested
                inside[path[-1]] = value
                if value == "absent":
                    del inside[path[-1]]
                refused = refusal(provider, claims)
                assert refused.reason is Reason.MISSING_CLAIM
                assert refused.description == f"claim {spelled(path)}: missing; every job's token has it"


def test_a_text_claim_of_another_type_is_refused(subtests: pytest.Subtests) -> None:
    """`in` and `==` on a list or a number would answer, and wrongly."""
    for provider, claim in TEXT_CLAIMS:
        with subtests.test(provider=provider, claim=claim):
            for value in (*NOT_TEXT, [SAMPLES[provider].get(claim)]):
                refused = refusal(provider, {**SAMPLES[provider], claim: value})
                assert refused.reason is Reason.INVALID_CLAIM
                assert claim in refused.description


@pytest.mark.parametrize(
    ("provider", "path"),
    [(provider, path) for provider in PRESETS for path in sorted(PRESETS[provider].required_values)],
)
def test_a_token_of_another_kind(provider: str, path: ClaimPath) -> None:
    """Python has 0 and False equal, and 1 and True; a job's token has neither as a number."""
    hostile: list[Json] = ["x", "true", "false", "True", 0, 1, 0.0, 1.0, [], [False], {}, True, False]
    for value in hostile:
        claims = {**SAMPLES[provider], path[0]: value}
        if not any(value is good for good in PRESETS[provider].required_values[path]):
            assert refusal(provider, claims).reason is Reason.INVALID_CLAIM


def test_null_and_empty_claims_are_absent(subtests: pytest.Subtests) -> None:
    for provider in sorted(PRESETS):
        with subtests.test(provider=provider):
            preset = PRESETS[provider]
            for name, source in preset.vocabulary.items():
                first = source.source_claims[0][0] if source.source_claims else "sub"
                # What no claim carries cannot be absent, and `sub` is looked at before.
                if first != "sub" and first not in {path[0] for path in preset.marks}:
                    for value in (None, ""):
                        assert name not in identify(preset, {**SAMPLES[provider], first: value}).vocabulary


@pytest.mark.parametrize("provider", sorted(PRESETS))
@settings(deadline=None)
@given(claim=st.text(), value=st.text() | st.integers() | st.lists(st.text()))
def test_claims_that_are_not_known_change_nothing(provider: str, claim: str, value: Json) -> None:
    if claim not in PRESETS[provider].claims:
        sample = SAMPLES[provider]
        assert identify(PRESETS[provider], {**sample, claim: value}) == identify(PRESETS[provider], sample)


@pytest.mark.parametrize("provider", sorted(PRESETS))
@settings(deadline=None)
@given(data=st.data())
def test_any_claims_end_in_an_identity_or_a_refusal(provider: str, data: st.DataObject) -> None:
    claims = dict(SAMPLES[provider])
    values = (
        st.none()
        | st.booleans()
        | st.integers()
        | st.text()
        | st.lists(st.text())
        | st.dictionaries(st.text(), st.text())
    )
    claims.update(data.draw(st.dictionaries(st.sampled_from(sorted(PRESETS[provider].claims)), values)))
    try:
        found = identify(PRESETS[provider], claims)
    except Refused as refused:
        assert refused.reason in {Reason.INVALID_CLAIM, Reason.MISSING_CLAIM}  # noqa: PT017 - either outcome is fine
    else:
        assert all(value != "" for value in found.vocabulary.values())
