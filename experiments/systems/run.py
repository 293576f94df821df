"""Measures systems of learning and prints what holds.

    python run.py stbp noise --seeds 0 1 2 --threads 1
    python run.py noise --only "identical units" --seeds 0
    python run.py noise --validate             # on images held out of those to learn from
    python run.py --table                      # what results.jsonl holds, without measuring

What was measured is kept in results.jsonl (--results; with fewer images in quick.jsonl) and not measured
again (unless --again), so that a run may be ended and taken up later.
"""

from __future__ import annotations

import argparse
import datetime
import importlib
import json
import sys
import time
from pathlib import Path
from typing import Dict, List

import numpy as np
from images import hold_out
from system import Run, System, named

SYSTEMS = ("stbp", "noise", "panda", "tdbn", "rathi", "liang", "lee", "he", "stca")


class Results:
    """Measures of variants and seeds, a line of JSON each."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: List[dict] = []
        if path.exists():
            self.lines = [json.loads(line) for line in path.read_text().splitlines() if line]

    def find(self, system: str, variant: str, seed: int, images) -> dict | None:
        key = [system, variant, seed, images]
        found = [
            l for l in self.lines if [l["system"], l["variant"], l["seed"], l.get("images")] == key
        ]
        return found[-1] if found else None

    def add(self, line: dict) -> None:
        self.lines.append(line)
        with self.path.open("a") as file:
            file.write(json.dumps(line) + "\n")


def measure(
    name: str,
    system: System,
    results: Results,
    run: Run,
    only: List[str] | None = None,
    again: bool = False,
) -> None:
    """Measures the variants of one seed that the results lack, or all of them again."""
    for variant, found in system.variants.items():
        if only and not any(variant.startswith(o) for o in only):
            continue
        if not again and results.find(name, variant, run.seed, run.images):
            continue
        start = time.time()
        print(f"{name}: {variant}", file=sys.stderr, flush=True)
        measures = named(variant, found(run))
        line = {
            "system": name,
            "variant": variant,
            "seed": run.seed,
            "measures": measures,
            "seconds": round(time.time() - start, 1),
            "threads": run.threads,
            "date": str(datetime.date.today()),
        }
        if run.images:
            line["images"] = run.images
        results.add(line)
        print(f"  {measures}", file=sys.stderr, flush=True)


def table(name: str, system: System, results: Results, seeds: List[int], images) -> bool:
    """Prints the tables of a system. Whether no claim failed."""
    by_seed: Dict[int, Dict[str, float]] = {seed: {} for seed in seeds}
    days, seconds = set(), 0.0
    for variant in system.variants:
        for seed in seeds:
            line = results.find(name, variant, seed, images)
            if line:
                by_seed[seed] |= line["measures"]
                days.add(line["date"])
                seconds += line["seconds"]
    names = list(dict.fromkeys(key for found in by_seed.values() for key in found))
    print(f"\n## {system.title}\n")
    if system.changed:
        print(f"**{system.changed}**\n")
    print(f"Source. {system.source}\n")
    if system.note:
        print(f"{system.note}\n")
    if names:
        print(f"| {system.unit} | " + " | ".join(f"seed {s}" for s in seeds) + " | mean ± spread |")
        print("|---" * (len(seeds) + 2) + "|")
    for key in names:
        values = [by_seed[seed].get(key) for seed in seeds]
        cells = ["" if v is None else shown(v) for v in values]
        have = [v for v in values if v is not None]
        spread = f" ± {shown(np.std(have, ddof=1))}" if len(have) > 1 else ""
        print(f"| {key} | " + " | ".join(cells) + f" | {shown(np.mean(have))}{spread} |")
    print("\n| must hold for every seed | " + " | ".join(f"seed {s}" for s in seeds) + " | |")
    print("|---" * (len(seeds) + 2) + "|")
    good = True
    for claim in system.claims:
        verdicts = []
        for seed in seeds:
            try:
                verdicts.append("yes" if claim.holds(by_seed[seed]) else "no")
            except KeyError:
                verdicts.append("not run")
        whole = (
            "DOES NOT HOLD"
            if "no" in verdicts
            else "not run"
            if set(verdicts) == {"not run"}
            else "holds"
            if "not run" not in verdicts
            else "holds where run"
        )
        good = good and "no" not in verdicts
        print(f"| {claim.text} | " + " | ".join(verdicts) + f" | {whole} |")
    if system.published:
        print("\n| published | | |\n|---|---|---|")
        for what, figure, mark in system.published:
            print(f"| {what} | {figure} | {mark} |")
    if days:
        print(f"\nMeasured {' and '.join(sorted(days))}; {seconds / 60:.0f} minutes in all.")
    return good


def shown(value: float) -> str:
    size = abs(value)
    if size >= 1000:
        return f"{value:,.0f}"
    return f"{value:.2f}" if size >= 0.1 or size == 0 else f"{value:.2g}"


def add_arguments(options: argparse.ArgumentParser) -> None:
    """What to measure, and where it is kept."""
    options.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--images", type=int, help="fewer samples to learn from: a quick look")
    options.add_argument("--only", nargs="+", help="variants whose name begins so")
    options.add_argument("--again", action="store_true", help="measure what is there already")
    options.add_argument("--table", action="store_true", help="measure nothing")
    options.add_argument("--results", type=Path, help="results.jsonl beside this file by default")


def kept(given: argparse.Namespace, program: str) -> Results:
    """What was measured before, beside a program."""
    name = (
        "validation.jsonl"
        if getattr(given, "validate", False)
        else "quick.jsonl"
        if given.images
        else "results.jsonl"
    )
    return Results(given.results or Path(program).with_name(name))


def judge(name: str, system: System, results: Results, given: argparse.Namespace) -> bool:
    """Measures what is lacking, prints the tables. Whether no claim failed."""
    if not given.table:
        for seed in given.seeds:
            measure(
                name,
                system,
                results,
                Run(seed, given.threads, given.images),
                given.only,
                given.again,
            )
    return table(name, system, results, given.seeds, given.images)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("systems", nargs="*", help=", ".join(SYSTEMS) + "; all by default")
    add_arguments(options)
    options.add_argument(
        "--validate",
        action="store_true",
        help="test on 10,000 images that are held out of those to learn from (validation.jsonl)",
    )
    given = options.parse_args()
    if given.validate:
        hold_out()
    for name in given.systems:
        if name not in SYSTEMS:
            options.error(f"there is no system {name!r}, but {', '.join(SYSTEMS)}")
    results = kept(given, __file__)
    good = True
    for name in given.systems or SYSTEMS:
        system: System = importlib.import_module(name).SYSTEM
        good = judge(name, system, results, given) and good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
