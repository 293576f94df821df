"""Networks for the tests, written with PyPI's `nir`."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Tuple

import arcuate
import nir
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[3]
DIGITS = ROOT / "examples" / "digits" / "digits.nir"
sys.path.insert(0, str(ROOT / "examples" / "digits"))

DT = 1e-3

# What is started in the background of a script ignores interrupts, and so would all that it starts.
signal.signal(signal.SIGINT, signal.default_int_handler)


def random(seed: int) -> np.random.Generator:
    print(f"seed {seed}")
    return np.random.default_rng(seed)


def integrate_and_fire(count: int) -> nir.IF:
    """Adds its input, threshold 1."""
    return nir.IF(
        np.full(count, 1 / DT, np.float32), np.ones(count, np.float32), np.zeros(count, np.float32)
    )


@pytest.fixture
def graph(tmp_path: Path) -> Callable[..., Path]:
    """`graph(nodes, edges)` writes a NIR file for a step of 1 ms, reset by subtraction, v >= 1."""

    def write(nodes: Dict[str, Any], edges: List[Tuple[str, str]]) -> Path:
        path = tmp_path / "graph.nir"
        metadata = {"dt": DT, "reset": "subtract", "threshold_comparison": ">="}
        nir.write(path, nir.NIRGraph(nodes=nodes, edges=edges, metadata=metadata))
        return path

    return write


@pytest.fixture
def small(graph: Callable[..., Path]) -> Path:
    """6 inputs -> 4 integrate-and-fire neurons, weights that float32 holds exactly."""
    weights = (random(1).integers(-4, 9, (4, 6)) / 8).astype(np.float32)
    return graph(
        {
            "input": nir.Input(np.array([6])),
            "weights": nir.Affine(weights, np.full(4, 0.125, np.float32)),
            "neurons": integrate_and_fire(4),
            "output": nir.Output(np.array([4])),
        },
        [("input", "weights"), ("weights", "neurons"), ("neurons", "output")],
    )


@pytest.fixture
def model(small: Path) -> Iterator[arcuate.Model]:
    with arcuate.Model.open(small) as model:
        yield model


@pytest.fixture
def frames() -> np.ndarray:
    """40 frames of 6 numbers, multiples of 1/8 so that every sum is exact."""
    return (random(2).integers(-2, 9, (40, 6)) / 8).astype(np.float32)
