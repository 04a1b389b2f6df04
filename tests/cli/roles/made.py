"""The roles that CloudFormation would make of what `roles` printed, as the sandbox's AWS knows them."""

from collections.abc import Mapping
from pathlib import Path

from sandbox.aws.policies import AuthorizationRequest, Decision, combined_decision
from sandbox.aws.principals import Role, make_role
from tests.cli.program import Printed, run, write_policy
from tests.deploy.cloudformation import Stack, as_policy, at, mapping, sequence, text
from tests.loading.documents import Document
from token_exchange.core.ports import Json

BROKER = "arn:aws:iam::210987654321:role/exchange"
ACCOUNT = "210987654321"
REPOSITORY = f"arn:aws:ecr:eu-central-1:{ACCOUNT}:repository/"


def printed(folder: Path, *grants: Document, options: tuple[str, ...] = (), **changes: Json) -> Printed:
    """Run `roles` on the small policy of the tests."""
    return run("roles", write_policy(folder, *grants, **changes), "--broker-role", BROKER, *options)


def roles_in(account: str, template: str, folder: Path, **parameters: str) -> dict[str, Role]:
    """Return the roles that the stack of `account` has, by their ARNs."""
    path = folder / "roles.yaml"
    path.write_text(template, "utf-8")
    stack = Stack(str(path), {"AWS::AccountId": account, **parameters})
    names = [name for name in role_names(stack.template) if stack.makes(name)]
    return {role.arn: role for role in (_made(stack.resource(name), account) for name in names)}


def role_names(template: object) -> list[str]:
    """Return the logical ids of a template's roles."""
    return [name for name, one in mapping(template, "Resources").items() if text(one, "Type") == "AWS::IAM::Role"]


def _made(role: Mapping[str, object], account: str) -> Role:
    maximum = role["MaxSessionDuration"]
    assert isinstance(maximum, int)
    return make_role(
        f"arn:aws:iam::{account}:role{text(role, 'Path')}{text(role, 'RoleName')}",
        trust=as_policy(role["AssumeRolePolicyDocument"]),
        permissions=[as_policy(at(each, "PolicyDocument")) for each in sequence(role, "Policies")],
        max_session_seconds=maximum,
    )


def made(folder: Path, *grants: Document, options: tuple[str, ...] = (), **changes: Json) -> Role:
    """Return the only role of the policy with `grants`."""
    done = printed(folder, *grants, options=options, **changes)
    assert done.status == 0, done.err
    (role,) = roles_in(ACCOUNT, done.out, folder).values()
    return role


def may(role: Role, action: str, resource: str) -> bool:
    """Tell whether the role's permissions allow this."""
    ask = AuthorizationRequest(action=action, resource=resource, context={})
    return combined_decision(role.permissions, ask) is Decision.ALLOW


def trusts(role: Role, action: str = "sts:AssumeRole", *, principal: str = BROKER, **context: str) -> bool:
    """Tell whether the role's trust policy lets `principal` do this; context keys come without their colons."""
    keys = {key.replace("__", ":").replace("_of_", "/").lower(): [value] for key, value in context.items()}
    ask = AuthorizationRequest(action=action, resource=role.arn, context=keys)
    return role.trust.evaluate(ask, principals=[principal]) is Decision.ALLOW
