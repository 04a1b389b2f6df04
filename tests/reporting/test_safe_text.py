"""A record always fits into 8 KiB, whatever names, claims and answers of AWS it is made of."""

import json
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.attempts import REQUEST_ID, record_of_caller
from tests.fake_clock import NOW
from tests.fake_issuer import AUDIENCE, ISSUER
from token_exchange.core.attempt import MintedLogin
from token_exchange.core.decision import AccessRequest, Granted, decide
from token_exchange.core.evaluate import caller_of
from token_exchange.core.policy import Policy
from token_exchange.core.ports import Json
from token_exchange.core.session import bounded_session
from token_exchange.loading.load import load_policy
from token_exchange.reporting.safe_text import MAX_RECORD_CHARACTERS, cut_as_written

NAMES = ("repository_id", "ref", "branch", "tag", "environment", "workflow", "run_id", "job_id", "actor", "actor_id")
REPEATED = ["scope", "assumed_role_arn", "session_name"]
KEPT = {"grant", "registry", "access", "expires_at", "access_key_id", "sts_request_id", "session_policy_sha256"}


def policy_of_ten(*, name: str = "images", templates: int = 3, role_path: str = "") -> Policy:
    """Return a policy with ten registries, each with a grant for every caller."""
    registries = [f"{name}-{number}" for number in range(10)]
    repositories = ["ci/{repository}", "ci/{repository}/*", "cache/{repository}"][:templates]
    return load_policy(
        json.dumps(
            {
                "version": 1,
                "issuers": {
                    "ci": {
                        "provider": "generic",
                        "issuer": ISSUER,
                        "audience": AUDIENCE,
                        "algorithms": ["RS256"],
                        "organization_claim": "organization",
                        "organizations": [{"name": "acme"}],
                        "claims": {each: each for each in ("repository", *NAMES)},
                    }
                },
                "registries": {
                    registry: {"type": "ecr", "account": f"11112222333{number}", "region": "eu-west-1"}
                    for number, registry in enumerate(registries)
                },
                "grants": [
                    {
                        "name": registry,
                        "issuers": ["ci"],
                        "registry": registry,
                        "role": f"arn:aws:iam::111122223333:role/{role_path}ci-ecr-push",
                        "access": "pull",
                        "repositories": repositories,
                        "also_pull": ["base/*"],
                    }
                    for registry in registries
                ],
            }
        ).encode(),
        name="policy.yaml",
        read_file=None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What AWS says of one login."""

    role_id: str = "AROAFRG7G6FAAHR3GYBBQ:70010001-9100200300-0a1b2c3d4e5f"
    role_arn: str = "arn:aws:sts::111122223333:assumed-role/ci-ecr-push/70010001-9100200300-0a1b2c3d4e5f"
    key_id: str = "ASIAZ5JUHML6SIXRKETK"
    sts_request_id: str | None = "f12b30db-5501-4224-a227-922f2c3ea5d1"
    ecr_request_id: str | None = "95341e39-cc33-4ae7-a9b1-761cd2337780"


def rendered(
    policy: Policy, answers: Answers, changes: dict[str, Json], *, user_agent: str = "curl/8"
) -> dict[str, Json]:
    """Return the record of ten logins, by `policy`, for a job with these claims."""
    everything: dict[str, Json] = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "s",
        "jti": "3f0e",
        "organization": "acme",
        **changes,
    }
    issuer = policy.issuers["ci"]
    caller = caller_of(issuer, everything, now=NOW)
    decision = decide(policy, caller, AccessRequest())
    assert isinstance(decision, Granted)
    assert len(decision.awards) == 10
    record = record_of_caller(policy, caller)
    record.attempt.decision = decision
    record.record_token_hash("a.b.c")
    asked = AccessRequest(registries=tuple(award.registry.name for award in decision.awards))
    record.record_request(asked, format_name="json", one_login=False)
    record.user_agent, record.api_request_id = user_agent, "JKJaXmPLvHcESHA="
    for award in decision.awards:
        assert award.reach is not None
        assert award.grant.terms is not None
        bounded = bounded_session(award, award.grant.terms, award.reach, caller, request_id=REQUEST_ID, now=NOW)
        record.attempt.logins.append(
            MintedLogin(
                award=award,
                request=bounded.request,
                expires_at=int(NOW),
                assumed_role_id=answers.role_id,
                assumed_role_arn=answers.role_arn,
                access_key_id=answers.key_id,
                packed_policy_percent=20,
                sts_request_id=answers.sts_request_id,
                ecr_request_id=answers.ecr_request_id,
            )
        )
    return record.render()


def grants_of(fields: dict[str, Json]) -> list[dict[str, Json]]:
    grants = fields["grants"]
    assert isinstance(grants, list)
    return [grant for grant in grants if isinstance(grant, dict)]


def is_small(fields: dict[str, Json]) -> bool:
    return len(json.dumps(fields, separators=(",", ":"))) <= MAX_RECORD_CHARACTERS


def test_ten_logins_of_an_honest_caller_fit() -> None:
    fields = rendered(
        policy_of_ten(), Answers(), {"repository": f"team/{'x' * 36}", "repository_id": "7", "run_id": "9"}
    )
    assert is_small(fields)
    # What is left says the rest: the policy with this hash has the grant's repositories.
    assert fields["grants_left_out"] == [*REPEATED, "repositories"]
    for grant in grants_of(fields):
        assert grant.keys() >= KEPT | {"role_arn", "source_identity", "assumed_role_id"}
    assert fields["identity"] == {
        "organization": "acme",
        "repository": f"team/{'x' * 36}",
        "repository_id": "7",
        "run_id": "9",
    }


def test_omitting_repeated_fields_suffices_for_short_names() -> None:
    fields = rendered(
        policy_of_ten(templates=1), Answers(), {"repository": "acme/api", "repository_id": "7", "run_id": "9"}
    )
    assert is_small(fields)
    assert fields["grants_left_out"] == REPEATED[:2]
    assert all(grant["repositories"] == ["ci/acme/api"] for grant in grants_of(fields))
    # With it, the line can be decided again exactly.
    asked = fields["asked"]
    assert isinstance(asked, dict)
    assert asked["registries"] == [grant["registry"] for grant in grants_of(fields)]
    assert "asked_left_out" not in fields


@pytest.mark.parametrize("field", ["role_id", "role_arn", "key_id", "sts_request_id", "ecr_request_id"])
def test_a_long_answer_of_aws_is_cut_and_marked(field: str) -> None:
    fields = rendered(policy_of_ten(templates=1), Answers(**{field: "x" * 100_000}), {"repository": "api"})
    assert is_small(fields)
    grants = grants_of(fields)
    assert len(grants) == 10
    for grant in grants:
        assert grant.keys() >= KEPT
        assert "x" * 257 not in json.dumps(grant)


def test_the_longest_names_there_can_be_still_fit() -> None:
    policy = policy_of_ten(name="n" * 126, templates=3, role_path=f"{'p' * 400}/")
    claims: dict[str, Json] = dict.fromkeys(NAMES, "\U0001f4a3" * 300)
    answers = Answers(role_id="é" * 5000, key_id="é" * 5000, sts_request_id="é" * 5000, ecr_request_id="é" * 5000)
    fields = rendered(policy, answers, {"repository": f"t/{'y' * 150}", **claims}, user_agent="é" * 900)
    assert is_small(fields)
    assert all(grant.keys() == KEPT for grant in grants_of(fields))
    assert fields.keys() >= {"policy_sha256", "token_sha256", "reason", "request_id", "grants_left_out"}
    identity = fields["identity"]
    assert isinstance(identity, dict)
    assert identity.keys() == {"organization", "repository", *NAMES}
    # Cut more than once, it still says how much is missing of the whole.
    kept, _, missing = str(identity["branch"]).partition("…[")
    assert len(kept) + int(missing.removesuffix(" more]")) == 300


POLICIES = [policy_of_ten(templates=1), policy_of_ten(name="n" * 126, role_path=f"{'p' * 400}/")]
BENT = st.builds(lambda text, times: text * times, st.text(min_size=1, max_size=20), st.sampled_from([1, 20, 500]))


@given(
    st.sampled_from(POLICIES),
    st.builds(Answers, role_id=BENT, role_arn=BENT, key_id=BENT, sts_request_id=st.none() | BENT, ecr_request_id=BENT),
    st.dictionaries(st.sampled_from(NAMES), BENT),
    st.integers(1, 150),
)
def test_no_bent_answer_makes_a_record_too_large(
    policy: Policy, answers: Answers, claims: dict[str, Json], length: int
) -> None:
    fields = rendered(policy, answers, {"repository": "r" * length, **claims})
    assert is_small(fields)
    left_out = [str(name) for name in listed] if isinstance(listed := fields.get("grants_left_out", []), list) else []
    assert left_out[:3] == REPEATED[: len(left_out)]
    grants = grants_of(fields)
    assert len(grants) == 10
    for grant in grants:
        assert grant.keys() >= KEPT - {"sts_request_id"}
        assert not grant.keys() & set(left_out)
    identity = fields["identity"]
    assert isinstance(identity, dict)
    assert identity.keys() == {"organization", "repository", *claims.keys()}


WIDE = st.text(st.characters(), min_size=30, max_size=600)


@given(WIDE | st.text(st.sampled_from("a\n\U0001f600é"), max_size=600))
def test_as_much_is_kept_as_fits_with_its_escapes(value: str) -> None:
    kept, mark, rest = (cut_as_written(value) or "").rpartition("…[")
    if not mark:
        assert rest == value
        assert len(json.dumps(value)) <= 256
        return
    assert rest == f"{len(value) - len(kept)} more]"
    assert value.startswith(kept)
    assert len(json.dumps(kept)) <= 256
    assert len(kept) == 256 or len(json.dumps(value[: len(kept) + 1])) > 256
