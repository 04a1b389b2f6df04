"""A compiled policy decides as its source does, and nothing of it is used that was altered."""

import json
import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.policies import caller_of as bench_caller_of
from bench.policies import policy_of
from fuzz.drawn_policies import NOW, cases
from tests.ci_claims import caller_of, github_claims
from tests.loading.compiled import compiled, load, load_compiled, source
from tests.loading.documents import Folder, document, grant
from tests.loading.folders import TEAM, main_file, team_file
from token_exchange.core.decision import AccessRequest, Decision, Denied, Granted, decide
from token_exchange.core.evaluate import Caller
from token_exchange.core.evaluate import caller_of as judged
from token_exchange.core.policy import Policy
from token_exchange.core.ports import Json
from token_exchange.core.reach import RepositoryScope, parse_repository_name
from token_exchange.core.refusals import Reason, Refused
from token_exchange.loading import compiled as form
from token_exchange.loading.compiled import HEADER, CompiledFile, read_all
from token_exchange.loading.problems import PolicyUnusable
from token_exchange.loading.store import PolicyDocument
from token_exchange.reporting.disclosure import Nearest, nearest_grants
from token_exchange_cli.compilation import whole_file

RECORD = json.dumps(grant(match={"branch": "main"}), separators=(",", ":"))


@given(cases())
def test_source_and_compiled_form_decide_alike(case: dict[str, Json]) -> None:
    text = json.dumps(case["policy"]).encode()
    try:
        as_source = load(source(text))
    except PolicyUnusable:
        return
    as_compiled = load_compiled(compiled(text))
    assert (as_compiled.sha256, list(as_compiled.grants)) == (as_source.sha256, list(as_source.grants))
    assert isinstance(case["runs"], list)
    for run in case["runs"]:
        assert outcome(as_compiled, run) == outcome(as_source, run)


def outcome(policy: Policy, run: Json) -> tuple[Decision, Nearest] | Reason:
    match run:
        case {"claims": dict(claims), "wanted": {"registries": list(names), "grant": wanted, "scope": list(scope)}}:
            pass
        case _:
            raise ValueError("not a run")
    request = AccessRequest(
        registries=tuple(map(str, names)),
        grant=wanted if isinstance(wanted, str) else None,
        scope=tuple(
            RepositoryScope(name=parse_repository_name(str(one[0])), push=one[1] is True)
            for one in scope
            if isinstance(one, list)
        ),
    )
    try:
        caller = judged(policy.issuers["ci"], claims, now=NOW)
    except Refused as refused:
        return refused.reason
    return decide(policy, caller, request), nearest_grants(policy, caller, request)


VALUES = st.sampled_from(["a", "b", True, False, 0, 1, 1.0, 1.5, 10**17])


@given(
    st.lists(VALUES | st.lists(VALUES, min_size=1, max_size=3, unique_by=repr), min_size=1, max_size=6),
    VALUES | st.lists(VALUES, max_size=4) | st.none(),
)
def test_values_are_found_as_in_the_source(wanted: list[Json], value: Json) -> None:
    text = document(*(grant(name=f"g{place}", issuers=["own"], claims={"x": one}) for place, one in enumerate(wanted)))
    index, of_source = load_compiled(compiled(text)).indexes["own"], load(source(text)).indexes["own"]
    assert index.candidates({}, {"x": value}) == of_source.candidates({}, {"x": value})
    assert (index.all, index.candidates({}, {})) == (of_source.all, of_source.candidates({}, {}))


def test_a_named_grant_is_found_by_its_name() -> None:
    policy = load_compiled(compiled(document(grant(name="one"), grant(name="two"))))
    assert ["one" in policy.grant_names, "three" in policy.grant_names] == [True, False]
    assert 1 not in policy.grant_names  # type: ignore[comparison-overlap] # any object may be looked for
    asked = decide(policy, caller_of(policy, "github", github_claims()), AccessRequest(grant="two"))
    assert isinstance(asked, Granted)
    assert [award.grant.name for award in asked.awards] == ["two"]
    assert [one.name for one in policy.grants[:1]] == ["one"]
    assert policy.grants[-1].name == "two"


def test_a_folder_is_compiled_to_one_file() -> None:
    files = {TEAM: team_file(grant(name="b"), grant(name="a"))}
    given_ = PolicyDocument(
        name="policy.yaml", content=json.dumps(main_file()).encode(), read_file=None, grant_files=files
    )
    policy = load_compiled(compiled(given_))
    assert [one.name for one in policy.grants] == ["b", "a"]
    assert policy.sha256 == load(given_).sha256


def test_files_that_the_source_names_are_in_the_compiled_form() -> None:
    keys = b'{"keys": [{"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "kid": "k", "x": "%s"}]}' % (b"A" * 43)
    text = document()
    assert isinstance(text["issuers"], dict)
    assert isinstance(text["issuers"]["own"], dict)
    text["issuers"]["own"] |= {"jwks_file": "keys.json", "algorithms": ["EdDSA"]}
    content = json.dumps(text).encode()
    beside = PolicyDocument(name="policy.yaml", content=content, read_file=Folder({"keys.json": keys}))
    policy, of_source = load_compiled(compiled(beside)), load(beside)
    assert (policy.issuers["own"].trust, policy.sha256) == (of_source.issuers["own"].trust, of_source.sha256)
    assert (policy.files, of_source.files) == ((), ("keys.json",))


def test_a_date_without_quotes_is_the_same_date() -> None:
    text = b"\n".join([json.dumps(document()).encode()[:-3], b", expires: 2027-06-30}]}"])
    policy = load_compiled(compiled(text))
    assert policy.grants[0].expires == load(source(text)).grants[0].expires == "2027-06-30"


def test_the_same_source_gives_the_same_bytes() -> None:
    assert compiled(document()) == compiled(document())


@pytest.fixture(scope="module")
def small() -> bytes:
    return compiled(document(grant(match={"branch": "main"}), grant(name="other"), deny=None))


def refusal(content: bytes) -> str:
    with pytest.raises(PolicyUnusable) as unusable:
        read_all(load_compiled(content))
    (problem,) = unusable.value.problems
    return problem.message


@given(st.data())
def test_no_part_of_a_file_loads(small: bytes, data: st.DataObject) -> None:
    end = data.draw(st.integers(8, len(small) - 1))
    assert "copy the whole file" in refusal(small[:end])


@given(st.data(), st.integers(1, 255))
def test_no_altered_byte_is_used(small: bytes, data: st.DataObject, change: int) -> None:
    at = data.draw(st.integers(8, len(small) - 1))
    altered = small[:at] + bytes([small[at] ^ change]) + small[at + 1 :]
    with pytest.raises(PolicyUnusable):
        read_all(load_compiled(altered))


def test_a_file_that_the_source_did_not_name_is_not_there(small: bytes) -> None:
    with pytest.raises(FileNotFoundError, match="not in the compiled policy"):
        CompiledFile(small).read_named("keys.json")


def test_a_damaged_file_gives_a_message(small: bytes) -> None:
    body = small.index(b'{"name":"reader"')
    assert refusal(small[:8] + struct.pack("<I", 2) + small[12:]).startswith(
        "a compiled policy of format 2, expected 1"
    )
    assert (
        refusal(small + b"\n")
        == f"a compiled policy of {len(small)} bytes, found {len(small) + 1}; copy the whole file"
    )
    assert "its hash differs" in refusal(small.replace(b"github-actions", b"github-actionz", 1))
    assert (
        refusal(small[:body] + b"}" + small[body + 1 :]) == "the compiled policy is damaged; compile the policy again"
    )


def parts(content: bytes) -> tuple[dict[str, Json], bytes]:
    """Return the head and the body of a file."""
    _, _, head_bytes, _, _ = HEADER.unpack(content[: HEADER.size])
    head: dict[str, Json] = json.loads(content[HEADER.size :][:head_bytes])
    return head, content[content.index(b'{"name":') :]


@pytest.mark.parametrize(
    "change",
    [
        lambda record: record.replace('"access":"pull"', '"acces":"pull"'),
        lambda record: record.replace('"access":"pull"', '"access":"all" '),
        lambda record: record.replace('"apps"', '"none"'),
        lambda record: record.replace('"reader"', '"other_"'),
        lambda record: record.replace('"main"', '{ "": ""}'[:6]),
        lambda record: "- " + record[2:],
        lambda record: record.replace("reader", "re\u202eer"),
    ],
)
def test_a_forged_record_is_validated_like_a_source(change: Callable[[str], str]) -> None:
    head, body = parts(compiled(document(grant(match={"branch": "main"}))))
    forged = change(RECORD).encode().ljust(len(RECORD))[: len(RECORD)]
    assert body.startswith(RECORD.encode())
    policy = load_compiled(whole_file(json.dumps(head).encode(), forged + body[len(RECORD) :]))
    with pytest.raises(Refused, match="damaged"):
        policy.grants[0]
    with pytest.raises(PolicyUnusable, match="damaged"):
        read_all(policy)


def test_two_grants_of_one_name_are_refused() -> None:
    head, body = parts(compiled(document(grant(name="one-a"), grant(name="one-b"))))
    twice = body.replace(b'"one-b"', b'"one-a"', 1)
    policy = load_compiled(whole_file(json.dumps(head).encode(), twice))
    assert policy.grants[0].name == "one-a"
    with pytest.raises(Refused, match="damaged"):
        policy.grants[1]


@pytest.mark.parametrize(
    "change",
    [
        {"document": "version: 2"},
        {"document": None},
        {"files": {"a": "!"}},
        {"buckets": 0},
        {"record_bytes": -1},
        {"record_bytes": 10**15},
        {"slots": {"github": [["match", "branch"]]}},
        {"slots": {"github": [[["match", "nothing"], False]]}},
        {"grants": 10**9},
    ],
)
def test_an_invalid_head_is_refused(small: bytes, change: dict[str, Json]) -> None:
    head, body = parts(small)
    with pytest.raises(PolicyUnusable):
        read_all(load_compiled(whole_file(json.dumps({**head, **change}).encode(), body)))


def test_grants_in_the_head_are_refused(small: bytes) -> None:
    head, body = parts(small)
    assert isinstance(head["document"], str)
    head["document"] = json.dumps({**json.loads(head["document"]), "grants": [grant(name="more")]})
    assert "unknown key" in refusal(whole_file(json.dumps(head).encode(), body))


def test_single_use_requires_a_state_table() -> None:
    content = compiled(document(grant(single_use=True)))
    assert load_compiled(content).grants[0].single_use
    with pytest.raises(PolicyUnusable, match="single_use requires a state table"):
        load_compiled(content, has_state=False)


def test_a_compiled_policy_cannot_be_part_of_a_folder(small: bytes) -> None:
    with pytest.raises(PolicyUnusable, match="cannot be part of a folder"):
        load(PolicyDocument(name="policy.yaml", content=small, read_file=None, grant_files={TEAM: team_file()}))


@pytest.fixture(scope="module")
def large() -> bytes:
    return compiled(json.dumps(policy_of(1200)).encode())


def decided(policy: Policy, caller: Caller) -> Decision:
    return decide(policy, caller, AccessRequest(registries=("apps",)))


def test_a_decision_reads_few_pages_of_a_large_policy(large: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    of_file = CompiledFile._read  # noqa: SLF001 - every read of the body goes through it

    def counted(file: CompiledFile, start: int, length: int) -> bytes:
        read.append(length)
        return of_file(file, start, length)

    monkeypatch.setattr(CompiledFile, "_read", counted)
    policy = load_compiled(large)
    assert sum(read) < len(large) / 10
    read.clear()
    assert isinstance(decided(policy, bench_caller_of(policy, {})), Granted)
    assert sum(read) < 1000
    outsider = bench_caller_of(policy, {"repository": "acme/unknown", "repository_id": "1"})
    read.clear()
    assert isinstance(decided(policy, outsider), Denied)
    assert nearest_grants(policy, outsider, AccessRequest()).nearest == ()
    assert sum(read) < 1000


def test_a_damaged_grant_is_refused_when_it_is_needed(large: bytes) -> None:
    policy = load_compiled(large.replace(b'"ci/acme/service-600"', b'"ci/acme/service-6oo"'))
    assert isinstance(decided(policy, bench_caller_of(policy, {})), Granted)
    with pytest.raises(Refused) as refused:
        decided(policy, bench_caller_of(policy, {"repository": "acme/service-600"}))
    assert refused.value.reason is Reason.POLICY_UNAVAILABLE


def test_only_so_many_grants_stay_in_memory(small: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(form, "MAX_KEPT_GRANTS", 1)
    policy = load_compiled(small)
    first = policy.grants[0]
    assert policy.grants[0] is first
    assert policy.grants[1].name == "other"
    assert policy.grants[0] == first
    assert policy.grants[0] is not first
