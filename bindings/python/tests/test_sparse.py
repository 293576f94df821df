"""Networks with listed connections, written from arrays."""

from __future__ import annotations

from pathlib import Path

import arcuate
import numpy as np
import pytest

DT = 1e-3


def drawn(seed: int, pre: int, post: int, count: int) -> tuple:
    random = np.random.default_rng(seed)
    return (
        random.integers(0, pre, count),
        random.integers(0, post, count),
        random.standard_normal(count).astype(np.float32),
        random.integers(0, 6, count) * np.float32(DT),
    )


def open_one(path: Path, fields: dict) -> arcuate.Model:
    post, pre = fields["shape"]
    arcuate.save_network(
        path,
        {
            "in": {"kind": "Input", "shape": [pre]},
            "s": fields,
            "out": {"kind": "Output", "shape": [post]},
        },
        [("in", "s"), ("s", "out")],
        dt=DT,
    )
    return arcuate.Model.open(path)


@pytest.mark.parametrize("each", [False, True])
def test_sums_arrive_after_their_delays(tmp_path: Path, each: bool) -> None:
    pre, post, steps = 7, 5, 20
    sources, targets, weights, delays = drawn(1, pre, post, 30)
    if not each:
        delays = np.full(30, 3 * DT, np.float32)
    fields = arcuate.sparse_linear(pre, post, sources, targets, weights, delays if each else 3 * DT)
    model = open_one(tmp_path / "net.safetensors", fields)
    assert [node.kind for node in model.nodes] == ["Input", "SparseLinear", "Output"]
    x = np.random.default_rng(2).standard_normal((steps, pre)).astype(np.float32)
    expected = np.zeros((steps + 8, post))
    for source, target, weight, delay in zip(sources, targets, weights, delays):
        shift = round(float(delay) / DT)
        expected[shift : shift + steps, target] += float(weight) * x[:, source]
    with model.compile() as plan, plan.session() as session:
        np.testing.assert_allclose(session.run(x), expected[:steps], atol=1e-5)
        operations = session.counters("s")
    assert operations.macs == 30 * steps and operations.acs == 0


def test_a_cycle_takes_its_delay(tmp_path: Path) -> None:
    fields = arcuate.sparse_linear(2, 2, [0, 1], [1, 0], [1.0, 1.0], delay=4 * DT)
    one = np.ones(1, np.float32)
    arcuate.save_network(
        tmp_path / "ring.safetensors",
        {
            "in": {"kind": "Input", "shape": [2]},
            "n": {
                "kind": "IF",
                "r": one / np.float32(DT),
                "v_threshold": one / 2,
                "v_reset": 0 * one,
            },
            "s": fields,
            "out": {"kind": "Output", "shape": [2]},
        },
        [("in", "n"), ("n", "s"), ("s", "n"), ("n", "out")],
        dt=DT,
    )
    x = np.zeros((13, 2), np.float32)
    x[0, 0] = 1
    with arcuate.Model.open(tmp_path / "ring.safetensors").compile(threads=2) as plan:
        assert "run in windows" in plan.explain() and "4 steps at once" in plan.explain()
        with plan.session() as session:
            spikes = session.run(x)
    assert [tuple(place) for place in np.argwhere(spikes)] == [(0, 0), (4, 1), (8, 0), (12, 1)]


def test_parameters_of_each_neuron_of_a_program_are_written(tmp_path: Path) -> None:
    start = np.array([0.25, 0.5], np.float32)
    arcuate.save_network(
        tmp_path / "program.safetensors",
        {
            "in": {"kind": "Input", "shape": [2]},
            "n": {
                "kind": "NeuronProgram",
                "program": "parameter start\nstate v = start\nv = 0.5 * v + x\nvalue = v",
                "parameters": {"start": start},
            },
            "out": {"kind": "Output", "shape": [2]},
        },
        [("in", "n"), ("n", "out")],
        dt=DT,
    )
    model = arcuate.Model.open(tmp_path / "program.safetensors")
    with model.compile() as plan, plan.session() as session:
        values = session.run(np.zeros((2, 2), np.float32))
    assert np.array_equal(values, [start / 2, start / 4])


def test_what_cannot_be_is_refused(tmp_path: Path) -> None:
    for arguments in (
        (2, 2, [0, 2], [0, 1], [1, 1]),
        (2, 2, [0, -1], [0, 1], [1, 1]),
        (2, 2, [0, 1], [0], [1, 1]),
        (2, 2, [0.5, 1], [0, 1], [1, 1]),
        (2, 2, [0, 1], [0, 1], [1, 1], [1e-3]),
    ):
        with pytest.raises(arcuate.ArgumentError):
            arcuate.sparse_linear(*arguments)
    with pytest.raises(arcuate.ArgumentError, match="complex"):
        arcuate.save_network(
            tmp_path / "x.safetensors", {"a": {"kind": "Scale", "scale": np.ones(2, complex)}}, []
        )
    assert list(tmp_path.iterdir()) == []
    fields = arcuate.sparse_linear(2, 2, [0, 1], [1, 0], [1, 1])
    fields["post"] = np.array([7, 0], np.uint32)
    model = open_one(tmp_path / "bad.safetensors", fields)
    with pytest.raises(arcuate.ModelError, match="connection 0 leads to element 7"):
        model.compile()
