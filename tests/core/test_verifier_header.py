import pytest

from token_exchange.core.ports import Json
from token_exchange.core.refusals import Reason, Refused
from token_exchange.core.verifier import Header, read_header, unsupported

PLAIN: dict[str, Json] = {"alg": "RS256", "kid": "k", "typ": "JWT"}


@pytest.mark.parametrize(
    ("header", "read"),
    [
        (PLAIN, Header(algorithm="RS256", key_id="k")),
        ({"alg": "EdDSA"}, Header(algorithm="EdDSA", key_id=None)),
        ({"alg": "ES384", "kid": ""}, Header(algorithm="ES384", key_id="")),
        ({**PLAIN, "kid": "k" * 256}, Header(algorithm="RS256", key_id="k" * 256)),
        ({**PLAIN, "kid": " K "}, Header(algorithm="RS256", key_id=" K ")),
        ({**PLAIN, "typ": "jwt"}, Header(algorithm="RS256", key_id="k")),
        ({**PLAIN, "typ": "application/jwt"}, Header(algorithm="RS256", key_id="k")),
        ({**PLAIN, "typ": "APPLICATION/JWT"}, Header(algorithm="RS256", key_id="k")),
        # a fingerprint points at a key, it does not bring one
        ({**PLAIN, "x5t": "abc", "x5t#S256": "abc", "iss": "x"}, Header(algorithm="RS256", key_id="k")),
    ],
)
def test_takes_algorithm_and_key_id(header: dict[str, Json], read: Header) -> None:
    assert read_header(header) == read


@pytest.mark.parametrize(
    "algorithm",
    [
        "none",
        "None",
        "NONE",
        "",
        "HS256",
        "HS512",
        "rs256",
        "RS256 ",
        "ES256K",
        "ES521",
        "RS1",
        None,
        256,
        ["RS256"],
        {},
    ],
)
def test_an_algorithm_outside_the_list_is_refused(algorithm: Json) -> None:
    with pytest.raises(Refused) as refused:
        read_header({**PLAIN, "alg": algorithm})
    assert refused.value.reason is Reason.UNSUPPORTED_ALGORITHM


def test_no_algorithm() -> None:
    with pytest.raises(Refused) as refused:
        read_header({"kid": "k"})
    assert refused.value.reason is Reason.UNSUPPORTED_ALGORITHM


def test_the_algorithm_is_checked_first() -> None:
    with pytest.raises(Refused) as refused:
        read_header({"alg": "none", "crit": ["b64"]})
    assert refused.value.reason is Reason.UNSUPPORTED_ALGORITHM


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        # keys that the token brings along
        ({"jwk": {"kty": "RSA"}}, "jwk"),
        ({"jku": "https://evil.example/keys"}, "jku"),
        ({"x5u": "https://evil.example/cert"}, "x5u"),
        ({"x5c": ["MII"]}, "x5c"),
        # what changes the meaning of the rest
        ({"crit": ["exp"]}, "crit"),
        ({"crit": []}, "crit"),
        ({"crit": None}, "crit"),
        ({"b64": True}, "b64"),
        ({"zip": "DEF"}, "zip"),
        ({"cty": "JWT"}, "cty"),
        # another sort of token
        ({"typ": "at+jwt"}, "typ"),
        ({"typ": "JWS"}, "typ"),
        ({"typ": "application/at+jwt"}, "typ"),
        ({"typ": "text/jwt"}, "typ"),
        ({"typ": "JWT\n"}, "typ"),
        ({"typ": ""}, "typ"),
        ({"typ": None}, "typ"),
        ({"typ": ["JWT"]}, "typ"),
        # a key's name that is none
        ({"kid": None}, "kid"),
        ({"kid": 7}, "kid"),
        ({"kid": ["k"]}, "kid"),
        ({"kid": "k" * 257}, "kid"),
    ],
)
def test_forbidden_header_members_are_refused(changes: dict[str, Json], why: str) -> None:
    with pytest.raises(Refused, match=why) as refused:
        read_header({**PLAIN, **changes})
    assert refused.value.reason is Reason.MALFORMED_TOKEN


def test_a_hostile_algorithm_is_quoted_safely() -> None:
    assert "\n" not in unsupported("x\ny" * 1000).description
    assert len(unsupported("x" * 10_000).description) < 200
