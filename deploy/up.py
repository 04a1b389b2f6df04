"""`make deploy`: checks policy and credentials before the build, then has SAM deploy, without a question but SAM's own.

The policy that it deploys with the function is compiled.
What is not given is taken from the policy, or for a stack that exists from its last deployment.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from deploy.check_policy import checked_policy, described
from deploy.compile_policy import compile_policy
from deploy.settle_architecture import PARAMETER as ARCHITECTURE
from deploy.target import NotDeployed, Target, find_target
from token_exchange.core.policy import Policy, SecretRegistry

FUNCTION_FOLDER: Final = Path("functions/exchange")
_BUILD: Final = Path(".aws-sam/build")
_COPY: Final = "policy-copy"
_TEMPLATE: Final = Path(__file__).parent.parent / "template.yaml"
_REGIONAL: Final = ("AlarmTopicArn", "AuditDestinationArn", "CertificateArn", "KmsKeyArn", "NoticeTopicArn")
"""Parameters that name something in the region of the stack; a rule of a template cannot look into an ARN."""
_SHORT: Final = {"roles": "AssumableRoleArns", "topic": "AlarmTopicArn", "url": "PublicUrl", "docs": "DocumentationUrl"}
"""The options for parameters of the template."""


def main(arguments: Sequence[str]) -> int:
    """Check, or deploy; return 0 if that was fine, else 1."""
    asked = _parser().parse_args(arguments)
    try:
        given = _given(asked)
        target = _target(asked, given)
        _check(given, target)
        of_policy = _of_policy(Path(asked.policy), given, target)
        parameters = {**of_policy, **given}
        if of_policy and not asked.check:
            compile_policy(_BUILD, parameters["PolicyKey"])
    except NotDeployed as error:
        print("\n".join(f"not deployed: {problem}" for problem in error.args), file=sys.stderr)
        return 1
    print(f"{'updates' if target.exists else 'creates'} the stack {target.stack} in {target.account}, {target.region}")
    for name, value in parameters.items():
        print(f"  {name}: {value}")
    if asked.check:
        return 0
    status = subprocess.run(_sam(target, parameters), check=False).returncode
    if status == 0:
        _print_next(find_target(stack=target.stack, region=target.region), asked.policy)
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make deploy")
    parser.add_argument("--check", action="store_true", help="only check, before the build")
    parser.add_argument("--stack", required=True)
    parser.add_argument("--region", default="")
    parser.add_argument("--policy", required=True)
    parser.add_argument("--parameters", default="", help="KEY=VALUE, separated by spaces")
    for option, parameter in _SHORT.items():
        parser.add_argument(f"--{option}", default="", help=f"the parameter {parameter}")
    return parser


def _given(asked: argparse.Namespace) -> dict[str, str]:
    """Return the parameters of the template that are given.

    Raises:
        NotDeployed: one of them is not KEY=VALUE, or is no parameter of a deployment.
    """
    declared = _declared()
    given = {parameter: value for option, parameter in _SHORT.items() if (value := str(getattr(asked, option)))}
    for pair in asked.parameters.split():
        name, separator, value = pair.partition("=")
        if not separator or not name.isalnum():
            raise NotDeployed(f"PARAMETERS: expected KEY=VALUE, separated by spaces, found {pair}")
        if name == ARCHITECTURE:
            # It is part of the build; SAM would ignore it here without a word.
            raise NotDeployed(f"set {name} before the build, under [default.global.parameters] in samconfig.toml")
        if name not in declared:
            # SAM would leave it out without a word: `Dor=rest-private` would make a public API.
            near = "".join(f"; did you mean {one}?" for one in get_close_matches(name, declared, n=1))
            raise NotDeployed(f"the template has no parameter {name}{near}")
        given[name] = value
    return given


def _declared() -> list[str]:
    """Return the names of the template's parameters."""
    section = _TEMPLATE.read_text("utf-8").partition("\nParameters:\n")[2].partition("\nRules:\n")[0]
    return re.findall(r"^  (\w+):$", section, re.MULTILINE)


def _target(asked: argparse.Namespace, given: Mapping[str, str]) -> Target:
    """Return where to deploy.

    Raises:
        NotDeployed: it cannot be found; a policy that cannot be deployed is reported as well, since it is local.
    """
    try:
        return find_target(stack=asked.stack, region=asked.region or None)
    except NotDeployed as error:
        if given.get("PolicySource", "file") == "file":
            try:
                _packaged_policy(Path(asked.policy))
            except NotDeployed as of_policy:
                raise NotDeployed(*of_policy.args, *error.args) from error
        raise


def _check(given: Mapping[str, str], target: Target) -> None:
    """Refuse what AWS would refuse only in the middle of a deployment, and no rule of the template can.

    Raises:
        NotDeployed: a combination of parameters that cannot work.
    """
    for name in _REGIONAL:
        _, _, _, region, *_ = f"{given.get(name, '')}::::".split(":")
        if region and region != target.region:
            raise NotDeployed(f"{name} is in {region}; name one in {target.region}, where the stack is")
    known = {**target.parameters, **given}
    provisioned, reserved = (known.get(f"{kind}Concurrency", "") for kind in ("Provisioned", "Reserved"))
    if provisioned.isdecimal() and reserved.isdecimal() and int(provisioned) > int(reserved):
        raise NotDeployed(f"ProvisionedConcurrency is {provisioned}, above the {reserved} of ReservedConcurrency")


def _of_policy(path: Path, given: Mapping[str, str], target: Target) -> dict[str, str]:
    """Return the parameters that follow from the policy, where it is deployed with the function.

    Raises:
        NotDeployed: the policy cannot be deployed, or the stack may not assume its roles.
    """
    known = {**target.parameters, **given}
    if known.get("PolicySource", "file") != "file":
        if "AssumableRoleArns" not in known and not known.get("BrokerRoleName"):
            raise NotDeployed("give ROLES=arn:…,arn:…: roles cannot be read from a policy that is not in the checkout")
        return {}
    path, policy = _packaged_policy(path)
    print(described(policy))
    found = {"PolicyKey": path.resolve().relative_to(FUNCTION_FOLDER.resolve()).as_posix()}
    if known.get("BrokerRoleName"):
        # The role of another stack, which says there what it may assume and read.
        return found
    for name, needed in {"AssumableRoleArns": _roles(policy), "ReadableSecretArns": _secrets(policy)}.items():
        if name not in known:
            found |= {name: ",".join(needed)} if needed else {}
            continue
        allowed = known[name].split(",")
        if missing := [arn for arn in needed if not _is_allowed(arn, allowed)]:
            option = "ROLES=" if name == "AssumableRoleArns" else f"PARAMETERS={name}="
            raise NotDeployed(
                f"the policy names {', '.join(missing)}, which {name} does not allow; give all of them:"
                f" make deploy {option}{','.join(dict.fromkeys([*filter(None, allowed), *missing]))}"
            )
    if "AssumableRoleArns" not in {**known, **found}:
        raise NotDeployed("give ROLES=arn:…: the policy names no role that the service assumes, and one is required")
    return found


def _packaged_policy(path: Path) -> tuple[Path, Policy]:
    """Return the policy that SAM will package, and where it is.

    Raises:
        NotDeployed: there is none, or it cannot be deployed.
    """
    if not path.exists():
        # A new one gets a folder of its own: the function's is packaged with all that is in it.
        folder = path.parent if path.parent != FUNCTION_FOLDER else Path("exchange-policy")
        raise NotDeployed(
            f"there is no policy {path}: `token-exchange init {folder}` writes one, for POLICY={folder}/policy.yaml"
        )
    packaged = _packaged(path)
    return packaged, checked_policy(packaged)


def _packaged(path: Path) -> Path:
    """Return the policy in the function's folder, which is what SAM packages: itself, or a copy."""
    if path.resolve().is_relative_to(FUNCTION_FOLDER.resolve()):
        return path
    copy = FUNCTION_FOLDER / _COPY
    shutil.rmtree(copy, ignore_errors=True)
    if path.is_dir():
        shutil.copytree(path, copy, ignore=shutil.ignore_patterns(".git"))
        return copy
    copy.mkdir()
    return Path(shutil.copyfile(path, copy / path.name))


def _roles(policy: Policy) -> list[str]:
    """Return the roles that the service assumes itself; those of `assume: web-identity` need no right of it."""
    terms = [grant.terms for grant in policy.grants if grant.terms is not None]
    return sorted({one.role for one in terms if one.assume == "broker"})


def _secrets(policy: Policy) -> list[str]:
    return sorted({one.secret_arn for one in policy.registries.values() if isinstance(one, SecretRegistry)})


def _is_allowed(arn: str, patterns: Sequence[str]) -> bool:
    """Return whether one of the template's patterns matches; their end may be an asterisk."""
    return any(arn == one or (one.endswith("*") and arn.startswith(one[:-1])) for one in patterns)


def _sam(target: Target, parameters: Mapping[str, str]) -> list[str]:
    """Return the command; on a terminal SAM shows the changes and asks, elsewhere no one could answer."""
    command = [os.environ.get("SAM", "sam"), "deploy", "--stack-name", target.stack, "--region", target.region]
    command += ["--no-fail-on-empty-changeset"]
    command += [] if sys.stdin is not None and sys.stdin.isatty() else ["--no-confirm-changeset"]
    return [*command, "--parameter-overrides", *(f"{name}={value}" for name, value in parameters.items())]


def _print_next(target: Target, policy: str) -> None:
    print(f"\naddress   {target.outputs.get('Url', '')}")
    print(f"role      {target.outputs.get('RoleArn', '')}")
    print("next:")
    print(f"  token-exchange doctor {target.outputs.get('Url', 'URL')}")
    print(f"  token-exchange step SYSTEM --policy {policy} --exchange {target.outputs.get('Url', 'URL')}")
    print(f"  token-exchange roles {policy} --broker-role {target.outputs.get('RoleArn', 'ROLE')} > roles.yaml")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
