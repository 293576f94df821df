"""Curricula: which samples are used in an epoch."""

from __future__ import annotations

import base64
import dataclasses
from typing import List, Optional

import numpy as np
import numpy.typing as npt

from . import errors
from ._handle import whole


@dataclasses.dataclass(frozen=True)
class Curriculum:
    """Novel samples: an epoch of all samples is followed by `selective` epochs of the novel ones, and so
    on; the last epoch uses all.

    The novelty of a sample is its loss when it was last trained on (`Trainer.sample_losses`), which
    costs no forward pass of its own. Source. Shi et al. 2020 (CBSNN).
    """

    share: float = 0.2
    """The fraction of the samples that counts as novel: those with the largest losses."""
    selective: int = 5
    """Epochs of novel samples after each epoch of all."""

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise errors.argument(f"share must be above 0 and at most 1, got {self.share!r}")
        whole("selective", self.selective, 1)

    def uses_all(self, epoch: int, epochs: int) -> bool:
        """Whether an epoch, from 0 on, of so many uses all samples."""
        return epoch % (self.selective + 1) == 0 or epoch == epochs - 1


class Novelty:
    """The novelty of each sample during a run."""

    def __init__(self, curriculum: Curriculum, epochs: int, count: int) -> None:
        self._curriculum, self._epochs = curriculum, epochs
        # Those that decide in this epoch, and those found in it.
        self._now = np.full(count, np.inf, np.float32)
        self._next = self._now.copy()

    def chosen(self, order: npt.NDArray[np.uint64], epoch: int) -> npt.NDArray[np.uint64]:
        """The samples of an epoch, in their order."""
        if self._curriculum.uses_all(epoch, self._epochs):
            return order
        count = round(self._curriculum.share * len(order))
        novel = np.zeros(len(order), bool)
        novel[np.argsort(-self._now[order], kind="stable")[:count]] = True
        return order[novel]

    def tell(self, places: npt.NDArray[np.uint64], losses: npt.NDArray[np.float64]) -> None:
        self._next[places] = losses

    def finish_epoch(self) -> None:
        self._now[:] = self._next

    def saved(self) -> List[str]:
        """As text, for the note of a checkpoint."""
        return [base64.b64encode(part.tobytes()).decode() for part in (self._now, self._next)]

    def restore(self, saved: Optional[List[str]]) -> None:
        """Raises ArgumentError for a checkpoint of a run without a curriculum."""
        if saved is None or len(saved) != 2:
            raise errors.argument("the checkpoint is of a run without a curriculum")
        for part, text in zip((self._now, self._next), saved):
            numbers = np.frombuffer(base64.b64decode(text), np.float32)
            if numbers.shape != part.shape:
                raise errors.argument("the checkpoint is of other samples")
            part[:] = numbers
