"""`arcuate run`. Needs ARCUATE_CLI, the path of the command."""

import json
import os

import numpy as np
import pytest
from command import CLI, arcuate, message

nir = pytest.importorskip("nir")

pytestmark = pytest.mark.skipif(CLI is None, reason="needs ARCUATE_CLI")


def test_run(net, tmp_path):
    frames = np.array([[1, 0, 0], [1, 0, 0], [1, 1, 1], [0, 0, 1]], np.float64)
    np.save(tmp_path / "in.npy", frames)
    out = tmp_path / "out.npy"
    done = arcuate("run", "--dt", "1", "--counters", net, tmp_path / "in.npy", "-o", out)
    # v += x W'; a spike above 1 resets to 0.
    v, expected = np.zeros(2), []
    for x in frames:
        v += [x[0] / 2 + x[2], x.sum() / 4]
        expected.append(v > 1)
        v[v > 1] = 0
    assert np.array_equal(np.load(out), np.array(expected, np.float32))
    assert np.sum(expected) > 0
    assert f"spikes     {int(np.sum(expected))}" in done.stdout and "neurons" in done.stdout
    report = json.loads(arcuate("run", "--dt", "1", "--json", net, tmp_path / "in.npy").stdout)
    assert report["frames"] == 4 and report["total"]["spikes"] == int(np.sum(expected))
    assert report["outputs"] == [{"name": "output", "shape": [4, 2], "sums": None}]


def test_run_batch_and_every_step(values, tmp_path):
    random = np.random.default_rng(5)
    frames = random.normal(size=(5, 3, 6)).astype(np.float32)
    np.save(tmp_path / "in.npy", frames)
    out = tmp_path / "out.npy"
    arcuate(
        "run",
        "--steps-per-frame",
        "2",
        "--frame-output",
        "every",
        values,
        tmp_path / "in.npy",
        "-o",
        out,
    )
    weight = nir.read(values).nodes["weights"].weight
    result = np.load(out)
    assert result.shape == (5, 2, 3, 4)
    assert np.allclose(result, (frames @ weight.T)[:, None], atol=1e-5)


def test_run_refuses(net, tmp_path):
    np.save(tmp_path / "wide.npy", np.zeros((4, 5), np.float32))
    np.save(tmp_path / "text.npy", np.array(["a"]))
    np.save(tmp_path / "nan.npy", np.full((2, 3), np.nan))
    np.save(tmp_path / "object.npy", np.array([None]))
    np.save(tmp_path / "fields.npy", np.zeros(2, [("a", "<f4"), ("b", "<f4")]))
    np.save(tmp_path / "wide64.npy", np.full((2, 3), 1e300))
    late = np.zeros((5, 3), np.float32)
    late[3, 1] = np.inf
    np.save(tmp_path / "late.npy", late)
    (tmp_path / "short.npy").write_bytes((tmp_path / "nan.npy").read_bytes()[:-1])
    for name, word in [
        ("wide", "[4, 5]"),
        ("text", "type"),
        ("nan", "not finite"),
        ("short", "bytes"),
        ("missing", "No such file"),
        ("object", 'type "|O"'),
        ("fields", "several fields"),
        ("wide64", "1e+300 is out of the range"),
        ("late", "frame 3 is not finite"),
    ]:
        line = message(arcuate("run", "--dt", "1", net, tmp_path / f"{name}.npy", code=1))
        assert word in line, line
    np.save(tmp_path / "in.npy", np.zeros((4, 3), np.float32))
    message(arcuate("run", "--dt", "1", net, tmp_path / "in.npy", tmp_path / "in.npy", code=1))


def test_run_does_not_write_over_what_it_reads(values, tmp_path):
    frames = tmp_path / "in.npy"
    np.save(frames, np.zeros((4, 6), np.float32))
    before = frames.read_bytes()
    (tmp_path / "link.npy").symlink_to("in.npy")
    os.link(frames, tmp_path / "hard.npy")
    (tmp_path / "folder").mkdir()
    for name in ["in.npy", "link.npy", "hard.npy", "folder/../in.npy"]:
        line = message(arcuate("run", values, frames, "-o", tmp_path / name, code=1))
        assert str(frames) in line and str(tmp_path / name) in line and "same file" in line
    out = tmp_path / "out.npy"
    line = message(
        arcuate("run", values, frames, "-o", out, "-o", tmp_path / "folder/../out.npy", code=1)
    )
    assert "same file" in line and not out.exists()
    assert frames.read_bytes() == before
    arcuate("run", values, frames, "-o", "/dev/null")


def test_run_recording(tmp_path):
    model = tmp_path / "events.nir"
    nir.write(
        model,
        nir.NIRGraph(
            nodes={
                "input": nir.Input(np.array([2, 34, 34])),
                "flat": nir.Flatten({"input": np.array([2, 34, 34])}, 0, -1),
                "weights": nir.Linear(np.arange(2 * 2312, dtype=np.float32).reshape(2, 2312)),
                "output": nir.Output(np.array([2])),
            },
            edges=[("input", "flat"), ("flat", "weights"), ("weights", "output")],
        ),
    )
    # x, y, on, microseconds: two in step 0, one in step 2.
    changes = [(3, 4, 1, 100), (0, 0, 0, 900), (33, 33, 1, 2150)]
    (tmp_path / "r.bin").write_bytes(
        b"".join(bytes([x, y, on << 7 | t >> 16, t >> 8 & 255, t & 255]) for x, y, on, t in changes)
    )
    out = tmp_path / "out.npy"
    done = arcuate("run", "--dt", "0.001", model, tmp_path / "r.bin", "-o", out)
    first, last = 34 * 34 + 4 * 34 + 3, 2311
    expected = [[first, 2312 + first + 2312], [0, 0], [last, 2312 + last]]
    assert np.load(out).tolist() == expected
    assert f"sums       [{first + last}.0, " in done.stdout
    arguments = ["run", "--dt", "0.001", "--json", "--steps", "1", model, tmp_path / "r.bin"]
    assert json.loads(arcuate(*arguments).stdout)["outputs"][0]["sums"] == expected[0]
    (tmp_path / "cut.bin").write_bytes((tmp_path / "r.bin").read_bytes()[:-1])
    # Whole records of a file that is cut short run, and a finding says so.
    cut = arcuate("run", "--dt", "0.001", model, tmp_path / "cut.bin")
    assert "cut short" in cut.stderr and f"sums       [{first}.0, " in cut.stdout
    # The same events from a file of another format.
    arcuate("events", "convert", "--size", "34x34", tmp_path / "r.bin", tmp_path / "r.es")
    arcuate("run", "--dt", "0.001", model, tmp_path / "r.es", "-o", out)
    assert np.load(out).tolist() == expected
