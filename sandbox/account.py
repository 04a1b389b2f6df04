"""The AWS accounts of the sandbox: the service's own role, and the roles that the policy's grants name."""

import json
from typing import Final

from sandbox.aws.principals import Role, Session, make_role
from sandbox.aws.secrets_manager import Secret

APPS_ACCOUNT: Final = "111122223333"
BASE_ACCOUNT: Final = "444455556666"
BUILDS_ACCOUNT: Final = "777788889999"
"""The account of roles that request tokens about themselves from STS."""
REGION: Final = "eu-west-1"
BASE_REGION: Final = "us-east-1"
REGISTRIES: Final = {"apps": (APPS_ACCOUNT, REGION), "base": (BASE_ACCOUNT, BASE_REGION)}
"""Account and region of each registry, by its name in the policy."""

SERVICE_ROLE: Final = f"arn:aws:iam::{APPS_ACCOUNT}:role/ecr-token-exchange"
OPERATOR_ROLE: Final = f"arn:aws:iam::{APPS_ACCOUNT}:role/operator"
PUSH_ROLE: Final = f"arn:aws:iam::{APPS_ACCOUNT}:role/ci-ecr-push"
RELEASE_ROLE: Final = f"arn:aws:iam::{APPS_ACCOUNT}:role/ci-ecr-release"
PULL_ROLE: Final = f"arn:aws:iam::{BASE_ACCOUNT}:role/ci-ecr-pull"
PUBLIC_ROLE: Final = f"arn:aws:iam::{APPS_ACCOUNT}:role/ci-ecr-public"
RELEASE_EXTERNAL_ID: Final = "acme-releases"
HUB_SECRET: Final = f"arn:aws:secretsmanager:{REGION}:{APPS_ACCOUNT}:secret:registries/docker-hub-Q7mXb2"

_MAY_ASSUME: Final = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
_PULL: Final = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
_PUSH: Final = [
    *_PULL,
    "ecr:InitiateLayerUpload",
    "ecr:UploadLayerPart",
    "ecr:CompleteLayerUpload",
    "ecr:PutImage",
]
_PUBLIC_PUSH: Final = [
    "ecr-public:BatchCheckLayerAvailability",
    "ecr-public:InitiateLayerUpload",
    "ecr-public:UploadLayerPart",
    "ecr-public:CompleteLayerUpload",
    "ecr-public:PutImage",
]


def roles() -> list[Role]:
    """Return every role, the service's own first."""
    service = make_role(
        SERVICE_ROLE,
        trust=_policy(
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ),
        permissions=[
            _policy(
                {
                    "Effect": "Allow",
                    "Action": _MAY_ASSUME,
                    "Resource": [PUSH_ROLE, RELEASE_ROLE, PULL_ROLE, PUBLIC_ROLE],
                },
                {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": HUB_SECRET},
                # As the template has it: the function reads key sets, and writes marks and counts.
                _on_items("dynamodb:GetItem", "keys#*"),
                _on_items(["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"], "use#*", "budget#*"),
                {
                    "Effect": "Allow",
                    "Action": ["appconfig:StartConfigurationSession", "appconfig:GetLatestConfiguration"],
                    "Resource": f"arn:aws:appconfig:{REGION}:{APPS_ACCOUNT}:application/ecr-token-exchange/*",
                },
                {
                    "Effect": "Allow",
                    "Action": "appconfig:ListDeployments",
                    "Resource": f"arn:aws:appconfig:{REGION}:{APPS_ACCOUNT}:application/ecr-token-exchange/*",
                },
                {
                    "Effect": "Allow",
                    "Action": "dynamodb:GetItem",
                    "Resource": f"arn:aws:dynamodb:{REGION}:{APPS_ACCOUNT}:table/brake-*",
                },
            )
        ],
    )
    return [
        service,
        _registry_role(PUSH_ROLE, _PUSH),
        _registry_role(RELEASE_ROLE, _PUSH, external_id=RELEASE_EXTERNAL_ID),
        _registry_role(PULL_ROLE, _PULL),
        _public_role(),
    ]


def _on_items(actions: str | list[str], *leading: str) -> dict[str, object]:
    return {
        "Effect": "Allow",
        "Action": actions,
        "Resource": f"arn:aws:dynamodb:{REGION}:{APPS_ACCOUNT}:table/state-*",
        "Condition": {
            "ForAllValues:StringLike": {"dynamodb:LeadingKeys": [*leading]},
            "Null": {"dynamodb:LeadingKeys": "false"},
        },
    }


def service_session(service: Role) -> Session:
    """Return the credentials with which Lambda would start the function; always the same, and valid nowhere else."""
    return Session(
        role=service,
        name="ecr-token-exchange",
        access_key_id="ASIASANDBOXSERVICE01",
        secret_access_key="the-sandbox-service-secret-opens-nothing",
        session_token="the-sandbox-service-session-token-opens-nothing",
        expires_at=None,
    )


def operator_session() -> Session:
    """Return the credentials of the people who operate the service, who may do everything in its account."""
    role = make_role(
        OPERATOR_ROLE,
        trust=_policy({"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{APPS_ACCOUNT}:root"}, "Action": "*"}),
        permissions=[_policy({"Effect": "Allow", "Action": "*", "Resource": "*"})],
    )
    return Session(
        role=role,
        name="operator",
        access_key_id="ASIASANDBOXOPERATOR1",
        secret_access_key="the-sandbox-operator-secret-opens-nothing",
        session_token="the-sandbox-operator-session-token-opens-nothing",
        expires_at=None,
    )


def hub_secret() -> Secret:
    """Return the secret with a login for Docker Hub, which is not valid there."""
    return Secret(arn=HUB_SECRET, value=json.dumps({"username": "acme-ci", "password": "the-sandbox-has-no-account"}))


def _registry_role(arn: str, actions: list[str], *, external_id: str | None = None) -> Role:
    trust: dict[str, object] = {"Effect": "Allow", "Principal": {"AWS": SERVICE_ROLE}, "Action": _MAY_ASSUME}
    if external_id is not None:
        trust["Condition"] = {"StringEquals": {"sts:ExternalId": external_id}}
    account = arn.split(":")[4]
    permissions = _policy(
        {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"},
        {"Effect": "Allow", "Action": actions, "Resource": f"arn:aws:ecr:*:{account}:repository/*"},
    )
    return make_role(arn, trust=_policy(trust), permissions=[permissions])


def _public_role() -> Role:
    trust = _policy({"Effect": "Allow", "Principal": {"AWS": SERVICE_ROLE}, "Action": _MAY_ASSUME})
    permissions = _policy(
        {
            "Effect": "Allow",
            "Action": ["ecr-public:GetAuthorizationToken", "sts:GetServiceBearerToken"],
            "Resource": "*",
        },
        {
            "Effect": "Allow",
            "Action": _PUBLIC_PUSH,
            "Resource": f"arn:aws:ecr-public::{APPS_ACCOUNT}:repository/*",
        },
    )
    return make_role(PUBLIC_ROLE, trust=trust, permissions=[permissions])


def _policy(*statements: dict[str, object]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})
