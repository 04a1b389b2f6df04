from pathlib import Path

import pytest

from sandbox.backends import Backends
from sandbox.loopback import PortBusy, listen

from .clients import Clients, assume


def test_all_services_start_together_and_are_connected(tmp_path: Path) -> None:
    with Backends(tmp_path) as backends, Clients(backends.aws.url) as clients:
        environment = backends.environment()
        assert environment["AWS_ENDPOINT_URL"] == backends.aws.url
        assert environment["AWS_ACCESS_KEY_ID"] == clients.service.access_key_id
        assert environment["TOKEN_EXCHANGE_POLICY"] == f"file:{tmp_path / 'policy.yaml'}"
        assert f"localhost:{backends.issuer.port}" in backends.policy_path.read_text()
        assume(clients.sts())
        assert len(backends.aws.requests("sts:AssumeRole")) == 1


def test_a_busy_port_leaves_nothing_running(tmp_path: Path) -> None:
    with listen(0) as taken:
        with listen(0) as probe:
            issuer_port = probe.getsockname()[1]
        with pytest.raises(PortBusy):
            Backends(tmp_path, issuer_port=issuer_port, aws_port=taken.getsockname()[1])
        with listen(issuer_port):
            pass  # the issuer that had started has stopped
