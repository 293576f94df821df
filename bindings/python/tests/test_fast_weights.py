"""Fast weights and the training of the networks that have them, against NumPy."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import arcuate
import numpy as np
import pytest
from conftest import ROOT, random

sys.path.insert(0, str(ROOT / "experiments" / "plasticity"))


def compiled(path: Path, nodes, edges, **options) -> arcuate.Session:
    arcuate.save_network(path, nodes, edges, dt=1e-3)
    return arcuate.Model.open(path).compile(**options).session()


def trace_network(weight, alpha, rate, shot=1000.0):
    """A readout with fast weights, Oja's rule, and a label that overrules it."""
    inputs, classes = weight.shape[1], weight.shape[0]
    rule = {
        "post": "y",
        "decay": {"oja": rate},
        "terms": [{"event": "step", "pre": "value", "post": "value", "rate": rate}],
    }
    nodes = {
        "x": {"kind": "Input", "shape": [inputs]},
        "label": {"kind": "Input", "shape": [classes]},
        "fast": {"kind": "PlasticLinear", "weight": weight, "alpha": alpha, "rule": rule},
        "loud": {"kind": "Scale", "scale": np.full(classes, shot, np.float32)},
        "y": {"kind": "Softmax"},
        "out": {"kind": "Output", "shape": [classes]},
    }
    return nodes, [("x", "fast"), ("label", "loud"), ("fast", "y"), ("loud", "y"), ("y", "out")]


def test_the_modulatory_trace_adapts_as_its_equations_say(tmp_path: Path) -> None:
    generator = random(11)
    inputs, classes, rate = 64, 5, 2.9
    weight = (0.01 * generator.standard_normal((classes, inputs))).astype(np.float32)
    alpha = (0.27 + 0.05 * generator.standard_normal((classes, inputs))).astype(np.float32)
    session = compiled(tmp_path / "trace.safetensors", *trace_network(weight, alpha, rate))
    session.adapting = True
    right = 0
    for episode in range(20):
        session.reset()
        fast = np.zeros((classes, inputs))
        shown = np.tanh(generator.standard_normal((classes, inputs))).astype(np.float32)
        for step in range(classes + 1):
            label = np.zeros(classes, np.float32)
            x = (
                shown[step]
                if step < classes
                else shown[episode % classes]
                + np.float32(0.3) * generator.standard_normal(inputs).astype(np.float32)
            )
            if step < classes:
                label[step] = 1
            scores = (weight + alpha * fast) @ x + 1000 * label
            y = np.exp(scores - scores.max())
            y /= y.sum()
            answer = session.step(x, label)
            np.testing.assert_allclose(answer, y, atol=1e-5)
            fast += rate * (x[None, :] - fast * y[:, None]) * y[:, None]
            np.testing.assert_allclose(session.adapted("fast", fast=True)[0], fast, atol=1e-5)
        right += answer.argmax() == episode % classes
    # It adapts to classes that it never met, without a gradient.
    assert right == 20
    np.testing.assert_array_equal(session.adapted("fast"), weight)


def episode_loss(weight, alpha, rate, x, labels, asked, targets):
    """The mean cross-entropy of questions, [batch, asked, classes], after the rule has seen the rest."""
    fast = np.zeros((len(x), *weight.shape))
    total = 0.0
    for step in range(x.shape[1]):
        scores = np.einsum("bij,bj->bi", weight + alpha * fast, x[:, step]) + 1000 * labels[:, step]
        y = np.exp(scores - scores.max(1, keepdims=True))
        y /= y.sum(1, keepdims=True)
        if step < asked:
            fast += rate * (x[:, step, None] - fast * y[:, :, None]) * y[:, :, None]
        else:
            t = targets[:, step - asked]
            total -= np.mean(t * np.log(y) + (1 - t) * np.log(1 - y))
    return total / (x.shape[1] - asked)


def test_gradients_go_through_the_whole_episode(tmp_path: Path) -> None:
    generator = random(15)
    batch, asked, steps, inputs, classes, rate = 3, 4, 6, 7, 3, 0.9
    given = {
        "fast.weight": generator.normal(0, 0.3, (classes, inputs)),
        "fast.alpha": generator.normal(0.5, 0.2, (classes, inputs)),
        "fast.rate": np.array([rate]),
    }
    given = {name: values.astype(np.float32).astype(float) for name, values in given.items()}
    x = np.tanh(generator.standard_normal((batch, steps, inputs))).astype(np.float32)
    labels = np.zeros((batch, steps, classes), np.float32)
    # The last picture before the questions has no label: what it changes depends on what came before.
    labels[:, : asked - 1] = np.eye(classes)[
        generator.permuted(np.tile([0, 1, 2], (batch, 1)), axis=1)
    ]
    targets = np.zeros((batch, steps, classes), np.float32)
    targets[:, asked:] = np.eye(classes)[generator.integers(0, classes, (batch, steps - asked))]
    path = tmp_path / "trace.safetensors"
    nodes, edges = trace_network(
        given["fast.weight"].astype(np.float32), given["fast.alpha"].astype(np.float32), rate
    )
    arcuate.save_network(path, nodes, edges, dt=1e-3)
    trainer = arcuate.Trainer(
        arcuate.Model.open(path),
        batch=batch,
        steps=steps,
        input="every",
        plastic_steps=asked,
        loss=arcuate.Loss("binary_cross_entropy", readout="every", window=(asked, steps)),
        freeze=["loud"],
        input_gradients=True,
    )
    assert trainer.trained_parameters == tuple(given)
    result = trainer.gradients((x, labels), targets)

    def loss(numbers, pictures):
        return episode_loss(
            numbers["fast.weight"],
            numbers["fast.alpha"],
            numbers["fast.rate"][0],
            pictures,
            labels,
            asked,
            targets[:, asked:],
        )

    pictures = x.astype(float)
    assert abs(result.loss - loss(given, pictures)) < 1e-5

    def differences(values, evaluate):
        found = np.zeros_like(values)
        for place in np.ndindex(values.shape):
            for sign in (1, -1):
                moved = values.copy()
                moved[place] += sign * 1e-6
                found[place] += sign * evaluate(moved) / 2e-6
        return found

    for name in given:
        wanted = differences(given[name], lambda v: loss(given | {name: v}, pictures))
        assert np.abs(wanted).max() > 1e-3
        np.testing.assert_allclose(trainer.gradient(name), wanted, atol=1e-5)
    wanted = differences(pictures, lambda v: loss(given, v))
    np.testing.assert_allclose(trainer.input_gradient(0).reshape(x.shape), wanted, atol=1e-5)


def test_training_for_adaptation_and_then_by_the_rule_alone(tmp_path: Path) -> None:
    # By its path: Python has a module of that name.
    spec = importlib.util.spec_from_file_location(
        "arcuate_trace", ROOT / "experiments" / "plasticity" / "trace.py"
    )
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    model = example.model(1, filters=4)
    with pytest.raises(arcuate.ArgumentError):
        arcuate.Trainer(model, batch=2, steps=6, plastic_steps=0)
    trainer = arcuate.Trainer(
        model,
        batch=2,
        steps=6,
        input="every",
        freeze=["clamp"],
        plastic_steps=5,
        loss=arcuate.Loss("binary_cross_entropy", readout="last"),
        rate=0.01,
    )
    generator = random(16)
    images, asked = example.draw(
        (generator.random((4 * 9, 3, 31, 31)) < 0.1).astype(np.float32),
        example.STREAMS,
        1,
        generator,
    )
    shown = example.labels(2, 6)
    losses = [
        trainer.train_step((images[:2], shown), np.eye(5, dtype=np.float32)[asked[:2, 0]]).loss
        for _ in range(40)
    ]
    assert losses[-1] < losses[0] / 2
    assert trainer.parameter("fast.rate")[0] != 1
    learned = trainer.model()
    learned.save(tmp_path / "trace.safetensors")
    again = arcuate.Model.open(tmp_path / "trace.safetensors")
    said = example.answers(again, images, plastic=True, threads=1)
    predicted = trainer.predict((images, example.labels(len(images), 6)))[:, -1].argmax(-1)
    np.testing.assert_array_equal(said, predicted)
    # In another order other labels are shown: that is nothing to a network without fast weights.
    other = images[:, [4, 3, 2, 1, 0, 5]]
    silent = [example.answers(again, shown, plastic=False, threads=1) for shown in (images, other)]
    np.testing.assert_array_equal(*silent)
    assert (example.answers(again, other, plastic=True, threads=1) != said).any()


def test_rules_without_a_gradient_are_named(tmp_path: Path) -> None:
    nodes, edges = trace_network(np.ones((2, 3), np.float32), np.ones((2, 3), np.float32), 0.5)
    nodes["fast"]["rule"] |= {"modulator": {"signal": "reward"}, "map": "all"}
    arcuate.save_network(tmp_path / "t.safetensors", nodes, edges, dt=1e-3)
    with pytest.raises(arcuate.CompileError, match='node "fast".*a modulator has no gradient'):
        arcuate.Trainer(arcuate.Model.open(tmp_path / "t.safetensors"), batch=1)
