"""Tokens, signed and not: what verifies is genuine, and what the documents accept verifies."""

import json
from functools import cache
from typing import Final

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from jwt.algorithms import ECAlgorithm

from fuzz.pieces import COUNTER, JSON_PIECES, as_json, built, grown, texts
from fuzz.running_service import base64url
from fuzz.target import Broken, Json
from fuzz.targets.plain import Plain
from sandbox.quiet_events import QuietEvents
from token_exchange.adapters.fetch import HttpsFetcher
from token_exchange.adapters.settings import SystemClock
from token_exchange.core.attempt import Attempt
from token_exchange.core.policy import Policy
from token_exchange.core.ports import Deadline
from token_exchange.core.refusals import Refused
from token_exchange.core.verifier import Verifier, read_compact
from token_exchange.issuer_keys.store import KeyStore
from token_exchange.loading.load import load_policy

_NOW: Final = 1_800_014_400
_ISSUER: Final = "https://ci.acme.example"
_AUDIENCES: Final = ("ecr", "ecr-too")
_LEEWAY: Final = 60
_MAX_LIFETIME: Final = 3600
_LONGEST: Final = 16 * 1024
_HEADER: Final[dict[str, Json]] = {"alg": "ES256", "kid": "one", "typ": "JWT"}
_CLAIMS: Final[dict[str, Json]] = {
    "iss": _ISSUER,
    "aud": "ecr",
    "sub": "job:1",
    "iat": _NOW,
    "exp": _NOW + 300,
    "tenant": "acme",
}
_FORBIDDEN: Final = ("crit", "b64", "jku", "x5u", "jwk", "x5c", "zip", "cty")


class Token(Plain):
    """Only `Refused` is raised, and a token is accepted where the reference accepts it and nowhere else."""

    name = "token"

    @property
    def inputs(self) -> SearchStrategy[Json]:
        """Draw header and payload, as members that are changed or as bent text, and how the token is signed."""
        times = st.sampled_from([_NOW + offset for offset in (-3601, -61, -60, -1, 0, 1, 59, 60, 61, 300, 3600, 3601)])
        strange: SearchStrategy[Json] = st.sampled_from(
            [
                None,
                True,
                "",
                "x",
                0,
                1e300,
                -1.5,
                [],
                ["ecr"],
                ["ecr", "ecr-too"],
                ["ecr", "x"],
                {},
                "ES256",
                "none",
                "HS256",
                "JWT",
                "application/jwt",
                "at+jwt",
                "jwt\n",
                "one",
                "k" * 256,
                "k" * 257,
                _ISSUER,
                _ISSUER + "/",
                str(_NOW),
            ]
        )
        header = st.dictionaries(st.sampled_from(["alg", "kid", "typ", "x", *_FORBIDDEN]), strange, max_size=2)
        changed = st.dictionaries(st.sampled_from([*_CLAIMS, "nbf", "jti"]), strange | times | times, max_size=2)
        text = texts(JSON_PIECES, most_characters=14_000, samples=[json.dumps(_HEADER), json.dumps(_CLAIMS)])
        large = grown('{"a":1,', f'"{COUNTER}":1,', '"z":1,"z":1}', most_times=1_500)
        how = st.sampled_from(
            ["genuine", "genuine", "genuine", "stranger", "cut", "none", "padded", "trailing-bits", "space"]
        )
        members = st.fixed_dictionaries({"header": header, "claims": changed, "how": how})
        bent = st.fixed_dictionaries({"header": text | large | header, "claims": text | large | changed, "how": how})
        return st.one_of(members, members, bent).map(as_json)

    def check(self, given: Json) -> None:
        """Verify the token."""
        match given:
            case {"header": header, "claims": claims, "how": str(how)}:
                pass
            case _:
                raise ValueError("not an input of this target")
        raw_token = _signed(_text(header, _HEADER), _text(claims, _CLAIMS), how)
        clock = SystemClock()
        deadline = Deadline(clock=clock, at_monotonic_seconds=clock.monotonic() + 5)
        attempt = Attempt(request_id="fuzz", deadline=deadline)
        try:
            Verifier(
                KeyStore(fetcher=HttpsFetcher(clock=clock), clock=clock, events=QuietEvents(), shared=None)
            ).verify(
                read_compact(raw_token),
                issuers=_policy().issuers_by_url,
                now=float(_NOW),
                attempt=attempt,
            )
            is_accepted = True
        except Refused:
            is_accepted = False
        if how != "genuine" and is_accepted:
            raise Broken("accepts-a-false-token", f"accepted, though {how}")
        if isinstance(header, dict) and isinstance(claims, dict) and how == "genuine":
            expected = _is_fine({**_HEADER, **header}, {**_CLAIMS, **claims}) and len(raw_token) <= _LONGEST
            if is_accepted != expected:
                raise Broken("token-verdict", f"accepted: {is_accepted}; the reference says {expected}")


def _is_fine(header: dict[str, Json], claims: dict[str, Json]) -> bool:
    """Say whether a token with these members, genuine and not too long, is to be accepted."""
    typ, kid = header.get("typ", "JWT"), header.get("kid")
    if header["alg"] != "ES256" or any(name in header for name in _FORBIDDEN):
        return False
    if not isinstance(typ, str) or typ.lower() not in ("jwt", "application/jwt") or not kid or kid != "one":
        return False
    audiences = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    if claims["iss"] != _ISSUER or not audiences or any(one not in _AUDIENCES for one in audiences):
        return False
    if not _is_text(claims["sub"]) or not (claims.get("jti") is None or _is_text(claims.get("jti"))):
        return False
    times = [claims["exp"], claims["iat"], claims["iat"] if claims.get("nbf") is None else claims.get("nbf")]
    numbers = [one for one in times if isinstance(one, int | float) and not isinstance(one, bool)]
    if len(numbers) != len(times):
        return False
    exp, iat, nbf = numbers
    return (
        exp + _LEEWAY > _NOW
        and iat - _LEEWAY <= _NOW
        and nbf - _LEEWAY <= _NOW
        and exp > iat
        and exp > nbf
        and exp - iat <= _MAX_LIFETIME
    )


def _is_text(value: Json) -> bool:
    return isinstance(value, str) and value != ""


def _text(given: Json, usual: dict[str, Json]) -> bytes:
    if isinstance(given, dict):
        return json.dumps({**usual, **given}).encode()
    return built(given).encode("utf-8", "surrogatepass")


def _signed(header: bytes, claims: bytes, how: str) -> str:
    signed = f"{base64url(header)}.{base64url(claims)}"
    signature = ECAlgorithm(ECAlgorithm.SHA256).sign(signed.encode(), _key("stranger" if how == "stranger" else "ours"))
    match how:
        case "cut":
            return f"{signed}.{base64url(signature[:-1])}"
        case "none":
            return f"{signed}."
        case "padded":
            return f"{signed}.{base64url(signature)}="
        case "trailing-bits":
            whole = base64url(signature)
            return f"{signed}.{whole[:-1]}{chr(ord(whole[-1]) + 1)}"
        case "space":
            return f"{signed}.{base64url(signature)}\n"
        case _:
            return f"{signed}.{base64url(signature)}"


@cache
def _key(_whose: str) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@cache
def _policy() -> Policy:
    public = jwt.algorithms.ECAlgorithm.to_jwk(_key("ours").public_key(), as_dict=True)
    entry: dict[str, object] = {
        "provider": "generic",
        "issuer": _ISSUER,
        "audience": [*_AUDIENCES],
        "algorithms": ["ES256"],
        "organization_claim": "tenant",
        "organizations": [{"name": "acme"}],
        "jwks": {"keys": [{**public, "kid": "one", "alg": "ES256", "use": "sig"}]},
    }
    registry = {"type": "ecr-public"}
    grant = {
        "name": "g",
        "issuers": ["ci"],
        "registry": "public",
        "role": "arn:aws:iam::111122223333:role/ci",
        "access": "pull",
    }
    document = {"version": 1, "issuers": {"ci": entry}, "registries": {"public": registry}, "grants": [grant]}
    return load_policy(json.dumps(document).encode(), name="policy.json", read_file=None)
