"""Where an entry's keys and certificates come from."""

import json

import pytest
import yaml

from tests.fake_issuer import jwk, private_key
from tests.loading.documents import Document, Folder, changed, document, faults, load
from token_exchange.core.ports import Json
from token_exchange.core.trust import Pinned, Published

KEY_SET: Json = {"keys": [jwk("ES256", private_key("ES256"), kid="k1")]}
PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


def test_allowed_sources_of_keys() -> None:
    published = load(changed(document(), "issuers.own.jwks_url", "https://keys.example/set")).issuers["own"].trust
    assert published.keys == Published(jwks_url="https://keys.example/set")
    inline = load(changed(document(), "issuers.own.jwks", KEY_SET)).issuers["own"].trust
    assert isinstance(inline.keys, Pinned)
    assert [key.key_id for key in inline.keys.keys.keys] == ["k1"]
    folder = Folder({"k": json.dumps(KEY_SET).encode()})
    filed = load(changed(document(), "issuers.own.jwks_file", "k"), folder=folder).issuers["own"].trust
    assert isinstance(filed.keys, Pinned)


@pytest.mark.parametrize(
    ("keys", "blamed"),
    [
        (("jwks_url", "jwks_file"), ["jwks_file"]),
        (("jwks_url", "jwks"), ["jwks"]),
        (("jwks_file", "jwks"), ["jwks"]),
        (("jwks_url", "jwks_file", "jwks"), ["jwks_file", "jwks"]),
    ],
)
def test_keys_come_from_one_place(keys: tuple[str, ...], blamed: list[str]) -> None:
    values: Document = {"jwks_url": "https://keys.example/set", "jwks_file": "k", "jwks": KEY_SET}
    found = document()
    for key in keys:
        found = changed(found, f"issuers.own.{key}", values[key])
    folder = Folder({"k": json.dumps(KEY_SET).encode()})
    assert faults(found, folder=folder) == [(f"issuers.own.{key}", "conflict") for key in blamed]


def test_pinned_keys_have_to_fit_the_algorithms() -> None:
    found = changed(changed(document(), "issuers.own.jwks", KEY_SET), "issuers.own.algorithms", ["RS256"])
    assert faults(found) == [("issuers.own.jwks", "bad-value")]


def test_a_key_set_is_taken_as_its_issuer_publishes_it() -> None:
    published: Json = {"keys": [jwk("ES256", private_key("ES256"), kid="k1", ext=True, number=7)], "next": None}
    assert isinstance(load(changed(document(), "issuers.own.jwks", published)).issuers["own"].trust.keys, Pinned)


def test_a_key_set_in_yaml_needs_no_quotes_around_n_and_y() -> None:
    keys: Json = [jwk(algorithm, private_key(algorithm), kid=algorithm) for algorithm in ("RS256", "ES256")]
    found = changed(document(), "issuers.own.jwks", {"keys": keys})
    found = changed(found, "issuers.own.algorithms", ["RS256", "ES256"])
    text = yaml.safe_dump(found)
    assert "n: " in text
    assert "y: " in text
    assert load(text.encode()).issuers["own"].trust == load(found).issuers["own"].trust


def test_a_key_set_in_yaml_guesses_nothing() -> None:
    text = json.dumps(changed(document(), "issuers.own.jwks", {"keys": [{"kid": "HERE"}]}))
    assert faults(text.replace('"HERE"', "0x1f").encode()) == [("issuers.own.jwks", "ambiguous-value")]


def test_certificates_as_text_or_as_a_file() -> None:
    assert load(changed(document(), "issuers.own.ca_bundle", PEM)).issuers["own"].trust.ca_bundle == PEM
    found = changed(document(), "issuers.own.ca_bundle", "ca.pem")
    assert load(found, folder=Folder({"ca.pem": PEM.encode()})).issuers["own"].trust.ca_bundle == PEM
    # The names of authorities are in comments, and the standard library reads only ASCII.
    commented = f"{PEM}# Főtanúsítvány\n{PEM}"
    for value in (commented, "ca.pem"):
        found = changed(document(), "issuers.own.ca_bundle", value)
        trust = load(found, folder=Folder({"ca.pem": commented.encode()})).issuers["own"].trust
        assert trust.ca_bundle == f"{PEM}# Ftanstvny\n{PEM}"
    for content in (b"", b"\xff", b"-----BEGIN PRIVATE KEY-----"):
        assert faults(found, folder=Folder({"ca.pem": content})) == [("issuers.own.ca_bundle", "bad-value")]
