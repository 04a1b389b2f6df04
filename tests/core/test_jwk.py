import base64
from math import gcd, lcm, prod
from random import Random

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPrivateNumbers, RSAPublicNumbers
from cryptography.hazmat.primitives.hashes import SHA256

from tests.fake_issuer import encode, jwk, private_key
from token_exchange.core.jwk import _ROCA_PRIMES, SCHEMES, UnusableKey, VerificationKey, load_key
from token_exchange.core.keys import KeySet
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
        ({}, "kty and crv match none of the issuer's algorithms"),
        (rsa(kty="RSA2"), "kty and crv match none of the issuer's algorithms"),
        (rsa(kty=["RSA"]), "kty and crv match none of the issuer's algorithms"),
        # secrets: symmetric, and private ones published by mistake
        ({"kty": "oct", "k": "c2VjcmV0", "alg": "HS256"}, "a symmetric key"),
        (rsa(d="AQAB"), "a private key; its issuer has published it and must replace it"),
        (ec(d="AQAB"), "a private key; its issuer has published it and must replace it"),
        (rsa(p="AQAB"), "a private key; its issuer has published it and must replace it"),
        # for something else
        (rsa(use="enc"), "use is not sig"),
        (rsa(use=["sig"]), "use is not sig"),
        (rsa(key_ops=["sign"]), "key_ops is not a list that contains verify"),
        (rsa(key_ops="verify"), "key_ops is not a list that contains verify"),
        (rsa(key_ops=[]), "key_ops is not a list that contains verify"),
        # alg and type or curve disagree
        (rsa(alg="ES256"), "alg is none of the issuer's algorithms for this kty and crv"),
        (rsa(alg="HS256"), "alg is none of the issuer's algorithms for this kty and crv"),
        (rsa(alg="RSA-OAEP"), "alg is none of the issuer's algorithms for this kty and crv"),
        (rsa(alg=["RS256"]), "alg is none of the issuer's algorithms for this kty and crv"),
        (ec(alg="ES384"), "alg is none of the issuer's algorithms for this kty and crv"),
        (ec(crv="secp256k1"), "kty and crv match none of the issuer's algorithms"),
        (ec(crv=None), "kty and crv match none of the issuer's algorithms"),
        (okp(crv="X25519"), "kty and crv match none of the issuer's algorithms"),
        (okp(crv="Ed448"), "kty and crv match none of the issuer's algorithms"),
        # an id that no token could name
        (rsa(kid=7), "kid is not a string of at most 256 characters"),
        ({**rsa(), "kid": None}, "kid is not a string of at most 256 characters"),
        (rsa(kid="k" * 257), "kid is not a string of at most 256 characters"),
        # weak
        (
            jwk("RS256", private_key("RS256", rsa_bits=1024)),
            "an RSA key of 1024 bits, expected 2048 to 8192",
        ),
        (rsa(n=encode(b"\xff" * 1025)), "an RSA key of 8200 bits, expected 2048 to 8192"),
        (rsa(n=""), "n is not base64url"),
        (jwk("RS256", private_key("RS256", rsa_exponent=3)), "an RSA exponent under 65537"),
        (rsa(e="AA"), "an RSA exponent under 65537"),
        # dear: a signature checked with an exponent as long as the modulus takes sixty times as long
        (rsa(e=encode((2**31 + 1).to_bytes(4))), "an RSA exponent over 2147483647"),
        (rsa(e=encode(b"\x01" * 256)), "an RSA exponent over 2147483647"),
        # divisible by two: no product of two large primes
        (rsa(n=encode(b"\xff" * 255 + b"\xfe")), "an RSA modulus that is even"),
        # numbers that are none
        (rsa(n=None), "n is not base64url"),
        (rsa(e=65537), "e is not base64url"),
        (rsa(n="a+b/"), "n is not base64url"),
        (rsa(n="ab\n"), "n is not base64url"),
        (ec(x=None), "x is not base64url"),
        (okp(x=7), "x is not base64url"),
        (rsa(n="AAAAA"), "Invalid base64"),
        # points that are none
        (ec(x=X[:-3]), "x and y differ in length"),
        (ec(x=Y, y=X), "Invalid EC key"),
        (ec(x="AAAA", y="AAAA"), "."),
        (okp(x="AAAA"), "32 bytes"),
    ],
)
def test_an_unusable_key_is_refused(entry: Json, why: str) -> None:
    with pytest.raises(UnusableKey, match=why) as refused:
        load(entry)
    assert str(refused.value)


def test_a_key_of_an_algorithm_the_issuer_lacks_is_refused() -> None:
    with pytest.raises(UnusableKey, match="alg is none of the issuer's"):
        load(rsa(alg="PS256"), "RS256")


def test_a_key_keeps_no_secret_and_no_choice() -> None:
    slots: object = vars(VerificationKey)["__slots__"]
    assert slots == ("key_id", "algorithm", "public_key")


def roca_prime(random: Random, bits: int) -> int:
    """Return a prime as Infineon's library made them: k·M + (65537^a mod M), section 2.1 of the paper."""
    product = prod(first_primes(126))
    while True:
        residue = pow(65537, random.randrange(2**64), product)
        number = random.randrange((3 << bits - 2) // product, (1 << bits) // product) * product + residue
        if is_prime(number):
            return number


def not_a_power_of_65537(prime: int) -> int | None:
    """Return the least residue that is none; there is none such where 65537 generates all of them."""
    powers = {pow(65537, power, prime) for power in range(prime - 1)}
    return next((residue for residue in range(1, prime) if residue not in powers), None)


def first_primes(count: int) -> list[int]:
    primes: list[int] = []
    number = 2
    while len(primes) < count:
        if all(number % prime for prime in primes):
            primes.append(number)
        number += 1
    return primes


def is_prime(number: int) -> bool:
    """Say so by Fermat's test to four bases, which a random number of this size does not pass by chance."""
    return all(pow(base, number - 1, number) == 1 for base in (2, 3, 5, 7))


@pytest.fixture(scope="module")
def roca_key() -> RSAPrivateKey:
    random = Random(15361)  # noqa: S311 - the same key each time
    p, q, e = roca_prime(random, 1024), roca_prime(random, 1024), 65537
    d = pow(e, -1, (p - 1) * (q - 1))
    numbers = RSAPrivateNumbers(
        p=p, q=q, d=d, dmp1=d % (p - 1), dmq1=d % (q - 1), iqmp=pow(q, -1, p),
        public_numbers=RSAPublicNumbers(e=e, n=p * q),
    )  # fmt: skip
    return numbers.private_key()


def test_a_roca_key_is_refused_though_it_signs_well(roca_key: RSAPrivateKey) -> None:
    public = roca_key.public_key()
    public.verify(roca_key.sign(b"message", PKCS1v15(), SHA256()), b"message", PKCS1v15(), SHA256())
    with pytest.raises(UnusableKey, match="ROCA, CVE-2017-15361"):
        load(jwk("RS256", roca_key))


def test_a_roca_key_costs_the_rest_of_the_set_nothing(roca_key: RSAPrivateKey) -> None:
    entries: list[Json] = [jwk("RS256", roca_key, kid="infineon"), rsa(kid="good")]
    keys = KeySet.parse({"keys": entries}, algorithms=("RS256",))
    assert [key.key_id for key in keys.keys] == ["good"]
    assert keys.left_out == (
        "keys[0] 'infineon': an RSA key that can be factored (ROCA, CVE-2017-15361); its issuer must replace it",
    )


def test_no_ordinary_modulus_has_the_fingerprint() -> None:
    # Products of numbers without small factors are by small primes what products of primes are.
    random = Random(2017)  # noqa: S311 - the same moduli each time
    product = prod(first_primes(126))
    for _ in range(2000):
        p, q = (rough_number(random, product) for _ in range(2))
        load(rsa(n=encode((p * q).to_bytes(256))), "RS256")


def rough_number(random: Random, product: int) -> int:
    """Return a number of 1,024 bits that none of the first primes divides."""
    while True:
        number = random.getrandbits(1024) | 3 << 1022 | 1
        if gcd(number, product) == 1:
            return number


def test_one_prime_out_of_line_clears_a_modulus(subtests: pytest.Subtests) -> None:
    for prime in [prime for prime in first_primes(126)[1:] if not_a_power_of_65537(prime)]:
        with subtests.test(prime=prime):
            # A power of 65537 by all the others, and none by this one.
            other = not_a_power_of_65537(prime)
            assert other is not None
            product = prod(first_primes(126))
            rest = product // prime
            modulus = 65537 + rest * ((other - 65537) * pow(rest, -1, prime) % prime)
            modulus += product * (1 << 2048 - product.bit_length())
            load(rsa(n=encode(modulus.to_bytes(256))), "RS256")
            spoilt = modulus + rest * ((65537 - modulus) * pow(rest, -1, prime) % prime)
            with pytest.raises(UnusableKey, match="ROCA"):
                load(rsa(n=encode(spoilt.to_bytes(256))), "RS256")


def test_each_single_secret_member_makes_a_key_private(subtests: pytest.Subtests) -> None:
    for public in (rsa(), ec(), okp()):
        for member in ("d", "p", "q", "dp", "dq", "qi", "oth", "k"):
            with subtests.test(kty=public["kty"], member=member), pytest.raises(UnusableKey, match="a private key"):
                load({**public, member: "AQAB"})


def test_the_fingerprint_is_taken_modulo_the_first_primes() -> None:
    # No two have a common factor: a composite number would be no part of the generator's product of primes.
    assert lcm(*_ROCA_PRIMES) == prod(_ROCA_PRIMES)
    assert (len(_ROCA_PRIMES), _ROCA_PRIMES[0], _ROCA_PRIMES[-1]) == (125, 3, 701)
