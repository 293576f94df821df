"""Neuron programs with parameters that adapt, and files of kind "Cell", which become such programs."""

import base64
import json
from pathlib import Path

import arcuate
import numpy as np
import pytest

RECORDED = json.loads((Path(__file__).parent / "data" / "cells.json").read_text())


@pytest.mark.parametrize("kind", sorted(RECORDED))
def test_files_and_snapshots_with_cells_keep_their_bits(kind, tmp_path):
    # Written and run by a version that had cells as a kind of their own.
    recorded = RECORDED[kind]
    path = tmp_path / "cells.safetensors"
    path.write_bytes(base64.b64decode(recorded["file"]))
    session = arcuate.Model.open(path).compile(batch=2).session()
    session.adapting = True
    session.restore(base64.b64decode(recorded["state"]))
    generator = np.random.default_rng(5)
    generator.random((6, 8))
    x = (generator.random((80, 2, 8)) < 0.3).astype(np.float32)
    spikes = np.stack([session.step(row) for row in x[40:]])
    wanted = np.unpackbits(np.frombuffer(base64.b64decode(recorded["spikes"]), np.uint8))
    assert spikes.sum() > 50
    np.testing.assert_array_equal(spikes.ravel(), wanted[: spikes.size])
    np.testing.assert_array_equal(session.adapted("w").ravel(), np.float32(recorded["weights"]))
    np.testing.assert_array_equal(
        session.adapted("cells").ravel(), np.float32(recorded["thresholds"])
    )


TEXT = """
adaptive theta = 0.25
state v
v = 0.9 * v + x
spike = v > 1 + theta
v = spike ? 0 : v
theta = decay * theta + step * spike
"""


def layer(text=TEXT, **parameters):
    return arcuate.nn.sequential(5, [arcuate.nn.neuron(text, **parameters)])


def test_all_streams_change_an_adaptive_parameter():
    step = np.float32([0.1, 0.2, 0.3, 0.4, 0.5])
    session = layer(decay=0.5, step=step).compile(batch=2).session()
    theta, v = np.full(5, np.float32(0.25)), np.zeros((2, 5), np.float32)
    generator = np.random.default_rng(1)
    for t in range(60):
        session.adapting = t >= 10
        x = generator.random((2, 5)).astype(np.float32)
        v = np.float32(0.9) * v + x
        spikes = v > 1 + theta
        v = np.where(spikes, np.float32(0), v)
        np.testing.assert_array_equal(session.step(x), spikes)
        if session.adapting:
            theta = np.float32(0.5) * theta
            for stream in spikes:
                theta = np.where(stream, theta + step, theta)
        if t == 30:
            session.reset()
            v[:] = 0
        np.testing.assert_array_equal(session.adapted("neuron1").ravel(), theta)
    model = session.adapted_model()
    np.testing.assert_array_equal(model.compile().session().adapted("neuron1").ravel(), theta)
    frozen = model.freeze().compile().session()
    frozen.adapting = True
    frozen.step(np.full(5, 9, np.float32))
    np.testing.assert_array_equal(frozen.adapted("neuron1").ravel(), theta)


@pytest.mark.parametrize(
    "line, message",
    [
        ("theta = theta + v", "a constant times itself plus a constant times spike or count"),
        ("theta = 0.5 * spike", "a constant times itself"),
        ("theta = v * theta + spike", "a factor is made of numbers and parameters alone"),
        ("theta += spike\ntheta += spike", "is assigned twice"),
    ],
)
def test_what_an_adaptive_parameter_cannot_become_is_refused(line, message):
    text = TEXT.replace("theta = decay * theta + step * spike", line)
    with pytest.raises(arcuate.ArcuateError, match=message) as error:
        layer(text, decay=0.5, step=1)
    assert "line" in str(error.value)


def test_a_total_is_that_of_the_whole_layer():
    session = layer("state v\nv = x - total(x) / 5\nvalue = v").compile().session()
    x = np.float32([1, 2, 3, 4, 10])
    np.testing.assert_array_equal(session.step(x), x - np.float32(4))


def test_rules_read_states_of_programs_by_name(tmp_path):
    text = "state v, trace\nv = 0.8 * v + x\nspike = v > 1\nv = spike ? 0 : v\n"
    text += "trace = 0.9 * trace + spike"
    weight = np.full((3, 4), 0.5, np.float32)
    rule = {
        "post": "cells",
        "terms": [{"event": "step", "pre": "value", "post": {"state": "trace"}, "rate": 0.01}],
    }
    nodes = {
        "in": {"kind": "Input", "shape": [4]},
        "w": {"kind": "PlasticLinear", "weight": weight, "rule": rule},
        "cells": {"kind": "NeuronProgram", "program": text},
        "out": {"kind": "Output", "shape": [3]},
    }
    path = tmp_path / "rule.safetensors"
    arcuate.save_network(path, nodes, list(zip(nodes, list(nodes)[1:])), dt=1e-3)
    session = arcuate.Model.open(path).compile().session()
    session.adapting = True
    trace = np.zeros(3, np.float32)
    generator = np.random.default_rng(2)
    for _ in range(20):
        x = (generator.random(4) < 0.5).astype(np.float32)
        y = session.step(x)
        trace = np.float32(0.9) * trace + y
        weight = weight + np.float32(0.01) * trace[:, None] * x
        np.testing.assert_allclose(session.adapted("w"), weight, atol=1e-6)
    assert trace.max() > 0
    nodes["w"]["rule"]["terms"][0]["post"] = {"state": "w"}
    arcuate.save_network(path, nodes, list(zip(nodes, list(nodes)[1:])), dt=1e-3)
    with pytest.raises(arcuate.ArcuateError, match='state "w" .* of node "cells"'):
        arcuate.Model.open(path).compile()
