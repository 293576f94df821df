"""How long STDP takes here and in other simulators: the same images, cells and steps, one after the
other on one thread.

    python peers.py --images 20
    python peers.py --bindsnet /venv/bin/python --brian2 /other/bin/python

784 Poisson inputs, 100 cells, plastic weights between all of them, 350 steps of 1 ms an image. BindsNET runs
its DiehlAndCook2015; Brian2 runs event-driven pair STDP with adaptive cells and one inhibitory synapse
between each pair, C++ standalone where a compiler is found. Their accuracy is not compared: this
measures time, of the processor, so that other work of the machine does not count; of Brian2 with the making
of the network, which takes little of it. Each runs in a process of its own, by the interpreter that has it.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from typing import Dict

import numpy as np

import shared  # noqa: F401
import table
from images import load

NEURONS, STEPS = 100, 350


def ours(shown: np.ndarray) -> float:
    import stdp

    run = stdp.session(stdp.network(NEURONS, 0))
    run.adapting = True
    run.run(shown[:1])
    start = time.process_time()
    run.run(shown)
    return time.process_time() - start


def bindsnet(shown: np.ndarray) -> float:
    import torch
    from bindsnet.encoding import poisson
    from bindsnet.models import DiehlAndCook2015

    torch.set_num_threads(1)
    network = DiehlAndCook2015(
        n_inpt=784,
        n_neurons=NEURONS,
        exc=22.5,
        inh=120,
        dt=1.0,
        norm=78.4,
        theta_plus=0.05,
        inpt_shape=(1, 28, 28),
    )

    def show(image: np.ndarray) -> None:
        rates = torch.from_numpy(image.reshape(1, 28, 28) * 63.75)
        network.run(inputs={"X": poisson(rates, time=STEPS, dt=1.0).unsqueeze(1)}, time=STEPS)
        network.reset_state_variables()

    show(shown[0])
    start = time.process_time()
    for image in shown:
        show(image)
    return time.process_time() - start


def brian2(shown: np.ndarray) -> float:
    import brian2 as b

    b.set_device("cpp_standalone", build_on_run=False)
    b.defaultclock.dt = 1 * b.ms
    rates = b.TimedArray(shown * 63.75 * b.Hz, dt=STEPS * b.ms)
    inputs = b.PoissonGroup(784, rates="pixel_rates(t, i)")
    cells = b.NeuronGroup(
        NEURONS,
        "dv/dt = -v / (100 * ms) : 1 (unless refractory)\ndtheta/dt = -theta / (1e7 * ms) : 1",
        threshold="v > 7 + theta",
        reset="v = 0; theta += 0.05",
        refractory=5 * b.ms,
        method="exact",
    )
    synapses = b.Synapses(
        inputs,
        cells,
        "w : 1\ndpre/dt = -pre / (20 * ms) : 1 (event-driven)\n"
        "dpost/dt = -post / (20 * ms) : 1 (event-driven)",
        on_pre="v_post += 8 * w; w = clip(w - 1e-4 * post, 0, 1); pre = 1",
        on_post="w = clip(w + 1e-2 * pre, 0, 1); post = 1",
    )
    synapses.connect()
    synapses.w = "0.2 * rand()"
    silence = b.Synapses(cells, cells, on_pre="v_post = 0")
    silence.connect(condition="i != j")
    names = {"pixel_rates": rates}
    network = b.Network(inputs, cells, synapses, silence)
    network.run(len(shown) * STEPS * b.ms, namespace=names)
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        b.device.build(directory=folder, run=False, compile=True)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        b.device.run(folder, with_output=False, run_args=[])
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--bindsnet", default=sys.executable, help="an interpreter with BindsNET")
    parser.add_argument("--brian2", default=sys.executable, help="an interpreter with Brian2")
    parser.add_argument("--only", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        seconds = globals()[arguments.only](load().train[: arguments.images])
        print(json.dumps(seconds))
        return
    pythons = {"ours": sys.executable, "bindsnet": arguments.bindsnet, "brian2": arguments.brian2}
    least: Dict[str, float] = {}
    failed: Dict[str, str] = {}
    # In turns, so that what else the machine does meets all of them.
    for _ in range(arguments.rounds):
        for name, python in pythons.items():
            command = [python, __file__, "--only", name, "--images", str(arguments.images)]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                failed[name] = (done.stderr.strip().splitlines() or ["?"])[-1]
                continue
            each = 1000 * json.loads(done.stdout.splitlines()[-1]) / arguments.images
            least[name] = min(each, least.get(name, each))
    print(f"{arguments.images} images, the least of {arguments.rounds} rounds\n")
    table.show(
        ["simulator", "ms of processor time an image", "times as much"],
        [
            [name, f"{least[name]:.2f}", f"{least[name] / least['ours']:.1f}"]
            if name in least
            else [name, f"not run: {failed[name]}", ""]
            for name in pythons
        ],
    )
    print()
    for name in least:
        if name != "ours":
            table.verdict(f"five times faster than {name}", least[name] >= 5 * least["ours"])


if __name__ == "__main__":
    main()
