"""The signature itself, which is the work of PyJWT and cryptography."""

from token_exchange.reasons import Reason
from token_exchange.refusals import Refused
from token_exchange.verify.algorithms import SCHEMES
from token_exchange.verify.jwk import VerificationKey


class BadSignature(Refused):
    """The key did not sign this; apart from other refusals because the key may have been replaced meanwhile."""

    def __init__(self) -> None:
        super().__init__(Reason.BAD_SIGNATURE, "the token's signature is not by the issuer's key that it names")


def require_signature(key: VerificationKey, *, signed_part: bytes, signature: bytes) -> None:
    """Return only if `signature` is that of `key` over `signed_part`, by the algorithm the key is bound to.

    The token has no say in the algorithm: that its `alg` is the key's was settled when the key was chosen.

    Raises:
        BadSignature: it is not.
    """
    if not SCHEMES[key.algorithm].implementation.verify(signed_part, key.public_key, signature):
        raise BadSignature
