"""`python -m sandbox COMMAND`: each command is the `main` of its own module, imported on use."""

import importlib
import importlib.util
import io
import signal
import sys
from typing import Final

COMMANDS: Final = {
    "serve": ("sandbox.serve", "run the whole service on this machine until Ctrl-C"),
    "demo": ("sandbox.demo", "show and check two logins and a refusal"),
    "tokens": ("sandbox.print_token", "print a CI job's token"),
    "load": ("sandbox.load.command", "run a thousand jobs at once, and check each of them"),
    "month": ("sandbox.month.command", "write a month of audit lines and CloudTrail files"),
    "pictures": ("sandbox.pictures", "draw the pictures in docs/pictures"),
    "drill": ("sandbox.drills.command", "break the service, follow the runbooks, and report how long jobs failed"),
    "events": ("sandbox.events", "write new tokens into the files in events/"),
}


def main() -> int:
    """Run the command that the first argument names; return its status, or 130 if Ctrl-C ended it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # text of a claim may not fit the encoding
    try:
        return _run()
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return 128 + signal.SIGINT
    except PermissionError as error:
        print(f"sandbox: cannot use {error.filename}: {error.strerror}", file=sys.stderr)
        return 1


def _run() -> int:
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    module, _ = COMMANDS.get(name, ("", ""))
    if not module or importlib.util.find_spec(module) is None:
        print("usage: python -m sandbox COMMAND", file=sys.stderr)
        for command, (_, purpose) in COMMANDS.items():
            print(f"  {command:<8} {purpose}", file=sys.stderr)
        return 2
    command_main: object = vars(importlib.import_module(module))["main"]
    if not callable(command_main):
        raise TypeError(f"{module}.main cannot be called")
    return int(command_main(sys.argv[2:]))


if __name__ == "__main__":
    sys.exit(main())
