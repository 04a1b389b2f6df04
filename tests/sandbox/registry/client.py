"""The smallest client of a registry: what docker does, one request after the other."""

import base64
from dataclasses import dataclass, field

from sandbox.aws.principals import Role, Session, make_role, new_access_key_id
from sandbox.aws.server import Aws
from sandbox.images import CONFIG_TYPE, LAYER_TYPE, MANIFEST_TYPE, Image, digest
from tests.sandbox.clients import Clients, authorization
from tests.sandbox.wire import Received, send

OCTETS = ("Content-Type", "application/octet-stream")


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """Speaks to one host with one password, or with none."""

    host: str
    password: str | None = field(default=None, repr=False)
    user: str = "AWS"

    @property
    def basic(self) -> str:
        """The login as docker keeps it."""
        return base64.b64encode(f"{self.user}:{self.password}".encode()).decode()

    def send(
        self, method: str, target: str, *, body: bytes | None = None, headers: list[tuple[str, str]] | None = None
    ) -> Received:
        sent = list(headers or [])
        if self.password is not None:
            sent.append(("Authorization", f"Basic {self.basic}"))
        return send(f"http://{self.host}{target}", method=method, body=body, headers=sent)

    def upload(self, repository: str, blob: bytes) -> Received:
        """Return the last answer: that of the layer, or the first that is no success."""
        begun = self.send("POST", f"/v2/{repository}/blobs/uploads/", body=b"")
        if begun.status != 202:
            return begun
        place = begun.headers["location"]
        sent = self.send("PATCH", place, body=blob, headers=[OCTETS])
        if sent.status != 202:
            return sent
        place = sent.headers["location"]
        mark = "&" if "?" in place else "?"
        return self.send("PUT", f"{place}{mark}digest={digest(blob)}", body=b"")

    def push(self, repository: str, tag: str, image: Image) -> Received:
        for blob in (image.layer, image.config):
            answer = self.upload(repository, blob)
            if answer.status != 201:
                return answer
        return self.send(
            "PUT",
            f"/v2/{repository}/manifests/{tag}",
            body=image.manifest,
            headers=[("Content-Type", MANIFEST_TYPE)],
        )

    def pull(self, repository: str, tag: str) -> Received:
        return self.send(
            "GET",
            f"/v2/{repository}/manifests/{tag}",
            headers=[("Accept", f"{MANIFEST_TYPE}, {CONFIG_TYPE}, {LAYER_TYPE}")],
        )


def owner_password(aws: Aws, clients: Clients, *, account: str, region: str) -> str:
    """Return a login with all permissions in one account."""
    anything = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'
    no_principal = (
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},'
        '"Action":"sts:AssumeRole"}]}'
    )
    role = make_role(f"arn:aws:iam::{account}:role/owner", trust=no_principal, permissions=[anything])
    aws.principals.put_role(role)
    return authorization(clients.ecr(session_of(aws, role, name="owner"), region=region)).password


def session_of(aws: Aws, role: Role, *, name: str, expires_at: float | None = None) -> Session:
    """Return credentials of a role that nothing bounds but itself."""
    return aws.principals.remember(
        Session(
            role=role,
            name=name,
            access_key_id=new_access_key_id(),
            secret_access_key="a-secret-of-the-tests",
            session_token="a-token-of-the-tests",
            expires_at=expires_at,
        )
    )
