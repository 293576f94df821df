"""Neuron programs beside the neurons that they state, and beside NumPy."""

from __future__ import annotations

import json
import re

import arcuate
import numpy as np
import pytest
from arcuate import nn
from conftest import random

LIF = """
state v
v = (1 - dt / tau) * v + dt / tau * r * x + dt / tau * v_leak
spike = v > v_threshold
v = spike ? v - v_threshold : v
"""

ADAPTIVE = """
state v, w
v = decay * v + x - w     # w is that of the step before
spike = v > 1
v = spike ? 0 : v
w = 0.75 * w + b * spike
"""


GUIDE = arcuate.documentation("neuron-programs")


def examples(guide):
    return re.findall(r"```\n(.*?)```", guide, re.DOTALL)


def network(layer, size=12, **options):
    return nn.sequential(6, [nn.linear(size, name="weights"), layer], seed=3, **options)


def inputs(steps=60):
    return random(4).normal(size=(steps, 6)).astype(np.float32) * 4


def run(model, x, **options):
    return model.compile(**options).session().run(x)


@pytest.mark.parametrize("text", examples(GUIDE))
def test_examples_of_the_guide_run(text):
    if "input drive, block" in text:
        with pytest.raises(arcuate.ModelError, match="2 inputs"):
            network(nn.neuron(text))
    else:
        assert run(network(nn.neuron(text)), inputs()).any()


def test_the_layer_list_of_the_guide_runs():
    guide = arcuate.documentation("layer-list")
    (text,) = (t for t in re.findall(r"```json\n(.*?)```", guide, re.DOTALL) if "neuron" in t)
    with arcuate.Model.from_bytes(text.encode()) as model:
        assert np.array_equal(run(model, np.full((1, 3), 0.75, np.float32)), [[1, 0, 0]])


def test_limits_are_those_of_the_guide():
    """Just below each limit a program is read, just above it is not."""

    def most(text, start):
        for count in range(start, 1000):
            try:
                nn.sequential(1, [nn.neuron(text(count))])
            except (arcuate.LimitError, arcuate.FormatError):
                return count - 1

    def several(line):
        return lambda n: "\n".join(line(k) for k in range(n)) + "\nvalue = x"

    limits = GUIDE[GUIDE.index("## Limits") :].replace("\n", " ")
    for text, start, words in [
        (lambda n: "value = x" + " + x" * n, 60, "{} instructions"),
        (several(lambda k: f"v = x * {k}.5"), 60, "{} constants"),
        (several(lambda k: f"parameter p{k} = 1"), 60, "{} parameters"),
        (several(lambda k: f"state s{k}"), 10, "{} states"),
        (lambda n: f"{'y' * n} = 1\nvalue = x", 60, "{} letters"),
        (lambda n: f"value = {'(' * n}x{')' * n}", 20, "brackets {} deep"),
        (lambda n: f"value = 1{' + 1' * (n - 50)}{' + x' * 50}", 100, "{} operators in a line"),
    ]:
        assert words.format(most(text, start)) in limits
    assert "64 KiB" in limits and "8 inputs" in limits and "256 numbers" in limits
    network(nn.neuron("value = x".ljust(65536)))
    with pytest.raises(arcuate.LimitError):
        network(nn.neuron("value = x".ljust(65537)))


def ulps(found, expected):
    return np.abs(found - expected) / np.spacing(np.abs(expected).astype(np.float32))


def test_functions_are_as_exact_as_the_guide_says():
    draw = random(8)
    size = 1 << 16

    def compute(text, x):
        model = nn.sequential(size, [nn.neuron(text)])
        return run(model, x[None].astype(np.float32))[0].astype(np.float64)

    x = draw.uniform(-87, 88, size).astype(np.float32).astype(np.float64)
    assert ulps(compute("value = exp(x)", x), np.exp(x)).max() < 1
    positive = np.exp(x).astype(np.float32).astype(np.float64)
    assert ulps(compute("value = log(x)", positive), np.log(positive)).max() < 1
    x = draw.uniform(-7.9, 7.9, size).astype(np.float32).astype(np.float64)
    assert ulps(compute("value = tanh(x)", x), np.tanh(x)).max() < 7
    assert np.array_equal(compute("value = tanh(x)", 7.91 + np.abs(x)), np.ones(size))
    numbers = compute("value = normal() + 0 * x", x)
    assert abs(numbers.mean()) < 0.02 and abs(numbers.var() - 1) < 0.02
    uniform = compute("value = uniform() + 0 * x", x)
    assert 0 <= uniform.min() and uniform.max() < 1 and abs(uniform.mean() - 0.5) < 0.01
    # Both are of the same number of 24 bits.
    order = np.argsort(uniform, kind="stable")
    assert (np.diff(numbers[order]) >= 0).all()


def test_operators_bind_as_the_guide_says():
    def compute(expression, *x):
        model = nn.sequential(len(x), [nn.neuron(f"value = {expression}")])
        return run(model, np.array([x], np.float32))[0].tolist()

    assert compute("-x ** 2", 3) == [-9]
    assert compute("x - 1 - 1 * x", 3) == [-1]
    assert compute("x / 2 / 2", 8) == [2]
    assert compute("x > 1 || x < 0 && x > -2", 2, -1, -3, 0.5) == [1, 1, 0, 0]
    assert compute("x > 1 ? 1 : x > 0 ? 2 : 3", 2, 0.5, -1) == [1, 2, 3]
    assert compute("(x > 0) + (x > 1) * 2", 2, 0.5) == [3, 1]
    assert compute("number(integer(x) + 1 << 1)", 3) == [8]
    assert compute("number(integer(x) << 33)", 3) == [6]
    assert compute("number(integer(x) >> 1)", -3, -1, 5) == [-2, -1, 2]
    assert compute("number(integer(x))", 2.9, -2.9, 3e9, -3e9) == [2, -2, 2**31, -(2**31)]
    assert compute("number(integer(x * 0 / 0))", 1) == [0]
    assert compute("min(x * 0 / 0, x)", 1) == [1]
    assert np.isnan(compute("max(x, x * 0 / 0)", 1)[0])
    assert compute("x * 0 / 0 == x", 1) == [0]


def test_a_program_gives_the_bits_of_the_neurons_that_it_states():
    expected = run(network(nn.lif(tau=0.01, r=2.0, threshold=0.5)), inputs())
    layer = nn.neuron(LIF, tau=0.01, r=2.0, v_leak=0, v_threshold=0.5)
    assert 20 < expected.sum() < expected.size
    assert np.array_equal(run(network(layer), inputs()), expected)


def test_a_program_replaces_neurons_and_keeps_their_parameters():
    model = network(nn.lif(tau=0.01, r=2.0, threshold=0.5, per_neuron=True, name="n"))
    expected = run(model, inputs())
    with pytest.raises(arcuate.NotFoundError):
        model.program("n")
    model.set_program("n", LIF)
    assert model.program("n") == LIF
    assert model.nodes[2].kind == "NeuronProgram"
    assert np.array_equal(run(model, inputs()), expected)


@pytest.mark.parametrize("size", [12, 300])
def test_arrays_are_parameters_of_each_neuron(size, tmp_path):
    draw = random(5)
    decay = draw.uniform(0.5, 1, size).astype(np.float32)
    b = draw.uniform(0, 1, size)
    model = network(nn.neuron(ADAPTIVE, decay=decay, b=b, name="n"), size)
    currents = run(network(nn.neuron("value = x"), size), inputs())
    v = w = np.zeros(size, np.float32)
    expected = []
    for x in currents:
        v = decay * v + x - w
        spike = v > 1
        v = np.where(spike, np.float32(0), v)
        w = np.float32(0.75) * w + b.astype(np.float32) * spike
        expected.append(spike.astype(np.float32))
    found = run(model, inputs())
    assert found.sum() > size
    assert np.array_equal(found, expected)

    model.save(tmp_path / "net.safetensors")
    with arcuate.Model.open(tmp_path / "net.safetensors") as again:
        assert again.program("n") == ADAPTIVE
        assert np.array_equal(run(again, inputs()), expected)
    with pytest.raises(arcuate.ModelError, match="safetensors can hold it"):
        model.save(tmp_path / "net.nir")

    other = network(nn.neuron(ADAPTIVE, decay=0.5, b=0, name="n"), size)
    other.set_program_parameter("n", "decay", decay)
    other.set_program_parameter("n", "b", b.astype(np.float32))
    assert np.array_equal(run(other, inputs()), expected)


def test_parameters_of_an_image_have_its_shape(tmp_path):
    gain = np.arange(12, dtype=np.float32).reshape(3, 2, 2)
    model = nn.sequential((3, 2, 2), [nn.neuron("value = gain * x", gain=gain, name="n")])
    ones = np.ones((1, 3, 2, 2), np.float32)
    assert np.array_equal(run(model, ones)[0], gain)
    model.set_program_parameter("n", "gain", gain[::-1])
    assert np.array_equal(run(model, ones)[0], gain[::-1])
    model.set_program_parameter("n", "gain", 2.5)
    assert np.array_equal(run(model, ones)[0], np.full((3, 2, 2), 2.5))
    # What is written is an array of the image's shape.
    model.set_program_parameter("n", "gain", gain)
    model.save(tmp_path / "net.safetensors")
    content = (tmp_path / "net.safetensors").read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    assert header["n.parameters.gain"]["shape"] == [3, 2, 2]


def test_recurrent_programs_are_recurrent_neurons():
    lif = nn.lif(tau=0.01, r=2.0, threshold=0.5, recurrent=True, name="n")
    twin = nn.neuron(LIF, tau=0.01, r=2.0, v_leak=0, v_threshold=0.5, recurrent=True, name="n")
    assert np.array_equal(run(network(twin), inputs()), run(network(lif), inputs()))


def test_random_numbers_follow_the_seed_alone():
    text = "state v\nv = 0.5 * v + x + normal()\nspike = v > uniform()\nv = spike ? 0 : v"
    first, again, other = (network(nn.neuron(text, seed=seed)) for seed in (1, 1, 2))
    assert np.array_equal(run(first, inputs()), run(again, inputs()))
    assert not np.array_equal(run(first, inputs()), run(other, inputs()))
    batch = np.repeat(inputs()[:, None], 3, axis=1)
    many = run(first, batch, batch=3, threads=2)
    assert np.array_equal(many[:, 0], run(first, inputs()))
    assert not np.array_equal(many[:, 0], many[:, 1])


@pytest.mark.parametrize(
    "text, error, words",
    [
        ("state v\nv = v + x @ 2", arcuate.FormatError, "line 2, column 11: unexpected"),
        ("value = min(x)", arcuate.FormatError, "line 1, column 9: min takes 2 arguments"),
        ("state v\nspike = v", arcuate.FormatError, "line 2, column 9: a condition is expected"),
        ("value = gain * x", arcuate.FormatError, 'line 1, column 9: the parameter "gain"'),
        ("input a, b, c, d, e, f, g, h, i", arcuate.LimitError, "line 1, column 31"),
        ("", arcuate.FormatError, "spike, count or value"),
    ],
)
def test_mistakes_are_named_with_line_and_column(text, error, words):
    with pytest.raises(error, match=words):
        network(nn.neuron(text))


def test_wrong_arguments_are_refused_and_change_nothing():
    layer = nn.neuron("value = gain * x", gain=2.0, name="n")
    model = network(layer)
    before = run(model, inputs())
    with pytest.raises(arcuate.FormatError, match="program: line 1, column 11"):
        model.set_program("n", "value = x 2")
    with pytest.raises(arcuate.NotFoundError):
        model.set_program("m", "value = x")
    with pytest.raises(arcuate.ArgumentError):
        model.set_program("weights", "value = x")
    with pytest.raises(arcuate.ArgumentError):
        model.set_program("n", "value = x\0")
    with pytest.raises(arcuate.NotFoundError, match="but gain"):
        model.set_program_parameter("n", "factor", 1)
    with pytest.raises(arcuate.ArgumentError, match="one number or 12, not 6"):
        model.set_program_parameter("n", "gain", np.ones(6))
    with pytest.raises(arcuate.ArgumentError):
        model.set_program_parameter("n", "gain", np.nan)
    with pytest.raises(arcuate.ArgumentError):
        model.set_program_parameter("weights", "gain", 1)
    assert model.program("n") == "value = gain * x"
    assert np.array_equal(run(model, inputs()), before)
    with pytest.raises(arcuate.ArgumentError):
        nn.neuron("value = x", kind=3)
    with pytest.raises(arcuate.FormatError, match="unknown field"):
        network(nn.neuron("value = x", gain=3))
    with pytest.raises(arcuate.FormatError, match="5 numbers for 12 neurons"):
        network(nn.neuron("value = gain * x", gain=np.ones(5)))


def test_a_parameter_is_trained():
    """The decay of integrators, from the outputs of others with another decay."""
    text = "state v\nv = decay * v + x\nvalue = v"
    x = random(6).normal(size=(64, 6)).astype(np.float32)

    def model(decay):
        return network(nn.neuron(text, decay=decay, name="n"))

    with model(0.5) as teacher, teacher.compile(steps_per_frame=5, frame_state="reset") as plan:
        targets = plan.session().run(x)
    options = {"loss": "mean_square", "readout": "last", "freeze": ["weights"], "rate": 0.02}
    trainer = arcuate.Trainer(model(0.8), batch=64, steps=5, train=["n.decay"], **options)
    losses = [trainer.train_step(x, targets).loss for _ in range(200)]
    assert losses[-1] < 1e-3 * losses[0]
    assert abs(float(trainer.parameter("n.decay")) - 0.5) < 0.01
    assert trainer.model().program("n") == text
    # The gradients are those of differences.
    trainer = arcuate.Trainer(model(0.8), batch=64, steps=5, train=["n.decay"], **options)
    trainer.gradients(x, targets)
    slope = float(trainer.gradient("n.decay"))
    above, below = (
        arcuate.Trainer(model(0.8 + d), batch=64, steps=5, **options).evaluate(x, targets).loss
        for d in (1e-3, -1e-3)
    )
    assert slope == pytest.approx((above - below) / 2e-3, rel=1e-2)


def test_spiking_programs_are_trained_as_the_neurons_that_they_state():
    x = random(7).normal(size=(32, 6)).astype(np.float32)
    labels = (x[:, 0] > 0).astype(np.int64)
    out = [nn.linear(2, name="out"), nn.li(tau=0.01)]

    def losses(layer):
        model = nn.sequential(6, [nn.linear(20, name="weights"), layer, *out], seed=5)
        trainer = arcuate.Trainer(model, batch=32, steps=8, surrogate="fast_sigmoid", rate=0.01)
        return [trainer.train_step(x, labels).loss for _ in range(30)]

    lif = losses(nn.lif(tau=0.01, r=5.0))
    program = losses(nn.neuron(LIF, tau=0.01, r=5.0, v_leak=0, v_threshold=1))
    assert program[-1] < 0.6 * program[0]
    assert program == pytest.approx(lif, rel=1e-4)


def test_the_library_of_programs_has_their_texts() -> None:
    names = arcuate.neuron_program().split("\n")
    assert len(names) > 70 and "adaptive-lif" in names
    layer = nn.neuron(arcuate.neuron_program("adaptive-lif"), beta=1.5)
    session = nn.sequential(8, [nn.linear(4), layer]).compile().session()
    assert session.run(np.ones((3, 8), np.float32)).shape == (3, 4)
    with pytest.raises(arcuate.NotFoundError, match="neuron program 'lief'"):
        arcuate.neuron_program("lief")
