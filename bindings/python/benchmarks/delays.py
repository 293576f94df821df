"""Arcuate beside simulators of spiking networks, on the same recurrent network with delays.

    pip install arcuate-*.whl brian2 ANNarchy nest-simulator && python delays.py a b --threads 1 2

The network (balanced.py) is sampled once; weights, delays, currents and initial state are the same
for all. Each contender simulates one second in steps of 0.1 ms, in turn, round after round, and
says how many spikes each neuron fired. Times are of the simulation alone: with one thread those of
the processor, which other work on the machine disturbs less; with more those of the clock on the
wall, but for Brian2, which only knows the processor's, a share of that for each thread, which is
what it would take at best.
Peers that are not installed, or cannot do what is asked, are left out.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Callable, Dict, Tuple

import balanced
import numpy as np
from balanced import DT, TAU_MEMBRANE, TAU_SYNAPSE, Network

STEPS = 10_000
# Seconds of the simulation, and the mean rate in Hz.
Run = Callable[[], Tuple[float, float]]


def clock(threads: int) -> Callable[[], float]:
    return time.process_time if threads == 1 else time.perf_counter


def arcuate_run(network: Network, threads: int, folder: Path) -> Run:
    import arcuate

    path = folder / "network.safetensors"
    if not path.exists():
        balanced.write(network, path)
    session = (
        arcuate.Model.open(path)
        .compile(steps_per_frame=STEPS, frame_output="sum", threads=threads)
        .session()
    )
    silence = np.zeros((1, network.neurons), np.float32)

    def run() -> Tuple[float, float]:
        session.reset()
        now = clock(threads)
        start = now()
        spikes = session.run(silence)
        return now() - start, float(spikes.mean())

    return run


def brian2_run(network: Network, threads: int, folder: Path) -> Run:
    """C++ standalone, float32; the binary is built once and run anew each time."""
    import brian2 as b2

    code = folder / f"brian2-{threads}"
    b2.device.reinit()
    b2.device.activate()
    b2.set_device("cpp_standalone", directory=str(code), build_on_run=False)
    b2.prefs.core.default_float_dtype = np.float32
    b2.prefs.devices.cpp_standalone.openmp_threads = threads if threads > 1 else 0
    b2.defaultclock.dt = DT * b2.second
    b2.start_scope()
    group = b2.NeuronGroup(
        network.neurons,
        """dv/dt = (drive + current - v) / tau_membrane : 1
           dcurrent/dt = -current / tau_synapse : 1
           drive : 1 (constant)""",
        threshold="v > 1",
        reset="v = 0",
        method="exact",
        namespace={
            "tau_membrane": TAU_MEMBRANE * b2.second,
            "tau_synapse": TAU_SYNAPSE * b2.second,
        },
    )
    group.drive = network.current
    synapses = b2.Synapses(group, group, "w : 1", on_pre="current += w")
    sources = np.repeat(np.arange(network.neurons, dtype=np.int32), np.diff(network.starts))
    synapses.connect(i=sources, j=network.targets.astype(np.int32))
    synapses.w = network.weights
    delays = network.delays if len(network.delays) > 1 else float(network.delays[0])
    synapses.delay = delays * b2.second
    # Spikes are counted as they are by the others: per neuron, without their times.
    monitor = b2.SpikeMonitor(group, record=False)
    net = b2.Network(group, synapses, monitor)
    net.run(STEPS * DT * b2.second)
    b2.device.build(directory=str(code), compile=True, run=False, debug=False)

    def run() -> Tuple[float, float]:
        b2.device.run(str(code), with_output=False, run_args=[])
        return float(b2.device._last_run_time) / threads, float(np.asarray(monitor.count).mean())

    return run


def nest_run(network: Network, threads: int, folder: Path) -> Run:
    """In a process of its own for each thread count: iaf_psc_exp, exact integration."""
    return separate(network, threads, folder, "nest")


def annarchy_run(network: Network, threads: int, folder: Path) -> Run:
    return separate(network, threads, folder, "annarchy")


def separate(network: Network, threads: int, folder: Path, name: str) -> Run:
    """A simulator that keeps its network in the process: one process, asked for run after run."""
    stored = folder / "network.npz"
    if not stored.exists():
        np.savez(stored, **network._asdict())
    process = subprocess.Popen(
        [
            sys.executable,
            __file__,
            "--serve",
            name,
            "--threads",
            str(threads),
            "--folder",
            str(folder),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        stderr=subprocess.DEVNULL,
    )

    def answer() -> list:
        for line in process.stdout:
            if line.startswith("ANSWER"):
                return [float(word) for word in line.split()[1:]]
        raise RuntimeError(f"{name} ended")

    answer()

    def run() -> Tuple[float, float]:
        process.stdin.write("run\n")
        process.stdin.flush()
        seconds, rate = answer()
        return seconds, rate

    return run


def serve(name: str, threads: int, folder: Path) -> None:
    """The other end of `separate`."""
    network = Network(**np.load(folder / "network.npz"))
    network = network._replace(neurons=int(network.neurons))
    run = {"nest": serve_nest, "annarchy": serve_annarchy}[name](network, threads, folder)
    print("ANSWER", flush=True)
    for _ in sys.stdin:
        seconds, rate = run()
        print("ANSWER", seconds, rate, flush=True)


def serve_nest(network: Network, threads: int, folder: Path) -> Run:
    import nest

    nest.set_verbosity("M_ERROR")
    nest.ResetKernel()
    nest.set(resolution=1e3 * DT, local_num_threads=threads)
    # The membrane integrates the current over its capacity: with tau_m for it, a current counts
    # as in the equations. NEST's synaptic current acts from the step after its arrival.
    neurons = nest.Create(
        "iaf_psc_exp",
        network.neurons,
        {
            "E_L": 0.0,
            "V_reset": 0.0,
            "V_th": 1.0,
            "C_m": 1e3 * TAU_MEMBRANE,
            "tau_m": 1e3 * TAU_MEMBRANE,
            "tau_syn_ex": 1e3 * TAU_SYNAPSE,
            "tau_syn_in": 1e3 * TAU_SYNAPSE,
            "t_ref": 1e3 * DT,
            "V_m": 0.0,
        },
    )
    neurons.I_e = network.current.astype(float)
    sources = np.repeat(np.arange(1, network.neurons + 1), np.diff(network.starts))
    delays = np.broadcast_to(network.delays, network.weights.shape)
    nest.Connect(
        sources,
        network.targets.astype(np.int64) + 1,
        "one_to_one",
        {"weight": network.weights.astype(float), "delay": np.round(1e3 * delays.astype(float), 1)},
    )
    recorder = nest.Create("spike_recorder", {"record_to": "memory"})
    nest.Connect(neurons, recorder)
    nest.Prepare()

    def run() -> Tuple[float, float]:
        before = recorder.n_events
        now = clock(threads)
        start = now()
        nest.Run(1e3 * STEPS * DT)
        seconds = now() - start
        return seconds, (recorder.n_events - before) / network.neurons / (STEPS * DT)

    return run


def serve_annarchy(network: Network, threads: int, folder: Path) -> Run:
    import ANNarchy as ann
    import scipy.sparse

    ann.setup(dt=1e3 * DT, precision="float", num_threads=threads)
    neuron = ann.Neuron(
        parameters=f"drive = 0.0\ntau_m = {1e3 * TAU_MEMBRANE} : population\n"
        f"tau_s = {1e3 * TAU_SYNAPSE} : population",
        equations="tau_s * dg_exc/dt = -g_exc : exponential\n"
        "tau_m * dv/dt = drive + g_exc - v : exponential",
        spike="v > 1.0",
        reset="v = 0.0",
    )
    population = ann.Population(network.neurons, neuron)
    population.drive = network.current
    matrix = scipy.sparse.csr_matrix(
        (network.weights, network.targets.astype(np.int64), network.starts),
        shape=(network.neurons, network.neurons),
    )  # [pre, post]
    if len(network.delays) > 1:
        raise SystemExit("delays of their own are not measured here")
    projection = ann.Projection(population, population, target="exc")
    projection.connect_from_sparse(
        matrix,
        delays=1e3 * float(network.delays[0]),
        storage_format="csr",
        storage_order="post_to_pre",
    )
    monitor = ann.Monitor(population, "spike")
    ann.compile(directory=str(folder / f"annarchy-{threads}"), silent=True)

    def run() -> Tuple[float, float]:
        now = clock(threads)
        start = now()
        ann.simulate(1e3 * STEPS * DT)
        seconds = now() - start
        spikes = monitor.get("spike")
        count = sum(len(times) for times in spikes.values())
        return seconds, count / network.neurons / (STEPS * DT)

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sizes", nargs="*", default=["a"], help="of " + " ".join(balanced.SIZES))
    parser.add_argument("--threads", type=int, nargs="+", default=[1])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--each-delay", action="store_true", help="a delay for each connection")
    parser.add_argument("--peers", nargs="*", default=["brian2", "annarchy", "nest"])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        return serve(arguments.serve, arguments.threads[0], arguments.folder)
    results = {}
    for size in arguments.sizes:
        for threads in arguments.threads:
            with tempfile.TemporaryDirectory() as folder:
                results[f"{size}, {threads}"] = measure(size, threads, Path(folder), arguments)
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1))


def measure(size: str, threads: int, folder: Path, arguments) -> dict:
    network = balanced.draw(size, arguments.seed, arguments.each_delay)
    makers = {"brian2": brian2_run, "annarchy": annarchy_run, "nest": nest_run}
    runs: Dict[str, Run] = {"arcuate": arcuate_run(network, threads, folder)}
    for name in arguments.peers:
        try:
            runs[name] = makers[name](network, threads, folder)
        except (ImportError, RuntimeError) as error:
            print(f"  {name} is left out: {error}")
    times: Dict[str, list] = {name: [] for name in runs}
    rates: Dict[str, float] = {}
    for round_number in range(arguments.rounds + 1):
        for name, run in runs.items():
            seconds, rate = run()
            if round_number == 0:
                rates[name] = rate
            else:
                times[name].append(seconds)
    base = float(np.median(times["arcuate"]))
    print(
        f"{size}: {network.neurons} neurons, {len(network.targets)} connections, "
        f"{threads} thread(s): median of {arguments.rounds} rounds"
    )
    table = {}
    for name, seconds in sorted(times.items(), key=lambda item: np.median(item[1])):
        median = float(np.median(seconds))
        table[name] = {
            "ms": 1e3 * median,
            "least": 1e3 * min(seconds),
            "ratio": median / base,
            "rate_hz": rates[name],
        }
        print(
            f"  {name:10} {1e3 * median:9.1f} ms ({1e3 * min(seconds):.1f} ... "
            f"{1e3 * max(seconds):.1f})  {median / base:6.2f} x arcuate, {rates[name]:.2f} Hz"
        )
        if abs(rates[name] - rates["arcuate"]) > 0.05 * rates["arcuate"]:
            print(f"  {name} does not simulate the same: {rates[name]} Hz")
    return table


if __name__ == "__main__":
    main()
