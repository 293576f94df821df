"""`arcuate quantize`. Needs ARCUATE_CLI, the path of the command."""

import json

import numpy as np
import pytest
from command import CLI, arcuate, message
from samples import narrow, tensors

nir = pytest.importorskip("nir")

pytestmark = pytest.mark.skipif(CLI is None, reason="needs ARCUATE_CLI")


@pytest.mark.parametrize("kind", ["int8", "bfloat16"])
def test_quantize(values, tmp_path, kind):
    weight = nir.read(values).nodes["weights"].weight
    done = arcuate("quantize", "--to", kind, values, tmp_path / "net.safetensors")
    assert f"weights as {kind}, not calibrated" in done.stdout and done.stderr == ""
    found = tensors(tmp_path / "net.safetensors")
    if kind == "int8":
        assert found["weights.weight"][0] == "I8"
        numbers = np.frombuffer(found["weights.weight"][1], np.int8).reshape(4, 6)
        scales = np.frombuffer(found["weights.weight.scale"][1], "<f4")
        assert np.abs(numbers).max(axis=1).tolist() == [127] * 4
        assert np.array_equal(numbers * scales[:, None], narrow(weight, kind))
    else:
        bits = np.frombuffer(found["weights.weight"][1], "<u2").astype(np.uint32) << 16
        assert np.array_equal(bits.view(np.float32).reshape(4, 6), narrow(weight, kind))
    # NIR cannot represent it: float32 weights of the same values, and a message.
    done = arcuate("quantize", "--to", kind, values, tmp_path / "net.nir")
    assert f"NIR has no {kind} weights" in done.stderr
    assert np.array_equal(
        nir.read(tmp_path / "net.nir").nodes["weights"].weight, narrow(weight, kind)
    )
    # And so does a narrow file that is converted.
    arcuate("export", tmp_path / "net.safetensors", tmp_path / "again.nir")
    assert np.array_equal(
        nir.read(tmp_path / "again.nir").nodes["weights"].weight, narrow(weight, kind)
    )


def test_quantize_calibrates_and_evaluates(values, tmp_path):
    weight = nir.read(values).nodes["weights"].weight
    random = np.random.default_rng(6)
    frames = (random.normal(size=(90, 6)) * [3, 1, 1, 0.1, 0.01, 1]).astype(np.float32)
    np.save(tmp_path / "train.npy", frames[:70])
    np.save(tmp_path / "test.npy", frames[70:])
    out = tmp_path / "net.safetensors"
    arguments = [
        "quantize",
        "--to",
        "int8",
        "--calibrate",
        tmp_path / "train.npy",
        "--evaluate",
        tmp_path / "test.npy",
        "--steps-per-frame",
        "3",
        values,
        out,
    ]
    text = arcuate(*arguments).stdout
    assert "calibrated on 70 frames, 210 steps" in text and "outputs on 20 frames" in text
    result = json.loads(arcuate(*arguments, "--json").stdout)
    found = tensors(out)
    scales = np.frombuffer(found["weights.weight.scale"][1], "<f4")[:, None]
    changed = np.frombuffer(found["weights.weight"][1], np.int8).reshape(4, 6) * scales
    mean = np.square(frames[:70].astype(np.float64)).mean(axis=0)
    error = [
        np.sqrt((mean * (w - weight) ** 2).sum() / (mean * weight**2).sum())
        for w in (changed, narrow(weight, "int8"))
    ]
    (node,) = result["report"]["nodes"]
    assert node["output_error"] == pytest.approx(error[0], rel=1e-5)
    assert node["uncalibrated_output_error"] == pytest.approx(error[1], rel=1e-5)
    assert error[0] < error[1] and result["report"]["bytes_after"] == 24 + 16
    (port,) = result["evaluation"]["outputs"]
    before, after = frames[70:] @ weight.T, frames[70:] @ changed.T
    assert port["count"] == 20
    assert port["agreement"] == (before.argmax(axis=1) == after.argmax(axis=1)).mean()
    assert port["relative_error"] == pytest.approx(
        np.linalg.norm(before - after) / np.linalg.norm(before), rel=1e-3
    )
    assert port["largest_error"] == pytest.approx(np.abs(before - after).max(), rel=1e-3)


def test_quantize_keeps(values, tmp_path):
    out = tmp_path / "net.safetensors"
    for option in (["--keep", "weights"], ["--keep-first"], ["--keep-last"]):
        arcuate("quantize", "--to", "int8", *option, values, out)
        assert tensors(out)["weights.weight"][0] == "F32"
    line = message(arcuate("quantize", "--to", "int8", "--keep", "other", values, out, code=1))
    assert '"other"' in line and '"weights"' in line


def test_quantize_refuses(values, tmp_path):
    out = tmp_path / "net.safetensors"
    np.save(tmp_path / "wide.npy", np.zeros((4, 5), np.float32))
    np.save(tmp_path / "none.npy", np.zeros((0, 6), np.float32))
    np.save(tmp_path / "nan.npy", np.full((4, 6), np.nan))
    np.save(tmp_path / "good.npy", np.zeros((4, 6), np.float32))
    for option in ["--calibrate", "--evaluate"]:
        for name, word in [
            ("wide", "[4, 5]"),
            ("none", "0 frames"),
            ("nan", "not finite"),
            ("gone", "No such file"),
        ]:
            line = message(
                arcuate(
                    "quantize",
                    "--to",
                    "int8",
                    option,
                    tmp_path / f"{name}.npy",
                    values,
                    out,
                    code=1,
                )
            )
            assert word in line, line
        good = [option, tmp_path / "good.npy"]
        line = message(arcuate("quantize", "--to", "int8", *good, *good, values, out, code=1))
        assert "one file for each input port" in line
    for arguments in [["--to", "float32"], ["--to", "int4"], []]:
        assert "Usage" in arcuate("quantize", *arguments, values, out, code=64).stderr
    line = message(arcuate("quantize", "--to", "int8", values, tmp_path / "net.onnx", code=1))
    assert ".safetensors" in line
    frames = tmp_path / "good.npy"
    line = message(
        arcuate("quantize", "--to", "int8", "--calibrate", frames, values, frames, code=1)
    )
    assert "same file" in line
    assert not out.exists()
    # A file may take its own place.
    own = tmp_path / "own.nir"
    own.write_bytes(values.read_bytes())
    arcuate("quantize", "--to", "int8", own, own)
    assert np.array_equal(
        nir.read(own).nodes["weights"].weight,
        narrow(nir.read(values).nodes["weights"].weight, "int8"),
    )
