"""Change grants in the text of a policy's file without changing any other character."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import unified_diff

import yaml

from token_exchange_cli.audit.tighten.proposals import Proposal


@dataclass(frozen=True, slots=True, kw_only=True)
class _Edit:
    """Replace the characters from `start` to `end` with `text`."""

    start: int
    end: int
    text: str


def changed_text(content: str, proposals: Iterable[Proposal]) -> str:
    """Return `content`, a policy in YAML or JSON that loads, with these changes to its grants."""
    root = yaml.compose(content, Loader=yaml.SafeLoader)
    grants = {name: node for node in _grants(root) if (name := _scalar(node, "name")) is not None}
    edits = [edit for one in proposals if one.grant in grants for edit in _edits(grants[one.grant], one)]
    # From the end, so that the earlier positions stay valid.
    edits.sort(key=lambda edit: edit.start)
    for edit in reversed(edits):
        content = content[: edit.start] + edit.text + content[edit.end :]
    return content


def diff_text(old: str, new: str, *, name: str) -> str:
    """Return the change as a unified diff, for `git apply` and for people."""
    return "".join(unified_diff(old.splitlines(keepends=True), new.splitlines(keepends=True), f"a/{name}", f"b/{name}"))


def _grants(root: yaml.Node | None) -> Iterator[yaml.MappingNode]:
    found = _value(root, "grants") if isinstance(root, yaml.MappingNode) else None
    for node in found.value if isinstance(found, yaml.SequenceNode) else []:
        if isinstance(node, yaml.MappingNode):
            yield node


def _value(node: yaml.MappingNode, key: str) -> yaml.Node | None:
    return next((value for name, value in node.value if name.value == key), None)


def _scalar(node: yaml.MappingNode, key: str) -> str | None:
    value = _value(node, key)
    return str(value.value) if isinstance(value, yaml.ScalarNode) else None


def _edits(grant: yaml.MappingNode, proposal: Proposal) -> Iterator[_Edit]:
    for key, value in proposal.keys.items():
        found = _value(grant, key)
        if found is None:
            yield _member(grant, key, json.dumps(value))
        else:
            is_quoted = isinstance(found, yaml.ScalarNode) and found.style is not None
            spelled = json.dumps(value) if is_quoted else value
            yield _Edit(start=found.start_mark.index, end=found.end_mark.index, text=spelled)
    match = _value(grant, "match")
    spelled_values = {name: _spelled(values) for name, values in proposal.match.items()}
    if isinstance(match, yaml.MappingNode) and match.value:
        for name, text in spelled_values.items():
            yield _member(match, name, text, before=0)
    elif spelled_values:
        is_quoted = _is_quoted(grant)
        inner = ", ".join(f"{_key(name, is_quoted=is_quoted)}: {text}" for name, text in spelled_values.items())
        if match is None:
            yield _member(grant, "match", f"{{{inner}}}")
        else:
            yield _Edit(start=match.start_mark.index, end=match.end_mark.index, text=f"{{{inner}}}")


def _member(node: yaml.MappingNode, key: str, value: str, *, before: int = 1) -> _Edit:
    """Insert a member before the one with the index `before`, or before the last one."""
    name, _ = node.value[min(before, len(node.value) - 1)]
    spelled = f"{_key(key, is_quoted=_is_quoted(node))}: {value}"
    at = name.start_mark
    is_own_line = at.line != node.start_mark.line
    line_end = f"\n{' ' * at.column}"
    in_braces = f",{line_end}" if is_own_line else ", "
    separator = in_braces if node.flow_style else line_end
    return _Edit(start=at.index, end=at.index, text=f"{spelled}{separator}")


def _is_quoted(node: yaml.MappingNode) -> bool:
    return node.value[0][0].style is not None


def _key(name: str, *, is_quoted: bool) -> str:
    return json.dumps(name) if is_quoted else name


def _spelled(values: tuple[str, ...]) -> str:
    return json.dumps(values[0] if len(values) == 1 else list(values))
