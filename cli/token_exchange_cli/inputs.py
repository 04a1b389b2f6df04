"""Reading files, standard input, JSON and policies, and writing YAML."""

import json
import re
import sys
from codecs import BOM_UTF8
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, override

import click
import yaml

from token_exchange.adapters.policy_file import PolicyFile
from token_exchange.core.policy import Policy
from token_exchange.core.ports import Json
from token_exchange.core.strict_json import NotStrictJson, parse_object
from token_exchange.loading.compiled import read_all
from token_exchange.loading.document import is_compiled
from token_exchange.loading.load import load_policy
from token_exchange.loading.problems import PolicyUnusable
from token_exchange.loading.store import PolicyDocument, PolicyUnreadable
from token_exchange_cli.console import Unusable
from token_exchange_cli.terminal import remark, waiting

STANDARD_INPUT: Final = "-"
_READ_KEY: Final = "token_exchange_cli.standard_input"


def read_input(argument: str, *, max_bytes: int) -> bytes:
    """Return the content of the file `argument`, or of standard input.

    Raises:
        Unusable: it cannot be read, or has more than `max_bytes`.
    """
    try:
        if argument == STANDARD_INPUT:
            content = _standard_input(max_bytes)
        else:
            with open(argument, "rb") as file:  # noqa: PTH123 - a name with a null byte is a ValueError here too
                content = file.read(max_bytes + 1)
    except OSError as error:
        raise Unusable(f"{input_name(argument)}: {(error.strerror or type(error).__name__).lower()}") from error
    except ValueError as error:
        raise Unusable(f"{input_name(argument)}: not a file name") from error
    if len(content) > max_bytes:
        raise Unusable(f"{input_name(argument)}: more than {max_bytes} bytes")
    return content


def standard_input() -> BinaryIO:
    """Return standard input, which one argument of a command can have.

    Raises:
        click.UsageError: another has it.
        Unusable: it is closed.
    """
    context = click.get_current_context().find_root()
    if context.meta.get(_READ_KEY):
        raise click.UsageError("only one argument can be standard input (-)")
    context.meta[_READ_KEY] = True
    if sys.stdin is None:
        raise Unusable("cannot read standard input: it is closed")
    if sys.stdin.isatty():
        click.echo("remark: reading standard input; press Ctrl-D to end it", err=True)
    return sys.stdin.buffer


def input_name(argument: str) -> str:
    """Return the file name `argument` for messages: on one line, in printable characters."""
    if argument == STANDARD_INPUT:
        return "standard input"
    return argument if argument and argument.isprintable() else ascii(argument)


def _standard_input(max_bytes: int) -> bytes:
    return standard_input().read(max_bytes + 1)


MAX_JSON_BYTES: Final = 1024 * 1024
"""A token has 16 KiB at most, and an audit line 8."""


def read_json_object(argument: str, *, max_bytes: int = MAX_JSON_BYTES) -> dict[str, Json]:
    """Return the object in the file `argument`.

    Raises:
        Unusable: it cannot be read, or is not one JSON object.
    """
    # Programs on Windows write a byte order mark. A token may not have one, which `parse_object` sees to.
    content = read_input(argument, max_bytes=max_bytes).removeprefix(BOM_UTF8)
    try:
        return parse_object(content, max_values=None)
    except NotStrictJson as error:
        raise Unusable(f"{input_name(argument)}:{_place(content)} {error}") from error


def _place(content: bytes) -> str:
    """Return line and column at which `content` stops being JSON, where that is what is wrong with it."""
    try:
        json.loads(content.decode("utf-8"))
    except json.JSONDecodeError as error:
        return f"{error.lineno}:{error.colno}:"
    except UnicodeDecodeError as error:
        return f" byte {error.start}:"
    except (ValueError, RecursionError):
        return ""
    return ""


MAX_POLICY_BYTES: Final = 64 * 1024 * 1024
"""Ten thousand grants take 4 MiB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyInput:
    """A policy as it was given: its name in messages, and its content or that of its folder."""

    name: str
    is_folder: bool
    document: PolicyDocument

    def load(self) -> Policy:
        """Return the policy.

        Raises:
            PolicyUnusable: it does not load.
        """
        policy = load_policy(
            self.document.content,
            name=self.document.name,
            read_file=self.document.read_file,
            grant_files=self.document.grant_files,
        )
        if is_compiled(self.document.content):
            read_all(policy)
        return policy

    def usable(self) -> Policy:
        """Return the policy.

        Raises:
            Unusable: it does not load, with every problem on a separate line.
        """
        try:
            return self.load()
        except PolicyUnusable as error:
            raise Unusable("\n".join(f"{self.name}: {problem}" for problem in error.problems)) from error

    def text(self) -> bytes:
        """Return the only file of the policy, or the main one of its folder.

        Raises:
            Unusable: the policy is compiled.
        """
        if is_compiled(self.document.content):
            raise Unusable(f"{self.name}: a compiled policy is not text; give its source")
        return bytes(self.document.content)

    def texts(self) -> Mapping[str, bytes]:
        """Return every file of the policy by its path, its main one by the name that a folder gives it.

        Raises:
            Unusable: the policy is compiled.
        """
        return {self.document.name: self.text(), **(self.document.grant_files or {})}


def read_policy(argument: str) -> PolicyInput:
    """Return what the file or folder `argument` holds; one from standard input names files relative to here.

    Raises:
        Unusable: it cannot be read.
    """
    if not argument:
        # An empty path is the current folder.
        raise Unusable(f"{input_name(argument)}: not a file name")
    is_folder = argument != STANDARD_INPUT and _is_folder(Path(argument))
    return PolicyInput(name=input_name(argument), is_folder=is_folder, document=_document(argument))


def load_policy_argument(argument: str) -> Policy:
    """Return the policy in the file or folder `argument`.

    Raises:
        Unusable: it cannot be read or does not load, with every problem on a separate line.
    """
    given = read_policy(argument)
    with waiting(f"loading {given.name}"):
        return given.usable()


def _document(argument: str) -> PolicyDocument:
    path = Path("policy.yaml" if argument == STANDARD_INPUT else argument)
    if argument != STANDARD_INPUT:
        if _is_folder(path):
            return _folder(path)
        folder = path.parent.parent if path.parent.name else Path("..")
        if path.absolute().parent.name == "grants" and _is_policy_folder(folder):
            raise Unusable(
                f"{input_name(argument)}: a file of a policy folder; give the folder {input_name(str(folder))}"
            )
    content = read_input(argument, max_bytes=MAX_POLICY_BYTES)
    return PolicyDocument(name=path.name, content=content, read_file=PolicyFile(path).read_named)


def _folder(path: Path) -> PolicyDocument:
    try:
        document = PolicyFile(path).read()
    except PolicyUnreadable as error:
        if _is_policy_folder(path):
            raise Unusable(input_name(str(error))) from error
        found = sorted(map(input_name, _policies_in(path)))[:_MAX_SUGGESTED]
        advice = f"give {' or '.join(found)}" if found else "give the policy's own file or folder"
        raise Unusable(
            f"{input_name(str(path))}: not a policy folder, which has policy.yaml and grants/*.yaml; {advice}"
        ) from error
    for name in sorted(_texts_in(path / "grants") - (document.grant_files or {}).keys()):
        remark(f"{input_name(name)} is not read: a policy folder has only policy.yaml and grants/*.yaml")
    return document


def _texts_in(grants: Path) -> set[str]:
    """Return the YAML and JSON files in the folder `grants` and below it, each by its path in the policy's folder."""
    return {file.relative_to(grants.parent).as_posix() for file in grants.rglob("*") if file.suffix in _SUFFIXES}


def _is_policy_folder(path: Path) -> bool:
    try:
        return (path / "policy.yaml").exists()
    except OSError:  # a name of which no file can be
        return False


def _policies_in(folder: Path) -> Iterator[str]:
    """Yield the policy folders directly in `folder`, and its YAML files that look like a policy."""
    for path in folder.glob("*/policy.yaml"):
        is_whole = _ISSUERS.search(_start(path)) and not (path.parent / "grants").is_dir()
        yield str(path if is_whole else path.parent)
    yield from (str(path) for path in folder.glob("*.y*ml") if _ISSUERS.search(_start(path)))


def _start(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_START_BYTES)
    except OSError:  # one that cannot be read is not suggested
        return b""


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # no name of a file; reading it as one says why
        return False


_ISSUERS: Final = re.compile(rb"^issuers:", re.MULTILINE)
_START_BYTES: Final = 64 * 1024
_MAX_SUGGESTED: Final = 3
_SUFFIXES: Final = frozenset({".yaml", ".yml", ".json"})

_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*(?::+[A-Za-z0-9_./*-]+)*")

_WORDS: Final = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "infinity", "nan"})
"""Words that YAML 1.1 or 1.2 does not read as strings, in any letter case."""

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
