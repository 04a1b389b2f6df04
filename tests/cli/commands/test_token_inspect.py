"""`token inspect`: the contents of a token, and whether its issuer signed it."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.backends import Backends
from sandbox.issuer import IssuerFault
from tests.ci_claims import bitbucket_claims, github_claims, gitlab_claims
from tests.cli.program import Printed, run
from tests.fake_issuer import compact
from token_exchange.core.ports import Json


@pytest.fixture(scope="module")
def backends(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backends]:
    with Backends(tmp_path_factory.mktemp("inspected")) as running:
        yield running


def _unsigned(claims: dict[str, Json], **header: Json) -> str:
    fields = {"alg": "RS256", "kid": "k", **header}
    return compact(json.dumps(fields).encode(), json.dumps(claims).encode(), b"nobody's signature at all")


def _inspect(token: str, *options: str | Path) -> Printed:
    done = run("token", "inspect", *options, given=f"{token}\n")
    assert not any(part in done.out + done.err for part in token.split("."))
    return done


def _mint(backends: Backends, **changes: Json) -> str:
    return backends.issuer.mint("github-actions", audience=backends.audience, scenario="push-main", claims=changes)


def test_token_without_policy_is_unverified() -> None:
    done = _inspect(_unsigned(github_claims()), "--json")
    assert done.status == 0
    assert done.fields.keys() == {"header", "claims", "provider", "vocabulary", "times", "verified", "reason"}
    assert done.fields["header"] == {"alg": "RS256", "kid": "k"}
    assert done.fields["claims"] == github_claims()
    assert done.fields["provider"] == "github-actions"
    assert (done.fields["verified"], done.fields["reason"]) == (None, "no policy was given to verify it against")
    vocabulary, times = done.fields["vocabulary"], done.fields["times"]
    assert isinstance(vocabulary, dict)
    assert isinstance(times, dict)
    assert vocabulary.items() >= {("repository", "nordlicht/kompass"), ("branch", "main"), ("ref_protected", True)}
    assert isinstance(times["expires_in_seconds"], int)
    assert times.items() >= {
        ("issued_at", "2027-01-15T12:00:00Z"),
        ("not_before", "2027-01-15T11:55:00Z"),
        ("expires_at", "2027-01-15T12:05:00Z"),
        ("lifetime_seconds", 300),
    }


@pytest.mark.parametrize(
    ("claims", "provider"),
    [
        (github_claims(), "github-actions"),
        (github_claims(iss="https://token.actions.githubusercontent.com/nordlicht-group"), "github-actions"),
        (github_claims(iss="https://token.actions.nordlicht.ghe.com"), "github-actions"),
        (github_claims(iss="https://token.actions.nordlicht.ghe.com/group"), "github-actions"),
        (github_claims(iss="https://token.actions.githubusercontent.com/two/parts"), None),
        (github_claims(iss="https://token.actions.githubusercontent.com/"), None),
        (gitlab_claims(), "gitlab"),
        # Its issuer is the workspace's, whose name no token says.
        (bitbucket_claims(), "bitbucket-pipelines"),
        (github_claims(iss="https://elsewhere.example"), None),
        (github_claims(iss="https://gitlab.com.elsewhere.example"), None),
        (github_claims(iss="not a url"), None),
        (github_claims(iss=None), None),
        (github_claims(iss=["https://gitlab.com"]), None),
    ],
)
def test_provider_is_recognized_by_its_exact_host(claims: dict[str, Json], provider: str | None) -> None:
    fields = _inspect(_unsigned(claims), "--json").fields
    assert fields["provider"] == provider
    assert (fields["vocabulary"] == {}) is (provider is None)


def test_text_output_shows_the_token() -> None:
    lines = _inspect(_unsigned(github_claims())).out.splitlines()
    assert lines[:2] == ["unverified: no policy was given to verify it against", "provider github-actions"]
    assert [line for line in lines if not line.startswith(" ") and line][2:] == [
        "times",
        "vocabulary",
        "header",
        "claims",
    ]
    assert '  repository               "nordlicht/kompass"' in lines


def test_claims_of_no_job_have_no_vocabulary() -> None:
    fields = _inspect(_unsigned(github_claims(repository_id=None)), "--json").fields
    assert (fields["provider"], fields["vocabulary"]) == ("github-actions", {})


@pytest.mark.parametrize("value", [True, "soon", 1e300, -1e300, [], 10**19])
def test_invalid_times_are_left_out(value: Json) -> None:
    times = _inspect(_unsigned(github_claims(exp=value, nbf=value)), "--json").fields["times"]
    assert times == {"issued_at": "2027-01-15T12:00:00Z"}


def test_a_token_of_the_issuer_is_verified_by_its_published_keys(backends: Backends) -> None:
    done = _inspect(_mint(backends), "--policy", backends.policy_path, "--json")
    assert done.status == 0
    assert (done.fields["verified"], done.fields["reason"]) == (True, None)
    assert done.fields["provider"] == "github-actions"
    shown = _inspect(_mint(backends), "--policy", backends.policy_path)
    assert shown.out.splitlines()[:2] == ["verified", "provider github-actions"]


def test_the_token_may_be_a_file(backends: Backends, tmp_path: Path) -> None:
    path = tmp_path / "token.jwt"
    path.write_text(_mint(backends))
    assert run("token", "inspect", path, "--policy", backends.policy_path).status == 0


def _tampered(backends: Backends) -> str:
    header, payload, signature = _mint(backends).split(".")
    return f"{header}.{payload}.{signature[:-4]}AAAA"


def test_foreign_token_is_not_verified(backends: Backends) -> None:
    refused = {
        _tampered(backends): "bad-signature",
        backends.issuer.mint("github-actions", audience=backends.audience, now=time.time() - 7200): "expired",
        backends.issuer.mint("github-actions", audience="https://elsewhere.example"): "wrong-audience",
        _unsigned(github_claims()): "unknown-issuer",
        _unsigned(github_claims(), alg="none"): "unsupported-algorithm",
    }
    for token, reason in refused.items():
        done = _inspect(token, "--policy", backends.policy_path, "--json")
        assert (done.status, done.fields["verified"]) == (1, False)
        assert str(done.fields["reason"]).startswith(f"{reason}: ")
        assert "not verified: " in _inspect(token, "--policy", backends.policy_path).out


def test_unreachable_issuer_gives_null(backends: Backends) -> None:
    backends.issuer.faults.plan(("github-actions", "keys"), IssuerFault(kind="server-error"), times=1)
    done = _inspect(_mint(backends), "--policy", backends.policy_path, "--json")
    # Not proven is not fine.
    assert (done.status, done.fields["verified"]) == (1, None)
    assert str(done.fields["reason"]).startswith("issuer-unavailable: ")
    assert "500" in str(done.fields["reason"])


@pytest.mark.parametrize("token", ["x", "a.b", "a.b.c", "e30.e30.=", "\xff"])
def test_invalid_token_gives_a_message(token: str) -> None:
    done = run("token", "inspect", given=token.encode())
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("standard input: the token is malformed: ")


@pytest.mark.parametrize("form", ["Bearer {}", '"{}"', '{{"value":"{}"}}', "{}\n{}", "Authorization: Bearer {}"])
def test_more_than_a_token_gives_a_message(form: str) -> None:
    token = _unsigned(github_claims())
    done = _inspect(form.format(token, token))
    text = "standard input: expected only a token, without Bearer, quotes or JSON around it\n"
    assert (done.status, done.out, done.err) == (2, "", text)


def test_a_token_is_given_in_a_file_and_not_typed() -> None:
    done = run("token", "inspect", _unsigned(github_claims()))
    text = "expected a file with the token, found the token itself; other users can see a command line\n"
    assert (done.status, done.out, done.err) == (2, "", text)


def test_a_byte_order_mark_before_a_token_is_ignored() -> None:
    token = _unsigned(github_claims())
    assert _inspect(f"\ufeff{token}").out == _inspect(token).out


@pytest.mark.parametrize("given", ["", "\n"])
def test_empty_input_gives_a_message(given: str) -> None:
    done = run("token", "inspect", given=given)
    assert (done.status, done.out, done.err) == (2, "", "standard input: empty; expected a token\n")


def test_oversized_token_gives_a_message() -> None:
    assert "more than 16384 characters" in run("token", "inspect", given="x" * 20_000).err


def test_invalid_policy_gives_a_message(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text("version: 2")
    done = _inspect(_unsigned(github_claims()), "--policy", path)
    assert (done.status, done.out) == (2, "")
    assert f"{path}: version: expected 1, found the number 2" in done.err
