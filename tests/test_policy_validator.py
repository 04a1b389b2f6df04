"""The validator: AppConfig's event in, what the policy would be or everything that is wrong with it out."""

import base64
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.doubles import grant, policy_text
from tests.loading.compiled import compiled
from token_exchange.adapters.settings import BadSetting, read_settings
from token_exchange.loading.load import load_policy
from validate_policy.validator import PolicyRefused, PolicyValidator

GOOD = policy_text([grant()])


def event(content: str | bytes) -> dict[str, str]:
    """Return what AppConfig sends."""
    raw = content.encode() if isinstance(content, str) else content
    return {
        "applicationId": "a1b2c3d",
        "configurationProfileId": "e4f5a6b",
        "configurationVersion": "7",
        "content": base64.b64encode(raw).decode(),
        "uri": "hosted",
    }


def validated(content: str | bytes, **environment: str) -> dict[str, str | int]:
    return PolicyValidator(read_settings(environment))(event(content), None)


def test_a_good_policy_passes_and_its_hash_is_reported() -> None:
    sha256 = load_policy(GOOD.encode(), name="policy.yaml", read_file=None).sha256
    assert validated(GOOD) == {"policy_sha256": sha256, "issuers": 1, "grants": 1}


def test_every_grant_of_a_compiled_policy_is_read() -> None:
    content = compiled(GOOD.encode())
    assert validated(content) == validated(GOOD)
    name = json.dumps(grant()["name"]).encode()
    with pytest.raises(PolicyRefused, match="the compiled policy is damaged"):
        validated(content.replace(name, name.swapcase()))


@pytest.mark.parametrize(
    ("content", "problems"),
    [
        (b"\xff", ["line 1, column 1: not UTF-8"]),
        (
            f"# \u2028\n{GOOD}",
            [
                (
                    "line 1, column 3: expected only visible characters, "
                    "found the line separator U+2028, which ends a line only in YAML"
                )
            ],
        ),
        (GOOD.replace('"version": 1', '"version": 2'), ["version: expected 1, found the number 2"]),
        # everything that is wrong, each with its place
        (
            policy_text([grant(access="write", registry="none")]),
            [
                "grants[0].registry: no registry has the name none",
                "grants[0].access: expected pull or push, found 'write'",
            ],
        ),
    ],
)
def test_a_bad_one_is_refused_with_every_problem_and_its_place(content: str | bytes, problems: list[str]) -> None:
    with pytest.raises(PolicyRefused) as refused:
        validated(content)
    first, *listed = str(refused.value).splitlines()
    assert first == "the policy does not load"
    assert sorted(listed) == sorted(problems)


def test_a_message_stays_readable_however_much_is_wrong() -> None:
    with pytest.raises(PolicyRefused) as refused:
        validated(policy_text([grant(f"g{number}", access="write") for number in range(120)]))
    lines = str(refused.value).splitlines()
    assert (len(lines), lines[-1]) == (52, "and 70 more")


def test_a_policy_that_does_not_load_is_refused() -> None:
    # It has no files beside it.
    named = json.loads(GOOD)
    named["issuers"]["ci"]["ca_bundle"] = "ca.pem"
    with pytest.raises(PolicyRefused, match="only a policy read from a file can name files"):
        validated(json.dumps(named))
    # A region's partition, and whether there is a state table, are the service's.
    with pytest.raises(PolicyRefused, match=r"registries\.apps"):
        validated(GOOD, AWS_REGION="cn-north-1")
    once = policy_text([grant(single_use=True)])
    with pytest.raises(PolicyRefused, match="single_use"):
        validated(once)
    assert validated(once, TOKEN_EXCHANGE_STATE_TABLE="state")["grants"] == 1


@pytest.mark.parametrize(
    "given", [None, "policy", [], {}, {"content": None}, {"content": 3}, {"content": "no base64"}, {"content": "é"}]
)
def test_an_event_that_is_not_appconfigs_fails(given: object) -> None:
    with pytest.raises(PolicyRefused, match=r"^content: expected"):
        PolicyValidator(read_settings({}))(given, None)


def test_a_bad_setting_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadSetting, match="AWS_REGION"):
        validated(GOOD, AWS_REGION="nowhere")


def test_its_handler_is_importable_anywhere_without_aws(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from validate_policy.app import handler\n"
        "assert not {'boto3', 'botocore', 'aws_lambda_powertools'} & sys.modules.keys()\n"
        f"print(handler({event(GOOD)!r}, None)['grants'])"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "1\n", "")
