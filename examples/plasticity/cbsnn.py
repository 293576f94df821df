"""Curiosity-based learning (Shi et al. 2020): after one pass over everything, only what is still novel is
learned again, with a full pass now and then.

    python cbsnn.py                     MNIST, Fashion-MNIST, the 8 x 8 digits of scikit-learn

A schedule over a learner. Each sample has a novelty, 1 less what the network gave its class, kept from
the last time it was shown; a round of five selective passes shows those above a threshold and is
followed by a full pass. Two learners have it:

- local, of the form of VPSNN: pixels -> a frozen random expansion of which the strongest are active ->
  potentials V; a second step pulls the potentials towards the teacher, and weights change by the
  difference of two products,

      dW = rate (V'[i] z[j] - V[i] z[j]),    V' = V + pull (teacher - V)

- by gradient: spikes through 128 hidden cells, 4 steps, in batches (`arcuate.Trainer`).

Beside it, at the same number of presentations: as many samples as it showed in each pass, drawn at random;
and novel samples without the full passes.

Source. Front. Comput. Neurosci. 14:7 (2020), doi 10.3389/fncom.2020.00007; the paper's novelty and
threshold were not to be had. Settings were chosen on training images; test images are used once.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Optional

import arcuate
import numpy as np

from measure import Claim, Run, System, command
from images import Images, load
from networks import Network

TEACHER = np.eye(10, dtype=np.float32)
EDGES = [("image", "expansion"), ("expansion", "active"), ("active", "weights"),
         ("weights", "potential"), ("pull", "potential"), ("potential", "out")]


def network(seed: int, inputs: int, cells: int, winners: int, rate: float) -> Dict[str, Any]:
    return {
        "image": {"kind": "Input", "shape": [inputs]}, "pull": {"kind": "Input", "shape": [10]},
        "expansion": {"kind": "Projection", "shape": [cells, inputs], "seed": seed + 1,
                      "amplitude": 0.25, "fan_in": 16},
        "active": {"kind": "Winners", "count": winners},
        "weights": {"kind": "PlasticLinear", "weight": np.zeros((10, cells), np.float32), "rule": {
            "post": "potential", "modulator": {"signal": "clamped"}, "map": "all",
            "terms": [
                {"event": "step", "pre": "value", "post": "value", "rate": rate},
                {"event": "step", "pre": "previous", "post": "previous", "rate": -rate}]}},
        "potential": {"kind": "Scale", "scale": np.ones(10, np.float32)},
        "out": {"kind": "Output", "shape": [10]},
    }


class Local:
    """Is shown samples one by one."""

    def __init__(self, seed: int, inputs: int, cells: int = 2000, rate: float = 0.02, pull: float = 1.0):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "cbsnn.safetensors"
            arcuate.save_network(path, network(seed, inputs, cells, cells // 20, rate), EDGES)
            self.session = arcuate.Model.open(path).compile().session()
        self.pull = pull
        self.silence = np.zeros(10, np.float32)

    def show(self, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Learns samples; the novelty that each had before."""
        novelty = np.empty(len(images))
        self.session.learning = True
        for i, (image, label) in enumerate(zip(images, labels)):
            self.session.withdraw("clamped")
            free = self.session.step(image, self.silence)
            self.session.teach("clamped", [1.0])
            self.session.step(image, self.pull * (TEACHER[label] - free))
            novelty[i] = 1 - min(max(free[label], 0), 1)
        return novelty

    def accuracy(self, images: np.ndarray, labels: np.ndarray) -> float:
        self.session.learning = False
        answers = self.session.run(images, np.zeros((len(images), 10), np.float32)).argmax(-1)
        return 100 * float((answers == labels).mean())


class ByGradient:
    """Is shown samples in batches; what would not fill one waits for the next pass."""

    def __init__(self, seed: int, inputs: int, batch: int = 100):
        net = Network([inputs], seed)
        net.bernoulli()
        net.linear(128)
        net.lif()
        net.linear(10)
        net.output()
        self.trainer = arcuate.Trainer(net.model(), batch=batch, steps=4, readout="sum", seed=seed)

    def show(self, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
        novelty = np.ones(len(images))
        batch = self.trainer.batch
        for i in range(0, len(images) - batch + 1, batch):
            part = slice(i, i + batch)
            # What an answer was is not told by `learn`: the same images pass once more for it.
            answers = self.trainer.predict(images[part]).sum(1)
            chance = np.exp(answers - answers.max(1, keepdims=True))
            chance /= chance.sum(1, keepdims=True)
            novelty[part] = 1 - chance[np.arange(batch), labels[part]]
            self.trainer.learn(images[part], labels[part])
        return novelty

    def accuracy(self, images: np.ndarray, labels: np.ndarray) -> float:
        return 100 * self.trainer.evaluate(images, labels).accuracy


class Outcome(NamedTuple):
    cost: float
    """Presentations of each image, on average."""
    accuracy: float
    sizes: List[int]
    """Of the passes."""


def taught(
    learner, data: Images, seed: int, kind: str, budget: float, threshold: float,
    sizes: Optional[List[int]] = None,
) -> Outcome:
    """What a learner comes to by a schedule: full passes (plain), those of curiosity, novel samples alone
    (no full), or passes of given sizes drawn at random (random)."""
    random = np.random.default_rng(seed)
    count = len(data.train)
    novelty = np.ones(count)
    shown: List[int] = []
    for epoch in range(int(4 * budget)):
        order = random.permutation(count)
        if kind == "random":
            if epoch == len(sizes):
                break
            order = order[: sizes[epoch]]
        elif epoch > 0 and kind == "no full" or kind == "curiosity" and epoch % 6:
            order = order[novelty[order] > threshold]
        if sum(shown) + len(order) > budget * count:
            break
        novelty[order] = learner.show(data.train[order], data.train_labels[order])
        shown.append(len(order))
    return Outcome(sum(shown) / count, learner.accuracy(data.test, data.test_labels), shown)
