"""DECOLLE with convolutions on the events of a camera, beside backpropagation through time.

    python decolle_events.py

N-MNIST in 60 bins of 5 ms. 2 x 34 x 34 -> 16 kernels 5 x 5 -> 32 kernels 5 x 5 -> 32 kernels 3 x 3, the first
two at every second place; each layer learns its kernels by the errors of a frozen readout of its own, at every
step, while it runs. Beside it the same layers, neurons with the same two exponentials, learned by gradients
through all steps and layers, from the mean of the last layer's readout.

Source. Kaiser, Mostafa and Neftci, Front. Neurosci. 14:424 (2020), doi 10.3389/fnins.2020.00424. Both rates of
learning were chosen on the last 200 of the 1,000 training recordings; test recordings are used once.
"""

from __future__ import annotations

import sys
from typing import Any, Dict, List, Tuple

import arcuate
import numpy as np

from decolle import decisions, session, tau
from measure import Claim, Run, System, command
from lee import recordings
from networks import Network

STEPS, BURN_IN, BATCH, EPOCHS = 60, 10, 50, 10
RATE, BPTT_RATE = 3e-4, 5e-3
# The decays of a millisecond, five times.
ALPHA, BETA, GAMMA = 0.97**5, 0.92**5, 0.65**5
# Channels, kernel, stride.
LAYERS = ((16, 5, 2), (32, 5, 2), (32, 3, 1))


def local(seed: int, learning: bool) -> arcuate.Session:
    random = np.random.default_rng(seed)
    nodes: Dict[str, Any] = {"spikes0": {"kind": "Input", "shape": [2, 34, 34]}}
    edges: List[Tuple[str, str]] = []
    channels, side = 2, 34
    for l, (out, kernel, stride) in enumerate(LAYERS, 1):
        fan_in, side = channels * kernel * kernel, (side - kernel) // stride + 1
        count = out * side * side
        bound = 0.5 / np.sqrt(count)
        rule = {
            "post": f"spikes{l}",
            "bias": True,
            "first_step": BURN_IN,
            "terms": [
                {
                    "event": "step",
                    "pre": "value",
                    "rate": 1,
                    "post": {"surrogate": {"kind": "fast_sigmoid", "slope": 10}},
                }
            ],
            "modulator": {"error": f"answer{l}", "teacher": "label", "limit": 1},
            "map": {"transpose": f"answer{l}"},
            "scaling": {"maximum": {"decay": 0.95, "rate": RATE}},
        }
        nodes |= {
            f"trace{l}": {
                "kind": "Trace",
                "tau": tau(BETA),
                "gain": 10 * (1 - BETA),
                "second": tau(ALPHA),
                "second_gain": 1 - ALPHA,
                "lags": True,
            },
            f"kernels{l}": {
                "kind": "PlasticConv2d" if learning else "Conv2d",
                "weight": random.uniform(-1, 1, (out, channels, kernel, kernel))
                * np.sqrt(3 / fan_in),
                "bias": np.zeros(out),
                "stride": [stride, stride],
                "padding": [0, 0],
                "dilation": [1, 1],
                "groups": 1,
                **({"rule": rule} if learning else {}),
            },
            f"spikes{l}": {
                "kind": "Cell",
                "size": count,
                "v_threshold": np.zeros(1, np.float32),
                "reset": "none",
                "recovery": 1 - GAMMA,
                "tau_recovery": tau(GAMMA),
            },
            f"flat{l}": {"kind": "Flatten", "start_dim": 0, "end_dim": -1},
            f"answer{l}": {
                "kind": "Affine",
                "weight": random.uniform(-bound, bound, (10, count)),
                "bias": random.uniform(-bound, bound, 10),
            },
            f"out{l}": {"kind": "Output", "shape": [10]},
        }
        names = [f"{part}{l}" for part in ("trace", "kernels", "spikes", "flat", "answer", "out")]
        edges += [(f"spikes{l - 1}", names[0]), *zip(names, names[1:])]
        channels = out
    return session(nodes, edges, BATCH, 1)


def streams(run: arcuate.Session, frames: np.ndarray) -> List[np.ndarray]:
    run.reset()
    return run.run(np.ascontiguousarray(frames.swapaxes(0, 1)).reshape(STEPS, -1, 2, 34, 34))


def orders(seed: int, count: int) -> List[np.ndarray]:
    """Places of the recordings of each batch, epoch after epoch."""
    each = [arcuate.sample_order(count, epoch, seed).astype(np.int64) for epoch in range(EPOCHS)]
    return [o[: count // BATCH * BATCH].reshape(-1, BATCH) for o in each]


def by_local_errors(learning: bool):
    def measured(run: Run) -> Dict[str, float]:
        train, labels, test, truth = recordings(STEPS)
        learner = local(run.seed, learning)
        for epoch, order in enumerate(orders(run.seed, len(train)) if learning else ()):
            learner.adapting = True
            for i in order:
                learner.set_signal("label", np.eye(10, dtype=np.float32)[labels[i]])
                streams(learner, train[i])
            run.say(f"epoch {epoch + 1}")
        learner.adapting = False
        right = np.zeros(len(LAYERS))
        for at in range(0, len(test), BATCH):
            answers = streams(learner, test[at : at + BATCH])
            right += [(decisions(a[BURN_IN:]) == truth[at : at + BATCH]).sum() for a in answers]
        return {f"layer {i + 1}": 100 * r / len(test) for i, r in enumerate(right)}

    return measured


def through_time(run: Run) -> float:
    train, labels, test, truth = recordings(STEPS)
    net = Network([2, 34, 34], run.seed)
    for l, (out, kernel, stride) in enumerate(LAYERS, 1):
        net.convolution(out, kernel, f"kernels{l}", stride=stride)
        net.synaptic(ALPHA, BETA, 1.0, f"spikes{l}")
    net.linear(10, "answer")
    net.output()
    learner = arcuate.Trainer(
        net.model(),
        batch=BATCH,
        steps=STEPS,
        input="every",
        loss="cross_entropy",
        readout="mean",
        surrogate=("fast_sigmoid", 10),
        rate=BPTT_RATE,
        schedule=("cosine", EPOCHS * (len(train) // BATCH)),
        seed=run.seed,
        threads=run.threads,
    )
    for epoch, order in enumerate(orders(run.seed, len(train))):
        for i in order:
            learner.train_step(train[i], labels[i])
        run.say(f"epoch {epoch + 1}")
    return 100 * learner.evaluate(test, truth).accuracy


LOCAL, NONE, BPTT = "local errors", "nothing learns", "backpropagation through time"
DEEPEST = f"{LOCAL}: layer {len(LAYERS)}"
SYSTEM = System(
    f"DECOLLE with convolutions: N-MNIST, the first 1,000 recordings {EPOCHS} times, 100 to test",
    "Kaiser, Mostafa, Neftci 2020, doi 10.3389/fnins.2020.00424",
    {LOCAL: by_local_errors(True), NONE: by_local_errors(False), BPTT: through_time},
    (
        Claim("the deepest layer ≥ 75 %", lambda m: m[DEEPEST] >= 75),
        Claim(
            "40 points over what was drawn",
            lambda m: m[DEEPEST] >= m[f"{NONE}: layer {len(LAYERS)}"] + 40,
        ),
    ),
    (("N-MNIST, 60,000 recordings, a larger network", "99.04 %", "from memory"),),
    note="The paper's layers are wider, 1 ms a step, and pooled. One image more is one point here.",
)

if __name__ == "__main__":
    sys.exit(command("decolle-events", SYSTEM))
