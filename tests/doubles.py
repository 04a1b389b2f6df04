"""In-memory doubles of the ports to AWS and to the policy, and the policy that they are used with."""

import json
from collections.abc import Callable, Sequence

from tests.fake_issuer import AUDIENCE, ISSUER
from token_exchange.core.ports import Deadline, RegistryLogin, RoleRequest, RoleSession, StoredLogin
from token_exchange.core.refusals import Refused
from token_exchange.loading.store import PolicyDocument, PolicyUnreadable


class FakeRoles:
    """Fulfils `RoleAssumer`; refuses the roles in `refusals`."""

    def __init__(self) -> None:
        self.requests: list[RoleRequest] = []
        self.raw_tokens: list[str] = []
        self.refusals: dict[str, Refused] = {}

    def assume_with_web_identity(self, request: RoleRequest, *, raw_token: str) -> RoleSession:
        self.raw_tokens.append(raw_token)
        return self.assume(request)

    def assume(self, request: RoleRequest) -> RoleSession:
        self.requests.append(request)
        if request.role_arn in self.refusals:
            raise self.refusals[request.role_arn]
        number = len(self.requests)
        return RoleSession(
            access_key_id=f"ASIA{number}",
            secret_access_key=f"secret-{number}",
            session_token=f"session-{number}",
            assumed_role_id=f"AROA:{request.session_name}",
            assumed_role_arn=f"arn:aws:sts::111122223333:assumed-role/r/{request.session_name}",
            packed_policy_percent=7,
            request_id=f"sts-{number}",
        )


class OneByOne:
    """Fulfils `Threads` without any: one function after the other, so that the order of calls is certain."""

    def run[T](self, functions: Sequence[Callable[[], T]], *, deadline: Deadline) -> list[T | Exception]:
        del deadline
        outcomes: list[T | Exception] = []
        for function in functions:
            try:
                outcomes.append(function())
            except Exception as error:  # noqa: BLE001 - the caller raises it
                outcomes.append(error)
        return outcomes


class FakeStoredLogins:
    """Fulfils `StoredLogins`; every secret holds the same login but for its own ARN."""

    def __init__(self) -> None:
        self.read_arns: list[str] = []
        self.refusal: Refused | None = None

    def read(self, secret_arn: str) -> StoredLogin:
        self.read_arns.append(secret_arn)
        if self.refusal is not None:
            raise self.refusal
        return StoredLogin(username="hub-user", password=f"password-in-{secret_arn}", request_id="secret-1")


class FakeRegistries:
    """Fulfils `RegistryAuthorizer`; each password says which session it is of."""

    def __init__(self, *, expires_at: float) -> None:
        self.calls: list[tuple[str, str]] = []
        self.refusal: Refused | None = None
        self.expires_at = expires_at

    def authorize_public(self, session: RoleSession) -> RegistryLogin:
        return self.authorize(session, region="public")

    def authorize(self, session: RoleSession, *, region: str) -> RegistryLogin:
        self.calls.append((session.access_key_id, region))
        if self.refusal is not None:
            raise self.refusal
        return RegistryLogin(
            username="AWS",
            password=f"password-of-{session.access_key_id}",
            expires_at=self.expires_at,
            request_id=f"ecr-{len(self.calls)}",
        )


class FakePolicySource:
    """Fulfils `PolicySource`."""

    def __init__(self, content: str) -> None:
        self.content = content

    def read(self, _deadline: Deadline, /) -> PolicyDocument:
        if not self.content:
            raise PolicyUnreadable("there is none")
        return PolicyDocument(name="policy.yaml", content=self.content.encode(), read_file=None)


class QuietPolicyEvents:
    """Fulfils `PolicyEvents` by listening to nothing."""

    def loaded(self, policy: object, *, version: str | None) -> None:
        del policy, version

    def not_loaded(self, cause: Exception, *, in_force: str | None, version: str | None) -> None:
        raise AssertionError(f"the policy of a test does not load: {cause}")

    def not_read(self, cause: Exception, *, in_force: str | None) -> None:
        raise AssertionError(f"the policy of a test is not there: {cause}")


class RecordedClaimEvents:
    """Fulfils `ClaimEvents` by remembering."""

    def __init__(self) -> None:
        self.unknown: list[tuple[str, str, str]] = []

    def unknown_claim(self, entry: str, *, provider: str, claim: str) -> None:
        self.unknown.append((entry, provider, claim))


def policy_text(grants: list[dict[str, object]], *, deny: list[dict[str, object]] | None = None) -> str:
    """Return a policy of one generic issuer, whose tokens' claims are what they are called in the vocabulary."""
    document: dict[str, object] = {
        "version": 1,
        "issuers": {
            "ci": {
                "provider": "generic",
                "issuer": ISSUER,
                "audience": AUDIENCE,
                "algorithms": ["RS256"],
                "organization_claim": "organization",
                "organizations": [{"name": "acme"}],
                "claims": {
                    name: name
                    for name in (
                        "repository",
                        "repository_id",
                        "pipeline_id",
                        "ref",
                        "branch",
                        "environment",
                        "workflow",
                        "run_id",
                        "actor",
                        "actor_id",
                        "sha",
                    )
                },
            }
        },
        "registries": {
            "apps": {"type": "ecr", "account": "111122223333", "region": "eu-west-1"},
            "base": {"type": "ecr", "account": "444455556666", "region": "us-east-1"},
        },
        "grants": grants,
    }
    return json.dumps(document if deny is None else {**document, "deny": deny})


def grant(name: str = "own", **changes: object) -> dict[str, object]:
    """Return a grant for every caller; a change to None leaves a key out."""
    fields: dict[str, object] = {
        "name": name,
        "issuers": ["ci"],
        "registry": "apps",
        "role": f"arn:aws:iam::111122223333:role/{name}",
        "access": "push",
        "repositories": ["ci/{repository}"],
        **changes,
    }
    return {key: value for key, value in fields.items() if value is not None}
