"""Kaldi tables, and the contents of safetensors files."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest

kaldi = pytest.importorskip("kaldi_native_io")


def features(path: Path, shapes: dict[str, tuple[int, int]]) -> dict[str, np.ndarray]:
    random = np.random.default_rng(2)
    found = {key: random.normal(size=shape).astype(np.float32) for key, shape in shapes.items()}
    with kaldi.FloatMatrixWriter(f"ark:{path}") as writer:
        for key, matrix in found.items():
            writer.write(key, matrix)
    return found


def table(specifier: str) -> dict[str, np.ndarray]:
    with kaldi.SequentialFloatMatrixReader(specifier) as reader:
        return {key: np.array(value) for key, value in reader}


def narrow(weight: np.ndarray, kind: str) -> np.ndarray:
    """The numbers that int8 or bfloat16 weights stand for."""
    if kind == "int8":
        scale = np.abs(weight).max(axis=1, keepdims=True) / np.float32(127)
        return np.clip(np.rint(weight / scale), -127, 127) * scale
    bits = weight.view(np.uint32).astype(np.uint64)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16 << 16).astype(np.uint32).view(np.float32)


def tensors(path: Path) -> dict[str, tuple[str, bytes]]:
    """Type and bytes of each tensor of a safetensors file."""
    content = path.read_bytes()
    size = struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8 : 8 + size])
    header.pop("__metadata__", None)
    return {
        name: (entry["dtype"], content[8 + size :][slice(*entry["data_offsets"])])
        for name, entry in header.items()
    }
