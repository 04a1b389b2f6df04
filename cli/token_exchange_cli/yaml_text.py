"""YAML that every reader takes for the same: whatever could be a number, a date or a boolean is quoted."""

import re
from typing import Final, override

import yaml

from token_exchange.core.ports import Json

_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*(?::+[A-Za-z0-9_./*-]+)*")
_WORDS: Final = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "infinity", "nan"})
"""What a reader of YAML 1.1 or 1.2 takes for something else than text, in any case."""

_NO_LIMIT: Final = 1 << 30


class _Dumper(yaml.SafeDumper):
    """Block style, without aliases."""

    @override
    def ignore_aliases(self, data: object) -> bool:
        return True

    @override
    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, indentless=False)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    is_plain = _PLAIN.fullmatch(value) is not None and value.lower() not in _WORDS
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=None if is_plain else '"')


_Dumper.add_representer(str, _text)


def yaml_text(value: Json) -> str:
    """Return `value` as one YAML document, its keys in their order."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, width=_NO_LIMIT)
