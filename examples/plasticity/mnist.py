"""MNIST or Fashion-MNIST as NumPy arrays.

The folder is an argument, or `$ARCUATE_DATA/mnist`; the four IDX files may be packed (.gz) or not.
"""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import NamedTuple, Optional, Union

import numpy as np


class Images(NamedTuple):
    """`train` [60000, 784] and `test` [10000, 784] float32 within 0 ... 1, and their labels."""

    train: np.ndarray
    train_labels: np.ndarray
    test: np.ndarray
    test_labels: np.ndarray


def load(folder: Union[None, str, "os.PathLike[str]"] = None) -> Images:
    if folder is None:
        data = os.environ.get("ARCUATE_DATA")
        if not data:
            raise SystemExit("name a folder with MNIST's IDX files, or set ARCUATE_DATA")
        folder = Path(data) / "mnist"
    folder = Path(folder)
    parts = []
    for part in ("train", "t10k"):
        images = _read(folder, f"{part}-images-idx3-ubyte")
        parts.append((images.reshape(len(images), -1) / np.float32(255)).astype(np.float32))
        parts.append(_read(folder, f"{part}-labels-idx1-ubyte").astype(np.int64))
    return Images(*parts)


def _read(folder: Path, name: str) -> np.ndarray:
    for path in (folder / f"{name}.gz", folder / name):
        if path.exists():
            data = gzip.open(path).read() if path.suffix == ".gz" else path.read_bytes()
            shape = [int.from_bytes(data[4 + 4 * i : 8 + 4 * i], "big") for i in range(data[3])]
            return np.frombuffer(data, np.uint8, offset=4 + 4 * len(shape)).reshape(shape)
    raise SystemExit(f"there is no {name} in {folder}")


def smaller(images: np.ndarray) -> np.ndarray:
    """28 x 28 pixels as 14 x 14, each the mean of four."""
    return images.reshape(-1, 14, 2, 14, 2).mean((2, 4)).reshape(-1, 196).astype(np.float32)
