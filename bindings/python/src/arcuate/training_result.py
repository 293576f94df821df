"""Results of training steps."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class TrainingResult:
    """Result of a training step or an evaluation."""

    loss: float = 0.0
    """Mean over the samples."""
    correct: int = 0
    """Samples whose largest prediction is that of their label."""
    samples: int = 0
    spikes: int = 0
    """Spikes of all neurons."""
    additions: int = 0
    """Synaptic operations of spikes."""
    products: int = 0
    """Synaptic operations of other values."""
    gradient_norm: float = 0.0
    """Norm of all gradients together, before clipping; 0 if not computed."""

    @property
    def accuracy(self) -> float:
        """Fraction of samples that are correct."""
        return self.correct / self.samples if self.samples else 0.0

    def __add__(self, other: TrainingResult) -> TrainingResult:
        """The result of both: means are weighted by the numbers of samples."""
        count = self.samples + other.samples
        if count == 0:
            return self
        return TrainingResult(
            (self.loss * self.samples + other.loss * other.samples) / count,
            self.correct + other.correct,
            count,
            self.spikes + other.spikes,
            self.additions + other.additions,
            self.products + other.products,
            other.gradient_norm,
        )
