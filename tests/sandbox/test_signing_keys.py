from pathlib import Path

import jwt
import pytest

from sandbox.signing_keys import Algorithm, KeyRing


def _verifies(ring: KeyRing, token: str) -> bool:
    kid = jwt.get_unverified_header(token)["kid"]
    for jwk in ring.published():
        if jwk["kid"] == kid:
            key = jwt.PyJWK.from_dict(dict(jwk))
            return jwt.decode(token, key, algorithms=[str(jwk["alg"])]) == {"sub": "x"}
    return False


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_a_token_is_verifiable_after_a_restart(tmp_path: Path, algorithm: Algorithm) -> None:
    token = KeyRing(tmp_path, name="ci", algorithm=algorithm).current.sign({"sub": "x"})
    again = KeyRing(tmp_path, name="ci", algorithm=algorithm)
    assert _verifies(again, token)
    assert [path.stat().st_mode & 0o777 for path in tmp_path.iterdir()] == [0o600]


def test_a_rotation_publishes_the_former_keys_too(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path, name="ci", algorithm="ES256")
    old = ring.current.sign({"sub": "x"})
    for _ in range(10):
        ring.rotate()
    assert len({jwk["kid"] for jwk in ring.published()}) == 11
    assert ring.published()[0]["kid"] == ring.current.key_id
    assert _verifies(ring, old)
    reread = KeyRing(tmp_path, name="ci", algorithm="ES256")
    assert reread.published() == ring.published(), "in the order of their making, the tenth after the ninth"


def test_a_rotation_may_withdraw_the_former_keys(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path, name="ci", algorithm="ES256")
    old = ring.current.sign({"sub": "x"})
    ring.rotate(keep_previous=False)
    assert not _verifies(ring, old)
    assert KeyRing(tmp_path, name="ci", algorithm="ES256").published() == ring.published()


def test_a_published_key_holds_nothing_private(tmp_path: Path) -> None:
    for algorithm in ("RS256", "ES256"):
        (jwk,) = KeyRing(tmp_path, name=algorithm, algorithm=algorithm).published()
        assert not {"d", "p", "q", "dp", "dq", "qi", "k", "oth"} & jwk.keys()
        assert (jwk["use"], jwk["alg"]) == ("sig", algorithm)
