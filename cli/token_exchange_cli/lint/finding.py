"""A finding of the linter, and the output formats."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from hashlib import sha256
from typing import Final, Literal, assert_never, get_args
from urllib.parse import quote

from token_exchange import __version__
from token_exchange.core.identity import Preset
from token_exchange.core.policy import Grant, Issuer, Policy
from token_exchange.core.ports import Json
from token_exchange.loading.problems import Code, Path, Place, spelled_path
from token_exchange_cli.safe_text import counted, escape_non_ascii, escape_unprintable

type Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One error or risk. `message` says what could happen, `suggestion` what to write instead.

    `suggestion` is empty where the message says it already. `file` is the file of `path` in a policy that is a folder,
    if known. `place` is its line and column, if `path` does not determine it.
    """

    severity: Severity
    code: str
    path: Path
    message: str
    suggestion: str
    file: str | None = None
    place: Place | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The policy that is linted, and the current date."""

    policy: Policy
    today: date

    def grants(self) -> Iterator[tuple[Path, Grant]]:
        """Yield every grant with its path."""
        for place, grant in enumerate(self.policy.grants):
            yield ("grants", place), grant

    def issuers(self, grant: Grant) -> list[Issuer]:
        """Return the issuer entries of `grant`."""
        return [self.policy.issuers[name] for name in grant.issuers]

    def presets(self, grant: Grant) -> list[Preset]:
        """Return the presets of the issuers of `grant`."""
        return [issuer.preset for issuer in self.issuers(grant)]


type Rule = Callable[[Subject], Iterator[Finding]]


def warning(code: str, path: Path, message: str, suggestion: str) -> Finding:
    """Return a warning."""
    return Finding(severity="warning", code=code, path=path, message=message, suggestion=suggestion)


type Format = Literal["text", "json", "github", "gitlab", "sarif"]
FORMATS: Final[tuple[Format, ...]] = ("text", "json", "github", "gitlab", "sarif")

_ERRORS: Final = frozenset({*get_args(Code.__value__), "placeholder-left"})
"""Their codes have one section in docs/lint.md together."""

_SARIF_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """A finding, where it is, and whether a comment of the policy allows it."""

    finding: Finding
    file: str
    place: Place
    is_allowed: bool = False


def summary(located: Sequence[Located]) -> str:
    """Return how many errors and warnings there are."""
    errors = sum(one.finding.severity == "error" for one in located)
    return f"{counted(errors, 'error')}, {counted(len(located) - errors, 'warning')}"


def written(located: Sequence[Located], wanted: Format, *, docs: str = "") -> str:
    """Return all findings in the `wanted` format; in SARIF, each rule links to its section below the address `docs`.

    File names and values of a policy can contain any character: a lone surrogate has no UTF-8 form, and readers
    of these formats end lines at more characters than a line feed.
    """
    found = [_escaped(one) for one in located]
    match wanted:
        case "text":
            return "\n".join(_text(one) for one in found)
        case "json":
            return json.dumps({"findings": [located_fields(one) for one in found]}, indent=2)
        case "github":
            return "\n".join(_github(one) for one in found)
        case "gitlab":
            return json.dumps([_gitlab(one) for one in found], indent=2)
        case "sarif":
            return json.dumps(_sarif(found, docs), indent=2)
        case _:
            assert_never(wanted)


def _escaped(one: Located) -> Located:
    finding = replace(
        one.finding,
        message=escape_unprintable(one.finding.message),
        suggestion=escape_unprintable(one.finding.suggestion),
    )
    return replace(one, finding=finding, file=escape_unprintable(one.file))


def _text(one: Located) -> str:
    finding = one.finding
    where = f"{one.file}:{one.place.line}:{one.place.column}"
    path = escape_non_ascii(spelled_path(finding.path))
    lines = [
        f"{escape_non_ascii(where)}: {finding.severity} {finding.code}{f' at {path}' if path else ''}",
        f"  {escape_non_ascii(finding.message)}",
    ]
    return "\n".join([*lines, f"  -> {escape_non_ascii(finding.suggestion)}"] if finding.suggestion else lines)


def _sentence(finding: Finding) -> str:
    return f"{finding.message}; {finding.suggestion}" if finding.suggestion else finding.message


def located_fields(one: Located) -> dict[str, Json]:
    """Return the finding as the commands print it."""
    finding = one.finding
    return {
        "severity": finding.severity,
        "code": finding.code,
        "path": spelled_path(finding.path),
        "file": one.file,
        "line": one.place.line,
        "column": one.place.column,
        "message": finding.message,
        "suggestion": finding.suggestion,
    }


def _github(one: Located) -> str:
    """Return a workflow command (GitHub Docs, "Workflow commands"), in which a line break would end it."""
    finding = one.finding
    properties = f"file={_property(one.file)},line={one.place.line},col={one.place.column},title={finding.code}"
    return f"::{finding.severity} {properties}::{_data(_sentence(finding))}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _gitlab(one: Located) -> Json:
    """Return an entry of a Code Quality report (GitLab Docs, "Code Quality report format")."""
    finding = one.finding
    identity = f"{finding.code}\0{one.file}\0{spelled_path(finding.path)}\0{finding.message}"
    return {
        "description": _sentence(finding),
        "check_name": finding.code,
        "fingerprint": sha256(identity.encode()).hexdigest(),
        "severity": "critical" if finding.severity == "error" else "minor",
        "location": {"path": one.file, "lines": {"begin": one.place.line}},
    }


def _rule(code: str, docs: str) -> Json:
    section = f"lint.md#{'errors' if code in _ERRORS else code}"
    explains = "explains the risk and what to write instead."
    rule: dict[str, Json] = {
        "id": code,
        "shortDescription": {"text": code.replace("-", " ").capitalize()},
        "help": {"text": f"docs/{section} {explains}"},
    }
    if docs:
        uri = f"{docs.rstrip('/')}/{section}"
        # GitHub's code scanning shows the text, editors link the address.
        rule |= {"helpUri": uri, "help": {"text": f"{uri} {explains}", "markdown": f"[{section}]({uri}) {explains}"}}
    return rule


def _sarif(found: Sequence[Located], docs: str) -> dict[str, Json]:
    """Return a log of the Static Analysis Results Interchange Format, version 2.1.0 (OASIS)."""
    codes = list(dict.fromkeys(one.finding.code for one in found))
    return {
        "$schema": _SARIF_SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "token-exchange",
                        "version": __version__,
                        "rules": [_rule(code, docs) for code in codes],
                    }
                },
                "results": [
                    {
                        "ruleId": one.finding.code,
                        "ruleIndex": codes.index(one.finding.code),
                        "level": one.finding.severity,
                        "message": {"text": _sentence(one.finding)},
                        "locations": [
                            {
                                "physicalLocation": {
                                    "artifactLocation": {"uri": quote(one.file)},
                                    "region": {"startLine": one.place.line, "startColumn": one.place.column},
                                }
                            }
                        ],
                    }
                    for one in found
                ],
            }
        ],
    }
