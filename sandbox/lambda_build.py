"""Builds the function as it is deployed, for `sam local` in the sandbox: `python -m sandbox.lambda_build`.

The build is in `.sandbox/build`, which `sam deploy` does not use. Only that build gets what points the function at the
sandbox: a policy, a certificate and declared variables. The variables' values are in `.sandbox/env.json`.
"""

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import yaml

from sandbox import account
from sandbox.certificates import load_certificates
from sandbox.evidence import object_of
from sandbox.loopback import HOST
from sandbox.policy import write_policy
from sandbox.registry.distribution import registry_program
from sandbox.serve import AWS_PORT, ISSUER_PORT, REGISTRY_PORTS
from sandbox.state import DEFAULT_FOLDER, make_folder, write_private

FUNCTION: Final = "ExchangeFunction"
PACKAGE: Final = "exchange"
LOCAL_API_PORT: Final = 3000
BUILD_FOLDER: Final = DEFAULT_FOLDER / "build"
ENVIRONMENT_FILE: Final = DEFAULT_FOLDER / "env.json"
POLICY_FOLDER: Final = "sandbox"
_UV: Final = Path(".tools/bin/uv")
_ARCHITECTURES: Final = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}


class BuildFailed(Exception):
    """The build failed; the message says why."""


def sam_command() -> list[str]:
    """Return the start of a `sam` command line: the program that `SAM` names, or the one on the path."""
    return [os.environ.get("SAM", "sam")]


def sam_on_loopback() -> list[str]:
    """Return the start of a `sam local` command line whose containers reach this machine's loopback."""
    script = Path(__file__).with_name("sam_on_loopback.py")
    return [os.environ.get("SAM_PYTHON", "python3"), str(script)]


def sam_environment() -> dict[str, str]:
    """Return an environment in which SAM does not prompt, sends no telemetry and uses no AWS account."""
    mine = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return mine | {
        "SAM_CLI_TELEMETRY": "0",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_DEFAULT_REGION": account.REGION,
    }


def machine_architecture() -> str:
    """Return this machine's architecture as Lambda calls it.

    Raises:
        BuildFailed: Lambda does not support it.
    """
    machine = platform.machine().lower()
    if machine not in _ARCHITECTURES:
        raise BuildFailed(f"Lambda does not run on {machine}")
    return _ARCHITECTURES[machine]


def build() -> None:
    """Run `sam build`, and configure the build for the sandbox.

    Raises:
        BuildFailed: `sam build` failed; its output has been printed.
    """
    architecture = machine_architecture()
    parameters = ["--config-env", "sandbox", "--parameter-overrides", f"Architecture={architecture}"]
    done = subprocess.run([*sam_command(), "build", *parameters], env=sam_environment(), check=False)
    if done.returncode != 0:
        raise BuildFailed(f"sam build ended with status {done.returncode}")
    subprocess.run([sys.executable, "deploy/compile_bytecode.py", str(BUILD_FOLDER)], check=True)
    checked = subprocess.run([sys.executable, "deploy/check_layer.py", str(BUILD_FOLDER), str(_UV)], check=False)
    if checked.returncode != 0:
        raise BuildFailed("the layer that SAM built does not match the lock")
    template = BUILD_FOLDER / "template.yaml"
    names = lambda_variables(issuer_folder=DEFAULT_FOLDER.name, aws_url="", public_url="").keys()
    template.write_text(open_template(template.read_text(), architecture=architecture, variables=names))


def open_template(text: str, *, architecture: str, variables: Iterable[str]) -> str:
    """Return the built template with parameters that need no asking, and with `variables` declared.

    `sam local` passes on only variables that the template declares, and the deployed template declares none that
    redirect the function.
    """
    template = object_of(yaml.safe_load(text), "template")
    parameters = object_of(template["Parameters"], "Parameters")
    for name, value in (("Architecture", architecture), ("AssumableRoleArns", account.PUSH_ROLE)):
        parameters[name] = object_of(parameters[name], name) | {"Default": value}
    # `sam local` evaluates no conditions: it would serve the REST API, too, whose routes are more specific.
    resources = {
        name: resource
        for name, resource in object_of(template["Resources"], "Resources").items()
        if object_of(resource, name).get("Type") != "AWS::Serverless::Api"
    }
    function = object_of(resources[FUNCTION], FUNCTION)
    properties = object_of(function["Properties"], "Properties")
    declared = object_of(object_of(properties["Environment"], "Environment")["Variables"], "Variables")
    properties["Environment"] = {"Variables": dict.fromkeys(variables, "") | declared}
    resources[FUNCTION] = function | {"Properties": properties}
    return yaml.safe_dump(template | {"Parameters": parameters, "Resources": resources}, sort_keys=False)


def lambda_variables(*, issuer_folder: str, aws_url: str, public_url: str) -> dict[str, str]:
    """Return the environment of a function in a container that shares this machine's loopback."""
    service = account.service_session(account.roles()[0])
    return {
        "TOKEN_EXCHANGE_POLICY": f"file:{issuer_folder}/policy.yaml",
        "TOKEN_EXCHANGE_FIRST_POLICY": "",
        "TOKEN_EXCHANGE_STATE_TABLE": "",
        "TOKEN_EXCHANGE_BRAKE_TABLE": "",
        "TOKEN_EXCHANGE_URL": public_url,
        "AWS_ENDPOINT_URL": aws_url,
        "AWS_REGION": account.REGION,
        "AWS_DEFAULT_REGION": account.REGION,
        "AWS_ACCESS_KEY_ID": service.access_key_id,
        "AWS_SECRET_ACCESS_KEY": service.secret_access_key,
        "AWS_SESSION_TOKEN": service.session_token,
    }


def configure_for_sandbox(
    environment_file: Path,
    *,
    policy_folder: str,
    issuer_port: int,
    ca_bundle: Path,
    aws_url: str,
    public_url: str,
    hosts: Mapping[str, str] | None = None,
    built: Path | None = None,
) -> dict[str, str]:
    """Give the built function a policy for the issuer at `issuer_port`; write and return the values of its variables.

    `hosts` are the registries' hosts on loopback; `built` is the folder of a function other than the sandbox's build.
    """
    folder = (built or BUILD_FOLDER / FUNCTION) / PACKAGE / policy_folder
    folder.mkdir(exist_ok=True)
    shutil.copy(ca_bundle, folder / "ca.pem")
    write_policy(folder, issuer_port=issuer_port, hosts=hosts)
    variables = lambda_variables(issuer_folder=policy_folder, aws_url=aws_url, public_url=public_url)
    write_private(environment_file, json.dumps({FUNCTION: variables}, indent=2).encode())
    return variables


def main() -> int:
    """Build for the addresses of `make serve`; return 0, or 1 when there is no build."""
    make_folder(DEFAULT_FOLDER)
    try:
        build()
    except BuildFailed as error:
        print(error, file=sys.stderr)
        return 1
    configure_for_sandbox(
        ENVIRONMENT_FILE,
        policy_folder=POLICY_FOLDER,
        issuer_port=ISSUER_PORT,
        ca_bundle=load_certificates(DEFAULT_FOLDER).authority,
        aws_url=f"http://{HOST}:{AWS_PORT}",
        public_url=f"http://{HOST}:{LOCAL_API_PORT}",
        hosts={name: f"{HOST}:{port}" for name, port in REGISTRY_PORTS.items()} if registry_program() else None,
    )
    print("built; with `make serve` running and after `make events`: make sam-invoke, make sam-api")
    return 0


if __name__ == "__main__":
    sys.exit(main())
