"""The formats for one registry, read by what they are for."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.loading.documents import document, grant, load
from tests.service.front import Front
from token_exchange.core.decision import Award
from token_exchange.core.exchange import Exchanged
from token_exchange.core.mint import Bounds, Login
from token_exchange.core.policy import Also, EcrRegistry
from token_exchange.core.reach import Reach, RepositoryPattern
from token_exchange.core.refusals import Reason, Refused
from token_exchange.http.answers import formatted

HOST = "111122223333.dkr.ecr.eu-west-1.amazonaws.com"
NAMES = ["REGISTRY", "REGISTRY_USERNAME", "REGISTRY_PASSWORD", "REGISTRY_EXPIRES_AT"]

HOSTILE = [
    "it's",
    "'; touch stolen; '",
    "$(touch stolen)",
    "`touch stolen`",
    "a\nexport PATH=x",
    "\\",
    '"',
    "ünï",
    " ",
    "#",
]


def _exchanged(password: str) -> Exchanged:
    registry = EcrRegistry(
        name="apps", account="111122223333", region="eu-west-1", partition="aws", hosts=(HOST, "localhost:5000")
    )
    reach = Reach(access="pull", repositories=(RepositoryPattern("ci/shop"),), also_pull=(), also=Also())
    login = Login(
        award=Award(registry=registry, grant=load(document(grant(name="own"))).grants[0], reach=reach),
        username="AWS",
        password=password,
        bounds=Bounds(reach=reach, made_at=0, expires_at=1_800_000_000, registry_expires_at=1_800_040_000),
    )
    return Exchanged(logins=(login,), failed=())


def _evaluated(script: str, cwd: str) -> list[str]:
    """Return what the four names hold once a real shell has evaluated `script`."""
    shown = "".join(f'printf "%s\\0" "${name}"; ' for name in NAMES)
    done = subprocess.run(
        ["sh", "-eu", "-c", f'eval "$1"; {shown}', "sh", script], cwd=cwd, capture_output=True, check=True, timeout=10
    )
    return done.stdout.decode().split("\0")[:-1]


def test_a_shell_gets_the_exact_login(front: Front, tmp_path: Path) -> None:
    answer = front.send(front.token(), "registry=apps&format=shell")
    assert (answer.status, answer.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    registry, username, password, expires_at = _evaluated(answer.body, str(tmp_path))
    assert (registry, username) == (HOST, "AWS")
    assert front.backends.aws.registry.login(password) is not None
    assert expires_at.endswith("Z")


@pytest.mark.parametrize("password", HOSTILE)
def test_a_shell_executes_no_value_that_it_evals(password: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("shell")
    answer = formatted(_exchanged(password), "shell", request_id="r")
    assert _evaluated(answer.body, str(folder))[2] == password
    assert list(folder.iterdir()) == []


def test_a_dotenv_file_has_the_exact_login(front: Front) -> None:
    answer = front.send(front.token(), "registry=apps&format=dotenv")
    assert (answer.status, answer.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    found = dict(line.split("=", 1) for line in answer.body.splitlines())
    assert list(found) == NAMES
    assert front.backends.aws.registry.login(found["REGISTRY_PASSWORD"]) is not None


@pytest.mark.parametrize("password", HOSTILE)
def test_a_dotenv_file_with_an_ambiguous_password_is_refused(password: str) -> None:
    with pytest.raises(Refused) as refused:
        formatted(_exchanged(password), "dotenv", request_id="r")
    assert refused.value.reason is Reason.MISCONFIGURED
    assert "REGISTRY_PASSWORD" in refused.value.description
    assert password == " " or password not in refused.value.description


def test_a_credential_helper_prints_dockers_format(front: Front) -> None:
    answer = front.send(front.token(), "registry=apps&format=credential-helper")
    found = json.loads(answer.body)
    assert list(found) == ["ServerURL", "Username", "Secret"]
    assert (found["ServerURL"], found["Username"]) == (HOST, "AWS")
    assert front.backends.aws.registry.login(found["Secret"]) is not None


@pytest.mark.parametrize("wanted", ["password", "credential-helper", "shell", "dotenv"])
def test_one_login_is_for_one_registry(front: Front, wanted: str) -> None:
    answer = front.send(front.token(), f"format={wanted}")
    assert (answer.status, answer.reason) == (400, "ambiguous-registry")
    assert front.calls() == []
