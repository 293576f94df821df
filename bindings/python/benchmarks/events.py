"""The event workload in other frameworks: convolutions over 34 x 34 x 2 events, integrate-and-fire.

A layer's convolution is made for many steps at once, then its neurons run; large batches take
`CHUNK` steps at a time, so that what lies between stays near the caches. Inputs
[steps, batch, 2, 34, 34], outputs [steps, batch, 10].
"""

from __future__ import annotations

from pathlib import Path
from typing import Callable, Dict

import numpy as np
from cases import Case, tensors
from graph import RUNTIMES, Graph

Run = Callable[[np.ndarray], np.ndarray]

CHUNK = 10


def contenders(case: Case, threads: int, folder: Path) -> Dict[str, Callable[[], Run]]:
    """Functions that make a runner, by name; each may fail to import what it needs."""
    makers = {name: lambda name=name: _onnx(case, threads, folder, name) for name in RUNTIMES}
    makers["jax"] = lambda: _jax(case)
    makers["torch"] = lambda: _torch(case, compiled=False)
    makers["torch-compile"] = lambda: _torch(case, compiled=True)
    return makers


def _chunk(case: Case) -> int:
    return (
        case.steps
        if case.batch == 1
        else next(n for n in range(CHUNK, 0, -1) if case.steps % n == 0)
    )


def _weights(case: Case):
    """Two convolutions and the outputs; the sum over four pixels is an average times 4, which is
    exact and goes into the weights behind it."""
    found = tensors(case.network)
    first, second = found["convolution0.weight"], found["convolution1.weight"]
    return first, second * np.float32(4), found["weights.weight"] * np.float32(4)


def _states(case: Case):
    first, second, _ = _weights(case)
    return (case.batch, len(first), 30, 30), (case.batch, len(second), 11, 11)


def _chunked(case: Case, call) -> Run:
    """`call(x, a, b)` gives the outputs of some steps and the membranes after them."""
    chunk = _chunk(case)
    rest = [np.zeros(shape, np.float32) for shape in _states(case)]

    def run(x: np.ndarray) -> np.ndarray:
        states, outputs = rest, []
        for start in range(0, case.steps, chunk):
            y, *states = call(x[start : start + chunk], *states)
            outputs.append(np.array(y))
        return np.concatenate(outputs)

    return run


def _onnx(case: Case, threads: int, folder: Path, runtime: str) -> Run:
    path = folder / f"{case.name}.onnx"
    if not path.exists():
        _graph(case).save(path)
    call = RUNTIMES[runtime](path, threads)

    def chunk(x, a, b):
        # The states are copied: a runtime may put its next results where these are.
        y, a, b = call({"x": x, "a": np.array(a), "b": np.array(b)})
        return y, a, b

    return _chunked(case, chunk)


def _graph(case: Case) -> Graph:
    graph = Graph()
    first, second, outputs = _weights(case)
    steps, batch = _chunk(case), case.batch
    x = graph.input("x", [steps, batch, 2, 34, 34])
    signal = graph.reshape(x, [steps * batch, 2, 34, 34])
    ends = []
    for weight, name, shape in zip((first, second), "ab", _states(case)):
        current = graph.node("Conv", signal, graph.constant(weight), kernel_shape=[5, 5])
        stacked = graph.reshape(current, [steps, *shape])
        membrane, spikes = graph.input(name, shape), []
        for step in graph.split(stacked, steps, shape):
            spike, membrane = graph.fire(step, membrane)
            spikes.append(spike)
        ends.append((name, membrane, shape))
        signal = graph.node("Concat", *spikes, axis=0)
        signal = graph.node("AveragePool", signal, kernel_shape=[2, 2], strides=[2, 2])
    flat = graph.reshape(signal, [steps * batch, outputs.shape[1]])
    product = graph.node("MatMul", flat, graph.constant(outputs.T))
    shape = [steps, batch, len(outputs)]
    graph.output("y", graph.reshape(product, shape), shape)
    for name, membrane, shape in ends:
        graph.output(name + "_end", membrane, shape)
    return graph


def _jax(case: Case) -> Run:
    import jax
    from jax import lax
    from jax import numpy as jnp

    first, second, outputs = (jnp.asarray(w) for w in _weights(case))
    steps, batch = _chunk(case), case.batch

    def fire(membrane, current):
        membrane = membrane + current
        spike = (membrane >= 1).astype(jnp.float32)
        return membrane - spike, spike

    @jax.jit
    def call(x, a, b):
        signal, ends = x.reshape(steps * batch, 2, 34, 34), []
        for weight, membrane in ((first, a), (second, b)):
            current = lax.conv(signal, weight, (1, 1), "VALID")
            end, spikes = lax.scan(fire, membrane, current.reshape(steps, *membrane.shape))
            ends.append(end)
            signal = lax.reduce_window(
                spikes.reshape(current.shape), 0.0, lax.add, (1, 1, 2, 2), (1, 1, 2, 2), "VALID"
            )
            signal = signal * 0.25
        y = signal.reshape(steps * batch, -1) @ outputs.T
        return y.reshape(steps, batch, -1), *ends

    return _chunked(case, call)


def _torch(case: Case, compiled: bool) -> Run:
    import torch

    first, second, outputs = (torch.tensor(w) for w in _weights(case))
    steps, batch = _chunk(case), case.batch
    functional = torch.nn.functional

    def fire(membrane, currents):
        spikes = []
        for current in currents:
            membrane = membrane + current
            spike = (membrane >= 1).float()
            membrane = membrane - spike
            spikes.append(spike)
        return membrane, torch.stack(spikes)

    # Some steps are compiled, and called again and again: many take minutes.
    at_once = steps
    if compiled:
        at_once = next(n for n in range(CHUNK, 0, -1) if steps % n == 0)
        fire = torch.compile(fire, dynamic=False)

    def chunk(x, a, b):
        with torch.inference_mode():
            signal, ends = torch.from_numpy(np.asarray(x)).view(steps * batch, 2, 34, 34), []
            for weight, membrane in ((first, a), (second, b)):
                membrane = torch.as_tensor(membrane)
                current = functional.conv2d(signal, weight)
                spikes = []
                for some in current.view(steps, *membrane.shape).split(at_once):
                    membrane, fired = fire(membrane, some)
                    spikes.append(fired)
                ends.append(membrane)
                signal = functional.avg_pool2d(torch.cat(spikes).view(current.shape), 2)
            y = functional.linear(signal.reshape(steps * batch, -1), outputs)
            return y.view(steps, batch, -1), *ends

    return _chunked(case, chunk)
