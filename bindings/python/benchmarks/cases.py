"""Networks and inputs that `arcuate-bench --write` left in a folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional

import numpy as np


class Case(NamedTuple):
    """One workload at one length and batch, in one type of weights."""

    name: str
    workload: str
    weights: str
    """"float32", "bfloat16" or "int8"."""
    batch: int
    steps: int
    steps_per_frame: int
    frame_state: str
    frame_output: str
    network: Path
    inputs: List[np.ndarray]
    """One array a call, [frames, batch, ...]; every call starts from rest."""


def write(folder: Path, workloads: List[str], batches: List[int], seed: int, small: bool) -> None:
    """Runs `arcuate-bench --write`.

    The command is ARCUATE_BENCH, the one beside ARCUATE_CLI, on the path, or in .build/release.
    """
    candidates = [os.environ.get("ARCUATE_BENCH")]
    if "ARCUATE_CLI" in os.environ:
        candidates.append(str(Path(os.environ["ARCUATE_CLI"]).with_name("arcuate-bench")))
    candidates.append(shutil.which("arcuate-bench"))
    candidates.append(str(Path(__file__).parents[3] / ".build" / "release" / "arcuate-bench"))
    command = next((path for path in candidates if path and Path(path).exists()), None)
    if command is None:
        raise SystemExit("arcuate-bench not found: build it, or set ARCUATE_BENCH to its path")
    options = [option for batch in batches for option in ("--batch", str(batch))]
    options += ["--small"] if small else []
    subprocess.run(
        [
            command,
            *workloads,
            "--rounds",
            "0",
            "--seed",
            str(seed),
            "--write",
            str(folder),
            *options,
        ],
        check=True,
    )


def read(folder: Path, workload: str, batches: Optional[List[int]] = None) -> List[Case]:
    """The workload's cases in the folder."""
    cases = []
    for entry in json.loads((folder / "bench.json").read_text()):
        if entry["workload"] != workload or batches and entry["batch"] not in batches:
            continue
        cases.append(
            Case(
                network=folder / entry["network"],
                inputs=[np.load(folder / name) for name in entry["inputs"]],
                **{key: entry[key] for key in Case._fields if key not in ("network", "inputs")},
            )
        )
    return cases


def tensors(path: Path) -> Dict[str, np.ndarray]:
    """The float32 tensors of a safetensors file by name."""
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    found = {}
    for name, entry in header.items():
        if name != "__metadata__" and entry["dtype"] == "F32":
            start, end = (8 + length + offset for offset in entry["data_offsets"])
            found[name] = np.frombuffer(data[start:end], np.float32).reshape(entry["shape"])
    return found
