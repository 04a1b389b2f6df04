import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.test_identity_preset import PRESETS
from token_exchange.core.policy import Also, Template
from token_exchange.core.reach import (
    DoesNotFit,
    Reach,
    RepositoryScope,
    ScopeNotCovered,
    covers_any,
    fill_repository_template,
    filled_text,
    narrowed,
    template_value,
)

PATTERNS = st.lists(st.text(st.sampled_from("ab/*"), min_size=1, max_size=4), min_size=1, max_size=3).map(tuple)
SCOPES = st.lists(
    st.builds(RepositoryScope, name=st.text(st.sampled_from("ab/"), min_size=2, max_size=5), push=st.booleans()),
    min_size=1,
    max_size=3,
).map(tuple)
REACHES = st.builds(
    Reach,
    access=st.sampled_from(["pull", "push"]),
    repositories=PATTERNS,
    also_pull=PATTERNS | st.just(()),
    also=st.just(Also(list=True)),
)


@given(REACHES, SCOPES)
def test_a_narrowed_reach_is_exactly_the_request(reach: Reach, scope: tuple[RepositoryScope, ...]) -> None:
    pushed = {one.name for one in scope if one.push}
    pulled = {one.name for one in scope if not one.push}
    may_push = reach.access == "push" and all(covers_any(reach.repositories, name) for name in pushed)
    may_pull = all(covers_any((*reach.repositories, *reach.also_pull), name) for name in pulled)
    if not ((may_push or not pushed) and may_pull):
        with pytest.raises(ScopeNotCovered):
            narrowed(reach, scope)
        return
    found = narrowed(reach, scope)
    assert found.also == Also()
    assert set(found.repositories) | set(found.also_pull) == pushed | pulled
    assert (found.access == "push") is bool(pushed)
    if pushed:
        assert set(found.repositories) == pushed


def test_an_organization_is_cut_only_where_it_is_a_path() -> None:
    assert template_value("organization", PRESETS["gitlab"], {"organization": "a/b"}) == "a"
    assert template_value("organization", PRESETS["buildkite"], {"organization": "a/b"}) == "a/b"


FLAG = Template(text="x-{ref_protected}", literals=("x-", ""), names=("ref_protected",))


def test_a_boolean_in_a_text_is_spelled_as_in_json() -> None:
    assert filled_text(FLAG, {"ref_protected": True}) == "x-true"


def test_an_absent_value_is_said_to_be_absent() -> None:
    with pytest.raises(DoesNotFit, match="ref_protected: expected present"):
        fill_repository_template(FLAG, lambda _: None)
