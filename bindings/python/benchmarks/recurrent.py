"""The recurrent workload in other frameworks: 700-256-20 LIF, the 256 connected among themselves.

The products of inputs and of outputs are made for all steps at once; only the connections among the
hidden neurons wait for the step before. Inputs [steps, batch, inputs], outputs [steps, batch,
outputs].
"""

from __future__ import annotations

from pathlib import Path
from typing import Callable, Dict

import numpy as np
from cases import Case, tensors
from graph import RUNTIMES, Graph

Run = Callable[[np.ndarray], np.ndarray]

DECAY = 15 / 16
COMPILED_STEPS = 10


def contenders(case: Case, threads: int, folder: Path) -> Dict[str, Callable[[], Run]]:
    """Functions that make a runner, by name; each may fail to import what it needs."""
    makers = {name: lambda name=name: _onnx(case, threads, folder, name) for name in RUNTIMES}
    makers["jax"] = lambda: _jax(case)
    makers["torch"] = lambda: _torch(case, compiled=False)
    makers["torch-compile"] = lambda: _torch(case, compiled=True)
    return makers


def _weights(case: Case):
    found = tensors(case.network)
    return tuple(found[f"{name}.weight"] for name in ("weights", "recurrent", "readout"))


def _onnx(case: Case, threads: int, folder: Path, runtime: str) -> Run:
    path = folder / f"{case.name}.onnx"
    if not path.exists():
        _graph(case).save(path)
    call = RUNTIMES[runtime](path, threads)
    return lambda x: call({"x": x})[0]


def _graph(case: Case) -> Graph:
    graph = Graph()
    into, among, out_of = _weights(case)
    steps, batch = case.steps, case.batch
    decay = graph.constant(np.array([DECAY], np.float32))
    x = graph.input("x", [steps, batch, into.shape[1]])
    flat = graph.reshape(x, [steps * batch, into.shape[1]])
    among_name = graph.constant(among.T)

    def currents(signal: str, weight: np.ndarray):
        product = graph.node("MatMul", signal, graph.constant(weight.T))
        stacked = graph.reshape(product, [steps, batch, len(weight)])
        return graph.split(stacked, steps, [batch, len(weight)])

    membrane, spikes = None, []
    for current in currents(flat, into):
        if spikes:
            current = graph.node("Add", current, graph.node("MatMul", spikes[-1], among_name))
        spike, membrane = graph.fire(current, membrane, decay)
        spikes.append(spike)
    membrane, answers = None, []
    for current in currents(graph.node("Concat", *spikes, axis=0), out_of):
        spike, membrane = graph.fire(current, membrane, decay)
        answers.append(spike)
    stacked = graph.node("Concat", *answers, axis=0)
    shape = [steps, batch, len(out_of)]
    graph.output("y", graph.reshape(stacked, shape), shape)
    return graph


def _jax(case: Case) -> Run:
    import jax
    from jax import lax
    from jax import numpy as jnp

    into, among, out_of = (jnp.asarray(w.T.copy()) for w in _weights(case))

    def fire(membrane, current):
        membrane = membrane * DECAY + current
        spike = (membrane >= 1).astype(jnp.float32)
        return membrane - spike, spike

    def hidden(state, current):
        membrane, spike = fire(state[0], current + state[1] @ among)
        return (membrane, spike), spike

    @jax.jit
    def run(x):
        rest = jnp.zeros((case.batch, into.shape[1]), jnp.float32)
        _, spikes = lax.scan(hidden, (rest, rest), x @ into)
        rest = jnp.zeros((case.batch, out_of.shape[1]), jnp.float32)
        return lax.scan(fire, rest, spikes @ out_of)[1]

    return lambda x: np.asarray(run(x))


def _torch(case: Case, compiled: bool) -> Run:
    import torch

    into, among, out_of = (torch.tensor(w) for w in _weights(case))
    linear = torch.nn.functional.linear

    def hidden(membrane, spike, currents):
        spikes = []
        for current in currents:
            membrane = membrane * DECAY + (current + linear(spike, among))
            spike = (membrane >= 1).float()
            membrane = membrane - spike
            spikes.append(spike)
        return membrane, torch.stack(spikes)

    def answer(membrane, currents):
        spikes = []
        for current in currents:
            membrane = membrane * DECAY + current
            spike = (membrane >= 1).float()
            membrane = membrane - spike
            spikes.append(spike)
        return membrane, torch.stack(spikes)

    # Some steps are compiled, and called again and again: the whole sequence takes minutes.
    chunk = case.steps
    if compiled:
        chunk = next(n for n in range(COMPILED_STEPS, 0, -1) if case.steps % n == 0)
        hidden = torch.compile(hidden, dynamic=False)
        answer = torch.compile(answer, dynamic=False)

    def forward(x):
        membrane = spike = torch.zeros(case.batch, len(into))
        all_spikes = []
        for currents in linear(x, into).split(chunk):
            membrane, spikes = hidden(membrane, spike, currents)
            spike = spikes[-1].clone()
            all_spikes.append(spikes)
        membrane = torch.zeros(case.batch, len(out_of))
        answers = []
        for currents in linear(torch.cat(all_spikes), out_of).split(chunk):
            membrane, spikes = answer(membrane, currents)
            answers.append(spikes)
        return torch.cat(answers)

    def call(x: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return forward(torch.from_numpy(x)).numpy()

    return call
