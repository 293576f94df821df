"""Deep continuous local learning (Kaiser, Mostafa and Neftci 2020): every layer learns from a frozen
random readout of its own, at every step, with no gradient across layers or time.

    python decolle.py

784 pixels -> spikes with probability pixel / 2 -> three layers of 200 cells. A layer's input passes two
exponentials (12 and 33 steps), which carry the credit over time; its weights change by

    error of its readout, back through the readout's frozen weights * surrogate at the membrane * trace

1. every layer's readout learns; 2. with the image gone before the teacher comes, the trace is what
learns; 3. memory does not grow with the number of steps; 4. gradients through all layers and steps of the
same network do little better.

Source. Front. Neurosci. 14:424 (2020), doi 10.3389/fnins.2020.00424. Settings were chosen on
training images; test images are used once.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import arcuate
import numpy as np

from measure import Claim, Run, System, command
from images import load
from networks import semantics

DT = 1e-3
# Decays of a step: second and first exponential of the input, recovery after a spike.
ALPHA, BETA, GAMMA = 0.97, 0.92, 0.65
HIDDEN = 200
STEPS, BURN_IN, BATCH = 60, 20, 50
IMAGES = 30_000
# Of Adam, for backpropagation.
BPTT_RATE = 2e-3
READOUTS = ["answer1", "answer2", "answer3"]

Nodes = Dict[str, Dict[str, Any]]
Edges = List[Tuple[str, str]]


def tau(decay: float) -> float:
    return float(-DT / np.log(decay))


def network(
    seed: int,
    learning: Tuple[int, ...] = (1, 2, 3),
    trace: bool = True,
    first_step: int = BURN_IN,
    rate: float = 1e-3,
    layers: int = 3,
    inputs: int = 784,
    scale: float = 10.0,
) -> Tuple[Nodes, Edges]:
    """Nodes and edges for `arcuate.save_network`. Layers that are not in `learning` stay as drawn; without
    `trace` an input counts for learning only in the step in which it spikes."""
    random = np.random.default_rng(seed)
    nodes: Nodes = {
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
            kind |= {
                "kind": "PlasticLinear",
                "rule": {
                    "post": f"spikes{layer}",
                    "terms": [
                        {
                            "event": "step",
                            "pre": "value" if trace else {"node": before},
                            "post": {"surrogate": {"kind": "fast_sigmoid", "slope": 10}},
                            "rate": 1,
                        }
                    ],
                    "modulator": {"error": f"answer{layer}", "teacher": "label", "limit": 1},
                    "map": {"transpose": f"answer{layer}"},
                    "bias": True,
                    "first_step": first_step,
                    "scaling": {"maximum": {"decay": 0.95, "rate": rate}},
                },
            }
        nodes |= {
            f"trace{layer}": {
                "kind": "Trace",
                "tau": tau(BETA),
                "gain": scale * (1 - BETA),
                "second": tau(ALPHA),
                "second_gain": 1 - ALPHA,
                "lags": True,
            },
            f"weights{layer}": kind,
            f"spikes{layer}": {
                "kind": "Cell",
                "size": HIDDEN,
                "v_threshold": np.zeros(1, np.float32),
                "reset": "none",
                "recovery": 1 - GAMMA,
                "tau_recovery": tau(GAMMA),
            },
            f"answer{layer}": {
                "kind": "Affine",
                "weight": readout,
                "bias": random.uniform(-bound, bound, 10),
            },
            f"out{layer}": {"kind": "Output", "shape": [10]},
        }
        names = [f"{part}{layer}" for part in ("trace", "weights", "spikes", "answer", "out")]
        edges += [(before, names[0]), *zip(names, names[1:])]
        before, width = f"spikes{layer}", HIDDEN
    return nodes, edges


def ordinary(nodes: Nodes, edges: Edges) -> Tuple[Nodes, Edges]:
    """The same network, number for number, of nodes through which gradients pass: filters, thresholds and
    what they leave behind in place of traces and cells."""
    found: Nodes = {}
    ways: Edges = []

    def filtered(width: int, decay: float, gain: float) -> Dict[str, Any]:
        full = lambda value: np.full(width, value, np.float32)
        return {
            "kind": "LI",
            "tau": full(DT / (1 - decay)),
            "r": full(gain),
            "v_leak": full(0),
            "semantics": semantics(),
        }

    for name, node in nodes.items():
        if node["kind"] == "Trace":
            layer = name.removeprefix("trace")
            width = nodes[f"weights{layer}"]["weight"].shape[1]
            found |= {
                f"late{layer}": {"kind": "Delay", "delay": np.full(width, DT, np.float32)},
                f"first{layer}": filtered(width, BETA, node["gain"] / (1 - BETA)),
                name: filtered(width, ALPHA, 1),
            }
            ways += [(f"late{layer}", f"first{layer}"), (f"first{layer}", name)]
        elif node["kind"] == "PlasticLinear":
            found[name] = {"kind": "Affine", "weight": node["weight"], "bias": node["bias"]}
        elif node["kind"] == "Cell":
            layer = name.removeprefix("spikes")
            found |= {
                name: {"kind": "Threshold", "threshold": np.zeros(HIDDEN, np.float32)},
                f"recovery{layer}": filtered(HIDDEN, GAMMA, -1),
            }
            ways += [(name, f"recovery{layer}"), (f"recovery{layer}", name)]
        else:
            found[name] = node
    late = lambda name: name.replace("trace", "late")
    return found, ways + [(source, late(target)) for source, target in edges]


def model(nodes: Nodes, edges: Edges) -> arcuate.Model:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "decolle.safetensors"
        arcuate.save_network(path, nodes, edges, dt=DT)
        return arcuate.Model.open(path)


def session(nodes: Nodes, edges: Edges, batch: int, threads: int, **compiling) -> arcuate.Session:
    return model(nodes, edges).compile(batch=batch, threads=threads, **compiling).session()


def trainer(seed: int, steps: int = STEPS, threads: int = 1) -> arcuate.Trainer:
    """Gradients through layers and steps, of the error of the last readout at every step."""
    return arcuate.Trainer(
        model(*ordinary(*network(seed))),
        batch=BATCH,
        steps=steps,
        surrogate=("fast_sigmoid", 10),
        loss=arcuate.Loss("smooth_l1", "every", 2, (BURN_IN, steps)),
        freeze=READOUTS,
        rate=BPTT_RATE,
        seed=seed,
        threads=threads,
    )


def batches(seed: int, count: int, images: np.ndarray) -> np.ndarray:
    """Places of training images, [batches, BATCH], each once."""
    order = np.random.default_rng(seed).permutation(len(images))[:count]
    return order[: len(order) // BATCH * BATCH].reshape(-1, BATCH)


def decisions(answers: np.ndarray) -> np.ndarray:
    """[steps, batch, 10]: the class that is the largest in most steps."""
    largest = answers.argmax(-1)
    return np.stack([(largest == c).sum(0) for c in range(10)], 1).argmax(1)


def tested(answer, images: np.ndarray, labels: np.ndarray) -> Dict[str, float]:
    """Images right in per cent; `answer` gives for a batch the outputs, each [steps, batch, 10]."""
    right = np.zeros(3)
    for k in range(0, len(images), BATCH):
        truth = labels[k : k + BATCH]
        right += [(decisions(o) == truth).sum() for o in answer(images[k : k + BATCH])]
    return {f"layer {i + 1}": float(r) for i, r in enumerate(100 * right / len(images))}


def static(**change):
    """The image throughout."""

    def measured(run: Run) -> Dict[str, float]:
        data = load()
        learner = session(
            *network(run.seed, **change),
            BATCH,
            run.threads,
            steps_per_frame=STEPS,
            frame_state="reset",
            frame_output="every",
        )
        if "label" in learner.plan.signals:
            learner.adapting = True
            for i in batches(run.seed, run.images or IMAGES, data.train):
                learner.set_signal("label", np.eye(10, dtype=np.float32)[data.train_labels[i]])
                learner.run(data.train[None, i])
            learner.adapting = False
        return tested(
            lambda images: [o[0, BURN_IN:] for o in learner.run(images[None])],
            data.test,
            data.test_labels,
        )

    return measured


def delayed(**change):
    """The image in steps 0 to 19, the teacher in steps 30 to 49, which decide."""

    def measured(run: Run) -> Dict[str, float]:
        data = load()
        learner = session(
            *network(run.seed, first_step=0, **change),
            BATCH,
            run.threads,
            steps_per_frame=10,
            frame_state="keep",
            frame_output="every",
        )
        blank = np.zeros((2, BATCH, 784), np.float32)

        def show(images: np.ndarray, labels: Optional[np.ndarray] = None) -> List[np.ndarray]:
            learner.reset()
            learner.clear_signal("label")
            learner.run(np.stack([images, images]))
            learner.run(blank[:1])
            if labels is not None:
                learner.set_signal("label", np.eye(10, dtype=np.float32)[labels])
            return [o.reshape(-1, BATCH, 10) for o in learner.run(blank)]

        learner.adapting = True
        for i in batches(run.seed, (run.images or IMAGES) * 2 // 3, data.train):
            show(data.train[i], data.train_labels[i])
        learner.adapting = False
        return tested(show, data.test, data.test_labels)

    return measured


def through_time(run: Run) -> float:
    """Backpropagation through layers and time, as layer 3 answers."""
    data = load()
    learner = trainer(run.seed, threads=run.threads)
    for i in batches(run.seed, run.images or IMAGES, data.train):
        learner.train_step(data.train[i], data.train_labels[i])
    return tested(
        lambda images: [o[:, BURN_IN:].swapaxes(0, 1) for o in learner.predict(images)],
        data.test,
        data.test_labels,
    )["layer 3"]


def memory(program: str):
    """Megabytes at most of a process that learns from one batch."""

    def peak(steps: int) -> float:
        text = program.format(
            size=BATCH,
            steps=steps,
            labels=f"np.arange({BATCH}) % 10",
            batch=f"np.random.default_rng(0).random((1, {BATCH}, 784), np.float32)",
        )
        text = (
            f"import decolle, numpy as np\n{text}\n"
            "print([l.split()[1] for l in open('/proc/self/status') if l.startswith('VmHWM')][0])"
        )
        return (
            float(
                subprocess.run(
                    [sys.executable, "-c", text],
                    check=True,
                    capture_output=True,
                    text=True,
                    cwd=Path(__file__).parent,
                ).stdout
            )
            / 1024
        )

    return lambda run: {f"{steps} steps": peak(steps) for steps in (50, 500)}


LOCAL_MEMORY = """
run = decolle.session(
    *decolle.network(0), {size}, 1, steps_per_frame={steps}, frame_state='reset')
run.adapting = True
run.set_signal('label', np.eye(10, dtype=np.float32)[{labels}])
run.run({batch})"""
BPTT_MEMORY = """
decolle.trainer(0, {steps}).train_step({batch}[0], {labels})"""

FULL, LAST, NONE = "every layer learns", "only the last layer learns", "nothing learns"
LATE, BARE = "delayed: every layer learns", "delayed: without the trace"
BPTT = "backpropagation from the last readout"
LOCAL_MB, BPTT_MB = "memory, MB", "memory of backpropagation, MB"
ALL = [f"{FULL}: layer {i}" for i in (1, 2, 3)]
SYSTEM = System(
    f"DECOLLE: MNIST, {IMAGES:,} images once (delayed: {IMAGES * 2 // 3:,})",
    "Kaiser, Mostafa, Neftci 2020, doi 10.3389/fnins.2020.00424",
    {
        FULL: static(),
        LAST: static(learning=(3,)),
        NONE: static(learning=()),
        LATE: delayed(),
        BARE: delayed(trace=False),
        BPTT: through_time,
        LOCAL_MB: memory(LOCAL_MEMORY),
        BPTT_MB: memory(BPTT_MEMORY),
    },
    (
        Claim("every layer at least 90 %", lambda m: min(m[name] for name in ALL) >= 90),
        Claim("deepest within 0.5 of the first", lambda m: m[ALL[2]] >= m[ALL[0]] - 0.5),
        Claim(
            "6 points over only the last layer", lambda m: m[ALL[2]] - m[f"{LAST}: layer 3"] >= 6
        ),
        Claim("delayed: first layer at least 80 %", lambda m: m[f"{LATE}: layer 1"] >= 80),
        Claim(
            "delayed: 40 points over no trace in layer 1",
            lambda m: m[f"{LATE}: layer 1"] - m[f"{BARE}: layer 1"] >= 40,
        ),
        Claim("within 3 points of backpropagation, layer 3", lambda m: m[BPTT] - m[ALL[2]] <= 3),
        Claim(
            "memory of 500 steps within 5 % of that of 50",
            lambda m: abs(m[f"{LOCAL_MB}: 500 steps"] / m[f"{LOCAL_MB}: 50 steps"] - 1) <= 0.05,
        ),
        Claim(
            "that of backpropagation grows to more than four times",
            lambda m: m[f"{BPTT_MB}: 500 steps"] > 4 * m[f"{BPTT_MB}: 50 steps"],
        ),
    ),
    (
        ("DvsGesture, convolutions", "95.54 %", "from memory"),
        ("N-MNIST, convolutions", "99.04 %", "from memory"),
    ),
)

if __name__ == "__main__":
    sys.exit(command("decolle", SYSTEM))
