"""`make pictures`: draws what `make demo`, `policy lint` and `policy review` print, for the documents.

What differs from run to run is replaced by fixed values, and nested JSON is left out, so that a picture changes only
when the output does.
"""

import io
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.markdown import Markdown
from rich.terminal_theme import MONOKAI
from rich.text import Text
from rich.theme import Theme

FOLDER: Final = Path("docs/pictures")
_EXAMPLE: Final = Path("docs/examples/policy.yaml")
_REPOSITORY: Final = Path("docs/examples/policy-repository")
_PROGRAM: Final = Path(sys.executable).with_name("token-exchange")
_COLUMNS: Final = 128

_VARYING: Final = (
    (re.compile(r"(localhost|127\.0\.0\.1):[0-9]+"), r"\1:8080"),
    (re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z"), "2026-11-21T05:25:05Z"),
    (re.compile(r"policy +/.*"), "policy         .sandbox/policy.yaml"),
    (re.compile(r"passed in [0-9.]+ s"), "passed in 3.0 s"),
    (re.compile(r"(password of|policy) [0-9,]+ (characters|of)"), r"\1 … \2"),
)
_FONTS: Final = re.compile(r"\s*@font-face \{.*?\n    \}", re.DOTALL)
_NESTED: Final = re.compile(r" {4}")
_PUSH: Final = re.compile(r"\d+\. .* pushes to a real registry")

_STYLES: Final = (
    (re.compile(r"^(?:\d+\. .*|All checks passed.*)$"), "bold"),
    (re.compile(r"^ {2}✓"), "bold green"),
    (re.compile(r"^ {2}(?!✓|->)[a-zA-Z][a-zA-Z ]{13}(?= )"), "dim"),
    (re.compile(r"\bwarning [a-z-]+"), "bold yellow"),
    (re.compile(r"\berror [a-z-]+"), "bold red"),
    (re.compile(r"^ {2}-> .*$"), "green"),
    (re.compile(r"^\$ .*$"), "bold cyan"),
)


def main(arguments: Sequence[str]) -> int:
    """Draw the pictures."""
    if arguments:
        print("make pictures takes no arguments", file=sys.stderr)
        return 2
    FOLDER.mkdir(exist_ok=True)
    demo = subprocess.run([sys.executable, "-m", "sandbox", "demo"], capture_output=True, check=True, encoding="utf-8")
    pictures = {"demo": ["$ make demo", *demo_lines(demo.stdout)], "lint": lint_lines()}
    texts = {name: drawn(name, lines) for name, lines in pictures.items()} | {"review": drawn_review()}
    for name, text in texts.items():
        (FOLDER / f"{name}.svg").write_text(text, encoding="utf-8")
        print(f"wrote {FOLDER / name}.svg")
    return 0


def demo_lines(output: str) -> list[str]:
    """Return the lines of the demo that are shown; the push, which needs further programs, is not."""
    lines = [_settled(line) for line in output.splitlines() if not _NESTED.match(line)]
    pushes = [number for number, line in enumerate(lines) if _PUSH.match(line)]
    ends = [number for number, line in enumerate(lines) if line.startswith(("All checks passed", "No push"))]
    if pushes and ends:
        del lines[pushes[0] : ends[-1]]
    return [line for line in lines if "audit line" not in line]


def lint_lines() -> list[str]:
    """Return what the linter prints for a policy with an error, and for one with risks."""
    return [*_linted({"branch: main": "brnch: main"}), "", *_linted({"branch: main": "environment: production"})]


def _linted(changes: dict[str, str]) -> Iterator[str]:
    text = _EXAMPLE.read_text(encoding="utf-8")
    for old, new in changes.items():
        text = text.replace(old, new)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "policy.yaml").write_text(text, encoding="utf-8")
        command = [str(_PROGRAM), "policy", "lint", "policy.yaml"]
        done = subprocess.run(command, cwd=folder, capture_output=True, check=False, encoding="utf-8")
    yield "$ token-exchange policy lint policy.yaml"
    yield from done.stdout.splitlines()
    yield from done.stderr.splitlines()


def review_text() -> str:
    """Return the review of a change by which a grant of the example repository gets wider, in Markdown."""
    with tempfile.TemporaryDirectory() as folder:
        repository = Path(shutil.copytree(_REPOSITORY, Path(folder) / "repository"))
        changed = repository / "policy/grants/shop.yaml"
        text = changed.read_text(encoding="utf-8")
        changed.write_text(text.replace("branch: main,", "branch: [main, dev],"), encoding="utf-8")
        command = [str(_PROGRAM), "policy", "review", str(_REPOSITORY.resolve() / "policy"), "policy"]
        command += ["--tests", "policy-tests.yaml", "--owners", "CODEOWNERS"]
        return subprocess.run(command, cwd=repository, capture_output=True, check=False, encoding="utf-8").stdout


def drawn_review() -> str:
    """Return the picture of the review as a merge request shows it, with its Markdown rendered; an SVG."""
    console = recording_console()
    console.print(Markdown(review_text(), code_theme="ansi_dark"))
    return svg_picture(console, "review", title="policy-review")


def _settled(line: str) -> str:
    for varying, fixed in _VARYING:
        line = varying.sub(fixed, line)
    return line


def drawn(name: str, lines: Sequence[str]) -> str:
    """Return the picture, an SVG."""
    console = recording_console()
    for line in lines:
        text = Text(line)
        for pattern, style in _STYLES:
            text.highlight_regex(pattern, style)
        console.print(text, soft_wrap=False, overflow="fold")
    return svg_picture(console, name, title="token-exchange")


def recording_console() -> Console:
    """Return a console that only remembers what it prints."""
    return Console(
        record=True,
        width=_COLUMNS,
        file=io.StringIO(),
        force_terminal=True,
        color_system="truecolor",
        theme=Theme({"markdown.code": "cyan", "markdown.h2": "bold underline"}),
    )


def svg_picture(console: Console, name: str, *, title: str) -> str:
    """Return what the console printed, as an SVG."""
    # A picture in a document fetches nothing: the reader's own monospaced font does.
    return _FONTS.sub("", console.export_svg(title=title, theme=MONOKAI, unique_id=name))
