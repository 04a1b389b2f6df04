import pytest

from token_exchange.ports import Json
from token_exchange.providers.issuer_url import host_setting, issuer_host, slug_setting
from token_exchange.providers.preset import BadSetting


@pytest.mark.parametrize(
    ("issuer", "host"),
    [
        ("https://ci.example", "ci.example"),
        ("https://ci.example/", "ci.example"),
        ("https://ci.example:8443/a/b-c_d~e", "ci.example:8443"),
        ("https://10.0.0.1", "10.0.0.1"),
        ("https://localhost", "localhost"),
        ("https://ci.example/a//b", "ci.example"),
        (f"https://{'a' * 63}.example", f"{'a' * 63}.example"),
    ],
)
def test_hosts_of_issuers(issuer: str, host: str) -> None:
    assert issuer_host(issuer) == host


@pytest.mark.parametrize(
    "issuer",
    [
        "",
        "https://",
        "https:///path",
        "ci.example",
        "http://ci.example",
        "HTTPS://ci.example",
        "https://CI.example",
        "https://ci.example.",
        "https://.ci.example",
        "https://ci..example",
        "https://-ci.example",
        "https://ci-.example",
        "https://ci_x.example",
        "https://ci.example:",
        "https://ci.example:0",
        "https://ci.example:08",
        "https://ci.example:123456",
        "https://ci.example:x",
        "https://user@ci.example",
        "https://user:pass@ci.example",
        "https://ci.example\\@evil.example",
        "https://ci.example?x=1",
        "https://ci.example/?",
        "https://ci.example#x",
        "https://ci.example/#",
        "https://ci.example/a b",
        "https://ci.example/\n",
        "https://ci.example\n",
        "https://ci.example/é",
        "https://cí.example",
        "https://[::1]",
        " https://ci.example",
        f"https://{'a' * 64}.example",
        f"https://{'a.' * 127}example",
    ],
)
def test_what_is_no_issuer(issuer: str) -> None:
    with pytest.raises(BadSetting) as bad:
        issuer_host(issuer)
    assert bad.value.key == "issuer"


@pytest.mark.parametrize(
    "value", [None, 7, ["ci.example"], "", "CI.example", "ci.example/x", "https://ci.example", "a@b"]
)
def test_what_is_no_host(value: Json) -> None:
    with pytest.raises(BadSetting) as bad:
        host_setting("host", value)
    assert bad.value.key == "host"


def test_slugs() -> None:
    assert slug_setting("enterprise", "North.Light_1-x") == "North.Light_1-x"
    for value in (None, 7, "", "a/b", "..", ".", "-a", "a-", "a b", "é", "x" * 101, "a\n"):
        with pytest.raises(BadSetting, match="short name"):
            slug_setting("enterprise", value)
