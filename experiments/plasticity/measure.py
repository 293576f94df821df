"""The command of each system of this folder: measures what results.jsonl lacks and prints the table.

    python modnet.py                           # three seeds
    python modnet.py --seeds 0 --images 5000   # a quick look, kept apart from the rest
    python modnet.py --table                   # what was measured, without measuring

Systems, claims and their tables are those of ../systems.
"""

from __future__ import annotations

import argparse

import shared  # noqa: F401
from run import add_arguments, judge, kept
from system import Claim, Run, System

__all__ = ["Claim", "Run", "System", "command"]


def command(name: str, system: System) -> int:
    """1 if an inequality failed for a seed that was measured."""
    options = argparse.ArgumentParser(description=system.title)
    add_arguments(options)
    given = options.parse_args()
    return 0 if judge(name, system, kept(given, __file__), given) else 1
