"""`arcuate compute`. Needs ARCUATE_CLI, the path of the command."""

import json
import os
import resource
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from command import CLI, arcuate, message
from samples import features, table

nir = pytest.importorskip("nir")
kaldi = pytest.importorskip("kaldi_native_io")

pytestmark = pytest.mark.skipif(CLI is None, reason="needs ARCUATE_CLI")
DIGITS = Path(__file__).parents[2] / "examples" / "digits"


def test_compute_splices_and_normalizes(values, tmp_path):
    given = features(tmp_path / "in.ark", {"a": (7, 2), "b": (1, 2), "c": (30, 2)})
    counts = np.array([1, 2, 0, 7], np.float32)
    (tmp_path / "priors").write_text(" [ " + " ".join(map(str, counts)) + " ]\n")
    arcuate(
        "compute",
        "--splice-left",
        1,
        "--splice-right",
        1,
        "--log-softmax",
        "--priors",
        tmp_path / "priors",
        values,
        f"ark:{tmp_path / 'in.ark'}",
        f"ark,t:{tmp_path / 'out.ark'}",
    )
    weight = nir.read(values).nodes["weights"].weight.astype(np.float64)
    results = table(f"ark:{tmp_path / 'out.ark'}")
    assert list(results) == list(given)
    for key, x in given.items():
        n = len(x)
        places = np.clip(np.arange(n)[:, None] + [-1, 0, 1], 0, n - 1)
        y = x[places].reshape(n, 6) @ weight.T
        y -= np.log(np.exp(y).sum(axis=1, keepdims=True))
        keep = [0, 1, 3]
        assert np.allclose(results[key][:, keep], y[:, keep] - np.log(counts[keep] / 10), atol=1e-5)
        assert (results[key][:, 2] < -1e19).all()


@pytest.mark.parametrize("state", ["keep", "reset"])
def test_compute_does_not_depend_on_company(net, tmp_path, state):
    shapes = {f"u{i}": (n, 3) for i, n in enumerate([5, 1, 40, 3, 17, 2, 2, 29, 64, 1])}
    features(tmp_path / "in.ark", shapes)
    model = [net, f"ark:{tmp_path / 'in.ark'}"]
    found, reports = [], []
    for options in [
        [],
        ["--batch", 4],
        ["--batch", 3, "--chunk", 7],
        ["--batch", 20, "--threads", 2],
    ]:
        out, summary = tmp_path / "out.ark", tmp_path / "summary.json"
        arcuate(
            "compute",
            "--quiet",
            "--dt",
            1,
            "--steps-per-frame",
            3,
            "--frame-output",
            "sum",
            "--frame-state",
            state,
            "--json",
            summary,
            *options,
            *model,
            f"ark:{out}",
        )
        found.append(out.read_bytes())
        reports.append(json.loads(summary.read_text()))
    assert all(other == found[0] for other in found)
    assert list(table(f"ark:{out}")) == list(shapes)
    for report in reports:
        assert report["utterances"] == 10 and report["frames"] == 164 and report["failed"] == 0
        assert report["total"] == reports[0]["total"] and report["total"]["spikes"] > 0
        assert report["real_time_factor"] > 0 and report["latency_p99_s"] > 0


def test_compute_restarts_for_every_utterance(net, tmp_path):
    x = features(tmp_path / "in.ark", {"a": (9, 3)})["a"]
    with kaldi.FloatMatrixWriter(f"ark:{tmp_path / 'twice.ark'}") as writer:
        writer.write("a", x)
        writer.write("b", x)
    arcuate(
        "compute", "--dt", 1, net, f"ark:{tmp_path / 'twice.ark'}", f"ark:{tmp_path / 'out.ark'}"
    )
    results = table(f"ark:{tmp_path / 'out.ark'}")
    assert np.array_equal(results["a"], results["b"])


def test_compute_goes_on_past_bad_utterances(net, tmp_path):
    features(tmp_path / "good.ark", {"a": (4, 3), "b": (4, 3)})
    features(tmp_path / "wide.ark", {"w": (4, 5)})
    with kaldi.FloatMatrixWriter(f"ark:{tmp_path / 'nan.ark'}") as writer:
        writer.write("n", np.array([[0, np.nan, 1]], np.float32))
    (tmp_path / "in.scp").write_text(
        f"a {tmp_path}/good.ark:2\nw {tmp_path}/wide.ark:2\nm {tmp_path}/missing.ark:2\n"
        f"n {tmp_path}/nan.ark:2\np cat x |\nb {tmp_path}/good.ark:2[1:2]\n"
    )
    out = tmp_path / "out.ark"
    done = arcuate("compute", "--dt", 1, net, f"scp:{tmp_path / 'in.scp'}", f"ark:{out}", code=1)
    results = table(f"ark:{out}")
    assert {key: len(value) for key, value in results.items()} == {"a": 4, "b": 2}
    errors = [line for line in done.stderr.splitlines() if line.startswith("arcuate: error:")]
    assert len(errors) == 4
    for line, words in zip(
        errors,
        [
            ('"w"', "5"),
            ('"m"', "No such file"),
            ('"n"', "frame 0, column 1"),
            ('"p"', "shell command"),
        ],
    ):
        assert all(word in line for word in words), line
    assert "2 utterances done, 4 failed" in done.stderr


def test_compute_says_once_what_is_wrong_with_all_utterances(net, tmp_path):
    features(tmp_path / "wide.ark", {f"u{i}": (4, 5) for i in range(20)})
    done = arcuate(
        "compute", "--dt", 1, net, f"ark:{tmp_path / 'wide.ark'}", f"ark:{tmp_path / 'out'}", code=1
    )
    assert len([line for line in done.stderr.splitlines() if 'key "u' in line]) == 1
    assert "19 more utterances" in done.stderr


def test_training_leaves_out_wrong_utterances(tmp_path):
    random = np.random.default_rng(3)

    def script(name: str, shapes: dict[str, tuple[int, int]]) -> str:
        with kaldi.FloatMatrixWriter(
            f"ark,scp:{tmp_path}/{name}.ark,{tmp_path}/{name}.scp"
        ) as writer:
            for key, shape in shapes.items():
                writer.write(key, random.normal(size=shape).astype(np.float32))
        return (tmp_path / f"{name}.scp").read_text()

    good = script("good", {f"u{i}": (10, 3) for i in range(8)})
    places = (tmp_path / "in.scp", tmp_path / "good.scp")
    places[0].write_text(good + script("bad", {"w": (10, 5), "s": (7, 3)}))
    found = {}
    with kaldi.Int32VectorWriter(f"ark:{tmp_path / 'labels.ark'}") as writer:
        for key in [f"u{i}" for i in range(8)] + ["w", "s"]:
            writer.write(key, [i % 2 for i in range(10)])
    (tmp_path / "net.json").write_text(
        '{"input": 3, "layers": [{"kind": "linear", "size": 2}], "seed": 1}'
    )
    for place in places:
        log = place.with_suffix(".log")
        done = arcuate(
            "train", "--inputs", f"scp:{place}", "--labels", f"ark:{tmp_path / 'labels.ark'}",
            "--epochs", 2, "--batch", 10, "--log", log, tmp_path / "net.json",
            tmp_path / "out.safetensors",
        )  # fmt: skip
        found[place.name] = [json.loads(line)["samples"] for line in log.read_text().splitlines()]
        if place.name == "in.scp":
            warnings = [line for line in done.stderr.splitlines() if "left out" in line]
            assert len(warnings) == 2 and '"w"' in "".join(warnings) and '"s"' in "".join(warnings)
    assert found == {"in.scp": [80, 80], "good.scp": [80, 80]}


def test_compute_refuses(net, tmp_path):
    features(tmp_path / "in.ark", {"a": (4, 1)})
    ark, out = f"ark:{tmp_path / 'in.ark'}", f"ark:{tmp_path / 'out.ark'}"
    done = arcuate("compute", "--quiet", "--dt", 1, net, ark, out, code=1)
    assert "--splice-left 1 --splice-right 1 would fit" in done.stderr
    for arguments, word in [
        ([net, "ark:cat x |", out], "shell command"),
        ([net, "x", out], "rspecifier"),
        ([net, ark, "scp:x"], "ark,scp"),
        ([net, ark, "ark,scp:-,x"], "standard output"),
        ([net, f"ark:{tmp_path}/missing", out], "No such file"),
        ([net, ark, f"ark:{tmp_path}/missing/out"], "cannot be written"),
        (["--priors", tmp_path / "in.ark", net, ark, out], "in.ark"),
        (["--output-port", "x", net, ark, out], "unknown output"),
    ]:
        assert word in message(arcuate("compute", "--dt", 1, *arguments, code=1))
    assert [p.name for p in tmp_path.iterdir()] == ["in.ark"]


def test_compute_does_not_write_over_what_it_reads(values, tmp_path):
    features(tmp_path / "in.ark", {"a": (4, 6)})
    (tmp_path / "in.scp").write_text(f"a {tmp_path}/in.ark:2\n")
    (tmp_path / "priors").write_text(" [ 1 1 1 1 ]\n")
    model = tmp_path / "m.nir"
    model.write_bytes(values.read_bytes())
    before = {p: p.read_bytes() for p in tmp_path.iterdir()}
    ark, scp, out = f"ark:{tmp_path}/in.ark", f"scp:{tmp_path}/in.scp", f"ark:{tmp_path}/out.ark"
    for arguments in [
        [model, ark, ark],
        [model, ark, f"ark:{model}"],
        [model, scp, f"ark:{tmp_path}/in.scp"],
        [model, scp, ark],
        [model, ark, f"ark,scp:{tmp_path}/x,{tmp_path}/x"],
        [model, ark, out, "--json", tmp_path / "out.ark"],
        [model, ark, out, "--json", tmp_path / "in.ark"],
        [model, ark, f"ark:{tmp_path}/priors", "--priors", tmp_path / "priors"],
        [model, ark, "ark:-", "--json", "-"],
        [model, "ark:-", out, "--priors", "-"],
    ]:
        done = arcuate("compute", "--quiet", *arguments, code=1, input=b" [ 1 1 1 1 ]\n")
        assert b"same file" in done.stderr, (arguments, done.stderr)
        assert {p: p.read_bytes() for p in tmp_path.iterdir()} == before, arguments
    arcuate("compute", "--quiet", model, ark, "ark:/dev/null", "--json", "/dev/null")
    # Where the summary cannot go is known before the work.
    done = arcuate("compute", model, ark, out, "--json", tmp_path / "missing" / "x", code=1)
    assert "cannot be written" in message(done) and not (tmp_path / "out.ark").exists()


def test_compute_names_what_is_wrong(values, net, tmp_path):
    features(tmp_path / "in.ark", {"w": (4, 5)})
    ark, out = f"ark:{tmp_path / 'in.ark'}", f"ark:{tmp_path / 'out.ark'}"
    done = arcuate("compute", values, ark, out, code=1)
    assert f'{tmp_path / "in.ark"}: key "w": frames of 5 values' in done.stderr
    assert "latency" not in done.stderr
    done = arcuate("compute", "--quiet", "--splice-left", 1, values, ark, out, code=1)
    assert "frames of 5 values, spliced 2 side by side: 10, but the model takes 6" in done.stderr
    assert "frames of 3 would fit" in done.stderr
    (tmp_path / "priors").write_text(" [ 1 2 -3 1 ]\n")
    done = arcuate("compute", "--priors", tmp_path / "priors", values, ark, out, code=1)
    assert "prior 2 must be finite and nonnegative, got -3" in message(done)


def test_compute_goes_on_past_a_key_that_is_not_utf8(net, tmp_path):
    value = b" \0BFM \4" + struct.pack("<i", 1) + b"\4" + struct.pack("<i", 3) + bytes(12)
    out = tmp_path / "out.ark"
    done = arcuate(
        "compute",
        "--dt",
        1,
        net,
        "ark:-",
        f"ark:{out}",
        code=1,
        input=b"a" + value + b"b\xff" + value + b"c" + value,
    )
    assert b"not UTF-8" in done.stderr and b"2 utterances done, 1 failed" in done.stderr
    assert list(table(f"ark:{out}")) == ["a", "c"]


def test_compute_cut_archive(net, tmp_path):
    features(tmp_path / "in.ark", {"a": (4, 3), "b": (40, 3)})
    whole = (tmp_path / "in.ark").read_bytes()
    out = tmp_path / "out.ark"
    done = arcuate("compute", "--dt", 1, net, "ark:-", f"ark:{out}", code=1, input=whole[:-1])
    assert b'key "b"' in done.stderr and b"1 utterance done, 1 failed" in done.stderr
    assert list(table(f"ark:{out}")) == ["a"]
    # A permissive table takes its end to be there.
    done = arcuate("compute", "--dt", 1, net, "ark,p:-", f"ark:{out}", input=whole[:-1])
    assert b"warning" in done.stderr


@pytest.mark.parametrize("name", ["INT", "TERM", "HUP", "QUIT", "USR1", "ALRM", "XCPU"])
def test_signals_leave_nothing(net, tmp_path, name):
    number = signal.Signals[f"SIG{name}"]
    out = tmp_path / "out.ark"
    process = subprocess.Popen(
        [CLI, "compute", "--dt", "1", net, "ark:-", f"ark,scp:{out},{tmp_path / 'out.scp'}"],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "SWIFT_BACKTRACE": "enable=yes"},
        # A shell's background jobs ignore some, and hand that down.
        preexec_fn=lambda: (
            signal.signal(number, signal.SIG_DFL),
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0)),
        ),
    )
    process.stdin.write(
        b"a \0BFM \4" + struct.pack("<i", 1) + b"\4" + struct.pack("<i", 3) + bytes(12)
    )
    process.stdin.flush()
    deadline = time.monotonic() + 60
    while len(list(tmp_path.iterdir())) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(list(tmp_path.iterdir())) == 2
    process.send_signal(number)
    assert process.wait(60) == -number
    assert process.stderr.read() == b""
    assert list(tmp_path.iterdir()) == []


def test_a_file_above_the_limit_is_an_error(values, tmp_path):
    features(tmp_path / "in.ark", {"a": (40_000, 6)})
    done = arcuate(
        "compute",
        values,
        f"ark:{tmp_path / 'in.ark'}",
        f"ark:{tmp_path / 'out.ark'}",
        code=1,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
    )
    assert "File too large" in message(done)
    assert [p.name for p in tmp_path.iterdir()] == ["in.ark"]


def test_a_hangup_that_is_ignored_stays_ignored(net, tmp_path):
    process = subprocess.Popen(
        [CLI, "compute", "--quiet", "--dt", "1", net, "ark:-", f"ark:{tmp_path / 'out.ark'}"],
        stdin=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
    )
    deadline = time.monotonic() + 60
    while not list(tmp_path.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGHUP)
    process.communicate(
        b"a \0BFM \4" + struct.pack("<i", 1) + b"\4" + struct.pack("<i", 3) + bytes(12), 60
    )
    assert process.returncode == 0


def test_digits_as_the_reference_has_them(tmp_path):
    sys.path.insert(0, str(DIGITS))
    import reference

    layers = reference.load(DIGITS / "digits.nir")
    random = np.random.default_rng(11)
    # Features as the training set has them: mean 0, deviations from a few to some hundred.
    scale = np.geomspace(300, 5, 13)
    given = {
        f"u{i}": (random.normal(size=(n, 13)) * scale).astype(np.float32)
        for i, n in enumerate([20, 3, 55])
    }
    with kaldi.FloatMatrixWriter(f"ark:{tmp_path / 'in.ark'}") as writer:
        for key, matrix in given.items():
            writer.write(key, matrix)
    summary = tmp_path / "summary.json"
    arcuate(
        "compute",
        "--log-softmax",
        "--json",
        summary,
        DIGITS / "digits.nir",
        f"ark:{tmp_path / 'in.ark'}",
        f"ark:{tmp_path / 'out.ark'}",
    )
    results = table(f"ark:{tmp_path / 'out.ark'}")
    wrong = frames = 0
    for key, x in given.items():
        expected = reference.log_posteriors(layers, x)
        assert results[key].shape == expected.shape
        # Sums in another order may move a spike to another step; rarely does one go or come.
        wrong += int((np.abs(results[key] - expected).max(axis=1) > 1e-3).sum())
        frames += len(x)
    assert wrong <= frames // 20, f"{wrong} of {frames}"
    report = json.loads(summary.read_text())
    assert report["frames"] == frames and report["per_frame"]["spikes"] > 10
    # The held input is multiplied once a frame.
    assert report["per_frame"]["macs"] == 143 * 128
