"""`step`: the login step of a CI system, to paste into a pipeline."""

from collections.abc import Callable

import click

from token_exchange_cli.console import Unusable
from token_exchange_cli.inputs import input_name, load_policy_argument
from token_exchange_cli.steps.from_policy import values_of
from token_exchange_cli.steps.step import (
    EXAMPLE_EXCHANGE,
    EXAMPLE_REGISTRY,
    StepValues,
    document,
    fixed_audience_of,
    setup,
    shell,
    system_named,
    systems_from,
    variables,
)
from token_exchange_cli.systems.catalog import SYSTEMS
from token_exchange_cli.systems.system import StepFormat, System
from token_exchange_cli.terminal import print_json, remark
from token_exchange_cli.values import (
    EXAMPLE_HOST,
    BadValue,
    check_audience,
    check_exchange,
    check_host,
    check_image,
    check_registry,
    unknown_region,
)


@click.command("step", epilog=f"CI systems: {', '.join(SYSTEMS)}.")
@click.argument("system", metavar="SYSTEM", shell_complete=systems_from)
@click.option("--exchange", metavar="URL", help="The service's address.")
@click.option("--audience", metavar="TEXT", help="The policy's audience; without it, the service's address.")
@click.option("--registry", metavar="NAME", help=f"The registry's name in the policy; without it, {EXAMPLE_REGISTRY}.")
@click.option("--host", metavar="HOST", help="The registry's host.")
@click.option("--format", "wanted", type=click.Choice(["password", "docker-config"]), help="For docker, or for skopeo.")
@click.option("--policy", "policy_file", metavar="FILE", help="Take audience, registry and host from this policy.")
@click.option("--image", metavar="NAME[:TAG]", help="With docker-config: what skopeo pushes.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(  # noqa: PLR0913 - as many as there are options
    *,
    system: str,
    exchange: str | None,
    audience: str | None,
    registry: str | None,
    host: str | None,
    wanted: StepFormat | None,
    policy_file: str | None,
    image: str | None,
    as_json: bool,
) -> None:
    """Print the login step for the CI system SYSTEM.

    SYSTEM is a provider as a policy names it, such as gitlab or github-actions. With --policy, the step is for that
    policy. For a value that is not given, it uses the example from the documents, and a remark says so.

    Exit status: 0 success, 2 wrong usage.

    \b
    Examples:
      token-exchange step gitlab --exchange https://exchange.acme.example
      token-exchange step github-actions --policy policy.yaml --exchange https://exchange.acme.example
      token-exchange step vela --format docker-config --image vela/acme/shop:latest
    """  # noqa: D301 - click takes the backspace for: keep these lines as they are
    try:
        name, found = system_named(system)
    except BadValue as error:
        raise click.BadParameter(str(error), param_hint="SYSTEM") from error
    if policy_file is not None:
        try:
            of_policy = values_of(
                load_policy_argument(policy_file), name, audience=audience, registry=registry, host=host
            )
        except BadValue as error:
            raise Unusable(f"{input_name(policy_file)}: {error}") from error
        registry, host = of_policy.registry, of_policy.host
        audience = None if found.fixed_audience else of_policy.audience
    values = _values(
        found, exchange=exchange, audience=audience, registry=registry, host=host, wanted=wanted, image=image
    )
    if as_json:
        print_json(
            {
                "system": name,
                "page": f"docs/ci/{found.page}.md",
                "setup": [*setup(found, values)],
                "variables": {**variables(found, values)},
                "step": shell(found, values),
            }
        )
    else:
        click.echo(document(found, values), nl=False)


def _values(
    system: System,
    *,
    exchange: str | None,
    audience: str | None,
    registry: str | None,
    host: str | None,
    wanted: StepFormat | None,
    image: str | None,
) -> StepValues:
    if audience is not None and system.fixed_audience is not None:
        raise click.BadParameter(
            f"a job of {system.title} cannot choose its audience, which is {fixed_audience_of(system)}",
            param_hint="--audience",
        )
    format_name: StepFormat = system.format if wanted is None else wanted
    if image is not None and format_name != "docker-config":
        raise click.BadParameter("only a step with --format docker-config names an image", param_hint="--image")
    address = _checked("--exchange", check_exchange, exchange, EXAMPLE_EXCHANGE)
    if host is not None and (unknown := unknown_region(host)) is not None:
        remark(unknown)
    return StepValues(
        exchange=address,
        # Chosen by the job where it can be: the usual choice is the address, which was just checked.
        audience=address if audience is None else _checked("--audience", check_audience, audience, address),
        registry=EXAMPLE_REGISTRY if registry is None else _checked("--registry", check_registry, registry, ""),
        host=_checked("--host", check_host, host, EXAMPLE_HOST),
        format=format_name,
        image=_checked("--image", check_image, image, system.image) if format_name == "docker-config" else system.image,
    )


def _checked(option: str, check: Callable[[str], str], given: str | None, example: str) -> str:
    """Return what was given, or the example with a remark.

    Raises:
        click.BadParameter: what was given is none.
    """
    if given is None:
        remark(f"{option} is not given; the step uses the example {example}")
        return example
    try:
        return check(given)
    except BadValue as error:
        raise click.BadParameter(str(error), param_hint=option) from error
