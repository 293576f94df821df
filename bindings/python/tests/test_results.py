"""Results against NumPy, and against each other."""

from __future__ import annotations

import threading

import arcuate
import nir
import numpy as np
import pytest
import reference
from conftest import DIGITS, integrate_and_fire, random


def simulate(layers, x, kind):
    """As reference.run, in one float type: output membranes, hidden spikes per frame and step
    [layers][steps, frames, count], and how near each frame comes to a threshold."""
    layers = [(w.astype(kind), b.astype(kind)) for w, b in layers]
    x = x.astype(kind)
    v = [np.zeros((len(x), len(b)), kind) for _, b in layers]
    spikes = [[], []]
    margin = np.full(len(x), np.inf)
    for _ in range(reference.STEPS):
        signal = x
        for i, (w, b) in enumerate(layers):
            v[i] += signal @ w.T + b
            if i < 2:
                margin = np.minimum(margin, np.abs(v[i] - 1).min(axis=1))
                signal = (v[i] >= 1).astype(kind)
                v[i] -= signal
                spikes[i].append(signal)
    return v[2], [np.array(s) for s in spikes], margin


@pytest.fixture(scope="module")
def digits():
    """Layers, frames of which none is within 2e-5 of a threshold, and what they give."""
    layers = reference.load(DIGITS)
    x = random(3).normal(0, 20, (400, 143)).astype(np.float32)
    exact, spikes, margin = simulate(layers, x, np.float64)
    clear = margin > 2e-5
    assert clear.sum() > 100
    return layers, x[clear], exact[clear], [s[:, clear] for s in spikes]


@pytest.fixture
def digits_plan():
    with arcuate.Model.open(DIGITS) as model:
        yield model.compile(steps_per_frame=reference.STEPS, frame_state="reset")


def test_digits_equal_numpy(digits, digits_plan):
    layers, x, exact, spikes = digits
    with digits_plan.session() as session:
        probes = [session.probe(n, capacity=len(x) * reference.STEPS) for n in ("if1", "if2")]
        result = session.run(x)
        for probe, wanted in zip(probes, spikes):
            got = probe.read().reshape(len(x), reference.STEPS, -1).swapaxes(0, 1)
            assert np.array_equal(got, wanted)
            assert got.any()
    assert result.dtype == np.float32 and result.shape == (len(x), 10)
    assert np.abs(result - exact).max() < 2e-5 * np.abs(exact).max()
    # And the simulation in float32 that the example prints figures of.
    assert np.allclose(result, reference.run(layers, x)[0], rtol=0, atol=2e-5 * np.abs(exact).max())


def test_digits_counters_equal_numpy(digits, digits_plan):
    layers, x, _, spikes = digits
    session = digits_plan.session()
    session.run(x)
    assert session.counters("if1").spikes == spikes[0].sum()
    assert session.counters("if2").spikes == spikes[1].sum()
    assert session.counters().spikes == spikes[0].sum() + spikes[1].sum()
    per_frame = np.array([s.sum() for s in spikes]) / len(x)
    macs, acs = reference.operations(layers, per_frame)
    total = session.counters()
    assert total.macs == macs * len(x)
    assert total.acs == round(acs * len(x))


def test_small_equals_numpy_exactly(small, model, frames):
    affine = nir.read(small).nodes["weights"]
    v = np.zeros(4, np.float32)
    wanted = []
    for frame in frames:
        v += affine.weight @ frame + affine.bias
        spikes = (v >= 1).astype(np.float32)
        v -= spikes
        wanted.append(spikes)
    session = model.compile().session()
    probe = session.probe("neurons", "membrane", capacity=len(frames))
    assert np.array_equal(session.run(frames), np.array(wanted))
    assert np.array_equal(probe.read()[-1, 0], v)
    assert np.sum(wanted) > 10


def test_chunking_and_steps_change_nothing(model, frames):
    plan = model.compile()
    whole = plan.session().run(frames)
    pieces = plan.session()
    parts = [pieces.run(frames[a:b]) for a, b in [(0, 1), (1, 1), (1, 17), (17, 40)]]
    assert np.array_equal(np.concatenate(parts), whole)
    steps = plan.session()
    assert np.array_equal(np.array([steps.step(frame) for frame in frames]), whole)


def test_frames_from_rest_do_not_depend_on_each_other(model, frames):
    plan = model.compile(frame_state="reset")
    whole = plan.session().run(frames)
    alone = [plan.session().run(frames[i : i + 1])[0] for i in range(len(frames))]
    assert np.array_equal(whole, np.array(alone))


def test_frame_outputs_agree(model, frames):
    every = model.compile(steps_per_frame=5, frame_output="every").session().run(frames)
    assert every.shape == (40, 5, 4)
    for kind, wanted in [
        ("last", every[:, -1]),
        ("sum", every.sum(axis=1)),
        ("mean", every.sum(axis=1) * np.float32(0.2)),
    ]:
        got = model.compile(steps_per_frame=5, frame_output=kind).session().run(frames)
        assert np.allclose(got, wanted, rtol=1e-6, atol=0)
    steps = model.compile().session().run(np.repeat(frames, 5, axis=0))
    assert np.array_equal(every.reshape(-1, 4), steps)
    first = np.zeros((200, 6), np.float32)
    first[::5] = frames
    got = (
        model.compile(steps_per_frame=5, frame_input="first", frame_output="every")
        .session()
        .run(frames)
    )
    assert np.array_equal(got.reshape(-1, 4), model.compile().session().run(first))


@pytest.mark.parametrize("threads", [1, 2])
def test_streams_of_a_batch_are_single_streams(model, threads):
    x = random(4).integers(0, 9, (20, 3, 6)).astype(np.float32) / 8
    result = model.compile(batch=3, threads=threads).session().run(x)
    assert result.shape == (20, 3, 4)
    plan = model.compile()
    for stream in range(3):
        assert np.array_equal(result[:, stream], plan.session().run(x[:, stream]))


def test_reset_of_one_stream(model):
    x = random(5).integers(0, 9, (10, 2, 6)).astype(np.float32) / 8
    plan = model.compile(batch=2)
    session = plan.session()
    first = session.run(x)
    session.reset(0)
    second = session.run(x)
    assert np.array_equal(second[:, 0], first[:, 0])
    assert not np.array_equal(second[:, 1], first[:, 1])
    session.reset()
    assert np.array_equal(session.run(x), first)


def to_events(dense):
    """[steps, streams, size] of port 0 as events."""
    step, stream, index = np.nonzero(dense)
    events = np.zeros(len(step), arcuate.event_dtype)
    events["step"], events["stream"], events["index"] = step, stream, index
    events["value"] = dense[step, stream, index]
    return events


@pytest.mark.parametrize("room", [1, 100, 65536])
def test_events_equal_dense(model, room, monkeypatch):
    # With little room the library stops early, and the binding goes on.
    monkeypatch.setattr("arcuate.session._EVENT_CAPACITY", room)
    rng = random(6)
    x = rng.integers(0, 9, (300, 2, 6)).astype(np.float32) / 8 * (rng.random((300, 2, 6)) < 0.2)
    x = x.astype(np.float32)
    plan = model.compile(batch=2)
    wanted = to_events(plan.session().run(x))
    session = plan.session()
    got = session.run_events(to_events(x), 300)
    assert got.dtype == arcuate.event_dtype and len(got) > 50
    assert np.array_equal(got, wanted)
    # The state goes on, and steps are counted from the first of each call.
    two = plan.session()
    a, b = x[:111], x[111:]
    parts = two.run_events(to_events(a), 111), two.run_events(to_events(b), 189)
    parts[1]["step"] += 111
    assert np.array_equal(np.concatenate(parts), wanted)
    assert two.save() == session.save()


def test_events_as_tuples_add_up(model):
    plan = model.compile()
    one = plan.session().run_events([(0, 0, 0, 2, 3.0), (4, 0, 0, 1, 2.0)], 6)
    two = plan.session().run_events([(0, 0, 0, 2, 1.0), (0, 0, 0, 2, 2.0), (4, 0, 0, 1, 2.0)], 6)
    assert len(one) and np.array_equal(one, two)
    assert len(plan.session().run_events([], 0)) == 0


def test_events_are_copied_where_c_cannot_read_them(model, monkeypatch):
    events = to_events(random(9).integers(0, 9, (50, 1, 6)).astype(np.float32) / 8)
    wanted = model.compile().session().run_events(events, 50)
    seen = []
    original = arcuate._native.library.arcuate_session_run_events

    def run_events(session, address, *rest):
        seen.append(address)
        return original(session, address, *rest)

    monkeypatch.setattr(arcuate._native.library, "arcuate_session_run_events", run_events)
    odd = np.frombuffer(b"\0" + events.tobytes(), np.uint8)[1:].view(arcuate.event_dtype)
    strided = np.repeat(events, 2)[::2]
    for given in (events, odd, strided):
        assert np.array_equal(model.compile().session().run_events(given, 50), wanted)
    assert all(address % 4 == 0 for address in seen)
    assert seen[0] == events.ctypes.data and len(wanted)


def test_save_restore_and_clone(model, frames):
    plan = model.compile()
    session = plan.session()
    session.run(frames[:20])
    state = session.save()
    copy = session.clone()
    after = session.run(frames[20:])
    assert np.array_equal(copy.run(frames[20:]), after)
    session.restore(state)
    assert session.save() == state
    assert np.array_equal(session.run(frames[20:]), after)
    other = model.compile().session()
    other.restore(bytearray(state))
    assert np.array_equal(other.run(frames[20:]), after)
    with pytest.raises(arcuate.StateError):
        session.restore(state[:-1])
    with pytest.raises(arcuate.StateError):
        model.compile(batch=2).session().restore(state)


def test_two_sessions_in_two_threads(digits, digits_plan):
    _, x, _, _ = digits
    wanted = digits_plan.session().run(x)
    results = [None, None]

    def work(i):
        session = digits_plan.session()
        results[i] = [session.run(x) for _ in range(5)]

    threads = [threading.Thread(target=work, args=(i,)) for i in range(2)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    for result in (*results[0], *results[1]):
        assert np.array_equal(result, wanted)


def test_one_session_in_two_threads_takes_turns(model, frames):
    # Which thread comes first is open; that all calls happened whole is not.
    plan = model.compile()
    session = plan.session()
    threads = [
        threading.Thread(target=lambda: [session.run(frames) for _ in range(50)]) for _ in range(2)
    ]
    [t.start() for t in threads]
    [t.join() for t in threads]
    alone = plan.session()
    for _ in range(100):
        alone.run(frames)
    assert session.save() == alone.save()
    assert session.counters() == alone.counters()


def test_several_ports(graph):
    eye = np.eye(3, dtype=np.float32)
    path = graph(
        {
            "left": nir.Input(np.array([3])),
            "right": nir.Input(np.array([2, 3])),
            "double": nir.Linear(2 * eye),
            "flat": nir.Flatten(np.array([2, 3]), 0, -1),
            "sum": nir.Linear(np.concatenate([eye, eye], axis=1)),
            "both": integrate_and_fire(3),
            "spikes": nir.Output(np.array([3])),
            "values": nir.Output(np.array([3])),
        },
        [
            ("left", "double"),
            ("right", "flat"),
            ("flat", "sum"),
            ("double", "both"),
            ("sum", "both"),
            ("both", "spikes"),
            ("double", "values"),
        ],
    )
    with arcuate.Model.open(path) as model:
        plan = model.compile()
    names = [port.name for port in plan.inputs]
    shapes = {"left": (3,), "right": (2, 3)}
    assert {port.name: port.shape for port in plan.inputs} == shapes
    x = {
        name: random(7).integers(0, 4, (9, *shapes[name])).astype(np.float32) / 8 for name in shapes
    }
    results = plan.session().run(*(x[name] for name in names))
    assert isinstance(results, tuple)
    result = {port.name: value for port, value in zip(plan.outputs, results)}
    assert np.array_equal(result["values"], 2 * x["left"])
    v, spikes = np.zeros(3), []
    for left, right in zip(x["left"], x["right"]):
        v += 2 * left + right.sum(axis=0)
        spikes.append(v >= 1)
        v -= v >= 1
    assert np.array_equal(result["spikes"], np.array(spikes))
    session = plan.session()
    probe = session.probe("right", capacity=9)
    session.run(*(x[name] for name in names))
    assert probe.read().shape == (9, 1, 2, 3)
    assert np.array_equal(probe.read()[:, 0], x["right"])
    with pytest.raises(arcuate.ArgumentError, match="frames"):
        session.run(*(x[name][: 9 - i] for i, name in enumerate(names)))
    with pytest.raises(arcuate.ArgumentError, match="1 inputs"):
        session.run(x["left"])


@pytest.mark.parametrize("ending", ["nir"])
def test_save_and_open_again(small, frames, tmp_path, ending):
    path = tmp_path / f"copy.{ending}"
    with arcuate.Model.open(small) as model:
        wanted = model.compile().session().run(frames)
        model.save(path)
    with arcuate.Model.open(str(path)) as again:
        assert np.array_equal(again.compile().session().run(frames), wanted)
    for kind in (bytes, bytearray, memoryview):
        with arcuate.Model.from_bytes(kind(path.read_bytes())) as again:
            assert np.array_equal(again.compile().session().run(frames), wanted)


def test_the_nir_package_reads_what_is_saved(small, tmp_path):
    with arcuate.Model.open(small) as model:
        model.save(tmp_path / "copy.nir")
    before, after = nir.read(small).nodes, nir.read(tmp_path / "copy.nir").nodes
    assert before.keys() == after.keys()
    assert np.array_equal(after["weights"].weight, before["weights"].weight)
    assert np.array_equal(after["neurons"].r, before["neurons"].r)


def test_semantics_change_the_result(model, frames):
    before = model.compile().session().run(frames)
    with model.copy() as other:
        other.set_semantics("reset", "to_value")
        assert not np.array_equal(other.compile().session().run(frames), before)
        other.semantics(reset="subtract", comparison=">=")
        assert np.array_equal(other.compile().session().run(frames), before)
        with pytest.raises(arcuate.ArgumentError):
            other.semantics(reset="none", comparison="<")
        assert np.array_equal(other.compile().session().run(frames), before)
        other.semantics(multi_spike=True)
        other.fold_batch_norm()
    assert np.array_equal(model.compile().session().run(frames), before)
