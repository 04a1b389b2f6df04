from pathlib import Path
from types import SimpleNamespace

import pytest

from token_exchange.providers import catalog, presets
from token_exchange.providers.catalog import owner_of, providers


def test_each_file_is_a_provider_and_nothing_else_is() -> None:
    (folder,) = presets.__path__
    files = {path.stem.replace("_", "-") for path in Path(folder).glob("*.py") if path.stem != "__init__"}
    assert set(providers()) == files
    assert all(provider.name == name for name, provider in providers().items())
    assert list(providers()) == sorted(providers())


def test_the_catalog_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        providers()["mine"] = providers()["generic"]  # type: ignore[index] # that it cannot be done is what is tested


def test_a_file_without_a_provider_is_an_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "import_module", lambda _name: SimpleNamespace(PROVIDER="github"))
    with pytest.raises(TypeError, match="PROVIDER is not a Provider"):
        providers.__wrapped__()


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
        ("tokens.sts.global.api.aws", None),
        ("ghe.com", None),
        ("xghe.com", None),
        ("sub.gitlab.com", None),
        ("gitlab.com.evil.example", None),
        ("evil-token.actions.githubusercontent.com", None),
        ("", None),
    ],
)
def test_whose_host_it_is(host: str, owner: str | None) -> None:
    found = owner_of(host)
    assert (found.name if found else None) == owner
