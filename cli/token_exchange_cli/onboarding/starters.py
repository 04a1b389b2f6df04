"""The first policy of each CI system, by the name of its preset."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from token_exchange_cli.onboarding.starter import Starter
from token_exchange_cli.onboarding.starters_of_forges import FORGES
from token_exchange_cli.onboarding.starters_of_systems import OTHERS

STARTERS: Final[Mapping[str, Starter]] = MappingProxyType(dict(sorted({**FORGES, **OTHERS}.items())))
