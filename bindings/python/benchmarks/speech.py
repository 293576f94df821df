"""The speech workload: 440-2048-2048-2048-2048-2000, integrate-and-fire, ten steps a frame.

Weights are drawn, and each layer is scaled so that its neurons fire at a given rate on drawn
frames: nothing is fitted to what is measured.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import List, NamedTuple

import numpy as np

SIZES = (440, 2048, 2048, 2048, 2048, 2000)
STEPS = 10
DT = 1e-3


class Network(NamedTuple):
    """Layers as (weight [out, in], bias [out]); threshold 1 (v >= 1), reset by subtraction."""

    weights: List[np.ndarray]
    biases: List[np.ndarray]
    rates: List[float]


def draw(seed: int, rate: float = 0.08) -> Network:
    """A network whose hidden neurons fire in a fraction `rate` of the steps, on average."""
    random = np.random.default_rng(seed)
    signal = frames(seed + 1000, 16)[:, None, :].repeat(STEPS, 1)  # [frames, steps, inputs]
    weights, biases, rates = [], [], []
    for layer, (inputs, outputs) in enumerate(zip(SIZES, SIZES[1:])):
        weight = random.standard_normal((outputs, inputs)).astype(np.float32) / math.sqrt(inputs)
        bias = 0.1 * random.standard_normal(outputs).astype(np.float32)
        if layer == len(SIZES) - 2:
            weights.append(weight)
            biases.append(bias)
            break
        scale = 1.0
        for _ in range(6):
            spikes = fire(signal @ (weight * scale).T + bias * scale)
            scale *= rate / max(float(spikes.mean()), 1e-3)
        weights.append((weight * scale).astype(np.float32))
        biases.append((bias * scale).astype(np.float32))
        signal = fire(signal @ weights[-1].T + biases[-1])
        rates.append(float(signal.mean()))
    return Network(weights, biases, rates)


def frames(seed: int, count: int) -> np.ndarray:
    """Drawn features [count, 440]."""
    return np.random.default_rng(seed).standard_normal((count, SIZES[0])).astype(np.float32)


def fire(current: np.ndarray) -> np.ndarray:
    """Spikes of integrate-and-fire neurons from rest, for currents [frames, steps, neurons]."""
    membrane = np.zeros_like(current[:, 0])
    spikes = np.zeros_like(current)
    for step in range(current.shape[1]):
        membrane = membrane + current[:, step]
        spikes[:, step] = membrane >= 1
        membrane = membrane - spikes[:, step]
    return spikes


def reference(network: Network, x: np.ndarray) -> np.ndarray:
    """Output membranes [frames, 2000] after the last step."""
    signal = x[:, None, :].repeat(STEPS, 1)
    for weight, bias in zip(network.weights[:-1], network.biases[:-1]):
        signal = fire(signal @ weight.T + bias)
    return (signal @ network.weights[-1].T + network.biases[-1]).sum(axis=1)


def write_nir(network: Network, path: Path) -> None:
    """The network as NIR, with r = 1 / dt so that a step adds exactly the input."""
    import nir

    nodes = {"input": nir.Input(np.array([SIZES[0]]))}
    for i, (weight, bias) in enumerate(zip(network.weights, network.biases)):
        count = len(bias)
        gain = np.full(count, 1 / DT, np.float32)
        nodes[f"weights{i}"] = nir.Affine(weight, bias)
        nodes[f"neurons{i}"] = (
            nir.I(gain) if i == len(network.weights) - 1
            else nir.IF(gain, np.ones(count, np.float32), np.zeros(count, np.float32))
        )
    nodes["output"] = nir.Output(np.array([SIZES[-1]]))
    names = list(nodes)
    metadata = {"dt": DT, "reset": "subtract", "threshold_comparison": ">=",
                "steps_per_frame": float(STEPS), "frame_state": "reset"}
    nir.write(path, nir.NIRGraph(nodes=nodes, edges=list(zip(names, names[1:])), metadata=metadata))


def write_onnx(network: Network, path: Path, frame_count: int) -> None:
    """The same network unrolled: each layer's product for all steps at once, then its neurons.

    Input x [frames, 440], output y [frames, 2000]. The first layer's product is made once a frame.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    constants, nodes = [], []

    def constant(name: str, value: np.ndarray) -> str:
        constants.append(numpy_helper.from_array(value, name))
        return name

    def node(kind: str, inputs: List[str], output: str, **attributes: object) -> str:
        nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    constant("one", np.ones(1, np.float32))
    signal = "x"
    last = len(network.weights) - 1
    for i, (weight, bias) in enumerate(zip(network.weights, network.biases)):
        matrix = constant(f"w{i}", np.ascontiguousarray(weight.T))
        current = node("Add", [node("MatMul", [signal, matrix], f"p{i}"),
                               constant(f"b{i}", bias)], f"c{i}")
        if i == 0:
            steps = [current] * STEPS
        else:
            shape = constant(f"shape{i}", np.array([STEPS, frame_count, len(bias)], np.int64))
            stacked = node("Reshape", [current, shape], f"r{i}")
            if i == last:
                node("ReduceSum", [stacked, constant("axis", np.array([0], np.int64))], "y",
                     keepdims=0)
                break
            names = [f"c{i}_{s}" for s in range(STEPS)]
            nodes.append(helper.make_node("Split", [stacked], [n + "s" for n in names], axis=0,
                                          num_outputs=STEPS))
            constant(f"flat{i}", np.array([frame_count, len(bias)], np.int64))
            steps = [node("Reshape", [n + "s", f"flat{i}"], n) for n in names]
        membrane, spikes = None, []
        for s, step in enumerate(steps):
            before = step if membrane is None else node("Add", [membrane, step], f"v{i}_{s}")
            fired = node("GreaterOrEqual", [before, "one"], f"f{i}_{s}")
            spike = node("Cast", [fired], f"s{i}_{s}", to=TensorProto.FLOAT)
            membrane = node("Sub", [before, spike], f"m{i}_{s}")
            spikes.append(spike)
        signal = node("Concat", spikes, f"z{i}", axis=0)
    graph = helper.make_graph(
        nodes, "speech",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [frame_count, SIZES[0]])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [frame_count, SIZES[-1]])],
        constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 9
    onnx.save(model, path)
