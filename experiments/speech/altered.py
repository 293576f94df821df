"""Features as other voices, other tempos and worse recordings would give them, new in every epoch."""

from __future__ import annotations

import dataclasses
from typing import Tuple

import numpy as np


@dataclasses.dataclass(frozen=True)
class Alteration:
    """How far an utterance is altered; every share is drawn evenly from -share ... share."""

    warp: float = 0.1
    """Of the frequencies, as another length of the vocal tract does."""
    tempo: float = 0.1
    bins: int = 5
    """The most mel bins that are masked, in one band."""
    frames: int = 8
    """The most frames that are masked, in one stretch of every hundred."""
    noise: float = 0.1
    """Standard deviation of what is added, as the features' own is 1."""


def mel(hertz: np.ndarray) -> np.ndarray:
    return 1127 * np.log1p(hertz / 700)


def warped(
    features: np.ndarray, factor: float, low: float = 20.0, high: float = 8000.0
) -> np.ndarray:
    """Log-mel energies read at `factor` times the frequency of each bin. From four fifths of the
    highest frequency on the factor gives way, so that the ends stay where they are."""
    bins = features.shape[1]
    step = (mel(np.float64(high)) - mel(np.float64(low))) / (bins + 1)
    centres = 700 * np.expm1((mel(np.float64(low)) + step * np.arange(1, bins + 1)) / 1127)
    knee = 0.8 * high / max(1.0, factor)
    places = np.interp(centres, [0, knee, high], [0, factor * knee, high])
    places = np.clip((mel(places) - mel(np.float64(low))) / step - 1, 0, bins - 1)
    below = np.minimum(places.astype(int), bins - 2)
    share = (places - below).astype(np.float32)
    return features[:, below] * (1 - share) + features[:, below + 1] * share


def stretched(
    features: np.ndarray, labels: np.ndarray, factor: float
) -> Tuple[np.ndarray, np.ndarray]:
    """`factor` times as many frames, between their neighbours; the nearest frame's label."""
    count = max(2, round(factor * len(features)))
    places = np.linspace(0, len(features) - 1, count)
    below = np.minimum(places.astype(int), len(features) - 2)
    share = (places - below).astype(np.float32)[:, None]
    return (
        features[below] * (1 - share) + features[below + 1] * share,
        labels[np.rint(places).astype(int)],
    )


def altered(
    features: np.ndarray, labels: np.ndarray, by: Alteration, draw: np.random.Generator
) -> Tuple[np.ndarray, np.ndarray]:
    """An utterance, normalized to mean 0 and deviation 1, with its labels."""
    features = warped(features, 1 + draw.uniform(-by.warp, by.warp))
    features, labels = stretched(features, labels, 1 + draw.uniform(-by.tempo, by.tempo))
    features += by.noise * draw.standard_normal(features.shape, np.float32)
    width = draw.integers(by.bins + 1)
    first = draw.integers(features.shape[1] - width + 1)
    features[:, first : first + width] = 0
    for start in range(0, len(features), 100):
        first = start + draw.integers(100)
        features[first : first + draw.integers(by.frames + 1)] = 0
    return features, labels
