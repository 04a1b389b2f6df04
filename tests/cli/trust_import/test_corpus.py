"""Trust policies as people publish them: who gets in once they are imported, and what is said of each."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.providers import all_providers
from tests.ci_claims import NOON
from tests.cli.trust_import.aws_keys import keys_of
from tests.cli.trust_import.corpus import CORPUS, STS, Case
from tests.cli.trust_import.trusts import AUDIENCE, admits, grants_of, iam_admits, imported
from tests.docs.pages import code_in, page
from tests.loading.documents import Document, load
from token_exchange.core.ports import Json
from token_exchange_cli.trust_import.condition_keys import has_key

PROVIDERS = all_providers()
NAMES = sorted(CORPUS)
IMPORTED = [name for name in NAMES if CORPUS[name].status == 0]
FILLERS = ("x", "acme", "a/b:c", "globex/evil:ref:refs/heads/main", "prod}:{x")


def scenario(case: Case, name: str) -> dict[str, Json]:
    """Return the claims of a job of the sandbox, as the issuer of `case` signs them."""
    claims = PROVIDERS[case.provider].claims(f"https://{case.address}", scenario=name, changes={})
    given = {claim: value for claim, value in claims.items() if value is not None}
    return {**given, "aud": AUDIENCE, "iat": int(NOON), "exp": int(NOON) + 300}


def tokens(case: Case) -> Iterator[dict[str, Json]]:
    """Yield claims of jobs at and around what `case` asks for."""
    subjects = [filled for pattern in _subjects(case.document) for filled in _filled(pattern)]
    for name in PROVIDERS[case.provider].scenarios:
        claims = scenario(case, name)
        yield claims
        yield {**claims, "aud": STS}
        for subject in subjects:
            yield {**claims, "sub": subject}
        for claim in claims.keys() - {"iss", "aud", "iat", "exp"}:
            yield {key: value for key, value in claims.items() if key != claim}
            for other in ("", "elsewhere", f"{claims[claim]}x"):
                yield {**claims, claim: other}


def _subjects(found: Json) -> Iterator[str]:
    match found:
        case dict():
            for key, value in found.items():
                if key.endswith(":sub"):
                    yield from (
                        text for text in (value if isinstance(value, list) else [value]) if isinstance(text, str)
                    )
                else:
                    yield from _subjects(value)
        case list():
            for value in found:
                yield from _subjects(value)
        case _:
            pass


def _filled(pattern: str) -> Iterator[str]:
    yield pattern
    for filler in FILLERS:
        text = pattern.replace("*", filler)
        yield from (text, f"{text}x", f"x{text}", text.upper())


def with_every_organization(policy: Document) -> Document:
    """Return the policy as filled in as widely as it can be: any organization, outsiders' runs."""
    issuers = policy["issuers"]
    assert isinstance(issuers, dict)
    for entry in issuers.values():
        assert isinstance(entry, dict)
        organizations = entry["organizations"]
        assert isinstance(organizations, list)
        key = "id" if entry["provider"] in {"circleci", "azure-devops"} else "name"
        if entry["audience"] == "https://replace-me.invalid":
            entry["audience"] = [AUDIENCE, STS]
        every: list[Json] = [{key: name} for name in ("acme", "acme-builds", "globex", "stranger", "shop-ci")]
        entry["organizations"] = [*organizations, *every]
    for grant in grants_of(policy):
        grant["allow_untrusted_triggers"] = True
    return policy


@pytest.mark.parametrize("name", NAMES)
def test_corpus_policy_is_imported_or_refused_with_remarks(tmp_path: Path, name: str) -> None:
    case = CORPUS[name]
    done = imported(tmp_path, case.document)
    assert done.status == case.status, done.err
    for said in case.remarks:
        assert said in done.err


@pytest.mark.parametrize("name", IMPORTED)
def test_corpus_policy_admits_exactly_the_intended_jobs(tmp_path: Path, name: str) -> None:
    case = CORPUS[name]
    policy = imported(tmp_path, case.document, "--json").fields
    grants = grants_of(policy)
    assert all((grant.get("mode") == "report") is case.report_only for grant in grants)
    let_in = {one for one in PROVIDERS[case.provider].scenarios if admits(policy, scenario(case, one))}
    assert let_in == case.gets_in


@pytest.mark.parametrize("name", IMPORTED)
def test_an_import_admits_no_token_that_iam_refuses(tmp_path: Path, name: str) -> None:
    case = CORPUS[name]
    policy = load(with_every_organization(imported(tmp_path, case.document, "--json").fields))
    for claims in tokens(case):
        if admits(policy, claims):
            assert iam_admits(case.document, claims, address=case.address), claims


@pytest.mark.parametrize("name", [name for name in IMPORTED if CORPUS[name].report_only])
def test_no_one_can_assume_a_role_imported_for_report_only(name: str) -> None:
    case = CORPUS[name]
    assert not any(iam_admits(case.document, claims, address=case.address) for claims in tokens(case))


def test_documented_condition_keys_match() -> None:
    issuers = {first: set(code_in(keys)) for first, keys in page("docs/cli.md").table("`policy import`")}
    assert list(issuers.values()) == [keys_of(address) - COMMON for address in ADDRESSES]
    every = set().union(*issuers.values())
    for address in ADDRESSES:
        assert {claim for claim in every if has_key(address, claim)} == keys_of(address) - COMMON
        assert all(has_key(address, claim) for claim in COMMON)
        assert not has_key(address, "iss")


COMMON = frozenset({"amr", "aud", "sub"})
ADDRESSES = (
    "token.actions.githubusercontent.com",
    "gitlab.com",
    "agent.buildkite.com",
    "oidc.circleci.com/org/84b1f7e2-60c9-4d35-9a1e-2f7c05d8b463",
    "accounts.google.com",
    "gitlab.acme.example",
)
"""In the order of the page."""


@pytest.mark.parametrize(
    ("address", "is_theirs"),
    [
        ("token.actions.githubusercontent.com/acme", True),
        ("token.actions.acme.ghe.com", True),
        ("git.acme.example/_services/token", False),
        ("token.actions.githubusercontent.com.evil.example", False),
        ("oidc.circleci.com", False),
    ],
)
def test_condition_keys_match_the_exact_issuer(address: str, *, is_theirs: bool) -> None:
    assert has_key(address, "repository") is is_theirs
    assert not has_key(address, "oidc.circleci.com/project-id")
