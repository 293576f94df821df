"""A spiking network and a recurrent one of the same size on events, when bins change (He et al. 2020)."""

from __future__ import annotations

import functools
from typing import Dict, Tuple

import arcuate
import numpy as np
from images import load
from networks import Network
from system import Claim, Run, System, percent

# A digit of 14 x 14 pixels moves by one pixel fifteen times, along a triangle; a change of brightness
# is an event, on or off, in one of the four fine steps of its move. Bins are so many fine steps wide.
MOVES, FINE, PIXELS = 15, 4, 14 * 14
PATH = [(1, 1)] * 5 + [(1, -1)] * 5 + [(-2, 0)] * 5
LEARNED, WIDTHS = 4, (2, 3, 4, 6, 10, 12)
HIDDEN, EPOCHS = 128, 5


@functools.lru_cache(1)
def events(count: int, tests: int) -> Tuple[np.ndarray, ...]:
    """[images, moves, 2 x pixels]: 0, or 1 + the fine step of an event within its move."""
    data = load()
    random = np.random.default_rng(20)

    def seen(images: np.ndarray) -> np.ndarray:
        now = images.reshape(-1, 14, 2, 14, 2).mean((2, 4))
        codes = np.zeros((len(images), MOVES, 2, 14, 14), np.uint8)
        for m, (dy, dx) in enumerate(PATH):
            after = np.roll(now, (dy, dx), (1, 2))
            fine = random.integers(1, FINE + 1, after.shape).astype(np.uint8)
            kept = random.random(after.shape, np.float32) < 0.8
            for side, change in enumerate((after - now, now - after)):
                codes[:, m, side] = fine * ((change > 0.15) & kept)
            now = after
        return codes.reshape(len(images), MOVES, 2 * PIXELS)

    return (
        seen(data.train[:count]),
        data.train_labels[:count],
        seen(data.test[:tests]),
        data.test_labels[:tests],
    )


def binned(codes: np.ndarray, width: int) -> np.ndarray:
    """[images, bins, 2 x pixels]: 1 where there was an event."""
    bins = np.zeros((len(codes), MOVES * FINE // width, codes.shape[-1]), np.float32)
    for fine in range(FINE):
        for move in range(MOVES):
            at = bins[:, (move * FINE + fine) // width]
            np.maximum(at, codes[:, move] == fine + 1, out=at)
    return bins


def network(seed: int, kind: str) -> arcuate.Model:
    net = Network([2 * PIXELS], seed)
    net.linear(HIDDEN, "w1")
    if kind == "SNN":
        net.lif(0.3, 0.3, "hidden")
        net.linear(10, "w2")
        net.lif(0.3, 0.3, "answer")
    else:
        net.activation("Tanh", "hidden")
        net.connect(net.linear(HIDDEN, "again", after="hidden", bias=False), "hidden")
        net.linear(10, "w2", after="hidden")
    net.output()
    return net.model()


def trainer(run: Run, model: arcuate.Model, width: int) -> arcuate.Trainer:
    return arcuate.Trainer(
        model,
        batch=100,
        steps=MOVES * FINE // width,
        input="every",
        loss="mean_square",
        readout="mean",
        surrogate=("box", 0.25, 2.0),
        rate=1e-3,
        seed=run.seed,
        threads=run.threads,
    )


def across(kind: str):
    def measure(run: Run) -> Dict[str, float]:
        train, labels, test, truth = events(20_000, 2_000)
        learner = trainer(run, network(run.seed, kind), LEARNED)
        count = min(len(train), run.images or len(train))
        for epoch in range(EPOCHS):
            order = arcuate.sample_order(count, epoch, run.seed).astype(np.int64)
            seen = arcuate.TrainingResult()
            for at in range(0, count - 99, 100):
                chosen = order[at : at + 100]
                seen = seen + learner.train_step(binned(train[chosen], LEARNED), labels[chosen])
            run.say(f"epoch {epoch + 1}: {percent(seen):.2f} % right")
        found = {}
        for width in WIDTHS:
            tester = trainer(run, learner.model(), width)
            right = sum(
                tester.evaluate(binned(test[at : at + 500], width), truth[at : at + 500]).correct
                for at in range(0, len(test), 500)
            )
            found[f"bins of {width}"] = 100 * right / len(test)
        found["mean of the other bins"] = float(
            np.mean([found[f"bins of {w}"] for w in WIDTHS if w != LEARNED])
        )
        return found

    return measure


SYSTEM = System(
    "Spiking and recurrent networks on events",
    "He, Wu, Deng et al. 2020, arXiv 2005.02183",
    {"SNN": across("SNN"), "RNN": across("RNN")},
    (
        Claim(
            "with other bins than it learned with, the SNN is not below the RNN (mean)",
            lambda m: m["SNN: mean of the other bins"] >= m["RNN: mean of the other bins"],
        ),
        Claim(
            "with coarser bins not below either (mean of 6, 10 and 12)",
            lambda m: sum(m[f"SNN: bins of {w}"] - m[f"RNN: bins of {w}"] for w in (6, 10, 12))
            >= 0,
        ),
    ),
    (("N-MNIST, 2312-512-10", "98.78 % (SNN)", "tables of others"),),
    note=f"Events simulated from MNIST moved along a triangle (20,000 + 2,000 images), 392-{HIDDEN}-10, "
    f"learned with bins of {LEARNED} fine steps (T = 15), {EPOCHS} epochs, the same loss.",
)
