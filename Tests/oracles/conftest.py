"""Models that several tests use."""

from pathlib import Path

import numpy as np
import pytest


@pytest.fixture(scope="session")
def net(tmp_path_factory) -> Path:
    """Weights, then integrate-and-fire neurons: [3] to [2]."""
    nir = pytest.importorskip("nir")
    path = tmp_path_factory.mktemp("models") / "net.nir"
    nir.write(
        path,
        nir.NIRGraph(
            nodes={
                "input": nir.Input(np.array([3])),
                "weights": nir.Affine(
                    np.array([[0.5, 0, 1], [0.25, 0.25, 0.25]], np.float32), np.zeros(2, np.float32)
                ),
                "neurons": nir.IF(
                    r=np.ones(2, np.float32),
                    v_threshold=np.ones(2, np.float32),
                    v_reset=np.zeros(2, np.float32),
                ),
                "output": nir.Output(np.array([2])),
            },
            edges=[("input", "weights"), ("weights", "neurons"), ("neurons", "output")],
        ),
    )
    return path


@pytest.fixture(scope="session")
def values(tmp_path_factory) -> Path:
    """Weights alone: [6] to [4], so that outputs are numbers."""
    nir = pytest.importorskip("nir")
    path = tmp_path_factory.mktemp("models") / "values.nir"
    random = np.random.default_rng(1)
    nir.write(
        path,
        nir.NIRGraph(
            nodes={
                "input": nir.Input(np.array([6])),
                "weights": nir.Linear(random.normal(size=(4, 6)).astype(np.float32)),
                "output": nir.Output(np.array([4])),
            },
            edges=[("input", "weights"), ("weights", "output")],
        ),
    )
    return path
