"""What a system of the table is: variants that are measured, claims, and what was published.

A variant is a function of a `Run` and returns its measures by name, or one number. A measure is
shown as "variant" if it is the only one, else as "variant: measure"; claims look it up by that name.
"""

from __future__ import annotations

import dataclasses
import sys
import time
from typing import Any, Callable, Dict, Mapping, Optional, Tuple, Union

import arcuate
import numpy as np

Measures = Union[float, Mapping[str, float]]


@dataclasses.dataclass(frozen=True)
class Run:
    """One seed of one variant."""

    seed: int
    threads: int = 1
    images: Optional[int] = None
    """Fewer images to learn from, for a quick look."""

    def say(self, text: str) -> None:
        print(f"  seed {self.seed}: {text}", file=sys.stderr, flush=True)

    def fit(
        self,
        trainer: arcuate.Trainer,
        inputs: np.ndarray,
        labels: np.ndarray,
        epochs: int = 1,
        first: int = 0,
        after: Optional[Callable[[int, arcuate.TrainingResult], Any]] = None,
    ) -> arcuate.TrainingResult:
        """Learns for so many epochs in whole batches; returns the result of the last."""
        count = min(len(inputs), self.images or len(inputs))
        result = arcuate.TrainingResult()
        for epoch in range(first, first + epochs):
            order = arcuate.sample_order(count, epoch, self.seed).astype(np.int64)
            start, result = time.time(), arcuate.TrainingResult()
            for at in range(0, count - trainer.batch + 1, trainer.batch):
                chosen = order[at : at + trainer.batch]
                result = result + trainer.train_step(inputs[chosen], labels[chosen])
            self.say(
                f"epoch {epoch + 1}: loss {result.loss:.4f}, {100 * result.accuracy:.2f} % right, "
                f"{time.time() - start:.0f} s"
            )
            if after is not None:
                after(epoch, result)
        return result


@dataclasses.dataclass(frozen=True)
class Claim:
    text: str
    holds: Callable[[Dict[str, float]], bool]
    """Of the measures of one seed, by name; a name that was not measured leaves it open."""


@dataclasses.dataclass(frozen=True)
class System:
    title: str
    source: str
    variants: Dict[str, Callable[[Run], Measures]]
    claims: Tuple[Claim, ...]
    published: Tuple[Tuple[str, str, str], ...] = ()
    """What, the figure, and where it was read: of the paper's own text or tables, or of others."""
    unit: str = "test %"
    note: str = ""
    changed: str = ""
    """What of the paper failed, and what was changed after a test was seen: the first line of the table."""


def named(variant: str, measures: Measures) -> Dict[str, float]:
    if isinstance(measures, Mapping):
        return {f"{variant}: {name}": float(value) for name, value in measures.items()}
    return {variant: float(measures)}


def percent(result: arcuate.TrainingResult) -> float:
    return 100 * result.accuracy
