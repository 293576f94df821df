"""MNIST and Fashion-MNIST, as rows of 784 pixels within 0 ... 1.

MNIST's four IDX files are looked for in $ARCUATE_DATA/mnist, Fashion-MNIST's where Debian's package
dataset-fashion-mnist puts them, or in $ARCUATE_DATA/fashion-mnist.
"""

from __future__ import annotations

import functools
import gzip
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np


class Images(NamedTuple):
    train: np.ndarray
    train_labels: np.ndarray
    test: np.ndarray
    test_labels: np.ndarray

    def first(self, count: int) -> "Images":
        """With fewer images to learn from."""
        return self._replace(train=self.train[:count], train_labels=self.train_labels[:count])

    def halved(self) -> "Images":
        """With 14 x 14 pixels, each the mean of four."""
        means = [
            images.reshape(-1, 14, 2, 14, 2).mean((2, 4)).reshape(-1, 196).astype(np.float32)
            for images in (self.train, self.test)
        ]
        return self._replace(train=means[0], test=means[1])


HELD_OUT = 10_000
_holds_out = False


def hold_out() -> None:
    """From now on the last 10,000 of the images to learn from take the place of those to test, so that
    settings can be chosen without these."""
    global _holds_out
    _holds_out = True
    load.cache_clear()


@functools.lru_cache(None)
def load(name: str = "mnist") -> Images:
    folders = [Path(os.environ["ARCUATE_DATA"]) / name] if "ARCUATE_DATA" in os.environ else []
    folders.append(Path("/usr/share/datasets") / name)
    parts = []
    for part in ("train", "t10k"):
        images = _read(folders, f"{part}-images-idx3-ubyte.gz")
        parts.append(images.reshape(len(images), -1).astype(np.float32) / np.float32(255))
        parts.append(_read(folders, f"{part}-labels-idx1-ubyte.gz").astype(np.int64))
    if _holds_out:
        images, labels = parts[:2]
        return Images(
            images[:-HELD_OUT], labels[:-HELD_OUT], images[-HELD_OUT:], labels[-HELD_OUT:]
        )
    return Images(*parts)


def _read(folders: list, name: str) -> np.ndarray:
    for folder in folders:
        if (folder / name).exists():
            data = gzip.open(folder / name).read()
            shape = [int.from_bytes(data[4 + 4 * i : 8 + 4 * i], "big") for i in range(data[3])]
            return np.frombuffer(data, np.uint8, offset=4 + 4 * len(shape)).reshape(shape)
    raise SystemExit(f"there is no {name} in {' or '.join(map(str, folders))}")
