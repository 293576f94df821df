"""Spike-train level direct feedback alignment (Lee et al. 2020): hidden cells are taught through fixed
random weights, all layers at once, after one pass forward.

    python stdfa.py                    60,000 images twice, beside backpropagation and frozen layers

196 pixels (28 x 28 averaged to 14 x 14) -> spikes with probability 0.35 pixel, 100 steps -> 100 -> 10 cells
with a synapse of 8 and a membrane of 32 steps. While a frame runs, each synapse adds up what its input
put on the cell just before each of the cell's spikes, since its last reset (the spike-train level
post-synaptic potential). When it ends, the sum meets the cell's error: at the output the spikes that are
missing, in the hidden layer the same through a random matrix, or for comparison through the transposed
weights of the next layer. A silent cell has no such potential, and an output that fell silent would stay
so; hence outputs learn a little from each spike that they are sent as well (the authors' code gives a
silent cell a small constant potential).

Source. Front. Neurosci. 14:143 (2020), doi 10.3389/fnins.2020.00143; the potential as in the authors'
code. Settings were chosen on training images; test images are used once.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any, Dict, Optional, Tuple

import arcuate
import numpy as np

from measure import Claim, Run, System, command
from images import load

DT = 1e-3
STEPS, HIDDEN = 100, 100
MEMBRANE, SYNAPSE, SILENCE, THRESHOLD = 32, 8, 2, 10.0
# Spikes that the output of the right class, and of the others, should make; an error of 1 is none.
RIGHT, WRONG, MARGIN = 12.0, 1.0, 1.0
# Potential that each spike sent to an output adds, whether it spikes or not.
UNHEARD = 0.05

EDGES = [
    ("image", "spikes0"),
    ("spikes0", "weights1"),
    ("weights1", "spikes1"),
    ("spikes1", "weights2"),
    ("weights2", "spikes2"),
    ("spikes2", "counts"),
    ("counts", "out"),
]


def network(
    seed: int,
    feedback: Optional[str] = "random",
    rate: float = 0.1,
    inputs: int = 196,
    hidden: int = HIDDEN,
    gain: float = 0.35,
    spreads: Tuple[float, float] = (0.15, 0.15),
) -> Dict[str, Any]:
    """The nodes. feedback: random, sign, transpose, or None for a hidden layer that stays as drawn.
    spreads: of the weights into the hidden cells and into the outputs, which are drawn around 0."""
    random = np.random.default_rng(seed)
    potential = {
        "tau": SYNAPSE * DT,
        "second": MEMBRANE * DT,
        "second_gain": 1 / SYNAPSE,
        "euler": True,
    }

    def rule(layer: int, errors: Any, *more: Dict[str, Any]) -> Dict[str, Any]:
        return {
            "post": f"spikes{layer}",
            "terms": [
                {"event": "post", "pre": {"since_reset": potential}, "post": "one", "rate": 1},
                *more,
            ],
            "modulator": {"error": "counts", "teacher": "label", "dead_zone": MARGIN},
            "map": errors,
            "apply": "frame",
            "bounds": [-8, 8],
            "scaling": {"maximum": {"decay": 0.999, "rate": rate}},
        }

    def weights(post: int, pre: int, spread: float) -> np.ndarray:
        return random.normal(0, spread, (post, pre)).astype(np.float32)

    def cells(size: int) -> Dict[str, Any]:
        return {
            "kind": "Cell",
            "size": size,
            "tau": MEMBRANE * DT,
            "tau_syn": SYNAPSE * DT,
            "gain": 1 / SYNAPSE,
            "euler": True,
            "refractory": SILENCE * DT,
            "reset": "to_value",
            "v_threshold": np.full(1, THRESHOLD, np.float32),
        }

    first: Dict[str, Any] = {"kind": "Linear", "weight": weights(hidden, inputs, spreads[0])}
    if feedback == "random":
        first |= {
            "kind": "PlasticLinear",
            "rule": rule(1, {"random": {"seed": seed + 7, "amplitude": 0.5}}),
        }
    elif feedback == "sign":
        signs = 0.3 * np.sign(np.random.default_rng(seed + 7).uniform(-1, 1, (hidden, 10)))
        first |= {
            "kind": "PlasticLinear",
            "rule": rule(1, "matrix"),
            "matrix": signs.astype(np.float32),
        }
    elif feedback == "transpose":
        first |= {"kind": "PlasticLinear", "rule": rule(1, {"transpose": "weights2"})}
    return {
        "image": {"kind": "Input", "shape": [inputs]},
        "spikes0": {"kind": "BernoulliEncoder", "gain": gain, "seed": seed + 1},
        "weights1": first,
        "spikes1": cells(hidden),
        "weights2": {
            "kind": "PlasticLinear",
            "weight": weights(10, hidden, spreads[1]),
            "rule": rule(
                2, "each", {"event": "pre", "pre": "value", "post": "one", "rate": UNHEARD}
            ),
        },
        "spikes2": cells(10),
        "counts": {"kind": "CountDecoder"},
        "out": {"kind": "Output", "shape": [10]},
    }


def session(nodes: Dict[str, Any], batch: int, threads: int = 1, steps: int = STEPS):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "stdfa.safetensors"
        arcuate.save_network(path, nodes, EDGES, dt=DT)
        model = arcuate.Model.open(path)
    return model.compile(
        steps_per_frame=steps, frame_state="reset", batch=batch, threads=threads
    ).session()


def targets(labels: np.ndarray) -> np.ndarray:
    return (WRONG + (RIGHT - WRONG) * np.eye(10)[labels]).astype(np.float32)


def learn(run, images: np.ndarray, labels: np.ndarray, epochs: int, seed: int) -> None:
    batch = run.plan.batch
    run.adapting = True
    random = np.random.default_rng(seed)
    total = epochs * (len(images) // batch)
    done = 0
    for _ in range(epochs):
        order = random.permutation(len(images))[: len(images) // batch * batch]
        for i in order.reshape(-1, batch):
            run.set_rate_factor(1 - 0.9 * done / total)
            run.set_signal("label", targets(labels[i]))
            run.run(images[None, i])
            done += 1
    run.adapting = False


def accuracy(run, images: np.ndarray, labels: np.ndarray) -> float:
    batch = run.plan.batch
    right = 0
    for k in range(0, len(images) // batch * batch, batch):
        right += (run.run(images[None, k : k + batch])[0].argmax(-1) == labels[k : k + batch]).sum()
    return 100 * right / (len(images) // batch * batch)


def digits(feedback: Optional[str], rate: float = 0.1):
    def measured(run: Run) -> float:
        data = load().halved()
        learner = session(network(run.seed, feedback, rate), 50, run.threads)
        chosen = np.random.default_rng(run.seed).permutation(len(data.train))[: run.images]
        learn(learner, data.train[chosen], data.train_labels[chosen], 2, run.seed)
        return accuracy(learner, data.test, data.test_labels)

    return measured


def transport() -> str:
    """A table of the multiplications that carry an error back."""
    lines = [
        "Multiplications that carry one sample's error back, whatever the number of steps:",
        "",
        "| layers | direct feedback | backpropagation |",
        "|---|---|---|",
    ]
    for layers in ([196, 100, 10], [784, 800, 10], [78, 400, 400, 10]):
        direct = sum(n * layers[-1] for n in layers[1:-1])
        back = sum(a * b for a, b in zip(layers[1:-1], layers[2:]))
        lines.append(f"| {' - '.join(map(str, layers))} | {direct:,} | {back:,} |")
    return "\n".join(lines)


DIRECT, SIGNS = "direct feedback", "the same, signs only"
BACK, FROZEN = "backpropagation", "frozen hidden layer"
SYSTEM = System(
    "ST-DFA: MNIST of 14 x 14 pixels, 60,000 images twice",
    "Lee, Zhang, Zhang, Liu, Li 2020, doi 10.3389/fnins.2020.00143",
    {
        DIRECT: digits("random"),
        SIGNS: digits("sign"),
        BACK: digits("transpose"),
        FROZEN: digits(None, rate=0.3),
    },
    (
        Claim("at least 92 %", lambda m: m[DIRECT] >= 92),
        Claim("within 2 points of backpropagation", lambda m: m[BACK] - m[DIRECT] <= 2),
        Claim(
            "20 points over the hidden layer it starts from, frozen",
            lambda m: m[DIRECT] - m[FROZEN] >= 20,
        ),
    ),
    (("MNIST of 14 x 14 pixels", "96.27 %", "from memory"),),
    note=transport(),
)

if __name__ == "__main__":
    sys.exit(command("stdfa", SYSTEM))
