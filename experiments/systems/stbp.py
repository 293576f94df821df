"""Spatio-temporal back-propagation (Wu et al. 2018): a spiking network learns through layers and steps."""

from __future__ import annotations

import arcuate
from images import load
from networks import Network
from system import Claim, Run, System, percent


def perceptron(seed: int, hidden: int = 128) -> arcuate.Model:
    net = Network([784], seed)
    net.bernoulli()
    net.linear(hidden, "w1")
    net.lif(name="lif1")
    net.linear(10, "w2")
    net.lif(name="lif2")
    net.output()
    return net.model()


def convolutional(seed: int) -> arcuate.Model:
    net = Network([1, 28, 28], seed)
    net.bernoulli()
    for i in (1, 2):
        net.convolution(32, name=f"c{i}")
        net.lif(name=f"lif{i}")
        net.pool()
    net.linear(128, "w3")
    net.lif(name="lif3")
    net.linear(10, "w4")
    net.lif(name="lif4")
    net.output()
    return net.model()


def trainer(model: arcuate.Model, run: Run, steps: int, **options) -> arcuate.Trainer:
    """As the paper: the mean square of the rates, a box of half width 0.5, Adam."""
    given = dict(
        batch=100,
        steps=steps,
        loss="mean_square",
        readout="mean",
        surrogate=("box", 0.5, 1.0),
        rate=1e-3,
        seed=run.seed,
        threads=run.threads,
    )
    return arcuate.Trainer(model, **(given | options))


def multilayer(run: Run) -> float:
    data = load()
    learner = trainer(perceptron(run.seed), run, 4)
    run.fit(learner, data.train, data.train_labels, epochs=5)
    return percent(learner.evaluate(data.test, data.test_labels))


def convolution(run: Run) -> float:
    data = load()
    epochs = 4
    steps = (run.images or len(data.train)) // 100 * epochs
    learner = trainer(convolutional(run.seed), run, 4, schedule=("cosine", steps), rate=2e-3)
    run.fit(learner, data.train, data.train_labels, epochs=epochs)
    return percent(learner.evaluate(data.test, data.test_labels))


def readout(run: Run) -> float:
    """The baseline: one layer of weights, no neurons."""
    data = load()
    net = Network([784], run.seed)
    net.linear(10)
    net.output()
    learner = arcuate.Trainer(net.model(), batch=100, seed=run.seed, threads=run.threads)
    run.fit(learner, data.train, data.train_labels, epochs=5)
    return percent(learner.evaluate(data.test, data.test_labels))


CONV = "32C3-AP2-32C3-AP2-128-10, T = 4, 4 epochs"
FC = "784-128-10, T = 4, 5 epochs"
SYSTEM = System(
    "STBP: MNIST through spikes and time",
    "Wu, Deng, Li, Zhu, Shi 2018, doi 10.3389/fnins.2018.00331",
    {"linear readout, 5 epochs": readout, FC: multilayer, CONV: convolution},
    (
        Claim(f"{FC} ≥ 96.5 %", lambda m: m[FC] >= 96.5),
        Claim("and above a linear readout", lambda m: m[FC] > m["linear readout, 5 epochs"]),
        Claim(f"{CONV} ≥ 98.8 %", lambda m: m[CONV] >= 98.8),
    ),
    (
        (
            "MNIST, fully connected (800 hidden units, T = 20, 100+ epochs)",
            "98.89 %",
            "from memory",
        ),
        (
            "MNIST, convolutional, 100 epochs",
            "99.42 %; 99.4 % in the code's notes",
            "from memory; public code",
        ),
    ),
)
