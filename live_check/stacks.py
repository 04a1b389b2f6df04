"""What the check makes besides the exchange itself, as CloudFormation; and what all of it is called."""

import json
import re
import secrets
from dataclasses import dataclass

COST = (
    "cost: well under a dollar. A few calls of a Lambda, an HTTP API and a table on demand, kilobytes in S3 and ECR,"
    " and an hour's share of the template's alarms."
)
MADE = (
    "an S3 bucket for the deployment",
    "the stack of the exchange: functions, roles, an HTTP API, a table, log groups, alarms",
    "a stack with a role that the exchange may assume (deploy/member-account.yaml)",
    "a stack with two ECR repositories and a role for measuring, which this account's own principals may assume",
)
_PULL_AND_PUSH = (
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:GetDownloadUrlForLayer",
    "ecr:InitiateLayerUpload",
    "ecr:UploadLayerPart",
    "ecr:CompleteLayerUpload",
    "ecr:PutImage",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """The names of one check, all of which begin alike, so that a person can find what an accident has left."""

    base: str
    account: str
    partition: str

    @property
    def bucket(self) -> str:
        """A name that is unique in AWS."""
        return f"{self.base}-{self.account}"

    @property
    def role_stack(self) -> str:
        """The stack of the role that the exchange assumes."""
        return f"{self.base}-role"

    @property
    def repositories_stack(self) -> str:
        """The stack of the repositories and of the role for measuring."""
        return f"{self.base}-repositories"

    @property
    def push_role(self) -> str:
        """The role's name; it is known before it exists, since the exchange has to name it."""
        return f"{self.base}-push"

    @property
    def measuring_role(self) -> str:
        """The name of the role for measuring."""
        return f"{self.base}-measure"

    @property
    def own(self) -> str:
        """The repository that the policy grants."""
        return f"{self.base}/own"

    @property
    def other(self) -> str:
        """The repository that it does not."""
        return f"{self.base}/other"

    def role_arn(self, name: str) -> str:
        """Return the ARN of a role of this account."""
        return f"arn:{self.partition}:iam::{self.account}:role/{name}"


def new_base() -> str:
    """Return the beginning of all names of a new check."""
    return f"live-check-{secrets.token_hex(4)}"


def is_base(text: str) -> bool:
    """Tell whether `text` is what `new_base` returns."""
    return re.fullmatch(r"live-check-[0-9a-f]{8}", text) is not None


def repositories_template(names: Names) -> str:
    """Return the template of the repositories and of the role for measuring."""
    arns = [
        {"Fn::Sub": f"arn:${{AWS::Partition}}:ecr:${{AWS::Region}}:${{AWS::AccountId}}:repository/{name}"}
        for name in (names.own, names.other)
    ]
    may: list[dict[str, object]] = [
        {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"},
        {"Effect": "Allow", "Action": [*_PULL_AND_PUSH], "Resource": arns},
    ]
    root = {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}
    trust: list[dict[str, object]] = [{"Effect": "Allow", "Principal": {"AWS": root}, "Action": "sts:AssumeRole"}]
    role = {
        "RoleName": names.measuring_role,
        "AssumeRolePolicyDocument": _document(trust),
        "Policies": [{"PolicyName": "push", "PolicyDocument": _document(may)}],
    }
    resources = {
        "Own": {"Type": "AWS::ECR::Repository", "Properties": _repository(names.own)},
        "Other": {"Type": "AWS::ECR::Repository", "Properties": _repository(names.other)},
        "MeasuringRole": {"Type": "AWS::IAM::Role", "Properties": role},
    }
    return json.dumps({"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources})


def _repository(name: str) -> dict[str, object]:
    return {"RepositoryName": name, "EmptyOnDelete": True}


def _document(statements: list[dict[str, object]]) -> dict[str, object]:
    return {"Version": "2012-10-17", "Statement": statements}
