"""Learning by gradient: steps, epochs, checkpoints of processes that were killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import arcuate
import numpy as np
import pytest
from arcuate import nn
from conftest import random


def network(seed=1):
    return nn.sequential(
        6,
        [
            nn.linear(16, name="a"),
            nn.lif(beta=0.9, name="n"),
            nn.linear(3, name="b"),
            nn.li(beta=0.9, name="o"),
        ],
        seed=seed,
    )


def samples(count=96, seed=3):
    """Three classes, each with two elements that are larger."""
    r = random(seed)
    y = r.integers(0, 3, count)
    x = r.random((count, 6)).astype(np.float32) * 0.5
    for i in range(2):
        x[np.arange(count), 2 * y + i] += 0.6
    return x, y


def trainer(**more):
    settings = dict(
        batch=16, steps=5, rate=1e-2, surrogate=("fast_sigmoid", 5.0), dropout={"n": 0.1}, seed=7
    )
    settings.update(more)
    return arcuate.Trainer(network(), **settings)


def weights(t):
    return {name: t.parameter(name) for name in t.parameters}


def same(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[k], other[k]) for k in one)


def test_steps_lower_the_loss():
    x, y = samples()
    with trainer() as t:
        before = t.evaluate(x, y)
        assert before.samples == 96 and before.spikes > 0 and before.additions > 0
        for i in range(60):
            part = slice(16 * (i % 6), 16 * (i % 6) + 16)
            result = t.train_step(x[part], y[part])
            assert result.gradient_norm > 0 and result.samples == 16
        after = t.evaluate(x, y)
        assert after.loss < before.loss / 2 and after.accuracy > 0.9
        assert t.step == 60 and t.rate == pytest.approx(1e-2)
        answers = t.predict(x[:21])
        assert answers.shape == (21, 5, 3)
        assert np.mean(answers.sum(1).argmax(1) == y[:21]) == t.evaluate(x[:21], y[:21]).accuracy
        learned = t.model()
    assert [node.kind for node in learned.nodes][1:5] == ["Affine", "LIF", "Affine", "LI"]
    session = learned.compile(
        steps_per_frame=5, frame_state="reset", frame_output="every"
    ).session()
    assert np.allclose(session.run(x[:21]), answers, atol=1e-5)


def test_refusals_change_nothing():
    x, y = samples(16)
    t = trainer()
    before = weights(t)
    bad = x.copy()
    bad[3, 2] = np.nan
    cases = [
        (x, np.where(y == 1, 3, y), "label 3 of sample"),
        (bad, y, "sample 3, element 2 is not finite"),
        (x[:5], y[:5], "a batch has 16 samples, got 5"),
        (x[:, :5], y, "not samples of 6 numbers"),
        ((x, x), y, "2 inputs for 1"),
        (x, y[:4], "4 labels"),
        (x, y.astype(float), "target numbers"),
        (x, y - 5, "labels must be 0"),
    ]
    for inputs, targets, words in cases:
        with pytest.raises(arcuate.ArgumentError, match=words):
            t.train_step(inputs, targets)
    assert same(before, weights(t)) and t.step == 0
    for setting, error in [
        (dict(rate=-1), arcuate.ArgumentError),
        (dict(surrogate="magic"), arcuate.ArgumentError),
        (dict(freeze=["nobody"]), arcuate.NotFoundError),
        (dict(freeze="a"), arcuate.ArgumentError),
        (dict(loss=arcuate.Loss(output=4)), arcuate.ArgumentError),
        (dict(schedule=("cosine",)), arcuate.ArgumentError),
        (dict(loss=[]), arcuate.ArgumentError),
        (dict(loss="stochmax"), arcuate.ArgumentError),
        (dict(steps=0), arcuate.ArgumentError),
    ]:
        with pytest.raises(error):
            trainer(**setting)
    t.close()
    with pytest.raises(arcuate.StateError):
        t.train_step(x, y)


def test_gradients_are_those_of_the_loss():
    x, y = samples(16)
    # Without spikes, so that differences can tell.
    model = nn.sequential(
        6, [nn.linear(8, name="a"), nn.activation("tanh"), nn.linear(3, name="b")]
    )
    t = arcuate.Trainer(model, batch=16, input_gradients=True)
    t.gradients(x, y)
    gradient, inputs = t.gradient("a.weight"), t.input_gradient()
    value = t.parameter("a.weight")
    for place in [(0, 0), (3, 2), (7, 5)]:
        losses = []
        for change in (1e-2, -1e-2):
            moved = value.copy()
            moved[place] += change
            t.set_parameter("a.weight", moved)
            losses.append(t.evaluate(x, y).loss)
        assert (losses[0] - losses[1]) / 2e-2 == pytest.approx(gradient[place], abs=2e-4)
    t.set_parameter("a.weight", value)
    losses = []
    for change in (1e-2, -1e-2):
        moved = x.copy()
        moved[4, 1] += change
        losses.append(t.evaluate(moved, y).loss)
    assert (losses[0] - losses[1]) / 2e-2 == pytest.approx(inputs[4, 1], abs=2e-4)
    with pytest.raises(arcuate.NotFoundError):
        t.gradient("c.weight")
    with pytest.raises(arcuate.StateError):
        trainer().input_gradient()


def test_settings_reach_the_trainer():
    x, y = samples(16)
    t = trainer(
        freeze=["a"], train=["n.tau"], noise=("additive", 0.0), optimizer="sgd", momentum=0.9
    )
    assert t.trained_parameters == ("n.tau", "b.weight", "b.bias")
    before = weights(t)
    t.train_step(x, y)
    after = weights(t)
    changed = {name for name in before if not np.array_equal(before[name], after[name])}
    assert changed == {"n.tau", "b.weight", "b.bias"}
    one = trainer(schedule=("milestones", 0.1, [2, 4]))
    rates = []
    for _ in range(5):
        rates.append(one.rate)
        one.train_step(x, y)
    assert rates == pytest.approx([1e-2, 1e-2, 1e-3, 1e-3, 1e-4])
    one.rate_factor = 0.5
    assert one.rate == pytest.approx(5e-5) and one.rate_factor == 0.5
    last = trainer(loss=[arcuate.Loss(readout="last", window=(1, 4)), arcuate.Loss(weight=0.5)])
    assert last.train_step(x, y).loss > 0


def test_targets_may_be_numbers():
    x, y = samples(16)
    t = trainer(loss="mean_square", readout="mean")
    wanted = np.eye(3, dtype=np.float32)[y]
    first = t.train_step(x, wanted).loss
    for _ in range(40):
        last = t.train_step(x, wanted).loss
    assert last < first


@pytest.mark.parametrize("threads", [1, 2])
def test_threads_and_runs_give_the_same_bits(threads):
    x, y = samples()
    one, other = trainer(), trainer(threads=threads)
    for t in (one, other):
        arcuate.fit(t, x, y, epochs=2, quiet=True)
    assert same(weights(one), weights(other))


@pytest.mark.parametrize("readout, output", [("sum", "sum"), ("mean", "mean"), ("last", "last")])
def test_a_trained_model_states_how_it_is_run(tmp_path, readout, output):
    x, y = samples()
    t = trainer(steps=12, dropout={}, readout=readout)
    arcuate.fit(t, x, y, epochs=3, quiet=True)
    t.model().save(tmp_path / "net.safetensors")
    model = arcuate.Model.open(tmp_path / "net.safetensors")
    assert model.metadata_number("steps_per_frame") == 12
    plan = model.compile()
    assert (plan.frame_state, plan.frame_output) == ("reset", output)
    steps = t.predict(x)
    read = {"sum": steps.sum(1), "mean": steps.mean(1), "last": steps[:, -1]}[readout]
    assert np.abs(plan.session().run(x) - read).max() < 1e-4
    every = arcuate.Trainer(network(), batch=4, steps=5, input="every").model()
    assert every.metadata_number("steps_per_frame") == 1


def test_layers_take_numpy_numbers_and_name_what_is_wrong():
    one = nn.sequential(np.int64(4), [nn.linear(np.int64(3)), nn.lif(beta=np.float32(0.5))])
    assert one.nodes[0].name == "input"
    for layers, words in [
        ([nn.lif(beta=float("nan"))], 'layer 0 "lif": beta must be finite'),
        ([nn.linear(2), None], "layer 1 must be a layer"),
        (nn.relu(), "a list of layers"),
    ]:
        with pytest.raises(arcuate.ArgumentError, match=words):
            nn.sequential(4, layers)


def test_tandem_network_answers_in_a_session():
    x, y = samples()
    model = nn.sequential(
        6,
        [nn.linear(16), nn.batch_norm(), nn.relu(), nn.linear(12), nn.relu(), nn.linear(3)],
        seed=2,
    )
    t = arcuate.Trainer(model, mode="tandem", batch=16, steps=8, rate=1e-2)
    arcuate.fit(t, x, y, epochs=10, quiet=True)
    predicted = t.predict(x)[:, 0]
    spiking = t.spiking_model()
    kinds = [node.kind for node in spiking.nodes]
    assert kinds.count("IF") == 2 and "BatchNorm" not in kinds and "I" in kinds
    answers = spiking.compile(steps_per_frame=8, frame_state="reset").session().run(x)
    assert np.abs(answers - predicted).max() < 1e-4
    assert np.array_equal(answers.argmax(1), predicted.argmax(1))
    assert np.mean(answers.argmax(1) == y) > 0.9


# ---- Epochs


def test_fit_learns_and_logs(tmp_path, capfd):
    x, y = samples(300)
    log, best = tmp_path / "run.jsonl", tmp_path / "best.safetensors"
    t = trainer()
    run = arcuate.fit(t, x, y, epochs=6, validation=0.2, log=log, best=best)
    entries = [json.loads(line) for line in log.read_text().splitlines()]
    assert entries == list(run.history) and len(entries) == 6 and run.stopped == "epochs"
    assert entries[-1]["validation_accuracy"] > 0.9 and entries[0]["validation_samples"] == 60
    assert entries[-1]["loss"] < entries[0]["loss"] and entries[-1]["spikes"] > 0
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 6 and "epoch 6/6 loss" in lines[-1] and "operations" in lines[-1]
    assert arcuate.Model.open(best).nodes
    assert run.best_loss == min(entry["validation_loss"] for entry in entries)


def test_order_and_loaders_give_the_same_bits():
    x, y = samples(100)
    one, other = trainer(), trainer()
    arcuate.fit(one, x, y, epochs=2, seed=5, quiet=True)

    def batches(epoch):
        order = arcuate.sample_order(100, epoch, 5)
        for i in range(0, 100, 16):  # the last one is not whole
            yield x[order[i : i + 16]], y[order[i : i + 16]]

    arcuate.fit(other, batches, epochs=2, quiet=True)
    assert same(weights(one), weights(other))
    with pytest.raises(arcuate.ArgumentError, match="only once"):
        arcuate.fit(one, iter([(x, y)]), epochs=1, quiet=True)
    with pytest.raises(arcuate.ArgumentError, match="no whole batch"):
        arcuate.fit(one, x[:5], y[:5], epochs=1, quiet=True)
    third = trainer()
    arcuate.fit(third, list(batches(0)), epochs=1, quiet=True)
    fourth = trainer()
    arcuate.fit(fourth, x, y, epochs=1, seed=5, quiet=True)
    assert same(weights(third), weights(fourth))


def test_runs_of_other_data_are_not_taken_up(tmp_path):
    x, y = samples(64)
    path = tmp_path / "c"
    settings = dict(checkpoint=path, resume=True, quiet=True)
    arcuate.fit(trainer(), x, y, epochs=1, validation=0.25, seed=3, **settings)
    for count, share, seed in [(64, 0.25, 4), (64, 0.5, 3), (48, 0.25, 3), (64, None, 3)]:
        with pytest.raises(arcuate.StateError, match="64 samples by seed 3, 0.25 of them"):
            arcuate.fit(
                trainer(), x[:count], y[:count], epochs=2, validation=share, seed=seed, **settings
            )
    run = arcuate.fit(trainer(), x, y, epochs=2, validation=0.25, seed=3, **settings)
    assert len(run.history) == 2


def test_names_to_train_are_looked_up():
    trainer(train=["tau", "v_threshold"])
    for name in ("q.tau", "tau.q", "q"):
        with pytest.raises(arcuate.NotFoundError, match=name):
            trainer(train=[name])


def test_pixels_are_products_behind_a_flatten():
    network = nn.sequential((2, 3), [nn.flatten(), nn.linear(4), nn.lif(beta=0.9)], seed=1)
    flat = arcuate.Trainer(network, batch=2, steps=3, input="every")
    result = flat.evaluate(np.full((2, 3, 2, 3), 0.5, np.float32), np.array([0, 1]))
    assert result.products == 2 * 3 * 6 * 4 and result.additions == 0


def test_early_stop_and_halving():
    x, y = samples(64)
    noise = random(8).permutation(y)
    t = trainer(rate=0.0)
    run = arcuate.fit(
        t, x, noise, epochs=50, validation=(x, noise), patience=4, halve_after=2, quiet=True
    )
    assert run.stopped == "patience" and len(run.history) == 5 and run.best_epoch == 0
    assert t.rate_factor == 0.25


def test_checkpoints_of_other_settings_are_refused(tmp_path):
    path = tmp_path / "c"
    trainer().save(path)
    with pytest.raises(arcuate.StateError, match="seed"):
        trainer(seed=8).restore(path)
    with pytest.raises(arcuate.StateError, match="dropout"):
        trainer(dropout={}).restore(path)
    other = arcuate.Trainer(nn.sequential(6, [nn.linear(3)]), batch=16)
    with pytest.raises(arcuate.StateError, match="another network"):
        other.restore(path)
    with pytest.raises(arcuate.FileError):
        trainer().restore(tmp_path / "missing")
    with pytest.raises(arcuate.FormatError):
        path.write_bytes(path.read_bytes()[:100])
        trainer().restore(path)
    x, y = samples(64)
    trainer().save(path, "a note of somebody else's")
    with pytest.raises(arcuate.ArgumentError, match="not written by fit"):
        arcuate.fit(trainer(), x, y, epochs=1, checkpoint=path, resume=True, quiet=True)


RUN = """
import sys, time
sys.path[:0] = sys.argv[3:]
import numpy as np, arcuate, test_trainer as tests
x, y = tests.samples(300)
t = tests.trainer()
train_step, slow = t.train_step, float(sys.argv[2])
def slowly(*batch):
    time.sleep(slow)
    return train_step(*batch)
t.train_step = slowly
arcuate.fit(t, x, y, epochs=4, validation=0.1, checkpoint=sys.argv[1] + ".checkpoint", checkpoint_steps=3,
            resume=True, log=sys.argv[1] + ".jsonl", quiet=True)
t.model().save(sys.argv[1] + ".safetensors")
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_run_goes_on_with_the_same_bits(tmp_path, number):
    here = os.path.dirname(os.path.abspath(__file__))

    def start(name, slow):
        return subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(RUN), str(tmp_path / name), str(slow), here],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stderr=subprocess.PIPE,
        )

    assert start("whole", 0).wait(60) == 0
    killed = 0
    for attempt in range(3):
        process = start("parts", 0.03)
        checkpoint = tmp_path / "parts.checkpoint"
        deadline = time.monotonic() + 20
        before = checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0
        while not (checkpoint.exists() and checkpoint.stat().st_mtime_ns != before):
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.01)
        time.sleep(0.17)
        process.send_signal(number)
        killed += process.wait(20) != 0
    assert killed == 3
    assert not (tmp_path / "parts.safetensors").exists()
    assert start("parts", 0).wait(60) == 0
    whole, parts = ((tmp_path / f"{name}.safetensors").read_bytes() for name in ("whole", "parts"))
    assert whole == parts
    logs = [
        [
            {k: v for k, v in json.loads(line).items() if k != "seconds"}
            for line in (tmp_path / f"{name}.jsonl").read_text().splitlines()
        ]
        for name in ("whole", "parts")
    ]
    assert logs[0] == logs[1] and len(logs[0]) == 4


def test_interrupts_wait_for_the_batch(tmp_path):
    x, y = samples(300)
    t = trainer()
    timer = threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        arcuate.fit(t, x, y, epochs=100_000, checkpoint=tmp_path / "c", quiet=True)
    timer.join()
    state = json.loads(trainer().restore(tmp_path / "c"))
    assert t.step == state["epoch"] * 18 + state["position"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_runs_are_drawn(tmp_path):
    pytest.importorskip("matplotlib")
    x, y = samples(64)
    run = arcuate.fit(trainer(), x, y, epochs=2, validation=0.25, log=tmp_path / "log", quiet=True)
    arcuate.plot_run(tmp_path / "log", tmp_path / "a.png")
    arcuate.plot_run(run, tmp_path / "b.svg")
    assert (tmp_path / "a.png").read_bytes()[:4] == b"\x89PNG"
    assert b"<svg" in (tmp_path / "b.svg").read_bytes()


def test_gated_units_as_their_equations_and_trained():
    layers = [nn.group_norm(2, name="norm"), nn.flatten(), nn.gru(5, name="gru"), nn.linear(3)]
    model = nn.sequential((2, 3), layers[:3], seed=4)
    x, y = samples(64)
    x = x.reshape(64, 2, 3)
    trained = arcuate.Trainer(model, batch=4)
    w, b = ([trained.parameter(f"gru.{f}_{k}") for k in ("ih", "hh")] for f in ("weight", "bias"))
    outputs = model.compile().session().run(x)
    h = np.zeros(5)
    for frame, output in zip(x.astype(float), outputs):
        norm = (frame - frame.mean(1, keepdims=True)) / np.sqrt(frame.var(1, keepdims=True) + 1e-5)
        i, s = w[0] @ norm.ravel() + b[0], w[1] @ h + b[1]
        reset, update = 1 / (1 + np.exp(-(i + s)[:10].reshape(2, 5)))
        h = (1 - update) * np.tanh(i[10:] + reset * s[10:]) + update * h
        assert np.abs(output - h).max() < 1e-5
    t = arcuate.Trainer(nn.sequential((2, 3), layers, seed=4), batch=16, rate=1e-2)
    run = arcuate.fit(t, x, y, epochs=12, quiet=True)
    assert run.history[-1]["loss"] < 0.7 * run.history[0]["loss"]


def test_layers_of_every_kind(tmp_path):
    model = nn.sequential(
        (2, 8, 8),
        [
            nn.convolution(4, 3, padding=1),
            nn.batch_norm(),
            nn.relu(),
            nn.max_pooling(2),
            nn.average_pooling(2),
            nn.sum_pooling(1),
            nn.flatten(),
            nn.scale(0.5),
            nn.linear(8),
            nn.lif(beta=0.9, recurrent=True),
            nn.cuba_lif(0.01, 0.02),
            nn.iaf(),
            nn.linear(3),
            nn.integrator(),
        ],
        initial="xavier",
        semantics={"comparison": ">="},
    )
    assert [n.kind for n in model.nodes][1:4] == ["Conv2d", "BatchNorm", "ReLU"]
    x, y = np.zeros((4, 2, 8, 8), np.float32), np.zeros(4, int)
    t = arcuate.Trainer(model, batch=4, steps=2)
    assert t.train_step(x, y).samples == 4
    path = tmp_path / "net.json"
    path.write_text(nn.description(6, [nn.linear(3)], seed=4))
    assert path.read_text() and arcuate.Model.open(path).nodes
    with pytest.raises(arcuate.FormatError, match="magic"):
        nn.sequential(6, [{"kind": "magic"}])
