"""The commands `arcuate` and `arcuate-bench`, run from outside.

ARCUATE_CLI is the path of `arcuate`; `arcuate-bench` is beside it unless ARCUATE_BENCH names it.
"""

import os
import signal
import subprocess
from pathlib import Path

CLI = os.environ.get("ARCUATE_CLI")
BENCH = os.environ.get("ARCUATE_BENCH") or (CLI and str(Path(CLI).with_name("arcuate-bench")))

# Background jobs of a script ignore SIGINT, and so would the commands.
signal.signal(signal.SIGINT, signal.default_int_handler)


def run(command, *arguments, code=0, timeout=120, **more) -> subprocess.CompletedProcess:
    done = subprocess.run(
        [command, *map(str, arguments)],
        capture_output=True,
        text="input" not in more,
        timeout=timeout,
        **more,
    )
    assert done.returncode == code, done.stderr
    return done


def arcuate(*arguments, **more) -> subprocess.CompletedProcess:
    return run(CLI, *arguments, **more)


def bench(*arguments, **more) -> subprocess.CompletedProcess:
    """Runs `arcuate-bench`; measuring takes longer than other commands."""
    return run(BENCH, *arguments, **{"timeout": 300, **more})


def message(done: subprocess.CompletedProcess) -> str:
    """The one line on the standard error."""
    lines = done.stderr.strip().splitlines()
    program = Path(done.args[0]).name
    assert len(lines) == 1 and lines[0].startswith(f"{program}: error: "), done.stderr
    return lines[0]
