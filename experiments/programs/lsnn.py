"""Store and recall (Bellec et al. 2018): a recurrent network whose neurons adapt, and the same without.

    python lsnn.py            three seeds, two minutes; the test is run once per network
    python lsnn.py --quick    one seed, 300 updates, held-out samples instead of the test
    python lsnn.py --trials   the settings that were tried, on held-out samples

A bit for each 50 ms arrives as spikes of 10 of 20 inputs. Ten more spike while a bit is to be stored,
ten others in the last 50 ms, when it is asked for, 400 to 700 ms later. The membranes forget in
20 ms. Neurons are `programs/adaptive-lif.txt`; without adaptation, `beta` is 0.

Source. Bellec, Salaj, Subramoney, Legenstein, Maass: Long short-term memory and learning-to-learn in
networks of spiking neurons, NeurIPS 2018.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Tuple

import arcuate
import numpy as np
from arcuate import nn

PROGRAM = (Path(__file__).resolve().parents[2] / "programs" / "adaptive-lif.txt").read_text()

DT = 0.01
SLOTS, SLOT = 16, 5
"""Bits of a sample, and steps of a bit; the last slot has no bit, but the cue to recall."""
STEPS = SLOTS * SLOT
GROUP = 10
"""Inputs of a bit of 0, of a bit of 1, of the cue to store, and of the cue to recall."""
CHANCE = 0.6
"""Of a spike of an active input in a step."""
DELAYS = (8, 14)
"""Least and most slots between the cue to store and the cue to recall."""
CELLS = 64
BATCH = 64
SEEDS = (0, 1, 2)
HELD_OUT, TEST = 10_000, 20_000
"""Seeds of samples: those of training are the seeds of the networks."""

Samples = Tuple[np.ndarray, np.ndarray]


def samples(
    random: np.random.Generator,
    count: int,
    delays: Tuple[int, int] = DELAYS,
    store: bool = True,
    recall: bool = True,
) -> Samples:
    """Spikes [count, steps, inputs], with the cues or without, and the bits to recall."""
    bits = random.integers(0, 2, (count, SLOTS))
    slot = SLOTS - 1 - random.integers(delays[0], delays[1] + 1, count)
    each = np.arange(count)
    active = np.zeros((count, SLOTS, 4, 1), np.float32)
    active[:, :-1, 0, 0] = bits[:, :-1] == 0
    active[:, :-1, 1, 0] = bits[:, :-1] == 1
    active[each, slot, 2] = store
    active[:, -1, 3] = recall
    chance = np.repeat(CHANCE * active, SLOT, axis=1)
    spikes = random.random((count, STEPS, 4, GROUP), np.float32) < chance
    return spikes.reshape(count, STEPS, 4 * GROUP).astype(np.float32), bits[each, slot]


class Setting(NamedTuple):
    """What training depends on."""

    beta: float = 25.0
    """Rise of the threshold, 1 at rest, if a neuron spikes in every step; a spike adds about 0.25."""
    updates: int = 1000
    rate: float = 1e-3
    resistance: float = 8.0
    clip: float = 0.1
    through_reset: bool = True
    shortest: int = DELAYS[0]
    """Least delay in training."""
    drawn: bool = False
    """Whether the training labels are random, independent of the stored bit."""


def trained(setting: Setting, seed: int) -> arcuate.Trainer:
    neurons = nn.neuron(
        PROGRAM,
        recurrent=True,
        tau=0.02,
        tau_adapt=1.0,
        beta=np.full(CELLS, setting.beta),
        r=setting.resistance,
    )
    readout = [nn.linear(2), nn.li(tau=0.02, r=1 / (1 - np.exp(-DT / 0.02)))]
    model = nn.sequential(
        (4 * GROUP,), [nn.linear(CELLS, bias=False), neurons, *readout], seed=seed, dt=DT
    )
    trainer = arcuate.Trainer(
        model,
        batch=BATCH,
        steps=STEPS,
        input="every",
        loss=arcuate.Loss("cross_entropy", "mean", window=(STEPS - SLOT, STEPS)),
        surrogate=("triangle", 1.0, 0.3),
        through_reset=setting.through_reset,
        rate=setting.rate,
        schedule=("linear", setting.updates),
        clip_norm=setting.clip,
        seed=seed,
    )
    random = np.random.default_rng(seed)

    def batches(epoch: int) -> Iterator[Samples]:
        for _ in range(setting.updates):
            inputs, bits = samples(random, BATCH, (setting.shortest, DELAYS[1]))
            yield inputs, random.integers(0, 2, BATCH) if setting.drawn else bits

    arcuate.fit(trainer, batches, epochs=1, quiet=True)
    return trainer


def right(trainer: arcuate.Trainer, seed: int, count: int, **cues: bool) -> float:
    """Percent of unseen samples."""
    inputs, bits = samples(np.random.default_rng(seed), count, **cues)
    return 100 * trainer.evaluate(inputs, bits).accuracy


def most_without_cue() -> float:
    """Percent right of the guess that the bit is the more frequent one where it may have been stored."""
    count = DELAYS[1] - DELAYS[0] + 1
    ones = np.random.default_rng(0).binomial(count, 0.5, 1_000_000)
    return 100 * float(np.maximum(ones, count - ones).mean()) / count


NETWORKS: Dict[str, Setting] = {
    "adaptive": Setting(),
    "without adaptation": Setting(beta=0),
    "adaptive, trained on random labels": Setting(drawn=True),
    "adaptive, trained with delays from 50 ms": Setting(shortest=1),
    "without adaptation, trained with delays from 50 ms": Setting(beta=0, shortest=1),
}

TRIALS: List[Setting] = [
    Setting(),
    Setting(beta=1.8),
    Setting(beta=10),
    Setting(through_reset=False),
    Setting(clip=1.0),
    Setting(rate=5e-3),
    Setting(beta=0),
    Setting(beta=0, rate=3e-4),
    Setting(beta=0, rate=3e-3),
    Setting(beta=0, rate=1e-2),
    Setting(beta=0, resistance=5),
    Setting(beta=0, resistance=15),
    Setting(beta=0, clip=1.0),
    Setting(beta=0, through_reset=False),
    Setting(beta=0, updates=4000),
]


def trials() -> None:
    print("| setting (differences from the first) | held-out samples right, % |\n|---|---|")
    for setting in TRIALS:
        differences = ", ".join(
            f"{name} {value:g}"
            for name, value in setting._asdict().items()
            if value != Setting._field_defaults[name]
        )
        accuracy = right(trained(setting, 100), HELD_OUT, 1024)
        print(f"| {differences or 'as chosen'} | {accuracy:.1f} |", flush=True)


def row(name: str, values: List[float]) -> str:
    deviation = np.std(values, ddof=1) if len(values) > 1 else 0.0
    return (
        f"| {name} | {np.mean(values):.2f} ± {deviation:.2f} "
        f"({min(values):.2f} ... {max(values):.2f}) |"
    )


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--quick", action="store_true", help="one seed, held-out samples")
    options.add_argument("--trials", action="store_true", help="settings, on held-out samples")
    given = options.parse_args()
    if given.trials:
        trials()
        return 0
    seeds, seed_of_samples, count = SEEDS, TEST, 4096
    change: Dict[str, Any] = {}
    if given.quick:
        seeds, seed_of_samples, count, change = SEEDS[:1], HELD_OUT, 1024, {"updates": 300}
    start = time.monotonic()
    found: Dict[str, List[float]] = {}

    def add(name: str, value: float) -> None:
        found.setdefault(name, []).append(value)

    for seed in seeds:
        for name, setting in NETWORKS.items():
            trainer = trained(setting._replace(**change), seed)
            add(name, right(trainer, seed_of_samples, count))
            if name == "adaptive":
                for cue in ("recall", "store"):
                    accuracy = right(trainer, seed_of_samples, count, **{cue: False})
                    add(f"adaptive, tested without the cue to {cue}", accuracy)

    print(f"| {'held-out' if given.quick else 'test'} samples | right, % |\n|---|---|")
    verdicts = []
    for ending in (", trained with delays from 50 ms", ""):
        gains = np.subtract(found["adaptive" + ending], found["without adaptation" + ending])
        verdicts.append(bool(gains.min() >= 20))
        print(
            f"| 20 points more with adaptation{ending}, for every seed "
            f"({', '.join(f'{gain:.1f}' for gain in gains)}) "
            f"| {'holds' if verdicts[-1] else '**FAILED**'} |"
        )
    print("| chance | 50 |")
    print(f"| most without the cue to store | {most_without_cue():.1f} |")
    for name, values in found.items():
        print(row(name, values))
    print(f"\nSeeds {', '.join(map(str, seeds))}; {time.monotonic() - start:.0f} s.")
    return 0 if verdicts[-1] else 1


if __name__ == "__main__":
    sys.exit(main())
