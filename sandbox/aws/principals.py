"""The principals of the sandbox's AWS: roles, OIDC providers, and the credentials of their sessions."""

import base64
import secrets
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from sandbox.aws.oidc_providers import OidcProvider
from sandbox.aws.policies import Policy
from sandbox.aws.policy_grammar import parse_policy
from sandbox.clocks import Now

_KEY_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """An IAM role with its trust policy and its permissions."""

    arn: str
    trust: Policy
    permissions: tuple[Policy, ...]
    role_id: str
    max_session_seconds: int = 3600
    organization: str | None = None
    """The AWS organization of the role's account, if it is in one."""

    @property
    def account(self) -> str:
        """The role's account."""
        return self.arn.split(":")[4]

    @property
    def name(self) -> str:
        """The role's name, without its path."""
        return self.arn.rpartition("/")[2]


def make_role(
    arn: str,
    *,
    trust: str,
    permissions: Iterable[str],
    max_session_seconds: int = 3600,
    organization: str | None = None,
) -> Role:
    """Return a role whose policies are given as JSON text."""
    return Role(
        arn=arn,
        trust=parse_policy(trust, kind="trust"),
        permissions=tuple(parse_policy(text, kind="identity") for text in permissions),
        role_id="AROA" + _key_characters(17),
        max_session_seconds=max_session_seconds,
        organization=organization,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """The credentials of an assumed role, with their session policy. `expires_at` None: they never expire."""

    role: Role
    name: str
    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)
    expires_at: float | None
    issued_at: float = 0.0
    policy: Policy | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    source_identity: str | None = None

    @property
    def arn(self) -> str:
        """The principal as AWS's messages and CloudTrail name it."""
        partition, account = self.role.arn.split(":")[1], self.role.account
        return f"arn:{partition}:sts::{account}:assumed-role/{self.role.name}/{self.name}"

    @property
    def role_session_id(self) -> str:
        """What AWS calls the AssumedRoleId."""
        return f"{self.role.role_id}:{self.name}"

    @property
    def names(self) -> tuple[str, ...]:
        """The names by which a trust policy can refer to this caller."""
        account = self.role.account
        return (self.arn, self.role.arn, f"arn:{self.role.arn.split(':')[1]}:iam::{account}:root", account)


class Principals:
    """All roles, and all sessions ever made."""

    def __init__(self, roles: Iterable[Role], *, now: Now) -> None:
        self._roles = {role.arn: role for role in roles}
        self._sessions: dict[str, Session] = {}
        self._oidc_providers: dict[str, OidcProvider] = {}
        self._now = now
        self._lock = threading.Lock()

    def put_role(self, role: Role) -> None:
        """Add a role, or replace the one with the same ARN."""
        with self._lock:
            self._roles[role.arn] = role

    def put_oidc_provider(self, provider: OidcProvider) -> None:
        """Add an OIDC provider, or replace the one with the same ARN."""
        with self._lock:
            self._oidc_providers[provider.arn] = provider

    def oidc_providers(self) -> list[OidcProvider]:
        """Return the OIDC providers of every account."""
        with self._lock:
            return list(self._oidc_providers.values())

    def role(self, arn: str) -> Role | None:
        """Return the role with exactly this ARN."""
        return self._roles.get(arn)

    def session(self, access_key_id: str) -> Session | None:
        """Return the session with an access key id, expired or not."""
        return self._sessions.get(access_key_id)

    def sessions(self) -> list[Session]:
        """Return every session, in the order in which they were made."""
        with self._lock:
            return list(self._sessions.values())

    def remember(self, session: Session) -> Session:
        """Register `session` as a caller."""
        with self._lock:
            self._sessions[session.access_key_id] = session
        return session

    def is_expired(self, session: Session) -> bool:
        """Return whether a session has expired."""
        return session.expires_at is not None and session.expires_at <= self._now()


def new_access_key_id() -> str:
    """Return an id of temporary credentials."""
    return "ASIA" + _key_characters(16)


def new_secret(*, size_bytes: int) -> str:
    """Return a random string in base64, in the form of secret keys and session tokens."""
    return base64.b64encode(secrets.token_bytes(size_bytes)).decode()


def _key_characters(count: int) -> str:
    return "".join(secrets.choice(_KEY_ALPHABET) for _ in range(count))
