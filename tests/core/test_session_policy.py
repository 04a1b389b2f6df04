import contextlib
import json
import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.aws.policies import AuthorizationRequest, Decision
from sandbox.aws.policy_grammar import parse_policy
from tests.core.decisions import patterns
from tests.loading.documents import document, grant, load
from token_exchange.core.decision import Award
from token_exchange.core.policy import Access, Also, EcrRegistry
from token_exchange.core.reach import (
    Reach,
    RepositoryScope,
    ScopeNotCovered,
    covers_any,
    narrowed,
    parse_repository_name,
)
from token_exchange.core.refusals import Reason, Refused
from token_exchange.core.session import MAX_SESSION_POLICY_CHARACTERS, require_scopes_fit, session_policy, utc_second
from token_exchange.loading.registries import partition_of

UNTIL = 1_795_167_000
PULL = ("BatchCheckLayerAvailability", "BatchGetImage", "GetDownloadUrlForLayer")
PUSH = (*PULL, "InitiateLayerUpload", "UploadLayerPart", "CompleteLayerUpload", "PutImage")
# What a login must never do, whatever a role can.
NEVER = (
    "BatchDeleteImage",
    "DeleteRepository",
    "DeleteRepositoryPolicy",
    "SetRepositoryPolicy",
    "PutLifecyclePolicy",
    "PutImageTagMutability",
    "TagResource",
    "ReplicateImage",
    "DescribeImages",
)


def registry(region: str = "eu-west-1") -> EcrRegistry:
    partition = partition_of(region)
    assert partition is not None
    return EcrRegistry(name="apps", account="111122223333", region=region, partition=partition.name, hosts=("h",))


def reach(
    *repositories: str, access: Access = "push", also_pull: tuple[str, ...] = (), also: Also | None = None
) -> Reach:
    return Reach(
        access=access, repositories=patterns(*repositories), also_pull=patterns(*also_pull), also=also or Also()
    )


def allows(document: str, action: str, name: str, *, at: float = UNTIL - 1, region: str = "eu-west-1") -> bool:
    policy = parse_policy(document, kind="session")
    return (
        policy.evaluate(
            AuthorizationRequest(
                action=f"ecr:{action}",
                resource=f"arn:aws:ecr:{region}:111122223333:repository/{name}",
                context={"aws:currenttime": [datetime.fromtimestamp(at, UTC).isoformat()]},
            )
        )
        is Decision.ALLOW
    )


def test_it_is_minified_without_repetition() -> None:
    document = session_policy(registry(), reach("ci/shop", access="pull"), until=UNTIL)
    assert document == json.dumps(json.loads(document), separators=(",", ":"))
    assert json.loads(document)["Statement"] == [
        {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"},
        {
            "Effect": "Allow",
            "Action": [f"ecr:{action}" for action in PULL],
            "Resource": "arn:aws:ecr:eu-west-1:111122223333:repository/ci/shop",
            "Condition": {"DateLessThan": {"aws:CurrentTime": utc_second(UNTIL)}},
        },
    ]


@pytest.mark.parametrize(
    ("region", "partition"), [("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov"), ("eu-west-1", "aws")]
)
def test_arns_are_of_the_regions_partition(region: str, partition: str) -> None:
    document = session_policy(registry(region), reach("a/b"), until=UNTIL)
    assert f'"arn:{partition}:ecr:{region}:111122223333:repository/a/b"' in document


@pytest.mark.parametrize(
    ("also", "action", "expected"),
    [
        (Also(), "ListImages", False),
        (Also(list=True), "ListImages", True),
        (Also(), "CreateRepository", False),
        (Also(import_=True), "CreateRepository", True),
        (Also(import_=True), "BatchImportUpstreamImage", True),
        (Also(import_=True), "ListImages", False),
    ],
)
def test_further_rights_are_on_the_grants_own_repositories(also: Also, action: str, *, expected: bool) -> None:
    document = session_policy(registry(), reach("ci/*", also_pull=("base/*",), also=also), until=UNTIL)
    assert allows(document, action, "ci/shop") is expected
    assert not allows(document, action, "base/go")
    assert not allows(document, action, "ci/shop", at=UNTIL)


def test_a_signing_profile_is_bounded_in_time_too() -> None:
    profile = "arn:aws:signer:eu-west-1:111122223333:/signing-profiles/images"
    document = session_policy(registry(), reach("ci/*", also=Also(sign=profile)), until=UNTIL)
    policy = parse_policy(document, kind="session")
    for seconds, expected in ((UNTIL - 1, Decision.ALLOW), (UNTIL, Decision.IMPLICIT_DENY)):
        ask = AuthorizationRequest(
            action="signer:SignPayload",
            resource=profile,
            context={"aws:currenttime": [datetime.fromtimestamp(seconds, UTC).isoformat()]},
        )
        assert policy.evaluate(ask) is expected
        assert policy.evaluate(replace(ask, resource=f"{profile}-2")) is Decision.IMPLICIT_DENY


COMPONENT = st.text(alphabet="abc", min_size=1, max_size=3)
NAME = st.lists(COMPONENT, min_size=1, max_size=3).map("/".join)
PATTERN = st.one_of(NAME, NAME.map(lambda name: f"{name}/*"), NAME.map(lambda name: f"{name}*"))
REACH = st.builds(
    lambda access, repositories, also_pull: Reach(
        access=access, repositories=tuple(repositories), also_pull=tuple(also_pull), also=Also()
    ),
    st.sampled_from(["pull", "push"]),
    st.lists(PATTERN, min_size=1, max_size=3),
    st.lists(PATTERN, max_size=2),
)


@given(REACH, NAME, st.integers(min_value=-5, max_value=5))
def test_it_allows_exactly_the_reach_and_exactly_until_its_end(held: Reach, name: str, seconds: int) -> None:
    document = session_policy(registry(), held, until=UNTIL)
    in_time = seconds < 0
    own, pullable = covers_any(held.repositories, name), covers_any(held.also_pull, name)
    for action in PUSH:
        expected = in_time and ((own and (held.access == "push" or action in PULL)) or (pullable and action in PULL))
        assert allows(document, action, name, at=UNTIL + seconds) == expected
    for action in NEVER:
        assert not allows(document, action, name, at=UNTIL + seconds)
    assert not allows(document, "BatchGetImage", name, region="eu-west-2")


@given(REACH, st.lists(st.builds(RepositoryScope, name=NAME, push=st.booleans()), min_size=1, max_size=3), NAME)
def test_a_narrower_login_reaches_exactly_the_scope(held: Reach, scope: list[RepositoryScope], name: str) -> None:
    try:
        asked = narrowed(held, scope)
    except ScopeNotCovered:
        return
    document, wide = (session_policy(registry(), each, until=UNTIL) for each in (asked, held))
    for action in PUSH:
        wanted = any(one.name == name and (one.push or action in PULL) for one in scope)
        assert allows(document, action, name) == wanted
        assert allows(wide, action, name) >= wanted


def _misfit(held: Reach) -> int | None:
    """Return the length that STS does not take, where it is one."""
    with contextlib.suppress(Refused):
        session_policy(registry(), held, until=UNTIL)
        return None
    with pytest.raises(Refused) as refused:
        session_policy(registry(), held, until=UNTIL)
    assert refused.value.reason is Reason.MISCONFIGURED
    needed = re.search(r"would have ([0-9]+) characters", refused.value.description)
    assert needed is not None
    assert int(needed[1]) > MAX_SESSION_POLICY_CHARACTERS
    return int(needed[1])


@given(st.lists(st.text(alphabet="abc", min_size=1, max_size=250), min_size=1, max_size=12))
def test_it_fits_whole_or_is_misconfigured(names: list[str]) -> None:
    held = reach(*names)
    if _misfit(held) is not None:
        return
    document = session_policy(registry(), held, until=UNTIL)
    assert len(document) <= MAX_SESSION_POLICY_CHARACTERS == 2048
    assert all(allows(document, "PutImage", name) for name in names)


def test_a_policy_of_just_the_most_characters_fits() -> None:
    def policy(*, characters: int) -> str:
        names = tuple(f"{number:02}{'a' * 60}" for number in range(10))
        reach = Reach(access="pull", repositories=patterns(*names, "a" * characters), also_pull=(), also=Also())
        return session_policy(registry(), reach, until=UNTIL)

    missing = MAX_SESSION_POLICY_CHARACTERS - len(policy(characters=1))
    assert len(policy(characters=1 + missing)) == MAX_SESSION_POLICY_CHARACTERS
    with pytest.raises(Refused) as refused:
        policy(characters=2 + missing)
    assert refused.value.reason is Reason.MISCONFIGURED


def test_a_scope_of_just_the_most_characters_fits() -> None:
    whole = Reach(access="pull", repositories=patterns("*"), also_pull=(), also=Also())
    (given,) = load(document(grant())).grants

    def award(*names: str) -> Award:
        asked = (*(f"{number:02}{'a' * 60}" for number in range(14)), *names)
        scope = tuple(RepositoryScope(name=parse_repository_name(name), push=False) for name in asked)
        return Award(registry=registry(), grant=given, reach=narrowed(whole, scope), scope=scope)

    short = award("aa").reach
    assert short is not None
    last = "aa".ljust(2 + MAX_SESSION_POLICY_CHARACTERS - len(session_policy(registry(), short, until=UNTIL)), "a")
    require_scopes_fit([award(last)])
    with pytest.raises(Refused, match=r"these 15 repositories would have 2049 .* the first 14 of them fit"):
        require_scopes_fit([award(f"{last}a")])
    with pytest.raises(Refused, match="the first 15 of them fit"):
        require_scopes_fit([award(last, "bb")])


def test_a_policy_too_long_for_one_repository_is_misconfigured() -> None:
    held = reach(*(f"{number}{'x' * 250}" for number in range(10)))
    asked = RepositoryScope(name=parse_repository_name("base/x"), push=False)
    award = Award(registry=registry(), grant=load(document(grant())).grants[0], reach=held, scope=(asked,))
    # No smaller scope would fit: that is left to `session_policy`, which refuses it as misconfigured.
    require_scopes_fit([award])
    assert _misfit(held) is not None
