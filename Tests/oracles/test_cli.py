"""The command `arcuate` as a whole, and info, check, explain and export. Needs ARCUATE_CLI, the path of the command."""

import json
import os
import platform
import subprocess
from pathlib import Path

import numpy as np
import pytest
from command import CLI, arcuate, message
from samples import tensors

nir = pytest.importorskip("nir")

pytestmark = pytest.mark.skipif(CLI is None, reason="needs ARCUATE_CLI")


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
        (["convert", "--frames", "f", "--percentile", "0", "m", "o"], "--percentile must be"),
        (["convert", "--frames", "f", "--steps", "-1", "m", "o"], "--steps must be 0 ... 1000000"),
        (["train", "m", "o", "--inputs", "i", "--patience", "0"], "--patience must be 1"),
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


def test_steps_are_of_recordings(values, tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((2, 3), np.float32))
    done = arcuate("run", "--steps", "3", values, tmp_path / "x.npy", code=64)
    assert "--steps-per-frame" in done.stderr.splitlines()[0]


def test_explain(net):
    text = arcuate("explain", "--dt", "0.001", "--batch", "4", net).stdout
    assert "f32-neuron-step-" in text and "exact" in text and "4" in text
    report = json.loads(
        arcuate("explain", "--json", "--dt", "1", "--numerics", "fast", "--batch", "4", net).stdout
    )
    assert report["batch"] == 4 and report["numerics"] == "fast"
    assert report["session_bytes"] > report["state_bytes"] > 0
    origins = report["origins"]
    assert (origins["dt_s"], origins["batch"], origins["threads"]) == ("given", "given", "default")
    assert "dt" in message(arcuate("explain", net, code=1))


def test_programs_are_checked_and_explained(tmp_path):
    program = (
        "parameter tau = 0.5\nstate v = (1 - tau) * 2\nstate integer k = 3\n"
        "v = v * tau + b * x  # decays\x1b\nspike = v > 1 && k > 0"
    )
    layer = {"kind": "neuron", "name": "n", "program": program, "b": [1, 2, 3]}
    net = tmp_path / "net.json"
    net.write_text(json.dumps({"input": 3, "layers": [layer]}))
    lines = [line.split() for line in arcuate("check", net).stdout.splitlines()]
    assert ["program", "of", "node", '"n"'] in lines
    assert ["input", "x"] in lines and ["emits", "spike"] in lines
    assert "state v number, at first (1 - tau) * 2".split() in lines
    assert "state k integer, at first 3".split() in lines
    assert "parameter tau 0.5 (default)".split() in lines
    assert "parameter b [3], 1.0 ... 3.0".split() in lines
    (report,) = json.loads(arcuate("check", "--json", net).stdout)["programs"]
    assert report["node"] == "n" and report["program"] == program
    assert report["inputs"] == ["x"] and report["emits"] == "spike"
    assert report["states"][0] == {"name": "v", "type": "number", "initial": "(1 - tau) * 2"}
    assert report["parameters"] == [
        {"name": "tau", "shape": [], "value": 0.5},
        {"name": "b", "shape": [3], "value": None},
    ]
    # The lines of the program stand below the node; control characters of comments do not.
    text = arcuate("explain", net).stdout
    assert "f32-neuron-program-" in text
    assert "\n       v = v * tau + b * x  # decays\n       spike = v > 1 && k > 0\n" in text
    assert json.loads(arcuate("explain", "--json", net).stdout)["programs"] == {"n": program}
    net.write_text(json.dumps({"input": 3, "layers": [{**layer, "program": "value = b @ x"}]}))
    assert "program: line 1, column 11: unexpected" in message(arcuate("check", net, code=1))


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
    assert name == best[0] and "sse9, which is not baseline or avx2 or avx512 or amx" in line


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
