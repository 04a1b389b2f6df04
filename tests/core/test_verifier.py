import json
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.attempts import attempt_of
from tests.fake_clock import NOW, FakeClock
from tests.fake_issuer import AUDIENCE, ISSUER, FakeIssuer, RecordedKeyEvents, SigningKey, encode, private_key
from token_exchange.core.jwk import SCHEMES
from token_exchange.core.ports import Json
from token_exchange.core.refusals import Reason, Refused
from token_exchange.core.trust import IssuerTrust, VerifiedToken
from token_exchange.core.verifier import Verifier, read_compact
from token_exchange.issuer_keys.store import KeyStore


class Door:
    """A verifier with one issuer behind it."""

    def __init__(self, issuer: FakeIssuer | None = None, *trusts: IssuerTrust) -> None:
        self.issuer = issuer or FakeIssuer()
        self.clock = FakeClock()
        self.events = RecordedKeyEvents()
        self.verifier = Verifier(KeyStore(fetcher=self.issuer, clock=self.clock, events=self.events))
        self.issuers = {self.issuer.url: trusts or (self.issuer.trust(),)}

    def verify(self, raw_token: str) -> VerifiedToken:
        self.attempt = attempt_of(self.clock)
        return self.verifier.verify(
            read_compact(raw_token),
            issuers=self.issuers,
            now=self.clock.now(),
            attempt=self.attempt,
        )

    def refusal(self, raw_token: str) -> Refused:
        with pytest.raises(Refused) as refused:
            self.verify(raw_token)
        return refused.value


def test_a_good_token() -> None:
    door = Door()
    raw_token = door.issuer.token(branch="main")
    token = door.verify(raw_token)
    assert token.trust is door.issuers[ISSUER][0]
    assert token.claims == door.issuer.claims(branch="main")
    assert token.expires_at == NOW + 240
    assert token.token_id == "3f0e"
    assert token.signed_part_sha256 == read_compact(raw_token).signed_part_sha256
    assert list(door.attempt.milliseconds()) == ["keys"]


@pytest.mark.parametrize("algorithm", SCHEMES)
def test_each_algorithm(algorithm: str) -> None:
    door = Door(FakeIssuer(algorithm=algorithm))
    assert door.verify(door.issuer.token()).token_id


def test_a_token_without_type_or_key_id() -> None:
    door = Door()
    assert door.verify(door.issuer.token(header={"alg": "RS256"})).token_id


def test_a_pinned_issuer_is_never_contacted() -> None:
    issuer = FakeIssuer()
    door = Door(issuer, issuer.pinned_trust())
    assert door.verify(issuer.token()).token_id
    other = SigningKey(key_id="key-0", private=private_key("RS256", 1))
    assert door.refusal(other.sign(issuer.header(), issuer.claims())).reason is Reason.BAD_SIGNATURE
    assert door.refusal(issuer.token(header=issuer.header(kid="key-9"))).reason is Reason.UNKNOWN_KEY
    assert issuer.fetched == []


def test_two_entries_of_one_issuer() -> None:
    issuer = FakeIssuer()
    ours, theirs = issuer.trust(entry="ours"), issuer.trust(entry="theirs", audiences=("other",))
    door = Door(issuer, theirs, ours)
    assert door.verify(issuer.token()).trust is ours
    assert door.verify(issuer.token(aud=["other"])).trust is theirs


class TestOrder:
    """Of several faults, the first in the order of the interface is the reason."""

    @pytest.mark.parametrize(
        ("header", "claims", "reason"),
        [
            ({"alg": "none", "typ": "x"}, {"iss": "x", "aud": "x", "exp": 1}, Reason.UNSUPPORTED_ALGORITHM),
            ({"crit": ["x"]}, {"iss": "x", "aud": "x", "exp": 1}, Reason.MALFORMED_TOKEN),
            ({"kid": "x"}, {"iss": "x", "aud": "x", "exp": 1}, Reason.UNKNOWN_ISSUER),
            ({"kid": "x", "alg": "PS256"}, {"aud": "x", "exp": 1}, Reason.WRONG_AUDIENCE),
            ({"kid": "x", "alg": "PS256"}, {"exp": 1}, Reason.UNSUPPORTED_ALGORITHM),
            ({"kid": "x"}, {"exp": 1}, Reason.UNKNOWN_KEY),
            ({}, {"exp": 1}, Reason.BAD_SIGNATURE),
        ],
    )
    def test_before_the_signature(self, header: Mapping[str, Json], claims: Mapping[str, Json], reason: Reason) -> None:
        issuer = FakeIssuer()
        outsider = SigningKey(key_id="key-0", private=private_key("RS256", 1))
        raw_token = outsider.sign({**issuer.header(), **header}, {**issuer.claims(), **claims})
        assert Door(issuer).refusal(raw_token).reason is reason

    @pytest.mark.parametrize(
        ("header", "claims"),
        [
            ({"alg": "none"}, {}),
            ({"alg": "HS256"}, {}),
            ({"alg": "PS256"}, {}),
            ({"jwk": {}}, {}),
            ({}, {"iss": "https://evil.example"}),
            ({}, {"aud": [AUDIENCE, "https://evil.example"]}),
        ],
    )
    def test_a_token_for_others_costs_no_fetch(self, header: Mapping[str, Json], claims: Mapping[str, Json]) -> None:
        door = Door()
        issuer = door.issuer
        door.refusal(issuer.signing_key.sign({**issuer.header(), **header}, {**issuer.claims(), **claims}))
        assert issuer.fetched == []

    def test_claims_come_after_the_signature(self) -> None:
        door = Door()
        assert door.refusal(door.issuer.token(exp=1)).reason is Reason.INVALID_CLAIM
        assert door.refusal(door.issuer.token(sub=None)).reason is Reason.MISSING_CLAIM
        door.clock.advance(300)
        assert door.refusal(door.issuer.token()).reason is Reason.EXPIRED

    def test_times_are_compared_with_the_moment_given(self) -> None:
        door = Door()
        unverified, attempt = read_compact(door.issuer.token()), attempt_of(door.clock)
        with pytest.raises(Refused) as refused:
            door.verifier.verify(unverified, issuers=door.issuers, now=NOW + 300, attempt=attempt)
        assert refused.value.reason is Reason.EXPIRED


class TestForgery:
    def test_no_signature(self) -> None:
        door = Door()
        header, payload, _ = door.issuer.token().split(".")
        assert door.refusal(f"{header}.{payload}.").reason is Reason.BAD_SIGNATURE
        none = encode(b'{"alg":"none","typ":"JWT"}')
        assert door.refusal(f"{none}.{payload}.").reason is Reason.UNSUPPORTED_ALGORITHM

    def test_the_public_key_as_a_secret(self) -> None:
        door = Door()
        raw_token = door.issuer.token(header=door.issuer.header(alg="HS256"))
        assert door.refusal(raw_token).reason is Reason.UNSUPPORTED_ALGORITHM

    def test_another_issuers_key(self) -> None:
        evil = FakeIssuer("https://evil.example")
        evil.rotate()
        door = Door()
        raw_token = evil.signing_key.sign(door.issuer.header(), door.issuer.claims())
        assert door.refusal(raw_token).reason is Reason.BAD_SIGNATURE

    def test_the_signature_of_another_token(self) -> None:
        door = Door()
        header, payload, _ = door.issuer.token(sub="attacker").split(".")
        _, _, signature = door.issuer.token(sub="admin").split(".")
        assert door.refusal(f"{header}.{payload}.{signature}").reason is Reason.BAD_SIGNATURE

    def test_the_key_of_one_algorithm_serves_no_other(self) -> None:
        # The same RSA pair could verify PS256, were the header asked.
        issuer = FakeIssuer()
        pss = SigningKey(key_id="key-0", algorithm="PS256", private=private_key("RS256"))
        door = Door(issuer, issuer.trust(algorithms=("RS256", "PS256")))
        raw_token = pss.sign(issuer.header(alg="PS256"), issuer.claims())
        assert door.refusal(raw_token).reason is Reason.UNKNOWN_KEY


class TestRotation:
    def test_under_a_new_id(self) -> None:
        door = Door()
        door.verify(door.issuer.token())
        door.issuer.rotate()
        assert door.verify(door.issuer.token()).token_id

    def test_under_the_same_id(self) -> None:
        door = Door()
        door.verify(door.issuer.token())
        door.issuer.rotate(key_id="key-0")
        assert door.verify(door.issuer.token()).token_id
        assert list(door.attempt.milliseconds()) == ["keys"]

    def test_a_key_under_another_id_replaces_none(self) -> None:
        door = Door()
        door.verify(door.issuer.token())
        door.issuer.rotate(key_id="key-1")
        raw_token = door.issuer.token(header=door.issuer.header(kid="key-0"))
        assert door.refusal(raw_token).reason is Reason.BAD_SIGNATURE

    def test_a_bad_signature_stays_one_after_the_key_has_changed(self) -> None:
        door = Door()
        old = door.issuer.signing_key
        door.verify(door.issuer.token())
        door.issuer.rotate(key_id="key-0")
        raw_token = door.issuer.token()
        forged = raw_token[: raw_token.rindex(".")] + old.sign({}, {})[old.sign({}, {}).rindex(".") :]
        assert door.refusal(forged).reason is Reason.BAD_SIGNATURE

    def test_while_the_issuer_fails(self) -> None:
        door = Door()
        door.verify(door.issuer.token())
        door.issuer.fail()
        door.issuer.rotate()
        assert door.refusal(door.issuer.token()).reason is Reason.ISSUER_UNAVAILABLE


def test_an_unverified_refusal_quotes_no_limit_and_no_token() -> None:
    door = Door()
    raw_tokens = [door.issuer.token(exp=int(NOW) + 99_999), door.issuer.token(header=door.issuer.header(kid="x"))]
    for raw_token in raw_tokens:
        description = door.refusal(raw_token).description
        assert "3600" not in description
        assert not any(raw_token[start : start + 9] in description for start in range(len(raw_token) - 8))


LASTING = Door()
LASTING_TOKEN = LASTING.issuer.token()


@settings(max_examples=3 * settings().max_examples)
@given(st.integers(0, len(LASTING_TOKEN) - 1), st.characters(codec="ascii"))
def test_no_token_with_a_character_changed_is_verified(place: int, other: str) -> None:
    mutated = LASTING_TOKEN[:place] + other + LASTING_TOKEN[place + 1 :]
    if mutated == LASTING_TOKEN:
        assert LASTING.verify(mutated).token_id
    else:
        LASTING.refusal(mutated)


@settings(max_examples=2 * settings().max_examples)
@given(st.integers(0, len(LASTING_TOKEN)), st.integers(0, len(LASTING_TOKEN)), st.text(max_size=3))
def test_no_token_with_a_part_replaced_is_verified(start: int, end: int, other: str) -> None:
    mutated = LASTING_TOKEN[:start] + other + LASTING_TOKEN[end:]
    if mutated != LASTING_TOKEN:
        LASTING.refusal(mutated)


CLAIM_NAMES = st.sampled_from(["iss", "aud", "sub", "exp", "iat", "nbf", "jti", "x"])
HEADER_NAMES = st.sampled_from(["alg", "kid", "typ", "crit", "jwk", "x"])
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=10)
    | st.sampled_from([ISSUER, AUDIENCE, "RS256", "none", "JWT", int(NOW)]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=2 * settings().max_examples)
@given(st.dictionaries(HEADER_NAMES, ANYTHING, max_size=2), st.dictionaries(CLAIM_NAMES, ANYTHING, max_size=3))
def test_whatever_an_issuer_signs_is_verified_or_refused(header: dict[str, Json], claims: dict[str, Json]) -> None:
    issuer = LASTING.issuer
    raw_token = issuer.signing_key.sign({**issuer.header(), **header}, {**issuer.claims(), **claims})
    try:
        token = LASTING.verify(raw_token)
    except Refused:
        return
    assert token.claims["iss"] == ISSUER
    audience = token.claims["aud"]
    assert audience == AUDIENCE or (isinstance(audience, list) and set(audience) == {AUDIENCE})
    assert token.expires_at > NOW - 60


@settings(max_examples=2 * settings().max_examples)
@given(st.binary(max_size=60), st.binary(max_size=60))
def test_whatever_octets_an_issuer_signs_are_refused(header: bytes, payload: bytes) -> None:
    LASTING.refusal(LASTING.issuer.signing_key.sign_octets(header, payload))
    LASTING.refusal(LASTING.issuer.signing_key.sign_octets(json.dumps(LASTING.issuer.header()).encode(), payload))
