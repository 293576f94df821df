"""The parts that experiments/systems is made of: networks, what they compute, and the verdicts."""

from __future__ import annotations

import sys
from pathlib import Path

import arcuate
import numpy as np
import pytest
from conftest import ROOT, random

sys.path.insert(0, str(ROOT / "experiments" / "systems"))
import run as runner  # noqa: E402
from networks import Network, size  # noqa: E402
from system import Claim, System, named  # noqa: E402


def spiking(seed: int = 0, extra: int = 0) -> Network:
    net = Network([12], seed)
    net.linear(8, "w1", scale=3)
    net.lif(name="lif1")
    for i in range(extra):
        net.linear(8, f"extra{i}", scale=3)
        net.lif(name=f"pass{i}")
    net.linear(4, "w2")
    net.output()
    return net


def batch(seed: int, steps: int = 5):
    draw = random(seed)
    return draw.random((16, steps, 12)).astype(np.float32), draw.integers(0, 4, 16)


def test_lif_follows_its_recurrence():
    x, _ = batch(1)
    net = Network([12], 0)
    net.lif(0.2, 0.5)
    net.output()
    found = arcuate.Trainer(
        net.model(), batch=16, steps=5, input="every", loss="mean_square"
    ).predict(x)
    u, s = np.zeros((16, 12)), np.zeros((16, 12))
    for t in range(5):
        u = 0.2 * u * (1 - s) + x[:, t]
        s = (u > 0.5).astype(float)
        # A membrane at the threshold to rounding may fall on either side.
        sure = np.abs(u - 0.5) > 1e-5
        assert (found[:, t] == s)[sure].all()
    assert 0 < found.mean() < 1


def test_subtraction_follows_its_recurrence():
    x, _ = batch(2)
    net = Network([12], 0)
    net.lif(0.9, 1.0, reset="subtract")
    net.output()
    found = arcuate.Trainer(
        net.model(), batch=16, steps=5, input="every", loss="mean_square"
    ).predict(x)
    u = np.zeros((16, 12))
    for t in range(5):
        u = 0.9 * u + x[:, t]
        s = (u > 1).astype(float)
        assert (found[:, t] == s)[np.abs(u - 1) > 1e-5].all()
        u -= s


def test_two_exponentials_follow_their_recurrence():
    x, _ = batch(3)
    net = Network([12], 0)
    net.synaptic(0.9, 0.7, 2.0)
    net.output()
    found = arcuate.Trainer(
        net.model(), batch=16, steps=5, input="every", loss="mean_square"
    ).predict(x)
    i, u = np.zeros((16, 12)), np.zeros((16, 12))
    for t in range(5):
        i = 0.7 * i + x[:, t]
        u = 0.9 * u + i
        s = (u > 2).astype(float)
        assert (found[:, t] == s)[np.abs(u - 2) > 1e-5].all()
        u -= 2 * s
    assert 0 < found.mean() < 1


def test_shared_layers_have_the_sum_of_the_gradients():
    x, y = batch(4)
    net = spiking(extra=2)
    for field in ("weight", "bias"):
        net.nodes["extra1"][field] = net.nodes["extra0"][field].copy()
    options = dict(batch=16, steps=5, input="every", surrogate=("box", 0.5, 1.0))
    own = arcuate.Trainer(net.model(), **options)
    shared = arcuate.Trainer(net.model(), tie=[["extra0", "extra1"]], **options)
    assert size(own) - size(shared) == 8 * 8 + 8
    own.gradients(x, y)
    shared.gradients(x, y)
    wanted = own.gradient("extra0.weight") + own.gradient("extra1.weight")
    assert np.abs(wanted).max() > 0
    np.testing.assert_allclose(shared.gradient("extra0.weight"), wanted, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("noise", [None, ("additive", 0.01), ("multiplicative", 0.1)])
def test_identical_units_part_through_noise_alone(noise):
    x, y = batch(5)
    net = spiking()
    net.nodes["w1"]["weight"][:] = net.nodes["w1"]["weight"][0]
    net.nodes["w1"]["bias"][:] = net.nodes["w1"]["bias"][0]
    net.nodes["w2"]["weight"][:] = net.nodes["w2"]["weight"][:, :1]
    before = net.nodes["w1"]["weight"].copy()
    trainer = arcuate.Trainer(
        net.model(), batch=16, steps=5, input="every", surrogate=("box", 0.5, 1.0), noise=noise
    )
    for _ in range(20):
        trainer.train_step(x, y)
    after = trainer.parameter("w1.weight")
    assert np.abs(after - before).max() > 1e-3
    assert (np.ptp(after, axis=0).max() < 1e-6) == (noise is None)


def test_verdicts_name_what_fails_and_what_was_not_run(tmp_path: Path, capsys):
    system = System(
        "A title",
        "A source",
        {"a": lambda run: 1.0, "b": lambda run: 2.0},
        (
            Claim("a is small", lambda m: m["a"] < 2),
            Claim("a is large", lambda m: m["a"] > 2),
            Claim("b is there", lambda m: m["b"] > 0),
        ),
    )
    results = runner.Results(tmp_path / "results.jsonl")
    for seed in (0, 1):
        results.add(
            {
                "system": "s",
                "variant": "a",
                "seed": seed,
                "date": "today",
                "seconds": 1,
                "measures": named("a", 1.0 + seed / 2),
            }
        )
    again = runner.Results(tmp_path / "results.jsonl")
    assert not runner.table("s", system, again, [0, 1], None)
    text = capsys.readouterr().out
    assert "| a is small | yes | yes | holds |" in text
    assert "| a is large | no | no | DOES NOT HOLD |" in text
    assert "| b is there | not run | not run | not run |" in text
    assert "| a | 1.00 | 1.50 | 1.25 ± 0.35 |" in text
