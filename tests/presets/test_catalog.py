import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from token_exchange import presets
from token_exchange.presets import catalog
from token_exchange.presets.catalog import NAMES, owner_of, provider_named, providers


def test_each_file_is_a_provider_and_nothing_else_is() -> None:
    (folder,) = presets.__path__
    files = {path.stem.replace("_", "-") for path in Path(folder).glob("*.py")}
    assert set(NAMES) == files - {"--init--", "catalog", "github-family", "provider"}
    assert all(provider.name == name for name, provider in providers().items())
    assert list(NAMES) == sorted(NAMES)


def test_the_catalog_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        providers()["mine"] = providers()["generic"]  # type: ignore[index] # that it cannot be done is what is tested


@pytest.mark.parametrize("found", ["github", provider_named("gitlab")])
def test_a_file_without_its_provider_is_a_programming_error(monkeypatch: pytest.MonkeyPatch, found: object) -> None:
    monkeypatch.setattr(catalog, "import_module", lambda _name: SimpleNamespace(PROVIDER=found))
    with pytest.raises(TypeError, match="not a Provider with this name"):
        provider_named.__wrapped__("bitrise")


def test_only_named_presets_are_imported() -> None:
    """A start pays for the providers of its policy, not for all there are."""
    script = (
        "import sys\n"
        "from token_exchange.loading.load import load_policy\n"
        "from token_exchange.presets.catalog import owner_of, provider_named\n"
        "provider_named('gitlab'), owner_of('gitlab.com')\n"
        "print(*(name.rpartition('.')[2] for name in sys.modules if '.presets.' in name))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert set(done.stdout.split()) == {"catalog", "provider", "gitlab"}


@pytest.mark.parametrize(
    ("host", "owner"),
    [
        ("token.actions.githubusercontent.com", "github-actions"),
        ("nord.ghe.com", "github-actions"),
        ("token.actions.nord.ghe.com", "github-actions"),
        ("gitlab.com", "gitlab"),
        ("api.bitbucket.org", "bitbucket-pipelines"),
        ("token.builds.bitrise.io", "bitrise"),
        ("x.tokens.sts.global.api.aws", "aws-sts"),
        ("oidc.circleci.com", "circleci"),
        ("agent.buildkite.com", "buildkite"),
        ("vstoken.dev.azure.com", "azure-devops"),
        ("accounts.google.com", "google"),
        ("app.terraform.io", "hcp-terraform"),
        ("acme.semaphoreci.com", "semaphore"),
        ("oidc.codefresh.io", "codefresh"),
        ("app.harness.io", "harness"),
        ("acme.app.spacelift.io", "spacelift"),
        ("oidc.eks.eu-west-1.amazonaws.com", "kubernetes"),
        ("oidc.eks.cn-north-1.amazonaws.com.cn", "kubernetes"),
        ("westeurope.oic.prod-aks.azure.com", "kubernetes"),
        ("oidc.prod-aks.azure.com", "kubernetes"),
        ("oidc-eks.eu-west-1.api.aws", "kubernetes"),
        ("oidc-eks.cn-north-1.api.amazonwebservices.com.cn", "kubernetes"),
        ("container.googleapis.com", "kubernetes"),
        ("app.eu.terraform.io", "hcp-terraform"),
        ("oidc-eks.api.aws", None),
        ("oidc-eks..api.aws", None),
        ("x.eu.terraform.io", None),
        ("oidc.eks.amazonaws.com", None),
        ("oidc.eks..amazonaws.com", None),
        ("tokens.sts.global.api.aws", None),
        ("ghe.com", None),
        ("xghe.com", None),
        ("sub.gitlab.com", None),
        ("gitlab.com.evil.example", None),
        ("evil-token.actions.githubusercontent.com", None),
        ("", None),
    ],
)
def test_a_host_belongs_to_its_provider(host: str, owner: str | None) -> None:
    assert owner_of(host) == owner
