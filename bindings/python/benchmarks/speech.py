"""The speech workload in other frameworks: integrate-and-fire, ten steps a frame.

Each layer's product is made for all steps at once, then its neurons run; the first layer's product
is made once a frame. Inputs [1, batch, inputs], outputs [1, batch, outputs], summed over the steps.
"""

from __future__ import annotations

from pathlib import Path
from typing import Callable, Dict, List, Tuple

import numpy as np
from cases import Case, tensors
from graph import RUNTIMES, Graph

Run = Callable[[np.ndarray], np.ndarray]


def layers(case: Case) -> List[Tuple[np.ndarray, np.ndarray]]:
    found = tensors(case.network)
    count = sum(name.endswith(".bias") for name in found)
    return [(found[f"weights{i}.weight"], found[f"weights{i}.bias"]) for i in range(count)]


def contenders(case: Case, threads: int, folder: Path) -> Dict[str, Callable[[], Run]]:
    """Functions that make a runner, by name; each may fail to import what it needs."""
    makers = {name: lambda name=name: _onnx(case, threads, folder, name) for name in RUNTIMES}
    makers["jax"] = lambda: _jax(case)
    makers["torch"] = lambda: _torch(case, compiled=False)
    makers["torch-compile"] = lambda: _torch(case, compiled=True)
    if case.batch == 1:
        makers["torch-events"] = lambda: _torch_events(case)
    return makers


def _onnx(case: Case, threads: int, folder: Path, runtime: str) -> Run:
    path = folder / f"{case.name}.onnx"
    if not path.exists():
        _graph(case).save(path)
    call = RUNTIMES[runtime](path, threads)
    return lambda x: call({"x": x[0]})[0][None]


def _graph(case: Case) -> Graph:
    graph = Graph()
    network, batch, steps = layers(case), case.batch, case.steps
    signal = graph.input("x", [batch, network[0][0].shape[1]])
    for i, (weight, bias) in enumerate(network):
        count = len(bias)
        product = graph.node("MatMul", signal, graph.constant(weight.T))
        current = graph.node("Add", product, graph.constant(bias))
        if i == len(network) - 1:
            stacked = graph.reshape(current, [steps, batch, count])
            axis = graph.constant(np.array([0], np.int64))
            graph.output("y", graph.node("ReduceSum", stacked, axis, keepdims=0), [batch, count])
            break
        if i == 0:
            currents = [current] * steps
        else:
            stacked = graph.reshape(current, [steps, batch, count])
            currents = graph.split(stacked, steps, [batch, count])
        membrane, spikes = None, []
        for step in currents:
            spike, membrane = graph.fire(step, membrane)
            spikes.append(spike)
        signal = graph.node("Concat", *spikes, axis=0)
    return graph


def _jax(case: Case) -> Run:
    import jax
    from jax import lax
    from jax import numpy as jnp

    network = [(jnp.asarray(w.T.copy()), jnp.asarray(b)) for w, b in layers(case)]

    def fire(membrane, current):
        membrane = membrane + current
        spike = (membrane >= 1).astype(jnp.float32)
        return membrane - spike, spike

    @jax.jit
    def run(x):
        signal = x
        for i, (weight, bias) in enumerate(network):
            current = signal @ weight + bias
            if i == 0:
                current = jnp.broadcast_to(current, (case.steps, case.batch, len(bias)))
            else:
                current = current.reshape(case.steps, case.batch, len(bias))
            if i == len(network) - 1:
                return current.sum(0)
            rest = jnp.zeros((case.batch, len(bias)), jnp.float32)
            _, spikes = lax.scan(fire, rest, current)
            signal = spikes.reshape(case.steps * case.batch, len(bias))

    return lambda x: np.asarray(run(x[0]))[None]


def _torch(case: Case, compiled: bool) -> Run:
    import torch

    network = [(torch.tensor(w), torch.tensor(b)) for w, b in layers(case)]

    def forward(x):
        signal = x
        for i, (weight, bias) in enumerate(network):
            current = torch.nn.functional.linear(signal, weight, bias)
            if i == len(network) - 1:
                return current.view(case.steps, case.batch, -1).sum(0)
            if i > 0:
                current = current.view(case.steps, case.batch, -1)
            membrane = torch.zeros(case.batch, len(bias))
            spikes = []
            for t in range(case.steps):
                membrane = membrane + (current if i == 0 else current[t])
                spike = (membrane >= 1).float()
                membrane = membrane - spike
                spikes.append(spike)
            signal = torch.cat(spikes)

    run = torch.compile(forward, dynamic=False) if compiled else forward

    def call(x: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return run(torch.from_numpy(x[0])).numpy()[None]

    return call


def _torch_events(case: Case) -> Run:
    """For one stream: rows of weights are added for those neurons that fired."""
    import torch

    network = [(torch.tensor(w.T.copy()), torch.tensor(b)) for w, b in layers(case)]
    steps = case.steps

    def forward(x):
        weight, bias = network[0]
        current = (x @ weight + bias).expand(steps, -1)
        for i, (weight, bias) in enumerate(network[1:]):
            membrane = torch.zeros(current.shape[1])
            spikes = []
            for t in range(steps):
                membrane = membrane + current[t]
                spike = membrane >= 1
                membrane = membrane - spike.float()
                spikes.append(spike)
            when, who = torch.stack(spikes).nonzero(as_tuple=True)
            current = bias.repeat(steps, 1).index_add_(0, when, weight.index_select(0, who))
        return current.sum(0)

    def call(x: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return forward(torch.from_numpy(x[0, 0])).numpy()[None, None]

    return call
