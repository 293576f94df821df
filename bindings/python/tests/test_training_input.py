"""What training says about inputs and targets that it cannot use."""

from __future__ import annotations

import copy
import json

import arcuate
import numpy as np
import pytest
from arcuate import nn


def network():
    return nn.sequential(6, [nn.linear(8), nn.relu(), nn.linear(3)], seed=1)


@pytest.fixture
def samples():
    random = np.random.default_rng(0)
    x = random.standard_normal((96, 6)).astype(np.float32)
    return x, (x[:, 0] > 0).astype(int) + (x[:, 1] > 0)


def test_targets_of_other_forms_are_named(samples):
    x, y = (part[:8] for part in samples)
    t = arcuate.Trainer(network(), batch=8)
    for targets, words in (
        (y[:, None], r"shape \(8,\)"),
        (np.array(list("abcdefgh")), "elements of type <U1"),
        (y.astype(float), "a class for each sample is a label"),
        (np.ma.masked_equal(y, 1), "targets has masked elements"),
    ):
        with pytest.raises(arcuate.ArgumentError, match=words):
            t.train_step(x, targets)
    for targets in (np.eye(3)[y], np.eye(3, dtype=int)[y], tuple(y), list(y)):
        assert t.evaluate(x, targets) == t.evaluate(x, y)


def test_masked_inputs_are_refused(samples):
    x, y = (part[:8] for part in samples)
    hidden = np.ma.masked_greater(x, 1)
    t = arcuate.Trainer(network(), batch=8)
    session = network().compile().session()
    for call in (
        lambda: t.train_step(hidden, y),
        lambda: t.predict(hidden),
        lambda: session.step(np.ma.masked_greater(x[0], 0)),
        lambda: arcuate.fit(t, hidden, y, epochs=1, quiet=True),
    ):
        with pytest.raises(arcuate.ArgumentError, match="masked"):
            call()
    # Nothing is hidden.
    t.train_step(np.ma.array(x), y)


def test_fit_names_a_sample_by_its_place_among_all(samples):
    x, y = samples
    x[50, 2] = np.nan
    with pytest.raises(arcuate.ArgumentError, match="sample 50, element 2 is not finite"):
        arcuate.fit(arcuate.Trainer(network(), batch=8), x, y, epochs=1, quiet=True)


def test_paths_are_checked_before_the_first_epoch(samples, tmp_path):
    t = arcuate.Trainer(network(), batch=8)
    for name in ("checkpoint", "log", "best"):
        with pytest.raises(arcuate.FileError, match="there is no folder"):
            arcuate.fit(t, *samples, epochs=1, quiet=True, **{name: tmp_path / "no" / "x.nir"})
    assert t.step == 0


def test_a_target_for_each_loss(tmp_path):
    random = np.random.default_rng(1)
    nodes = {"in": {"kind": "Input", "shape": [3]}}
    for name, size in (("a", 4), ("b", 2)):
        weight = random.standard_normal((size, 3)).astype(np.float32)
        nodes[name] = {"kind": "Linear", "weight": weight}
        nodes[f"out {name}"] = {"kind": "Output", "shape": [size]}
    path = tmp_path / "two.safetensors"
    edges = [("in", "a"), ("in", "b"), ("a", "out a"), ("b", "out b")]
    arcuate.save_network(path, nodes, edges)
    losses = [arcuate.Loss(output=0), arcuate.Loss("mean_square", output=1)]
    t = arcuate.Trainer(arcuate.Model.open(path), batch=4, loss=losses, rate=0.05)
    x = random.standard_normal((16, 3)).astype(np.float32)
    y = (random.integers(0, 4, 16), x[:, :2] * 2)
    before = t.evaluate(x, y).loss
    arcuate.fit(t, x, y, epochs=100, quiet=True)
    assert t.evaluate(x, y).loss < 0.7 * before
    assert [output.shape for output in t.outputs] == [(4, 1, 4), (4, 1, 2)]
    with pytest.raises(arcuate.ArgumentError, match="loss 1, of output 1: label"):
        t.train_step(x[:4], np.array([3, 0, 0, 0]))
    with pytest.raises(arcuate.ArgumentError, match="3 targets for 2 losses"):
        t.train_step(x[:4], tuple(part[:4] for part in (*y, y[0])))


def test_numbers_beyond_all_floats_change_nothing(samples):
    x, y = (part[:8].copy() for part in samples)
    model = nn.sequential(6, [nn.linear(8), nn.batch_norm(name="norm"), nn.relu(), nn.linear(3)])
    t = arcuate.Trainer(model, batch=8)
    t.train_step(x, y)
    before = {name: t.parameter(name) for name in t.parameters}
    x[3, 2] = 1e24
    with pytest.raises(arcuate.StateError, match='node "norm".* in step 1'):
        t.train_step(x, y)
    with pytest.raises(arcuate.StateError, match="there is no last batch"):
        print(t.sample_losses)
    assert all((t.parameter(name) == value).all() for name, value in before.items())


def test_logs_have_null_for_what_is_not_finite(tmp_path):
    from arcuate.run_log import Log

    path = tmp_path / "log"
    Log(path, []).add({"epoch": 0, "loss": float("nan"), "accuracy": 0.5})
    assert json.loads(path.read_text(), parse_constant=pytest.fail)["loss"] is None


def test_small_words(samples):
    x, _ = samples
    model = network()
    with copy.deepcopy(model) as other:
        assert (
            repr(other)
            == repr(model)
            == "<arcuate.Model: nodes input, linear1, relu2, linear3, output>"
        )
    session = model.compile(dt=1e-3).session()
    with copy.deepcopy(session) as other:
        assert (other.step(x[0]) == session.step(x[0])).all()
    for wrong in (("a", 0, 0, 1, 1), (0, 0, 0, 1, "x"), (0, 0, 0)):
        with pytest.raises(arcuate.ArgumentError, match="event 1 is"):
            session.run_events([(0, 0, 0, 1, 1.0), wrong], 3)
    with pytest.raises(arcuate.ArgumentError, match="a surrogate must be a name or a tuple"):
        arcuate.Trainer(model, surrogate=lambda x: x)
    with pytest.raises(arcuate.ArgumentError, match="plastic_steps must be 1 ... 3, got 4"):
        arcuate.Trainer(model, steps=3, plastic_steps=4)
    for call in (
        lambda: arcuate.Trainer(model, dt=-1),
        lambda: model.compile(dt=1e9),
        lambda: nn.sequential(2, [nn.relu()], dt=1e-20),
    ):
        with pytest.raises(arcuate.ArgumentError, match="^dt must be"):
            call()
    with pytest.raises(arcuate.ArgumentError, match="epoch must be 0 ... 9223372036854775807"):
        arcuate.sample_order(3, 2**63)


def test_cuba_neurons_spike_with_their_defaults():
    model = nn.sequential(20, [nn.linear(50), nn.cuba_lif(0.005, 0.01)], seed=1)
    session = model.compile().session()
    spikes = session.run(np.ones((100, 20), np.float32)).sum()
    assert 50 < spikes < 2500


def test_long_short_term_memory_learns_what_came_first():
    random = np.random.default_rng(4)
    x = random.standard_normal((64, 8, 3)).astype(np.float32)
    y = (x[:, 0, 0] > 0).astype(int)
    model = nn.sequential(3, [nn.lstm(12), nn.linear(2)], seed=2)
    t = arcuate.Trainer(model, batch=64, steps=8, input="every", readout="last", rate=2e-2)
    for _ in range(60):
        t.train_step(x, y)
    assert t.evaluate(x, y).accuracy > 0.95
    session = t.model().compile(batch=64).session()
    answers = np.stack([session.step(x[:, k]) for k in range(8)], 1)
    np.testing.assert_allclose(answers, t.predict(x), atol=1e-5)
