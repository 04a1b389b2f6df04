from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fake_clock import NOW
from tests.fake_issuer import FakeIssuer
from tests.fake_shared_keys import origin_of
from token_exchange.core.keys import KeySet, UnusableKeySet
from token_exchange.core.trust import Discovered, Published
from token_exchange.issuer_keys.origins import (
    FetchedKeys,
    KeyOrigin,
    StoredKeySet,
    shared_name,
    stored,
    validate_shared_key_set,
)
from token_exchange.issuer_keys.timing import Moment

ISSUER = FakeIssuer()
ORIGIN = origin_of(ISSUER.trust())
READ_AT = Moment(wall_seconds=NOW, monotonic_seconds=50.0)


def found(
    *, issuer: str = ISSUER.url, document: bytes | None = None, fetched_at_seconds: int = int(NOW) - 120
) -> StoredKeySet:
    document = ISSUER.key_set() if document is None else document
    return StoredKeySet(issuer=issuer, document=document, fetched_at_seconds=fetched_at_seconds)


def test_the_stored_set_is_the_published_one() -> None:
    document = ISSUER.key_set()
    keys = KeySet.parse(document, algorithms=("RS256",))
    kept = stored(FetchedKeys(keys=keys, document=document), ORIGIN, fetched_at=READ_AT)
    assert validate_shared_key_set(kept, ORIGIN, now=READ_AT).keys == keys


def test_its_age_counts_from_the_fetch_on_both_clocks() -> None:
    held = validate_shared_key_set(found(), ORIGIN, now=READ_AT)
    assert held.fetched_at == Moment(wall_seconds=NOW - 120, monotonic_seconds=-70.0)
    assert held.age_seconds(READ_AT) == 120
    stopped_wall_clock = Moment(wall_seconds=NOW, monotonic_seconds=50.0 + 500)
    assert held.age_seconds(stopped_wall_clock) == 620
    assert not held.is_fresh(stopped_wall_clock)


def test_a_sets_age_is_never_underestimated() -> None:
    moment = Moment(wall_seconds=NOW + 0.9, monotonic_seconds=1.0)
    keys = FetchedKeys(keys=KeySet.parse(ISSUER.key_set(), algorithms=("RS256",)), document=ISSUER.key_set())
    assert stored(keys, ORIGIN, fetched_at=moment).fetched_at_seconds == NOW


@pytest.mark.parametrize(
    "hostile",
    [
        # Another issuer's, or one that only looks like ours.
        found(issuer="https://evil.example"),
        found(issuer=f"{ISSUER.url}/"),
        found(issuer=ISSUER.url.upper()),
        found(issuer=""),
        # From the future, which would stay in use for ever; and too old to be believed at all.
        found(fetched_at_seconds=int(NOW) + 1),
        found(fetched_at_seconds=10**18),
        found(fetched_at_seconds=int(NOW) - 86_401),
        found(fetched_at_seconds=0),
        found(fetched_at_seconds=-(10**18)),
        # No set that an issuer may send.
        found(document=b""),
        found(document=b"null"),
        found(document=b'{"keys":[]}'),
        found(document=b'{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}'),
        found(document=b'{"keys":{}}'),
        found(document=b'{"keys":[],"keys":[]}'),
        found(document=b"\xff\xfe"),
        found(document=b"[" * 100_000),
        # Larger than an issuer may send.
        found(document=ISSUER.key_set() + b" " * 256 * 1024),
    ],
)
def test_a_hostile_set_in_the_table_is_unusable(hostile: StoredKeySet) -> None:
    with pytest.raises(UnusableKeySet):
        validate_shared_key_set(hostile, ORIGIN, now=READ_AT)


@given(
    st.builds(
        StoredKeySet,
        issuer=st.one_of(st.just(ISSUER.url), st.text()),
        document=st.one_of(st.just(ISSUER.key_set()), st.binary()),
        fetched_at_seconds=st.one_of(st.integers(), st.integers(int(NOW) - 90_000, int(NOW) + 100)),
    )
)
def test_any_item_is_a_usable_set_or_one_error(anything: StoredKeySet) -> None:
    try:
        held = validate_shared_key_set(anything, ORIGIN, now=READ_AT)
    except UnusableKeySet:
        return
    assert anything.issuer == ISSUER.url
    assert 0 <= held.age_seconds(READ_AT) <= 86_400
    assert held.keys.keys


DIFFERENT = [
    ORIGIN,
    KeyOrigin(issuer="https://other.example", source=Discovered(), algorithms=("RS256",), ca_bundle=None),
    KeyOrigin(issuer=ORIGIN.issuer, source=Discovered(keys_host="keys.example"), algorithms=("RS256",), ca_bundle=None),
    KeyOrigin(issuer=ORIGIN.issuer, source=Published(jwks_url="keys.example"), algorithms=("RS256",), ca_bundle=None),
    KeyOrigin(issuer=ORIGIN.issuer, source=Published(jwks_url=""), algorithms=("RS256",), ca_bundle=None),
    # Which algorithm a key without one is bound to.
    KeyOrigin(issuer=ORIGIN.issuer, source=Discovered(), algorithms=("PS256", "RS256"), ca_bundle=None),
    KeyOrigin(issuer=ORIGIN.issuer, source=Discovered(), algorithms=("RS256", "PS256"), ca_bundle=None),
    # Whom the certificate is trusted from.
    KeyOrigin(issuer=ORIGIN.issuer, source=Discovered(), algorithms=("RS256",), ca_bundle="-----BEGIN"),
    KeyOrigin(issuer=ORIGIN.issuer, source=Discovered(), algorithms=("RS256",), ca_bundle=""),
    # Parts that would read alike if they were just joined.
    KeyOrigin(
        issuer=f"{ORIGIN.issuer}10:discovered", source=Discovered(keys_host=""), algorithms=("RS256",), ca_bundle=None
    ),
]


def test_every_property_of_a_set_changes_its_name(subtests: pytest.Subtests) -> None:
    for one, other in list(combinations(DIFFERENT, 2)):
        with subtests.test(one=one, other=other):
            assert shared_name(one) != shared_name(other)


def test_names_begin_as_the_templates_roles_expect() -> None:
    assert shared_name(ORIGIN).startswith("keys#")
    assert len(shared_name(ORIGIN)) == len("keys#1#") + 64
