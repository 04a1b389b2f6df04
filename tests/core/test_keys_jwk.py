import base64

import pytest

from tests.fake_issuer import encode, jwk, private_key
from token_exchange.core.keys import SCHEMES, UnusableKey, VerificationKey, load_key
from token_exchange.core.ports import Json

ALL = tuple(SCHEMES.values())


def load(entry: Json, *algorithms: str) -> VerificationKey:
    return load_key(entry, [SCHEMES[name] for name in algorithms] if algorithms else ALL)


def rsa(**members: Json) -> dict[str, Json]:
    return jwk("RS256", private_key("RS256"), **members)


def ec(**members: Json) -> dict[str, Json]:
    return jwk("ES256", private_key("ES256"), **members)


def okp(**members: Json) -> dict[str, Json]:
    return jwk("EdDSA", private_key("EdDSA"), **members)


@pytest.mark.parametrize("algorithm", SCHEMES)
def test_each_algorithm_has_its_key(algorithm: str) -> None:
    private = private_key(algorithm)
    key = load(jwk(algorithm, private, kid="k"), algorithm)
    assert key == VerificationKey(key_id="k", algorithm=algorithm, public_key=private.public_key())


@pytest.mark.parametrize(
    ("entry", "algorithms", "bound"),
    [
        # with no alg, the first of the issuer's that fits type and curve
        (rsa(alg=None), ("RS256", "PS256"), "RS256"),
        (rsa(alg=None), ("PS256", "RS256"), "PS256"),
        (rsa(alg=None), ("ES384", "RS256"), "RS256"),
        (ec(alg=None), ("ES384", "ES256"), "ES256"),
        (okp(alg=None), ("RS256", "EdDSA"), "EdDSA"),
        # with one, that one, however low the issuer's list has it
        (rsa(alg="PS256"), ("RS256", "PS256"), "PS256"),
    ],
)
def test_a_key_is_bound_to_one_algorithm(entry: Json, algorithms: tuple[str, ...], bound: str) -> None:
    assert load(entry, *algorithms).algorithm == bound


@pytest.mark.parametrize(
    "entry",
    [
        rsa(use=None),
        rsa(key_ops=["verify"]),
        rsa(key_ops=["sign", "verify"]),
        rsa(kid=""),
        rsa(kid="k" * 256),
        rsa(x5c=["MII"], x5t="abc", ext=True, exp=1),
        # Jenkins writes the sign byte of a Java integer
        rsa(n=encode(b"\x00" + base64.urlsafe_b64decode(str(rsa()["n"]) + "=="))),
        rsa(n=f"{rsa()['n']}=="),
    ],
)
def test_harmless_differences_between_issuers_are_taken(entry: Json) -> None:
    assert load(entry, "RS256").public_key == private_key("RS256").public_key()


X = str(ec()["x"])
Y = str(ec()["y"])


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        # not a key at all
        (None, "not an object"),
        ("key", "not an object"),
        ([], "not an object"),
        ({}, "kty and crv fit none of the issuer's algorithms"),
        (rsa(kty="RSA2"), "kty and crv fit none of the issuer's algorithms"),
        (rsa(kty=["RSA"]), "kty and crv fit none of the issuer's algorithms"),
        # secrets: symmetric, and private ones somebody has published
        ({"kty": "oct", "k": "c2VjcmV0", "alg": "HS256"}, "a symmetric key"),
        (rsa(d="AQAB"), "a private key; its issuer has published it and must replace it"),
        (ec(d="AQAB"), "a private key; its issuer has published it and must replace it"),
        (rsa(p="AQAB"), "a private key; its issuer has published it and must replace it"),
        # for something else
        (rsa(use="enc"), "use is not sig"),
        (rsa(use=["sig"]), "use is not sig"),
        (rsa(key_ops=["sign"]), "key_ops is not a list with verify in it"),
        (rsa(key_ops="verify"), "key_ops is not a list with verify in it"),
        (rsa(key_ops=[]), "key_ops is not a list with verify in it"),
        # alg and type or curve disagree
        (rsa(alg="ES256"), "alg is none of the issuer's algorithms that fit kty and crv"),
        (rsa(alg="HS256"), "alg is none of the issuer's algorithms that fit kty and crv"),
        (rsa(alg="RSA-OAEP"), "alg is none of the issuer's algorithms that fit kty and crv"),
        (rsa(alg=["RS256"]), "alg is none of the issuer's algorithms that fit kty and crv"),
        (ec(alg="ES384"), "alg is none of the issuer's algorithms that fit kty and crv"),
        (ec(crv="secp256k1"), "kty and crv fit none of the issuer's algorithms"),
        (ec(crv=None), "kty and crv fit none of the issuer's algorithms"),
        (okp(crv="X25519"), "kty and crv fit none of the issuer's algorithms"),
        (okp(crv="Ed448"), "kty and crv fit none of the issuer's algorithms"),
        # an id that no token could name
        (rsa(kid=7), "kid is not a string of at most 256 characters"),
        ({**rsa(), "kid": None}, "kid is not a string of at most 256 characters"),
        (rsa(kid="k" * 257), "kid is not a string of at most 256 characters"),
        # weak
        (
            jwk("RS256", private_key("RS256", rsa_bits=1024)),
            "RSA of 1024 bits, expected 2048 to 16384",
        ),
        (rsa(n=encode(b"\xff" * 2049)), "RSA of 16392 bits, expected 2048 to 16384"),
        (rsa(n=""), "n is not base64url"),
        (jwk("RS256", private_key("RS256", rsa_exponent=3)), "an RSA exponent under 65537"),
        (rsa(e="AA"), "an RSA exponent under 65537"),
        # numbers that are none
        (rsa(n=None), "n is not base64url"),
        (rsa(e=65537), "e is not base64url"),
        (rsa(n="a+b/"), "n is not base64url"),
        (rsa(n="ab\n"), "n is not base64url"),
        (ec(x=None), "x is not base64url"),
        (okp(x=7), "x is not base64url"),
        (rsa(n="AAAAA"), "Invalid base64"),
        # points that are none
        (ec(x=X[:-3]), "x and y are not of one length"),
        (ec(x=Y, y=X), "Invalid EC key"),
        (ec(x="AAAA", y="AAAA"), "."),
        (okp(x="AAAA"), "32 bytes"),
    ],
)
def test_an_unusable_key_is_refused(entry: Json, why: str) -> None:
    with pytest.raises(UnusableKey, match=why) as refused:
        load(entry)
    assert str(refused.value)


def test_a_key_is_refused_for_an_issuer_that_does_not_use_its_algorithm() -> None:
    with pytest.raises(UnusableKey, match="alg is none of the issuer's"):
        load(rsa(alg="PS256"), "RS256")


def test_a_key_keeps_no_secret_and_no_choice() -> None:
    assert set(VerificationKey.__slots__) == {"key_id", "algorithm", "public_key"}
