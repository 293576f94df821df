"""Narrow weights beside NumPy's arithmetic."""

from __future__ import annotations

import arcuate
import nir
import numpy as np
import pytest
from conftest import DIGITS, integrate_and_fire, random


@pytest.fixture
def net(graph):
    """6 inputs -> 5 weights -> 5 neurons -> 3 weights; and the weights."""
    draw = random(7)
    first = draw.normal(size=(5, 6)).astype(np.float32)
    first[2] = 0
    second = draw.normal(size=(3, 5)).astype(np.float32)
    path = graph(
        {
            "input": nir.Input(np.array([6])),
            "first": nir.Linear(first),
            "neurons": integrate_and_fire(5),
            "second": nir.Affine(second, np.full(3, 0.3, np.float32)),
            "output": nir.Output(np.array([3])),
        },
        [("input", "first"), ("first", "neurons"), ("neurons", "second"), ("second", "output")],
    )
    with arcuate.Model.open(path) as model:
        yield model, first, second


def int8(weight):
    """The nearest multiples of the largest magnitude of a row / 127."""
    scale = np.abs(weight).max(axis=1, keepdims=True) / np.float32(127)
    scale[scale == 0] = 1
    return np.clip(np.rint(weight / scale), -127, 127) * scale


def bfloat16(weight):
    bits = weight.view(np.uint32).astype(np.uint64)
    rounded = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16 << 16
    return rounded.astype(np.uint32).view(np.float32)


def weights(model, tmp_path):
    model.save(tmp_path / "wide.nir")
    nodes = nir.read(tmp_path / "wide.nir").nodes
    return nodes["first"].weight, nodes["second"].weight


@pytest.mark.parametrize("element, expected", [("int8", int8), ("bfloat16", bfloat16)])
def test_numbers_are_numpys(net, tmp_path, element, expected):
    model, first, second = net
    narrow, report = model.quantize(element)
    for found, original in zip(weights(narrow, tmp_path), (first, second)):
        assert np.array_equal(found, expected(original))
        assert not np.array_equal(found, original)
    size = {"int8": 1, "bfloat16": 2}[element]
    scales = {"int8": 4, "bfloat16": 0}[element]
    assert [(n.name, n.before, n.after, n.weights) for n in report.nodes] == [
        ("first", "float32", element, 30),
        ("second", "float32", element, 15),
    ]
    assert report.bytes_before == 180 and report.bytes_after == 45 * size + 8 * scales
    for node, original in zip(report.nodes, (first, second)):
        error = np.linalg.norm(expected(original) - original) / np.linalg.norm(original)
        assert node.weight_error == pytest.approx(error, rel=1e-5)
        assert node.output_error is None and node.uncalibrated_output_error is None
    assert str(report) == report.table and "not calibrated" in report.table
    # The model that was quantised is as it was.
    assert np.array_equal(weights(model, tmp_path)[0], first)


def test_a_file_keeps_narrow_weights(net, tmp_path):
    narrow, _ = net[0].quantize("int8")
    narrow.save(tmp_path / "net.safetensors")
    with arcuate.Model.open(tmp_path / "net.safetensors") as again:
        report = again.quantize("int8")[1]
    assert [node.before for node in report.nodes] == ["int8", "int8"]
    assert b'"I8"' in (tmp_path / "net.safetensors").read_bytes()
    wide = narrow.dequantize()
    wide.save(tmp_path / "wide.safetensors")
    assert b'"I8"' not in (tmp_path / "wide.safetensors").read_bytes()
    for a, b in zip(weights(wide, tmp_path), weights(narrow, tmp_path)):
        assert np.array_equal(a, b)


def test_calibration_is_measured_as_numpy_measures_it(net, tmp_path):
    model, first, second = net
    draw = random(8)
    frames = (draw.normal(size=(200, 2, 6)) * [2, 1, 1, 0.1, 0.01, 1]).astype(np.float32)
    how = dict(steps_per_frame=3, frame_state="reset", batch=2)
    narrow, report = model.quantize("int8", frames, **how)
    assert "200 frames, 1200 steps" in report.table
    plan = model.compile(frame_output="every", **how)
    session = plan.session()
    with session.probe("neurons", capacity=600) as probe:
        session.run(frames)
        spikes = probe.read()
    assert spikes.any()
    found = weights(narrow, tmp_path)
    for node, original, changed, x in zip(
        report.nodes, (first, second), found, (frames.reshape(-1, 6), spikes.reshape(-1, 5))
    ):
        mean = np.square(x.astype(np.float64)).mean(axis=0)

        def error(other, original=original, mean=mean):
            return np.sqrt((mean * (other - original) ** 2).sum() / (mean * original**2).sum())

        assert node.output_error == pytest.approx(error(changed), rel=1e-5)
        assert node.uncalibrated_output_error == pytest.approx(error(int8(original)), rel=1e-5)
        assert node.output_error <= node.uncalibrated_output_error
    assert report.nodes[0].output_error < report.nodes[0].uncalibrated_output_error
    assert model.quantize("int8", frames, **how)[1] == report
    # One array for a port, or a tuple of them.
    assert model.quantize("int8", (frames,), **how)[1] == report


def test_what_is_kept(net):
    model = net[0]
    for options, expected in [
        (dict(keep=["first"]), ["float32", "int8"]),
        (dict(keep_first=True), ["float32", "int8"]),
        (dict(keep_last=True), ["int8", "float32"]),
        (dict(keep=("first", "second")), ["float32"] * 2),
    ]:
        assert [node.after for node in model.quantize("int8", **options)[1].nodes] == expected
    with pytest.raises(arcuate.NotFoundError, match='"third"'):
        model.quantize("int8", keep=["third"])


def test_what_cannot_be(net):
    model = net[0]
    for arguments, word in [
        (dict(element="float32"), "bfloat16, int8"),
        (dict(element="int4"), "bfloat16, int8"),
        (dict(keep="first"), "list of names"),
        (dict(keep=[1]), "string"),
        (dict(frames=np.zeros((0, 6))), "one frame"),
        (dict(frames=np.zeros((4, 5))), "shape"),
        (dict(frames=(np.zeros((4, 6)),) * 2), "2 inputs"),
        (dict(frames=np.full((4, 6), np.nan)), "not finite"),
        (dict(frames=np.zeros((4, 6)), batch=2), "shape"),
        (dict(steps_per_frame=0), "must not be 0"),
        (dict(frames="abc"), "numbers"),
    ]:
        with pytest.raises(arcuate.ArgumentError, match=word):
            model.quantize(**arguments)


def test_digits_hardly_change():
    frames = (random(9).normal(size=(200, 143)) * 50).astype(np.float32)
    how = dict(steps_per_frame=10, frame_state="reset")
    with arcuate.Model.open(DIGITS) as model:
        narrow, report = model.quantize("int8", frames[:100], **how)
        before, after = (
            m.compile(**how).session().run(frames[100:]).argmax(axis=1) for m in (model, narrow)
        )
    assert report.bytes_after < 0.26 * report.bytes_before
    assert (before == after).mean() >= 0.9
