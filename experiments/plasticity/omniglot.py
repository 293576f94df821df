"""Omniglot (Lake et al. 2015) as NumPy arrays, read from its zips of pictures as they are published.

The folder is an argument, or `$ARCUATE_DATA/omniglot`; it holds `images_background.zip` (30 alphabets,
964 characters) and `images_evaluation.zip` (20 others, 659), 20 drawings of each.
"""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Dict, List, NamedTuple, Tuple, Union

import numpy as np

SIDE = 31
"""Pixels along a side, of the 105 that a drawing has."""


class Characters(NamedTuple):
    """`images` [characters, 20, SIDE, SIDE] float32, 0 for paper and 1 for ink; `alphabets`, a name for
    each character."""

    images: np.ndarray
    alphabets: List[str]


def load(part: str, folder: Union[None, str, "os.PathLike[str]"] = None) -> Characters:
    """ "background" or "evaluation"."""
    if folder is None:
        data = os.environ.get("ARCUATE_DATA")
        if not data:
            raise SystemExit("name a folder with Omniglot's zips, or set ARCUATE_DATA")
        folder = Path(data) / "omniglot"
    path = Path(folder) / f"images_{part}.zip"
    if not path.exists():
        raise SystemExit(f"there is no {path}")
    found: Dict[Tuple[str, str], List[np.ndarray]] = {}
    with zipfile.ZipFile(path) as archive:
        for name in sorted(archive.namelist()):
            if name.endswith(".png"):
                _, alphabet, character, _ = name.split("/")
                found.setdefault((alphabet, character), []).append(
                    _smaller(1 - _png(archive.read(name)))
                )
    keys = sorted(found)
    return Characters(np.array([found[key] for key in keys], np.float32), [key[0] for key in keys])


def turned(images: np.ndarray) -> np.ndarray:
    """The characters four times, turned by 0, 90, 180 and 270 degrees: as many classes."""
    return np.concatenate([np.rot90(images, k, (2, 3)) for k in range(4)])


def _png(data: bytes) -> np.ndarray:
    """The bits of a picture of one bit per pixel. Source. Portable Network Graphics, ISO/IEC 15948."""
    place, packed, head = 8, b"", None
    while place < len(data):
        length, kind = struct.unpack(">I4s", data[place : place + 8])
        body = data[place + 8 : place + 8 + length]
        if kind == b"IHDR":
            head = struct.unpack(">IIBBBBB", body)
        elif kind == b"IDAT":
            packed += body
        place += 12 + length
    if head is None or head[2:] != (1, 0, 0, 0, 0):
        raise SystemExit("a picture is not a PNG of one bit per pixel, black and white")
    width, height = head[:2]
    rows = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(height, -1).copy()
    for y in np.flatnonzero(rows[:, 0]):
        _unfilter(rows[y], rows[y - 1, 1:] if y else np.zeros_like(rows[0, 1:]))
    return np.unpackbits(rows[:, 1:], axis=1)[:, :width].astype(np.float32)


def _unfilter(row: np.ndarray, above: np.ndarray) -> None:
    """Makes a row what it was before its filter, whose number it begins with."""
    kind, left, corner = row[0], 0, 0
    for i, up in enumerate(map(int, above), 1):
        if kind == 1:
            guess = left
        elif kind == 2:
            guess = up
        elif kind == 3:
            guess = (left + up) // 2
        else:
            straight = left + up - corner
            guess = min((left, up, corner), key=lambda value: abs(straight - value))
        left, corner = (int(row[i]) + guess) & 255, up
        row[i] = left


def _shares(before: int, after: int) -> np.ndarray:
    """How much of each pixel before lies in each one after."""
    edges = np.arange(after + 1) * before / after
    pixels = np.arange(before)
    covered = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    return (np.clip(covered, 0, 1) * after / before).astype(np.float32)


_SHARES = _shares(105, SIDE)


def _smaller(image: np.ndarray) -> np.ndarray:
    """Each pixel the mean of those that it covers."""
    return _SHARES @ image @ _SHARES.T
