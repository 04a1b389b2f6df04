"""What a login may do in AWS, by docs/policy.md: action by action, repository by repository."""

import json
from collections.abc import Iterator, Mapping

from fuzz.reference.decision import Login
from fuzz.reference.values import Json

_PULL = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
_PUSH = ("ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload", "ecr:PutImage")
_PUBLIC = (
    "ecr-public:BatchCheckLayerAvailability",
    "ecr-public:InitiateLayerUpload",
    "ecr-public:UploadLayerPart",
    "ecr-public:CompleteLayerUpload",
    "ecr-public:PutImage",
)
_ALSO = {"list": ("ecr:ListImages",), "import": ("ecr:BatchImportUpstreamImage", "ecr:CreateRepository")}

type Right = tuple[str, str, str | None]
"""An action, a resource, and the second at which the right ends, None for one that does not."""


def rights_of(login: Login, registry: Mapping[str, Json], grant: Mapping[str, Json], *, until: str) -> set[Right]:
    """Return every right that the session of `login` is to have; what was asked narrower has nothing of `also`."""
    account, region = registry.get("account"), str(registry.get("region"))
    if registry["type"] == "ecr-public":
        rights: set[Right] = {("ecr-public:GetAuthorizationToken", "*", None), ("sts:GetServiceBearerToken", "*", None)}
        arn = f"arn:aws:ecr-public::{account}:repository/"
        return rights | {(action, arn + name, until) for action in _PUBLIC for name in login.push}
    partition = "aws-cn" if region.startswith("cn-") else "aws-us-gov" if region.startswith("us-gov-") else "aws"
    arn = f"arn:{partition}:ecr:{region}:{account}:repository/"
    rights = {("ecr:GetAuthorizationToken", "*", None)}
    rights |= {(action, arn + name, until) for action in _PULL for name in (*login.push, *login.pull)}
    rights |= {(action, arn + name, until) for action in _PUSH for name in login.push}
    own = (login.push if grant["access"] == "push" else login.pull)[: len(_items(grant["repositories"]))]
    for further in _items(grant.get("also") or []):
        if isinstance(further, dict):
            rights.add(("signer:SignPayload", str(further["sign"]), until))
        else:
            rights |= {(action, arn + name, until) for action in _ALSO[str(further)] for name in own}
    return rights


def rights_in(document: str) -> set[Right]:
    """Return every right that a session policy gives.

    Raises:
        ValueError: it says something that no session policy of the service may say.
    """
    policy = json.loads(document)
    if set(policy) != {"Version", "Statement"} or policy["Version"] != "2012-10-17":
        raise ValueError("not a policy of 2012-10-17")
    return {right for statement in policy["Statement"] for right in _rights_in(statement)}


def _rights_in(statement: dict[str, Json]) -> Iterator[Right]:
    if statement["Effect"] != "Allow" or not set(statement) <= {"Effect", "Action", "Resource", "Condition"}:
        raise ValueError("a statement with more than actions, resources and a condition")
    until: str | None = None
    if "Condition" in statement:
        match statement["Condition"]:
            case {"DateLessThan": {"aws:CurrentTime": str(second), **none}, **nothing} if not none and not nothing:
                until = second
            case _:
                raise ValueError("another condition than the date")
    for action in _items(statement["Action"]):
        for resource in _items(statement["Resource"]):
            if "*" in str(action) or "?" in str(action):
                raise ValueError(f"a wildcard among the actions, {action}")
            yield str(action), str(resource), until


def _items(value: Json) -> list[Json]:
    return value if isinstance(value, list) else [value]
