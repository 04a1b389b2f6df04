"""The check's account in AWS: SAM deploys the exchange, CloudFormation the rest."""

import base64
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from deploy.removal import Removal
from live_check.issuer import ThrowAwayIssuer
from live_check.place import LiveCheckFailed, Login, Place
from live_check.stacks import Names
from token_exchange.loading.registries import partition_of

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.client import CloudFormationClient

_SESSION_SECONDS: Final = 900
_MEMBER_ACCOUNT: Final = Path(__file__).parent.parent / "deploy" / "member-account.yaml"
_REPOSITORIES: Final = Path(__file__).parent / "repositories.yaml"
_AWS_REFUSES: Final = (ClientError, BotoCoreError)


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsSession:
    """A session of the measuring role, and its login."""

    login: Login
    credentials: boto3.Session = field(repr=False)

    def is_over(self) -> bool:
        """Return whether ECR refuses the credentials as expired."""
        try:
            self.credentials.client("ecr").get_authorization_token()
        except ClientError as error:
            return error.response.get("Error", {}).get("Code") == "ExpiredTokenException"
        return False


class AwsAccount:
    """The account of `session`. `build` is what `make build` made; `sam` starts a command line of SAM's.

    What SAM prints goes to `output`, by default to the terminal.

    Raises:
        LiveCheckFailed: there is no such account or region.
    """

    def __init__(
        self,
        session: boto3.Session,
        *,
        base: str,
        build: Path,
        sam: Sequence[str],
        say: Callable[[str], None],
        output: IO[bytes] | None = None,
    ) -> None:
        self._session = session
        self._region = session.region_name
        self._build = build
        self._sam = sam
        self._say = say
        self._output = output
        partition = partition_of(self._region)
        if partition is None:
            raise LiveCheckFailed(f"expected an AWS region, found {self._region}")
        self._suffix = partition.dns_suffix
        try:
            account = session.client("sts").get_caller_identity()["Account"]
        except _AWS_REFUSES as error:
            raise LiveCheckFailed(f"no AWS account: {error}") from error
        self.names = Names(base=base, account=account, partition=partition.name)
        self._cloudformation: CloudFormationClient = session.client("cloudformation")

    def create(self, issuer: ThrowAwayIssuer) -> Place:
        """Deploy the exchange with a policy that trusts `issuer`, and what the policy names.

        Raises:
            LiveCheckFailed: a resource could not be created.
        """
        names = self.names
        try:
            self._say(f"making the bucket {names.bucket}")
            self._make_bucket()
            self._say(f"deploying {names.base}, which takes a few minutes")
            self._deploy(issuer)
            outputs = self._outputs()
            self._say(f"making {names.role_stack} and {names.repositories_stack}")
            role = {
                "BrokerRoleArns": outputs["RoleArn"],
                "RoleName": names.push_role,
                "Access": "push",
                "Repositories": f"{names.base}/*",
            }
            self._make_stack(names.role_stack, _MEMBER_ACCOUNT.read_text("utf-8"), role)
            self._make_stack(names.repositories_stack, _REPOSITORIES.read_text("utf-8"), {"Base": names.base})
        except _AWS_REFUSES as error:
            raise LiveCheckFailed(f"AWS refuses: {error}") from error
        return Place(
            exchange_url=outputs["Url"],
            registry_url=f"https://{names.account}.dkr.ecr.{self._region}.{self._suffix}",
            own=names.own,
            other=names.other,
        )

    def open_session(self) -> AwsSession:
        """Assume the measuring role for a quarter of an hour, and get a login with it.

        Raises:
            LiveCheckFailed: AWS refuses.
        """
        arn = self.names.role_arn(self.names.measuring_role)
        try:
            made = self._session.client("sts").assume_role(
                RoleArn=arn, RoleSessionName="live-check", DurationSeconds=_SESSION_SECONDS
            )["Credentials"]
            credentials = boto3.Session(
                aws_access_key_id=made["AccessKeyId"],
                aws_secret_access_key=made["SecretAccessKey"],
                aws_session_token=made["SessionToken"],
                region_name=self._region,
            )
            encoded = credentials.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
        except _AWS_REFUSES as error:
            raise LiveCheckFailed(f"no session of {arn}: {error}") from error
        password = base64.b64decode(encoded).decode().partition(":")[2]
        login = Login(password=password, ends_at=made["Expiration"].timestamp())
        return AwsSession(login=login, credentials=credentials)

    def remove(self) -> list[str]:
        """Remove everything that has this check's names; return what is left, and why."""
        names = self.names
        stacks = (names.repositories_stack, names.role_stack, names.base)
        removal = Removal(
            self._session, stacks=stacks, bucket=names.bucket, keeps_logs=False, unprotects=False, say=self._say
        )
        return removal.run()

    def _make_bucket(self) -> None:
        s3 = self._session.client("s3", region_name=self._region)
        if self._region == "us-east-1":  # which is the one that must not be named
            s3.create_bucket(Bucket=self.names.bucket)
            return
        # botocore's list of places is of the day of its release; AWS says whether there is such a place.
        s3.create_bucket(Bucket=self.names.bucket, CreateBucketConfiguration={"LocationConstraint": self._region})  # type: ignore[typeddict-item]

    def _deploy(self, issuer: ThrowAwayIssuer) -> None:
        policy = issuer.policy(
            account=self.names.account,
            region=self._region,
            role=self.names.role_arn(self.names.push_role),
            own=self.names.own,
        )
        with tempfile.TemporaryDirectory(prefix="live-check-") as folder:
            # A copy, so that no later deployment finds this policy, or samconfig.toml finds this one.
            copy = shutil.copytree(self._build, Path(folder) / "build")
            for package in copy.glob("*/exchange"):
                (package / "policy.yaml").write_text(policy)
            command = [*self._sam, *self._deploy_arguments(copy)]
            done = subprocess.run(command, cwd=folder, stdout=self._output, stderr=self._output, check=False)
        if done.returncode != 0:
            raise LiveCheckFailed(f"sam deploy ended with status {done.returncode}; see its own messages")

    def _deploy_arguments(self, build: Path) -> list[str]:
        given = {
            "AssumableRoleArns": self.names.role_arn(self.names.push_role),
            "ProtectState": "false",
            "LogRetentionDays": "30",
        }
        return [
            "deploy",
            *("--template-file", str(build / "template.yaml")),
            *("--stack-name", self.names.base),
            *("--s3-bucket", self.names.bucket),
            *("--region", self._region),
            *("--capabilities", "CAPABILITY_IAM"),
            *("--no-confirm-changeset", "--no-progressbar"),
            *("--parameter-overrides", *(f"{name}={value}" for name, value in given.items())),
        ]

    def _make_stack(self, name: str, template: str, parameters: Mapping[str, str]) -> None:
        self._cloudformation.create_stack(
            StackName=name,
            TemplateBody=template,
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        self._cloudformation.get_waiter("stack_create_complete").wait(StackName=name)

    def _outputs(self) -> dict[str, str]:
        stack = self._cloudformation.describe_stacks(StackName=self.names.base)["Stacks"][0]
        return {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}
