import os
import signal
import subprocess
import sys
from pathlib import Path

from sandbox.children import Child

ROOT = Path(__file__).parents[2]


def test_a_program_has_its_environment_and_no_other(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("wb") as output:
        child = Child(["/usr/bin/env"], environment={"ONLY": "this"}, output=output, folder=tmp_path)
        while child.is_running():
            os.sched_yield()
        child.close()
    assert "ONLY=this\n" in log.read_text()
    assert "PATH=" not in log.read_text()


def test_closing_ends_it_even_if_it_ignores_its_input(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as output:
        child = Child(["sleep", "600"], environment=dict(os.environ), output=output)
        assert child.is_running()
        child.close()
        assert not child.is_running()


def test_it_ends_with_its_parent(tmp_path: Path) -> None:
    script = (
        "import os, sys\n"
        "from sandbox.children import Child\n"
        "child = Child(['sleep', '600'], environment=dict(os.environ), output=sys.stderr.buffer)\n"
        "print(child.number, flush=True)\n"
        "input()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as starter:
        assert starter.stdout is not None
        number = int(starter.stdout.readline())
        # The shell waits for the program, and is no longer our child: it can be watched, not waited for.
        descriptor = os.pidfd_open(number)
        starter.send_signal(signal.SIGKILL)
        starter.wait(timeout=10)
    script = f"import select; assert select.select([{descriptor}], [], [], 10)[0]"
    watched = subprocess.run([sys.executable, "-c", script], pass_fds=[descriptor], check=False, timeout=20)
    os.close(descriptor)
    assert watched.returncode == 0
