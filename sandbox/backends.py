"""All services that the exchange needs, started together: `with Backends(folder) as backends: …`."""

import os
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Self

from sandbox import account
from sandbox.aws.server import Aws
from sandbox.clocks import WALL_CLOCK, Now
from sandbox.issuer import Issuer
from sandbox.policy import AUDIENCE, write_policy
from sandbox.registry.gate import Gate
from sandbox.state import DEFAULT_FOLDER


class Backends:
    """A CI issuer, a fake AWS, and a policy for both. Port 0 takes a free port.

    `issuer` mints tokens; `aws` records requests; both can be made to fail. `gates` are the registries by their names
    in the policy: real ones at `registry_ports`, or none.

    Raises:
        PortBusy: a port is taken.
        RegistryFailed: a registry does not start.
    """

    def __init__(
        self,
        folder: Path = DEFAULT_FOLDER,
        *,
        issuer_port: int = 0,
        aws_port: int = 0,
        registry_ports: Mapping[str, int] | None = None,
        now: Now = WALL_CLOCK,
    ) -> None:
        self.audience = AUDIENCE
        roles = account.roles()
        self._service = account.service_session(roles[0])
        self._operator = account.operator_session()
        with ExitStack() as stack:
            self.issuer = stack.enter_context(Issuer(folder, port=issuer_port, now=now))
            self.aws = stack.enter_context(
                Aws(roles=roles, callers=[self._service, self._operator], port=aws_port, now=now)
            )
            self.aws.secrets.put(account.hub_secret())
            sign = partial(self.issuer.mint, "aws-sts")
            self.aws.outbound_federation.enable(account.BUILDS_ACCOUNT, sign=sign)
            self.gates: dict[str, Gate] = {}
            for name, port in (registry_ports or {}).items():
                owner, region = account.REGISTRIES[name]
                gate = Gate(self.aws, account=owner, region=region, port=port, now=now)
                self.gates[name] = stack.enter_context(gate)
            hosts = self.registry_hosts()
            self.policy_path = write_policy(folder, issuer_port=self.issuer.port, hosts=hosts).resolve()
            self._stack = stack.pop_all()

    def registry_hosts(self) -> dict[str, str]:
        """Return the registries' hosts on loopback, by their names in the policy."""
        return {name: gate.host for name, gate in self.gates.items()}

    def environment(self) -> dict[str, str]:
        """Return the environment variables that make the service use only these backends."""
        return {
            "TOKEN_EXCHANGE_POLICY": f"file:{self.policy_path}",
            "AWS_ENDPOINT_URL": self.aws.url,
            "AWS_ENDPOINT_URL_STS": self.aws.url,
            "AWS_ENDPOINT_URL_ECR": self.aws.url,
            "AWS_ENDPOINT_URL_ECR_PUBLIC": self.aws.url,
            "AWS_ENDPOINT_URL_SECRETS_MANAGER": self.aws.url,
            "AWS_ENDPOINT_URL_DYNAMODB": self.aws.url,
            "TOKEN_EXCHANGE_STATE_TABLE": self.aws.state.name,
            "TOKEN_EXCHANGE_BRAKE_TABLE": self.aws.state.brake_name,
            "AWS_REGION": account.REGION,
            "AWS_DEFAULT_REGION": account.REGION,
            "AWS_ACCESS_KEY_ID": self._service.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self._service.secret_access_key,
            "AWS_SESSION_TOKEN": self._service.session_token,
            # Neither a profile of this machine nor a metadata service may supply credentials.
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_LAMBDA_FUNCTION_NAME": "ecr-token-exchange",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        }

    def operator_environment(self) -> dict[str, str]:
        """Return the environment variables with which the AWS CLI is an operator of the fake AWS."""
        credentials = {
            "AWS_ACCESS_KEY_ID": self._operator.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self._operator.secret_access_key,
            "AWS_SESSION_TOKEN": self._operator.session_token,
        }
        return {**self.environment(), **credentials}

    def close(self) -> None:
        """Stop everything."""
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
