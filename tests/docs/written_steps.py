"""`make steps`: writes the login steps of the documents from what `token-exchange step` knows of each system."""

import re
import sys
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from tests.docs.pages import ROOT, Page, pages
from token_exchange_cli.steps.step import EXAMPLE_EXCHANGE, EXAMPLE_REGISTRY, StepValues, shell
from token_exchange_cli.systems.catalog import SYSTEMS
from token_exchange_cli.systems.system import System
from token_exchange_cli.values import EXAMPLE_HOST

_STEP: Final = re.compile(r"^(?P<indent> *)\(\n(?:(?P=indent)  .*\n)+(?P=indent)\)$", re.MULTILINE)

# What the system fills in before a shell sees it.
_FILLED_IN: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "circleci": {"registry": "<< parameters.registry >>", "host": "<< parameters.host >>"},
        "codefresh": {"image": "codefresh/shop:${{CF_SHORT_REVISION}}"},
    }
)


def example_step(
    system: System, *, registry: str = EXAMPLE_REGISTRY, host: str = EXAMPLE_HOST, image: str | None = None
) -> str:
    """Return the step with the values of the documents; without `image`, with that of the system's page."""
    values = StepValues(
        exchange=EXAMPLE_EXCHANGE,
        audience=EXAMPLE_EXCHANGE,
        registry=registry,
        host=host,
        format=system.format,
        image=image or system.image,
    )
    return shell(system, values)


_GITHUB: Final = example_step(SYSTEMS["github-actions"])

STEPS_OF: Final[Mapping[str, Sequence[str]]] = MappingProxyType(
    {
        "README.md": [_GITHUB],
        "docs/getting-started.md": [_GITHUB, example_step(replace(SYSTEMS["gitlab"], host="{host}"))],
        # What all systems have in common; the step for several addresses follows it.
        "docs/ci/README.md": [example_step(replace(SYSTEMS["gitlab"], token=("token=$TOKEN",)))],
        **{
            f"docs/ci/{system.page}.md": [example_step(system, **_FILLED_IN.get(name, {}))]
            for name, system in SYSTEMS.items()
        },
    }
)
"""The steps that each document begins with, in their order."""


def with_steps(of: Page) -> str:
    """Return the document's text with its steps as they have to be; each keeps its place and indentation."""
    steps = iter(STEPS_OF[of.name])
    text, found = _STEP.subn(
        lambda old: textwrap.indent(next(steps), old["indent"]), of.text, count=len(STEPS_OF[of.name])
    )
    assert found == len(STEPS_OF[of.name]), f"{of.name} has {found} login steps"
    return text


def main() -> int:
    """Write every document whose steps are not as they have to be."""
    for found in pages():
        if found.name in STEPS_OF and (text := with_steps(found)) != found.text:
            (ROOT / found.name).write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
