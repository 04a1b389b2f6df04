"""Reads what botocore knows of the services, at the price of the few services that are used.

Making two clients is mostly reading: botocore lists its 400 services, folder by folder, to find that two of them
exist, and builds an ordered dictionary for each object that it then reads. Plain dictionaries keep their order too.
"""

import gzip
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Final, cast, override

from botocore.config import Config
from botocore.credentials import Credentials, ReadOnlyCredentials
from botocore.hooks import HierarchicalEmitter
from botocore.loaders import JSONFileLoader, Loader
from botocore.session import Session

from token_exchange.adapters.aws_calls import made
from token_exchange.core.ports import Json, RoleSession
from token_exchange.core.refusals import Reason, Refused
from token_exchange.core.registries import PUBLIC_REGION

if TYPE_CHECKING:
    from mypy_boto3_appconfigdata import AppConfigDataClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_ecr import ECRClient
    from mypy_boto3_ecr_public import ECRPublicClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sts import STSClient


class ServiceModels(Loader):
    """Finds and reads the models of services.

    `data_path` is what `AWS_DATA_PATH` says, where it is set: folders that come before botocore's own.
    """

    def __init__(self, data_path: str | None) -> None:
        folders = [str(Path(folder).expanduser()) for folder in (data_path or "").split(os.pathsep) if folder]
        super().__init__(extra_search_paths=folders, file_loader=_PlainJson())
        self._services = sorted(
            {found.name for folder in self.search_paths if Path(folder).is_dir() for found in os.scandir(folder)}
        )

    @override
    def list_available_services(self, type_name: str) -> list[str]:
        """Return the services that have a folder, whether or not it holds a model of this type."""
        return self._services


class _PlainJson(JSONFileLoader):
    @override
    def load_file(self, file_path: str) -> Json:
        """Return what the file holds, or None where there is none."""
        plain, packed = Path(f"{file_path}.json"), Path(f"{file_path}.json.gz")
        if plain.is_file():
            found: Json = json.loads(plain.read_bytes())
        elif packed.is_file():
            found = json.loads(gzip.decompress(packed.read_bytes()))
        else:
            found = None
        return found


_CONFIG: Final = Config(
    connect_timeout=2,
    read_timeout=5,
    retries={"mode": "standard", "total_max_attempts": 3},
    max_pool_connections=64,
)
"""Three attempts on throttling and 5xx; the request's own deadline cuts all of them short."""


_TABLE_CONFIG: Final = Config(
    connect_timeout=1,
    read_timeout=1,
    # The mode that waits 50 ms before it tries again; the other waits up to a second, and after an environment was
    # frozen the first try is often on a connection that nobody holds any more.
    retries={"mode": "legacy", "total_max_attempts": 3},
    max_pool_connections=64,
)
"""The table answers in milliseconds; a write that is given up should not arrive seconds later."""


_LOOK_CONFIG: Final = _CONFIG.merge(Config(connect_timeout=1, read_timeout=1, retries={"total_max_attempts": 1}))
"""A look at the policy is one attempt: the next look is the next one, and until then the last good policy holds."""


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
        self._dynamodb: DynamoDBClient | None = None
        self._ecr_public: ECRPublicClient | None = None
        self._secrets: dict[str, SecretsManagerClient] = {}
        self._s3: S3Client | None = None
        self._appconfigdata: AppConfigDataClient | None = None
        # Two sessions, so that no client of the one can ever sign with the credentials of the other; what they know
        # of AWS and the handlers of botocore's events are the same and read once.
        events = HierarchicalEmitter()
        self._own = Session(event_hooks=events)
        self._borrowing = Session(event_hooks=events, include_builtin_handlers=False)
        self._borrowing.register_component("credential_provider", _BorrowedProvider())
        models = ServiceModels(self._own.get_config_variable("data_path"))
        for session in (self._own, self._borrowing):
            session.register_component("data_loader", models)

    def sts(self) -> "STSClient":
        """Return the client that assumes roles as the service, at the regional endpoint.

        Raises:
            Refused: `misconfigured` where the service does not know its region, or its AWS settings are unusable.
        """
        if self._region is None:
            raise Refused(Reason.MISCONFIGURED, "the service does not know its region: AWS_REGION is not set")
        if self._sts is None:
            with self._lock:
                client = made(
                    lambda: self._own.create_client("sts", region_name=self._region, config=_CONFIG), service="STS"
                )
                self._sts = cast("STSClient", client)  # botocore's types, unlike boto3's, do not tell which client
        return self._sts

    def dynamodb(self) -> "DynamoDBClient":
        """Return the client that reads and writes the state table as the service.

        Raises:
            Refused: `misconfigured` where the service does not know its region, or its AWS settings are unusable.
        """
        if self._region is None:
            raise Refused(Reason.MISCONFIGURED, "the service does not know its region: AWS_REGION is not set")
        if self._dynamodb is None:
            with self._lock:
                client = made(
                    lambda: self._own.create_client("dynamodb", region_name=self._region, config=_TABLE_CONFIG),
                    service="DynamoDB",
                )
                self._dynamodb = cast("DynamoDBClient", client)  # as above
        return self._dynamodb

    def ecr_public(self) -> "ECRPublicClient":
        """Return the client for ECR Public, which has one region, and signs with what was lent.

        Raises:
            Refused: `misconfigured` where the service's AWS settings are unusable.
        """
        if self._ecr_public is None:
            with self._lock:
                client = made(
                    lambda: self._borrowing.create_client("ecr-public", region_name=PUBLIC_REGION, config=_CONFIG),
                    service="ECR Public",
                )
                self._ecr_public = cast("ECRPublicClient", client)  # as above
        return self._ecr_public

    def secrets(self, region: str) -> "SecretsManagerClient":
        """Return the client that reads secrets in `region` as the service.

        Raises:
            Refused: `misconfigured` where the service's AWS settings are unusable.
        """
        client = self._secrets.get(region)
        if client is None:
            with self._lock:
                fresh = made(
                    lambda: self._own.create_client("secretsmanager", region_name=region, config=_CONFIG),
                    service="Secrets Manager",
                )
                client = self._secrets[region] = cast("SecretsManagerClient", fresh)  # as above
        return client

    def s3(self) -> "S3Client":
        """Return the client that reads the policy as the service.

        Raises:
            Refused: `misconfigured` where the service does not know its region, or its AWS settings are unusable.
        """
        if self._region is None:
            raise Refused(Reason.MISCONFIGURED, "the service does not know its region: AWS_REGION is not set")
        if self._s3 is None:
            with self._lock:
                client = made(
                    lambda: self._own.create_client("s3", region_name=self._region, config=_LOOK_CONFIG), service="S3"
                )
                self._s3 = cast("S3Client", client)  # as above
        return self._s3

    def appconfigdata(self) -> "AppConfigDataClient":
        """Return the client that receives the policy as the service.

        Raises:
            Refused: `misconfigured` where the service does not know its region, or its AWS settings are unusable.
        """
        if self._region is None:
            raise Refused(Reason.MISCONFIGURED, "the service does not know its region: AWS_REGION is not set")
        if self._appconfigdata is None:
            with self._lock:
                client = made(
                    lambda: self._own.create_client("appconfigdata", region_name=self._region, config=_LOOK_CONFIG),
                    service="AppConfig",
                )
                self._appconfigdata = cast("AppConfigDataClient", client)  # as above
        return self._appconfigdata

    def ecr(self, region: str) -> "ECRClient":
        """Return the client for ECR in `region`, which signs with what was lent.

        Raises:
            Refused: `misconfigured` where the service's AWS settings are unusable.
        """
        client = self._ecr.get(region)
        if client is None:
            with self._lock:  # making a client is not safe on two threads of one session
                fresh = made(
                    lambda: self._borrowing.create_client("ecr", region_name=region, config=_CONFIG), service="ECR"
                )
                client = self._ecr[region] = cast("ECRClient", fresh)  # as above
        return client
