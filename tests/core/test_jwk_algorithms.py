from token_exchange.core.jwk import SCHEMES


def test_every_algorithm_that_an_issuer_may_sign_with() -> None:
    expected = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
    assert sorted(SCHEMES) == sorted(expected)
    assert all(name == scheme.name for name, scheme in SCHEMES.items())
