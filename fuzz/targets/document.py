"""Policies from an outsider's pull request: the loader and the linter must handle any content."""

import json
from typing import Final

from click.testing import CliRunner
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from fuzz.pieces import COUNTER, built, grown, texts
from fuzz.target import Broken, Json, list_in
from fuzz.targets.plain import Plain
from token_exchange.loading.load import load_policy
from token_exchange.loading.problems import PolicyUnusable
from token_exchange_cli.commands import policy_lint

_FORMATS: Final = ("text", "json", "sarif", "github", "gitlab")
_WHOLE: Final = """\
version: 1
issuers:
  github: {provider: github-actions, audience: https://ecr.acme.example, organizations: [{name: acme, id: "1"}]}
registries:
  apps: {type: ecr, account: "111122223333", region: eu-west-1}
deny:
  - {name: leaked, issuers: [github], match: {repository_id: "1"}}
grants:
  - name: own
    issuers: [github]
    match: {branch: main, repository: {like: "acme/*"}}
    registry: apps
    role: arn:aws:iam::111122223333:role/ci
    access: push
    repositories: ["ci/{repository}"]
    expires: 2030-01-01
"""
_PIECES: Final = (
    *"{}[]:,-#\"'|>&*!?%@ \n\t\r",
    *(
        "[[",
        "{a: ",
        "- ",
        "\n  ",
        "\n    ",
        "~",
        "yes",
        "0x1F",
        "1_000",
        "12:30",
        "<<: ",
        "*a",
        "&a",
        "!!str",
        "---",
        "...",
    ),
    *("\x85", "\u2028", "\u202e", "\x00", "\x7f", "\ufeff", "\ud800", "\U0010ffff", "é"),
    f"- k{COUNTER}\n",
    f"k{COUNTER}: 1\n",
)
_SAMPLES: Final = (_WHOLE, *_WHOLE.splitlines(keepends=True), '{"version": 1, "issuers": ["\\ud800"]}', "like: ")
_NAMES: Final = (
    *("version", "issuers", "registries", "deny", "grants", "name", "github", "provider", "audience", "organizations"),
    *("match", "claims", "like", "role", "access", "repositories", "registry", "files", "budgets", "jwks", "keys"),
)


class Document(Plain):
    """The loader raises only `PolicyUnusable`, with problems; the linter ends with one of its own statuses."""

    name = "document"

    @property
    def inputs(self) -> SearchStrategy[Json]:
        """Draw a document, often the sound one with something in it, and a format for the linter's findings."""
        before, after = _WHOLE.split('"acme/*"')
        bent = st.tuples(
            st.integers(0, len(_WHOLE)), texts(_PIECES, most_characters=2000, samples=_SAMPLES, most_pieces=3)
        )
        text = st.one_of(
            bent.map(lambda drawn: [[_WHOLE[: drawn[0]], 1], *list_in(drawn[1]), [_WHOLE[drawn[0] :], 1]]),
            texts(_PIECES, most_characters=100_000, samples=_SAMPLES),
            _values().map(lambda value: [[json.dumps(value), 1]]),
            grown(before + '"', "*a", f'"{after}', most_times=200_000),
            grown(before + '"', "?a", f'"{after}', most_times=200_000),
            grown("", "[", "", most_times=100_000),
            grown("", '{"a":', "", most_times=30_000),
            grown("a:\n", f" k{COUNTER}: 1\n", " z: 1\n z: 1\n", most_times=20_000),
            grown(_WHOLE, f"  - {{name: g{COUNTER}}}\n", "", most_times=500),
        )
        return st.fixed_dictionaries({"text": text, "format": st.sampled_from(_FORMATS)})

    def size_bytes(self, given: Json) -> int:
        """Return the length of the document three times over: YAML takes its time, and the linter reads it twice."""
        return 3 * len(_document(given))

    def check(self, given: Json) -> None:
        """Load the document, and lint it."""
        document = _document(given)
        try:
            load_policy(document, name="policy.yaml", read_file=None)
        except PolicyUnusable as unusable:
            loads = False
            if not unusable.problems:
                raise Broken("problem-without-words", "it does not load, and nothing says why") from None
        else:
            loads = True
        wanted = given["format"] if isinstance(given, dict) else "text"
        result = CliRunner().invoke(
            policy_lint.command, ["-", "--format", str(wanted)], input=document, catch_exceptions=False
        )
        if result.exit_code != (0 if loads else 1):
            raise Broken("lint-status", f"it loads: {loads}; the linter ended with {result.exit_code}")
        if wanted in ("json", "sarif", "gitlab"):
            json.loads(result.stdout)


def _document(given: Json) -> bytes:
    text = built(given["text"]) if isinstance(given, dict) else ""
    return text.encode("utf-8", "surrogatepass")


def _values() -> SearchStrategy[Json]:
    """Draw a document of the right names and the wrong values."""
    names = st.sampled_from(_NAMES)
    leaves: SearchStrategy[Json] = st.sampled_from(
        [
            None,
            True,
            1,
            0,
            1.5,
            "",
            "github",
            "apps",
            "github-actions",
            "ecr",
            "push",
            "\ud800",
            "a\nb",
            "{x}",
            "1h",
            "\x1b[31m",
        ]
    )
    inner = st.recursive(
        leaves, lambda below: st.lists(below, max_size=3) | st.dictionaries(names, below, max_size=4), max_leaves=12
    )
    return st.dictionaries(names, inner, max_size=6)
