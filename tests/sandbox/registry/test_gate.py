"""The gate as a client meets it, with a real registry behind: what a login does not reach does not happen."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from sandbox import account
from sandbox.aws.principals import make_role
from sandbox.aws.server import Aws
from sandbox.images import MANIFEST_TYPE, digest, make_image
from sandbox.registry.gate import Gate
from tests.moved_clock import MovedClock
from tests.sandbox.clients import Clients, assume, authorization
from tests.sandbox.registry.client import Client, owner_password
from tests.sandbox.wire import Received

pytestmark = pytest.mark.registry

ARN = f"arn:aws:ecr:{account.REGION}:{account.APPS_ACCOUNT}:repository/"
SHOP = "ci/acme/shop"
IMAGE = make_image("the gate's tests")
PULL = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
PUSH = [*PULL, "ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload", "ecr:PutImage"]


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
def aws(clock: MovedClock) -> Iterator[Aws]:
    roles = account.roles()
    with Aws(roles=roles, callers=[account.service_session(roles[0])], now=clock) as running:
        yield running


@pytest.fixture
def gate(aws: Aws, clock: MovedClock) -> Iterator[Gate]:
    with Gate(aws, account=account.APPS_ACCOUNT, region=account.REGION, now=clock) as running:
        yield running


@pytest.fixture
def owner(aws: Aws, gate: Gate, clients: Clients) -> Client:
    password = owner_password(aws, clients, account=account.APPS_ACCOUNT, region=account.REGION)
    return Client(host=gate.host, password=password)


def policy(*statements: tuple[list[str], list[str]], minutes: int = 30, effect: str = "Allow") -> str:
    until = (datetime.now(UTC) + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")
    made: list[dict[str, object]] = [{"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"}]
    for actions, names in statements:
        made.append(
            {
                "Effect": effect,
                "Action": actions,
                "Resource": [ARN + name for name in names],
                "Condition": {"DateLessThan": {"aws:CurrentTime": until}},
            }
        )
    return json.dumps({"Version": "2012-10-17", "Statement": made})


def login(aws: Aws, clients: Clients, gate: Gate, text: str, *, region: str = account.REGION) -> Client:
    assume(clients.sts(), Policy=text)
    session = aws.principals.sessions()[-1]
    return Client(host=gate.host, password=authorization(clients.ecr(session, region=region)).password)


def refusal(answer: Received) -> tuple[int, str, str]:
    (error,) = json.loads(answer.body)["errors"]
    return answer.status, error["code"], error["message"]


def assert_empty(owner: Client, repository: str) -> None:
    assert owner.send("GET", f"/v2/{repository}/tags/list").status == 404


def test_a_login_pushes_and_pulls_its_repositories(aws: Aws, clients: Clients, gate: Gate) -> None:
    client = login(aws, clients, gate, policy((PUSH, [SHOP])))
    assert client.send("GET", "/v2/").status == 200
    assert client.push(SHOP, "1", IMAGE).status == 201
    pulled = client.pull(SHOP, "1")
    assert (pulled.status, pulled.body) == (200, IMAGE.manifest)
    types = [("Accept", "text/plain"), ("Accept", MANIFEST_TYPE)]
    assert client.send("GET", f"/v2/{SHOP}/manifests/1", headers=types).status == 200
    head = client.send("HEAD", f"/v2/{SHOP}/blobs/{digest(IMAGE.layer)}")
    assert (head.status, head.headers["content-length"]) == (200, str(len(IMAGE.layer)))
    assert client.send("GET", f"/v2/{SHOP}/blobs/{digest(IMAGE.layer)}").body == IMAGE.layer
    assert {visit.session for visit in gate.visits()} == {aws.principals.sessions()[-1].name}


def test_a_pull_login_does_not_push(aws: Aws, clients: Clients, gate: Gate, owner: Client) -> None:
    client = login(aws, clients, gate, policy((PULL, [SHOP])))
    session = aws.principals.sessions()[-1]
    status, code, message = refusal(client.push(SHOP, "1", IMAGE))
    assert (status, code) == (403, "DENIED")
    assert message == (
        f"User: {session.arn} is not authorized to perform: ecr:InitiateLayerUpload on resource: {ARN}{SHOP} "
        "because no session policy allows the ecr:InitiateLayerUpload action"
    )
    assert_empty(owner, SHOP)


@pytest.mark.parametrize("action", PUSH[3:])
def test_each_step_of_a_push_is_authorized(aws: Aws, clients: Clients, gate: Gate, owner: Client, action: str) -> None:
    client = login(aws, clients, gate, policy(([each for each in PUSH if each != action], [SHOP])))
    status, code, message = refusal(client.push(SHOP, "1", IMAGE))
    assert (status, code) == (403, "DENIED")
    assert f"not authorized to perform: {action} on" in message
    assert_empty(owner, SHOP)


def test_a_login_for_one_repository_reads_no_other(aws: Aws, clients: Clients, gate: Gate, owner: Client) -> None:
    assert owner.push("ci/acme/other", "1", IMAGE).status == 201
    client = login(aws, clients, gate, policy((PUSH, [SHOP, f"{SHOP}/*"])))
    for name in ("ci/acme/other", "ci/acme", "ci/acme/shopping"):
        assert refusal(client.pull(name, "1"))[:2] == (403, "DENIED")
        assert refusal(client.push(name, "2", IMAGE))[:2] == (403, "DENIED")
    assert client.push(f"{SHOP}/web/api", "1", IMAGE).status == 201, "a wildcard crosses a slash"
    assert json.loads(owner.send("GET", "/v2/ci/acme/other/tags/list").body)["tags"] == ["1"]


def test_a_login_ends_at_its_date_after_its_session_ended(
    aws: Aws, clients: Clients, gate: Gate, clock: MovedClock
) -> None:
    client = login(aws, clients, gate, policy((PUSH, [SHOP]), minutes=120))
    session = aws.principals.sessions()[-1]
    clock.ahead_seconds = 90 * 60
    assert aws.principals.is_expired(session)
    assert client.push(SHOP, "1", IMAGE).status == 201
    clock.ahead_seconds = 120 * 60
    assert refusal(client.pull(SHOP, "1"))[:2] == (403, "DENIED")


def test_a_login_ends_after_twelve_hours_whatever_its_rights(
    aws: Aws, gate: Gate, owner: Client, clock: MovedClock
) -> None:
    clock.ahead_seconds = 12 * 3600 - 60
    assert owner.send("GET", "/v2/").status == 200
    clock.ahead_seconds = 12 * 3600
    assert refusal(owner.send("GET", "/v2/")) == (
        403,
        "DENIED",
        "Your authorization token has expired. Reauthenticate and try again.",
    )


def test_a_denial_overrides_an_allow(aws: Aws, clients: Clients, gate: Gate, owner: Client) -> None:
    allowed = json.loads(policy((PUSH, [SHOP])))
    allowed["Statement"].append({"Effect": "Deny", "Action": "ecr:Put*", "Resource": f"{ARN}*"})
    client = login(aws, clients, gate, json.dumps(allowed))
    assert "with an explicit deny in a session policy" in refusal(client.push(SHOP, "1", IMAGE))[2]
    assert_empty(owner, SHOP)


def test_a_role_that_was_changed_since_bounds_the_logins_it_gave(aws: Aws, clients: Clients, gate: Gate) -> None:
    client = login(aws, clients, gate, policy((PUSH, [SHOP])))
    assert client.push(SHOP, "1", IMAGE).status == 201
    role = aws.principals.role(account.PUSH_ROLE)
    assert role is not None
    revoked = (
        '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*","Condition":'
        f'{{"DateLessThan":{{"aws:TokenIssueTime":"{datetime.fromtimestamp(time.time() + 1, UTC).isoformat()}"}}}}}}]}}'
    )
    permissions = [*(permission.text for permission in role.permissions), revoked]
    aws.principals.put_role(make_role(role.arn, trust=role.trust.text, permissions=permissions))
    assert "with an explicit deny in an identity-based policy" in refusal(client.pull(SHOP, "1"))[2]


def test_another_accounts_role_needs_more_than_its_own_policy(aws: Aws, clients: Clients, gate: Gate) -> None:
    password = owner_password(aws, clients, account=account.BASE_ACCOUNT, region=account.REGION)
    stranger = Client(host=gate.host, password=password)
    assert stranger.send("GET", "/v2/").status == 200
    assert "because no resource-based policy allows" in refusal(stranger.push(SHOP, "1", IMAGE))[2]


@pytest.mark.parametrize(
    ("user", "password"),
    [("AWS", "not-a-login"), ("aws", None), ("", None), ("AWS", "")],
)
def test_without_a_login_the_answer_is_401(gate: Gate, owner: Client, user: str, password: str | None) -> None:
    client = Client(host=gate.host, user=user, password=owner.password if password is None else password)
    answer = client.send("GET", "/v2/")
    assert refusal(answer)[:2] == (401, "DENIED")
    assert answer.headers["www-authenticate"].startswith("Basic ")
    assert refusal(Client(host=gate.host).push(SHOP, "1", IMAGE))[:2] == (401, "UNAUTHORIZED")
    assert_empty(owner, SHOP)


@pytest.mark.parametrize("header", ["Bearer x", "Basic", "Basic !!!", "Basic QVdT", "Basic w6k=", ""])
def test_an_authorization_of_another_kind_is_none(gate: Gate, header: str) -> None:
    answer = Client(host=gate.host).send("GET", "/v2/", headers=[("Authorization", header)])
    assert answer.status == 401


def test_a_login_is_for_one_region(aws: Aws, clients: Clients, gate: Gate) -> None:
    client = login(aws, clients, gate, policy((PUSH, [SHOP])), region="eu-central-1")
    assert client.send("GET", "/v2/").status == 401


def test_unknown_requests_are_not_passed_on(gate: Gate, owner: Client) -> None:
    for target in ("/v2/_catalog", "/v2/ci/../x/manifests/1", "/debug/vars", "/v2"):
        assert refusal(owner.send("GET", target))[:2] == (404, "UNSUPPORTED")


class TestMount:
    """A layer that another repository has: a login that may not read it there gets no copy here."""

    TARGET = f"/v2/{SHOP}/blobs/uploads/?mount={digest(IMAGE.layer)}&from=base/python"

    @pytest.fixture(autouse=True)
    def _base(self, owner: Client) -> None:
        assert owner.upload("base/python", IMAGE.layer).status == 201

    def test_who_may_read_the_source_mounts_it(self, aws: Aws, clients: Clients, gate: Gate) -> None:
        client = login(aws, clients, gate, policy((PUSH, [SHOP]), (PULL, ["base/*"])))
        assert client.send("POST", self.TARGET, body=b"").status == 201
        assert client.send("GET", f"/v2/{SHOP}/blobs/{digest(IMAGE.layer)}").body == IMAGE.layer

    def test_who_may_not_uploads_it(self, aws: Aws, clients: Clients, gate: Gate) -> None:
        client = login(aws, clients, gate, policy((PUSH, [SHOP])))
        assert client.send("POST", self.TARGET, body=b"").status == 202
        assert client.send("GET", f"/v2/{SHOP}/blobs/{digest(IMAGE.layer)}").status == 404

    def test_or_is_refused(self, aws: Aws, clients: Clients, gate: Gate) -> None:
        gate.mount_refusal = "deny"
        client = login(aws, clients, gate, policy((PUSH, [SHOP])))
        assert "ecr:GetDownloadUrlForLayer" in refusal(client.send("POST", self.TARGET, body=b""))[2]
        assert client.send("GET", f"/v2/{SHOP}/blobs/{digest(IMAGE.layer)}").status == 404
