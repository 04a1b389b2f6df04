"""Key sets, as an issuer, a cache or a proxy could send them."""

import base64
import json
from functools import cache
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from fuzz.pieces import COUNTER, JSON_PIECES, built, grown, texts
from fuzz.target import Broken, Json, list_in
from fuzz.targets.plain import Plain
from token_exchange.core.keys import KeySet, UnusableKeySet

_ALGORITHMS: Final = (("RS256",), ("ES256",), ("RS256", "ES384"), ("EdDSA", "ES512", "RS512"))
_MEMBERS: Final = ("kty", "n", "e", "x", "y", "crv", "alg", "use", "key_ops", "kid", "k", "d", "p", "x5c", "x5u")
_LEAST_MODULUS_BITS: Final = 2048
_LEAST_EXPONENT: Final = 65_537
_MOST_CHARACTERS: Final = 256 * 1024


class Keys(Plain):
    """Only `UnusableKeySet` is raised, and no key is taken that the documents say is left out."""

    name = "keys"

    @property
    def inputs(self) -> SearchStrategy[Json]:
        """Draw a set of real keys with members changed, or a document that is bent."""
        strange: SearchStrategy[Json] = st.sampled_from(
            [
                None,
                True,
                1,
                [],
                {},
                "",
                "AQAB",
                "AQ",
                "RSA",
                "EC",
                "oct",
                "OKP",
                "P-256",
                "P-384",
                "RS256",
                "ES256",
                "HS256",
                "none",
                "sig",
                "enc",
                ["verify"],
                ["sign"],
                "A" * 400,
                "é",
                "AA==",
                "a" * 257,
            ]
        )
        key = st.tuples(st.integers(0, 4), st.dictionaries(st.sampled_from(_MEMBERS), strange, max_size=3))
        whole = st.lists(key, max_size=4).map(lambda drawn: [[json.dumps({"keys": [_bent(*one) for one in drawn]}), 1]])
        sound = json.dumps({"keys": list(_sound())})
        document = st.one_of(
            whole,
            whole,
            texts(
                JSON_PIECES, most_characters=_MOST_CHARACTERS, samples=[sound, *(json.dumps(key) for key in _sound())]
            ),
            grown('{"keys":[', f'{{"kid":"{COUNTER}"}},', "{}]}", most_times=10_000),
            grown('{"keys":[{"kty":"RSA","e":"AQAB","n":"', "yv7q", '"}]}', most_times=60_000),
            grown('{"keys":[{"kty":"RSA","n":"', "yv7q", '","e":"AQAB"}]}', most_times=2_000),
            grown('{"keys":[{', f'"{COUNTER}":1,', '"z":1,"z":1}]}', most_times=20_000),
        )
        return st.fixed_dictionaries({"text": document, "algorithms": st.sampled_from(_ALGORITHMS).map(list[Json])})

    def size_bytes(self, given: Json) -> int:
        """Return the length of the document."""
        return len(_document(given))

    def check(self, given: Json) -> None:
        """Read the key set."""
        algorithms = _algorithms(given)
        try:
            found = KeySet.parse(_document(given), algorithms=algorithms)
        except UnusableKeySet:
            return
        entries = json.loads(_document(given))["keys"]
        fine = [entry for entry in entries if _may_be_taken(entry, algorithms)]
        if len(found.keys) > len(fine):
            raise Broken("takes-a-key-to-leave-out", f"{len(found.keys)} keys of {len(fine)} that may be taken")
        if any(key.algorithm not in algorithms for key in found.keys):
            raise Broken("binds-to-another-algorithm", "a key for what the issuer does not sign with")
        if len(found.keys) + len(found.left_out) != len(entries):
            raise Broken("keys-without-a-word", "some keys are neither taken nor said to be left out")


def _algorithms(given: Json) -> tuple[str, ...]:
    names = given["algorithms"] if isinstance(given, dict) else []
    return tuple(map(str, names)) if isinstance(names, list) else ()


def _document(given: Json) -> bytes:
    return built(given["text"]).encode("utf-8", "surrogatepass") if isinstance(given, dict) else b""


@cache
def _sound() -> tuple[dict[str, Json], ...]:
    """Return real keys, made once: what they are does not matter to any law."""
    return (
        _rsa(2048),
        _rsa(1024),
        _ec(ec.SECP256R1(), "P-256"),
        _ec(ec.SECP384R1(), "P-384"),
        {"kty": "oct", "k": "AA"},
    )


def _rsa(bits: int) -> dict[str, Json]:
    numbers = rsa.generate_private_key(public_exponent=65_537, key_size=bits).public_key().public_numbers()
    return {"kty": "RSA", "n": _encoded(numbers.n), "e": _encoded(numbers.e), "kid": f"rsa-{bits}"}


def _ec(curve: ec.EllipticCurve, name: str) -> dict[str, Json]:
    numbers = ec.generate_private_key(curve).public_key().public_numbers()
    length = (curve.key_size + 7) // 8
    return {"kty": "EC", "crv": name, "x": _encoded(numbers.x, length), "y": _encoded(numbers.y, length), "kid": name}


def _encoded(number: int, length: int | None = None) -> str:
    octets = number.to_bytes(length or (number.bit_length() + 7) // 8)
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def _bent(place: int, changes: dict[str, Json]) -> dict[str, Json]:
    return {name: value for name, value in {**_sound()[place], **changes}.items() if value is not None}


def _may_be_taken(entry: Json, algorithms: tuple[str, ...]) -> bool:
    """Say whether nothing in `entry` forbids it, by what the documents list."""
    if not isinstance(entry, dict) or {"d", "p", "k"} & set(entry) or entry.get("use", "sig") != "sig":
        return False
    if "verify" not in list_in(entry.get("key_ops", ["verify"])) or entry.get("alg", algorithms[0]) not in algorithms:
        return False
    if entry.get("kty") == "RSA":
        modulus, exponent = _number(entry.get("n")), _number(entry.get("e"))
        return modulus.bit_length() >= _LEAST_MODULUS_BITS and exponent >= _LEAST_EXPONENT
    return entry.get("kty") in ("EC", "OKP") and isinstance(entry.get("crv"), str)


def _number(text: Json) -> int:
    padded = str(text) + "=" * (-len(str(text)) % 4)
    try:
        return int.from_bytes(base64.urlsafe_b64decode(padded))
    except ValueError:
        return 0
