import base64
import secrets
import time
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_exchange.reporting.safe_text import (
    _MAY_HOLD_TOKEN,
    redacted,
    redacted_start,
    starts_like_header,
    tokens_hashed,
)

SECRET_KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEKEY"
SESSION_TOKEN = base64.b64encode(secrets.token_bytes(300)).decode()
TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwczovL2V4YW1wbGUifQ.c2ln_bmF0-dXJl"
SPACED_TOKEN = f"eyAi{TOKEN[4:]}"


def test_anything_like_a_secret_is_redacted(subtests: pytest.Subtests) -> None:
    for around in [
        "{}",
        "x-amz-security-token:{}\nhost:sts",
        "SecretAccessKey={}&Action=AssumeRole",
        "<SecretAccessKey>{}</SecretAccessKey>",
        '{{"password": "{}"}}',
        "b'{}'",
        "({})",
        "Authorization: Bearer {}",
    ]:
        for secret in [SECRET_KEY, SESSION_TOKEN, TOKEN, SPACED_TOKEN, TOKEN.rpartition(".")[0], TOKEN[:20]]:
            with subtests.test(secret=secret, around=around):
                cleaned = redacted(around.format(secret))
                assert "[redacted]" in cleaned
                for start in range(0, len(secret) - 8, 4):
                    assert secret[start : start + 9] not in cleaned.replace("SecretAccessKey", "")


def test_a_token_with_white_space_in_its_header_is_left_out() -> None:
    for token in UNUSUAL:
        assert redacted(f"me/1 {token}, x") == "me/1 [redacted], x"


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "Basic"])
def test_credentials_of_any_form_are_left_out(scheme: str) -> None:
    assert redacted(f"Authorization: {scheme} short-one, more") == "Authorization: [redacted], more"


def test_a_secret_key_with_slashes_is_not_taken_for_a_path() -> None:
    for secret in (SECRET_KEY, "abc/" * 10 + "A", "abc/" * 10 + "abc=", "a" * 40, "0123456789abcdef" * 3):
        assert redacted(secret) == "[redacted]"


# Without these a log says nothing.
@pytest.mark.parametrize(
    "text",
    [
        "arn:aws:iam::111122223333:role/ci-ecr-push",
        "User: arn:aws:sts::111122223333:assumed-role/ecr-token-exchange/ecr-token-exchange is not authorized",
        f"policy {sha256(b'').hexdigest()} is in force",
        "111122223333.dkr.ecr.eu-west-1.amazonaws.com",
        "https://token.actions.githubusercontent.com/.well-known/openid-configuration",
        "0a1b2c3d-4e5f-6789-abcd-ef0123456789",
        "/opt/platform/registries/production/exchange/policy.yaml: No such file or directory",
        "s3://acme/platform/registries/production/exchange/policy.yaml",
    ],
)
def test_names_ids_and_hashes_are_left_in(text: str) -> None:
    assert redacted(text) == text


@given(st.text(), st.binary(min_size=30, max_size=200), st.text(alphabet=" \n\t:;,'\"<>(){}[]="), st.text())
def test_a_key_is_left_out_of_any_text(before: str, octets: bytes, between: str, after: str) -> None:
    secret = base64.b64encode(octets).decode()
    assert secret not in redacted(f"{before} {between}{secret}{between} {after}")


@given(st.binary(max_size=40), st.sampled_from([b"", b" ", b"\t", b"\n", b"\r", b" \n"]))
def test_every_start_of_a_header_is_a_candidate(rest: bytes, space: bytes) -> None:
    for header in (space + b'{"' + rest, rest):
        segment = base64.urlsafe_b64encode(header).rstrip(b"=").decode()
        if len(segment) >= 9 and starts_like_header(segment):
            assert _MAY_HOLD_TOKEN.search(f"x.{segment}")
            assert _MAY_HOLD_TOKEN.search(segment)


def _hash(text: str) -> str:
    return f"sha256:{sha256(text.encode()).hexdigest()}"


UNUSUAL = [
    base64.urlsafe_b64encode(header).rstrip(b"=").decode() + ".e30.c2ln"
    for header in (b'{\n "alg": "RS256"}', b' {"alg":"RS256"}', b'\t\r\n{ "alg":"ES256"}', b'{"alg":"ES256"}')
]


def test_a_value_that_holds_a_token_has_its_hash(subtests: pytest.Subtests) -> None:
    for around in ["{}", "refs/heads/{}", "https://ci.example/{}/x", "a b {}, c", "repo:{}:ref", "v1.{}"]:
        for token in [TOKEN, SPACED_TOKEN, TOKEN.rpartition(".")[0], TOKEN[:9], *UNUSUAL]:
            with subtests.test(token=token, around=around):
                assert tokens_hashed(around.format(token)) == around.format(_hash(token))


@pytest.mark.parametrize(
    "value",
    [
        "",
        "refs/heads/main",
        "eyJa",
        "feature/eyJafj",
        "acme/shop",
        "token.actions.githubusercontent.com",
        "https://token.actions.githubusercontent.com",
        "0a1b2c3d-4e5f-6789-abcd-ef0123456789",
        "ab" * 20,
        "e30.e30.e30",
        "x" * 5000,
        _hash(TOKEN),
        f"refs/heads/{_hash(TOKEN)}",
        "renovate/lock-file-maintenance",
    ],
)
def test_a_value_without_a_token_is_unchanged(value: str) -> None:
    assert tokens_hashed(value) == value


@given(st.text(), st.sampled_from([TOKEN, *UNUSUAL]), st.text(alphabet=" /:,;@\n", min_size=1))
def test_no_part_of_a_token_is_left_in_any_value(before: str, token: str, after: str) -> None:
    # Only the usual start of a header is seen behind other characters of a token.
    between = "" if token == TOKEN else "/"
    hashed = tokens_hashed(f"{before}{between}{token}{after}")
    assert token[:9] not in hashed
    assert tokens_hashed(hashed) == hashed


@pytest.mark.parametrize("part", ["eyJ", "eyJ.", "ey", ".", "a.", "eyI", "ewog.", " eyJ"])
def test_time_is_in_proportion_to_the_text(part: str) -> None:
    def cost(text: str) -> float:
        start = time.process_time()
        tokens_hashed(text)
        return time.process_time() - start

    short, long = part * 20_000, part * 160_000
    # Eight times the text, with room for a busy machine; in quadratic time it would be sixty-four times.
    assert min(cost(long) for _ in range(3)) < 32 * max(min(cost(short) for _ in range(3)), 0.001)


@given(st.integers(0, 1200), st.sampled_from([SECRET_KEY, SESSION_TOKEN, TOKEN, SPACED_TOKEN]))
def test_the_start_of_a_text_shows_no_start_of_a_secret(at: int, secret: str) -> None:
    shown = redacted_start(f"{'word ' * (at // 5)}{secret} {'word ' * 300}")
    assert secret[:9] not in shown
    assert len(shown) < 600


@given(st.text(max_size=512))
def test_a_short_text_is_redacted_whole(text: str) -> None:
    assert redacted_start(text) == redacted(text)


def test_a_long_run_without_a_space_is_not_shown() -> None:
    assert redacted_start("a-" * 600) == "…[688 more]"
