"""Digits learned without labels by spike-timing-dependent plasticity (Diehl and Cook 2015).

    python stdp.py                                  100 neurons, 20,000 images, with ablations
    python stdp.py --neurons 400 --images 60000 --no-ablations
    python stdp.py --write stdp.safetensors         the network for digits.c

784 pixels -> Poisson spikes -> weights that learn -> cells with an adaptive threshold, of which one
spikes at a time and silences the others. Weights follow the triplet rule of the published code, are
kept within 0 ... 1 and scaled to a sum of 78 into each cell before each image. Labels are used after
learning only: a cell gets the class to which it responds most on training images, and the cells
vote. Settings were chosen on the last 10,000 training images, never on the test images.

Source. Diehl and Cook, Front. Comput. Neurosci. 9:99 (2015), doi 10.3389/fncom.2015.00099.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any, Dict

import arcuate
import numpy as np

import shared  # noqa: F401
import table
from images import Images, load

DT = 1e-3
STEPS = 350


def network(
    neurons: int,
    seed: int,
    adapts: bool = True,
    normalizes: bool = True,
    inhibits: bool = True,
    gain: float = 8.0,
    adaptation: float = 0.05,
    rate: float = 63.75,
) -> Dict[str, Any]:
    """The nodes, for `arcuate.save_network`."""
    random = np.random.default_rng(seed)
    quick, slow = {"tau": 0.02, "arrival": "set"}, {"tau": 0.04, "arrival": "set"}
    rule: Dict[str, Any] = {
        "post": "cells",
        "terms": [
            {"event": "pre", "pre": "value", "post": {"trace_before": quick}, "rate": -1e-4},
            {
                "event": "post",
                "pre": {"trace": quick},
                "post": {"trace_before": slow},
                "rate": 1e-2,
            },
        ],
        "bounds": [0, 1],
    }
    if normalizes:
        rule["column_sum"] = 78.0
    cells: Dict[str, Any] = {
        "kind": "Cell",
        "size": neurons,
        "tau": 0.1,
        "rest": -65.0,
        "v_reset": -65.0,
        "gain": gain,
        "v_threshold": np.full(1, -72, np.float32),
        "theta": np.full(neurons, 20, np.float32),
        "refractory": 0.005,
        "reset": "to_value",
    }
    if adapts:
        cells |= {"adaptation": adaptation, "tau_adaptation": 1e4}
    if inhibits:
        cells |= {"winners": 1, "silences": True}
    weight = (0.3 * (random.random((neurons, 784)) + 0.01)).astype(np.float32)
    # Scaled from the start, so that an untrained network is fairly compared.
    weight *= 78 / weight.sum(1, keepdims=True)
    return {
        "image": {"kind": "Input", "shape": [784]},
        "poisson": {"kind": "BernoulliEncoder", "gain": rate * DT, "seed": seed + 1},
        "weights": {"kind": "PlasticLinear", "weight": weight, "rule": rule},
        "cells": cells,
        "spikes": {"kind": "Output", "shape": [neurons]},
    }


EDGES = [("image", "poisson"), ("poisson", "weights"), ("weights", "cells"), ("cells", "spikes")]


def session(nodes: Dict[str, Any], threads: int = 1) -> arcuate.Session:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "stdp.safetensors"
        arcuate.save_network(path, nodes, EDGES, dt=DT)
        model = arcuate.Model.open(path)
    plan = model.compile(
        steps_per_frame=STEPS, frame_state="reset", frame_output="sum", threads=threads
    )
    return plan.session()


def labels(responses: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """The class to which each cell responds most; -1 for one that never does."""
    means = np.stack([responses[truth == c].mean(0) for c in range(10)])
    return np.where(means.max(0) > 0, means.argmax(0), -1)


def vote(responses: np.ndarray, named: np.ndarray) -> np.ndarray:
    """The class whose cells respond most on average."""
    means = [
        responses[:, named == c].mean(1) if (named == c).any() else np.full(len(responses), -1.0)
        for c in range(10)
    ]
    return np.stack(means, 1).argmax(1)


def accuracy(run: arcuate.Session, data: Images, naming: int, testing: int) -> float:
    """The test images right, in per cent, with labels from `naming` training images."""
    run.adapting = False
    named = labels(run.run(data.train[:naming]), data.train_labels[:naming])
    answers = vote(run.run(data.test[:testing]), named)
    return 100 * float((answers == data.test_labels[:testing]).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--neurons", type=int, default=100)
    parser.add_argument("--images", type=int, default=20000)
    parser.add_argument("--naming", type=int, default=10000, help="training images that name cells")
    parser.add_argument("--testing", type=int, default=10000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--no-ablations", action="store_true")
    parser.add_argument("--write", help="write the untrained network of the first seed and stop")
    parser.add_argument("--fields", help="a picture of the receptive fields of the first seed")
    arguments = parser.parse_args()
    if arguments.write:
        nodes = network(arguments.neurons, arguments.seeds[0])
        arcuate.save_network(arguments.write, nodes, EDGES, dt=DT)
        return
    data = load()
    kinds: Dict[str, Dict[str, bool]] = {"STDP": {}}
    if not arguments.no_ablations:
        kinds |= {
            "without threshold adaptation": {"adapts": False},
            "without normalization": {"normalizes": False},
            "without inhibition": {"inhibits": False},
        }
    results: Dict[str, list] = {"untrained": []} | {kind: [] for kind in kinds}
    seconds = []
    for seed in arguments.seeds:
        order = np.random.default_rng(seed).permutation(len(data.train))[: arguments.images]
        for kind, change in kinds.items():
            run = session(network(arguments.neurons, seed, **change))
            if kind == "STDP":
                results["untrained"].append(
                    accuracy(run, data, arguments.naming, arguments.testing)
                )
            run.adapting = True
            start = time.perf_counter()
            run.run(data.train[order])
            if kind == "STDP":
                seconds.append(time.perf_counter() - start)
                if arguments.fields and seed == arguments.seeds[0]:
                    from arcuate import pictures

                    pictures.receptive_fields(run, "weights", (28, 28), arguments.fields)
            results[kind].append(accuracy(run, data, arguments.naming, arguments.testing))
            print(f"seed {seed} {kind}: {results[kind][-1]:.2f} %", flush=True)
    print(
        f"\n{arguments.neurons} neurons, {arguments.images} images of {STEPS} steps, "
        f"{len(arguments.seeds)} seeds; learning took {table.spread(seconds, 1)} s\n"
    )
    full = np.array(results["STDP"])
    over = full - results["untrained"]
    rows = [[k, table.spread(v)] for k, v in results.items()]
    rows.append(["STDP over untrained, points", table.spread(over)])
    if arguments.neurons <= 100:
        # Made with three seeds, before the others were known.
        first = "holds" if (over >= 45).all() else f"failed: {over.min():.2f} at least"
        rows.insert(0, ["claimed with three seeds: 45 points over untrained", first])
    table.show(["", "test images right, %"], rows)
    print()
    wanted = 82 if arguments.neurons <= 100 else 87
    table.verdict(f"at least {wanted} % for every seed", bool((full >= wanted).all()))
    if arguments.neurons <= 100:
        table.verdict(
            f"35 points over untrained for every seed: {table.spread(over)}",
            bool((over >= 35).all()),
        )
    for kind in list(kinds)[1:]:
        table.verdict(
            f"{kind}: 5 points less for every seed", bool((full - results[kind] >= 5).all())
        )
    print("\npublished: 82.9 % with 100 cells, 87.0 % with 400 (several passes over 60,000 images)")


if __name__ == "__main__":
    main()
