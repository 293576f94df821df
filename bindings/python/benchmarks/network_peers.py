"""Simulators that networks.py compares Arcuate with. Each function makes a runner:

    runner() simulates `network.steps` steps and gives Timing
    runner(True) the same, and the spikes as two arrays: steps and neurons

A spike acts in these simulators one step after it has arrived: delays are a step shorter here.
"""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
import time
from pathlib import Path
from typing import Callable, Dict, NamedTuple, Optional, Tuple

import network_models
import numpy as np
from network_models import BACKGROUND, DT, Network

Spikes = Tuple[np.ndarray, np.ndarray]


class Timing(NamedTuple):
    processor: float  # seconds of all threads
    wall: float
    spikes: Optional[Spikes] = None


Runner = Callable[..., Timing]

# MARK: Brian2

_REFRACTORY = "(unless refractory)"
_BRIAN = {
    "cuba": dict(
        model=f"""dv/dt = (ge + gi - (v + 49)) / (20*ms) : 1 {_REFRACTORY}
                  dge/dt = -ge / (5*ms) : 1
                  dgi/dt = -gi / (10*ms) : 1""",
        threshold="v > -50",
        reset="v = -60",
        refractory=5,
        method="exact",
    ),
    "coba": dict(
        model=f"""dv/dt = (ge*(0 - v) + gi*(-80 - v) - (v + 60) + 20) / (20*ms) : 1 {_REFRACTORY}
                  dge/dt = -ge / (5*ms) : 1
                  dgi/dt = -gi / (10*ms) : 1""",
        threshold="v > -50",
        reset="v = -60",
        refractory=5,
        method="euler",
    ),
    "adex": dict(
        model=f"""dv/dt = (-10*(v + 60) + 25*exp((v + 50)/2.5) - ge*v - gi*(v + 80) - w + 250)
                          / (200*ms) : 1 {_REFRACTORY}
                  dw/dt = (2*(v + 60) - w) / (150*ms) : 1
                  dge/dt = -ge / (5*ms) : 1
                  dgi/dt = -gi / (10*ms) : 1""",
        threshold="v > -30",
        reset="v = -60; w += 30",
        refractory=5,
        method="euler",
    ),
    "brunel": dict(
        model=f"dv/dt = -v / (20*ms) : 1 {_REFRACTORY}",
        threshold="v > 20",
        reset="v = 10",
        refractory=2,
        method="exact",
    ),
    "izhikevich": dict(
        model="""dv/dt = (0.04*v**2 + 5*v + 140 - u) / ms + s*xi/sqrt(0.1*ms) : 1
                 du/dt = a*(b*v - u) / ms : 1
                 a : 1 (constant)
                 b : 1 (constant)
                 c : 1 (constant)
                 d : 1 (constant)
                 s : 1 (constant)""",
        threshold="v >= 30",
        reset="v = c; u += d",
        method="euler",
    ),
}
_SEPARATE = ("cuba", "coba", "adex")  # excitation and inhibition decay differently


def brian2_run(network: Network, threads: int, folder: Path) -> Runner:
    """C++ standalone, float32; the binary is built once and run anew each time. Times are taken
    before and after its loop over steps."""
    import brian2 as b2

    code = folder / f"brian2-{threads}"
    b2.device.reinit()
    b2.device.activate()
    b2.set_device("cpp_standalone", directory=str(code), build_on_run=False)
    b2.prefs.core.default_float_dtype = np.float32
    b2.prefs.devices.cpp_standalone.openmp_threads = threads if threads > 1 else 0
    b2.defaultclock.dt = DT * b2.second
    b2.start_scope()
    model = dict(_BRIAN[network.kind])
    if "refractory" in model:
        model["refractory"] = model["refractory"] * b2.ms
    group = b2.NeuronGroup(network.neurons, **model)
    for name, values in network.start.items():
        setattr(group, name, values)
    delay = (network.delay_steps - 1) * DT * b2.second
    parts = [group]
    for excites in (True, False):
        weights = network.weights_of(excites)
        variable = "v" if network.kind not in _SEPARATE else "ge" if excites else "gi"
        constant = weights.ndim == 0
        synapses = b2.Synapses(
            group,
            group,
            model="" if constant else "weight : 1",
            on_pre=f"{variable} += weight",
            namespace={"weight": float(weights)} if constant else {},
            delay=delay,
        )
        sources, targets = network.connections(excites)
        synapses.connect(i=sources, j=targets)
        if not constant:
            synapses.weight = weights
        parts.append(synapses)
    if network.kind == "brunel":
        # As many sources as neurons that excite: a binomial number close to Poisson's.
        sources = network.fan_out * 4 // 5
        rate = BACKGROUND / DT / sources * b2.Hz
        parts.append(b2.PoissonInput(group, "v", sources, rate, weight=0.2))
    monitor = b2.SpikeMonitor(group)
    net = b2.Network(*parts, monitor)
    if network.kind == "izhikevich":
        # What arrives with a spike of the target is kept.
        net.schedule = ["start", "groups", "thresholds", "resets", "synapses", "end"]
    clock = """{
        struct timespec processor, wall;
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &processor);
        clock_gettime(CLOCK_MONOTONIC, &wall);
        std::ofstream out("times.txt", std::ios::app);
        out << processor.tv_sec << " " << processor.tv_nsec << " "
            << wall.tv_sec << " " << wall.tv_nsec << std::endl;
    }"""
    b2.device.insert_code("before_network_run", clock)
    b2.device.insert_code("after_network_run", clock)
    net.run(network.steps * DT * b2.second)
    b2.device.build(directory=str(code), compile=True, run=False, debug=False)
    times = code / "times.txt"

    def run(wants_spikes: bool = False) -> Timing:
        times.unlink(missing_ok=True)
        b2.device.run(str(code), with_output=False, run_args=[])
        before, after = np.loadtxt(times)[:, [0, 2]] + 1e-9 * np.loadtxt(times)[:, [1, 3]]
        spikes = None
        if wants_spikes:
            spikes = np.round(np.asarray(monitor.t) / DT).astype(int), np.asarray(monitor.i)
        return Timing(*(after - before), spikes)

    return run


# MARK: NEST

_NEST: Dict[str, Tuple[str, dict]] = {
    # The membrane integrates the current over its capacity: with tau_m for it, currents are mV.
    "cuba": (
        "iaf_psc_exp",
        dict(E_L=-49.0, V_reset=-60.0, V_th=-50.0, C_m=20.0, tau_m=20.0)
        | dict(tau_syn_ex=5.0, tau_syn_in=10.0, t_ref=4.9),
    ),
    "coba": (
        "iaf_cond_exp",
        dict(E_L=-60.0, V_reset=-60.0, V_th=-50.0, C_m=200.0, g_L=10.0, E_ex=0.0, E_in=-80.0)
        | dict(tau_syn_ex=5.0, tau_syn_in=10.0, t_ref=4.9, I_e=200.0),
    ),
    "adex": (
        "aeif_cond_exp",
        dict(E_L=-60.0, V_reset=-60.0, V_th=-50.0, V_peak=-30.0, C_m=200.0, g_L=10.0, E_ex=0.0)
        | dict(E_in=-80.0, tau_syn_ex=5.0, tau_syn_in=10.0, t_ref=4.9, I_e=250.0, Delta_T=2.5)
        | dict(a=2.0, b=30.0, tau_w=150.0),
    ),
    "brunel": (
        "iaf_psc_delta",
        dict(E_L=0.0, V_reset=10.0, V_th=20.0, C_m=1.0, tau_m=20.0, t_ref=1.9, I_e=0.0),
    ),
    "izhikevich": ("izhikevich", dict(V_th=30.0, I_e=0.0, consistent_integration=True)),
}
# States and parameters of the networks in NEST; conductances of COBA are times the leak of 10 nS.
_NEST_NAMES = {"v": "V_m", "u": "U_m", "ge": "g_ex", "gi": "g_in", "w": "w"}


def nest_run(network: Network, threads: int, folder: Path) -> Runner:
    """In a process of its own for each number of threads. A run goes on where the last has ended."""
    importlib.metadata.version("nest-simulator")

    return separate(network, threads, folder)


def separate(network: Network, threads: int, folder: Path) -> Runner:
    """One process, asked for run after run."""
    stored = folder / "network.npz"
    if not stored.exists():
        fields = {name: getattr(network, name) for name in network.__dataclass_fields__}
        np.savez(stored, **{**fields.pop("start"), **{f"_{k}": v for k, v in fields.items()}})
    process = subprocess.Popen(
        [sys.executable, __file__, str(threads), str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=(folder / "nest.log").open("w"),
        text=True,
    )

    def answer() -> list:
        for line in process.stdout:
            if line.startswith("ANSWER"):
                return [float(word) for word in line.split()[1:]]
        raise RuntimeError((folder / "nest.log").read_text().strip().rpartition("\n")[2])

    answer()

    def run(wants_spikes: bool = False) -> Timing:
        process.stdin.write("spikes\n" if wants_spikes else "run\n")
        process.stdin.flush()
        times = answer()
        spikes = np.load(folder / "spikes.npy") if wants_spikes else None
        return Timing(*times, spikes)

    run.process = process
    return run


def serve(threads: int, folder: Path) -> None:
    """The other end of `separate`."""
    stored = dict(np.load(folder / "network.npz"))
    fields = {k[1:]: v for k, v in stored.items() if k.startswith("_")}
    fields = {k: v.item() if v.ndim == 0 else v for k, v in fields.items()}
    start = {k: v for k, v in stored.items() if not k.startswith("_")}
    run = serve_nest(Network(start=start, **fields), threads)
    print("ANSWER", flush=True)
    for line in sys.stdin:
        timing = run(line == "spikes\n")
        if timing.spikes:
            np.save(folder / "spikes.npy", timing.spikes)
        print("ANSWER", *timing[:2], flush=True)


def serve_nest(network: Network, threads: int) -> Runner:
    import nest

    nest.set_verbosity("M_ERROR")
    nest.ResetKernel()
    nest.set(resolution=1e3 * DT, local_num_threads=threads)
    model, parameters = _NEST[network.kind]
    leak = 10.0 if network.kind == "coba" else 1.0
    neurons = nest.Create(model, network.neurons, parameters)
    for name, values in network.start.items():
        factor = leak if name in ("ge", "gi") else 1.0
        if name != "s":
            setattr(neurons, _NEST_NAMES.get(name, name), factor * values.astype(float))
    # A spike that has arrived decays for a step elsewhere before it is compared with the threshold.
    factor = np.exp(-DT / 20e-3) if network.kind == "brunel" else leak
    delay = max(1e3 * DT, 1e3 * DT * (network.delay_steps - 1))
    for excites in (True, False):
        weights = factor * network.weights_of(excites).astype(float)
        if not excites and network.kind in ("coba", "adex"):
            weights = -weights
        sources, targets = (nodes + 1 for nodes in network.connections(excites))
        name = f"connection {excites}"
        if weights.ndim == 0:
            nest.CopyModel("static_synapse_hom_w", name, {"weight": float(weights), "delay": delay})
            nest.Connect(sources, targets, "one_to_one", {"synapse_model": name})
        else:
            nest.CopyModel("static_synapse", name, {"delay": delay})
            synapses = {"synapse_model": name, "weight": weights}
            synapses["delay"] = np.full(len(weights), delay)
            nest.Connect(sources, targets, "one_to_one", synapses)
    if network.kind == "brunel":
        source = nest.Create("poisson_generator", params={"rate": BACKGROUND / DT})
        nest.Connect(source, neurons, syn_spec={"weight": 0.2 * factor, "delay": 1e3 * DT})
    if network.kind == "izhikevich":
        for excites in (True, False):
            rows = network.rows(excites)
            deviation = float(network.start["s"][rows][0]) / (1e3 * DT)
            noise = nest.Create("noise_generator", params={"std": deviation, "dt": 1e3 * DT})
            nest.Connect(noise, neurons[rows], syn_spec={"delay": 1e3 * DT})
    recorder = nest.Create("spike_recorder", {"record_to": "memory"})
    nest.Connect(neurons, recorder)
    nest.Prepare()
    done = 0

    def run(wants_spikes: bool = False) -> Timing:
        nonlocal done
        processor, wall = time.process_time(), time.perf_counter()
        nest.Run(1e3 * network.steps * DT)
        processor, wall = time.process_time() - processor, time.perf_counter() - wall
        spikes = None
        if wants_spikes:
            events = recorder.events
            steps = np.round(events["times"] / (1e3 * DT)).astype(int) - 1 - done
            spikes = steps[steps >= 0], events["senders"][steps >= 0] - 1
        done += network.steps
        return Timing(processor, wall, spikes)

    return run


PEERS = {"brian2": brian2_run, "nest": nest_run}

if __name__ == "__main__":
    assert network_models
    serve(int(sys.argv[1]), Path(sys.argv[2]))
