import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.aws.errors import AwsError
from sandbox.aws.policy_grammar import Kind, parse_policy

ALLOW: dict[str, object] = {"Effect": "Allow", "Action": "ecr:PutImage", "Resource": "*"}


def _document(*statements: object, **changes: object) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements), **changes})


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        # no JSON, or not the right kind of it
        ("", "session", "invalid Json"),
        ("[]", "session", "Syntax errors"),
        ('{"Version":"2012-10-17","Version":"2012-10-17","Statement":[]}', "session", "invalid Json"),
        ("[" * 100_000, "session", "invalid Json"),
        # the document
        (_document(ALLOW, Version="2020-01-01"), "session", "valid version"),
        (_document(), "session", "at least one statement"),
        (_document(ALLOW, Extra=1), "session", "Extra"),
        (_document("Allow"), "session", "must be an object"),
        # a statement
        (_document({**ALLOW, "Effect": "allow"}), "session", "Effect"),
        (_document({**ALLOW, "Sid": "a-b"}), "session", "alpha-numeric"),
        (_document({**ALLOW, "Sid": "a"}, {**ALLOW, "Sid": "a"}), "session", "unique"),
        (_document({"Effect": "Allow", "Resource": "*"}), "session", "must contain actions"),
        (_document({**ALLOW, "NotAction": "a:b"}), "session", "must contain actions"),
        (_document({"Effect": "Allow", "Action": "a:b"}), "session", "must contain resources"),
        (_document({**ALLOW, "Action": []}), "session", "empty"),
        (_document({**ALLOW, "Action": "PutImage"}), "session", "prefaced by a vendor"),
        (_document({**ALLOW, "Action": "ecr:Put Image"}), "session", "invalid action"),
        (_document({**ALLOW, "Action": 1}), "session", "must be text"),
        (_document({**ALLOW, "Resource": "repository/x"}), "session", "ARN format"),
        (_document({**ALLOW, "Resource": "arn:aws:ecr:::${aws:username}"}), "session", "does not evaluate"),
        # conditions
        (_document({**ALLOW, "Condition": {"StringMatches": {"aws:x": "y"}}}), "session", "Invalid Condition type"),
        (_document({**ALLOW, "Condition": {"ForSome:StringLike": {"aws:x": "y"}}}), "session", "Invalid Condition"),
        (_document({**ALLOW, "Condition": {"StringLike": {}}}), "session", "name a key"),
        (_document({**ALLOW, "Condition": {"StringLike": {"x": "y"}}}), "session", "prefaced by a vendor"),
        (_document({**ALLOW, "Condition": {"DateLessThan": {"aws:CurrentTime": "soon"}}}), "session", "Invalid date"),
        (_document({**ALLOW, "Condition": []}), "session", "must be an object"),
        # who may be named where
        (_document({**ALLOW, "Principal": "*"}), "session", "should not specify a principal"),
        (_document({"Effect": "Allow", "Action": "sts:AssumeRole"}), "trust", "Principal"),
        (_document({**ALLOW, "Principal": "*"}), "trust", "prohibited field Resource"),
        (_document({"Effect": "Allow", "Action": "sts:*", "Principal": {"Who": "x"}}), "trust", "Principal"),
    ],
)
def test_an_invalid_policy_is_refused(text: str, kind: Kind, message: str) -> None:
    with pytest.raises(AwsError, match=message) as caught:
        parse_policy(text, kind=kind)
    assert caught.value.code == "MalformedPolicyDocument"


@given(st.text(max_size=200) | st.recursive(st.none() | st.booleans() | st.text(max_size=5), st.lists).map(json.dumps))
def test_any_text_ends_as_a_policy_or_as_malformed(text: str) -> None:
    try:
        parse_policy(text, kind="session")
    except AwsError as error:
        assert error.code == "MalformedPolicyDocument"  # noqa: PT017 - both ends are fine
