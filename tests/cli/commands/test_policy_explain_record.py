"""`policy explain --audit-line`: a request of the past, as far as its record has it."""

from pathlib import Path

import pytest

from tests.attempts import record_of_caller
from tests.ci_claims import caller_of, github_claims
from tests.cli.program import Printed, run, write_json, write_policy
from tests.loading.documents import Document, document, grant, load
from token_exchange.core.ports import Json

MAIN = grant(name="main", match={"branch": "main"})


def record_of(claims: dict[str, Json] | None = None, *, found: Document | None = None) -> dict[str, Json]:
    """Return the record that the service writes of a run with `claims`."""
    policy = load(document(MAIN) if found is None else found)
    caller = caller_of(policy, "github", github_claims() if claims is None else claims)
    return record_of_caller(policy, caller).render()


def _explain(folder: Path, record: dict[str, Json], *options: str, grants: tuple[Document, ...] = (MAIN,)) -> Printed:
    policy = write_policy(folder, *grants)
    return run(
        "policy", "explain", policy, "--audit-line", write_json(folder / "line.json", record), *options, "--json"
    )


def _remarks(done: Printed) -> str:
    return str(done.fields["remarks"])


@pytest.mark.parametrize("ref", ["refs/heads/main", "refs/heads/x"])
def test_a_record_is_decided_as_its_token_was(tmp_path: Path, ref: str) -> None:
    claims = github_claims(ref=ref)
    done = _explain(tmp_path, record_of(claims))
    policy = write_policy(tmp_path, MAIN)
    path = write_json(tmp_path / "claims.json", claims)
    of_claims = run("policy", "explain", policy, "--claims", path, "--json")
    assert done.status == of_claims.status == (0 if ref.endswith("main") else 1)
    assert {**done.fields, "remarks": []} == {**of_claims.fields, "remarks": []}
    assert done.fields["remarks"] == []


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"registries": ["apps"]}, "granted"),
        ({"registries": ["apps"], "grant": "other"}, "no-matching-grant"),
        ({"registries": ["base"]}, "no-matching-grant"),
        ({"registries": ["apps"], "scope": "repository:base/x:pull"}, "granted"),
        ({"registries": ["apps"], "scope": "repository:elsewhere:pull"}, "scope-exceeds-grant"),
        ({"registries": ["gone"]}, "unknown-registry"),
        ({"registries": [7]}, "granted"),
        ({"scope": "nonsense"}, "granted"),
        ({"one_login": False}, "granted"),
    ],
)
def test_its_request_is_decided_again(tmp_path: Path, asked: dict[str, Json], reason: str) -> None:
    other = grant(name="other", registry="base", match={"branch": "next"})
    done = _explain(tmp_path, {**record_of(), "asked": asked}, grants=(MAIN, other))
    assert done.fields["reason"] == reason
    assert done.status == (0 if reason == "granted" else 1)
    # What the command line asks for replaces it.
    assert _explain(tmp_path, {**record_of(), "asked": asked}, "--registry", "apps").status == 0


def test_a_claim_that_only_the_new_policy_names_may_be_missing(tmp_path: Path) -> None:
    asks_for_more = grant(claims={"custom_property": "x"})
    done = _explain(tmp_path, record_of(github_claims(custom_property="x")), grants=(asks_for_more,))
    assert done.status == 1
    assert "the record does not have custom_property" in _remarks(done)
    named = record_of(github_claims(custom_property="x"), found=document(asks_for_more))
    assert _explain(tmp_path, named, grants=(asks_for_more,)).status == 0


def test_cut_value_is_remarked(tmp_path: Path) -> None:
    done = _explain(tmp_path, record_of(github_claims(workflow="w" * 400)))
    assert done.status == 0
    assert "the record has only the beginning, or a token's hash, of workflow" in _remarks(done)


def test_hashed_value_is_remarked(tmp_path: Path) -> None:
    done = _explain(tmp_path, record_of(github_claims(workflow=f"v1/{'eyJhbGciOiJub25lIn0.e30.c2ln'}")))
    assert "a token's hash, of workflow" in _remarks(done)


def test_a_remark_is_printable_whatever_the_record_holds(tmp_path: Path) -> None:
    record = record_of()
    claims = record["claims"]
    assert isinstance(claims, dict)
    claims["nasty\x1b[31m\n\u202e"] = "x…[9 more]"
    policy = write_policy(tmp_path, MAIN)
    done = run("policy", "explain", policy, "--audit-line", write_json(tmp_path / "line.json", record))
    assert done.err.startswith("remark: the record has only the beginning, or a token's hash, of nasty")
    assert done.err.count("\n") == 1
    assert all(character.isprintable() or character == "\n" for character in done.err + done.out)


def test_claims_that_were_left_out_are_taken_from_the_identity(tmp_path: Path) -> None:
    record = record_of()
    record["claims"] = {"actor": "ada-mueller"}
    record["claims_left_out"] = 28
    done = _explain(tmp_path, record)
    assert (done.status, done.fields["reason"]) == (0, "granted")
    assert "28 of the token's claims are not in it" in _remarks(done)


def test_minimal_record_keeps_its_caller(tmp_path: Path) -> None:
    record = record_of()
    record |= {"claims": {}, "claims_left_out": 30, "identity": {"organization": "nordlicht"}}
    done = _explain(tmp_path, record)
    # The organization's id is not in it, so it is not one that is listed.
    assert (done.status, done.fields["reason"]) == (1, "organization-not-allowed")


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"record": "event"}, "not an audit record"),
        ({"record": None}, "not an audit record"),
        ({"verified": False}, "its token was not verified"),
        ({"issuer": "elsewhere"}, "its issuer 'elsewhere' is not in the policy"),
        ({"issuer": 7}, "is not in the policy"),
        ({"claims": []}, "claims: expected an object"),
        ({"identity": "x"}, "identity: expected an object"),
    ],
)
def test_unverified_record_cannot_be_explained(tmp_path: Path, changes: dict[str, Json], text: str) -> None:
    done = _explain(tmp_path, {**record_of(), **changes})
    assert (done.status, done.out) == (2, "")
    assert text in done.err


def test_record_of_another_issuer_is_refused(tmp_path: Path) -> None:
    # GitHub's claims, read as GitLab's: nothing was cut that could be the claims it lacks.
    done = _explain(tmp_path, record_of(), "--issuer", "gitlab")
    assert (done.status, done.fields["reason"]) == (1, "missing-claim")


def test_another_entry_may_be_named(tmp_path: Path) -> None:
    assert _explain(tmp_path, {**record_of(), "issuer": "old-name"}, "--issuer", "github").status == 0
