"""Collects the answers for a first policy, from options and on a terminal."""

import sys
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Final

import click

from token_exchange_cli.onboarding.files import Answers, filled
from token_exchange_cli.steps.step import EXAMPLE_EXCHANGE, fixed_audience_of, system_named
from token_exchange_cli.systems.catalog import SYSTEMS
from token_exchange_cli.systems.system import Starter
from token_exchange_cli.terminal import remark
from token_exchange_cli.values import (
    ACCOUNT,
    BadValue,
    check_audience,
    check_exchange,
    check_prefix,
    check_region,
    partition,
    unknown_region,
)

QUESTIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "host": "The host of your own server",
        "issuer": "The issuer's URL",
        "organization": "The organization's name",
        "organization-id": "The organization's id",
        "project": "The project",
        "project-id": "The project's id",
        "repository": "The source repository, OWNER/NAME",
        "repository-id": "The source repository's id",
        "environment-id": "The deployment environment's id",
        "pipeline": "The pipeline that pushes",
        "pipeline-id": "The id of the pipeline that pushes",
        "actor": "The identity of the builds",
        "actor-id": "The id of the builds' account",
    }
)
"""What depends on the system, by the option's name and in the order in which it is asked."""

OPTIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "system": "The CI system, such as gitlab or github-actions.",
        **{name: f"{text}, for systems that need it." for name, text in QUESTIONS.items()},
        "account": "The AWS account of the registry.",
        "region": "The region of the registry.",
        "prefix": "The prefix of the repository names in ECR.",
        "audience": "The audience of the tokens: one string for your service.",
        "exchange": "The service's address, for the login step; by default the audience.",
    }
)
"""What each option of the command means, by its name."""


class _Questions:
    """Takes answers from options, and missing ones from the terminal."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self._given = given
        self._is_terminal = sys.stdin is not None and sys.stdin.isatty()

    def missing(self, names: list[str]) -> list[str]:
        """Return those of `names` that cannot be asked for."""
        return [] if self._is_terminal else [name for name in names if name not in self._given]

    def answer(self, name: str, text: str, check: Callable[[str], str], *, default: str | None = None) -> str:
        """Return the answer, checked; a bad one is asked for again on a terminal.

        Raises:
            click.BadParameter: the option has an answer that cannot be used.
            click.UsageError: there is neither an option nor a terminal.
        """
        if name in self._given:
            try:
                return check(self._given[name])
            except BadValue as error:
                raise click.BadParameter(str(error), param_hint=f"--{name}") from error
        if not self._is_terminal:
            if default is not None:
                return default
            raise click.UsageError(f"standard input is not a terminal; give --{name}")
        while True:
            found: str = click.prompt(text, default=default, err=True, show_default=bool(default))
            if found == default == "":
                return found
            try:
                return check(found.strip())
            except BadValue as error:
                click.echo(f"{error}", err=True)


_EVERY = ("account", "region", "prefix")


def answers_from(given: Mapping[str, str]) -> Answers:
    """Return the answers, from options and, where one is missing, from the terminal.

    Raises:
        click.UsageError: one cannot be used, or is missing and there is no terminal.
    """
    questions = _Questions(given)
    name = questions.answer("system", "The CI system, such as gitlab or github-actions", _system)
    system = SYSTEMS[name]
    starter = system.starter
    chooses_audience = system.fixed_audience is None
    known = frozenset({"system", "exchange", *_EVERY, *starter.questions, *(("audience",) if chooses_audience else ())})
    if unused := sorted(given.keys() - known):
        audience = f"the audience is {fixed_audience_of(system)}"
        why = audience if unused == ["audience"] else f"it needs {_options(starter, starter.questions)}"
        raise click.UsageError(f"a policy for {name} does not use {_options(starter, unused)}; {why}")
    needed = [asked for asked, ask in starter.questions.items() if not ask.optional]
    missing = questions.missing([*needed, *_EVERY, *(["audience"] if chooses_audience else [])])
    if missing:
        raise click.UsageError(f"standard input is not a terminal; give {_options(starter, missing)}")
    own: dict[str, str] = {}
    for asked, ask in starter.questions.items():
        text = f"{QUESTIONS[asked]} ({ask.where})"
        found = questions.answer(asked, text, ask.form.check, default="" if ask.optional else None)
        if found:
            own[asked] = found
    if (contradiction := starter.contradiction(own)) is not None:
        raise click.UsageError(contradiction)
    account = questions.answer("account", "The AWS account of the registry", ACCOUNT.check)
    region = questions.answer("region", "The region of the registry, such as eu-west-1", check_region)
    if "region" not in given and (unknown := unknown_region(region)) is not None:
        click.echo(unknown, err=True)
        region = questions.answer("region", "The region again, or Enter to keep it", check_region, default=region)
    prefix = questions.answer("prefix", "The prefix of the repository names in ECR, such as ci", check_prefix)
    if system.fixed_audience is None:
        audience = questions.answer(
            "audience", "The audience: one string for your service, such as its URL", check_audience
        )
    else:
        audience = str(filled(system.fixed_audience, own))
    exchange = questions.answer("exchange", "The service's address", check_exchange, default=_address(audience))
    if exchange == EXAMPLE_EXCHANGE != audience and "exchange" not in given:
        remark(f"--exchange is not given; the step uses the example {exchange}")
    return Answers(
        system=name,
        account=account,
        region=region,
        partition=partition(region),
        prefix=prefix,
        audience=audience,
        exchange=exchange,
        own=own,
    )


def _options(starter: Starter, names: Iterable[str]) -> str:
    """Return the options, with what the system calls the value and where to find it."""
    wheres = {name: f" ({ask.where})" for name, ask in starter.questions.items()}
    return ", ".join(f"--{name}{wheres.get(name, '')}" for name in names)


def _address(audience: str) -> str:
    """Return the audience where it can be the service's address, or the documents' example."""
    try:
        return check_exchange(audience)
    except BadValue:
        return EXAMPLE_EXCHANGE


def _system(text: str) -> str:
    return system_named(text)[0]
