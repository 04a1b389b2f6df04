import json
import re
from datetime import UTC, datetime, timedelta

import pytest

from sandbox import account
from sandbox.aws.principals import make_role
from sandbox.aws.server import Aws
from tests.sandbox.clients import SESSION_POLICY, Clients, assume, refusal

SERVICE_ARN = "arn:aws:sts::111122223333:assumed-role/ecr-token-exchange/ecr-token-exchange"


def test_a_session_is_granted_and_remembered(aws: Aws, clients: Clients) -> None:
    before = datetime.now(UTC)

    answer = assume(clients.sts())

    credentials = answer["Credentials"]
    assert isinstance(credentials, dict)
    session = aws.principals.session(credentials["AccessKeyId"])
    assert session is not None
    assert session.policy is not None
    assert session.policy.text == SESSION_POLICY
    assert session.tags == {"repository": "acme/shop"}
    assert session.source_identity == "acme_shop"
    assert answer["SourceIdentity"] == "acme_shop"
    assert answer["AssumedRoleUser"] == {"AssumedRoleId": session.role_session_id, "Arn": session.arn}
    assert session.arn == "arn:aws:sts::111122223333:assumed-role/ci-ecr-push/70010001-9100200300-abcdef012345"
    assert timedelta(seconds=1798) < credentials["Expiration"] - before <= timedelta(seconds=1801)
    assert isinstance(answer["PackedPolicySize"], int)
    assert 0 < answer["PackedPolicySize"] < 100


def test_the_request_id_of_body_and_header_is_the_recorded_one(aws: Aws, clients: Clients) -> None:
    metadata = assume(clients.sts())["ResponseMetadata"]
    assert isinstance(metadata, dict)
    (seen,) = aws.requests("sts:AssumeRole")
    assert metadata["RequestId"] == seen.request_id == metadata["HTTPHeaders"]["x-amzn-requestid"]
    assert seen.access_key_id == clients.service.access_key_id
    assert seen.parameters["Policy"] == SESSION_POLICY
    assert seen.error is None


def _tags(count: int) -> list[dict[str, str]]:
    return [{"Key": f"tag{number}", "Value": "v"} for number in range(count)]


@pytest.mark.parametrize(
    ("changes", "code", "text"),
    [
        # names and identities: length, alphabet, and what Python's own \w and $ would let through
        ({"RoleSessionName": "x" * 65}, "ValidationError", "'roleSessionName' failed .* less than or equal to 64"),
        ({"RoleSessionName": "acme/shop"}, "ValidationError", r"pattern: \[\\w\+=,\.@-\]\*"),
        ({"RoleSessionName": "a name"}, "ValidationError", "regular expression"),
        ({"RoleSessionName": "größe"}, "ValidationError", "regular expression"),
        ({"RoleSessionName": "line\n"}, "ValidationError", "regular expression"),
        ({"SourceIdentity": "acme/shop"}, "ValidationError", "'sourceIdentity'"),
        ({"SourceIdentity": "x" * 65}, "ValidationError", "'sourceIdentity'"),
        ({"ExternalId": "a b"}, "ValidationError", "'externalId'"),
        # times: the model's bounds, then the one of role chaining
        ({"DurationSeconds": 43201}, "ValidationError", "less than or equal to 43200"),
        ({"DurationSeconds": 3601}, "ValidationError", "1 hour session limit for roles assumed by role chaining"),
        # tags
        ({"Tags": _tags(51)}, "ValidationError", "'tags'"),
        ({"Tags": [{"Key": "k" * 129, "Value": "v"}]}, "ValidationError", "tags.1.member.key"),
        ({"Tags": [{"Key": "k", "Value": "v" * 257}]}, "ValidationError", "tags.1.member.value"),
        ({"Tags": [{"Key": "k", "Value": "a,b"}]}, "ValidationError", "tags.1.member.value"),
        ({"Tags": [{"Key": "k{}", "Value": "v"}]}, "ValidationError", "tags.1.member.key"),
        ({"Tags": [{"Key": "Ref", "Value": "1"}, {"Key": "ref", "Value": "2"}]}, "InvalidParameterValue", "Duplicate"),
        # the session policy: size, alphabet, grammar
        ({"Policy": SESSION_POLICY.ljust(2049)}, "ValidationError", "'policy' .* less than or equal to 2048"),
        ({"Policy": SESSION_POLICY.replace("*", "\u2026")}, "ValidationError", "'policy'"),
        ({"Policy": "{"}, "MalformedPolicyDocument", "invalid Json"),
        ({"Policy": SESSION_POLICY.replace("Effect", "Affect")}, "MalformedPolicyDocument", "Affect"),
        ({"PolicyArns": [{"arn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}]}, "ValidationError", "managed"),
    ],
)
def test_parameters_outside_their_limits_are_refused(
    aws: Aws, clients: Clients, changes: dict[str, object], code: str, text: str
) -> None:
    found, message, status = refusal(lambda: assume(clients.sts(), **changes))
    assert found == code
    assert re.search(text, message, re.DOTALL)
    assert status == 400
    assert len(aws.principals.sessions()) == 1, "the service's own and no other"


def test_requests_within_the_limits_are_accepted(clients: Clients) -> None:
    assume(
        clients.sts(),
        RoleSessionName="a" * 64,
        SourceIdentity="b" * 64,
        DurationSeconds=3600,
        Policy=SESSION_POLICY.ljust(2048),
        Tags=[{"Key": f"k{number}", "Value": "Größe 1_.:/=+-@"} for number in range(50)],
    )


def test_values_within_limits_can_be_too_large_when_packed(clients: Clients) -> None:
    noise = [{"Key": f"{number:032x}", "Value": f"{number**60:0256x}"[:256]} for number in range(3, 40)]
    code, message, status = refusal(lambda: assume(clients.sts(), Tags=noise))
    assert (code, status) == ("PackedPolicyTooLarge", 400)
    assert re.search(r"consumes [0-9]{3,}% of allotted space", message)


def _trust(**changes: object) -> str:
    statement = {"Effect": "Allow", "Principal": {"AWS": account.SERVICE_ROLE}, "Action": "sts:*", **changes}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.mark.parametrize(
    ("trust", "asked", "action"),
    [
        # another principal is trusted
        (_trust(Principal={"AWS": "arn:aws:iam::111122223333:role/other"}), {}, "sts:AssumeRole"),
        (_trust(Principal={"AWS": "arn:aws:iam::999988887777:root"}), {}, "sts:AssumeRole"),
        # the external id is missing, or another
        (_trust(Condition={"StringEquals": {"sts:ExternalId": "ours"}}), {}, "sts:AssumeRole"),
        (_trust(Condition={"StringEquals": {"sts:ExternalId": "ours"}}), {"ExternalId": "theirs"}, "sts:AssumeRole"),
        # tags and source identity each need an action of their own
        (_trust(Action="sts:AssumeRole"), {}, "sts:TagSession"),
        (_trust(Action="sts:AssumeRole"), {"SourceIdentity": None}, "sts:TagSession"),
        (_trust(Action="sts:AssumeRole"), {"Tags": None}, "sts:SetSourceIdentity"),
        (_trust(Action=["sts:AssumeRole", "sts:TagSession"]), {}, "sts:SetSourceIdentity"),
        # a condition on what is sent along
        (_trust(Condition={"StringEquals": {"aws:RequestTag/repository": "acme/other"}}), {}, "sts:AssumeRole"),
    ],
)
def test_the_trust_policy_is_obeyed(
    aws: Aws, clients: Clients, trust: str, asked: dict[str, object], action: str
) -> None:
    aws.principals.put_role(make_role(account.PUSH_ROLE, trust=trust, permissions=[]))
    code, message, status = refusal(lambda: assume(clients.sts(), **asked))
    assert (code, status) == ("AccessDenied", 403)
    assert message == f"User: {SERVICE_ARN} is not authorized to perform: {action} on resource: {account.PUSH_ROLE}"


@pytest.mark.parametrize(
    "trust",
    [
        _trust(),
        _trust(Principal={"AWS": SERVICE_ARN}),
        _trust(Principal={"AWS": "arn:aws:iam::111122223333:root"}),
        _trust(Principal={"AWS": "*"}, Condition={"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/ecr-*"}}),
    ],
)
def test_a_trust_policy_may_mean_the_service_by_several_names(aws: Aws, clients: Clients, trust: str) -> None:
    aws.principals.put_role(make_role(account.PUSH_ROLE, trust=trust, permissions=[]))
    assume(clients.sts())


def test_a_role_accepts_its_external_id(clients: Clients) -> None:
    assume(clients.sts(), RoleArn=account.RELEASE_ROLE, ExternalId=account.RELEASE_EXTERNAL_ID)


def test_a_missing_role_answers_like_one_that_refuses(clients: Clients) -> None:
    missing = "arn:aws:iam::111122223333:role/no-such-role"
    code, message, _ = refusal(lambda: assume(clients.sts(), RoleArn=missing))
    assert code == "AccessDenied"
    assert message.endswith(f"sts:AssumeRole on resource: {missing}")


def test_the_service_assumes_only_roles_it_is_permitted(aws: Aws, clients: Clients) -> None:
    other = "arn:aws:iam::111122223333:role/trusting-but-not-permitted"
    aws.principals.put_role(make_role(other, trust=_trust(), permissions=[]))
    assert refusal(lambda: assume(clients.sts(), RoleArn=other))[0] == "AccessDenied"
