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

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any, Dict, List

import arcuate
import numpy as np

import mnist
import table

EDGES = [("image", "expansion"), ("expansion", "active"), ("active", "weights"),
         ("weights", "answer"), ("answer", "out")]


def network(seed: int, kind: str, cells: int = 4000, winners: int = 200, rate: float = 0.02):
    rule: Dict[str, Any] = {
        "post": "answer", "terms": [{"event": "step", "pre": "value", "post": "one", "rate": rate}]}
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
        "expansion": {"kind": "Projection", "shape": [cells, 784], "seed": seed + 1,
                      "amplitude": 0.25, "fan_in": 16},
        "active": {"kind": "Winners", "count": winners},
        "weights": {"kind": "PlasticLinear", "weight": np.zeros((10, cells), np.float32),
                    "rule": rule},
        "answer": {"kind": "Softmax"}, "out": {"kind": "Output", "shape": [10]},
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
                run.learning = False
                surprise = 1 - float(run.run(image)[0, label])
                run.teach_label("label", label, on=surprise)
            elif kind != "constant":
                run.teach_label("label", label)
            run.learning = True
            run.run(image)
    run.learning = False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="folder of MNIST's IDX files")
    parser.add_argument("--images", type=int, default=60000)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    arguments = parser.parse_args()
    data = mnist.load(arguments.data)
    kinds = {
        "a modulator for each compartment": "compartments", "one modulator for all": "one",
        "Hebb, unmodulated: the label": "label", "Hebb, unmodulated: no label": "constant"}
    results: Dict[str, List[float]] = {name: [] for name in kinds}
    for seed in arguments.seeds:
        order = np.random.default_rng(seed).permutation(len(data.train))[: arguments.images]
        for name, kind in kinds.items():
            run = session(network(seed, kind))
            start = time.perf_counter()
            learn(run, kind, data.train[order], data.train_labels[order], arguments.epochs, seed)
            answers = run.run(data.test).argmax(-1)
            results[name].append(100 * float((answers == data.test_labels).mean()))
            print(f"seed {seed} {name}: {results[name][-1]:.2f} % in "
                  f"{time.perf_counter() - start:.0f} s", flush=True)
    print(f"\n{arguments.images} images, {arguments.epochs} times, {len(arguments.seeds)} seeds\n")
    table.show(["", "test images right, %"], [[k, table.spread(v)] for k, v in results.items()])
    print()
    each, one, hebb = (np.array(results[k]) for k in list(kinds)[:3])
    table.verdict("at least 90 % for every seed", bool((each >= 90).all()))
    table.verdict("5 points over unmodulated Hebb", bool((each - hebb >= 5).all()))
    table.verdict("compartments above one modulator", bool((each > one).all()))
    print("\npublished: the abstract names no figure for this part")


if __name__ == "__main__":
    main()
