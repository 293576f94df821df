"""Curiosity-based learning (Shi et al. 2020): after one pass over everything, only what is still novel is
learned again, with a full pass now and then.

    python cbsnn.py                     MNIST, Fashion-MNIST, the 8 x 8 digits of scikit-learn

A schedule over a learner. Each sample has a novelty, 1 less what the network gave its class, kept from
the last time it was shown; a round of five selective passes shows those above a threshold and is
followed by a full pass, with which the schedule ends. Two learners have it:

- local, of the form of VPSNN: pixels -> a frozen random expansion of which the strongest are active ->
  potentials V; a second step pulls the potentials towards the teacher, and weights change by the
  difference of two products,

      dW = rate (V'[i] z[j] - V[i] z[j]),    V' = V + pull (teacher - V)

  The rate falls to a tenth while the presentations it may have are used up, whatever the schedule;

- by gradient: spikes through 128 hidden cells, 4 steps, in batches (`arcuate.Trainer`).

Beside it, pass by pass: as many samples as it showed, drawn at random; and novel samples where it showed
all of them.

Source. Front. Comput. Neurosci. 14:7 (2020), doi 10.3389/fncom.2020.00007; the paper's novelty and
threshold were not to be had. Settings were chosen on training images; test images are used once.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional

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

    batch = 1
    fills_budget = False

    def __init__(
        self, seed: int, inputs: int, cells: int = 2000, rate: float = 0.005, pull: float = 1.0,
    ) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "cbsnn.safetensors"
            arcuate.save_network(path, network(seed, inputs, cells, cells // 20, rate), EDGES)
            self.session = arcuate.Model.open(path).compile().session()
        self.pull = pull
        self.silence = np.zeros(10, np.float32)

    def spent(self, share: float) -> None:
        """How much of its presentations it has had."""
        self.session.set_rate(1 - 0.9 * share)

    def show(self, images: np.ndarray, labels: np.ndarray, tells: bool = True) -> np.ndarray:
        """Learns samples; the novelty that each had before, if it `tells`."""
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
    """Is shown whole batches of samples, at a rate that falls to nothing at the end of its budget, which is
    why it has to come there."""

    fills_budget = True

    def __init__(self, seed: int, inputs: int, batch: int, updates: int) -> None:
        net = Network([inputs], seed)
        net.bernoulli()
        net.linear(128)
        net.lif()
        net.linear(10)
        net.output()
        self.batch = batch
        self.trainer = arcuate.Trainer(
            net.model(), batch=batch, steps=4, readout="sum", seed=seed,
            schedule=("cosine", updates))

    def spent(self, share: float) -> None:
        """Its rate falls with its updates."""

    def show(self, images: np.ndarray, labels: np.ndarray, tells: bool = True) -> np.ndarray:
        novelty = np.ones(len(images))
        for i in range(0, len(images), self.batch):
            part = slice(i, i + self.batch)
            if tells:
                # `learn` does not tell what an answer was: the same images pass once more for it.
                answers = self.trainer.predict(images[part]).sum(1)
                chance = np.exp(answers - answers.max(1, keepdims=True))
                chance /= chance.sum(1, keepdims=True)
                novelty[part] = 1 - chance[np.arange(self.batch), labels[part]]
            self.trainer.learn(images[part], labels[part])
        return novelty

    def accuracy(self, images: np.ndarray, labels: np.ndarray) -> float:
        return 100 * self.trainer.evaluate(images, labels).accuracy


class Task(NamedTuple):
    """Samples, how many full passes the plain schedule makes, and above which novelty a learner is shown
    a sample again."""

    data: Callable[[int], Iterator[Images]]
    """Of a seed."""
    local: bool
    epochs: int
    threshold: float

    def learner(self, seed: int, data: Images, budget: float):
        """For so many full passes."""
        inputs = data.train.shape[1]
        if self.local:
            return Local(seed, inputs)
        # A small set has few batches.
        batch = 100 if len(data.train) > 5000 else 20
        return ByGradient(seed, inputs, batch, int(budget * len(data.train) / batch))


def pictures(name: str, count: int) -> Callable[[int], Iterator[Images]]:
    def samples(seed: int) -> Iterator[Images]:
        yield load(name).first(count)
    return samples


def small(seed: int) -> Iterator[Images]:
    """The 1,797 digits of 8 x 8 pixels, in five ways 1,200 to learn from and 597 to test."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    for way in range(5):
        order = np.random.default_rng([seed, way]).permutation(len(x))
        train, test = order[:1200], order[1200:]
        images = (x / 16).astype(np.float32)
        yield Images(images[train], y[train], images[test], y[test])


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
    """What a learner comes to within a budget, in full passes: by full passes alone (plain), by curiosity,
    which ends with the last full pass that fits, and where a learner `fills_budget`, this comes when there
    is no room for another one behind what is novel; or by as many passes as there are `sizes`, of novel
    samples alone (no full) or of so many drawn at random (random)."""
    random = np.random.default_rng(seed)
    count = len(data.train)
    novelty = np.ones(count)
    shown: List[int] = []
    ended: Optional[Outcome] = None

    def now() -> Outcome:
        return Outcome(
            sum(shown) / count, learner.accuracy(data.test, data.test_labels), list(shown))

    while sizes is None or len(shown) < len(sizes):
        order = random.permutation(count)
        left = budget * count - sum(shown) - (novelty > threshold).sum()
        is_last = learner.fills_budget and left < count
        is_full = not shown or kind == "plain" or kind == "curiosity" and (
            len(shown) % 6 == 0 or is_last)
        if kind == "random":
            order = order[: sizes[len(shown)]]
        elif not is_full:
            order = order[novelty[order] > threshold]
        # What would not fill a batch waits.
        order = order[: len(order) // learner.batch * learner.batch]
        if sum(shown) + len(order) > budget * count or kind == "no full" and len(order) == 0:
            break
        learner.spent(sum(shown) / (budget * count))
        novelty[order] = learner.show(
            data.train[order], data.train_labels[order], tells=kind in ("curiosity", "no full"))
        shown.append(len(order))
        if kind == "curiosity" and is_full:
            ended = now()
    return ended or now()


def mean(outcomes: List[Outcome], what: str) -> float:
    return float(np.mean([getattr(outcome, what) for outcome in outcomes]))


def plain(task: Task) -> Callable[[Run], float]:
    def measured(run: Run) -> float:
        return mean([taught(task.learner(run.seed, data, task.epochs), data, run.seed, "plain",
                            task.epochs, 0)
                     for data in map(lambda d: d.first(run.images), task.data(run.seed))], "accuracy")
    return measured


def curious(task: Task) -> Callable[[Run], Dict[str, float]]:
    """At no more than 60 % of the plain schedule's presentations."""
    def measured(run: Run) -> Dict[str, float]:
        outcomes: Dict[str, List[Outcome]] = {}
        for data in map(lambda d: d.first(run.images), task.data(run.seed)):
            sizes = None
            for kind in ("curiosity", "random", "no full"):
                budget = 0.6 * task.epochs
                outcome = taught(task.learner(run.seed, data, budget), data, run.seed, kind, budget,
                                 task.threshold, sizes)
                sizes = sizes or outcome.sizes
                outcomes.setdefault(kind, []).append(outcome)
        return {
            "curiosity": mean(outcomes["curiosity"], "accuracy"),
            "random subsets of equal cost": mean(outcomes["random"], "accuracy"),
            "without full passes": mean(outcomes["no full"], "accuracy"),
            "presentations, % of plain": 100 * mean(outcomes["curiosity"], "cost") / task.epochs,
            "presentations without full passes, % of plain":
                100 * mean(outcomes["no full"], "cost") / task.epochs,
        }
    return measured


TASKS = {
    "digits, local": Task(small, True, 10, 0.45),
    "digits, gradient": Task(small, False, 30, 0.1),
    "MNIST, gradient": Task(pictures("mnist", 60_000), False, 10, 0.1),
    "MNIST, local": Task(pictures("mnist", 10_000), True, 10, 0.45),
    "Fashion-MNIST, local": Task(pictures("fashion-mnist", 10_000), True, 10, 0.45),
    "Fashion-MNIST, gradient": Task(pictures("fashion-mnist", 60_000), False, 10, 0.1),
}


def claims(task: str) -> List[Claim]:
    measure = lambda name: f"{task}: {name}"
    return [
        Claim(f"{task}: within 0.1 of the plain schedule at 60 % of its presentations", lambda m: (
            m[measure("curiosity")] >= m[f"{task}, plain"] - 0.1
            and m[measure("presentations, % of plain")] <= 60)),
        Claim(f"{task}: 0.3 points over random subsets", lambda m: (
            m[measure("curiosity")] - m[measure("random subsets of equal cost")] >= 0.3)),
        Claim(f"{task}: full passes help", lambda m: (
            m[measure("curiosity")] > m[measure("without full passes")])),
    ]


SYSTEM = System(
    "CBSNN: novel samples first",
    "Shi, Zhang, Zeng 2020, doi 10.3389/fncom.2020.00007",
    {variant: measure for name, task in TASKS.items()
     for variant, measure in ((f"{name}, plain", plain(task)), (name, curious(task)))},
    tuple(claim for name in TASKS for claim in claims(name)),
    (("MNIST, of the presentations of VPSNN 54.95 %", "98.55 %", "abstract"),),
)

if __name__ == "__main__":
    sys.exit(command("cbsnn", SYSTEM))
