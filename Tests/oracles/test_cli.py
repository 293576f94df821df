"""The command `arcuate`, from outside: what it prints, writes and refuses.

Needs ARCUATE_CLI, the path of the command.
"""

import json
import os
import platform
import resource
import signal
import struct
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from command import CLI, arcuate, message

nir = pytest.importorskip("nir")
kaldi = pytest.importorskip("kaldi_native_io")

pytestmark = pytest.mark.skipif(CLI is None, reason="needs ARCUATE_CLI")
DIGITS = Path(__file__).parents[2] / "examples" / "digits"


@pytest.fixture(scope="module")
def net(tmp_path_factory) -> Path:
    """Weights, then integrate-and-fire neurons: [3] to [2]."""
    path = tmp_path_factory.mktemp("models") / "net.nir"
    nir.write(
        path,
        nir.NIRGraph(
            nodes={
                "input": nir.Input(np.array([3])),
                "weights": nir.Affine(
                    np.array([[0.5, 0, 1], [0.25, 0.25, 0.25]], np.float32), np.zeros(2, np.float32)
                ),
                "neurons": nir.IF(
                    r=np.ones(2, np.float32),
                    v_threshold=np.ones(2, np.float32),
                    v_reset=np.zeros(2, np.float32),
                ),
                "output": nir.Output(np.array([2])),
            },
            edges=[("input", "weights"), ("weights", "neurons"), ("neurons", "output")],
        ),
    )
    return path


@pytest.fixture(scope="module")
def values(tmp_path_factory) -> Path:
    """Weights alone: [6] to [4], so that outputs are numbers."""
    path = tmp_path_factory.mktemp("models") / "values.nir"
    random = np.random.default_rng(1)
    nir.write(
        path,
        nir.NIRGraph(
            nodes={
                "input": nir.Input(np.array([6])),
                "weights": nir.Linear(random.normal(size=(4, 6)).astype(np.float32)),
                "output": nir.Output(np.array([4])),
            },
            edges=[("input", "weights"), ("weights", "output")],
        ),
    )
    return path


def features(path: Path, shapes: dict[str, tuple[int, int]]) -> dict[str, np.ndarray]:
    random = np.random.default_rng(2)
    found = {key: random.normal(size=shape).astype(np.float32) for key, shape in shapes.items()}
    with kaldi.FloatMatrixWriter(f"ark:{path}") as writer:
        for key, matrix in found.items():
            writer.write(key, matrix)
    return found


def table(specifier: str) -> dict[str, np.ndarray]:
    with kaldi.SequentialFloatMatrixReader(specifier) as reader:
        return {key: np.array(value) for key, value in reader}


# The whole command


def test_version_and_help():
    assert arcuate("--version").stdout.startswith("arcuate ")
    for command in [
        "info",
        "check",
        "explain",
        "run",
        "compute",
        "export",
        "quantize",
        "convert",
        "train",
        "adapt",
    ]:
        assert "EXAMPLES:" in arcuate(command, "--help").stdout


def test_misuse_is_64():
    for arguments in [
        ["info"],
        ["nothing"],
        ["run"],
        ["explain", "--batch", "x", "m"],
        ["compute", "--chunk", "0", "m", "ark:-", "ark:-"],
        ["check", "--dt", "-1", "m"],
    ]:
        assert "Usage" in arcuate(*arguments, code=64).stderr


@pytest.mark.parametrize("command", ["info", "check", "explain"])
def test_missing_file(command):
    line = message(arcuate(command, "missing.nir", code=1))
    assert "missing.nir" in line and "No such file" in line


def test_a_closed_pipe_is_no_crash(net):
    done = subprocess.run(
        f"'{CLI}' explain --dt 1 '{net}' | true; '{CLI}' info '{net}' | head -n 1",
        shell=True,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0 and done.stderr == ""


@pytest.mark.parametrize(
    "arguments", [["--help"], ["run", "--help"], ["info"], ["info", "--json"], ["explain"]]
)
def test_a_full_device_is_a_failure(values, arguments):
    with open("/dev/full", "w") as full:
        more = [] if "--help" in arguments else [values]
        done = subprocess.run(
            [CLI, *arguments, *more], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 1
    assert "standard output: cannot be written: No space left" in message(done)


def test_names_that_are_not_utf8(values, tmp_path):
    name = os.fsencode(tmp_path) + b"/a\xff."
    Path(os.fsdecode(name + b"nir")).write_bytes(values.read_bytes())
    for arguments in [["info", name + b"nir"], ["export", values, name + b"safetensors"]]:
        done = subprocess.run([CLI, *arguments], capture_output=True, text=True)
        assert done.returncode == 1 and "path is not UTF-8" in message(done)
    assert len(list(tmp_path.iterdir())) == 1
    assert "the path is empty" in message(arcuate("info", "", code=1))


def test_usage_errors_look_like_the_others():
    for arguments, words in [
        (["run", "m", "i", "--batch", "-1"], "--batch"),
        (["run", "m", "i", "--threads", "0"], "--threads"),
        (["run", "m", "i", "-o", "m"], ".npy"),
    ]:
        lines = arcuate(*arguments, code=64).stderr.splitlines()
        assert lines[0].startswith("arcuate: error: ") and words in lines[0], lines


def test_renamed_commands_name_the_new_one(values, tmp_path):
    for old, new in [
        ("spike", "arcuate convert"),
        ("learn", "arcuate adapt"),
        ("bench", "arcuate-bench"),
    ]:
        done = arcuate(old, "--any", "argument", "-x", code=64)
        assert f"`arcuate {old}` is now `{new}`" in done.stderr.splitlines()[0]
        assert f"\n  {old}" not in arcuate("--help").stdout
    # What was a change of format is no conversion to a spiking network.
    out = tmp_path / "net.safetensors"
    for options in ([], ["--strict"], ["--dt", 1]):
        done = arcuate("convert", *options, values, out, code=64)
        assert "`arcuate export`" in done.stderr.splitlines()[0] and not out.exists()


@pytest.mark.parametrize(
    "command",
    [
        "",
        "info",
        "check",
        "explain",
        "run",
        "compute",
        "export",
        "quantize",
        "convert",
        "train",
        "adapt",
    ],
)
def test_help_fits_80_columns(command):
    text = arcuate(*command.split(), "--help", env={**os.environ, "COLUMNS": "80"}).stdout
    lines = text.splitlines()
    assert max(map(len, lines)) <= 80, [line for line in lines if len(line) > 80]


# info, check, explain, export


def test_info(net):
    text = arcuate("info", net).stdout
    assert "neurons" in text and "IF" in text and "14 parameters" in text
    report = json.loads(
        arcuate("info", "--json", "--preset", "sinabs", "--dt", "0.002", net).stdout
    )
    assert report["can_run"] and report["parameters"] == 14 and report["dt_s"] == 0.002
    assert report["semantics"]["integrator"] == "exponential_unit"
    shapes = {node["name"]: node["shape"] for node in report["nodes"]}
    assert shapes == {"input": [3], "weights": [2], "neurons": [2], "output": [2]}
    assert report["inputs"] == ["input"] and report["outputs"] == ["output"]


def test_check(net, tmp_path):
    assert "The model can run" in arcuate("check", net).stdout
    assert "The model can run." in arcuate("check", "--dt", "1", net).stdout
    assert json.loads(arcuate("check", "--json", net).stdout)["ok"]
    broken = tmp_path / "broken.nir"
    nir.write(
        broken,
        nir.NIRGraph(
            nodes={
                "input": nir.Input(np.array([3])),
                "weights": nir.Linear(np.ones((2, 5), np.float32)),
                "output": nir.Output(np.array([2])),
            },
            edges=[("input", "weights"), ("weights", "output")],
            type_check=False,
        ),
    )
    assert 'node "weights"' in arcuate("check", broken, code=1).stdout
    report = json.loads(arcuate("check", "--json", broken, code=1).stdout)
    assert not report["ok"] and report["errors"] >= 1
    assert "cannot run" in arcuate("info", broken).stdout
    assert "weights" in message(arcuate("explain", "--dt", "1", broken, code=1))


def test_explain(net):
    text = arcuate("explain", "--dt", "0.001", "--batch", "4", net).stdout
    assert "f32-neuron-step-x8" in text and "exact" in text and "4" in text
    report = json.loads(
        arcuate("explain", "--json", "--dt", "1", "--numerics", "fast", "--batch", "4", net).stdout
    )
    assert report["batch"] == 4 and report["numerics"] == "fast"
    assert report["session_bytes"] > report["state_bytes"] > 0
    assert "dt" in message(arcuate("explain", net, code=1))


def test_instructions(net):
    def used(asked=None, **more):
        variables = {k: v for k, v in os.environ.items() if k != "ARCUATE_INSTRUCTIONS"}
        if asked is not None:
            variables["ARCUATE_INSTRUCTIONS"] = asked
        done = arcuate("explain", "--json", "--dt", "1", net, env=variables, **more)
        report = json.loads(done.stdout)
        (line,) = (line for line in report["text"].splitlines() if line.startswith("  processor"))
        assert line.split()[1] == report["instructions"] and done.stderr == ""
        return report["instructions"], line

    if platform.machine() != "x86_64":
        assert used()[0] == "baseline"
        return
    best = used()
    known = ["avx2", "avx512", "amx"]
    assert best[0] in known and best == used("")
    for asked in known:
        name, line = used(asked)
        has = known.index(asked) <= known.index(best[0])
        assert name == (asked if has else best[0]) and ("lacks" in line) != has
    name, line = used("sse9")
    assert name == best[0] and "sse9, which is not avx2 or avx512 or amx" in line


def test_instructions_give_the_same_bits(values, tmp_path):
    frames = tmp_path / "frames.npy"
    np.save(frames, np.random.default_rng(4).normal(size=(20, 6)).astype(np.float32))
    outputs = []
    for asked in ["avx2", "avx512", "amx"]:
        out = tmp_path / f"{asked}.npy"
        arcuate(
            "run",
            "--dt",
            "1",
            values,
            frames,
            "--output",
            out,
            env=dict(os.environ, ARCUATE_INSTRUCTIONS=asked),
        )
        outputs.append(out.read_bytes())
    assert outputs[0] == outputs[1] == outputs[2]


def test_export(net, tmp_path):
    there, back = tmp_path / "net.safetensors", tmp_path / "back.nir"
    arcuate("export", "--dt", "0.5", "--semantics", "reset=subtract", net, there)
    arcuate("export", there, back)
    report = json.loads(arcuate("info", "--json", back).stdout)
    assert report["dt_s"] == 0.5 and report["semantics"]["reset"] == "subtract"
    graph = nir.read(back)
    assert np.array_equal(graph.nodes["weights"].weight, nir.read(net).nodes["weights"].weight)
    assert "field=value" in message(arcuate("export", "--semantics", "x", net, back, code=1))
    assert "reset" in message(arcuate("export", "--semantics", "reset=up", net, back, code=1))
    message(arcuate("export", net, tmp_path / "net.txt", code=1))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["back.nir", "net.safetensors"]


def test_export_lists_connections_and_back(tmp_path):
    generator = np.random.default_rng(4)
    weight = generator.uniform(-1, 1, (3, 5)).astype(np.float32)
    weight[1, 2], weight[2, 4] = 0.25, -0.25
    nodes = {
        "input": nir.Input(np.array([5])),
        "w": nir.Linear(weight),
        "output": nir.Output(np.array([3])),
    }
    dense, lists, back = (tmp_path / name for name in ("a.nir", "b.safetensors", "c.nir"))
    nir.write(dense, nir.NIRGraph(nodes=nodes, edges=[("input", "w"), ("w", "output")]))
    arcuate("export", "--sparse", 0.25, dense, lists)
    kept = np.abs(weight) > 0.25
    assert 0 < kept.sum() < weight.size - 1
    found = tensors(lists)
    assert found["w.row_starts"][0] == "I64" and found["w.post"][0] == "U32"
    starts = np.frombuffer(found["w.row_starts"][1], "<i8")
    assert starts.tolist() == [0, *np.cumsum(kept.sum(axis=0))]
    assert np.frombuffer(found["w.post"][1], "<u4").tolist() == np.nonzero(kept.T)[1].tolist()
    assert np.array_equal(np.frombuffer(found["w.weight"][1], "<f4"), weight.T[kept.T])
    assert "SparseLinear" in arcuate("info", lists).stdout
    # A matrix again, of what was kept.
    arcuate("export", "--dense", lists, tmp_path / "d.safetensors")
    assert "SparseLinear" not in arcuate("info", tmp_path / "d.safetensors").stdout
    arcuate("export", tmp_path / "d.safetensors", back)
    graph = nir.read(back)
    assert type(graph.nodes["w"]) is nir.Linear
    assert np.array_equal(graph.nodes["w"].weight, np.where(kept, weight, 0))
    # Connections with delays are no matrix.
    delayed = Path(__file__).parents[1] / "fuzz" / "corpus" / "safetensors" / "lists.safetensors"
    for options in (["--dense"], []):
        said = message(arcuate("export", *options, delayed, tmp_path / "d.nir", code=1))
        assert "delays of up to 0.003" in said
    # With a threshold of 0 every weight stays, and with it the whole file.
    arcuate("export", "--sparse", 0, dense, lists)
    arcuate("export", "--dense", lists, back)
    assert np.array_equal(nir.read(back).nodes["w"].weight, weight)
    # Both ways give what the network gives.
    np.save(tmp_path / "in.npy", generator.uniform(-1, 1, (7, 5)).astype(np.float32))
    for model, out in ((dense, "x.npy"), (lists, "y.npy")):
        arcuate("run", "--quiet", model, tmp_path / "in.npy", "-o", tmp_path / out)
    assert np.array_equal(np.load(tmp_path / "x.npy"), np.load(tmp_path / "y.npy"))
    for options in (["--sparse", -1], ["--sparse", "nan"], ["--sparse", 1, "--dense"]):
        arcuate("export", *options, dense, tmp_path / "e.safetensors", code=64)
    assert not (tmp_path / "d.nir").exists() and not (tmp_path / "e.safetensors").exists()


def test_export_keeps_what_it_replaces(values, tmp_path):
    kept, link = tmp_path / "kept.nir", tmp_path / "link.nir"
    kept.write_bytes(b"old")
    kept.chmod(0o640)
    (tmp_path / "folder").mkdir()
    link.symlink_to("kept.nir")
    arcuate("export", values, link)
    assert link.is_symlink() and kept.stat().st_mode & 0o777 == 0o640
    assert np.array_equal(
        nir.read(kept).nodes["weights"].weight, nir.read(values).nodes["weights"].weight
    )
    # A link that leads to nothing yet, in another folder.
    (tmp_path / "new.nir").symlink_to("folder/there.nir")
    arcuate("export", values, tmp_path / "new.nir")
    assert (tmp_path / "new.nir").is_symlink() and (tmp_path / "folder" / "there.nir").is_file()
    # Anew under its own name, but not under another name of the same file.
    arcuate("export", kept, kept)
    assert "same file" in message(arcuate("export", kept, link, code=1))
    (tmp_path / "circle.nir").symlink_to("circle.nir")
    assert "circle.nir" in message(arcuate("export", values, tmp_path / "circle.nir", code=1))


def test_notes_are_for_those_who_ask(values, tmp_path):
    out = tmp_path / "out.nir"
    noted = arcuate("export", "--verbose", values, out).stderr
    assert all(line.startswith("arcuate: note: ") for line in noted.splitlines())
    assert arcuate("export", values, out).stderr == ""


def test_info_numbers_the_ports(tmp_path):
    two = tmp_path / "two.nir"
    nir.write(
        two,
        nir.NIRGraph(
            nodes={
                "b": nir.Input(np.array([2])),
                "a": nir.Input(np.array([2])),
                "both": nir.Linear(np.eye(2, dtype=np.float32)),
                "out": nir.Output(np.array([2])),
            },
            edges=[("b", "both"), ("a", "both"), ("both", "out")],
            type_check=False,
        ),
    )
    text = arcuate("info", two).stdout
    report = json.loads(arcuate("info", "--json", two).stdout)
    plan = json.loads(arcuate("explain", "--json", two).stdout)
    assert report["inputs"] == [port["name"] for port in plan["inputs"]]
    for i, name in enumerate(report["inputs"]):
        row = next(line.split() for line in text.splitlines() if line.startswith(f"input {i}"))
        assert row[2:4] == [name, "[2]"]
    np.save(tmp_path / "in.npy", np.zeros((1, 2), np.float32))
    line = message(arcuate("run", two, tmp_path / "in.npy", code=1))
    assert '"a"' in line and '"b"' in line


# run


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
        ("wide64", "1e+300 is beyond"),
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
    assert "record 2" in message(arcuate("run", "--dt", "1", model, tmp_path / "cut.bin", code=1))


# compute


def test_compute_splices_and_normalises(values, tmp_path):
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


def test_a_file_above_the_limit_is_a_sentence(values, tmp_path):
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


# Narrow weights


def narrow(weight: np.ndarray, kind: str) -> np.ndarray:
    """The numbers that int8 or bfloat16 weights stand for."""
    if kind == "int8":
        scale = np.abs(weight).max(axis=1, keepdims=True) / np.float32(127)
        return np.clip(np.rint(weight / scale), -127, 127) * scale
    bits = weight.view(np.uint32).astype(np.uint64)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16 << 16).astype(np.uint32).view(np.float32)


def tensors(path: Path) -> dict[str, tuple[str, bytes]]:
    """Type and bytes of each tensor of a safetensors file."""
    content = path.read_bytes()
    size = struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8 : 8 + size])
    header.pop("__metadata__", None)
    return {
        name: (entry["dtype"], content[8 + size :][slice(*entry["data_offsets"])])
        for name, entry in header.items()
    }


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


# The digits that the repository ships


def test_digits_as_the_reference_has_them(tmp_path):
    import sys

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
