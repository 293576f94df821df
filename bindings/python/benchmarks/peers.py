"""Arcuate beside the fastest other ways of running the same network on a processor.

    pip install arcuate-*.whl nir onnx onnxruntime openvino && python peers.py [--threads N]

Every contender runs the same frames in turn, round after round, in one process; the table gives the
median of the rounds and its ratio to Arcuate's. Outputs are compared with a NumPy simulation.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Callable, Dict

import numpy as np

import speech

Run = Callable[[np.ndarray], np.ndarray]


def arcuate_run(path: Path, frames: int, threads: int, numerics: str) -> Run:
    import arcuate

    session = arcuate.Model.open(path).compile(
        steps_per_frame=speech.STEPS, frame_state="reset", threads=threads, numerics=numerics,
        batch=frames,
    ).session()
    return lambda x: session.run(x[None] if frames > 1 else x).reshape(frames, -1)


def onnxruntime_run(path: Path, threads: int) -> Run:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda x: session.run(None, {"x": x})[0]


def openvino_run(path: Path, threads: int) -> Run:
    import openvino

    compiled = openvino.Core().compile_model(
        path, "CPU",
        {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY",
         "INFERENCE_PRECISION_HINT": "f32"})
    request = compiled.create_infer_request()
    return lambda x: request.infer({"x": x})[compiled.output(0)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--frames", type=int, nargs="+", default=[1, 256])
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--rate", type=float, default=0.08)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-arguments.threads:])

    network = speech.draw(arguments.seed, arguments.rate)
    print("spikes per neuron and step: " + ", ".join(f"{r:.3f}" for r in network.rates))
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        nir_path = Path(folder) / "speech.nir"
        speech.write_nir(network, nir_path)
        for frames in arguments.frames:
            onnx_path = Path(folder) / f"speech{frames}.onnx"
            speech.write_onnx(network, onnx_path, frames)
            runs: Dict[str, Run] = {
                "arcuate": arcuate_run(nir_path, frames, arguments.threads, "exact"),
                "onnxruntime": onnxruntime_run(onnx_path, arguments.threads),
                "openvino": openvino_run(onnx_path, arguments.threads),
            }
            results[frames] = compare(network, runs, frames, arguments)
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1))


def compare(network: speech.Network, runs: Dict[str, Run], frames: int, arguments) -> dict:
    times: Dict[str, list] = {name: [] for name in runs}
    for round_number in range(arguments.rounds + 2):
        x = speech.frames(7 + round_number, frames)
        for name, run in runs.items():
            repeat = max(1, 16 // frames)
            start = time.perf_counter()
            for _ in range(repeat):
                y = run(x)
            if round_number >= 2:
                times[name].append((time.perf_counter() - start) / repeat)
            if round_number == 0:
                expected = speech.reference(network, x)
                agree = (y.argmax(axis=1) == expected.argmax(axis=1)).mean()
                print(f"  {name}: argmax equals the simulation's in {100 * agree:.1f} % of frames")
    base = float(np.median(times["arcuate"]))
    table = {}
    print(f"{frames} frames, {arguments.threads} thread(s): median of {arguments.rounds} rounds")
    for name, seconds in sorted(times.items(), key=lambda item: np.median(item[1])):
        median, low, high = np.median(seconds), min(seconds), max(seconds)
        table[name] = {"ms": 1e3 * median, "ratio": median / base}
        print(f"  {name:14} {1e3 * median:9.3f} ms ({1e3 * low:.3f} ... {1e3 * high:.3f})  "
              f"{median / base:6.2f} x arcuate")
    return table


if __name__ == "__main__":
    main()
