import json
import ssl
from urllib.parse import urlencode

import jwt
import pytest

from sandbox.issuer import Document, FaultKind, Issuer, IssuerFault
from sandbox.providers import all_providers

from .wire import Received, send

PROVIDERS = sorted(all_providers())


def _get(issuer: Issuer, url: str, *, method: str = "GET", timeout_seconds: float = 5.0) -> Received:
    tls = ssl.create_default_context(cafile=str(issuer.ca_bundle))
    return send(url, method=method, tls=tls, timeout_seconds=timeout_seconds)


def _json(issuer: Issuer, url: str) -> dict[str, object]:
    answer = _get(issuer, url)
    assert answer.status == 200, answer.body
    parsed = json.loads(answer.body)
    assert isinstance(parsed, dict)
    return {str(name): value for name, value in parsed.items()}


def _discovery_url(issuer: Issuer, provider: str) -> str:
    return f"{issuer.tokens.address(provider)}/.well-known/openid-configuration"


def _verified(issuer: Issuer, provider: str, token: str) -> dict[str, object]:
    """Verify as any relying party would: discovery, key set, signature."""
    discovery = _json(issuer, _discovery_url(issuer, provider))
    keys = jwt.PyJWKSet.from_dict(_json(issuer, str(discovery["jwks_uri"])))
    key = keys[jwt.get_unverified_header(token)["kid"]]
    claims: dict[str, object] = jwt.decode(
        token, key, algorithms=[key.algorithm_name], audience="us", issuer=issuer.issuer_url(provider)
    )
    return claims


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_minted_token_verifies_over_tls(issuer: Issuer, provider: str) -> None:
    answer = _json(issuer, f"{issuer.url}/mint/{provider}?audience=us")
    claims = _verified(issuer, provider, str(answer["value"]))
    assert claims["iss"] == _json(issuer, _discovery_url(issuer, provider))["issuer"]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_token_outlives_the_server_that_made_it(issuer: Issuer, provider: str) -> None:
    token = issuer.mint(provider, audience="us")
    with Issuer(issuer.ca_bundle.parent) as again:
        kid = jwt.get_unverified_header(token)["kid"]
        assert kid in {jwk["kid"] for jwk in again.keys(provider).published()}


def test_clients_need_the_sandboxs_certificate_authority(issuer: Issuer) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        send(_discovery_url(issuer, "gitlab"), tls=ssl.create_default_context())
    assert issuer.count("gitlab", "discovery") == 0


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_the_certificate_is_for_every_name_of_this_machine(issuer: Issuer, host: str) -> None:
    url = _discovery_url(issuer, "gitlab").replace("localhost", host)
    assert _get(issuer, url).status == 200


def test_claims_may_be_chosen_over_http(issuer: Issuer) -> None:
    query = urlencode(
        [
            ("audience", "us"),
            ("scenario", "pull-request"),
            ("claim.repository", "acme/other"),
            ("claim.flag", "true"),
            ("claim.nested", '{"a": [1]}'),
            ("without", "jti"),
            ("lifetime_seconds", "60"),
        ]
    )
    token = str(_json(issuer, f"{issuer.url}/mint/github-actions?{query}")["value"])
    claims = _verified(issuer, "github-actions", token)
    assert claims["sub"] == "repo:acme/other:pull_request"
    assert claims["flag"] is True
    assert claims["nested"] == {"a": [1]}
    assert "jti" not in claims
    assert isinstance(claims["exp"], int)
    assert isinstance(claims["iat"], int)
    assert claims["exp"] - claims["iat"] == 60


def test_a_token_can_be_plain_text_with_several_audiences(issuer: Issuer) -> None:
    answer = _get(issuer, f"{issuer.url}/mint/gitlab?audience=us&audience=them&format=text")
    assert _verified(issuer, "gitlab", answer.body.decode())["aud"] == ["us", "them"]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/mint/github-actions", "audience"),
        ("/mint/nobody?audience=us", "no provider 'nobody'"),
        ("/mint/gitlab?audience=us&scenario=nothing", "nothing"),
        ("/mint/gitlab?audience=us&lifetime_seconds=soon", "soon"),
    ],
)
def test_a_request_for_a_token_that_makes_no_sense_is_explained(issuer: Issuer, path: str, text: str) -> None:
    answer = _get(issuer, issuer.url + path)
    assert answer.status == 400
    assert text in answer.body.decode()


def test_documents_are_counted(issuer: Issuer) -> None:
    _verified(issuer, "gitlab", issuer.mint("gitlab", audience="us"))
    assert (issuer.count("gitlab", "discovery"), issuer.count("gitlab", "keys")) == (1, 1)
    assert issuer.count("generic", "keys") == 0
    issuer.reset_counts()
    assert issuer.count("gitlab", "keys") == 0


@pytest.mark.parametrize(
    ("document", "kind", "status", "text"),
    [
        ("discovery", "server-error", 500, "internal error"),
        ("discovery", "redirect", 302, ""),
        ("discovery", "wrong-issuer", 200, "attacker"),
        ("keys", "error-page", 200, "<html>"),
        ("keys", "empty-keys", 200, '"keys": []'),
        ("keys", "slow", 200, '"kid"'),
        ("keys", "drip", 200, '"kid"'),
    ],
)
def test_planned_faults_of_documents_occur(
    issuer: Issuer, document: Document, kind: FaultKind, status: int, text: str
) -> None:
    issuer.faults.plan(("generic", document), IssuerFault(kind=kind, seconds=0.0001), times=1)
    url = _discovery_url(issuer, "generic") if document == "discovery" else f"{issuer.url}/generic/keys.json"
    answer = _get(issuer, url)
    assert answer.status == status
    assert text in answer.body.decode()
    after = _get(issuer, url)
    assert after.status == 200
    assert "attacker" not in after.body.decode()
    assert issuer.count("generic", document) == 2


def test_a_document_may_be_far_too_large(issuer: Issuer) -> None:
    issuer.faults.plan(("generic", "keys"), IssuerFault(kind="oversized"), times=1)
    assert len(_get(issuer, f"{issuer.url}/generic/keys.json").body) > 1024 * 1024


def test_a_document_may_hang(issuer: Issuer) -> None:
    issuer.faults.plan(("generic", "keys"), IssuerFault(kind="hang"), times=1)
    with pytest.raises(TimeoutError):
        _get(issuer, f"{issuer.url}/generic/keys.json", timeout_seconds=0.2)
    issuer.faults.plan(("generic", "keys"), IssuerFault(kind="drop"), times=1)
    with pytest.raises(ConnectionError):
        _get(issuer, f"{issuer.url}/generic/keys.json")


def test_a_person_plans_faults_and_rotates_keys_over_http(issuer: Issuer) -> None:
    control = f"{issuer.url}/_control"
    asked = "provider=generic&document=keys&fault=server-error"
    planned = _get(issuer, f"{control}/faults?{asked}", method="POST").body
    assert planned == b"planned generic keys: server-error, until it is removed\n"
    assert _get(issuer, f"{issuer.url}/generic/keys.json").status == 500
    assert _get(issuer, f"{control}/faults", method="DELETE").body == b"no faults are planned\n"
    assert _get(issuer, f"{issuer.url}/generic/keys.json").status == 200
    before = issuer.keys("generic").current.key_id
    rotated = json.loads(_get(issuer, f"{control}/rotate?provider=generic", method="POST").body)
    assert rotated["kid"] == issuer.keys("generic").current.key_id != before
    assert _json(issuer, f"{control}/counts") == {"generic keys": 2}
    assert _get(issuer, f"{control}/nothing").status == 400
    assert _get(issuer, f"{issuer.url}/nothing").status == 404
