"""Arcuate beside simulators of spiking networks, on recurrent networks whose neurons are programs.

    pip install arcuate-*.whl brian2 nest-simulator
    python networks.py cuba coba --sizes 4k --threads 1 2

Networks (network_models.py): Vogels and Abbott's with currents (cuba) and conductances (coba),
Brunel's with Poisson background, Izhikevich's with noise, and one of AdEx neurons with conductances.
Connections and initial states are the same arrays for all. Each contender simulates the same number
of steps of 0.1 ms in turn, round after round. The table has the least processor time of a step in
us, of all threads together, and the least time on the wall; with more threads than idle processors,
those that wait for each other at every step take many times as long. Building, compiling and
loading are not timed. Every contender's first run is not timed, and its spikes are compared: the
mean rate, with a standard error from parts of the run, and the mean coefficient of variation of the
intervals. Peers that are not installed are left out, with a line that says so.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
import time
from pathlib import Path
from typing import Dict, List, Tuple

import network_models
import network_peers
import numpy as np
from network_models import DT, Network
from network_peers import Runner, Spikes, Timing

PARTS = 10


def arcuate_run(network: Network, form: str, threads: int, folder: Path) -> Runner:
    import arcuate

    path = folder / f"{form}.safetensors"
    if not path.exists():
        network_models.write(network, form, path)
    plan = arcuate.Model.open(path).compile(
        steps_per_frame=network.steps, frame_output="sum", threads=threads
    )
    session = plan.session()
    cycles = [line for line in plan.explain().splitlines() if line.startswith("cycles")]
    print(f"  arcuate, {form}: {'; '.join(cycles)}")
    nothing = np.zeros((1, 1), np.float32)

    def run(wants_spikes: bool = False) -> Timing:
        session.reset()
        processor, wall = time.process_time(), time.perf_counter()
        session.run(nothing)
        processor, wall = time.process_time() - processor, time.perf_counter() - wall
        spikes = None
        if wants_spikes:
            session.reset()
            events = session.run_events([], network.steps)
            # Inhibitory neurons are the last population; the first output is unused.
            first = np.array([0, 0, network.excitatory])
            spikes = events["step"].astype(int), events["index"] + first[events["port"]]
        return Timing(processor, wall, spikes)

    return run


# Mean rate in Hz, its standard error, and the mean coefficient of variation of intervals.
Activity = Tuple[float, float, float]


def activity(spikes: Spikes, network: Network) -> Activity:
    """The first part of the run is left out of the rate: what the initial state brings."""
    steps, neurons = spikes
    counts = np.bincount(steps * PARTS // network.steps, minlength=PARTS)[1:PARTS]
    rates = counts / network.neurons / (network.steps * DT / PARTS)
    error = rates.std(ddof=1) / math.sqrt(len(rates))
    order = np.lexsort((steps, neurons))
    steps, neurons = steps[order], neurons[order]
    same = neurons[1:] == neurons[:-1]
    intervals, owners = np.diff(steps)[same], neurons[1:][same]
    count = np.bincount(owners, minlength=network.neurons)
    mean = np.bincount(owners, intervals, network.neurons) / np.maximum(count, 1)
    square = np.bincount(owners, intervals**2.0, network.neurons) / np.maximum(count, 1)
    deviation = np.sqrt(np.maximum(square - mean**2, 0) * count / np.maximum(count - 1, 1))
    often = count >= 3
    variation = float((deviation[often] / mean[often]).mean()) if often.any() else float("nan")
    return float(rates.mean()), float(error), variation


def agree(a: Activity, b: Activity) -> bool:
    """Whether the rates differ by less than three standard errors, or two per cent, and the
    coefficients of variation by less than 0.05."""
    most = max(3 * math.hypot(a[1], b[1]), 0.02 * max(a[0], b[0]))
    return abs(a[0] - b[0]) <= most and not abs(a[2] - b[2]) > 0.05


def measure(kind: str, size: str, delay: int, threads: int, arguments) -> dict:
    network = network_models.draw(kind, size, delay, arguments.seed)
    forms = [f for f in network_models.FORMS[kind] if not arguments.forms or f in arguments.forms]
    print(
        f"{kind}, {network.neurons} neurons, {network.targets.size} connections, "
        f"{delay} step(s) of delay, {network.steps} steps, {threads} thread(s)",
        flush=True,
    )
    runs: Dict[str, Runner] = {}
    found: Dict[str, dict] = {}
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        folder = Path(name)
        for form in forms:
            runs[f"arcuate, {form}"] = arcuate_run(network, form, threads, folder)
        for peer in arguments.peers:
            try:
                runs[peer] = network_peers.PEERS[peer](network, threads, folder)
            # Whatever a peer or its compiler raises, the others can still be compared.
            except Exception as error:
                print(f"  {peer} is left out: {type(error).__name__}: {str(error)[:200]}")
        times: Dict[str, List[Timing]] = {name: [] for name in runs}
        seen = {name: activity(run(True).spikes, network) for name, run in runs.items()}
        for _ in range(arguments.rounds):
            for name, run in runs.items():
                times[name].append(run()[:2])
        for run in runs.values():
            if hasattr(run, "process"):
                run.process.stdin.close()
                run.process.wait()
    for name in runs:
        processor, wall = (1e6 / network.steps * min(t) for t in zip(*times[name]))
        found[name] = {
            "processor_us": processor,
            "wall_us": wall,
            "rate_hz": seen[name][0],
            "error_hz": seen[name][1],
            "variation": seen[name][2],
            "agrees": agree(seen[name], seen[f"arcuate, {forms[0]}"]),
        }
        print(
            f"  {name:32} {processor:9.2f} us of processor, {wall:9.2f} us on the wall; "
            f"{seen[name][0]:.2f} +- {seen[name][1]:.2f} Hz, CV {seen[name][2]:.2f}"
            + ("" if found[name]["agrees"] else ": not the same activity"),
            flush=True,
        )
    return {
        "network": kind,
        "size": size,
        "fan_out": network.fan_out,
        "delay_steps": delay,
        "steps": network.steps,
        "threads": threads,
        "contenders": found,
    }


def markdown(results: List[dict], peers: List[str]) -> List[str]:
    """One thread in processor time, more on the wall."""
    lines = [
        "| network, way to write it | neurons × inputs | delay, steps | threads | Arcuate, µs/step | "
        + " | ".join(f"{peer}, µs/step" for peer in peers)
        + " | best peer / Arcuate | rates, Hz (CV) | same |",
        "|---" * (8 + len(peers)) + "|",
    ]
    for result in results:
        key = "processor_us" if result["threads"] == 1 else "wall_us"
        contenders = result["contenders"]
        others = [contenders[p] for p in peers if p in contenders]
        best = min((other[key] for other in others), default=float("nan"))
        for name, own in contenders.items():
            if not name.startswith("arcuate, "):
                continue
            rows = [own, *others]
            lines.append(
                f"| {result['network']}, {name[9:]} "
                f"| {network_models.SIZES[result['size']]:,} × {result['fan_out']} "
                f"| {result['delay_steps']} | {result['threads']} | {own[key]:.2f} | "
                + " | ".join(f"{contenders[p][key]:.2f}" if p in contenders else "–" for p in peers)
                + f" | {best / own[key]:.2f} | "
                + ", ".join(f"{r['rate_hz']:.2f} ({r['variation']:.2f})" for r in rows)
                + f" | {'yes' if all(r['agrees'] for r in rows) else 'no'} |"
            )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    kinds = list(network_models.FORMS)
    parser.add_argument("networks", nargs="*", help=f"{', '.join(kinds)}; by default all")
    parser.add_argument("--sizes", nargs="+", default=["4k"], choices=network_models.SIZES)
    parser.add_argument("--threads", type=int, nargs="+", default=[1])
    parser.add_argument("--delays", type=int, nargs="+", help="in steps; by default 15, cuba 1 too")
    parser.add_argument("--forms", nargs="+", help="only these ways to write them")
    parser.add_argument("--peers", nargs="*", default=list(network_peers.PEERS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="for temporary files")
    parser.add_argument("--json", type=Path)
    parser.add_argument(
        "--loop", type=float, metavar="SECONDS", help="only run Arcuate that long, for a profiler"
    )
    arguments = parser.parse_args()
    for name in arguments.networks:
        if name not in kinds:
            parser.error(f'unknown network "{name}"; use one of {", ".join(kinds)}')
    print("GeNN is left out: its Python package pygenn is not in the package registry")
    results = []
    for size in arguments.sizes:
        for kind in arguments.networks or kinds:
            for delay in arguments.delays or ([15, 1] if kind == "cuba" else [15]):
                if arguments.loop:
                    loop(kind, size, delay, arguments)
                    continue
                for threads in arguments.threads:
                    results.append(measure(kind, size, delay, threads, arguments))
                    if arguments.json:
                        arguments.json.write_text(json.dumps(results, indent=1))
    if results:
        print("\n".join(markdown(results, arguments.peers)))


def loop(kind: str, size: str, delay: int, arguments) -> None:
    network = network_models.draw(kind, size, delay, arguments.seed)
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        form = (arguments.forms or network_models.FORMS[kind])[0]
        run = arcuate_run(network, form, arguments.threads[0], Path(name))
        end = time.perf_counter() + arguments.loop
        least = math.inf
        while time.perf_counter() < end:
            least = min(least, run().processor)
    print(f"{kind}, {form}: {1e6 * least / network.steps:.2f} us of processor")


if __name__ == "__main__":
    main()
