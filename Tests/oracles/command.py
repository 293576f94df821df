"""The command `arcuate`, run from outside. Needs ARCUATE_CLI, the path of the command."""

import os
import signal
import subprocess

CLI = os.environ.get("ARCUATE_CLI")

# What is started in the background of a script ignores interrupts, and so would the command.
signal.signal(signal.SIGINT, signal.default_int_handler)


def arcuate(*arguments, code=0, timeout=120, **more) -> subprocess.CompletedProcess:
    done = subprocess.run(
        [CLI, *map(str, arguments)], capture_output=True, text="input" not in more, timeout=timeout,
        **more,
    )
    assert done.returncode == code, done.stderr
    return done


def sentence(done: subprocess.CompletedProcess) -> str:
    """The one line on the standard error."""
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("arcuate: error: "), done.stderr
    return lines[0]
