"""Deep continuous local learning (Kaiser, Mostafa and Neftci 2020): every layer learns from a frozen
random readout of its own, at every step, with no gradient across layers or time.

    python decolle.py                  claims 1 to 3 with ablations, three seeds
    python decolle.py --seeds 0 --images 5000

784 pixels -> spikes with probability pixel / 2 -> three layers of 200 cells. A layer's input passes two
exponentials (12 and 33 steps), which carry the credit over time; its weights change by

    error of its readout, back through the readout's frozen weights * surrogate at the membrane * trace

1. every layer's readout learns; 2. with the image gone before the teacher comes, the trace is what
learns; 3. memory does not grow with the number of steps.

Source. Front. Neurosci. 14:424 (2020), doi 10.3389/fnins.2020.00424. Settings were chosen on
training images; test images are used once.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Dict, List, Tuple

import arcuate
import numpy as np

import mnist
import table

DT = 1e-3
# Decays of a step: second and first exponential of the input, recovery after a spike.
ALPHA, BETA, GAMMA = 0.97, 0.92, 0.65
HIDDEN = 200
STEPS, BURN_IN = 60, 20


def tau(decay: float) -> float:
    return float(-DT / np.log(decay))


def network(
    seed: int, learning: Tuple[int, ...] = (1, 2, 3), trace: bool = True, first_step: int = BURN_IN,
    rate: float = 1e-3, layers: int = 3, inputs: int = 784, scale: float = 10.0,
) -> Tuple[Dict[str, Any], List[Tuple[str, str]]]:
    """Nodes and edges for `arcuate.save_network`. Layers that are not in `learning` stay as drawn; without
    `trace` an input counts for learning only in the step in which it spikes."""
    random = np.random.default_rng(seed)
    nodes: Dict[str, Any] = {
        "image": {"kind": "Input", "shape": [inputs]},
        "spikes0": {"kind": "BernoulliEncoder", "gain": 0.5, "seed": seed + 1},
    }
    edges = [("image", "spikes0")]
    before, width = "spikes0", inputs
    for layer in range(1, layers + 1):
        bound = 0.5 / np.sqrt(HIDDEN)
        weight = random.uniform(-1, 1, (HIDDEN, width)) * np.sqrt(3 / width)
        readout = random.uniform(-bound, bound, (10, HIDDEN))
        kind: Dict[str, Any] = {"kind": "Affine", "weight": weight, "bias": np.zeros(HIDDEN)}
        if layer in learning:
            kind |= {"kind": "PlasticLinear", "rule": {
                "post": f"spikes{layer}",
                "terms": [{
                    "event": "step", "pre": "value" if trace else {"node": before},
                    "post": {"surrogate": {"kind": "fast_sigmoid", "slope": 10}}, "rate": 1}],
                "modulator": {"error": f"answer{layer}", "teacher": "label", "limit": 1},
                "map": {"transpose": f"answer{layer}"}, "bias": True, "first_step": first_step,
                "scaling": {"maximum": {"decay": 0.95, "rate": rate}}}}
        nodes |= {
            f"trace{layer}": {
                "kind": "Trace", "tau": tau(BETA), "gain": scale * (1 - BETA), "second": tau(ALPHA),
                "second_gain": 1 - ALPHA, "lags": True},
            f"weights{layer}": kind,
            f"spikes{layer}": {
                "kind": "Cell", "size": HIDDEN, "v_threshold": np.zeros(1, np.float32),
                "reset": "none", "recovery": 1 - GAMMA, "tau_recovery": tau(GAMMA)},
            f"answer{layer}": {
                "kind": "Affine", "weight": readout, "bias": random.uniform(-bound, bound, 10)},
            f"out{layer}": {"kind": "Output", "shape": [10]},
        }
        names = [f"{part}{layer}" for part in ("trace", "weights", "spikes", "answer", "out")]
        edges += [(before, names[0]), *zip(names, names[1:])]
        before, width = f"spikes{layer}", HIDDEN
    return nodes, edges


def session(nodes, edges, batch: int, threads: int, **compiling) -> arcuate.Session:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "decolle.safetensors"
        arcuate.save_network(path, nodes, edges, dt=DT)
        model = arcuate.Model.open(path)
    return model.compile(batch=batch, threads=threads, **compiling).session()


def decisions(answers: np.ndarray) -> np.ndarray:
    """[steps, batch, 10]: the class that is the largest in most steps."""
    largest = answers.argmax(-1)
    return np.stack([(largest == c).sum(0) for c in range(10)], 1).argmax(1)


def static(seed: int, data: mnist.Images, arguments, **change) -> np.ndarray:
    """Claim 1: the image throughout. Test accuracy of each layer's readout, in per cent."""
    nodes, edges = network(seed, **change)
    run = session(
        nodes, edges, arguments.batch, arguments.threads, steps_per_frame=STEPS,
        frame_state="reset", frame_output="every")
    run.learning = True
    batch = arguments.batch
    order = np.random.default_rng(seed).permutation(len(data.train))[: arguments.images]
    has_label = "label" in run.plan.signals
    for i in order[: len(order) // batch * batch].reshape(-1, batch) if has_label else []:
        run.teach("label", np.eye(10, dtype=np.float32)[data.train_labels[i]])
        run.run(data.train[None, i])
    run.learning = False
    right = np.zeros(3)
    for k in range(0, arguments.testing, batch):
        outputs = run.run(data.test[None, k : k + batch])
        truth = data.test_labels[k : k + batch]
        right += [(decisions(o[0, BURN_IN:]) == truth).sum() for o in outputs]
    return 100 * right / arguments.testing


def delayed(seed: int, data: mnist.Images, arguments, **change) -> np.ndarray:
    """Claim 2: the image in steps 0 to 19, the teacher in steps 30 to 49, which decide."""
    nodes, edges = network(seed, first_step=0, **change)
    batch = arguments.batch
    run = session(
        nodes, edges, batch, arguments.threads, steps_per_frame=10, frame_state="keep",
        frame_output="every")
    blank = np.zeros((1, batch, 784), np.float32)

    def show(images: np.ndarray, labels) -> List[np.ndarray]:
        run.reset()
        run.withdraw("label")
        run.run(np.repeat(images[None], 2, 0))
        run.run(blank)
        if labels is not None:
            run.teach("label", np.eye(10, dtype=np.float32)[labels])
        return run.run(np.repeat(blank, 2, 0))

    run.learning = True
    order = np.random.default_rng(seed).permutation(len(data.train))[: arguments.images * 2 // 3]
    for i in order[: len(order) // batch * batch].reshape(-1, batch):
        show(data.train[i], data.train_labels[i])
    run.learning = False
    right = np.zeros(3)
    for k in range(0, arguments.testing, batch):
        outputs = show(data.test[k : k + batch], None)
        truth = data.test_labels[k : k + batch]
        right += [(decisions(o.reshape(-1, batch, 10)) == truth).sum() for o in outputs]
    return 100 * right / arguments.testing


def memory(steps: int, batch: int) -> float:
    """Claim 3: megabytes at most of a process that learns from a batch of `steps` steps."""
    program = (
        "import decolle, numpy as np\n"
        f"run = decolle.session(*decolle.network(0), {batch}, 1, steps_per_frame={steps},"
        " frame_state='reset')\n"
        "run.learning = True\n"
        f"run.teach('label', np.eye(10, dtype=np.float32)[np.arange({batch}) % 10])\n"
        f"run.run(np.random.default_rng(0).random((1, {batch}, 784), np.float32))\n"
        "print([l.split()[1] for l in open('/proc/self/status') if l.startswith('VmHWM')][0])\n"
    )
    return float(subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True,
        cwd=Path(__file__).parent).stdout) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="folder of MNIST's IDX files")
    parser.add_argument("--images", type=int, default=30000)
    parser.add_argument("--testing", type=int, default=10000)
    parser.add_argument("--batch", type=int, default=50)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    arguments = parser.parse_args()
    data = mnist.load(arguments.data)
    runs = {
        "every layer learns": (static, {}),
        "only the last layer learns": (static, {"learning": (3,)}),
        "nothing learns": (static, {"learning": ()}),
        "delayed: every layer learns": (delayed, {}),
        "delayed: without the trace": (delayed, {"trace": False}),
    }
    results: Dict[str, List[np.ndarray]] = {name: [] for name in runs}
    for seed in arguments.seeds:
        for name, (measure, change) in runs.items():
            start = time.perf_counter()
            results[name].append(measure(seed, data, arguments, **change))
            print(f"seed {seed} {name}: {results[name][-1].round(2)} "
                  f"in {time.perf_counter() - start:.0f} s", flush=True)
    print(f"\n{arguments.images} images once (delayed: {arguments.images * 2 // 3}), "
          f"{len(arguments.seeds)} seeds\n")
    table.show(
        ["test images right, %", "layer 1", "layer 2", "layer 3"],
        [[n, *(table.spread(v[:, i]) for i in range(3))]
         for n, v in ((n, np.array(v)) for n, v in results.items())])
    print()
    full, last, late, bare = (np.array(results[n]) for n in (
        "every layer learns", "only the last layer learns", "delayed: every layer learns",
        "delayed: without the trace"))
    table.verdict("every layer at least 90 % for every seed", bool((full >= 90).all()))
    table.verdict("deepest within 0.5 of the first", bool((full[:, 2] >= full[:, 0] - 0.5).all()))
    table.verdict("6 points over only the last layer", bool((full[:, 2] - last[:, 2] >= 6).all()))
    table.verdict("delayed: first layer at least 80 %", bool((late[:, 0] >= 80).all()))
    table.verdict("delayed: 40 points over no trace", bool((late[:, 0] - bare[:, 0] >= 40).all()))
    few, many = memory(50, arguments.batch), memory(500, arguments.batch)
    print(f"\nmost memory of a process: {few:.1f} MB with 50 steps, {many:.1f} MB with 500")
    table.verdict("memory within 5 %", abs(many / few - 1) <= 0.05)
    print("\npublished: DvsGesture 95.54 %, N-MNIST 99.04 % with convolutions")


if __name__ == "__main__":
    main()
