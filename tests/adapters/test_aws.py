import json
import os
from pathlib import Path

import pytest
from botocore.exceptions import DataNotFoundError, UnknownServiceError
from botocore.loaders import JSONFileLoader, Loader

from token_exchange.adapters.aws import AwsClients, ServiceModels
from token_exchange.adapters.settings import BadSetting

MODEL = "service-2"
BOTOCORES = Loader(file_loader=JSONFileLoader())


def test_every_service_that_botocore_knows_is_listed() -> None:
    assert set(BOTOCORES.list_available_services(MODEL)) <= set(ServiceModels(None).list_available_services(MODEL))


@pytest.mark.parametrize("service", ["ecr", "sts"])
@pytest.mark.parametrize("kind", [MODEL, "endpoint-rule-set-1", "paginators-1"])
def test_a_service_is_described_as_botocore_describes_it(service: str, kind: str) -> None:
    assert ServiceModels(None).load_service_model(service, kind) == BOTOCORES.load_service_model(service, kind)


@pytest.mark.parametrize("name", ["endpoints", "partitions", "sdk-default-configuration"])
def test_data_of_all_services_is_read_as_botocore_does(name: str) -> None:
    ours, botocores = ServiceModels(None).load_data(name), BOTOCORES.load_data(name)
    assert json.dumps(ours) == json.dumps(botocores)


def test_a_folder_of_the_data_path_comes_before_botocores_own(tmp_path: Path) -> None:
    folder = tmp_path / "models" / "sts" / "2011-06-15"
    folder.mkdir(parents=True)
    (folder / f"{MODEL}.json").write_text('{"metadata": "ours"}')
    models = ServiceModels(os.pathsep.join(["", str(tmp_path / "missing"), str(tmp_path / "models")]))
    assert models.load_service_model("sts", MODEL) == {"metadata": "ours"}
    assert models.load_service_model("ecr", MODEL) == BOTOCORES.load_service_model("ecr", MODEL)


def test_the_data_path_may_speak_of_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "known" / "beacon").mkdir(parents=True)
    assert "beacon" in ServiceModels("~/known").list_available_services(MODEL)


def test_missing_data_raises_the_error_that_botocore_expects() -> None:
    models = ServiceModels(None)
    with pytest.raises(UnknownServiceError):
        models.load_service_model("no-such-service", MODEL)
    with pytest.raises(DataNotFoundError):
        models.load_data("no-such-data")


def test_a_missing_profile_names_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_PROFILE", "absent")
    with pytest.raises(BadSetting, match=r"AWS_PROFILE: expected a profile .*, found 'absent'"):
        AwsClients(region=None)
