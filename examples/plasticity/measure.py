"""The command of each system of this folder: measures what results.jsonl lacks and prints the table.

    python modnet.py                           # three seeds
    python modnet.py --seeds 0 --images 5000   # a quick look, kept apart from the rest
    python modnet.py --table                   # what was measured, without measuring

Systems, claims and their tables are those of ../systems.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import shared  # noqa: F401
from run import Results, measure, table
from system import Claim, Run, System

__all__ = ["Claim", "Run", "System", "command"]


def command(name: str, system: System) -> int:
    """1 if an inequality failed for a seed that was measured."""
    options = argparse.ArgumentParser(description=system.title)
    options.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--images", type=int, help="fewer samples to learn from")
    options.add_argument("--only", nargs="+", help="variants whose name begins so")
    options.add_argument("--again", action="store_true", help="measure what is there already")
    options.add_argument("--table", action="store_true", help="measure nothing")
    options.add_argument(
        "--results", type=Path, default=Path(__file__).with_name("results.jsonl"))
    given = options.parse_args()
    results = Results(given.results)
    for seed in given.seeds if not given.table else ():
        measure(name, system, results, Run(seed, given.threads, given.images), given.only, given.again)
    return 0 if table(name, system, results, given.seeds, given.images) else 1
