from pathlib import Path

from sandbox import account
from sandbox.certificates import load_certificates
from sandbox.policy import AUDIENCE, write_policy
from sandbox.providers import all_providers
from sandbox.tokens import Mint
from token_exchange.loading.load import load_policy
from token_exchange.presets.catalog import NAMES


def test_the_sandboxs_policy_trusts_the_sandboxs_issuers(tmp_path: Path) -> None:
    load_certificates(tmp_path)
    path = write_policy(tmp_path, issuer_port=8443)
    policy = load_policy(path.read_bytes(), name=path.name, read_file=lambda name: (tmp_path / name).read_bytes())
    mint = Mint(tmp_path / "keys", base_url="https://localhost:8443")
    assert {*policy.issuers_by_url} == {mint.issuer(provider) for provider in all_providers()}
    audiences = {mint.issuer(name): one.fixed_audience or AUDIENCE for name, one in all_providers().items()}
    for url, trusts in policy.issuers_by_url.items():
        assert [trust.audiences for trust in trusts] == [frozenset({audiences[url]})]
    assert {issuer.preset.provider for issuer in policy.issuers.values()} == {*NAMES}


def test_every_role_of_the_policy_exists(tmp_path: Path) -> None:
    text = write_policy(tmp_path, issuer_port=8443).read_text()
    named = {line.split("role:")[1].strip() for line in text.splitlines() if "role:" in line}
    assert named == {role.arn for role in account.roles()} - {account.SERVICE_ROLE}
