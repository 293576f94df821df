"""Files as libraries write them, by their presets: the same spikes as the libraries' own update rules.

The rules are written here in NumPy; the fields of the nodes are those of the exporters of Spyx 1.0.0,
Rockpool 3.1.0, sinabs 3.1.3, Norse 1.1.0, snnTorch 1.0.0 and SpikingJelly 2.0.0.
"""

from __future__ import annotations

from typing import Any, Callable

import arcuate
import numpy as np
import pytest

nir = pytest.importorskip("nir")

N = 8
ONE = np.ones(N)
X = np.random.RandomState(3).randn(60, N) * 0.8 + 0.3


def graph(nodes: dict[str, Any], edges: list[tuple[str, str]]) -> Any:
    return nir.NIRGraph(nodes, edges, type_check=False)


def chain(*names: str) -> list[tuple[str, str]]:
    return list(zip(names, names[1:]))


def opened(path: Any, node: Any, preset: str | None, dt: float | None, n: int = N) -> arcuate.Model:
    nodes = {"input": nir.Input(np.array([n])), "n": node, "output": nir.Output(np.array([n]))}
    nir.write(path / "a.nir", graph(nodes, chain("input", "n", "output")))
    return arcuate.Model.open(path / "a.nir", preset=preset, dt=dt)


def run(model: arcuate.Model, x: np.ndarray) -> np.ndarray:
    return np.asarray(model.compile().session().run(x.astype(np.float32)))


def repairs(model: arcuate.Model | arcuate.Plan) -> list[str]:
    return [f.message for f in model.findings if f.severity == "repair"]


def spyx_lif(beta: float) -> Callable[[np.ndarray], np.ndarray]:
    v = np.zeros(N)

    def step(x: np.ndarray) -> np.ndarray:
        nonlocal v
        spike = (v > 1) * 1.0
        v = beta * v + x - spike
        return spike

    return step


def spyx_cuba(alpha: float, beta: float) -> Callable[[np.ndarray], np.ndarray]:
    v, i = np.zeros(N), np.zeros(N)

    def step(x: np.ndarray) -> np.ndarray:
        nonlocal v, i
        spike = (v > 1) * 1.0
        i = alpha * i + x
        v = beta * (v - spike) + i
        return spike

    return step


def rockpool(alpha: float, beta: float | None) -> Callable[[np.ndarray], np.ndarray]:
    v, i = np.zeros(N), np.zeros(N)

    def step(x: np.ndarray) -> np.ndarray:
        nonlocal v, i
        i = x if beta is None else (i + x) * beta
        v = v * alpha + i
        count = np.where(v >= 1, np.floor(v), 0)
        v = v - count
        return count

    return step


def sinabs(tau: float, normed: bool) -> Callable[[np.ndarray], np.ndarray]:
    v, e = np.zeros(N), np.exp(-1 / tau)

    def step(x: np.ndarray) -> np.ndarray:
        nonlocal v
        v = e * v + (1 - e if normed else 1) * x
        count = np.where(v > 0, np.floor(v), 0)
        v = v - count
        return count

    return step


def norse_cell(mem: float, syn: float, dt: float) -> Callable[[np.ndarray], np.ndarray]:
    v, i = np.zeros(N), np.zeros(N)

    def step(x: np.ndarray) -> np.ndarray:
        nonlocal v, i
        i = i + x
        v = v + dt * mem * (i - v)
        i = i - dt * syn * i
        spike = (v > 1) * 1.0
        v = v * (1 - spike)
        return spike

    return step


def snntorch(
    alpha: float | None, beta: float, reset: str, delay: bool
) -> Callable[[np.ndarray], np.ndarray]:
    """Leaky, or with alpha Synaptic, of snnTorch."""
    v, i = np.zeros(N), np.zeros(N)

    def step(x: np.ndarray) -> np.ndarray:
        nonlocal v, i
        before = (v > 1) * 1.0
        i = x if alpha is None else alpha * i + x
        if reset == "zero":
            v = (1 - before) * (beta * v + i) if alpha is not None else beta * (1 - before) * v + i
        else:
            v = beta * v + i - (before if reset == "subtract" else 0)
        spike = (v > 1) * 1.0
        if not delay and reset == "subtract":
            v = v - (spike - before)
        elif not delay and reset == "zero":
            v = v - (spike - before) * v
        return spike

    return step


def lif(tau: float, r: float, **more: float) -> Any:
    fields = {"v_leak": 0.0, "v_threshold": 1.0, "v_reset": 0.0, **more}
    return nir.LIF(tau=ONE * tau, r=ONE * r, **{k: ONE * v for k, v in fields.items()})


def cuba(tau_syn: float, tau_mem: float, r: float, w_in: float) -> Any:
    return nir.CubaLIF(
        tau_syn=ONE * tau_syn,
        tau_mem=ONE * tau_mem,
        r=ONE * r,
        w_in=ONE * w_in,
        v_leak=ONE * 0,
        v_threshold=ONE,
        v_reset=ONE * 0,
    )


def steps_of(decay: float, dt: float) -> float:
    """The time constant that exporters write for what a step leaves."""
    return dt / (1 - decay)


E20 = np.exp(-1e-3 / 0.02)
CASES = {
    "spyx LIF": (lif(steps_of(0.8, 1), 0.8), "spyx", 1.0, lambda: spyx_lif(0.8), 1),
    "spyx CuBaLIF": (
        cuba(steps_of(0.6, 1), steps_of(0.8, 1), 0.8, 1),
        "spyx",
        1.0,
        lambda: spyx_cuba(0.6, 0.8),
        0.3,
    ),
    "rockpool LIFTorch": (
        cuba(0.01, 0.02, 0.02 * E20 / 1e-3, 1),
        "rockpool",
        1e-3,
        lambda: rockpool(E20, np.exp(-0.1)),
        0.3,
    ),
    "rockpool LIFNeuronTorch": (
        lif(0.02, 0.02 * E20 / 1e-3),
        "rockpool",
        1e-3,
        lambda: rockpool(E20, None),
        1,
    ),
    "sinabs LIF": (lif(8, 1), "sinabs", 1.0, lambda: sinabs(8, True), 5),
    "sinabs LIF, not normed": (
        lif(8, 1),
        "sinabs:norm_input=0",
        1.0,
        lambda: sinabs(8, False),
        1,
    ),
    "norse LIFCell": (
        cuba(1e-3 / 200, 1e-3 / 100, 1, 1),
        "norse",
        1e-6,
        lambda: norse_cell(100, 200, 1e-3),
        3,
    ),
}
for reset in ("zero", "subtract", "none"):
    for delay in (0, 1):
        preset = f"snntorch:reset={reset},delay={delay}"
        CASES[f"{preset} Leaky"] = (
            lif(steps_of(0.9, 1e-4), 10),
            preset,
            1e-4,
            lambda reset=reset, delay=delay: snntorch(None, 0.9, reset, bool(delay)),
            1,
        )
        CASES[f"{preset} Synaptic"] = (
            cuba(steps_of(0.7, 1e-4), steps_of(0.9, 1e-4), 10, 1 / 0.3),
            preset,
            1e-4,
            lambda reset=reset, delay=delay: snntorch(0.7, 0.9, reset, bool(delay)),
            0.3,
        )


@pytest.mark.parametrize("case", CASES)
def test_the_library_and_its_preset_spike_alike(case, tmp_path):
    node, preset, dt, rule, scale = CASES[case]
    model = opened(tmp_path, node, preset, dt)
    step = rule()
    right = np.array([step(x) for x in (X * scale).astype(np.float32)])
    assert right.sum() > 20
    np.testing.assert_array_equal(run(model, X * scale), right)
    assert not any(" is not what " in message for message in repairs(model))


def test_presets_are_stored(tmp_path):
    model = opened(tmp_path, lif(steps_of(0.8, 1), 0.8), "spyx", 1.0)
    right = run(model, X)
    for name in ("b.nir", "b.safetensors"):
        model.save(tmp_path / name)
        np.testing.assert_array_equal(run(arcuate.Model.open(tmp_path / name), X), right)


def test_a_file_of_another_library_is_reported(tmp_path):
    """Spyx does not use r, and writes the factor of decay there."""
    model = opened(tmp_path, lif(steps_of(0.8, 1), 3), "spyx", 1.0)
    assert any(message.startswith("r is not what spyx writes") for message in repairs(model))
    assert not repairs(opened(tmp_path, lif(steps_of(0.8, 1), 3), "spyx:import", 1.0))
    # Where the model states no step, the plan does.
    model = opened(tmp_path, lif(steps_of(0.8, 1), 0.8), "spyx", None)
    assert not repairs(model)
    assert not repairs(model.compile(dt=1.0))
    assert any(message.startswith("r is not what") for message in repairs(model.compile(dt=0.5)))


def test_what_a_file_leaves_open_is_reported(tmp_path):
    node = lif(steps_of(0.9, 1e-4), 10)
    unsaid = repairs(opened(tmp_path, node, "snntorch", 1e-4))
    assert len(unsaid) == 1 and "reset_mechanism" not in unsaid[0] and "delay may be" in unsaid[0]
    assert not repairs(opened(tmp_path, node, "snntorch:reset=subtract,delay", 1e-4))
    notes = [f.message for f in opened(tmp_path, node, None, 1e-4).findings]
    assert any(note.startswith("states no reset") for note in notes)


def test_fields_and_options(tmp_path):
    """A field is an option of the rule where there is one; else the fields take its place."""
    node = lif(steps_of(0.9, 1e-4), 10)
    model = opened(tmp_path, node, "snntorch", 1e-4)
    model.semantics(reset="subtract", reset_timing="next_step")
    said = opened(tmp_path, node, "snntorch:reset=subtract,delay=1", 1e-4)
    np.testing.assert_array_equal(run(model, X), run(said, X))
    model.semantics(integrator="exponential")
    imported = opened(tmp_path, node, "snntorch:import", 1e-4)
    imported.semantics(integrator="exponential")
    np.testing.assert_array_equal(run(model, X), run(imported, X))
    for preset in ("snntorch:reset=half", "snntorch:speed=1", "nir:reset=zero", "brian", "spyx:"):
        with pytest.raises(arcuate.ArgumentError):
            opened(tmp_path, node, preset, 1e-4)


def test_spikingjelly_starts_at_the_reset_value(tmp_path):
    node = nir.LIF(
        tau=np.array([2e-4]),
        r=np.array([1.0]),
        v_leak=np.array([-1.0]),
        v_threshold=np.array([0.3]),
        v_reset=np.array([-1.0]),
    )
    model = opened(tmp_path, node, "spikingjelly", 1e-4, n=1)
    v, right = -1.0, []
    for _ in range(8):
        v = v + (1.5 - (v + 1)) / 2
        right.append(float(v >= 0.3))
        v = -1.0 if v >= 0.3 else v
    np.testing.assert_array_equal(run(model, np.full((8, 1), 1.5)).ravel(), right)


@pytest.mark.parametrize(
    "preset", ["snntorch:reset=subtract,delay=1", "sinabs", "spyx", "norse", "nir"]
)
def test_presets_are_trained(preset):
    """The neurons stay what they are in the file."""
    from arcuate import nn

    rs = np.random.RandomState(0)
    x = (rs.rand(64, 20, 10) < 0.3).astype(np.float32)
    y = (x.sum((1, 2)) > 60).astype(int)
    layers = [nn.linear(32), nn.lif(beta=0.9), nn.linear(2), nn.li(beta=0.9)]
    model = nn.sequential(10, layers, seed=1, semantics={"preset": preset})
    trainer = arcuate.Trainer(model, batch=64, steps=20, input="every")
    losses = [trainer.train_step(x, y).loss for _ in range(30)]
    assert losses[-1] < 0.7 * losses[0]
    assert [n.kind for n in trainer.model().nodes] == [n.kind for n in model.nodes]


def test_what_no_option_chooses_is_reported(tmp_path):
    """Layers may have what neither the file nor an option says."""
    for preset, name in (
        ("snntorch:reset=subtract,delay=1", "graded_spikes_factor"),
        ("norse:reset=value", "v_reset"),
        ("sinabs:norm_input=1", "min_v_mem"),
        ("rockpool", "has_rec"),
    ):
        model = opened(tmp_path, lif(steps_of(0.9, 1e-4), 10), preset, 1e-4)
        assert any(name in f.message for f in model.findings if f.severity == "note")


@pytest.mark.parametrize(
    "options, said", [("zero,delay=1", 1), ("zero,delay=0", 0), ("subtract", 0)]
)
def test_a_recurrent_rule_that_is_not_computed_is_reported(tmp_path, options, said):
    """snnTorch's RLeaky with reset_mechanism="zero" and a delay resets after the decay, Leaky before."""
    nodes = {
        "input": nir.Input(np.array([N])),
        "lif": lif(steps_of(0.9, 1e-4), 10),
        "w_rec": nir.Linear(np.eye(N)),
        "output": nir.Output(np.array([N])),
    }
    edges = [*chain("input", "lif", "w_rec", "lif"), ("lif", "output")]
    nir.write(tmp_path / "a.nir", graph(nodes, edges))
    model = arcuate.Model.open(tmp_path / "a.nir", preset=f"snntorch:reset={options}", dt=1e-4)
    assert sum("RLeaky" in message for message in repairs(model)) == said
