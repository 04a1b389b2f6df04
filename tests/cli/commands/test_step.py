"""`step`: it prints the step that each page of docs/ci has, and takes no value that a shell could run."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.cli.program import run
from tests.docs.ci_systems import CI
from tests.docs.pages import page
from tests.docs.written_steps import example_step
from token_exchange.presets.catalog import NAMES
from token_exchange_cli.steps.step import EXAMPLE_EXCHANGE
from token_exchange_cli.systems.catalog import SYSTEMS

EVERY_SYSTEM = pytest.mark.parametrize("name", SYSTEMS)

# Pages whose job finds the variables in the settings of its system, and not in its pipeline.
SET_ELSEWHERE = {"harness", "hcp-terraform", "spacelift"}


def test_every_provider_has_a_step() -> None:
    assert set(SYSTEMS) == set(NAMES) - {"generic"}


def test_every_page_belongs_to_a_system() -> None:
    assert {f"docs/ci/{system.page}.md" for system in SYSTEMS.values()} == set(CI)


@EVERY_SYSTEM
def test_the_page_has_what_is_printed(name: str) -> None:
    done = run("step", name, "--json")
    assert done.status == 0
    assert done.fields["step"] == example_step(SYSTEMS[name])
    text = page(f"docs/ci/{SYSTEMS[name].page}.md").text
    variables = done.fields["variables"]
    assert isinstance(variables, dict)
    for variable, value in variables.items():
        assert re.search(rf"\b{variable}\b", text)
        assert str(value) in text or name in SET_ELSEWHERE


@EVERY_SYSTEM
@pytest.mark.parametrize("wanted", ["password", "docker-config"])
def test_the_printed_step_is_a_posix_shell_script(name: str, wanted: str) -> None:
    script = run("step", name, "--format", wanted).out
    for sign, escape in SYSTEMS[name].template_signs.items():
        script = script.replace(escape, sign)
    done = subprocess.run(["sh", "-n"], input=script, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"format={wanted}" in script


@EVERY_SYSTEM
def test_every_value_that_is_given_is_in_the_step(name: str) -> None:
    given = [
        "--exchange",
        "https://tokens.globex.example/base",
        "--registry",
        "images",
        "--host",
        "r.globex.example:5000",
    ]
    given += [] if SYSTEMS[name].fixed_audience else ["--audience", "globex-images"]
    done = run("step", name, *given, "--format", "docker-config", "--image", "team/app:7")
    assert (done.status, done.err) == (0, "")
    for value in ("https://tokens.globex.example/base", "registry=images&", "r.globex.example:5000", "/team/app:7"):
        assert value in done.out
    assert SYSTEMS[name].fixed_audience or "globex-images" in done.out or name == "buildkite"
    assert "acme" not in done.out


def test_the_audience_is_the_address_unless_it_is_given() -> None:
    assert (
        "aud: https://tokens.globex.example}"
        in run("step", "gitlab", "--exchange", "https://tokens.globex.example").out
    )


def test_help_has_examples() -> None:
    assert "Examples:" in run("step", "--help").out


def test_a_page_is_a_name_too() -> None:
    assert run("step", "google-cloud-build").out == run("step", "google").out
    assert run("step", "GitLab").out == run("step", "gitlab").out


def test_an_unreplaced_example_gives_a_remark() -> None:
    done = run("step", "vela")
    assert [line.split()[1] for line in done.err.splitlines()] == ["--exchange", "--host", "--image"]
    assert EXAMPLE_EXCHANGE in done.out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["gitlba"], "'gitlba' is not a known CI system; did you mean gitlab"),
        (["concourse-7"], "expected one of aws-sts, azure-devops"),
        (["generic"], "not a known CI system"),
        (["gitlab", "--exchange", "http://exchange.acme.example"], "only over TLS"),
        (["gitlab", "--exchange", "HTTP://exchange.acme.example"], "only over TLS"),
        (["gitlab", "--exchange", "exchange.acme.example"], "found no https://; write https://exchange.acme.example"),
        (["gitlab", "--exchange", ""], "expected https://HOST"),
        (["gitlab", "--exchange", "https://ada@acme.example"], "without user, query or fragment"),
        (["gitlab", "--exchange", "https://acme.example:65536"], "expected https://HOST"),
        (["gitlab", "--exchange", "https://acme..example/"], "expected https://HOST"),
        (["gitlab", "--exchange", "https://acme.example?x=1"], "without user, query or fragment"),
        (
            ["gitlab", "--exchange", "https://acme.example/prod/v1/token"],
            "the service's address without /v1/token; write https://acme.example/prod",
        ),
        (["gitlab", "--audience", ""], "one string for your service"),
        (["gitlab", "--audience", "sts.amazonaws.com"], "AWS accepts sts.amazonaws.com too"),
        (["azure-devops", "--audience", "mine"], "cannot choose its audience, which is api://AzureADTokenExchange"),
        (["semaphore", "--audience", "mine"], "cannot choose its audience"),
        (["gitlab", "--host", "https://r.acme.example"], "without https://"),
        (["gitlab", "--host", "r.acme.example/ci/shop"], "without the repository after the slash"),
        (["gitlab", "--host", "R.acme.example"], "in lower case"),
        (["gitlab", "--host", "r.acme.example:0"], "expected a host name"),
        (["gitlab", "--host", "11112222333.dkr.ecr.eu-west-1.amazonaws.com"], "the 12 digits of an AWS account"),
        (["gitlab", "--host", "111122223333.dkr.ecr.eu-wst.amazonaws.com"], "no region with this name"),
        (["gitlab", "--host", "111122223333.dkr.ecr.cn-north-1.amazonaws.com"], "ends in amazonaws.com.cn"),
        (["gitlab", "--registry", "a b"], "the registry's name in the policy"),
        (["gitlab", "--registry", ""], "the registry's name in the policy"),
        (["gitlab", "--format", "json"], "'json' is not one of"),
        (["gitlab", "--image", "acme/shop"], "only a step with --format docker-config"),
        (["vela", "--image", "ACME/shop"], "expected a repository and a tag"),
    ],
)
def test_bad_input_gives_its_own_message(arguments: list[str], says: str) -> None:
    done = run("step", *arguments)
    assert (done.status, done.out) == (2, "")
    assert says in done.err


POLICY = """\
version: 1
issuers:
  github: {provider: github-actions, audience: globex-images, organizations: [{name: globex, id: "7001"}]}
  second: {provider: gitlab, audience: [one, two], organizations: [{id: "7002"}]}
  unused: {provider: vela, audience: one, host: vela.globex.example, organizations: [{name: globex}]}
registries:
  images: {type: ecr, account: "444455556666", region: eu-central-1}
  more: {type: ecr, account: "444455556666", region: eu-west-1}
grants:
  - {name: a, issuers: [github, second], match: {branch: main}, registry: images, access: pull,
     role: "arn:aws:iam::444455556666:role/r", repositories: [ci/x]}
  - {name: b, issuers: [second], match: {branch: main}, registry: more, access: pull,
     role: "arn:aws:iam::444455556666:role/r", repositories: [ci/x]}
"""


def test_a_policy_has_the_values_of_the_step(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(POLICY)
    exchange = "https://tokens.globex.example"
    done = run("step", "github-actions", "--policy", tmp_path / "policy.yaml", "--exchange", exchange, "--json")
    assert (done.status, done.err) == (0, "")
    assert done.fields["variables"] == {"EXCHANGE": exchange, "AUDIENCE": "globex-images"}
    assert "?registry=images&" in str(done.fields["step"])
    assert "444455556666.dkr.ecr.eu-central-1.amazonaws.com" in str(done.fields["step"])
    chosen = run("step", "gitlab", "--policy", tmp_path / "policy.yaml", "--registry=more", "--audience=two")
    assert chosen.status == 0
    assert "aud: two" in chosen.out
    assert "?registry=more&" in chosen.out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["jenkins"], "the policy has no issuer with provider: jenkins; it has github-actions, gitlab, vela"),
        (["vela"], "no grant of the policy is for these jobs"),
        (["gitlab"], "gives these jobs more than one registry; choose with --registry: images, more"),
        (["gitlab", "--registry", "more"], "more than one audience; choose with --audience: one, two"),
        (["github-actions", "--registry", "image"], "no registry image; did you mean images?"),
        (["github-actions", "--audience", "mine"], "no audience mine; it gives "),
        (
            ["github-actions", "--host", "111122223333.dkr.ecr.eu-west-1.amazonaws.com"],
            "is 444455556666.dkr.ecr.eu-central-1.amazonaws.com, in account 444455556666 and region eu-central-1",
        ),
    ],
)
def test_a_value_missing_from_the_policy_gives_a_message(tmp_path: Path, arguments: list[str], says: str) -> None:
    (tmp_path / "policy.yaml").write_text(POLICY)
    done = run("step", *arguments, "--policy", tmp_path / "policy.yaml")
    assert (done.status, done.out) == (2, "")
    assert says in done.err


def test_an_unknown_region_gives_a_remark() -> None:
    done = run("step", "gitlab", "--host", "111122223333.dkr.ecr.eu-west-9.amazonaws.com")
    assert done.status == 0
    assert "remark: no region eu-west-9 was known when this version was released" in done.err


# Each ends a quote, starts a command, or is an option or a template to what reads the pipeline.
HOSTILE = [
    "'; id; '",
    "$(id)",
    "`id`",
    '"',
    "a b",
    "a\nb",
    "a\\",
    "a&b",
    "a#b",
    "a?b",
    "${{x}}",
    "<< p >>",
    "--help=x",
    "-x",
    "é",
]


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("option", ["--exchange", "--audience", "--registry", "--host", "--image"])
def test_values_with_shell_syntax_are_refused(option: str, value: str) -> None:
    for text in (value, f"https://acme.example/{value}") if option == "--exchange" else (value, f"a{value}"):
        done = run("step", "buildkite", "--format", "docker-config", f"{option}={text}")
        if re.fullmatch(r"(https://acme.example/|a)-x", text):  # which is text behind other text
            continue
        assert (done.status, done.out) == (2, ""), text
