"""The roles that `roles` makes of a policy are enough for every login of that policy, and for no other."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandbox import account
from sandbox.aws.policies import AuthorizationRequest, Decision, combined_decision
from sandbox.aws.principals import Role, Session
from sandbox.providers import all_providers
from tests.cli.program import run
from tests.cli.roles.made import roles_in
from tests.service.front import Answer, Front
from tests.service.other_registries import DIRECT_ROLE
from tests.service.policy import AUDIENCE

PROVIDERS = all_providers()
ELSEWHERE = {"environment": "elsewhere"}


def _generate(policy: Path, folder: Path) -> dict[str, Role]:
    done = run("roles", policy, "--broker-role", account.SERVICE_ROLE)
    assert done.status == 0, done.err
    both = (roles_in(number, done.out, folder) for number in (account.APPS_ACCOUNT, account.BASE_ACCOUNT))
    return {arn: role for found in both for arn, role in found.items()}


def _put(front: Front, roles: dict[str, Role]) -> None:
    for role in roles.values():
        front.backends.aws.principals.put_role(role)


@pytest.fixture
def made(front: Front, shared: Callable[[dict[str, str]], Front], tmp_path: Path) -> Iterator[Front]:
    """Start the service with the sandbox's own policy, and with the roles that are made of it."""
    roles = _generate(front.backends.policy_path, tmp_path)
    assert set(roles) == {account.PUSH_ROLE, account.RELEASE_ROLE, account.PULL_ROLE, account.PUBLIC_ROLE}
    _put(front, roles)
    yield shared({"TOKEN_EXCHANGE_POLICY": f"file:{front.backends.policy_path}"})
    _put(front, {role.arn: role for role in account.roles()})


def _sessions_are_whole(front: Front) -> None:
    """Assert that no role takes anything from what the session policies of its sessions allow."""
    sessions = [session for session in front.backends.aws.principals.sessions() if session.policy is not None]
    assert sessions
    _assert_whole(sessions[-1])


def _assert_whole(session: Session) -> None:
    assert session.policy is not None
    for statement in json.loads(session.policy.text)["Statement"]:
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        resources = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
        for action in actions:
            for resource in resources:
                ask = AuthorizationRequest(action=action, resource=resource, context={})
                assert combined_decision(session.role.permissions, ask) is Decision.ALLOW, (action, resource)


def _ask(front: Front, provider: str, scenario: str | None, registry: str, **claims: str) -> Answer:
    audience = PROVIDERS[provider].fixed_audience or AUDIENCE
    token = front.backends.issuer.mint(provider, audience=audience, scenario=scenario, claims=claims)
    return front.send(token, {"registry": registry})


@pytest.mark.parametrize("provider", sorted(PROVIDERS))
def test_each_ci_system_pushes_its_own_images(made: Front, provider: str) -> None:
    answer = _ask(made, provider, PROVIDERS[provider].shown.granted, "apps")
    assert answer.status == 200, answer.body
    assert "sts:AssumeRole" in made.calls()
    _sessions_are_whole(made)


@pytest.mark.parametrize(
    ("scenario", "registry", "claims"),
    [("push-main", "base", {}), ("release", "apps", {}), ("push-main", "public", ELSEWHERE)],
)
def test_each_other_grant_has_its_role(made: Front, scenario: str, registry: str, claims: dict[str, str]) -> None:
    assert _ask(made, "github-actions", scenario, registry, **claims).status == 200
    _sessions_are_whole(made)


def test_a_broker_that_the_roles_do_not_name_is_refused(front: Front, made: Front, tmp_path: Path) -> None:
    done = run("roles", front.backends.policy_path, "--broker-role", f"{account.SERVICE_ROLE}-2")
    _put(front, roles_in(account.APPS_ACCOUNT, done.out, tmp_path))
    answer = _ask(made, "github-actions", "push-main", "apps")
    assert (answer.status, answer.reason) == (502, "role-refused")
    assert made.calls() == ["sts:AssumeRole"]


def test_a_web_identity_role_admits_only_the_grants_runs(others: Front, tmp_path: Path) -> None:
    policy = others.backends.policy_path.parent / "other-registries.yaml"
    roles = _generate(policy, tmp_path)
    _put(others, {DIRECT_ROLE: roles[DIRECT_ROLE]})
    shop = others.token(environment="direct", sub="repo:acme/shop:environment:direct")
    assert others.send(shop, "registry=direct").status == 200
    _sessions_are_whole(others)
    # The same organization by its claims, and by its subject another environment, or a stranger.
    for subject in ("repo:acme/shop:environment:other", "repo:globex/shop:environment:direct"):
        answer = others.send(others.token(environment="direct", sub=subject), "registry=direct")
        assert (answer.status, answer.reason) == (502, "role-refused")
