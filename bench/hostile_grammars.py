"""What outsiders, issuers and authors of a policy can send, as grammars with the service's own limits."""

import base64
import json
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import yaml
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from bench.hostile import Grammar
from bench.policies import policy_of
from token_exchange.core.jwk import SCHEMES
from token_exchange.core.keys import KeySet, UnusableKeySet
from token_exchange.core.ports import Json
from token_exchange.http.event import MAX_BODY_BYTES
from token_exchange.issuer_keys.origins import MAX_DOCUMENT_BYTES, UnusableDiscovery, read_jwks_uri
from token_exchange.loading.load import load_policy
from token_exchange.loading.problems import PolicyUnusable

HEADER_BYTES: Final = 10_240
"""All headers together with the path and the query: API Gateway's quota for HTTP APIs and REST APIs."""
TOKEN_CHARACTERS: Final = 16 * 1024
POLICY_BYTES: Final = 16 * 1024
TWICE: Final = ", twice as long"

_VALUES: Final = (
    '"{n}":1', '"a":1', '"a":"\\u0041"', '"a":"\\ud83d\\ude00"', '"é":"\U0001f600"', '"a":1e9', '"a":-1.5',
    '"a":12345678901234567890', '"a":{}', '"a":[]', '"registry":["a","b"]', '"scope":"a:b c:d"', '"a":null',
    '"a":"\\""',
)  # fmt: skip
_PIECES: Final = (
    "1", "{}", "[]",
    '""', '"a"', "{", "[", "]", "}", ",", ":", '"', "\\", "\\u0041", "\\u00", "\n", " ", "é", "a", "0", "-",
)  # fmt: skip
_FORM: Final = (
    "a", "=", "&", "%", "%41", "%c3%a9", "%ff", "%zz", "+", "é", "a{n}=1&", "registry=a&", "resource=https://a&",
    "scope=", "repository:a:pull+", ",", ":", "/", "format=json&", "grant_type=a&", "subject_token=",
)  # fmt: skip
_QUERY: Final = (*(atom for atom in _FORM if atom.isascii()), "eyJ", "eyA", "ewo", "ey", ".", "-", "_", "A", "Cn")
_HEADER: Final = (
    "Bearer ", "bearer ", "Basic ", "a=", ",", ";", " ", "=", "eyJ", "eyJa.", ".", "/", "a", "A", "+", "charset=", "é",
    "-",
    "a/b/", "AKIA", "0", "\t", "a=b, ", "charset=utf-8;", '"',
)  # fmt: skip


def _json(limit: int, *heads: str) -> Grammar:
    return Grammar(limit=limit, atoms=_VALUES, heads=("{", *heads), tails=("}", ',"a":1,"a":1}', ""), separator=",")


def _loose(limit: int, *heads: str) -> Grammar:
    return Grammar(limit=limit, atoms=_PIECES, heads=('{"a":[', '{"a":"', "{", "", *heads), tails=("}", "]}", '"}', ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One kind of request: what it is made of, and the request that a candidate is put into."""

    grammar: Grammar
    request: Callable[[str], "Put"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """The parts of a request that an outsider chooses."""

    query: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


def requests(*, issuer: str, audience: str, key_id: str) -> Mapping[str, Attempt]:
    """Return each kind of request to search; `issuer`, `audience` and `key_id` are public."""
    known = json.dumps({"iss": issuer, "aud": audience})[:-1] + ","
    payload_octets = (TOKEN_CHARACTERS - 600) * 3 // 4
    header = json.dumps({"alg": "RS256", "kid": key_id})
    named = {
        "body": (_json(MAX_BODY_BYTES), _json_body),
        "body that is hardly JSON": (_loose(MAX_BODY_BYTES), _json_body),
        "form": (Grammar(limit=MAX_BODY_BYTES, atoms=_FORM), _form_body),
        "query": (Grammar(limit=HEADER_BYTES, atoms=_QUERY), lambda text: Put(query=text)),
        "authorization": (Grammar(limit=HEADER_BYTES, atoms=_HEADER, heads=("", "Bearer ")), _headed("authorization")),
        "content type": (Grammar(limit=HEADER_BYTES, atoms=_HEADER), _headed("content-type", body=b"a")),
        "user agent": (Grammar(limit=HEADER_BYTES, atoms=_HEADER), _headed("user-agent")),
        "claims": (_json(payload_octets, known), lambda text: _token(header, text)),
        "claims that are hardly JSON": (_loose(payload_octets, known), lambda text: _token(header, text)),
        "header of a token": (_json(payload_octets, '{"alg":"RS256",'), lambda text: _token(text, known[:-1] + "}")),
        "no token at all": (Grammar(limit=TOKEN_CHARACTERS, atoms=_QUERY), _no_token),
    }
    return {name: Attempt(grammar=grammar, request=request) for name, (grammar, request) in named.items()}


def _json_body(text: str) -> Put:
    return Put(headers=(("content-type", "application/json"),), body=text.encode())


def _form_body(text: str) -> Put:
    return Put(headers=(("content-type", "application/x-www-form-urlencoded"),), body=text.encode())


def _headed(name: str, *, body: bytes = b"") -> Callable[[str], Put]:
    return lambda text: Put(headers=((name, text),), body=body)


def _token(header: str, payload: str) -> Put:
    parts = (_base64url(header.encode()), _base64url(payload.encode()), _base64url(b"\x01" * 256))
    return _no_token(".".join(parts))


def _no_token(text: str) -> Put:
    return _form_body(
        "grant_type=urn:ietf:params:oauth:grant-type:token-exchange&subject_token_type="
        f"urn:ietf:params:oauth:token-type:jwt&subject_token={text}"
    )


def _base64url(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One kind of document that an issuer or the policy's author writes, and what reads it."""

    grammar: Grammar
    read: Callable[[str], object]


def documents() -> Mapping[str, Document]:
    """Return each kind of document to search."""
    keys = tuple(json.dumps(key) for key in _keys())
    rest = tuple(json.dumps({**json.loads(keys[0]), "kid": "{n}", "x5c": ["A" * length]}) for length in (10, 2000))
    issuer = "https://ci.example"
    found = f'{{"issuer":"{issuer}","jwks_uri":"{issuer}/keys",'
    return {
        "key set": Document(
            grammar=Grammar(
                limit=MAX_DOCUMENT_BYTES, atoms=(*keys, *rest, "{}", "1", '{"kty":"RSA"}'), heads=('{"keys":[',),
                tails=("]}",), separator=",",
            ),
            read=_read_keys,
        ),
        "key set that is hardly one": Document(grammar=_loose(MAX_DOCUMENT_BYTES, '{"keys":['), read=_read_keys),
        "discovery document": Document(
            grammar=_json(MAX_DOCUMENT_BYTES, found), read=lambda text: _read_discovery(text, issuer)
        ),
    }  # fmt: skip


def _keys() -> list[dict[str, Json]]:
    """Return keys of every kind, and some of those that are left out late."""
    named: list[dict[str, Json]] = []
    for bits in (2048, 8192):
        modulus = int.from_bytes(secrets.token_bytes(bits // 8)) | 1 | 1 << bits - 1
        named += [_rsa(modulus, exponent) for exponent in (65537, 2**31 - 1)]
        named.append(_rsa(65537 ** (bits // 16), 65537))
    for algorithm, private in _PRIVATE.items():
        named.append(dict(SCHEMES[algorithm].implementation.to_jwk(private().public_key(), as_dict=True)))
    return [{**key, "kid": "{n}"} for key in named] + named


def _rsa(modulus: int, exponent: int) -> dict[str, Json]:
    octets = modulus.to_bytes((modulus.bit_length() + 7) // 8)
    return {"kty": "RSA", "n": _base64url(octets), "e": _base64url(exponent.to_bytes(4))}


_PRIVATE: Final[Mapping[str, Callable[[], ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey]]] = {
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ES384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "ES512": lambda: ec.generate_private_key(ec.SECP521R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
}


def _read_keys(text: str) -> None:
    with suppress(UnusableKeySet):
        KeySet.parse(text.encode(), algorithms=tuple(SCHEMES))


def _read_discovery(text: str, issuer: str) -> None:
    with suppress(UnusableDiscovery):
        read_jwks_uri(text.encode(), issuer=issuer, keys_host=None)


_GLOBS: Final = ("*", "**", "?", "a", "*a", "{n}", '","', "/", "é", "[", "{", "\\n")


def policies() -> Mapping[str, Document]:
    """Return each kind of policy to search, by the form that it is written in."""
    small = policy_of(1)
    in_json = json.dumps(small).replace('"branch": "main"', '"branch": {"like": ["§"]}')
    in_yaml = yaml.safe_dump(small, default_flow_style=False).replace("branch: main", 'branch: {like: ["§"]}')
    return {
        f"policy in {name}": Document(
            grammar=Grammar(
                limit=POLICY_BYTES, atoms=_GLOBS, heads=(text.partition("§")[0],), tails=(text.partition("§")[2],)
            ),
            read=_read_policy,
        )
        for name, text in (("JSON", in_json), ("YAML", in_yaml))
    }


def _read_policy(text: str) -> None:
    with suppress(PolicyUnusable):
        load_policy(text.encode(), name="bench", read_file=None)
