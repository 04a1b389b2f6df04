"""The options for the parameters of a request."""

from collections.abc import Callable, Sequence

import click

from token_exchange.core.decision import MAX_REGISTRIES, AccessRequest
from token_exchange.core.refusals import Refused
from token_exchange.http.request import parse_scope


def request_options[**P, R](command: Callable[P, R]) -> Callable[P, R]:
    """Add `--registry`, `--grant` and `--scope` to `command`."""
    for option in (
        click.option("--scope", metavar="SCOPE", help="Request a narrower login: 'repository:NAME:pull,push …'."),
        click.option("--grant", metavar="NAME", help="Request this grant only."),
        click.option(
            "--registry",
            "registries",
            metavar="NAME",
            multiple=True,
            help="A registry's name or host; can be repeated.",
        ),
    ):
        command = option(command)
    return command


def access_request(registries: Sequence[str], grant: str | None, scope: str | None) -> AccessRequest:
    """Return the request that these options describe.

    Raises:
        click.UsageError: the service would refuse these for any caller.
    """
    if len(registries) > MAX_REGISTRIES:
        raise click.UsageError(f"--registry: at most {MAX_REGISTRIES} registries, found {len(registries)}")
    try:
        return AccessRequest(registries=tuple(registries), grant=grant, scope=parse_scope(scope))
    except Refused as refused:
        raise click.UsageError(f"--scope: {refused.description}") from refused
