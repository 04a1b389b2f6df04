"""The grants that came nearest, and those of them that the caller may be told of."""

from tests.ci_claims import caller_of, github_claims
from tests.core.decisions import names
from tests.loading.documents import Document, document, grant, load
from token_exchange.core.decision import MOST_CONSIDERED, Nearest, grants_asked, nearest_grants
from token_exchange.core.policy import Ask

FAR = grant(name="far", match={"branch": "other", "environment": "x"})
NEAR = grant(name="near", match={"branch": "other"})
THEIRS = grant(name="theirs", match={"repository_id": "1"})
OF_BASE = grant(name="of-base", registry="base")
OF_GITLAB = grant(name="of-gitlab", issuers=["gitlab"])


def _nearest(found: Document, ask: Ask | None = None) -> Nearest:
    policy = load(found)
    return nearest_grants(policy, caller_of(policy, "github", github_claims()), ask or Ask())


def test_fewest_conditions_short_come_first_then_the_files_order() -> None:
    found = _nearest(document(FAR, THEIRS, NEAR, OF_BASE, OF_GITLAB))
    assert names(found.nearest) == ["of-base", "theirs", "near", "far"]
    # Another repository's grant is counted, and not shown.
    assert names(found.shown) == ["of-base", "near", "far"]
    assert found.not_shown == 1


def test_only_what_was_asked_for_is_looked_at() -> None:
    whole = document(NEAR, OF_BASE, OF_GITLAB)
    assert names(_nearest(whole, Ask(registries=("base",))).nearest) == ["of-base"]
    assert names(_nearest(whole, Ask(grant="near")).nearest) == ["near"]
    assert names(_nearest(whole, Ask(registries=("base",), grant="near")).nearest) == []
    # A name that is no registry's asks for none, and not for all.
    assert names(_nearest(whole, Ask(registries=("elsewhere",))).nearest) == []


def test_no_more_than_a_person_reads() -> None:
    found = _nearest(document(*(grant(name=f"g{number}") for number in range(MOST_CONSIDERED + 5))))
    assert len(found.nearest) == len(found.shown) == MOST_CONSIDERED
    assert found.not_shown == 5


def test_places_narrow_the_search_further() -> None:
    policy = load(document(NEAR, FAR, OF_BASE))
    caller = caller_of(policy, "github", github_claims())
    assert [one.name for one in grants_asked(policy, caller, Ask(registries=("apps",)), [1, 2])] == ["far"]
