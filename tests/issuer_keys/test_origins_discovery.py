import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_exchange.core.ports import Json
from token_exchange.issuer_keys.origins import UnusableDiscovery, discovery_url, read_jwks_uri

ISSUER = "https://ci.acme.example/tenant"


def read(*, issuer: str = ISSUER, keys_host: str | None = None, **changes: Json) -> str:
    document = {"issuer": issuer, "jwks_uri": "https://ci.acme.example/keys", **changes}
    return read_jwks_uri(json.dumps(document).encode(), issuer=issuer, keys_host=keys_host)


@pytest.mark.parametrize(
    ("issuer", "url"),
    [
        ("https://a.example", "https://a.example/.well-known/openid-configuration"),
        ("https://a.example/", "https://a.example/.well-known/openid-configuration"),
        ("https://a.example/t/1", "https://a.example/t/1/.well-known/openid-configuration"),
    ],
)
def test_where_the_document_is(issuer: str, url: str) -> None:
    assert discovery_url(issuer) == url


@pytest.mark.parametrize(
    ("issuer", "keys_host", "jwks_uri"),
    [
        (ISSUER, None, "https://ci.acme.example/keys"),
        (ISSUER, None, "https://CI.ACME.example:443/keys?v=1&a=%20b"),
        (ISSUER, None, "https://ci.acme.example"),
        ("https://ci.acme.example:8443", None, "https://ci.acme.example:8443/keys"),
        ("https://[2001:db8::1]", None, "https://[2001:db8::1]/keys"),
        (ISSUER, "keys.example", "https://keys.example/keys"),
        (ISSUER, "Keys.Example:8443", "https://keys.example:8443/keys"),
    ],
)
def test_a_key_set_where_it_belongs(issuer: str, keys_host: str | None, jwks_uri: str) -> None:
    assert read(issuer=issuer, keys_host=keys_host, jwks_uri=jwks_uri) == jwks_uri


@pytest.mark.parametrize(
    "jwks_uri",
    [
        # somewhere else
        "https://evil.example/keys",
        "https://ci.acme.example.evil.example/keys",
        "https://ci.acme.example:8443/keys",
        "https://sub.ci.acme.example/keys",
        "https://169.254.169.254/latest/meta-data",
        # not over TLS
        "http://ci.acme.example/keys",
        "file:///etc/passwd",
        "//ci.acme.example/keys",
        "/keys",
        # on which URL readers disagree
        "https://ci.acme.example@evil.example/keys",
        "https://evil.example\\@ci.acme.example/keys",
        "https://ci.acme.example\\.evil.example/keys",
        "https://ci.acme.example#@evil.example/",
        "https://ci.acme.example/keys#fragment",
        "https://ci.acme.example/ke ys",
        "https://ci.acme.example/keys\n",
        "https://ci.acme.example/\r\nHost: evil.example",
        "https://ci.acme.example:/keys",
        "https://ci.acme.example:port/keys",
        "https://ci.acme.ex\u0430mple/keys",
        "https://\u017fi.acme.example/keys",
        # letters that match a-z where case does not count
        "https://ci.acme.example/key\u017f",
        "https://ci.acme.example/\u212aeys",
        " https://ci.acme.example/keys",
        # no URL
        "",
        "https://ci.acme.example/" + "k" * 2048,
        None,
        7,
        ["https://ci.acme.example/keys"],
    ],
)
def test_a_key_set_where_it_does_not_belong(jwks_uri: Json) -> None:
    with pytest.raises(UnusableDiscovery, match="jwks_uri"):
        read(jwks_uri=jwks_uri)


def test_another_host_takes_the_place_of_the_issuers_own() -> None:
    with pytest.raises(UnusableDiscovery, match="not on the expected host"):
        read(keys_host="keys.example")


def test_an_issuer_without_an_https_url_has_no_keys() -> None:
    with pytest.raises(UnusableDiscovery, match="not on the expected host"):
        read(issuer="http://ci.acme.example", jwks_uri="http://ci.acme.example/keys")


@pytest.mark.parametrize(
    "issuer", ["https://ci.acme.example", f"{ISSUER}/", ISSUER.upper(), "", None, [ISSUER], "https://evil.example"]
)
def test_a_document_of_another_issuer(issuer: Json) -> None:
    document = json.dumps({"issuer": issuer, "jwks_uri": "https://ci.acme.example/keys"}).encode()
    with pytest.raises(UnusableDiscovery, match="issuer"):
        read_jwks_uri(document, issuer=ISSUER, keys_host=None)


def test_a_document_that_names_no_issuer() -> None:
    with pytest.raises(UnusableDiscovery, match="issuer"):
        read_jwks_uri(b'{"jwks_uri": "https://ci.acme.example/keys"}', issuer=ISSUER, keys_host=None)


@pytest.mark.parametrize("document", [b"", b"<html>", b"[]", b'{"issuer":"a","issuer":"b"}', b"\xff", b"[" * 9999])
def test_an_unusable_discovery_document_is_refused(document: bytes) -> None:
    with pytest.raises(UnusableDiscovery, match="not strict JSON"):
        read_jwks_uri(document, issuer=ISSUER, keys_host=None)


@given(st.text())
def test_whatever_follows_the_host_stays_on_it(rest: str) -> None:
    try:
        url = read(jwks_uri=f"https://ci.acme.example{rest}")
    except UnusableDiscovery:
        return
    assert url.isascii()
    assert url.removeprefix("https://ci.acme.example")[:1] in ("", "/", "?", ":")


@pytest.mark.parametrize(
    "uri",
    [
        "https://ci.acme.example/keys?a=1&b=2",
        "https://ci.acme.example/a_b/c~d/%20/;x=1",
        "https://ci.acme.example/keys/0-9",
        f"https://ci.acme.example/{'k' * (2048 - len('https://ci.acme.example/'))}",
    ],
)
def test_any_plain_address_on_the_host_is_followed(uri: str) -> None:
    assert read(jwks_uri=uri) == uri


@pytest.mark.parametrize(
    "issuer", ["https://10.0.0.1", "https://[::1]:8443", "https://ci9.acme.example:12345", "https://ci.acme.example:9"]
)
def test_hosts_of_digits_and_ports_are_followed(issuer: str) -> None:
    assert read(issuer=issuer, jwks_uri=f"{issuer}/keys") == f"{issuer}/keys"


def test_a_url_is_at_most_as_long_as_its_limit() -> None:
    uri = "https://ci.acme.example/"
    with pytest.raises(UnusableDiscovery):
        read(jwks_uri=uri + "k" * (2049 - len(uri)))
