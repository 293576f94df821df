"""Conversion, then a little learning with spikes (Rathi, Srinivasan, Panda, Roy 2020)."""

from __future__ import annotations

from typing import Dict

import arcuate
import numpy as np
from images import load
from networks import Network
from system import Claim, Run, System, percent

STEPS, HIDDEN = 10, 400
# The default of the published code, which calls its spike-time surrogate unstable at times.
TRIANGLE = ("triangle", 1.0, 0.3)


def network(seed: int, kind: str) -> arcuate.Model:
    """784-400-400-10 without biases, of ReLUs or of integrators."""
    net = Network([784], seed)
    if kind == "spikes":
        net.bernoulli()
    for layer in (1, 2):
        net.linear(HIDDEN, f"w{layer}", bias=False)
        net.activation("ReLU", f"n{layer}") if kind == "ReLU" else net.integrate(name=f"n{layer}")
    net.linear(10, "w3", bias=False)
    net.output()
    return net.model()


def spiking(run: Run, model: arcuate.Model, rate: float, surrogate=TRIANGLE):
    """The last layer only accumulates; cross-entropy on its final sum."""
    return arcuate.Trainer(
        model,
        batch=100,
        steps=STEPS,
        loss="cross_entropy",
        readout="sum",
        surrogate=surrogate,
        rate=rate,
        amsgrad=True,
        weight_decay=5e-4 if rate < 1e-3 else 0.0,
        seed=run.seed,
        threads=run.threads,
    )


def hybrid(surrogate):
    def measure(run: Run) -> Dict[str, float]:
        data = load()
        artificial = arcuate.Trainer(
            network(run.seed, "ReLU"),
            batch=100,
            dropout={"n1": 0.2, "n2": 0.2},
            seed=run.seed,
            threads=run.threads,
        )
        run.fit(artificial, data.train, data.train_labels, epochs=3)
        found = {"artificial network": percent(artificial.evaluate(data.test, data.test_labels))}
        chosen = np.random.default_rng(run.seed).choice(len(data.train), 512, replace=False)
        converted, _ = artificial.model().convert(
            data.train[chosen], balancing="spike_norm", factor=0.7, input="bernoulli", seed=run.seed
        )
        learner = spiking(run, converted, 1e-4, surrogate)
        found["converted"] = percent(learner.evaluate(data.test, data.test_labels))
        run.fit(learner, data.train, data.train_labels, epochs=1)
        found["after one epoch with spikes"] = percent(
            learner.evaluate(data.test, data.test_labels)
        )
        return found

    return measure


def direct(epochs: int, rate: float):
    def measure(run: Run) -> Dict[str, float]:
        data = load()
        learner = spiking(run, network(run.seed, "spikes"), rate)
        found = {}

        def watch(epoch: int, _) -> None:
            found[f"epoch {epoch + 1}"] = percent(learner.evaluate(data.test, data.test_labels))

        run.fit(learner, data.train, data.train_labels, epochs, after=watch)
        return found

    return measure


HYBRID, DIRECT = "hybrid", "from random weights"
SYSTEM = System(
    "Hybrid conversion and spike-time learning",
    "Rathi, Srinivasan, Panda, Roy 2020, ICLR (openreview B1xSperKvH)",
    {
        HYBRID: hybrid(TRIANGLE),
        DIRECT: direct(2, 1e-3),
        "spike-time surrogate, hybrid": hybrid(("spike_time", 0.3, 0.01)),
    },
    (
        Claim(
            "conversion alone is below the hybrid after one epoch",
            lambda m: m["hybrid: converted"] < m["hybrid: after one epoch with spikes"],
        ),
        Claim(
            "one epoch of the hybrid is worth two from random weights",
            lambda m: m["hybrid: after one epoch with spikes"] >= m["from random weights: epoch 2"],
        ),
    ),
    (
        ("CIFAR-10, VGG-16, T = 100", "91.13 %", "table of PMC8586528"),
        ("CIFAR-100, VGG-11, T = 125", "67.87 %", "table of PMC8586528"),
    ),
    note=f"MNIST, 784-400-400-10 without biases, T = {STEPS}, pixels as spikes; the artificial network "
    "learned for 3 epochs; thresholds by the spiking network's own maxima, x 0.7.",
    changed="The paper's spike-time surrogate failed: an epoch with it lowers 97.2 to 93.7 %. The "
    "hybrid below uses a triangle instead, chosen on held-out images after that test was "
    "seen.",
)
