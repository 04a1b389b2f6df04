from collections.abc import Callable
from string import ascii_lowercase, ascii_uppercase, digits

import pytest

from token_exchange.core.ports import Json
from token_exchange.presets.provider import (
    BadSetting,
    fixed_issuer,
    host_setting,
    issuer_host,
    label_setting,
    server_setting,
    slug_setting,
    tenant_of,
    uuid_setting,
)


@pytest.mark.parametrize(
    ("issuer", "host"),
    [
        ("https://ci.example", "ci.example"),
        ("https://ci.example/", "ci.example"),
        ("https://ci.example:8443/a/b-c_d~e", "ci.example:8443"),
        ("https://ci.example:65535", "ci.example:65535"),
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
        "https://ci.example:65536",
        "https://ci.example:99999",
        " https://ci.example",
        f"https://{'a' * 64}.example",
        f"https://{'a.' * 127}example",
    ],
)
def test_an_issuer_of_another_form_is_refused(issuer: str) -> None:
    with pytest.raises(BadSetting) as bad:
        issuer_host(issuer)
    assert bad.value.key == "issuer"


@pytest.mark.parametrize(
    "value", [None, 7, ["ci.example"], "", "CI.example", "ci.example/x", "https://ci.example", "a@b"]
)
def test_a_value_that_is_not_a_host_is_refused(value: Json) -> None:
    with pytest.raises(BadSetting) as bad:
        host_setting("host", value)
    assert bad.value.key == "host"


def test_slugs() -> None:
    assert slug_setting("enterprise", "North.Light_1-x") == "North.Light_1-x"
    for value in (None, 7, "", "a/b", "..", ".", "-a", "a-", "a b", "é", "x" * 101, "a\n"):
        with pytest.raises(BadSetting, match="short name"):
            slug_setting("enterprise", value)


# ------------------------------------------------------------------------------------------------ tenants of issuers

FORM = "https://ci.example/{}/x"


def built(settings: dict[str, Json], issuer: str | None) -> tuple[str, str]:
    return tenant_of(settings, issuer, key="account", form=FORM, check=label_setting)


@pytest.mark.parametrize(
    ("settings", "issuer"),
    [
        ({"account": "acme"}, None),
        ({"account": "acme"}, "https://ci.example/acme/x"),
        ({}, "https://ci.example/acme/x"),
    ],
)
def test_a_tenant_is_named_by_its_key_or_its_issuer(settings: dict[str, Json], issuer: str | None) -> None:
    assert built(settings, issuer) == ("acme", "https://ci.example/acme/x")


@pytest.mark.parametrize(
    ("settings", "issuer", "key"),
    [
        ({}, None, "account"),
        ({"account": None}, None, "account"),
        ({"account": ["acme"]}, None, "account"),
        ({"account": "acme/x"}, None, "account"),
        ({"account": "acme"}, "https://ci.example/globex/x", "issuer"),
        ({"account": "acme"}, "https://ci.example/acme/x/", "issuer"),
        # an issuer that has the form's ends and nothing between, or something that is no tenant
        ({}, "https://ci.example/x", "issuer"),
        ({}, "https://ci.example//x", "issuer"),
        ({}, "https://ci.example/acme/evil/x", "issuer"),
        ({}, "https://ci.example/acme\n/x", "issuer"),
        ({}, "https://evil.example/acme/x", "issuer"),
        ({}, "", "issuer"),
    ],
)
def test_invalid_tenant_settings_are_refused(settings: dict[str, Json], issuer: str | None, key: str) -> None:
    with pytest.raises(BadSetting) as bad:
        built(settings, issuer)
    assert bad.value.key == key


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (
            label_setting,
            ["a", "a-b", "9", "a" * 63],
            ["", "-a", "a-", "a.b", "A", "a_b", "a" * 64, "a\n", None, 1, "ä"],
        ),
        (
            uuid_setting,
            ["0f1e2d3c-4b5a-4697-8879-6a5b4c3d2e1f"],
            ["0F1E2D3C-4B5A-4697-8879-6A5B4C3D2E1F", "{0f1e2d3c-4b5a-4697-8879-6a5b4c3d2e1f}", "", "acme", None],
        ),
        (
            server_setting,
            ["ci.example", "ci.example:8443", "ci.example/a", "ci.example/a/b_c"],
            ["", "/a", "ci.example/", "ci.example//a", "ci.example/..", "ci.example/a?b", "CI.example/a", None, 1],
        ),
    ],
)
def test_settings_are_accepted_or_refused(check: Callable[[str, Json], str], good: list[Json], bad: list[Json]) -> None:
    assert [check("key", value) for value in good] == good
    for value in bad:
        with pytest.raises(BadSetting):
            check("key", value)


@pytest.mark.parametrize("issuer", ["https://ci.example/", "", "https://CI.example"])
def test_a_fixed_issuer_takes_only_its_own_url(issuer: str) -> None:
    assert fixed_issuer(None, "https://ci.example") == fixed_issuer("https://ci.example", "https://ci.example")
    with pytest.raises(BadSetting, match="the only issuer of this provider"):
        fixed_issuer(issuer, "https://ci.example")


# ----------------------------------------------------------------------------------------------- characters and lengths

LATIN = [chr(code) for code in range(256)]
UUID = "0f1e2d3c-4b5a-4697-8879-6a5b4c3d2e1f"


def accepts(check: Callable[[str, Json], str], value: str) -> bool:
    try:
        return check("key", value) == value
    except BadSetting:
        return False


@pytest.mark.parametrize(
    ("check", "form", "allowed"),
    [
        (label_setting, "{}b", ascii_lowercase + digits),
        (label_setting, "a{}b", ascii_lowercase + digits + "-"),
        (label_setting, "a{}", ascii_lowercase + digits),
        (slug_setting, "{}b", ascii_lowercase + ascii_uppercase + digits),
        (slug_setting, "a{}b", ascii_lowercase + ascii_uppercase + digits + "._-"),
        (slug_setting, "a{}", ascii_lowercase + ascii_uppercase + digits),
        (host_setting, "{}b.example", ascii_lowercase + digits),
        (host_setting, "a{}b.example", ascii_lowercase + digits + "-."),
        (host_setting, "a{}.example", ascii_lowercase + digits),
        (host_setting, "ci.{}b", ascii_lowercase + digits),
        (host_setting, "ci.a{}b", ascii_lowercase + digits + "-."),
        (host_setting, "ci.a{}", ascii_lowercase + digits),
        (host_setting, "ci.example:{}", digits.replace("0", "")),
        (host_setting, "ci.example:1{}", digits),
        *((uuid_setting, f"{UUID[:at]}{{}}{UUID[at + 1 :]}", digits + "abcdef") for at in (0, 7, 9, 14, 19, 24, 35)),
    ],
)
def test_characters_a_setting_can_have(check: Callable[[str, Json], str], form: str, allowed: str) -> None:
    assert "".join(sorted(allowed)) == "".join(one for one in LATIN if accepts(check, form.format(one)))


@pytest.mark.parametrize(
    ("check", "form", "longest"),
    [
        (label_setting, "{}", 63),
        (slug_setting, "{}", 100),
        (host_setting, "{}", 63),
        (host_setting, "ci.{}", 63),
        (host_setting, f"{'a.' * 100}{{}}", 53),
        (host_setting, "ci.example:{}", 5),
    ],
)
def test_lengths_a_setting_can_have(check: Callable[[str, Json], str], form: str, longest: int) -> None:
    assert accepts(check, form.format("1" * longest))
    assert not accepts(check, form.format("1" * (longest + 1)))
