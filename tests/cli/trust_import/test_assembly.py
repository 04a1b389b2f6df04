"""Several trust policies in one import, and what a person does with what it prints."""

import json
from pathlib import Path

import pytest
import yaml

from tests.ci_claims import github_claims
from tests.cli.program import Printed, run
from tests.cli.trust_import.corpus import CORPUS, STS
from tests.cli.trust_import.trusts import AUDIENCE, GITHUB, admits, grants_of, imported, policy_of, statement, trust
from tests.loading.documents import Document, load
from token_exchange.core.ports import Json

MAIN = "repo:nordlicht/kompass:ref:refs/heads/main"
WEB = "repo:nordlicht/web:ref:refs/heads/main"


def github(sub: str, *audiences: str, account: str = "210987654321", **claims: Json) -> Document:
    keys: dict[str, Json] = {f"{GITHUB}:sub": sub, **{f"{GITHUB}:{claim}": value for claim, value in claims.items()}}
    if audiences:
        keys[f"{GITHUB}:aud"] = [*audiences]
    federated: Json = {"Federated": f"arn:aws:iam::{account}:oidc-provider/{GITHUB}"}
    return trust(statement({"StringEquals": keys}, Principal=federated))


def import_all(folder: Path, *documents: Document, options: tuple[str, ...] = ("--json",)) -> Printed:
    paths = [folder / f"role-{number}.json" for number in range(len(documents))]
    for path, document in zip(paths, documents, strict=True):
        path.write_text(json.dumps(document))
    return run("policy", "import", *paths, *options)


def entries(policy: Document) -> dict[str, Document]:
    issuers = policy["issuers"]
    assert isinstance(issuers, dict)
    return {name: entry for name, entry in issuers.items() if isinstance(entry, dict)}


def test_role_without_audience_gets_those_of_others(tmp_path: Path) -> None:
    done = import_all(tmp_path, github(MAIN), github(WEB, STS))
    (entry,) = entries(done.fields).values()
    assert entry["audience"] == STS
    assert "accept any audience: their grants accept sts.amazonaws.com" in done.err
    claims = github_claims(aud=STS)
    assert admits(done.fields, claims)


def test_audiences_of_the_same_account_go_before_those_of_others(tmp_path: Path) -> None:
    other = github(WEB, "https://other.example", account="111122223333")
    policy = import_all(tmp_path, github(MAIN), github(WEB, AUDIENCE), other).fields
    (issuers,) = [grant["issuers"] for grant in grants_of(policy) if grant["name"] == "role-0"]
    assert isinstance(issuers, list)
    assert [entries(policy)[str(name)]["audience"] for name in issuers] == [AUDIENCE]


def test_another_accounts_audience_leaves_one_entry_to_fill_in(tmp_path: Path) -> None:
    policy = import_all(tmp_path, github(MAIN), github(WEB, STS, account="111122223333")).fields
    assert [entry["audience"] for entry in entries(policy).values()] == [STS]


@pytest.mark.parametrize("audience", [STS, AUDIENCE])
def test_replaced_audience_placeholder_loads(tmp_path: Path, audience: str) -> None:
    done = import_all(tmp_path, github(MAIN), github(WEB), options=())
    assert "names an audience: replace https://replace-me.invalid with the one" in done.err
    filled = yaml.safe_load(done.out.replace("https://replace-me.invalid", audience))
    assert admits(filled, github_claims(aud=audience))


def test_unreadable_file_does_not_stop_the_import(tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text("{ # a comment\n}")
    (tmp_path / "good.json").write_text(json.dumps(github(MAIN, AUDIENCE)))
    done = run("policy", "import", tmp_path / "broken.json", tmp_path / "good.json", "--json")
    assert done.status == 2
    assert [grant["name"] for grant in grants_of(done.fields)] == ["good"]
    *_, named, counted = done.err.splitlines()
    assert "broken.json:1:3:" in named
    assert counted == "of 2 files 1 could not be read; the policy above covers the others"


def test_a_repeated_remark_is_one_with_its_places(tmp_path: Path) -> None:
    done = import_all(tmp_path, *(github(MAIN, STS) for _ in range(5)))
    (line,) = [line for line in done.err.splitlines() if "other services also accept sts.amazonaws.com" in line]
    assert line.count("role-") == 3
    assert "and 2 more places: other services also accept" in line


def test_a_single_statement_is_a_trust_policy(tmp_path: Path) -> None:
    whole = github(MAIN, AUDIENCE)
    statements = whole["Statement"]
    assert isinstance(statements, list)
    assert policy_of(tmp_path, statements[0]) == policy_of(tmp_path, whole)


def test_id_in_trust_policy_is_added_to_organization(tmp_path: Path) -> None:
    done = imported(tmp_path, github(MAIN, AUDIENCE, repository_owner_id="4400117"), "--json")
    (entry,) = entries(done.fields).values()
    assert entry["organizations"] == [{"name": "nordlicht", "id": "4400117"}]
    assert admits(done.fields, github_claims())


def test_an_id_in_one_trust_policy_is_for_the_name_in_all(tmp_path: Path) -> None:
    done = import_all(tmp_path, github(MAIN, AUDIENCE, repository_owner_id="4400117"), github(WEB, AUDIENCE))
    (entry,) = entries(done.fields).values()
    assert entry["organizations"] == [{"name": "nordlicht", "id": "4400117"}]
    assert "organization nordlicht has the id 4400117 in one trust policy" in done.err


DENIED: dict[str, Json] = {f"{GITHUB}:iss": [f"https://{GITHUB}"], f"{GITHUB}:aud": [AUDIENCE]}


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        # no token of the provider has another issuer
        ({"ForAnyValue:StringNotEquals": DENIED}, 0),
        # without the quantifier it holds for every token that has another audience: AWS has no key iss
        ({"StringNotEquals": DENIED}, 1),
        ({"ForAnyValue:StringNotEquals": {f"{GITHUB}:iss": ["https://gitlab.com"]}}, 1),
        ({"ForAnyValue:StringEquals": {f"{GITHUB}:event_name": "pull_request"}}, 1),
    ],
)
def test_a_deny_counts_unless_no_token_can_meet_it(tmp_path: Path, condition: Json, status: int) -> None:
    allow = github(MAIN, AUDIENCE)["Statement"]
    assert isinstance(allow, list)
    assert imported(tmp_path, trust(*allow, statement(condition, Effect="Deny"))).status == status


def test_jenkins_is_known_by_its_subjects_in_any_file(tmp_path: Path) -> None:
    everyone = trust(
        statement({"StringEquals": {"jenkins.acme.example/oidc:aud": AUDIENCE}}, address="jenkins.acme.example/oidc")
    )
    policy = import_all(tmp_path, everyone, CORPUS["jenkins_every_job"].document).fields
    assert [entry["provider"] for entry in entries(policy).values()] == ["jenkins"]


def test_the_whole_corpus_is_one_policy_that_loads(tmp_path: Path) -> None:
    done = import_all(tmp_path, *(case.document for case in CORPUS.values()))
    assert done.status == 0, done.err
    load(done.fields)
