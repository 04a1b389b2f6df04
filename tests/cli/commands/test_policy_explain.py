"""`policy explain`: the service's decision, and all that led to it."""

import json
from pathlib import Path

import pytest

from tests.ci_claims import NOON, github_claims
from tests.cli.program import Printed, run, write_json, write_policy
from tests.docs.pages import ROOT
from tests.fake_issuer import FakeIssuer, compact
from tests.loading.documents import AUDIENCE, Document, changed, document, grant
from token_exchange.core.ports import Json

MAIN = grant(name="main", match={"branch": "main"})
RELEASE = grant(name="release", match={"branch": {"like": "release/*"}, "environment": "production"})
THEIRS = grant(name="theirs", match={"repository_id": "1", "branch": "main"})
OF_GITLAB = grant(name="of-gitlab", issuers=["gitlab"])
STOPPED: Document = {"name": "stopped", "match": {"repository_id": "900100200", "branch": {"not": "other"}}}


def _explain(
    folder: Path,
    claims: dict[str, Json] | None = None,
    *options: str,
    grants: tuple[Document, ...] = (MAIN, RELEASE, THEIRS, OF_GITLAB),
    issuer: str | None = "github",
    deny: list[Json] | None = None,
    text: bool = False,
) -> Printed:
    policy = write_policy(folder, *grants, **({} if deny is None else {"deny": deny}))
    path = write_json(folder / "claims.json", github_claims() if claims is None else claims)
    named = () if issuer is None else ("--issuer", issuer)
    form = () if text else ("--json",)
    return run("policy", "explain", policy, "--claims", path, *named, *options, *form)


def _names(printed: Printed) -> list[Json]:
    return [one["grant"] for one in printed.texts("considered")]


def test_a_granted_run(tmp_path: Path) -> None:
    done = _explain(tmp_path)
    assert done.status == 0
    fields = done.fields
    assert (fields["decision"], fields["reason"]) == ("granted", "granted")
    assert fields["registries"] == [
        {
            "name": "apps",
            "registry": "210987654321.dkr.ecr.eu-central-1.amazonaws.com",
            "grant": "main",
            "access": "pull",
            "repositories": ["base/*"],
            "also_pull": [],
            "duration": "1h",
        }
    ]
    identity = fields["identity"]
    assert isinstance(identity, dict)
    assert identity.items() >= {("issuer", "github"), ("branch", "main")}
    # The winner, then the nearest, another repository's included; one of another issuer is counted.
    assert _names(done) == ["main", "theirs", "release"]
    assert fields["considered_not_shown"] == 1
    assert done.texts("considered")[0] == {
        "grant": "main",
        "registry": "apps",
        "won": True,
        "conditions": [
            {"section": "match", "claim": "branch", "expected": ["main"], "holds": True, "found": "main"},
        ],
        "failed": [],
    }


def test_a_denied_run_is_shown_condition_by_condition(tmp_path: Path) -> None:
    done = _explain(tmp_path, github_claims(ref="refs/heads/release/1"))
    assert done.status == 1
    assert done.fields["reason"] == "no-matching-grant"
    assert _names(done) == ["main", "release", "theirs"]
    release = done.texts("considered")[1]
    assert release["conditions"] == [
        {
            "section": "match",
            "claim": "branch",
            "expected": {"like": ["release/*"]},
            "holds": True,
            "found": "release/1",
        },
        {"section": "match", "claim": "environment", "expected": ["production"], "holds": False},
    ]
    assert release["failed"] == [{"claim": "environment", "expected": ["production"]}]


def test_text_output_shows_why_the_nearest_failed(tmp_path: Path) -> None:
    done = _explain(tmp_path, github_claims(ref="refs/heads/x"), text=True)
    assert done.status == 1
    first, second, *rest = done.out.splitlines()
    assert first == "denied: no-matching-grant"
    assert second == "  no grant allows this: 'main' wants branch main, the token has x"
    assert '  fails branch: expected ["main"], found "x"' in rest
    assert '  fails environment: expected ["production"], found none' in rest
    assert "not asked about: 1 of other issuers, registries or names" in rest


def test_text_output_shows_also_pull_and_token_refusal(tmp_path: Path) -> None:
    pushes = grant(name="pushes", access="push", repositories=["ci/{repository}"], also_pull=["base/*", "tools/*"])
    assert "    pull only base/*, tools/*" in _explain(tmp_path, text=True, grants=(pushes,)).out.splitlines()
    refused = _explain(tmp_path, github_claims(repository_id=None), text=True)
    assert refused.status == 1
    assert refused.out == ("denied: missing-claim\n  claim repository_id: missing; every job's token has it\n")


def test_text_output_shows_the_login(tmp_path: Path) -> None:
    done = _explain(tmp_path, text=True, grants=(MAIN, grant(name="second", match={"branch": "main"})))
    assert done.out.splitlines()[:4] == [
        "granted",
        "  apps: pull by the grant main",
        "    210987654321.dkr.ecr.eu-central-1.amazonaws.com, for 1h",
        "    repositories base/*",
    ]
    assert "grant main (pull apps) wins" in done.out
    assert "holds, but another grant comes first for this registry" in done.out


def test_text_shows_the_nearest_and_json_all_grants(tmp_path: Path) -> None:
    many = tuple(grant(name=f"g{number}", match={"branch": "x"}) for number in range(50))
    done = _explain(tmp_path, grants=many, text=True)
    assert done.out.count("grant g") == 20
    assert "further away: 30 more, which --json shows" in done.out
    assert len(_names(_explain(tmp_path, grants=many))) == 50


@pytest.mark.parametrize("text", [True, False])
def test_a_deny_rule_is_named_with_its_conditions(tmp_path: Path, text: bool) -> None:  # noqa: FBT001 - a table's column
    done = _explain(tmp_path, deny=[STOPPED], text=text)
    assert done.status == 1
    if text:
        assert "the deny rule is stopped" in done.out
        assert 'holds repository_id: expected ["900100200"], found "900100200"' in done.out
        return
    rule = done.fields["deny_rule"]
    assert isinstance(rule, dict)
    assert rule["name"] == "stopped"
    assert isinstance(rule["conditions"], list)
    assert len(rule["conditions"]) == 2


def test_unlisted_organization_shows_the_allowlist(tmp_path: Path) -> None:
    done = _explain(tmp_path, github_claims(repository_owner="other"), text=True)
    assert done.out.splitlines()[0] == "denied: organization-not-allowed"
    assert 'listed: name "nordlicht" and id "4400117"' in done.out


def test_untrusted_trigger_shows_what_to_allow(tmp_path: Path) -> None:
    claims = github_claims(event_name="pull_request_target")
    assert _explain(tmp_path, claims).fields["untrusted_trigger"] == "event pull_request_target"
    done = _explain(tmp_path, claims, text=True)
    assert "denied: untrusted-trigger" in done.out
    assert 'fails allow_untrusted_triggers: expected true, found "event pull_request_target"' in done.out


def test_report_mode_is_shown(tmp_path: Path) -> None:
    trial = grant(name="trial", mode="report")
    assert [would["grant"] for would in _explain(tmp_path, grants=(trial,)).texts("would")] == ["trial"]
    assert "in report mode: trial would have granted pull" in _explain(tmp_path, grants=(trial,), text=True).out


@pytest.mark.parametrize(
    ("options", "status", "reason"),
    [
        (["--registry", "apps"], 0, "granted"),
        (["--registry", "base"], 1, "no-matching-grant"),
        (["--registry", "apps", "--registry", "base"], 1, "no-matching-grant"),
        (["--registry", "elsewhere"], 1, "unknown-registry"),
        (["--grant", "main"], 0, "granted"),
        (["--grant", "release"], 1, "no-matching-grant"),
        (["--grant", "nobodys"], 1, "unknown-grant"),
        (["--scope", "repository:base/x:pull"], 0, "granted"),
        (["--scope", "repository:base/x:push"], 1, "scope-exceeds-grant"),
    ],
)
def test_request_is_part_of_the_case(tmp_path: Path, options: list[str], status: int, reason: str) -> None:
    done = _explain(tmp_path, None, *options)
    assert (done.status, done.fields["reason"]) == (status, reason)


@pytest.mark.parametrize(
    "options",
    [
        ["--scope", "base/x:pull"],
        ["--scope", ""],
        [part for number in range(11) for part in ("--registry", f"r{number}")],
        ["--audit-line", "x"],
        ["--token", "x"],
    ],
)
def test_contradictory_options_are_wrong_usage(tmp_path: Path, options: list[str]) -> None:
    done = _explain(tmp_path, None, *options)
    assert (done.status, done.out) == (2, "")


def test_a_misspelt_name_of_the_policy_has_a_remark() -> None:
    asked = (
        "policy",
        "explain",
        ROOT / "docs/examples" / "policy.yaml",
        "--claims",
        ROOT / "docs/examples" / "claims.json",
        "--issuer",
        "github",
    )
    done = run(*asked, "--registry", "app", "--grant", "own-image")
    assert done.status == 1
    assert "remark: the policy has no registry app; did you mean apps?" in done.err
    assert "remark: the policy has no grant own-image; did you mean own-images?" in done.err
    assert "remark" not in run(*asked, "--registry", "apps", "--grant", "own-images").err


def test_exactly_one_input_is_required(tmp_path: Path) -> None:
    done = run("policy", "explain", write_policy(tmp_path))
    assert done.status == 2
    assert "exactly one of --token, --claims and --audit-line" in done.err


def test_invalid_policy_lists_every_problem(tmp_path: Path) -> None:
    policy = write_policy(tmp_path, grant(access="write"), grant(registry="nowhere"))
    claims = write_json(tmp_path / "claims.json", github_claims())
    done = run("policy", "explain", policy, "--claims", claims)
    assert (done.status, done.out) == (2, "")
    assert f"{policy}: grants[0].access: expected pull or push" in done.err
    assert f"{policy}: grants[1].registry: " in done.err


def test_a_policy_finds_the_files_beside_it(tmp_path: Path) -> None:
    (tmp_path / "policy").mkdir()
    (tmp_path / "policy" / "keys.json").write_bytes(FakeIssuer().key_set())
    policy = write_policy(
        tmp_path / "policy",
        issuers={
            "github": {
                "provider": "github-actions",
                "audience": AUDIENCE,
                "jwks_file": "keys.json",
                "organizations": [{"name": "nordlicht"}],
            }
        },
    )
    claims = write_json(tmp_path / "claims.json", github_claims())
    assert run("policy", "explain", policy, "--claims", claims).status == 0


def _token(claims: dict[str, Json], **header: Json) -> str:
    fields = {"alg": "RS256", "kid": "k", **header}
    return compact(json.dumps(fields).encode(), json.dumps(claims).encode(), b"nobody's signature at all")


def _explain_token(folder: Path, token: str, *options: str) -> Printed:
    path = folder / "token.jwt"
    path.write_text(f"\n  {token}\n")
    done = run("policy", "explain", write_policy(folder, MAIN), "--token", path, *options)
    # Never the token, nor any part of it by which it could be put together.
    assert not any(part in done.out + done.err for part in token.split("."))
    return done


def test_token_selects_its_entry_unverified(tmp_path: Path) -> None:
    done = _explain_token(tmp_path, _token(github_claims(exp=4_000_000_000, iat=3_999_999_000, nbf=None)))
    assert done.status == 0
    assert "the token is unverified: its signature was not checked" in done.err
    remarks = _explain_token(tmp_path, _token(github_claims()), "--json").fields["remarks"]
    assert isinstance(remarks, list)
    assert "the token is unverified: its signature was not checked" in str(remarks[0])


def test_expired_token_is_explained_with_a_remark(tmp_path: Path) -> None:
    old = github_claims(exp=1_000_000_300, iat=1_000_000_000, nbf=None)
    new = github_claims(exp=4_000_000_300, iat=4_000_000_000, nbf=4_000_000_010)
    for claims, reason in ((old, "expired"), (new, "not-yet-valid")):
        done = _explain_token(tmp_path, _token(claims), "--json")
        assert (done.status, done.fields["reason"]) == (0, "granted")
        assert f"the service would refuse it with {reason}" in str(done.fields["remarks"])


@pytest.mark.parametrize(
    ("changes", "header", "reason"),
    [
        ({"iss": "https://elsewhere.example"}, {}, "unknown-issuer"),
        ({"aud": "https://elsewhere.example"}, {}, "wrong-audience"),
        ({"aud": [AUDIENCE, "https://elsewhere.example"]}, {}, "wrong-audience"),
        ({}, {"alg": "ES256"}, "unsupported-algorithm"),
        ({}, {"alg": "none"}, "unsupported-algorithm"),
        ({}, {"jku": "https://elsewhere.example"}, "malformed-token"),
        ({"exp": None}, {}, "missing-claim"),
        ({"exp": "soon"}, {}, "invalid-claim"),
        ({"sub": ""}, {}, "invalid-claim"),
        ({"exp": int(NOON) + 86400}, {}, "lifetime-too-long"),
        # Expired, and never good: that it never was is what counts.
        ({"iat": 1_000_000_000, "exp": 1_000_086_400, "nbf": None}, {}, "lifetime-too-long"),
        ({"repository_id": None}, {}, "missing-claim"),
        ({"actor": 7}, {}, "invalid-claim"),
    ],
)
def test_refusal_of_a_token_is_shown(
    tmp_path: Path, changes: dict[str, Json], header: dict[str, str], reason: str
) -> None:
    done = _explain_token(tmp_path, _token(github_claims(**changes), **header), "--json")
    assert (done.status, done.fields["decision"], done.fields["reason"]) == (1, "denied", reason)
    assert done.fields["registries"] == []
    assert "identity" not in done.fields


def test_token_is_checked_against_the_named_issuer(tmp_path: Path) -> None:
    token = _token(github_claims())
    assert _explain_token(tmp_path, token, "--issuer", "github").status == 0
    assert _explain_token(tmp_path, token, "--issuer", "gitlab", "--json").fields["reason"] == "unknown-issuer"
    assert _explain_token(tmp_path, token, "--issuer", "nobody").status == 2


def test_a_stored_login_is_explained_as_without_bounds(tmp_path: Path) -> None:
    stored: Document = {"name": "stored", "issuers": ["github"], "registry": "hub", "match": {"branch": "main"}}
    hub: Json = {
        "type": "secret",
        "host": "docker.io",
        "secret_arn": "arn:aws:secretsmanager:eu-central-1:210987654321:secret:hub-a1B2c3",
    }
    policy = write_json(tmp_path / "policy.json", changed(document(MAIN, stored), "registries.hub", hub))
    claims = write_json(tmp_path / "claims.json", github_claims())
    done = run("policy", "explain", policy, "--claims", claims, "--issuer", "github", "--registry", "hub")
    assert done.status == 0, done.err
    assert "hub: a stored login by the grant stored" in done.out
    assert "docker.io, as it is stored, without limits" in done.out


def test_a_login_to_ecr_public_for_pull_has_no_repositories(tmp_path: Path) -> None:
    public = grant(name="public", registry="public", repositories=None, match={"branch": "main"})
    policy = write_json(
        tmp_path / "policy.json", changed(document(public), "registries.public", {"type": "ecr-public"})
    )
    claims = write_json(tmp_path / "claims.json", github_claims())
    done = run("policy", "explain", policy, "--claims", claims, "--issuer", "github", "--registry", "public")
    assert done.status == 0, done.err
    granted = done.out.partition("\n\n")[0]
    assert "public: pull by the grant public" in granted
    assert "public.ecr.aws, for 1h" in granted
    assert "repositories" not in granted
