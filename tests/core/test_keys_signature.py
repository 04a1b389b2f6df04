import pytest

from tests.fake_issuer import private_key
from token_exchange.core.jwk import SCHEMES, VerificationKey
from token_exchange.core.keys import BadSignature, require_signature
from token_exchange.core.refusals import Reason

SIGNED = b"header.payload"


def key_and_signature(algorithm: str) -> tuple[VerificationKey, bytes]:
    private = private_key(algorithm)
    key = VerificationKey(key_id=None, algorithm=algorithm, public_key=private.public_key())
    return key, SCHEMES[algorithm].implementation.sign(SIGNED, private)


@pytest.mark.parametrize("algorithm", SCHEMES)
def test_a_true_signature(algorithm: str) -> None:
    key, signature = key_and_signature(algorithm)
    require_signature(key, signed_part=SIGNED, signature=signature)


@pytest.mark.parametrize("algorithm", SCHEMES)
def test_false_signatures(algorithm: str) -> None:
    key, signature = key_and_signature(algorithm)
    forgeries = [
        b"",
        b"\x00",
        b"\x00" * len(signature),  # r = s = 0, which a careless ECDSA takes for any text
        b"\xff" * len(signature),
        signature[:-1],
        signature + b"\x00",
        b"\x00" + signature,
        signature[:-1] + bytes([signature[-1] ^ 1]),
        bytes([signature[0] ^ 0x80]) + signature[1:],
    ]
    for forgery in forgeries:
        with pytest.raises(BadSignature) as refused:
            require_signature(key, signed_part=SIGNED, signature=forgery)
        assert refused.value.reason is Reason.BAD_SIGNATURE
    with pytest.raises(BadSignature):
        require_signature(key, signed_part=SIGNED + b" ", signature=signature)


def test_a_signature_by_another_of_the_same_keys_algorithms() -> None:
    key, _ = key_and_signature("RS256")
    for other in ("RS384", "RS512", "PS256"):
        with pytest.raises(BadSignature):
            require_signature(key, signed_part=SIGNED, signature=key_and_signature(other)[1])


def test_the_refusal_reveals_nothing_of_the_token() -> None:
    assert (
        str(BadSignature()) == "bad-signature: the signature does not verify with the issuer's key that the token names"
    )
