"""Rules that change weights while a session runs, against NumPy."""

from __future__ import annotations

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


def test_local_errors_change_weights_as_their_equation_says(tmp_path: Path) -> None:
    import decolle

    generator = random(12)
    nodes, edges = decolle.network(3, first_step=0, layers=1, inputs=30)
    nodes["weights1"]["rule"] |= {"scaling": None}
    del nodes["weights1"]["rule"]["scaling"]
    nodes["weights1"]["rule"]["terms"][0]["rate"] = 0.01
    nodes["spikes0"] = {"kind": "Scale", "scale": np.ones(30, np.float32)}
    session = compiled(tmp_path / "local.safetensors", nodes, edges)
    session.adapting = True
    w = nodes["weights1"]["weight"].astype(np.float32).astype(float)
    bias = np.zeros(len(w))
    readout, offset = nodes["answer1"]["weight"], nodes["answer1"]["bias"]
    teacher = np.eye(10)[4]
    session.set_signal("label", teacher)
    q, p = np.zeros(30), np.zeros(30)
    r, s = np.zeros(len(w)), np.zeros(len(w))
    for step in range(40):
        x = (generator.random(30) < 0.3).astype(np.float32)
        p = decolle.ALPHA * p + (1 - decolle.ALPHA) * q
        q = decolle.BETA * q + 10 * (1 - decolle.BETA) * x
        r = decolle.GAMMA * r - (1 - decolle.GAMMA) * s
        u = w @ p + bias + r
        s = (u > 0).astype(float)
        y = readout @ s + offset
        np.testing.assert_allclose(session.step(x), y, atol=1e-4)
        error = readout.T @ np.clip(teacher - y, -1, 1) / (10 * np.abs(u) + 1) ** 2
        w += 0.01 * np.outer(error, p)
        bias += 0.01 * error
        np.testing.assert_allclose(session.adapted("weights1"), w, atol=1e-5)


def convolve(x, weight, stride, padding):
    """[in, h, w] with [out, in, kh, kw]: the outputs, and the windows that they see, [out h, out w, in,
    kh, kw]."""
    kh, kw = weight.shape[2:]
    x = np.pad(x, ((0, 0), (padding[0],) * 2, (padding[1],) * 2))
    windows = np.lib.stride_tricks.sliding_window_view(x, (kh, kw), (1, 2))
    windows = windows[:, :: stride[0], :: stride[1]].transpose(1, 2, 0, 3, 4)
    return np.einsum("yxckl,ockl->oyx", windows, weight), windows


@pytest.mark.parametrize("traced", [True, False])
def test_kernels_change_by_local_errors(tmp_path: Path, traced: bool) -> None:
    """A convolution of two exponentials of the spikes, or of the spikes themselves, of which few come."""
    import decolle

    generator = random(14)
    shape, stride, padding = (2, 9, 8), (2, 1), (1, 0)
    w = generator.standard_normal((3, 2, 3, 2)).astype(np.float32)
    bias = np.float32([0.1, -0.2, 0])
    readout = generator.uniform(-0.3, 0.3, (4, 3 * 5 * 7)).astype(np.float32)
    pre = "value" if traced else {"trace": {"tau": decolle.tau(0.9)}}
    nodes = {
        "in": {"kind": "Input", "shape": list(shape)},
        "trace": {
            "kind": "Trace",
            "tau": decolle.tau(decolle.BETA),
            "gain": 1 - decolle.BETA,
            "second": decolle.tau(decolle.ALPHA),
            "second_gain": 1 - decolle.ALPHA,
            "lags": True,
        },
        "kernels": {
            "kind": "PlasticConv2d",
            "weight": w,
            "bias": bias,
            "stride": stride,
            "padding": padding,
            "dilation": [1, 1],
            "groups": 1,
            "rule": {
                "post": "spikes",
                "bias": True,
                "terms": [
                    {
                        "event": "step",
                        "pre": pre,
                        "rate": 0.05,
                        "post": {"surrogate": {"kind": "fast_sigmoid", "slope": 10}},
                    }
                ],
                "modulator": {"error": "answer", "teacher": "label"},
                "map": {"transpose": "answer"},
            },
        },
        "spikes": {
            "kind": "Cell",
            "size": 3 * 5 * 7,
            "v_threshold": np.zeros(1, np.float32),
            "reset": "none",
        },
        "flat": {"kind": "Flatten", "start_dim": 0, "end_dim": -1},
        "answer": {"kind": "Linear", "weight": readout},
        "out": {"kind": "Output", "shape": [4]},
    }
    names = [name for name in nodes if traced or name != "trace"]
    edges = list(zip(names, names[1:]))
    path = tmp_path / "kernels.safetensors"
    arcuate.save_network(path, {name: nodes[name] for name in names}, edges, dt=1e-3)
    session = arcuate.Model.open(path).compile().session()
    session.adapting = True
    teacher = np.float32([0.5, 0, -1, 2])
    session.set_signal("label", teacher)
    q, p, trace = (np.zeros(shape) for _ in range(3))
    w, bias = w.astype(float), bias.astype(float)
    before = w.copy()
    for _ in range(30):
        x = (generator.random(shape) < 0.05).astype(np.float32)
        p = decolle.ALPHA * p + (1 - decolle.ALPHA) * q
        q = decolle.BETA * q + (1 - decolle.BETA) * x
        trace = 0.9 * trace + x
        u, _ = convolve(p if traced else x, w, stride, padding)
        u += bias[:, None, None]
        y = readout @ (u > 0).astype(float).ravel()
        np.testing.assert_allclose(session.step(x), y, atol=1e-4)
        error = (readout.T @ (teacher - y)).reshape(u.shape) / (10 * np.abs(u) + 1) ** 2
        _, windows = convolve(p if traced else trace, w, stride, padding)
        w += 0.05 * np.einsum("oyx,yxckl->ockl", error, windows)
        bias += 0.05 * error.sum((1, 2))
        np.testing.assert_allclose(session.adapted("kernels"), w.reshape(3, -1), atol=1e-5)
    assert np.abs(w - before).max() > 0.01
    session.adapted_model().save(path)
    learned = arcuate.Model.open(path).compile().session()
    np.testing.assert_array_equal(learned.adapted("kernels"), session.adapted("kernels"))
    session.reset()
    session.adapting = False
    np.testing.assert_array_equal(learned.step(x), session.step(x))


def test_what_kernels_cannot_follow_is_refused(tmp_path: Path) -> None:
    def opened(rule, groups=1):
        nodes = {
            "in": {"kind": "Input", "shape": [2, 4, 4]},
            "k": {
                "kind": "PlasticConv2d",
                "weight": np.ones((2, 2 // groups, 2, 2), np.float32),
                "stride": [1, 1],
                "padding": [0, 0],
                "dilation": [1, 1],
                "groups": groups,
                "rule": {"post": "k"} | rule,
            },
            "out": {"kind": "Output", "shape": [2, 3, 3]},
        }
        path = tmp_path / "kernels.safetensors"
        arcuate.save_network(path, nodes, [("in", "k"), ("k", "out")])
        return arcuate.Model.open(path).compile()

    terms = [{"event": "step", "pre": "value", "post": "value", "rate": 0.1}]
    opened({"terms": terms})
    for rule, message in (
        ({"terms": [terms[0] | {"event": "pre"}]}, "every step"),
        ({"terms": [terms[0] | {"pre": "one"}]}, "from its input"),
        ({"terms": terms, "apply": "frame"}, "without decay"),
        ({"terms": terms, "decay": {"oja": 0.1}}, "without decay"),
        ({"terms": terms, "column_sum": 3}, "without decay"),
        ({"terms": [terms[0] | {"pre": {"node": "in"}}], "post": "out2"}, "does not exist"),
    ):
        with pytest.raises(arcuate.ModelError, match=message):
            opened(rule)
    with pytest.raises(arcuate.ModelError, match="one group"):
        opened({"terms": terms}, groups=2)


def test_local_errors_are_gradients_detached_in_time_and_across_layers(tmp_path: Path) -> None:
    import decolle

    generator = random(15)
    inputs, steps, label = 30, 40, 4
    nodes, edges = decolle.network(3, first_step=steps - 1, inputs=inputs)
    nodes["spikes0"] = {"kind": "Scale", "scale": np.ones(inputs, np.float32)}
    for layer in (1, 2, 3):
        rule = nodes[f"weights{layer}"]["rule"]
        del rule["scaling"]
        rule["terms"][0]["rate"] = 0.01
    spikes = (generator.random((1, steps, inputs)) < 0.3).astype(np.float32)
    session = decolle.session(nodes, edges, 1, 1)
    session.adapting = True
    session.set_signal("label", np.eye(10)[label])
    before = [session.adapted(f"weights{layer}") for layer in (1, 2, 3)]
    answers = [session.step(x) for x in spikes[0]]

    def trainer(**options) -> arcuate.Trainer:
        return arcuate.Trainer(
            decolle.model(*decolle.ordinary(nodes, edges)),
            batch=1,
            steps=steps,
            input="every",
            surrogate=("fast_sigmoid", 10),
            freeze=decolle.READOUTS,
            loss=[arcuate.Loss("smooth_l1", "every", k, (steps - 1, steps)) for k in range(3)],
            **options,
        )

    detached = trainer(
        detach_time=True,
        detach=[("spikes1", "late2"), ("spikes2", "late3")]
        + [(f"recovery{layer}", f"spikes{layer}") for layer in (1, 2, 3)],
    )
    for k, found in enumerate(detached.predict(spikes)):
        np.testing.assert_allclose(found[0], [answer[k] for answer in answers], atol=1e-6)
    whole = trainer()
    for one in (detached, whole):
        one.gradients(spikes, np.array([label]))
    for layer in (1, 2, 3):
        step = (session.adapted(f"weights{layer}") - before[layer - 1]) / 0.01
        assert np.abs(step).max() > 0.01
        # The loss is a mean over ten outputs.
        name = f"weights{layer}.weight"
        np.testing.assert_allclose(step, -10 * detached.gradient(name), atol=1e-5)
        # The whole gradient is another, but for the last layer, which has nothing behind it.
        assert np.abs(step + 10 * whole.gradient(name)).max() > 1e-3 or layer == 3


def spike_train_nodes(generator: np.random.Generator, feedback: str = "random", bare: bool = False):
    """Nodes of `stdfa` whose input spikes come from the host, without limits, scaling, dead zone
    and what wakes silent outputs; `bare`: with the signals ones1 and ones2 for errors, so that what a
    frame added up comes out."""
    import stdfa

    inputs, hidden = 40, 12
    nodes = stdfa.network(5, feedback, inputs=inputs, hidden=hidden)
    nodes["spikes0"] = {"kind": "Scale", "scale": np.ones(inputs, np.float32)}
    nodes["weights1"]["weight"] = generator.normal(0.3, 0.5, (hidden, inputs)).astype(np.float32)
    nodes["weights2"]["weight"] = generator.normal(0.3, 0.3, (10, hidden)).astype(np.float32)
    for layer in (1, 2):
        rule = nodes[f"weights{layer}"]["rule"]
        del rule["scaling"], rule["bounds"], rule["modulator"]["dead_zone"], rule["terms"][1:]
        if bare:
            rule |= {"map": "each", "modulator": {"signal": f"ones{layer}"}}
    return nodes


def test_spike_train_potentials_are_those_of_the_recursion() -> None:
    import stdfa

    generator = random(13)
    inputs, hidden, steps = 40, 12, 80
    session = stdfa.session(spike_train_nodes(generator, bare=True), 1)
    session.adapting = True
    session.set_signal("ones1", np.ones(hidden))
    before = session.adapted("weights1").astype(float)
    silence = np.zeros(hidden, int)
    current, membrane = np.zeros(hidden), np.zeros(hidden)
    p, q = np.zeros((hidden, inputs)), np.zeros((hidden, inputs))
    potential = np.zeros((hidden, inputs))
    probe = session.probe("spikes1", capacity=steps)
    spikes = []
    for step in range(steps):
        x = (generator.random(inputs) < 0.2).astype(np.float32)
        session.step(x)
        # Every synapse by itself, reset with its cell.
        current = current * (1 - 1 / stdfa.SYNAPSE) + before @ x
        membrane = membrane * (1 - 1 / stdfa.MEMBRANE) + current / stdfa.SYNAPSE
        p = p * (1 - 1 / stdfa.SYNAPSE) + x
        q = q * (1 - 1 / stdfa.MEMBRANE) + p / stdfa.SYNAPSE
        held = silence > 0
        membrane[held] = 0
        q[held] = 0
        fired = (membrane > stdfa.THRESHOLD) & ~held
        silence = np.maximum(silence - 1, 0)
        silence[fired] = stdfa.SILENCE
        potential[fired] += q[fired]
        membrane[fired] = 0
        q[fired] = 0
        spikes.append(fired)
    np.testing.assert_array_equal(probe.read()[:, 0] != 0, np.array(spikes))
    assert np.array(spikes).sum() > 30
    session.consolidate()
    np.testing.assert_allclose(
        session.adapted("weights1") - before, potential, rtol=1e-5, atol=1e-5 * potential.max()
    )


def potentials(pre: np.ndarray, post: np.ndarray) -> np.ndarray:
    """E = A M [post, pre]: M is the trace of every input as if nothing was ever reset, and A takes from it,
    for each spike of a cell, what is left of the cell's last reset. pre, post: spikes [steps, cells]."""
    import stdfa

    kept, leak = 1 - 1 / stdfa.SYNAPSE, 1 - 1 / stdfa.MEMBRANE
    trace, current = np.zeros((len(pre), pre.shape[1])), np.zeros(pre.shape[1])
    for t, x in enumerate(pre):
        current = current * kept + x
        trace[t] = (trace[t - 1] * leak if t else 0) + current / stdfa.SYNAPSE
    chosen = np.zeros((post.shape[1], len(pre)))
    for cell in range(post.shape[1]):
        reset = None
        for t in np.flatnonzero(post[:, cell]):
            chosen[cell, t] += 1
            if reset is not None:
                chosen[cell, reset] -= leak ** (t - reset)
            # It stays silent, and at rest, for some steps.
            reset = t + stdfa.SILENCE
    return chosen @ trace


def test_spike_train_potentials_are_one_product_of_matrices() -> None:
    import stdfa

    generator = random(16)
    inputs, hidden, steps = 40, 12, 200
    session = stdfa.session(spike_train_nodes(generator, bare=True), 1)
    session.adapting = True
    session.set_signal("ones1", np.ones(hidden))
    session.set_signal("ones2", np.ones(10))
    before = [session.adapted(f"weights{layer}").astype(float) for layer in (1, 2)]
    probes = [session.probe(f"spikes{layer}", capacity=steps) for layer in (0, 1, 2)]
    for _ in range(steps):
        session.step((generator.random(inputs) < 0.2).astype(np.float32))
    session.consolidate()
    trains = [probe.read()[:, 0].astype(float) for probe in probes]
    assert all(train.sum() > 10 for train in trains)
    for layer in (1, 2):
        found = session.adapted(f"weights{layer}") - before[layer - 1]
        expected = potentials(trains[layer - 1], trains[layer])
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5 * expected.max())


def test_silent_outputs_come_to_spike() -> None:
    import stdfa

    nodes = stdfa.network(5, inputs=40, hidden=12)
    nodes["spikes0"] = {"kind": "Scale", "scale": np.ones(40, np.float32)}
    nodes["weights1"]["weight"] = random(18).normal(0.3, 0.5, (12, 40)).astype(np.float32)
    nodes["weights2"]["weight"] = np.full((10, 12), -0.1, np.float32)
    session = stdfa.session(nodes, 1)
    session.adapting = True
    session.set_signal("label", stdfa.targets(np.array([3]))[0])
    generator, counts = random(19), []
    for _ in range(40):
        session.reset()
        for _ in range(stdfa.STEPS):
            count = session.step((generator.random(40) < 0.2).astype(np.float32))
        counts.append(count.argmax() == 3 and count[3])
        session.consolidate()
    assert counts[0] == 0 and counts[-1] > 5


def test_spike_train_steps_go_down_the_gradient_of_the_counts_error() -> None:
    import stdfa

    generator = random(17)
    inputs, hidden, steps, label = 40, 12, 80, 3
    session = stdfa.session(spike_train_nodes(generator, "transpose"), 1)
    session.adapting = True
    session.set_signal("label", stdfa.targets(np.array([label]))[0])
    weights = [session.adapted(f"weights{layer}").astype(float) for layer in (1, 2)]
    probes = [session.probe(f"spikes{layer}", capacity=steps) for layer in (0, 1, 2)]
    for _ in range(steps):
        session.step((generator.random(inputs) < 0.2).astype(np.float32))
    session.consolidate()
    trains = [probe.read()[:, 0].astype(float) for probe in probes]
    fixed = [potentials(trains[k], trains[k + 1]) for k in (0, 1)]
    counts, target = trains[2].sum(0), stdfa.targets(np.array([label]))[0]
    assert np.abs(counts - target).max() > 2

    def loss(first: np.ndarray, second: np.ndarray) -> float:
        """Spike times held: potentials are linear in the weights, and one more unit of potential in a
        hidden cell goes on through its weight."""
        moved = (second - weights[1]) * fixed[1]
        change = moved.sum(1) + second @ ((first - weights[0]) * fixed[0]).sum(1)
        return 0.5 * float(((counts + change - target) ** 2).sum())

    size = 1e-3
    for layer, places in ((0, (hidden, inputs)), (1, (10, hidden))):
        step = session.adapted(f"weights{layer + 1}") - weights[layer]
        numeric = np.zeros(places)
        for place in np.ndindex(*places):
            either = []
            for sign in (1, -1):
                moved = [w.copy() for w in weights]
                moved[layer][place] += sign * size
                either.append(loss(*moved))
            numeric[place] = (either[0] - either[1]) / (2 * size)
        np.testing.assert_allclose(step, -numeric, rtol=1e-4, atol=1e-5 * np.abs(numeric).max())


def test_a_session_adapts_is_saved_and_frozen(tmp_path: Path) -> None:
    import modnet

    nodes = modnet.network(1, "compartments", cells=60, winners=6)
    session = compiled(tmp_path / "m.safetensors", nodes, modnet.EDGES)
    assert session.plan.signals == {"label": 10}
    generator = random(14)
    images = generator.random((20, 784)).astype(np.float32)
    session.adapting = True
    for n in range(20):
        session.set_label("label", n % 10)
        session.run(images[n : n + 1])
    assert session.adapting and np.abs(session.adapted("weights")).max() > 0
    frozen = session.adapted_model().freeze()
    assert ("weights", "Linear") in [(n.name, n.kind) for n in frozen.nodes]
    session.adapting = False
    frozen.save(tmp_path / "frozen.safetensors")
    again = arcuate.Model.open(tmp_path / "frozen.safetensors").compile().session()
    np.testing.assert_array_equal(session.run(images), again.run(images))
    for bad in (
        lambda: session.set_label("label", 10),
        lambda: session.set_label("label", -1),
        lambda: session.set_signal("label", np.ones(3)),
        lambda: session.set_signal("label", [np.nan] * 10),
        lambda: session.set_rate_factor(np.inf),
    ):
        before = session.save()
        with pytest.raises(arcuate.ArgumentError):
            bad()
        assert session.save() == before
    with pytest.raises(arcuate.NotFoundError):
        session.adapted("active")
    session.forget()
    assert np.abs(session.adapted("weights")).max() == 0


def test_rules_are_set_and_refused(tmp_path: Path) -> None:
    nodes = {
        "in": {"kind": "Input", "shape": [3]},
        "w": {"kind": "Linear", "weight": np.ones((2, 3), np.float32)},
        "out": {"kind": "Output", "shape": [2]},
    }
    arcuate.save_network(tmp_path / "n.safetensors", nodes, [("in", "w"), ("w", "out")])
    model = arcuate.Model.open(tmp_path / "n.safetensors")
    rule = {"post": "w", "terms": [{"event": "step", "pre": "value", "post": "value", "rate": 0.1}]}
    with pytest.raises(arcuate.ModelError, match="is frozen"):
        model.set_rule("out", rule)
    with pytest.raises(arcuate.FormatError):
        model.set_rule("w", "{")
    model.set_rule("w", rule)
    session = model.compile().session()
    session.adapting = True
    np.testing.assert_array_equal(session.step([1, 0, 2]), [3, 3])
    np.testing.assert_allclose(session.adapted("w")[0], [1.3, 1, 1.6], rtol=1e-6)
    with pytest.raises(arcuate.ModelError, match="PlasticLinear"):
        model.save(tmp_path / "n.nir")


def test_pictures_are_saved_under_their_names(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    import stdp
    from arcuate import pictures

    session = stdp.session(stdp.network(9, 0))
    probe = session.probe("cells", capacity=200)
    session.step(np.ones(784, np.float32))
    pictures.raster(probe, tmp_path / "raster.png", dt=1e-3)
    pictures.receptive_fields(session, "weights", (28, 28), tmp_path / "fields.png")
    pictures.weight_histogram(session, "weights", tmp_path / "histogram.png")
    pictures.learning_curve({"a": [1, 2], "b": [[1, 3], [2, 4]]}, tmp_path / "curve.png")
    assert sorted(p.name for p in tmp_path.glob("*.png")) == [
        "curve.png",
        "fields.png",
        "histogram.png",
        "raster.png",
    ]
    with pytest.raises(arcuate.ArgumentError):
        pictures.receptive_fields(session, "weights", (5, 5), tmp_path / "no.png")
