"""ModNet (Daram et al. 2020): a fixed random expansion whose readout learns by a neuromodulated Hebbian
rule, two passes over the images, nothing propagated back.

    python modnet.py

784 pixels -> 4,000 cells with 16 random inputs each, of which the 200 strongest are active -> 10
outputs, each a compartment with a modulator of its own: what the teacher wants less what the output
says. Beside it the same network with a constant in place of the modulator, with the label alone
(Hebb), and with one modulator for all compartments.

Source. Front. Neurosci. 14:928 (2020), doi 10.3389/fnins.2020.00928; the paper's equations were not to be
had, the form is ours. Settings were chosen on training images; test images are used once.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any, Dict

import arcuate
import numpy as np

from measure import Claim, Run, System, command
from images import load

EPOCHS = 2

EDGES = [
    ("image", "expansion"),
    ("expansion", "active"),
    ("active", "weights"),
    ("weights", "answer"),
    ("answer", "out"),
]


def network(seed: int, kind: str, cells: int = 4000, winners: int = 200, rate: float = 0.02):
    rule: Dict[str, Any] = {
        "post": "answer",
        "terms": [{"event": "step", "pre": "value", "post": "one", "rate": rate}],
    }
    if kind == "compartments":
        rule |= {"modulator": {"error": "answer", "teacher": "label"}, "map": "each"}
    elif kind == "label":
        rule |= {"modulator": {"signal": "label"}, "map": "each"}
    elif kind == "constant":
        rule["terms"][0]["post"] = "value"
    elif kind == "one":
        # The label says which compartment, one number for all of them how much there is to learn.
        rule |= {"modulator": {"signal": "label"}, "map": "each"}
    return {
        "image": {"kind": "Input", "shape": [784]},
        "expansion": {
            "kind": "Projection",
            "shape": [cells, 784],
            "seed": seed + 1,
            "amplitude": 0.25,
            "fan_in": 16,
        },
        "active": {"kind": "Winners", "count": winners},
        "weights": {
            "kind": "PlasticLinear",
            "weight": np.zeros((10, cells), np.float32),
            "rule": rule,
        },
        "answer": {"kind": "Softmax"},
        "out": {"kind": "Output", "shape": [10]},
    }


def session(nodes) -> arcuate.Session:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "modnet.safetensors"
        arcuate.save_network(path, nodes, EDGES)
        return arcuate.Model.open(path).compile().session()


def learn(run, kind: str, images: np.ndarray, labels: np.ndarray, epochs: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    for _ in range(epochs):
        for i in random.permutation(len(images)):
            image, label = images[i : i + 1], int(labels[i])
            if kind == "one":
                run.adapting = False
                surprise = 1 - float(run.run(image)[0, label])
                run.set_label("label", label, on=surprise)
            elif kind != "constant":
                run.set_label("label", label)
            run.adapting = True
            run.run(image)
    run.adapting = False


def accuracy(kind: str):
    def measured(run: Run) -> float:
        data = load()
        chosen = np.random.default_rng(run.seed).permutation(len(data.train))[: run.images]
        learner = session(network(run.seed, kind))
        learn(learner, kind, data.train[chosen], data.train_labels[chosen], EPOCHS, run.seed)
        return 100 * float((learner.run(data.test).argmax(-1) == data.test_labels).mean())

    return measured


EACH, ONE = "a modulator for each compartment", "one modulator for all"
LABEL, CONSTANT = "Hebb, unmodulated: the label", "Hebb, unmodulated: no label"
SYSTEM = System(
    "ModNet: MNIST in two epochs, nothing propagated back",
    "Daram, Yanguas-Gil, Kudithipudi 2020, doi 10.3389/fnins.2020.00928",
    {
        EACH: accuracy("compartments"),
        ONE: accuracy("one"),
        LABEL: accuracy("label"),
        CONSTANT: accuracy("constant"),
    },
    (
        Claim("at least 90 %", lambda m: m[EACH] >= 90),
        Claim(
            "5 points over unmodulated Hebb", lambda m: m[EACH] - max(m[LABEL], m[CONSTANT]) >= 5
        ),
        Claim("compartments above one modulator", lambda m: m[EACH] > m[ONE]),
    ),
    note="The abstract names no figure for this part.",
)

if __name__ == "__main__":
    sys.exit(command("modnet", SYSTEM))
