"""Deciding a past exchange again: what its record does not tell is never guessed."""

from collections.abc import Mapping

import pytest

from tests.attempts import record_of_caller
from tests.ci_claims import github_claims
from tests.ci_jobs import job_claims
from tests.cli.commands.test_policy_diff import OLD, line
from tests.loading.documents import AUDIENCE, Document, changed, document, grant, load
from token_exchange.core.evaluate import caller_of
from token_exchange.core.policy import Policy
from token_exchange.core.ports import Json
from token_exchange_cli.replay.replay import Difference, Replay

_ASKS = grant(name="asks", claims={"unheard_of": "x"}, match={"branch": "main"})
_TIME = "2027-01-15T12:00:00.000+00:00"


def replayed(old: Document, new: Document, *records: Mapping[str, Json]) -> tuple[Replay, list[Difference | None]]:
    replay = Replay(load(old), load(new))
    return replay, [replay.difference(number, record) for number, record in enumerate(records, 1)]


def recorded(policy: Policy, issuer: str, claims: Mapping[str, Json], **changes: Json) -> dict[str, Json]:
    """Return the record of a refused run, whose claims are those of `claims` that the service names."""
    record = record_of_caller(policy, caller_of(policy.issuers[issuer], claims, now=0.0))
    refused: dict[str, Json] = {"decision": "denied", "reason": "no-matching-grant", "status": 403, "timestamp": _TIME}
    return {**record.render(), **refused, **changes}


def _of(record: Mapping[str, Json], *, without: tuple[str, ...] = (), **claims: Json) -> dict[str, Json]:
    """Return `record` with other claims, and some of them left out as of one that grew too long."""
    found = record["claims"]
    assert isinstance(found, dict)
    kept = {name: value for name, value in {**found, **claims}.items() if name not in without}
    return {**record, "claims": kept, **({"claims_left_out": len(without)} if without else {})}


# ----------------------------------------------------------------------------------- what only the new policy asks for


@pytest.mark.parametrize(
    ("grants", "ref", "is_told"),
    [
        # it would win, if the claim were there
        ([_ASKS], "refs/heads/main", False),
        # it would not, whatever the claim was
        ([_ASKS], "refs/heads/x", True),
        # another wins before it, and answers for the registry
        ([grant(), _ASKS], "refs/heads/main", True),
        ([_ASKS, grant()], "refs/heads/main", False),
        ([grant(registry="base"), _ASKS], "refs/heads/main", False),
        # it grants nothing anyway
        ([{**_ASKS, "mode": "report"}], "refs/heads/main", True),
        ([{**_ASKS, "expires": "2026-01-01"}], "refs/heads/main", True),
        # that the claim is absent is nothing that the record tells
        ([grant(claims={"unheard_of": {"exists": False}})], "refs/heads/main", False),
    ],
)
def test_grant_needing_a_missing_claim_is_undecidable(grants: list[Document], ref: str, is_told: bool) -> None:  # noqa: FBT001 - a table's column
    old = document(grant(match={"branch": "elsewhere"}))
    record = recorded(load(old), "github", github_claims(ref=ref))
    replay, _ = replayed(old, document(*grants), record)
    assert replay.tally.looked_at == int(is_told)
    if not is_told:
        (why,) = replay.tally.undecidable
        assert "needs unheard_of" in why


@pytest.mark.parametrize(
    ("match", "is_told"),
    [
        ({"unheard_of": "x"}, False),
        ({"unheard_of": {"exists": False}}, False),
    ],
)
def test_deny_rule_needing_a_missing_claim_is_undecidable(match: Document, is_told: bool) -> None:  # noqa: FBT001 - a table's column
    old = document(grant(match={"branch": "elsewhere"}))
    rules: Json = [{"name": "stop", "issuers": ["github"], "claims": match}]
    replay, _ = replayed(old, document(grant(), deny=rules), recorded(load(old), "github", github_claims()))
    assert bool(replay.tally.looked_at) is is_told


def test_certain_refusal_ignores_missing_claims() -> None:
    old = document(grant(match={"branch": "elsewhere"}))
    rules: Json = [
        {"name": "first", "issuers": ["github"], "claims": {"unheard_of": "x"}},
        {"name": "second", "match": {"branch": "main"}},
    ]
    replay, _ = replayed(old, document(grant(), deny=rules), recorded(load(old), "github", github_claims()))
    assert replay.tally.looked_at == 1


def test_claim_named_by_the_old_policy_was_absent() -> None:
    old = document(_ASKS)
    _, (found,) = replayed(old, document(grant()), recorded(load(old), "github", github_claims()))
    assert found is not None
    assert (found.before, found.after) == ("denied", "granted")
    # If the policy is not at hand, it is not known which claims it named.
    replay, _ = replayed(old, old, recorded(load(old), "github", github_claims(), policy_sha256="0" * 64))
    assert replay.tally.looked_at == 0


# ------------------------------------------------------------------------------------------------ records that were cut


def test_hashed_claim_is_unknown() -> None:
    token = "eyJhbGciOiJub25lIn0.e30.c2ln"
    old, new = document(grant(match={"branch": "x"})), document(grant(claims={"head_ref": token}))
    record = recorded(load(old), "github", github_claims(head_ref=token))
    assert token not in str(record)
    replay, _ = replayed(old, new, record)
    assert replay.tally.looked_at == 0
    (why,) = replay.tally.undecidable
    assert "needs head_ref" in why


def test_untrusted_trigger_is_not_guessed() -> None:
    issuers: Json = {
        "codefresh": {
            "provider": "codefresh",
            "audience": AUDIENCE,
            "organizations": [{"id": "64d2f8b10c3e5a7961b4e0d8"}],
        }
    }
    old = document(grant(issuers=["codefresh"], match={"ref": "elsewhere"}), issuers=issuers)
    new = document(grant(issuers=["codefresh"]), issuers=issuers)
    whole = recorded(load(old), "codefresh", {**job_claims("codefresh"), "aud": AUDIENCE})
    replay, (found,) = replayed(old, new, whole)
    assert (replay.tally.looked_at, found is not None) == (1, True)
    # Of a run for a pull request this claim would be there, and may be what was left out.
    replay, (found,) = replayed(old, new, _of(whole, without=("workflow_id",)))
    assert (replay.tally.looked_at, found) == (0, None)
    assert list(replay.tally.undecidable) == ["the claim scm_pull_request_target_branch"]


def test_cut_record_keeps_the_identity() -> None:
    old, new = document(grant(match={"branch": "elsewhere"})), document(grant(match={"branch": "main"}))
    whole = recorded(load(old), "github", github_claims())
    names = ("ref_type", "repository_owner", "repository_owner_id", "sub", "workflow_ref")
    _, found = replayed(old, new, whole, _of(whole, without=names))
    assert [one is not None and (one.before, one.after) for one in found] == [("denied", "granted")] * 2


@pytest.mark.parametrize(
    ("match", "is_told"), [({"ref": {"like": "refs/heads/x*"}}, False), ({"environment": "production"}, True)]
)
def test_a_condition_on_a_value_that_was_cut_decides_nothing(match: Document, is_told: bool) -> None:  # noqa: FBT001 - a table's column
    old = document(grant(match={"environment": "elsewhere"}))
    record = recorded(load(old), "github", github_claims(ref=f"refs/heads/{'x' * 300}"))
    replay, _ = replayed(old, document(grant(match=match)), record)
    assert bool(replay.tally.looked_at) is is_told


def test_name_from_another_claim_is_not_reused() -> None:
    own = "issuers.own.claims.branch"
    old = document(grant(issuers=["own"], match={"branch": "elsewhere"}))
    new = changed(document(grant(issuers=["own"], match={"branch": "main"})), own, "head")
    claims: dict[str, Json] = {"tenant": "nordlicht", "project": "p", "git": {"branch": "main"}, "project_id": "7"}
    claims |= {"aud": AUDIENCE, "sub": "s", "iat": 1, "exp": 2}
    replay, (found,) = replayed(old, new, recorded(load(old), "own", claims))
    assert (replay.tally.looked_at, found) == (0, None)
    assert list(replay.tally.undecidable) == ["the claim head"]


# ----------------------------------------------------------------------------------------------- what the line itself


def test_token_too_long_lived_for_new_is_refused() -> None:
    _, (found,) = replayed(OLD, changed(OLD, "issuers.github.max_lifetime", "1m"), line())
    assert found is not None
    assert (found.after, found.why.split(":")[0]) == ("denied", "lifetime-too-long")


def test_lines_that_old_contradicts_are_counted() -> None:
    dev = line(github_claims(ref="refs/heads/dev"))
    replay, found = replayed(OLD, OLD, line(), dev)
    assert replay.tally.old_differs == 1
    assert found[0] is None
    assert found[1] is not None
    assert found[1].why.endswith("the old policy decides the same")


def test_considered_registries_bound_the_assumed_request() -> None:
    old = document(
        grant(name="main", match={"branch": "main"}), grant(name="other", registry="base", match={"branch": "x"})
    )
    new = changed(old, "grants[1].match.branch", "main")
    given = line(considered=[{"grant": "main"}])
    # Nothing of another registry was looked at: that one alone was asked for.
    _, (found,) = replayed(old, new, given)
    assert found is None
    failed: Json = [{"grant": "main"}, {"grant": "other", "failed": [{"claim": "branch", "expected": ["x"]}]}]
    _, (found,) = replayed(old, new, line(considered=failed))
    assert found is not None
    assert "other gives base" in found.why


def test_an_older_lines_request_follows_from_its_result() -> None:
    old = document(grant(name="main", match={"branch": "main"}))
    given = line()["grants"]
    assert isinstance(given, list)
    assert isinstance(given[0], dict)
    scoped = line(grants=[{**given[0], "scope": "repository:base/x:pull"}])
    for repository, is_told in (("base/x", False), ("base/y", True)):
        replay, (found,) = replayed(old, changed(old, "grants[0].repositories", [repository]), scoped)
        assert (replay.tally.looked_at, replay.tally.old_differs) == (1, 0)
        assert (found is not None) is is_told


def test_a_stored_login_is_replayed() -> None:
    hub: Json = {
        "type": "secret",
        "host": "docker.io",
        "secret_arn": "arn:aws:secretsmanager:eu-central-1:210987654321:secret:hub-a1B2c3",
    }
    stored: Document = {"name": "stored", "issuers": ["github"], "registry": "hub", "match": {"branch": "dev"}}
    old = changed(document(stored), "registries.hub", hub)
    refused = recorded(load(old), "github", github_claims())
    assert replayed(old, old, refused)[1] == [None]
    _, (found,) = replayed(old, changed(old, "grants[0].match.branch", "main"), refused)
    assert found is not None
    assert (found.before, found.after) == ("denied", "granted")


def test_shortened_line_is_decided_where_possible() -> None:
    old, new = document(grant(match={"branch": "elsewhere"})), document(grant(match={"branch": "main"}))
    whole = recorded(load(old), "github", github_claims())
    names = ("record", "verified", "decision", "reason", "request_id", "timestamp", "issuer", "issuer_url", "identity")
    short = {name: whole[name] for name in names}
    _, (found,) = replayed(old, new, short)
    assert found is not None
    assert (found.before, found.after) == ("denied", "granted")
    replay, _ = replayed(old, document(grant(claims={"ref": "refs/heads/main"})), {**short, "identity": {}})
    assert (replay.tally.looked_at, replay.tally.skipped["undecidable"]) == (0, 1)


@pytest.mark.parametrize("reason", ["expired", "not-yet-valid", "lifetime-too-long"])
def test_token_outside_its_lifetime_is_skipped(reason: str) -> None:
    old, new = document(grant(match={"branch": "elsewhere"})), document(grant(match={"branch": "main"}))
    refused = recorded(load(old), "github", github_claims(), decision="rejected", reason=reason, status=401)
    replay, (found,) = replayed(old, new, refused)
    assert (found, replay.tally.looked_at, replay.tally.skipped["unverified"]) == (None, 0, 1)


# --------------------------------------------------------------------------------------------- what was asked for


_TWO = document(grant(), grant(name="tools", registry="base", repositories=["tools/*"]))


def _asking(**asked: Json) -> dict[str, Json]:
    return {**recorded(load(_TWO), "github", github_claims()), "asked": {"one_login": False, "format": "json", **asked}}


@pytest.mark.parametrize(
    ("asked", "after"),
    [
        # what was given is not needed to know what was asked for
        ({}, {"apps", "base"}),
        ({"registries": ["apps"]}, {"apps"}),
        ({"grant": "tools"}, {"base"}),
        ({"registries": ["base"], "scope": "repository:tools/go:pull"}, {"base"}),
        # a format for one login refuses two
        ({"one_login": True, "format": "password"}, set()),
        ({"registries": ["nowhere"]}, set()),
    ],
)
def test_a_line_is_decided_by_its_recorded_request(asked: dict[str, Json], after: set[str]) -> None:
    record = _asking(**asked)
    replay, (difference,) = replayed(_TWO, _TWO, record)
    assert (replay.tally.looked_at, replay.tally.undecidable) == (1, {})
    if not after:
        assert difference is None
        return
    assert difference is not None
    assert difference.after == "granted"
    assert {part.split(" ")[2].rstrip(":") for part in difference.why.split("; ") if " gives " in part} == after


def test_a_refused_request_is_decided_if_it_was_recorded() -> None:
    without = changed(_TWO, "grants[1].name", "renamed")
    record = {**_asking(grant="renamed"), "decision": "rejected", "reason": "unknown-grant"}
    _, (difference,) = replayed(_TWO, without, record)
    assert difference is not None
    assert (difference.before, difference.after) == ("denied", "granted")
    del record["asked"]
    replay, (difference,) = replayed(_TWO, without, record)
    assert difference is None
    assert replay.tally.skipped["undecidable"] == 1


@pytest.mark.parametrize(
    "spoiled",
    [
        {"asked_left_out": 1},
        {"asked": {"registries": ["x" * 256 + "…[9 more]"]}},
        {"asked": {"registries": [7]}},
        {"asked": {"registries": "apps"}},
        {"asked": {"scope": "repository:base/*:pull"}},
        {"asked": {"grant": 7}},
        {"asked": []},
    ],
)
def test_part_of_a_request_is_not_taken_for_the_whole(spoiled: dict[str, Json]) -> None:
    record = {**_asking(), **spoiled}
    replay, _ = replayed(_TWO, _TWO, record)
    # It was refused, both policies grant it: what was asked for decides, and is not known.
    assert replay.tally.skipped["undecidable"] == 1
