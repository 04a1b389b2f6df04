"""The AWS clients: created once by boto3, kept, and for ECR signed with the credentials of one request at a time.

Creating a client for each request takes several times as long as its call, and creating a session ten times that.
"""

import gzip
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from copy import copy
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, Protocol, override
from urllib.parse import urlencode

from boto3.session import Session
from botocore import UNSIGNED
from botocore.config import Config
from botocore.credentials import Credentials, ReadOnlyCredentials
from botocore.exceptions import BotoCoreError, ClientError
from botocore.hooks import HierarchicalEmitter
from botocore.loaders import JSONFileLoader, Loader
from botocore.session import Session as BotocoreSession
from botocore.utils import parse_timestamp

from token_exchange import __version__
from token_exchange.adapters.aws_calls import configured, create_client
from token_exchange.core.ports import Json, RoleSession
from token_exchange.core.refusals import Reason, Refused
from token_exchange.loading.registries import PUBLIC_REGION

if TYPE_CHECKING:
    from mypy_boto3_appconfig import AppConfigClient
    from mypy_boto3_appconfigdata import AppConfigDataClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_ecr import ECRClient
    from mypy_boto3_ecr_public import ECRPublicClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sts import STSClient


class ServiceModels(Loader):
    """Finds and reads the models of only the services that are used, which shortens the cold start.

    Creating a client is mostly reading: botocore lists the folders of its 400 services to find one, and builds an
    ordered dictionary for each object that it reads. Plain dictionaries are ordered too.

    `data_path` is the value of `AWS_DATA_PATH`, if it is set: folders that come before botocore's own.
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
        """Return the file's content, or None if there is no such file."""
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
    # CloudTrail shows it. botocore assembles its own from some twenty parts for each call, a tenth of the call's cost.
    user_agent=f"ecr-token-exchange/{__version__}",
    # The parameters are made by this code and checked by AWS.
    parameter_validation=False,
)
"""Three attempts on throttling and 5xx, all within the request's own deadline."""

_TABLE_CONFIG: Final = _CONFIG.merge(
    Config(
        connect_timeout=1,
        read_timeout=1,
        # This mode waits 50 ms before a retry, the standard mode up to a second. After an environment was frozen, the
        # first attempt often uses a connection that is closed.
        retries={"mode": "legacy", "total_max_attempts": 3},
    )
)
"""The table answers in milliseconds; a write that timed out should not arrive seconds later."""

_CHECK_CONFIG: Final = _CONFIG.merge(Config(connect_timeout=1, read_timeout=1, retries={"total_max_attempts": 1}))
"""A check for a newer policy makes one attempt: until the next check, the last good policy stays in force."""

_session_in_use: ContextVar[RoleSession] = ContextVar("_session_in_use")


class _SessionCredentials(Credentials):
    """The credentials of the session that the current request signs with; without a session there are none.

    A context variable belongs to one request's thread of execution: no other request can read or change it.
    """

    def __init__(self) -> None:
        super().__init__("no-session", "no-session")

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        """Return the credentials of the session in use; botocore calls this for each signature.

        Raises:
            LookupError: no session is in use; nothing is signed.
        """
        session = _session_in_use.get()
        return ReadOnlyCredentials(session.access_key_id, session.secret_access_key, session.session_token)


class _SessionProvider:
    """The only credential provider of clients for assumed roles, so they never use the service's own credentials."""

    def load_credentials(self) -> Credentials:
        return _SessionCredentials()


@contextmanager
def signing_with(session: RoleSession) -> Iterator[None]:
    """Sign the calls made in the `with` block with `session`, and nothing else."""
    token = _session_in_use.set(session)
    try:
        yield
    finally:
        _session_in_use.reset(token)


_opening: ContextVar[bool] = ContextVar("_opening", default=False)


def _choose_signer(**_: object) -> Any:  # noqa: ANN401 - the type stubs do not know that handlers return something
    """Leave a call unsigned while a connection is opened; AWS refuses it, and keeps the connection."""
    return UNSIGNED if _opening.get() else None


def _encode_form(**call: Any) -> None:  # noqa: ANN401 - botocore's type of a handler
    """Encode the form of a call to STS, which botocore would encode twice: to sign it, and to send it."""
    request = call["params"]
    if isinstance(request["body"], dict):
        request["body"] = urlencode(request["body"], doseq=True).encode()


def _timestamp(value: str | float) -> datetime:
    """Return a time in an answer of AWS; botocore's parser takes much longer for the two forms that STS and ECR use."""
    with suppress(ValueError, OverflowError, OSError):
        if isinstance(value, int | float):
            return datetime.fromtimestamp(value, UTC)
        if value.endswith("Z"):
            return datetime.fromisoformat(value)
    return parse_timestamp(str(value))


class BotoClient(Protocol):
    """A client of boto3, as far as every service's has the same methods."""

    def close(self) -> None:
        """Close the connections; the next call opens new ones."""


class RegionalClients[Client: BotoClient]:
    """One client for each region, created on first use."""

    def __init__(self, service: str, make: Callable[[str], Client], *, region: str | None, lock: Lock) -> None:
        self._service = service
        self._make = make
        self._region = region
        self._lock = lock
        self._clients: dict[str, Client] = {}

    def __call__(self, region: str | None = None) -> Client:
        """Return the client for `region`, by default the service's own.

        Raises:
            Refused: `misconfigured` if the service's region is not known, or its AWS settings are invalid.
        """
        region = self._region if region is None else region
        if region is None:
            raise Refused(Reason.MISCONFIGURED, "the service's region is not known: AWS_REGION is not set")
        if region not in self._clients:
            with self._lock:  # creating a client with a boto3 session is not thread-safe
                if region not in self._clients:
                    self._clients[region] = create_client(lambda: self._make(region), service=self._service)
        return self._clients[region]

    def openers(self, call: Callable[[Client], object]) -> list[Callable[[], object]]:
        """Return a function for each client that opens its connection by an unsigned `call`, which AWS refuses."""
        return [partial(_open, partial(call, client)) for client in self._clients.values()]

    def close_connections(self) -> None:
        """Close the connections of each client, which stays usable."""
        for client in self._clients.values():
            client.close()


def _open(call: Callable[[], object]) -> None:
    token = _opening.set(True)
    try:
        call()
    except (BotoCoreError, ClientError):
        return  # as expected, or the endpoint cannot be reached now: the first request finds out
    finally:
        _opening.reset(token)


class AwsClients:
    """The clients of one environment; `region` is the service's own, if it is known."""

    def __init__(self, *, region: str | None) -> None:
        lock = Lock()
        # Two sessions, so that no client of one can ever sign with the credentials of the other.
        # To register botocore's own event handlers is most of what a session costs, so the second has a copy of them.
        handlers = HierarchicalEmitter()
        own = BotocoreSession(event_hooks=handlers)
        own.register("choose-signer", _choose_signer)
        own.register("before-call.sts", _encode_form)
        assumed = BotocoreSession(event_hooks=copy(handlers), include_builtin_handlers=False)
        models = ServiceModels(configured(own, "data_path"))
        for session in (own, assumed):
            session.register_component("data_loader", models)
            session.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_timestamp)
        assumed.register_component("credential_provider", _SessionProvider())
        as_service, as_role = Session(botocore_session=own), Session(botocore_session=assumed)

        def kept[Client: BotoClient](service: str, make: Callable[[str], Client]) -> RegionalClients[Client]:
            return RegionalClients(service, make, region=region, lock=lock)

        self.sts: RegionalClients[STSClient] = kept(
            "STS", lambda region: as_service.client("sts", region_name=region, config=_CONFIG)
        )
        self.dynamodb: RegionalClients[DynamoDBClient] = kept(
            "DynamoDB", lambda region: as_service.client("dynamodb", region_name=region, config=_TABLE_CONFIG)
        )
        self.secrets: RegionalClients[SecretsManagerClient] = kept(
            "Secrets Manager", lambda region: as_service.client("secretsmanager", region_name=region, config=_CONFIG)
        )
        self.s3: RegionalClients[S3Client] = kept(
            "S3", lambda region: as_service.client("s3", region_name=region, config=_CHECK_CONFIG)
        )
        self.appconfigdata: RegionalClients[AppConfigDataClient] = kept(
            "AppConfig", lambda region: as_service.client("appconfigdata", region_name=region, config=_CHECK_CONFIG)
        )
        self.appconfig: RegionalClients[AppConfigClient] = kept(
            "AppConfig", lambda region: as_service.client("appconfig", region_name=region, config=_CHECK_CONFIG)
        )
        self.ecr: RegionalClients[ECRClient] = kept(
            "ECR", lambda region: as_role.client("ecr", region_name=region, config=_CONFIG)
        )
        self._ecr_public: RegionalClients[ECRPublicClient] = kept(
            "ECR Public", lambda region: as_role.client("ecr-public", region_name=region, config=_CONFIG)
        )

    def connection_openers(self, *, with_tables: bool) -> list[Callable[[], object]]:
        """Return a function for each client of an exchange that opens its connection; none fails or has an effect.

        `with_tables` is whether the client of the tables has no connection yet.
        """
        return [
            *self.sts.openers(lambda client: client.get_caller_identity()),
            *(self.dynamodb.openers(lambda client: client.list_tables()) if with_tables else ()),
            *self.secrets.openers(lambda client: client.list_secrets()),
            *self.ecr.openers(lambda client: client.describe_registry()),
            *self._ecr_public.openers(lambda client: client.describe_registries()),
        ]

    def close_connections(self) -> None:
        """Close the connections of all clients, which stay usable."""
        for clients in vars(self).values():
            if isinstance(clients, RegionalClients):
                clients.close_connections()

    def ecr_public(self) -> "ECRPublicClient":
        """Return the client for ECR Public, which has one region.

        Raises:
            Refused: `misconfigured` if the service's AWS settings are invalid.
        """
        return self._ecr_public(PUBLIC_REGION)
