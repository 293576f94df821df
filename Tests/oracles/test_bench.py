"""The command `arcuate-bench`: tables, JSON, the folder it writes, and what it refuses.

Needs ARCUATE_CLI; see command.py.
"""

import json
import os
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from command import BENCH, CLI, arcuate, bench, message

pytestmark = pytest.mark.skipif(CLI is None, reason="needs ARCUATE_CLI")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Small networks, and the figures of measuring them."""
    path = tmp_path_factory.mktemp("bench") / "networks"
    bench("--small", "--rounds", 2, "--write", path, "--json", f"{path}.json", "--quiet")
    return path


@pytest.fixture(scope="module")
def figures(folder):
    return {case["name"]: case for case in json.loads(open(f"{folder}.json").read())["cases"]}


def test_tables_and_figures(tmp_path):
    path = tmp_path / "figures.json"
    done = bench(
        "recurrent", "--small", "--rounds", 3, "--batch", 2, "--threads", 2, "--json", path
    )
    figures = json.loads(path.read_text())
    (case,) = figures["cases"]
    assert case["name"] == "recurrent-20-b2" and case["threads"] == 2
    assert len(case["rounds_s"]) == 3 and all(seconds > 0 for seconds in case["rounds_s"])
    assert case["median_s"] == sorted(case["rounds_s"])[1]
    assert [c["threads"] for c in figures["ceilings"]] == [1, 2]
    assert f"({figures['instructions']}), 2 threads" in done.stdout.splitlines()[0]
    for ceilings in figures["ceilings"]:
        assert all(value > 1e8 for value in ceilings["read_bytes_per_s"].values())
        assert set(ceilings["read_bytes_per_s"]) == {"L1", "L2", "L3", "DRAM"}
    floor = case["floor"]
    assert floor["seconds"] == max(floor["reading_s"], floor["adding_s"]) > 0
    assert floor["distance"] == pytest.approx(case["median_s"] / floor["seconds"])
    row = next(line for line in done.stdout.splitlines() if line.startswith("recurrent "))
    assert row.split()[:4] == ["recurrent", "float32", "20", "2"]
    assert "random rows of 8 kB" in done.stdout and "active in a step" in done.stdout
    assert "arcuate-bench: recurrent: building the network\n" in done.stderr


def test_json_alone_on_the_standard_output():
    done = bench("recurrent", "--small", "--rounds", 1, "--json", "-", "--quiet")
    assert json.loads(done.stdout)["cases"] and done.stderr == ""


def test_every_case_is_there(figures):
    speech = [f"speech-10-b{b}{w}" for b in (1, 4) for w in ("", "-bfloat16", "-int8")]
    others = [
        "recurrent-20-b1",
        "recurrent-20-b3",
        "events-12-b1",
        "events-12-b2",
        "delays-4k-2-1500-b1",
        "delays-4k-10-1500-b1",
    ]
    assert sorted(figures) == sorted(speech + others)
    for name, case in figures.items():
        assert case["kernels"] and case["parameter_bytes"] > 0 and case["floor"]["distance"] > 0
        assert (case["argmax_agreement"] is None) == (case["weights"] == "float32"), name


def test_counters_are_those_of_a_run(folder, figures):
    """The same inputs through `arcuate run`, and what they touch counted by hand."""
    for entry in json.loads((folder / "bench.json").read_text()):
        case = figures[entry["name"]]
        spikes = operations = 0
        for file, expected in zip(entry["inputs"], entry["outputs"]):
            done = arcuate(
                "run",
                "--json",
                "--quiet",
                "--steps-per-frame",
                entry["steps_per_frame"],
                "--frame-state",
                entry["frame_state"],
                "--frame-output",
                entry["frame_output"],
                folder / entry["network"],
                folder / file,
                "-o",
                folder / "again.npy",
            )
            total = json.loads(done.stdout)["total"]
            spikes += total["spikes"]
            operations += total["macs"] + total["acs"]
            np.testing.assert_array_equal(np.load(folder / "again.npy"), np.load(folder / expected))
        calls = len(entry["inputs"])
        assert case["spikes"] == pytest.approx(spikes / calls)
        assert case["macs"] + case["acs"] == pytest.approx(operations / calls)


def test_touched_bytes_are_those_of_what_fired(folder, figures):
    case = figures["recurrent-20-b1"]
    x = np.load(folder / "recurrent-20-b1-input0.npy")
    assert x.shape == (20, 1, 70)
    assert case["rates"]["input"] == pytest.approx(
        np.mean([np.load(folder / f"recurrent-20-b1-input{i}.npy").mean() for i in range(4)]),
        rel=1e-4,
    )
    # 32 floats for each input that fired, and 32 and 5 for each hidden neuron that did.
    inputs = int(x.any(axis=(0, 1)).sum())
    hidden = case["touched_bytes"] / 4 - 32 * inputs
    assert hidden % (32 + 5) == 0 and 0 < hidden // (32 + 5) <= 32


def test_touched_connections_are_those_of_what_fired(folder, figures):
    case = figures["delays-4k-10-1500-b1"]
    raw = (folder / "delays-4k-10.safetensors").read_bytes()
    start = 8 + struct.unpack("<Q", raw[:8])[0]
    first, end = json.loads(raw[8:start])["synapses.row_starts"]["data_offsets"]
    starts = np.frombuffer(raw[start + first : start + end], np.int64)
    # The output is the number of spikes of each neuron. 4 bytes of weight and 4 of place.
    spikes = np.load(folder / "delays-4k-10-1500-b1-output0.npy").ravel()
    assert 0 < (spikes > 0).sum() and spikes.sum() == case["spikes"]
    assert case["touched_bytes"] == 8 * np.diff(starts)[spikes > 0].sum()
    assert case["network_bytes"] == 8 * starts[-1] + 8 * len(starts)


def test_a_narrow_network_is_narrow(folder):
    wide, half, byte = (
        (folder / f"speech{w}.safetensors").stat().st_size for w in ("", "-bfloat16", "-int8")
    )
    assert wide > 1.5 * half > 2 * byte
    raw = (folder / "speech-int8.safetensors").read_bytes()
    header = json.loads(raw[8 : 8 + struct.unpack("<Q", raw[:8])[0]])
    assert header["weights0.weight"]["dtype"] == "I8"
    assert header["weights0.weight.scale"]["shape"] == [128]


def test_a_seed_is_a_network(folder, tmp_path):
    arguments = ["recurrent", "--small", "--rounds", 0, "--quiet", "--batch", 1]
    bench(*arguments, "--write", tmp_path / "same")
    bench(*arguments, "--seed", 2, "--write", tmp_path / "other")
    first, same, other = (
        (f / "recurrent.safetensors").read_bytes()
        for f in (folder, tmp_path / "same", tmp_path / "other")
    )
    assert first == same != other


def test_rounds_of_none_measure_nothing():
    done = bench("recurrent", "--small", "--rounds", 0, "--quiet")
    assert done.stdout == "" and done.stderr == ""


def test_help_fits_80_columns():
    text = bench("--help", env={**os.environ, "COLUMNS": "80"}).stdout
    assert "EXAMPLES:" in text and max(map(len, text.splitlines())) <= 80


def test_explain():
    done = bench("--explain")
    assert "touched bytes / read speed" in done.stdout and done.stderr == ""


def test_refuses(tmp_path):
    said = message(bench("walking", code=1))
    assert said.endswith(
        'unknown workload "walking"; use one of speech, recurrent, events, '
        "delays-4k-2, delays-4k-10, delays-20k-2, delays-20k-10"
    )
    said = message(bench("--json", tmp_path / "no" / "figures.json", code=1))
    assert "figures.json: cannot be written: No such file or directory" in said
    said = message(bench("--write", tmp_path / "no" / "folder", code=1))
    assert "folder: cannot be created: No such file or directory" in said
    (tmp_path / "file").write_text("")
    said = message(bench("recurrent", "--small", "--quiet", "--write", tmp_path / "file", code=1))
    assert "Not a directory" in said
    said = message(bench("recurrent", "--weights", "int8", code=1))
    assert "--weights: none of these workloads has weights of this type" in said
    for arguments, expected in [
        (["--threads", 0], "--threads "),
        (["--rounds", -1], "--rounds must be 0 ... 10000, got -1"),
        (["--batch", 0], "--batch "),
        (["--weights", "int4"], 'float32, bfloat16, int8, got "int4"'),
    ]:
        assert expected in bench(*arguments, code=64).stderr


def test_interrupt_leaves_nothing(tmp_path):
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    process = subprocess.Popen(
        [BENCH, "speech", "--json", tmp_path / "figures.json"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert b"building" in process.stderr.readline()
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == -signal.SIGINT
    assert list(tmp_path.iterdir()) == []


def test_peers_run_on_the_same_networks(folder):
    """Whoever is not installed is left out; Arcuate itself always runs."""
    pytest.importorskip("arcuate")
    script = Path(__file__).parents[2] / "bindings" / "python" / "benchmarks" / "peers.py"
    done = subprocess.run(
        [
            sys.executable,
            script,
            "recurrent",
            "--networks",
            folder,
            "--rounds",
            "1",
            "--markdown",
            "--skip",
            "torch-compile",
        ],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert "recurrent-20-b1, 1 thread(s)" in done.stdout
    assert "1.00 x  argmax 100.0 % as arcuate, outputs 100.0 %" in done.stdout
    assert "| recurrent-20-b3 | " in done.stdout
    wrong = subprocess.run(
        [sys.executable, script, "walking"], capture_output=True, text=True, timeout=60
    )
    assert wrong.returncode == 2 and "speech, recurrent, events" in wrong.stderr
