"""Neuron programs: the files of programs/, how to run one, and what was recorded of others.

The recordings beside this file are safetensors files: inputs and parameters of a rule of another
library, and what that library computed from them.
"""

from __future__ import annotations

import json
import re
import struct
from pathlib import Path
from typing import Dict, List, Tuple

import numpy as np

FOLDER = Path(__file__).resolve().parents[2] / "programs"
RECORDINGS = Path(__file__).resolve().parent / "recordings"
# Membranes are recorded at every so many steps.
STRIDE = 5

Arrays = Dict[str, np.ndarray]


def packed(texts: Dict[str, str], tensors: Arrays) -> bytes:
    """A safetensors file of float32 and uint8 tensors."""
    header: dict = {"__metadata__": texts}
    data = b""
    # The wider elements first, so that all are aligned.
    for name, values in sorted(tensors.items(), key=lambda item: item[1].dtype == np.uint8):
        kind = ("U8", "u1") if values.dtype == np.uint8 else ("F32", "<f4")
        content = np.ascontiguousarray(values, kind[1]).tobytes()
        header[name] = {
            "dtype": kind[0],
            "shape": list(values.shape),
            "data_offsets": [len(data), len(data) + len(content)],
        }
        data += content
    text = json.dumps(header).encode()
    text += b" " * (-(8 + len(text)) % 64)
    return struct.pack("<Q", len(text)) + text + data


def session_of(program: str, parameters: Arrays, inputs: int, count: int, dt_s: float):
    """A session of a layer of neurons, with one value or one for each neuron for its parameters."""
    import arcuate

    names = [f"input{k}" for k in range(inputs)]
    nodes: List[dict] = [{"name": name, "kind": "Input", "shape": [count]} for name in names]
    nodes.append(
        {
            "name": "neurons",
            "kind": "NeuronProgram",
            "program": program,
            "parameters": {name: f"neurons.{name}" for name in parameters},
        }
    )
    nodes.append({"name": "output", "kind": "Output", "shape": [count]})
    edges = [[name, "neurons"] for name in names] + [["neurons", "output"]]
    graph = json.dumps({"nodes": nodes, "edges": edges, "dt_s": dt_s})
    file = packed(
        {"arcuate.format": "1", "arcuate.model": graph},
        {f"neurons.{name}": np.ravel(values) for name, values in parameters.items()},
    )
    with arcuate.Model.from_bytes(file) as model:
        return model.compile().session()


def run(
    program: str, parameters: Arrays, inputs: List[np.ndarray], dt_s: float
) -> Tuple[np.ndarray, np.ndarray]:
    """What a layer of the program emits, and its first state after each step: [steps, neurons]."""
    steps, count = inputs[0].shape
    session = session_of(program, parameters, len(inputs), count, dt_s)
    if "state integer" in program:
        # A probe records numbers alone: the same program, but it emits its state v.
        text = re.sub(r"\b(spike|count)\b", r"\1_", program) + "\nvalue = number(v)\n"
        shown = session_of(text, parameters, len(inputs), count, dt_s)
        return session.run(*inputs), shown.run(*inputs)
    probe = session.probe("neurons", "membrane", capacity=steps)
    return session.run(*inputs), probe.read()[:, 0]
