"""The AWS clients: made once, kept, and for ECR signed with the credentials of one request at a time.

Making a client for each request costs several times what its call does, and a session ten times that.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock
from typing import TYPE_CHECKING, Final

import boto3
import botocore.session
from botocore.config import Config
from botocore.credentials import Credentials, ReadOnlyCredentials

from token_exchange.ports import RoleSession
from token_exchange.reasons import Reason
from token_exchange.refusals import Refused

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient
    from mypy_boto3_sts import STSClient

_CONFIG: Final = Config(
    connect_timeout=2,
    read_timeout=5,
    retries={"mode": "standard", "total_max_attempts": 3},
    max_pool_connections=64,
)
"""Three attempts on throttling and 5xx; the request's own deadline cuts all of them short."""

_borrowed: ContextVar[RoleSession] = ContextVar("_borrowed")


class _BorrowedCredentials(Credentials):
    """The credentials that the running request has lent, and none when it has lent none.

    A context variable belongs to one request's thread of execution: another one's can neither see nor change it.
    """

    def __init__(self) -> None:
        super().__init__("none-lent", "none-lent")

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        """Return what the running request has lent.

        Raises:
            LookupError: it has lent nothing; nothing is signed.
        """
        session = _borrowed.get()
        return ReadOnlyCredentials(session.access_key_id, session.secret_access_key, session.session_token)


class _BorrowedProvider:
    """The only place where clients for assumed roles look for credentials; never the service's own."""

    def load_credentials(self) -> Credentials:
        return _BorrowedCredentials()


@contextmanager
def lent(session: RoleSession) -> Iterator[None]:
    """Lend `session` to the calls made in the `with` block, and to nothing else."""
    token = _borrowed.set(session)
    try:
        yield
    finally:
        _borrowed.reset(token)


class AwsClients:
    """The clients of one environment; `region` is the service's own, where it is known."""

    def __init__(self, *, region: str | None) -> None:
        self._region = region
        self._lock = Lock()
        self._sts: STSClient | None = None
        self._ecr: dict[str, ECRClient] = {}
        self._own = boto3.session.Session(region_name=region)
        borrowing = botocore.session.get_session()
        borrowing.register_component("credential_provider", _BorrowedProvider())
        self._borrowing = boto3.session.Session(botocore_session=borrowing)

    def sts(self) -> "STSClient":
        """Return the client that assumes roles as the service, at the regional endpoint.

        Raises:
            Refused: `misconfigured` where the service does not know its region.
        """
        if self._region is None:
            raise Refused(Reason.MISCONFIGURED, "the service does not know its region: AWS_REGION is not set")
        if self._sts is None:
            with self._lock:
                self._sts = self._own.client("sts", region_name=self._region, config=_CONFIG)
        return self._sts

    def ecr(self, region: str) -> "ECRClient":
        """Return the client for ECR in `region`, which signs with what was lent."""
        client = self._ecr.get(region)
        if client is None:
            with self._lock:  # making a client is not safe on two threads of one session
                client = self._ecr[region] = self._borrowing.client("ecr", region_name=region, config=_CONFIG)
        return client
