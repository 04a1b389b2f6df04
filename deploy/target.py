"""The account, region and stack of a deployment, found before anything is built."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, override

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.client import CloudFormationClient

_QUICK = Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 2})
_ENDED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
_NO_CREDENTIALS = (
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)
_LOG_IN = "log in (aws sso login, or aws login), or set AWS_PROFILE or AWS_ACCESS_KEY_ID"


class NotDeployed(Exception):
    """Nothing was deployed or removed; each argument is a text that says why, and what to do."""

    @override
    def __str__(self) -> str:
        return "; ".join(str(problem) for problem in self.args)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where to deploy. `exists` says whether a stack that `is_there` was deployed, and so has parameters to keep."""

    session: boto3.Session = field(repr=False)
    account: str
    region: str
    stack: str
    is_there: bool
    exists: bool
    parameters: Mapping[str, str]
    outputs: Mapping[str, str]


def find_target(*, stack: str, region: str | None) -> Target:
    """Return the stack's place; the credentials and the region are those that the AWS CLI would use.

    Raises:
        NotDeployed: there are no credentials, no region, or no connection.
    """
    try:
        # boto3 itself reads only AWS_DEFAULT_REGION.
        session = boto3.Session(region_name=region or os.environ.get("AWS_REGION"))
        if not session.region_name:
            no_credentials = [] if session.get_credentials() else [f"no AWS credentials: {_LOG_IN}"]
            raise NotDeployed("no AWS region: give REGION=eu-west-1, or set AWS_REGION", *no_credentials)
        account = session.client("sts", config=_QUICK).get_caller_identity()["Account"]
        cloudformation: CloudFormationClient = session.client("cloudformation", config=_QUICK)
    except _NO_CREDENTIALS as error:
        raise NotDeployed(f"no AWS credentials: {str(error).rstrip('.')}; {_LOG_IN}") from error
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        what = "have expired" if code in _ENDED else f"are refused ({code})"
        raise NotDeployed(f"the AWS credentials {what}: {_LOG_IN}") from error
    except (BotoCoreError, ValueError) as error:
        raise NotDeployed(f"AWS cannot be reached: {str(error).rstrip('.')}; check region and network") from error
    try:
        found = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    except ClientError as error:
        if "does not exist" not in error.response.get("Error", {}).get("Message", ""):
            raise NotDeployed(f"the stack {stack} cannot be read: {error}") from error
        return Target(
            session=session,
            account=account,
            region=session.region_name,
            stack=stack,
            is_there=False,
            exists=False,
            parameters={},
            outputs={},
        )
    return Target(
        session=session,
        account=account,
        region=session.region_name,
        stack=stack,
        is_there=True,
        # A stack whose first deployment failed has nothing to keep; SAM deletes it and starts again.
        exists=found["StackStatus"] not in {"ROLLBACK_COMPLETE", "REVIEW_IN_PROGRESS"},
        parameters={one["ParameterKey"]: one.get("ParameterValue", "") for one in found.get("Parameters", [])},
        outputs={one["OutputKey"]: one.get("OutputValue", "") for one in found.get("Outputs", [])},
    )
