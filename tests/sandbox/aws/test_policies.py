import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.aws.conditions import Context, matches
from sandbox.aws.policies import AuthorizationRequest, Decision, Policy
from sandbox.aws.policy_grammar import parse_policy

ARN = "arn:aws:ecr:eu-west-1:111122223333:repository/"


def _policy(*statements: dict[str, object]) -> Policy:
    return parse_policy(json.dumps({"Version": "2012-10-17", "Statement": statements}), kind="session")


def _statement(**changes: object) -> dict[str, object]:
    return {"Effect": "Allow", "Action": "ecr:PutImage", "Resource": f"{ARN}ci/*", **changes}


def _ask(action: str = "ecr:PutImage", name: str = "ci/shop", context: Context | None = None) -> AuthorizationRequest:
    return AuthorizationRequest(action=action, resource=ARN + name, context=context or {})


@pytest.mark.parametrize(
    ("statements", "authorization", "decision"),
    [
        ([_statement()], _ask(), Decision.ALLOW),
        # IAM's star crosses slashes; its names of actions ignore case, its resources do not
        ([_statement()], _ask(name="ci/acme/deep/er"), Decision.ALLOW),
        ([_statement(Action="ECR:putimage")], _ask(), Decision.ALLOW),
        ([_statement(Action="ecr:Put*")], _ask(), Decision.ALLOW),
        ([_statement()], _ask(name="CI/shop"), Decision.IMPLICIT_DENY),
        ([_statement(Resource=f"{ARN}ci/sho?")], _ask(), Decision.ALLOW),
        ([_statement(Resource=f"{ARN}ci/sho?")], _ask(name="ci/sho"), Decision.IMPLICIT_DENY),
        # the whole value, on both sides
        ([_statement(Resource=f"{ARN}ci/shop")], _ask(name="ci/shop2"), Decision.IMPLICIT_DENY),
        ([_statement(Resource=f"{ARN}ci/shop")], _ask(name="ci/shop\n"), Decision.IMPLICIT_DENY),
        ([_statement(Action="ecr:Put")], _ask(), Decision.IMPLICIT_DENY),
        # a dot is a dot
        ([_statement(Resource=f"{ARN}ci.shop")], _ask(), Decision.IMPLICIT_DENY),
        # a deny wins wherever it stands
        ([_statement(), _statement(Effect="Deny")], _ask(), Decision.EXPLICIT_DENY),
        ([_statement(Effect="Deny"), _statement()], _ask(), Decision.EXPLICIT_DENY),
        ([_statement(), _statement(Effect="Deny", Resource=f"{ARN}other")], _ask(), Decision.ALLOW),
        ([_statement(Effect="Deny", Resource=f"{ARN}other")], _ask(), Decision.IMPLICIT_DENY),
        # the negative forms
        ([{"Effect": "Allow", "NotAction": "ecr:Delete*", "Resource": "*"}], _ask(), Decision.ALLOW),
        ([{"Effect": "Allow", "NotAction": "ecr:Put*", "Resource": "*"}], _ask(), Decision.IMPLICIT_DENY),
        ([{"Effect": "Allow", "Action": "*", "NotResource": f"{ARN}ci/*"}], _ask(), Decision.IMPLICIT_DENY),
    ],
)
def test_actions_and_resources(
    statements: list[dict[str, object]], authorization: AuthorizationRequest, decision: Decision
) -> None:
    assert _policy(*statements).evaluate(authorization) is decision


@pytest.mark.parametrize(
    ("condition", "context", "holds"),
    [
        # times: before, at, after; an absent key fails
        ({"DateLessThan": {"aws:CurrentTime": "2026-11-21T03:30:00Z"}}, ["2026-11-21T03:29:59Z"], True),
        ({"DateLessThan": {"aws:CurrentTime": "2026-11-21T03:30:00Z"}}, ["2026-11-21T03:30:00Z"], False),
        ({"DateLessThan": {"aws:CurrentTime": "2026-11-21T03:30:00Z"}}, ["2026-11-21T04:29:59+01:00"], True),
        ({"DateLessThan": {"aws:CurrentTime": "2026-11-21T03:30:00Z"}}, None, False),
        ({"DateGreaterThan": {"aws:CurrentTime": "1795231800"}}, ["1795231801"], True),
        # text
        ({"StringEquals": {"aws:CurrentTime": ["a", "b"]}}, ["b"], True),
        ({"StringEquals": {"aws:CurrentTime": "a"}}, ["A"], False),
        ({"StringEquals": {"aws:CurrentTime": "a*"}}, ["ab"], False),
        ({"StringLike": {"aws:CurrentTime": "a*"}}, ["ab"], True),
        ({"StringEqualsIgnoreCase": {"aws:CurrentTime": "a"}}, ["A"], True),
        ({"StringNotEquals": {"aws:CurrentTime": ["a", "b"]}}, ["b"], False),
        ({"StringNotEquals": {"aws:CurrentTime": "a"}}, None, True),
        ({"StringEqualsIfExists": {"aws:CurrentTime": "a"}}, None, True),
        ({"StringEqualsIfExists": {"aws:CurrentTime": "a"}}, ["b"], False),
        # sets
        ({"ForAllValues:StringEquals": {"aws:CurrentTime": ["a", "b"]}}, ["a", "b"], True),
        ({"ForAllValues:StringEquals": {"aws:CurrentTime": ["a", "b"]}}, ["a", "c"], False),
        ({"ForAllValues:StringEquals": {"aws:CurrentTime": "a"}}, None, True),
        ({"ForAnyValue:StringEquals": {"aws:CurrentTime": "a"}}, ["c", "a"], True),
        ({"ForAnyValue:StringEquals": {"aws:CurrentTime": "a"}}, None, False),
        # the rest
        ({"Null": {"aws:CurrentTime": True}}, None, True),
        ({"Null": {"aws:CurrentTime": "false"}}, None, False),
        ({"Bool": {"aws:CurrentTime": True}}, ["true"], True),
        ({"NumericLessThan": {"aws:CurrentTime": 10}}, ["9.5"], True),
        ({"IpAddress": {"aws:CurrentTime": "10.0.0.0/8"}}, ["10.1.2.3"], True),
        ({"NotIpAddress": {"aws:CurrentTime": "10.0.0.0/8"}}, ["10.1.2.3"], False),
        ({"ArnLike": {"aws:CurrentTime": "arn:aws:iam::*:role/x"}}, ["arn:aws:iam::1:role/x"], True),
    ],
)
def test_conditions(condition: dict[str, object], context: list[str] | None, holds: bool) -> None:  # noqa: FBT001
    policy = _policy(_statement(Condition=condition))
    authorization = _ask(context={} if context is None else {"aws:currenttime": context})
    assert (policy.evaluate(authorization) is Decision.ALLOW) == holds


def test_every_condition_of_a_statement_must_hold() -> None:
    policy = _policy(_statement(Condition={"StringEquals": {"sts:ExternalId": "a", "sts:RoleSessionName": "b"}}))
    assert policy.evaluate(_ask(context={"sts:externalid": ["a"], "sts:rolesessionname": ["b"]})) is Decision.ALLOW
    assert (
        policy.evaluate(_ask(context={"sts:externalid": ["a"], "sts:rolesessionname": ["c"]})) is Decision.IMPLICIT_DENY
    )


@given(st.text(alphabet="ab/:.*?", max_size=12), st.text(alphabet="ab/:.*?", max_size=12))
def test_a_glob_agrees_with_the_textbook(pattern: str, value: str) -> None:
    assert matches(pattern, value) == _textbook(pattern, value)


def _textbook(pattern: str, value: str) -> bool:
    if not pattern:
        return not value
    if pattern[0] == "*":
        return _textbook(pattern[1:], value) or (bool(value) and _textbook(pattern, value[1:]))
    return bool(value) and pattern[0] in {"?", value[0]} and _textbook(pattern[1:], value[1:])
