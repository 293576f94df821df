"""Which arrays are used where they are, and which are converted or refused."""

from __future__ import annotations

import arcuate
import numpy as np
import pytest


@pytest.fixture
def session(model):
    return model.compile().session()


@pytest.fixture
def addresses(monkeypatch):
    """What the library is given as input and output addresses."""
    seen = []
    original = arcuate._native.library.arcuate_session_run

    def run(session, frames, inputs, input_counts, outputs, output_counts):
        seen.append((inputs[0], outputs[0]))
        return original(session, frames, inputs, input_counts, outputs, output_counts)

    monkeypatch.setattr(arcuate._native.library, "arcuate_session_run", run)
    return seen


def test_float32_goes_in_and_out_without_copies(session, frames, addresses):
    out = np.full((40, 4), np.nan, np.float32)
    assert session.run(frames, out=out) is out
    assert addresses == [(frames.ctypes.data, out.ctypes.data)]
    assert not np.isnan(out).any()
    result = session.run(frames[3:7])
    assert addresses[-1] == (frames[3:].ctypes.data, result.ctypes.data)
    readonly = frames.copy()
    readonly.flags.writeable = False
    session.run(readonly)
    assert addresses[-1][0] == readonly.ctypes.data


def unaligned(x):
    raw = np.frombuffer(b"\0" + x.tobytes(), np.uint8)[1:]
    return raw.view(np.float32).reshape(x.shape)


@pytest.mark.parametrize(
    "convert",
    [
        lambda x: x.astype(np.float64),
        lambda x: x.astype(">f4"),
        lambda x: np.asfortranarray(x),
        lambda x: np.repeat(x, 2, axis=1)[:, ::2],
        lambda x: x[::-1].copy()[::-1],
        lambda x: x.tolist(),
        lambda x: x[:, None, :],
        unaligned,
    ],
)
def test_other_arrays_are_converted(model, frames, convert):
    wanted = model.compile().session().run(frames)
    result = model.compile().session().run(convert(frames))
    assert result.dtype == np.float32
    assert np.array_equal(result.reshape(wanted.shape), wanted)


def test_integers_and_booleans(model, frames):
    plan = model.compile()
    wanted = plan.session().run((frames > 0.5).astype(np.float32))
    for kind in (bool, np.int8, np.int64, np.float16):
        assert np.array_equal(plan.session().run((frames > 0.5).astype(kind)), wanted)


def test_batch_axis_of_one_stream(session, frames):
    assert session.run(frames).shape == (40, 4)
    assert session.run(frames[:, None]).shape == (40, 1, 4)
    assert session.step(frames[0]).shape == (4,)
    assert session.step(frames[:1]).shape == (1, 4)
    assert session.run(frames[:0]).shape == (0, 4)


def test_out_that_overlaps_the_input(model):
    plan = model.compile()
    memory = np.ones(60, np.float32)
    x = memory[:60].reshape(10, 6)
    wanted = plan.session().run(x.copy())
    out = memory[:40].reshape(10, 4)
    plan.session().run(x, out=out)
    assert np.array_equal(out, wanted)


@pytest.mark.parametrize(
    "out",
    [
        np.empty((40, 4), np.float64),
        np.empty((40, 5), np.float32),
        np.empty((39, 4), np.float32),
        np.empty((40, 1, 4), np.float32),
        np.empty((4, 40), np.float32).T,
        np.frombuffer(bytes(40 * 4 * 4), np.float32).reshape(40, 4),
        [np.empty((40, 4), np.float32)] * 2,
        [[1.0]],
    ],
)
def test_out_that_does_not_fit(session, frames, out):
    state = session.save()
    with pytest.raises(arcuate.ArgumentError, match="out"):
        session.run(frames, out=out)
    assert session.save() == state


def test_out_in_a_sequence(session, frames):
    out = np.empty((40, 4), np.float32)
    assert session.run(frames, out=(out,)) is out
    assert session.run(frames, out=[None]).shape == (40, 4)


@pytest.mark.parametrize("shape", [(40, 7), (6,), (), (40, 2, 6), (40, 6, 1)])
def test_wrong_shapes(session, shape):
    with pytest.raises(
        arcuate.ArgumentError, match='input "input" has shape .*frames, 1, 6'
    ) as caught:
        session.run(np.zeros(shape, np.float32))
    assert caught.value.name == "shape mismatch"
    with pytest.raises(ValueError):
        session.step(np.zeros(shape[1:] + (9,), np.float32))


@pytest.mark.parametrize("values", [["a"] * 6, [1j] * 6, [None] * 6])
def test_what_is_not_a_number(session, values):
    with pytest.raises(arcuate.ArgumentError, match="not numbers"):
        session.run([values])


@pytest.mark.filterwarnings("error")
def test_numbers_beyond_float32(session, frames):
    x = frames.astype(np.float64)
    x[3, 2] = 1e39
    for array in (x, x.tolist(), np.asfortranarray(x)):
        with pytest.raises(arcuate.ArgumentError, match='"input": number 20 is 1e\\+39'):
            session.run(array)
    with pytest.raises(arcuate.ArgumentError):
        session.run_events([(0, 0, 0, 0, 1e39)], 1)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite(session, frames, value):
    frames[3, 2] = value
    state = session.save()
    with pytest.raises(arcuate.ArgumentError, match="finite"):
        session.run(frames)
    with pytest.raises(arcuate.ArgumentError, match="finite"):
        session.step(frames[3])
    assert session.save() == state
    session.run(frames[:3])
