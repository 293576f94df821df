"""Curiosity-based learning (Shi et al. 2020): after one pass over all samples, only novel samples are
trained on, with occasional full passes.

    python cbsnn.py                     MNIST, Fashion-MNIST, the 8 x 8 digits of scikit-learn

The schedule: each sample has a novelty, from the last time it was shown. A full pass is followed by
five selective passes, and so on; the last pass is full. Two learners use it:

- local, of the form of VPSNN: pixels -> a frozen random expansion of which the strongest are active ->
  potentials V; a second step pulls the potentials towards the teacher, and weights change by
  dW = rate (V'[i] z[j] - V[i] z[j]), V' = V + pull (teacher - V).
  The rate falls to a tenth over the budget of presentations, for every schedule. A sample's novelty is
  the margin by which the highest potential of another class exceeds that of its own; samples above a
  (negative) threshold are novel, including those that are only just correct;

- by gradient: spikes through 128 hidden cells, in batches (`arcuate.Trainer`), at one rate. Predictions
  use weights averaged over the last fifth of the budget, for every schedule. A sample's novelty is 1
  less the probability of its class; a fixed fraction of all samples is novel, so that rounds and a full
  pass end the budget. On the small digits, input is held instead of sampled, outputs are means over
  steps instead of sums, and the optimizer is plain gradient descent instead of Adam.

Baselines, pass by pass: as many samples, chosen at random; and novel samples in place of full passes.
Single networks differ by as much as the effect: the figure of a seed is the mean over several networks.

Source. Front. Comput. Neurosci. 14:7 (2020), doi 10.3389/fncom.2020.00007; the paper's novelty and
threshold were not available. Settings were chosen on training images; see README.md.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Tuple

import arcuate
import numpy as np

from measure import Claim, Run, System, command
from images import Images, load
from networks import Network

TEACHER = np.eye(10, dtype=np.float32)
CHAIN = ["image", "expansion", "active", "weights", "potential", "out"]
EDGES = [*zip(CHAIN, CHAIN[1:]), ("pull", "potential")]


def network(seed: int, inputs: int, cells: int, winners: int, rate: float) -> Dict[str, Any]:
    return {
        "image": {"kind": "Input", "shape": [inputs]},
        "pull": {"kind": "Input", "shape": [10]},
        "expansion": {
            "kind": "Projection",
            "shape": [cells, inputs],
            "seed": seed + 1,
            "amplitude": 0.25,
            "fan_in": 16,
        },
        "active": {"kind": "Winners", "count": winners},
        "weights": {
            "kind": "PlasticLinear",
            "weight": np.zeros((10, cells), np.float32),
            "rule": {
                "post": "potential",
                "modulator": {"signal": "clamped"},
                "map": "all",
                "terms": [
                    {"event": "step", "pre": "value", "post": "value", "rate": rate},
                    {"event": "step", "pre": "previous", "post": "previous", "rate": -rate},
                ],
            },
        },
        "potential": {"kind": "Scale", "scale": np.ones(10, np.float32)},
        "out": {"kind": "Output", "shape": [10]},
    }


class Local:
    """Is shown samples one by one."""

    batch = 1

    def __init__(
        self,
        seed: int,
        inputs: int,
        presentations: int,
        rate: float,
        cells: int = 4000,
        pull: float = 1.0,
    ) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "cbsnn.safetensors"
            arcuate.save_network(path, network(seed, inputs, cells, cells // 20, rate), EDGES)
            self.session = arcuate.Model.open(path).compile().session()
        self.pull = pull
        self.silence = np.zeros(10, np.float32)
        self.presentations = presentations
        self.shown = 0

    def show(self, images: np.ndarray, labels: np.ndarray, tells: bool = True) -> np.ndarray:
        """Learns samples; the novelty that each had before, if it `tells`."""
        novelty = np.empty(len(images))
        self.session.adapting = True
        for i, (image, label) in enumerate(zip(images, labels)):
            self.session.set_rate_factor(1 - 0.9 * self.shown / self.presentations)
            self.session.clear_signal("clamped")
            free = self.session.step(image, self.silence)
            self.session.set_signal("clamped", [1.0])
            self.session.step(image, self.pull * (TEACHER[label] - free))
            novelty[i] = np.delete(free, label).max() - free[label]
            self.shown += 1
        return novelty

    def accuracy(self, images: np.ndarray, labels: np.ndarray) -> float:
        self.session.adapting = False
        answers = self.session.run(images, np.zeros((len(images), 10), np.float32)).argmax(-1)
        return 100 * float((answers == labels).mean())


class ByGradient:
    """Is shown whole batches of samples."""

    AVERAGED = 0.2
    """Of the presentations, the share over which weights are averaged."""

    def __init__(
        self,
        seed: int,
        inputs: int,
        presentations: int,
        batch: int,
        drawn: bool,
        readout: str,
        **learning: Any,
    ) -> None:
        net = Network([inputs], seed)
        if drawn:
            net.bernoulli()
        net.linear(128)
        net.lif()
        net.linear(10)
        net.output()
        self.batch, self.readout = batch, readout
        self.trainer = arcuate.Trainer(
            net.model(), batch=batch, steps=4, readout=readout, seed=seed, **learning
        )
        self.averages = {
            name: 0 * self.trainer.parameter(name) for name in self.trainer.trained_parameters
        }
        self.horizon = self.AVERAGED * presentations / batch
        self.updates = 0

    def average(self) -> None:
        """Every tenth update, towards the weights: their mean until there are enough to forget some."""
        self.updates += 1
        if self.updates % 10 == 0:
            share = np.float32(max(10 / self.updates, 10 / self.horizon))
            for name, average in self.averages.items():
                average += share * (self.trainer.parameter(name) - average)

    def show(self, images: np.ndarray, labels: np.ndarray, tells: bool = True) -> np.ndarray:
        novelty = np.ones(len(images))
        for i in range(0, len(images), self.batch):
            part = slice(i, i + self.batch)
            self.trainer.train_step(images[part], labels[part])
            if tells:
                # The answers of the step itself, from before the weights changed.
                answers = getattr(self.trainer.outputs, self.readout)(1)
                chance = np.exp(answers - answers.max(1, keepdims=True))
                chance /= chance.sum(1, keepdims=True)
                novelty[part] = 1 - chance[np.arange(self.batch), labels[part]]
            self.average()
        return novelty

    def accuracy(self, images: np.ndarray, labels: np.ndarray) -> float:
        """Of the averages, which take the place of the weights."""
        for name, average in self.averages.items():
            self.trainer.set_parameter(name, average)
        return 100 * self.trainer.evaluate(images, labels).accuracy


Choice = Callable[[np.ndarray], np.ndarray]
"""Of the novelties of all samples, which are to be shown."""


def above(threshold: float) -> Choice:
    return lambda novelty: novelty > threshold


def most(share: float) -> Choice:
    def chosen(novelty: np.ndarray) -> np.ndarray:
        mask = np.zeros(len(novelty), bool)
        mask[np.argsort(-novelty, kind="stable")[: round(share * len(novelty))]] = True
        return mask

    return chosen


class Outcome(NamedTuple):
    cost: float
    """Presentations of each image, on average."""
    accuracy: float
    sizes: List[int]
    """Of the passes."""
    seconds: float
    """Processor time of learning, novelty among it, without the test."""


class Task(NamedTuple):
    data: Callable[[], Images]
    learner: Callable[[int, int, int], Any]
    """Of a seed, for so many inputs and presentations."""
    epochs: int
    """Full passes of the plain schedule."""
    novel: Choice
    networks: int
    """Of a seed."""

    def cases(self, run: Run) -> Iterator[Tuple[Images, int]]:
        """Samples, and the seed of a network."""
        data = self.data().first(run.images)
        for number in range(self.networks):
            yield data, 100 * run.seed + number

    def taught(
        self,
        data: Images,
        seed: int,
        kind: str,
        budget: float,
        sizes: Optional[List[int]] = None,
    ) -> Outcome:
        learner = self.learner(seed, data.train.shape[1], round(budget * len(data.train)))
        return taught(learner, data, seed, kind, budget, self.novel, sizes)


def local(rate: float) -> Callable[[int, int, int], Local]:
    return lambda seed, inputs, presentations: Local(seed, inputs, presentations, rate)


def gradient(
    batch: int = 100, drawn: bool = True, readout: str = "sum", **learning: Any
) -> Callable[[int, int, int], ByGradient]:
    """At the trainer's own rate and with Adam, if `learning` says nothing else."""
    return lambda seed, inputs, presentations: ByGradient(
        seed, inputs, presentations, batch, drawn, readout, **learning
    )


def pictures(name: str, count: int) -> Callable[[], Images]:
    return lambda: load(name).first(count)


def small() -> Images:
    """The 1,797 digits of 8 x 8 pixels; the last 597, which seem to be of other writers, to test."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    images = (x / 16).astype(np.float32)
    return Images(images[:1200], y[:1200], images[1200:], y[1200:])


def taught(
    learner,
    data: Images,
    seed: int,
    kind: str,
    budget: float,
    novel: Choice,
    sizes: Optional[List[int]] = None,
) -> Outcome:
    """What a learner comes to within a budget, in full passes: by full passes alone (plain), by curiosity,
    or by as many passes as there are `sizes`, of novel samples alone (no full) or of so many drawn at
    random (random)."""
    random = np.random.default_rng(seed)
    count = len(data.train)
    presentations = round(budget * count)
    novelty = np.ones(count)
    shown: List[int] = []
    start = time.process_time()
    while sizes is None or len(shown) < len(sizes):
        order = random.permutation(count)
        chosen = order[novel(novelty[order])]
        is_last = presentations - sum(shown) - len(chosen) < count
        is_full = (
            not shown or kind == "plain" or kind == "curiosity" and (len(shown) % 6 == 0 or is_last)
        )
        if kind == "random":
            order = order[: sizes[len(shown)]]
        elif not is_full:
            order = chosen
        # What would not fill a batch waits.
        order = order[: len(order) // learner.batch * learner.batch]
        if sum(shown) + len(order) > presentations or kind == "no full" and len(order) == 0:
            break
        novelty[order] = learner.show(
            data.train[order], data.train_labels[order], tells=kind in ("curiosity", "no full")
        )
        shown.append(len(order))
    seconds = time.process_time() - start
    return Outcome(
        sum(shown) / count, learner.accuracy(data.test, data.test_labels), shown, seconds
    )


def mean(outcomes: List[Outcome], what: str) -> float:
    return float(np.mean([getattr(outcome, what) for outcome in outcomes]))


def plain(task: Task) -> Callable[[Run], Dict[str, float]]:
    def measured(run: Run) -> Dict[str, float]:
        outcomes = [task.taught(data, seed, "plain", task.epochs) for data, seed in task.cases(run)]
        names = {"accuracy": "accuracy", "processor seconds": "seconds"}
        return {name: mean(outcomes, what) for name, what in names.items()}

    return measured


def curious(task: Task) -> Callable[[Run], Dict[str, float]]:
    """At no more than 60 % of the plain schedule's presentations."""

    def measured(run: Run) -> Dict[str, float]:
        outcomes: Dict[str, List[Outcome]] = {}
        for data, seed in task.cases(run):
            sizes = None
            for kind in ("curiosity", "random", "no full"):
                outcome = task.taught(data, seed, kind, 0.6 * task.epochs, sizes)
                sizes = sizes or outcome.sizes
                outcomes.setdefault(kind, []).append(outcome)
        return {
            "curiosity": mean(outcomes["curiosity"], "accuracy"),
            "random subsets of equal cost": mean(outcomes["random"], "accuracy"),
            "without full passes": mean(outcomes["no full"], "accuracy"),
            "processor seconds": mean(outcomes["curiosity"], "seconds"),
            "presentations, % of plain": 100 * mean(outcomes["curiosity"], "cost") / task.epochs,
            "presentations without full passes, % of plain": 100
            * mean(outcomes["no full"], "cost")
            / task.epochs,
        }

    return measured


TASKS = {
    "digits, local": Task(small, local(0.002), 10, above(-0.3), networks=15),
    "digits, gradient": Task(
        small,
        gradient(10, drawn=False, readout="mean", optimizer="sgd", rate=0.15),
        10,
        most(0.133),
        networks=100,
    ),
    "MNIST, gradient": Task(pictures("mnist", 60_000), gradient(), 5, most(0.2), networks=8),
    "MNIST, local": Task(pictures("mnist", 10_000), local(0.002), 10, above(-0.2), networks=3),
    "Fashion-MNIST, local": Task(
        pictures("fashion-mnist", 10_000), local(0.001), 10, above(-0.3), networks=3
    ),
    "Fashion-MNIST, gradient": Task(
        pictures("fashion-mnist", 60_000), gradient(), 7, most(0.44), networks=2
    ),
}


def claims(task: str) -> List[Claim]:
    measure = lambda name: f"{task}: {name}"
    return [
        Claim(
            f"{task}: within 0.1 of the plain schedule at 60 % of its presentations",
            lambda m: (
                m[measure("curiosity")] >= m[f"{task}, plain: accuracy"] - 0.1
                and m[measure("presentations, % of plain")] <= 60
            ),
        ),
        Claim(
            f"{task}: 0.3 points over random subsets",
            lambda m: (m[measure("curiosity")] - m[measure("random subsets of equal cost")] >= 0.3),
        ),
        Claim(
            f"{task}: full passes help",
            lambda m: (m[measure("curiosity")] > m[measure("without full passes")]),
        ),
    ]


SYSTEM = System(
    "CBSNN: novel samples first",
    "Shi, Zhang, Zeng 2020, doi 10.3389/fncom.2020.00007",
    {
        variant: measure
        for name, task in TASKS.items()
        for variant, measure in ((f"{name}, plain", plain(task)), (name, curious(task)))
    },
    tuple(claim for name in TASKS for claim in claims(name)),
    (("MNIST, of the presentations of VPSNN 54.95 %", "98.55 %", "abstract"),),
)

if __name__ == "__main__":
    sys.exit(command("cbsnn", SYSTEM))
