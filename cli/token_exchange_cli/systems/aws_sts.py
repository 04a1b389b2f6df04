"""AWS CodeBuild, and everything else with an IAM role: how a job gets its token, and a first policy."""

from collections.abc import Mapping
from typing import Final

from token_exchange_cli.systems import answers
from token_exchange_cli.systems.job import NUMBER, Job, JobLine
from token_exchange_cli.systems.system import Question, Starter, System
from token_exchange_cli.values import ACCOUNT


def _contradiction(answers_given: Mapping[str, str]) -> str | None:
    account, role = answers_given["organization-id"], answers_given["actor"]
    if role.split(":")[4] == account:
        return None
    return f"the role {role} is not in the builds' account {account}; one of the two is wrong"


def _job(line: JobLine) -> Job:
    # Source: IAM User Guide, "Understanding token claims": no claim names a session or a build. CodeBuild's sessions
    # are called AWSCodeBuild- and the UUID of the build's id, as its messages about missing permissions show.
    account = line.value("organization_id", NUMBER)
    return Job(
        look_up=f"in CloudTrail of the account {account}, the event GetWebIdentityToken of this role just before; "
        "its session names the build: CodeBuild's are called AWSCodeBuild-ID"
    )


SYSTEM: Final = System(
    page="aws-codebuild",
    title="AWS CodeBuild, and everything else with an IAM role",
    job=_job,
    setup=("the role may call sts:GetWebIdentityToken for the audience {audience}",),
    token=(
        # A list: version 1 of the AWS CLI replaces a plain https:// value by the content of that URL.
        (
            r'token=$(aws sts get-web-identity-token --audience "[\"$AUDIENCE\"]" --signing-algorithm RS256 '
            "\\"
        ),
        '  --duration-seconds 300 --region "$AWS_REGION" --query WebIdentityToken --output text)',
    ),
    audience_variable=True,
    starter=Starter(
        questions={
            "issuer": Question(
                answers.ISSUER, "https://ID.tokens.sts.global.api.aws, which enabling the federation prints"
            ),
            "organization-id": Question(ACCOUNT, "the AWS account of the builds"),
            "actor": Question(answers.ROLE, "the ARN of the build's role"),
        },
        settings={"issuer": "{issuer}"},
        organization={"id": "{organization-id}"},
        match={"actor": "{actor}"},
        contradiction=_contradiction,
        pins=("A token names only the role: give each project its own role.",),
        claims={
            "sub": "{actor}",
            "https://sts.amazonaws.com/": {"aws_account": "{organization-id}", "source_region": "eu-west-1"},
        },
    ),
)
