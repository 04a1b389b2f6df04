"""The files of a first policy: the policy with comments, its tests and the login step."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from token_exchange.core.ports import Json
from token_exchange.core.refusals import Reason
from token_exchange.loading.registries import Partition
from token_exchange_cli.inputs import yaml_text
from token_exchange_cli.steps.step import EXAMPLE_EXCHANGE, StepValues, document
from token_exchange_cli.systems.catalog import SYSTEMS
from token_exchange_cli.systems.system import Starter

POLICY: Final = "policy.yaml"
TESTS: Final = "policy-tests.yaml"
STEP: Final = "login-step.sh"

_GRANT: Final = "push-images"
_REGISTRY: Final = "apps"
_ROLE: Final = "ci-ecr-push"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What was asked; `own` are the answers to the questions of the system, by their names."""

    system: str
    account: str
    region: str
    partition: Partition
    prefix: str
    audience: str
    exchange: str
    own: Mapping[str, str]


def files_of(answers: Answers) -> dict[str, str]:
    """Return the texts of the three files by their names."""
    starter = SYSTEMS[answers.system].starter
    return {
        POLICY: "\n".join(_policy(starter, answers)) + "\n",
        TESTS: "\n".join(_tests_head()) + yaml_text(_tests(starter, answers)),
        STEP: _step(answers),
    }


def filled(value: Json, own: Mapping[str, str]) -> Json:
    """Return `value` with the answers in it."""
    match value:
        case str():
            for name, answer in own.items():
                value = value.replace(f"{{{name}}}", answer)
            return value
        case dict():
            return {name: filled(item, own) for name, item in value.items()}
        case _:
            return value


def _policy(starter: Starter, answers: Answers) -> Iterator[str]:
    yield "# Check each change: token-exchange policy lint policy.yaml"
    yield f"#                    token-exchange policy test policy.yaml {TESTS}"
    yield "# docs/policy.md explains each key."
    yield "version: 1"
    yield ""
    yield "issuers:"
    yield f"  {answers.system}:"
    yield f"    provider: {answers.system}"
    for key, value in starter.settings.items():
        if (text := _filled_setting(value, answers.own)) is not None:
            yield f"    {key}: {_scalar(text)}"
    yield from _audience(starter, answers)
    yield "    # Only these can get anything."
    yield "    organizations:"
    yield f"      - {_flow(starter.organization, answers.own)}"
    yield ""
    yield "registries:"
    yield f'  {_REGISTRY}: {{type: ecr, account: "{answers.account}", region: {answers.region}}}'
    yield ""
    yield "grants:"
    for code, reason in starter.warnings.items():
        if code != "shared-audience":
            yield f"  # lint: allow {code}: {reason}"
    yield f"  - name: {_GRANT}"
    yield f"    issuers: [{answers.system}]"
    for pin in starter.pins:
        yield f"    # {pin}"
    yield from _conditions("match", starter.match, answers.own)
    if starter.claims_match:
        yield from _conditions("claims", starter.claims_match, answers.own)
    yield f"    registry: {_REGISTRY}"
    yield "    # token-exchange roles policy.yaml prints a template of this role."
    yield f"    role: arn:{answers.partition.name}:iam::{answers.account}:role/{_ROLE}"
    yield "    access: push"
    yield f"    repositories: [{', '.join(map(json.dumps, _repositories(starter, answers)))}]"
    yield f"    duration: {starter.duration}"
    if starter.single_use:
        yield "    single_use: true"


def _audience(starter: Starter, answers: Answers) -> Iterator[str]:
    fixed = SYSTEMS[answers.system].fixed_audience is not None
    if not fixed:
        yield "    # Jobs request their tokens for this audience; use it nowhere else."
    else:
        reason = starter.warnings["shared-audience"]
        yield f"    # lint: allow shared-audience: {reason}"
    yield f"    audience: {_scalar(answers.audience)}"
    if fixed:
        yield "    shared_audience: true"


def _conditions(key: str, conditions: Mapping[str, str | bool], own: Mapping[str, str]) -> Iterator[str]:
    yield f"    {key}:"
    for name, value in conditions.items():
        yield f"      {name}: {_scalar(filled(value, own))}"


def _filled_setting(value: str, own: Mapping[str, str]) -> str | None:
    """Return the setting, or None where it needs an answer that was not given."""
    text = filled(value, own)
    return text if isinstance(text, str) and "{" not in text else None


def _flow(item: Mapping[str, str], own: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{name}: {_scalar(filled(value, own))}" for name, value in item.items()) + "}"


def _scalar(value: Json) -> str:
    """Return `value` as one YAML scalar, which is quoted where it could be read as something else than text."""
    return yaml_text(value).removesuffix("...\n").rstrip("\n")


def _repositories(starter: Starter, answers: Answers) -> list[str]:
    name = f"{answers.prefix}/{{repository}}" if starter.by_repository else answers.prefix
    return [name, f"{name}/*"]


def _pushed(starter: Starter, answers: Answers) -> list[Json]:
    """Return what the run of the tests may push: a repository's name has no capitals in ECR."""
    source = f"{answers.own.get('organization', '')}/app".lower()
    return [name.replace("{repository}", source) for name in _repositories(starter, answers)]


def _tests_head() -> Iterator[str]:
    yield "# What the policy must decide. The claims are those that the system's tokens have;"
    yield "# `token-exchange token inspect` shows yours."
    yield ""


def _tests(starter: Starter, answers: Answers) -> list[Json]:
    granted = filled(dict(starter.claims), answers.own)
    tests: list[Json] = [
        {
            "name": "a run of this pipeline may push" if not starter.by_repository else "main may push its own images",
            "issuer": answers.system,
            "claims": granted,
            "expect": {"grant": _GRANT, "access": "push", "repositories": _pushed(starter, answers)},
        }
    ]
    for name in _pinned(starter):
        other = {**answers.own, name: _another(answers.own[name])}
        what = name.removesuffix("-id")
        tests.append(
            _refused(answers, f"another {what}", filled(dict(starter.claims), other), Reason.NO_MATCHING_GRANT)
        )
    for refusal in starter.refused:
        changed = filled({**starter.claims, **refusal.claims}, answers.own)
        tests.append(_refused(answers, refusal.title, changed, refusal.reason))
    return tests


def _refused(answers: Answers, title: str, claims: Json, reason: Reason) -> Json:
    return {
        "name": f"{title} may not",
        "issuer": answers.system,
        "claims": claims,
        "expect": {"denied": reason.value},
    }


def _pinned(starter: Starter) -> list[str]:
    """Return the questions whose answers the grant's conditions name."""
    wanted = {*starter.match.values(), *starter.claims_match.values()}
    return [name for name in starter.questions if f"{{{name}}}" in wanted]


def _another(answer: str) -> str:
    """Return another answer of the same form: its last digit or letter is another."""
    return re.sub(r"[0-9A-Za-z](?=[^0-9A-Za-z]*\Z)", lambda last: "0" if last[0] != "0" else "1", answer, count=1)


def _step(answers: Answers) -> str:
    system = SYSTEMS[answers.system]
    values = StepValues(
        exchange=answers.exchange,
        audience=answers.audience,
        registry=_REGISTRY,
        host=f"{answers.account}.dkr.ecr.{answers.region}.{answers.partition.dns_suffix}",
        format=system.format,
        image=f"{answers.prefix}/app:latest",
    )
    lines = [f"# The login step for {system.title}; docs/ci/{system.page}.md has a whole pipeline."]
    if answers.exchange == EXAMPLE_EXCHANGE:
        lines.append("# EXCHANGE is an example: write the address of your service, which `make deploy` prints.")
    return "\n".join([*lines, document(system, values)])
