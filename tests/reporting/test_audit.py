import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.attempts import attempt_of, record_of
from tests.doubles import grant, policy_text
from tests.fake_clock import NOW
from tests.fake_issuer import AUDIENCE, ISSUER
from token_exchange.core.decision import AccessRequest, Denied
from token_exchange.core.evaluate import Caller
from token_exchange.core.identity import identify
from token_exchange.core.ports import Json
from token_exchange.core.reach import RepositoryScope, parse_repository_name
from token_exchange.core.refusals import Reason, Refused
from token_exchange.loading.load import load_policy
from token_exchange.reporting.audit import AuditRecord
from token_exchange.reporting.reasons import MEANINGS

# Twenty grants of one condition each, for a `considered` and a `would` of some size.
POLICY = load_policy(
    policy_text(
        [grant(f"branch-{number}", match={"branch": f"wanted-{number}"}) for number in range(20)]
        + [
            grant(f"trial-{number}", mode="report", repositories=[f"trial/{'x' * 200}-{number}"])
            for number in range(20)
        ]
    ).encode(),
    name="policy.yaml",
    read_file=None,
)

NAMES = ("repository_id", "ref", "branch", "environment", "workflow", "run_id", "actor", "actor_id", "sha")


def verified(**claims: Json) -> AuditRecord:
    """Return the record of a verified token that is refused for want of a grant."""
    issuer = POLICY.issuers["ci"]
    everything: dict[str, Json] = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "s",
        "jti": "3f0e",
        "organization": "acme",
        **claims,
    }
    caller = Caller(issuer=issuer, identity=identify(issuer.preset, everything), claims=everything, now=NOW)
    record = record_of(POLICY, caller, AccessRequest())
    decision = record.attempt.decision
    assert isinstance(decision, Denied)
    record.api_request_id, record.source_ip, record.user_agent = "JKJaXmPLvHcESHA=", "203.0.113.7", "curl/8"
    record.record_token_hash("a.b.c")
    record.refuse(Refused(decision.reason, decision.description), status=403)
    return record


def written(fields: dict[str, Json]) -> str:
    return json.dumps(fields, separators=(",", ":"))


def test_a_long_record_is_cut_in_the_documented_order() -> None:
    small = verified(repository="shop").render()
    whole = {"considered": 10, "would": 20}
    # Growing claims push out considered first, then would, then themselves.
    seen: list[tuple[bool, bool, bool]] = []
    for length in range(0, 12_000, 100):
        names = {name: "x" * min(256, max(0, length - 256 * place)) for place, name in enumerate(NAMES)}
        fields = verified(repository="shop", **names).render()
        assert len(written(fields)) < 7700
        cut = tuple(f"{name}_left_out" in fields for name in ("considered", "would", "claims"))
        seen.append((cut[0], cut[1], cut[2]))
        for name, total in whole.items():
            kept, left_out = fields.get(name, []), fields.get(f"{name}_left_out", 0)
            assert isinstance(kept, list)
            assert isinstance(left_out, int)
            assert len(kept) + left_out == total
        assert cut[0] or not cut[1]
        assert cut[1] or not cut[2]
    assert small["decision"] == "denied"
    assert seen == sorted(seen)
    assert (True, True, False) in seen


def test_the_nearest_of_the_considered_are_kept() -> None:
    fields = verified(repository="shop").render()
    considered = fields["considered"]
    assert isinstance(considered, list)
    assert [each["grant"] for each in considered if isinstance(each, dict)] == [
        f"trial-{number}" for number in range(len(considered))
    ]


TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)


@given(st.dictionaries(st.sampled_from(NAMES), st.builds(lambda text: text * 30, TEXT)), TEXT, TEXT)
def test_no_claim_makes_a_record_too_large_or_costs_an_identity(
    claims: dict[str, Json], agent: str, issuer: str
) -> None:
    record = replace(verified(repository="shop", **claims), user_agent=agent * 300, api_request_id=issuer * 300)
    fields = record.render()
    assert len(written(fields)) < 7900
    identity = fields["identity"]
    assert isinstance(identity, dict)
    assert identity.keys() == {"organization", "repository"} | claims.keys()
    for name in ("token_sha256", "policy_sha256", "reason", "status"):
        assert name in fields
    unproven = AuditRecord(attempt=attempt_of(), user_agent=agent * 500)
    unproven.attempt.unverified_issuer = issuer * 500
    assert len(written(unproven.render())) < 2000


def test_a_long_request_is_left_out_after_the_claims() -> None:
    scope = tuple(RepositoryScope(name=parse_repository_name(f"{'x' * 250}-{n}"), push=True) for n in range(20))
    seen: set[tuple[bool, bool]] = set()
    for length in (1, 8, 20):
        record = verified(repository="shop", workflow="w" * 250)
        request = AccessRequest(registries=("r" * 5000,) * 10, scope=scope[:length])
        record.record_request(request, format_name="json", one_login=False)
        fields = record.render()
        asked = fields["asked"]
        assert isinstance(asked, dict)
        assert len(written(fields)) < 7700
        assert ("scope" in asked) is ("asked_left_out" not in fields)
        seen.add(("claims_left_out" in fields, "asked_left_out" in fields))
        assert asked["one_login"] is False
    assert seen == {(False, False), (True, True)}


def test_a_token_in_a_request_is_hashed() -> None:
    record, token = verified(repository="shop"), "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0.c2lnbmF0dXJl"
    record.record_request(AccessRequest(registries=(f"a {token}",), grant=token))
    assert token not in written(record.render())
    assert "sha256:" in written(record.render())


def test_a_long_value_is_cut_and_marked() -> None:
    fields = verified(repository="shop", workflow="é" * 300).render()
    claims, identity = fields["claims"], fields["identity"]
    assert isinstance(claims, dict)
    assert isinstance(identity, dict)
    assert claims["workflow"] == identity["workflow"] == "é" * 256 + "…[44 more]"


def test_only_claims_that_the_policy_names_are_recorded() -> None:
    fields = verified(repository="shop", secret_of_the_job="x", email="ada@acme.example").render()
    claims = fields["claims"]
    assert isinstance(claims, dict)
    assert claims.keys() == {"sub", "aud", "organization", "repository"}


def test_a_claim_of_many_parts_is_cut_as_it_is_spelled() -> None:
    fields = verified(repository="shop", aud=[f"https://{number}.example" for number in range(100)]).render()
    claims = fields["claims"]
    assert isinstance(claims, dict)
    assert str(claims["aud"]).startswith('["https://0.example", ')
    assert str(claims["aud"]).endswith(" more]")


@pytest.mark.parametrize(
    ("reason", "decision"),
    [
        (Reason.DENIED, "denied"),
        (Reason.ORGANIZATION_NOT_ALLOWED, "denied"),
        (Reason.REPLAYED, "denied"),
        (Reason.EXPIRED, "rejected"),
        (Reason.NOT_FOUND, "rejected"),
        (Reason.TOO_MANY_REQUESTS, "rejected"),
        (Reason.INTERNAL_ERROR, "failed"),
        (Reason.ROLE_REFUSED, "failed"),
        (Reason.AWS_THROTTLED, "failed"),
    ],
)
def test_the_outcome_in_one_word(reason: Reason, decision: str) -> None:
    record = AuditRecord(attempt=attempt_of())
    record.refuse(Refused(reason, "x"), status=MEANINGS[reason].status)
    assert record.decision() == decision
    # RFC 8693 answers a bad token with 400; a spent one stays a denial.
    if reason is Reason.REPLAYED:
        record.refuse(Refused(reason, "x"), status=400)
        assert record.decision() == "denied"


def test_the_cause_of_a_failure_is_cleaned() -> None:
    record = AuditRecord(attempt=attempt_of())
    refused = Refused(Reason.INTERNAL_ERROR, "x")
    refused.__cause__ = ValueError(f"Authorization: Bearer abc {'k' * 40} {'é' * 400}")
    record.refuse(refused, status=500)
    error = record.render()["error"]
    assert isinstance(error, dict)
    assert error["class"] == "ValueError"
    assert str(error["message"]).startswith("Authorization: [redacted] [redacted] é")
    assert len(written(error)) < 330


def test_a_token_that_cannot_be_encoded_has_a_hash_all_the_same() -> None:
    record = AuditRecord(attempt=attempt_of())
    record.record_token_hash("\ud800")
    assert record.token_sha256 is not None
