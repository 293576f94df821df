"""What exporters write into NIR files otherwise than NIR means it, and the reader repairs or reports."""

from __future__ import annotations

from typing import Any

import arcuate
import numpy as np
import pytest
from test_presets import chain, graph, opened, repairs, run

nir = pytest.importorskip("nir")


@pytest.mark.parametrize("scalar", [False, True])
@pytest.mark.parametrize(
    "shapes", [([1, 20], [1, 10]), ([1, 20], [10]), ([20], [1, 10]), ([20], [1])]
)
def test_a_batch_axis_in_ports(tmp_path, shapes, scalar):
    def network(input_shape: list[int], output_shape: list[int]) -> np.ndarray:
        rs = np.random.RandomState(1)

        def neurons(n: int) -> Any:
            return nir.LIF(*(np.full(1 if scalar else n, q) for q in (0.01, 8.0, 0.0, 0.5, 0.0)))

        nodes = {
            "input": nir.Input(np.array(input_shape)),
            "a": nir.Affine(rs.randn(32, 20), rs.randn(32)),
            "b": neurons(32),
            "c": nir.Linear(rs.randn(10, 32)),
            "d": neurons(10),
            "output": nir.Output(np.array(output_shape)),
        }
        edges = chain("input", "a", "b", "c", "d", "output")
        nir.write(tmp_path / "a.nir", graph(nodes, edges))
        model = arcuate.Model.open(tmp_path / "a.nir", dt=1e-3)
        if [input_shape, output_shape] != [[20], [10]]:
            assert repairs(model)
        return run(model, (rs.rand(40, 20) < 0.4).astype(np.float32))

    right = network([20], [10])
    assert right.sum() > 20
    np.testing.assert_array_equal(network(*shapes), right)


def test_parameters_of_channels_behind_a_convolution(tmp_path):
    rs = np.random.RandomState(0)
    weight = rs.randn(4, 2, 3, 3)
    rows = [rs.uniform(a, b, 4) for a, b in ((0.01, 0.02), (4, 6), (0, 0.1), (0.3, 0.5), (0, 0.1))]

    def network(full: bool) -> np.ndarray:
        fields = [np.broadcast_to(q[:, None, None], (4, 8, 8) if full else (4, 1, 1)) for q in rows]
        convolution = nir.Conv2d(
            input_shape=(8, 8),
            weight=weight,
            stride=1,
            padding=1,
            dilation=1,
            groups=1,
            bias=np.zeros(4),
        )
        nodes = {
            "input": nir.Input(np.array([2, 8, 8])),
            "a": convolution,
            "b": nir.LIF(*(np.array(q) for q in fields)),
            "output": nir.Output(np.array([4, 8, 8])),
        }
        nir.write(tmp_path / "a.nir", graph(nodes, chain("input", "a", "b", "output")))
        model = arcuate.Model.open(tmp_path / "a.nir", dt=1e-3)
        return run(model, np.random.RandomState(1).rand(20, 2, 8, 8))

    right = network(True)
    assert right.sum() > 20
    np.testing.assert_array_equal(network(False), right)


def test_a_delay_between_steps_is_reported(tmp_path):
    model = opened(tmp_path, nir.Delay(np.array([2.6e-3])), "nir", 1e-3, n=1)
    assert any("rounded to 3" in f.message for f in model.findings)


def test_recurrent_layers_of_spyx(tmp_path):
    """Written as input -> w_rec -> neurons, computed as input -> neurons."""
    rs = np.random.RandomState(0)
    n, beta = 12, 0.8
    weight, x = rs.randn(n, n) * 0.4, rs.rand(60, n) * 0.6
    v, right = np.zeros(n), []
    for row in x:
        spike = (v > 1) * 1.0
        v = beta * v + row + spike @ weight - spike
        right.append(spike)
    one = np.ones(n)
    inner = graph(
        {
            "l.input": nir.Input(np.array([n])),
            "l.lif": nir.LIF(
                tau=one / (1 - beta), r=one * beta, v_leak=0 * one, v_threshold=one, v_reset=0 * one
            ),
            "l.w_rec": nir.Linear(weight.T),
            "l.output": nir.Output(np.array([n])),
        },
        [*chain("l.input", "l.w_rec", "l.lif", "l.output"), ("l.lif", "l.w_rec")],
    )
    nodes = {"input": nir.Input(np.array([n])), "layer": inner, "output": nir.Output(np.array([n]))}
    nir.write(tmp_path / "a.nir", graph(nodes, chain("input", "layer", "output")))
    model = arcuate.Model.open(tmp_path / "a.nir", preset="spyx", dt=1.0)
    assert any("led to" in message for message in repairs(model))
    np.testing.assert_array_equal(run(model, x), right)
    with pytest.raises(arcuate.ModelError):
        arcuate.Model.open(tmp_path / "a.nir", preset="spyx", dt=1.0, strict=True)
