"""The linter's findings in a real Vim with the settings of docs/lint.md, and a picture of its last screen."""

import os
import re
import subprocess
import sys
import termios
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from select import select
from tempfile import TemporaryDirectory
from typing import Final

import pyte
from rich.style import Style
from rich.text import Text

from sandbox.pictures import recording_console, svg_picture
from tests.docs.pages import ROOT, blocks

_COLUMNS: Final = 128
_ROWS: Final = 42
_READ_BYTES: Final = 65536
_PATIENCE_SECONDS: Final = 60
# Without `t_ti` and `t_te`, Vim leaves its last screen on the terminal.
_LOOKS: Final = "set background=dark t_ti= t_te= number | syntax on"
_LIST: Final = ("botright copen 4", "setlocal linebreak nonumber", "wincmd p", "normal 5Gzt")
_HEXADECIMAL: Final = re.compile("[0-9a-f]{6}")


def risky_policy() -> str:
    """Return the policy of the examples with two risks."""
    text = (ROOT / "docs/examples/policy.yaml").read_text("utf-8")
    return text.replace(', id: "7001"', "").replace("branch: main", "environment: production")


def vim(policy: Path, *commands: str) -> list[Text]:
    """Open the policy in Vim as the document sets it up, run `:make` and the commands, and return its last screen."""
    folder = policy.parent
    ((_, settings),) = blocks("vim", "")
    (folder / "vimrc").write_text(f"set nocompatible\nfiletype on\n{settings}", "utf-8")
    arguments = ["-N", "-n", "-i", "NONE", "-u", "vimrc", "-c", _LOOKS]
    for command in ("silent make", *commands, "redraw!", "qall!"):
        arguments += ["-c", command]
    controller, terminal = os.openpty()
    termios.tcsetwinsize(terminal, (_ROWS, _COLUMNS))
    paths = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {"PATH": paths, "HOME": str(folder), "TERM": "xterm-256color", "LANG": "C.UTF-8"}
    with subprocess.Popen(
        ["vim", *arguments, policy.name], cwd=folder, env=environment, stdin=terminal, stdout=terminal, stderr=terminal
    ):
        os.close(terminal)
        screen = pyte.Screen(_COLUMNS, _ROWS)
        stream = pyte.ByteStream(screen)
        for output in _outputs(controller):
            stream.feed(output)
    return [_line(screen, row) for row in range(_ROWS)]


def _outputs(controller: int) -> Iterator[bytes]:
    with os.fdopen(controller, "rb", buffering=0) as file:
        while True:
            if not select([file], [], [], _PATIENCE_SECONDS)[0]:
                raise TimeoutError("Vim waits for a key; without its terminal, it ends")
            try:
                output = file.read(_READ_BYTES)
            except OSError:  # Linux's way to say that the other side is closed
                return
            if not output:
                return
            yield output


def _line(screen: pyte.Screen, row: int) -> Text:
    cells = [screen.buffer[row][column] for column in range(_COLUMNS)]
    runs = groupby(cells, key=lambda cell: (_colour(cell.fg), _colour(cell.bg), cell.bold, cell.reverse))
    return Text.assemble(
        *(
            ("".join(cell.data for cell in run), Style(color=color, bgcolor=ground, bold=bold, reverse=reverse))
            for (color, ground, bold, reverse), run in runs
        )
    )


def _colour(name: str) -> str | None:
    """Return rich's name of a colour that pyte names."""
    if name == "default":
        return None
    if _HEXADECIMAL.fullmatch(name):
        return f"#{name}"
    return name.replace("brown", "yellow").replace("bright", "bright_")


def drawn_editor() -> str:
    """Return the picture of a policy with risks, and of the list of them below; an SVG."""
    console = recording_console()
    with TemporaryDirectory() as folder:
        policy = Path(folder) / "policy.yaml"
        policy.write_text(risky_policy(), "utf-8")
        for line in vim(policy, *_LIST):
            console.print(line)
    return svg_picture(console, "editor", title=f"{policy.name} - VIM")
