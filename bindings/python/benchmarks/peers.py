"""Arcuate beside other ways of running the same networks on a processor.

    swift build -c release
    PYTHONPATH=bindings/python/src python bindings/python/benchmarks/peers.py speech --threads 1

Networks and inputs are those of `arcuate-bench`, which creates them unless --networks names a folder
that `arcuate-bench --write` has made. Every contender runs the same calls in turn, round after
round, in one process on the same processors, after one call that is not timed and fills the caches
again; the table gives the median of the rounds and its ratio
to Arcuate's, the same ratio for the fastest rounds and for processor time, which other work on the
machine disturbs less, and how far the outputs agree with Arcuate's. What is not installed is left
out.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import json
import os
import platform
import tempfile
import time
from pathlib import Path
from typing import Callable, Dict, List

import cases as bench
import events
import numpy as np
import recurrent
import speech

Run = Callable[[np.ndarray], np.ndarray]

WORKLOADS = {"speech": speech, "recurrent": recurrent, "events": events}
PACKAGES = ("onnxruntime", "openvino", "jax", "torch", "numpy")


def arcuate_run(case: bench.Case, threads: int, numerics: str = "exact") -> Run:
    import arcuate

    session = (
        arcuate.Model.open(case.network)
        .compile(
            steps_per_frame=case.steps_per_frame,
            frame_state=case.frame_state,
            frame_output=case.frame_output,
            batch=case.batch,
            threads=threads,
            numerics=numerics,
        )
        .session()
    )

    def run(x: np.ndarray) -> np.ndarray:
        session.reset()
        return session.run(x)

    return run


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "workloads", nargs="*", metavar="workload", help=f"{', '.join(WORKLOADS)}; by default all"
    )
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--batch",
        "--frames",
        type=int,
        nargs="+",
        default=[],
        help="streams side by side; by default each workload's own",
    )
    parser.add_argument("--steps", type=int, nargs="+", default=[], help="only these lengths")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--networks", type=Path, help="a folder that arcuate-bench --write has made"
    )
    parser.add_argument("--skip", nargs="+", default=[], metavar="CONTENDER")
    parser.add_argument("--small", action="store_true", help="small networks, to try this")
    parser.add_argument("--markdown", action="store_true", help="print a Markdown table at the end")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    for name in arguments.workloads:
        if name not in WORKLOADS:
            parser.error(f'unknown workload "{name}"; use one of {", ".join(WORKLOADS)}')
    # Before anything is imported that counts processors or starts threads.
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-arguments.threads :])
    os.environ.setdefault("OMP_NUM_THREADS", str(arguments.threads))

    workloads = arguments.workloads or list(WORKLOADS)
    about = describe(arguments.threads)
    print("\n".join(f"{name}: {value}" for name, value in about.items()))
    tables = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.networks
        if folder is None:
            folder = Path(temporary) / "networks"
            bench.write(folder, workloads, arguments.batch, arguments.seed, arguments.small)
        for workload in workloads:
            cases = bench.read(folder, workload, arguments.batch)
            for case in cases:
                if (
                    case.weights != "float32"
                    or arguments.steps
                    and case.steps not in arguments.steps
                ):
                    continue
                narrow = [
                    other
                    for other in cases
                    if other.weights != "float32"
                    and (other.batch, other.steps) == (case.batch, case.steps)
                ]
                tables.append(compare(case, narrow, Path(temporary), arguments))
    if arguments.markdown:
        print("\n".join(markdown(tables, about, arguments.threads)))
    if arguments.json:
        arguments.json.write_text(json.dumps({"about": about, "tables": tables}, indent=1))


def describe(threads: int) -> Dict[str, str]:
    machine = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
        machine = names[0] if names else machine
    versions = []
    for package in PACKAGES:
        try:
            versions.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            versions.append(f"{package} is not there")
    return {
        "date": str(datetime.date.today()),
        "machine": machine,
        "threads": str(threads),
        "versions": ", ".join(versions),
    }


def prepare(case: bench.Case, narrow: List[bench.Case], folder: Path, arguments) -> Dict[str, Run]:
    """The contenders that could be made."""
    runs = {"arcuate": arcuate_run(case, arguments.threads)}
    # As free in the order of sums as the others are.
    runs["arcuate fast"] = arcuate_run(case, arguments.threads, "fast")
    for other in narrow:
        runs[f"arcuate {other.weights}"] = arcuate_run(other, arguments.threads)
    makers = WORKLOADS[case.workload].contenders(case, arguments.threads, folder)
    for name, make in makers.items():
        if name in arguments.skip:
            continue
        try:
            if name.startswith("torch"):
                import torch

                torch.set_num_threads(arguments.threads)
            start = time.perf_counter()
            run = make()
            run(np.ascontiguousarray(case.inputs[0]))
            runs[name] = run
            if time.perf_counter() - start > 10:
                print(f"  {name} took {time.perf_counter() - start:.0f} s to get ready", flush=True)
        # Whatever a contender's compiler throws, the others can still be compared.
        except Exception as error:
            print(f"  {name} is left out: {type(error).__name__}: {str(error)[:200]}", flush=True)
    return runs


def compare(case: bench.Case, narrow: List[bench.Case], folder: Path, arguments) -> dict:
    print(f"{case.name}, {arguments.threads} thread(s)", flush=True)
    runs = prepare(case, narrow, folder, arguments)
    inputs = [np.ascontiguousarray(x) for x in case.inputs]
    agreement = agree(runs, inputs)
    times: Dict[str, list] = {name: [] for name in runs}
    processor: Dict[str, list] = {name: [] for name in runs}
    repeat = max(1, 16 // (len(inputs) * case.batch))
    calls = repeat * len(inputs)
    for round_number in range(arguments.rounds + 1):
        for name, run in runs.items():
            run(inputs[0])
            start, busy = time.perf_counter(), time.process_time()
            for _ in range(repeat):
                for x in inputs:
                    run(x)
            if round_number > 0:
                times[name].append(1e3 * (time.perf_counter() - start) / calls)
                processor[name].append(1e3 * (time.process_time() - busy) / calls)
    rows = []
    print(
        f"  {arguments.rounds} rounds of {calls} calls: median, fastest and slowest in ms, and as "
        "multiples of arcuate's:\n  median, fastest, fastest in processor time"
    )
    for name in sorted(runs, key=lambda name: np.median(times[name])):
        median, low, high = (float(f(times[name])) for f in (np.median, min, max))
        same, equal = agreement[name]
        row = {
            "contender": name,
            "ms": median,
            "min_ms": low,
            "max_ms": high,
            "processor_ms": min(processor[name]),
            "ratio": median / float(np.median(times["arcuate"])),
            "min_ratio": low / min(times["arcuate"]),
            "processor_ratio": min(processor[name]) / min(processor["arcuate"]),
            "same_argmax": same,
            "equal_outputs": equal,
        }
        rows.append(row)
        print(
            f"  {name:17} {median:9.3f} ({low:.3f} ... {high:.3f})  {row['ratio']:.2f} x  "
            f"{row['min_ratio']:.2f} x  {row['processor_ratio']:.2f} x  "
            f"argmax {100 * same:.1f} % as arcuate, outputs {100 * equal:.1f} %",
            flush=True,
        )
    return {"case": case.name, "batch": case.batch, "steps": case.steps, "rows": rows}


def agree(runs: Dict[str, Run], inputs: List[np.ndarray]) -> Dict[str, tuple]:
    """For each contender, how many streams have Arcuate's largest output, summed over a call, and
    how many numbers equal Arcuate's to one part in a thousand of the largest."""
    expected = [np.array(runs["arcuate"](x)) for x in inputs]
    found = {}
    for name, run in runs.items():
        same, equal = [], []
        for x, right in zip(inputs, expected):
            y = np.asarray(run(x)).reshape(right.shape)
            same.append((y.sum(0).argmax(-1) == right.sum(0).argmax(-1)).mean())
            equal.append((np.abs(y - right) <= 1e-3 * np.abs(right).max()).mean())
        found[name] = (float(np.mean(same)), float(np.mean(equal)))
    return found


def markdown(tables: List[dict], about: Dict[str, str], threads: int) -> List[str]:
    """On one thread in processor time, which other work on the machine does not lengthen."""
    time, ratio = ("processor_ms", "processor_ratio") if threads == 1 else ("min_ms", "min_ratio")
    names = sorted({row["contender"] for table in tables for row in table["rows"]})
    lines = ["", "| workload | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for table in tables:
        cells = {row["contender"]: f"{row[time]:.3g} ({row[ratio]:.2f})" for row in table["rows"]}
        lines.append(f"| {table['case']} | " + " | ".join(cells.get(n, "–") for n in names) + " |")
    kind = "processor time" if threads == 1 else "time"
    return lines + [
        "",
        f"Milliseconds a call, the least {kind} of the rounds, and how many times as "
        + "long as Arcuate in float32. "
        + "; ".join(f"{name} {value}" for name, value in about.items())
        + ".",
    ]


if __name__ == "__main__":
    main()
