"""Spiking networks made from artificial ones, beside NumPy's own neurons."""

from __future__ import annotations

import arcuate
import numpy as np
import pytest
from conftest import random


@pytest.fixture
def net(tmp_path):
    """4 inputs -> 6 -> 3, with biases; its file, model and weights."""
    draw = random(3)
    weights = {
        "first": {
            "kind": "Affine",
            "weight": draw.normal(size=(6, 4)),
            "bias": draw.normal(size=6),
        },
        "second": {
            "kind": "Affine",
            "weight": draw.normal(size=(3, 6)),
            "bias": draw.normal(size=3),
        },
    }
    nodes = {
        "in": {"kind": "Input", "shape": [4]},
        "first": weights["first"],
        "relu": {"kind": "ReLU"},
        "second": weights["second"],
        "out": {"kind": "Output", "shape": [3]},
    }
    path = tmp_path / "net.safetensors"
    arcuate.save_network(path, nodes, list(zip(nodes, list(nodes)[1:])))
    with arcuate.Model.open(path) as model:
        yield model, weights


def activations(weights, x):
    return np.maximum(x @ weights["first"]["weight"].T + weights["first"]["bias"], 0)


def test_the_neurons_are_those_of_numpy(net):
    model, weights = net
    draw = random(4)
    x = draw.normal(size=(50, 4)).astype(np.float32)
    spiking, report = model.convert(x, percentile=90)
    values = activations(weights, x)
    (layer,) = report.layers
    assert (layer.name, layer.neurons) == ("relu", 6)
    assert layer.largest == pytest.approx(values.max(), rel=1e-5)
    assert layer.scale == pytest.approx(np.percentile(values[values > 0], 90), rel=1e-5)
    assert "percentile 90" in str(report)

    steps = 30
    current = (x @ weights["first"]["weight"].T + weights["first"]["bias"]) / layer.scale
    counts, membrane = np.zeros_like(current), np.zeros_like(current)
    for _ in range(steps):
        membrane += current
        spikes = membrane >= 1
        membrane -= spikes
        counts += spikes
    wanted = (
        layer.scale * counts @ weights["second"]["weight"].T + steps * weights["second"]["bias"]
    )
    session = spiking.compile(steps_per_frame=steps, frame_state="reset").session()
    np.testing.assert_allclose(session.run(x), wanted, rtol=1e-4, atol=1e-2)

    loss = model.conversion_loss(spiking, x, np.zeros(50, int), steps=steps, threads=2)
    true = values @ weights["second"]["weight"].T + weights["second"]["bias"]
    error = np.sqrt(((wanted / steps - true) ** 2).sum() / (true**2).sum())
    assert loss.output_error == pytest.approx(error, rel=1e-3)
    assert loss.accuracy == pytest.approx((wanted.argmax(1) == 0).mean())
    assert loss.artificial_accuracy == pytest.approx((true.argmax(1) == 0).mean())
    assert loss.agreement == pytest.approx((wanted.argmax(1) == true.argmax(1)).mean())
    assert loss.spikes == pytest.approx(counts.sum() / 50)
    assert loss.rates == (pytest.approx(counts.mean() / steps),)
    assert loss.artificial_macs == 4 * 6 + 6 * 3
    assert loss.acs == pytest.approx(3 * counts.sum() / 50) and loss.macs == 24
    assert loss.operation_ratio == pytest.approx((loss.acs + loss.macs) / 42)


def test_every_choice_comes_near(net):
    model, _ = net
    x = random(5).normal(size=(20, 4)).astype(np.float32)
    for choice in (
        {"balancing": "model"},
        {"balancing": "spike_norm", "factor": 1.2},
        {"strict": True},
        {"input": "single_shot", "bias": "once", "steps": 400},
        {"readout": "mean"},
        {"initial_potential": 0.5},
        {"share_scales": False},
        {"max_pooling": "refuse"},
    ):
        spiking, _ = model.convert(x, **{"percentile": 100, **choice})
        assert model.conversion_loss(spiking, x, steps=400).output_error < 0.02, choice
    drawn = [
        model.convert(x, input="bernoulli", percentile=100, seed=seed)[0] for seed in (0, 0, 1)
    ]
    found = [model.conversion_loss(spiking, x, steps=4000) for spiking in drawn]
    assert found[0] == found[1] != found[2] and found[0].output_error < 0.1
    assert found[0].accuracy is None
    # Without frames.
    spiking, report = model.convert(balancing="model")
    assert report.layers[0].largest is None


def test_a_file_keeps_all_of_it(net, tmp_path):
    model, _ = net
    x = random(6).normal(size=(5, 4)).astype(np.float32)
    spiking, _ = model.convert(x, bias="once", input="bernoulli", steps=9, readout="mean")
    spiking.save(tmp_path / "spiking.safetensors")
    with pytest.raises(arcuate.ModelError):
        spiking.save(tmp_path / "spiking.nir")
    with arcuate.Model.open(tmp_path / "spiking.safetensors") as read:
        own, theirs = (
            m.compile(steps_per_frame=9, frame_state="reset").session().run(x)
            for m in (spiking, read)
        )
        np.testing.assert_array_equal(own, theirs)


def test_nonsense_is_refused(net):
    model, _ = net
    x = np.zeros((3, 4), np.float32)
    for wrong in (
        {"balancing": "luck"},
        {"input": "none"},
        {"bias": "never"},
        {"readout": ""},
        {"steps": -1},
        {"steps": 1.5},
        {"percentile": 0},
        {"percentile": float("nan")},
        {"bias": "once"},
        {"balancing": "spike_norm", "factor": -1},
        {"max_pooling": "x"},
        {"seed": -1},
        {"initial_potential": float("inf")},
        {"threads": 0},
    ):
        with pytest.raises(arcuate.ArgumentError):
            model.convert(x, **wrong)
    with pytest.raises(arcuate.ArgumentError):
        model.convert()
    for frames in (np.zeros((0, 4)), np.zeros((3, 5)), np.full((3, 4), np.nan)):
        with pytest.raises(arcuate.ArgumentError):
            model.convert(frames)
    spiking, _ = model.convert(x + 1)
    for labels in ([0, 1], [0, 1, 3], [0, 1, -1], [0.0, 1.0, 2.0]):
        with pytest.raises(arcuate.ArgumentError):
            model.conversion_loss(spiking, x, labels)
    with pytest.raises(arcuate.ArgumentError):
        model.conversion_loss(spiking, x, steps=0)
