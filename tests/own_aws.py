"""AWS clients of the service's own, which reach one server on loopback and nothing of anybody's."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from token_exchange.adapters.aws import AwsClients


@contextmanager
def aws_clients_for(
    url: str,
    *,
    token: str = "",
    key: str = "ASIASERVICE",
    secret: str = "nobodys",  # noqa: S107 - it opens nothing
) -> Iterator[AwsClients]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": key,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_SESSION_TOKEN": token,
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "AWS_EC2_METADATA_DISABLED": "true",
        }.items():
            patch.setenv(name, value)
        clients = AwsClients(region="eu-west-1")
        clients.s3()
        clients.appconfigdata()
        clients.appconfig()
    try:
        yield clients
    finally:
        clients.s3().close()
        clients.appconfigdata().close()
        clients.appconfig().close()
