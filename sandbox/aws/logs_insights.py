"""Carries out queries of CloudWatch Logs Insights on log lines: the commands and functions that the template uses.

Anything else is refused, so that no query of the template passes without having been carried out.
Source: CloudWatch Logs User Guide, "CloudWatch Logs Insights language query syntax" and "Supported logs and discovered
fields".
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from token_exchange.core.ports import Json

type Row = dict[str, Json]
type Value = Callable[[Row], Json]

MAX_DISCOVERED_FIELDS: Final = 200
_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<text>"[^"]*")|(?P<pattern>/(?:[^/\\]|\\.)*/)|(?P<number>[0-9]+(?:\.[0-9]+)?)"""
    r"""|(?P<name>@?[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)*)|(?P<mark>!=|<=|>=|[=<>(),|*\[\]]))"""
)


class NoQuery(Exception):
    """The query is not one, or uses what is not implemented here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEvent:
    """A line of a log group, and when it was logged."""

    timestamp: str
    message: str


def carry_out(query: str, events: Sequence[LogEvent], **parameters: str) -> list[Row]:
    """Return the rows of the result, each with its columns by name; `parameters` replace `{{name}}`."""
    for name, value in parameters.items():
        query = query.replace("{{" + name + "}}", value)
    if "{{" in query:
        raise NoQuery(f"a parameter without a value in {query}")
    return _Reader(query).run([_discovered(event) for event in events])


def _discovered(event: LogEvent) -> Row:
    found: Row = {"@timestamp": event.timestamp, "@message": event.message}
    try:
        parsed: Json = json.loads(event.message)
    except ValueError:
        return found
    for number, (name, value) in enumerate(_flattened(parsed, "")):
        if number == MAX_DISCOVERED_FIELDS:
            break
        found[name] = value
    return found


def _flattened(value: Json, path: str) -> Iterator[tuple[str, Json]]:
    members: Iterator[tuple[str, Json]]
    if isinstance(value, dict):
        members = iter(value.items())
    elif isinstance(value, list):
        members = ((str(index), item) for index, item in enumerate(value))
    else:
        yield path, value
        return
    for name, member in members:
        yield from _flattened(member, f"{path}.{name}" if path else name)


def _lookup(name: str) -> Value:
    def find(row: Row) -> Json:
        if name in row:
            return row[name]
        # The result of jsonParse or unnest is a structure, whose members are reached by dots.
        head, _, rest = name.partition(".")
        value: Json = row.get(head)
        for step in rest.split("."):
            value = value.get(step) if isinstance(value, dict) else None
        return value

    return find


class _Reader:
    """Reads a query from left to right, and carries out each command as it is read."""

    def __init__(self, query: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        place = 0
        while query[place:].strip():
            found = _TOKEN.match(query, place)
            if found is None or found.lastgroup is None:
                raise NoQuery(f"unexpected {query[place : place + 20]!r}")
            self._tokens.append((found.lastgroup, found[found.lastgroup]))
            place = found.end()

    def run(self, rows: list[Row]) -> list[Row]:
        shown: list[tuple[str, Value]] | None = None
        while True:
            match command := self._take("name"):
                case "filter":
                    holds = self._either()
                    rows = [row for row in rows if holds(row) is True]
                case "fields" | "display":
                    columns = self._columns()
                    rows = [{**row, **{name: value(row) for name, value in columns}} for row in rows]
                    shown = columns if command == "display" else shown
                case "unnest":
                    rows = self._unnested(rows)
                case "stats":
                    rows, shown = self._stats(rows), None
                case "sort":
                    rows = self._sorted(rows)
                case "limit":
                    rows = rows[: int(self._take("number"))]
                case _:
                    raise NoQuery(f"the command {command} is not implemented")
            if not self._tokens:
                break
            self._take("mark", "|")
        return rows if shown is None else [{name: value(row) for name, value in shown} for row in rows]

    def _columns(self) -> list[tuple[str, Value]]:
        columns = []
        while True:
            first = self._tokens[0][1]
            value = self._operand()
            columns.append((self._take("name") if self._skip("as") else first, value))
            if not self._skip(","):
                return columns

    def _unnested(self, rows: Sequence[Row]) -> list[Row]:
        items = self._operand()
        self._take("name", "into")
        name = self._take("name")
        found: list[Row] = []
        for row in rows:
            value = items(row)
            found += [{**row, name: item} for item in (value if isinstance(value, list) else [value])]
        return found

    def _stats(self, rows: Sequence[Row]) -> list[Row]:
        figures: list[tuple[str, Callable[[Sequence[Row]], Json]]] = []
        while True:
            figure = self._figure()
            self._take("name", "as")
            figures.append((self._take("name"), figure))
            if not self._skip(","):
                break
        by = self._columns() if self._skip("by") else []
        groups: dict[str, list[Row]] = {}
        for row in rows:
            groups.setdefault(json.dumps([value(row) for _, value in by]), []).append(row)
        return [
            {**{name: value(group[0]) for name, value in by}, **{name: figure(group) for name, figure in figures}}
            for group in groups.values()
        ]

    def _figure(self) -> Callable[[Sequence[Row]], Json]:
        function = self._take("name")
        self._take("mark", "(")
        if function == "count" and self._skip("*"):
            self._take("mark", ")")
            return len
        value = self._operand()
        self._take("mark", ")")

        def present(rows: Sequence[Row]) -> list[Json]:
            return [found for row in rows if (found := value(row)) is not None]

        match function:
            case "count_distinct":
                return lambda rows: len(set(map(json.dumps, present(rows))))
            case "min":
                return lambda rows: min(map(str, present(rows)), default=None)
            case "max":
                return lambda rows: max(map(str, present(rows)), default=None)
            case "latest":
                return lambda rows: next(iter(present(sorted(rows, key=_logged_at, reverse=True))), None)
            case _:
                raise NoQuery(f"the function {function} is not implemented")

    def _sorted(self, rows: Sequence[Row]) -> list[Row]:
        value = self._operand()
        falls = self._skip("desc")
        return sorted(rows, key=lambda row: _order(value(row)), reverse=falls)

    def _either(self) -> Value:
        parts = [self._both()]
        while self._skip("or"):
            parts.append(self._both())
        return lambda row: any(part(row) is True for part in parts)

    def _both(self) -> Value:
        parts = [self._condition()]
        while self._skip("and"):
            parts.append(self._condition())
        return lambda row: all(part(row) is True for part in parts)

    def _condition(self) -> Value:
        if self._skip("not"):
            inner = self._condition()
            return lambda row: inner(row) is not True
        left = self._operand()
        kind, mark = self._tokens.pop(0) if self._tokens and self._tokens[0][1] not in {"|", "and", "or"} else ("", "")
        match kind, mark:
            case "", _:
                return left
            case "name", "in":
                self._take("mark", "[")
                listed = [value for _, value in self._columns()]
                self._take("mark", "]")
                return lambda row: any(left(row) == value(row) for value in listed)
            case "name", "like":
                if self._tokens[0][0] == "pattern":
                    pattern = re.compile(self._take("pattern")[1:-1])
                    return lambda row: pattern.search(str(left(row))) is not None
                part = self._take("text")[1:-1]
                return lambda row: part in str(left(row))
            case "mark", "=" | "!=":
                right = self._operand()
                return lambda row: left(row) is not None and (left(row) == right(row)) is (mark == "=")
            case _:
                raise NoQuery(f"the operator {mark} is not implemented")

    def _operand(self) -> Value:
        kind, token = self._tokens.pop(0)
        match kind:
            case "text":
                return lambda _: token[1:-1]
            case "name" if not self._skip("("):
                return _lookup(token)
            case "name":
                value = self._operand()
                self._take("mark", ")")
                if token == "jsonParse":
                    return lambda row: json.loads(str(value(row)))
                if token == "ispresent":
                    return lambda row: value(row) is not None
        raise NoQuery(f"{token} is not implemented")

    def _skip(self, token: str) -> bool:
        if self._tokens and self._tokens[0][1] == token:
            self._tokens.pop(0)
            return True
        return False

    def _take(self, kind: str, token: str | None = None) -> str:
        if not self._tokens or self._tokens[0][0] != kind or token not in (None, self._tokens[0][1]):
            raise NoQuery(f"expected {token or kind}, found {self._tokens[:3]}")
        return self._tokens.pop(0)[1]


def _logged_at(row: Mapping[str, Json]) -> str:
    return str(row["@timestamp"])


def _order(value: Json) -> tuple[bool, float, str]:
    """Numbers by value, and text as text; what is missing comes first."""
    number = float(value) if isinstance(value, int | float) else 0.0
    return value is not None, number, "" if isinstance(value, int | float) else str(value)
