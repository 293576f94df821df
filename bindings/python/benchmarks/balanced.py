"""The recurrent workload: excitatory and inhibitory leaky neurons, sparse synapses with delays.

Neurons are CubaLIF: an exponential synapse of 5 ms and a membrane of 20 ms, threshold 1, reset to
0, no refractory time. Four fifths excite, one fifth inhibits four to five times as strongly, so
that the mean input of the network nearly cancels and spikes come from its fluctuations and from a
constant current just below threshold (Brunel, J. Comput. Neurosci. 8, 2000: the asynchronous
regime). Weights fall as 1 / sqrt(number of connections), which keeps the fluctuations the same for
every size.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

DT = 1e-4
TAU_MEMBRANE = 20e-3
TAU_SYNAPSE = 5e-3
DELAY = 1.5e-3
SIZES = {"a": (4000, 0.02), "b": (4000, 0.1), "c": (20000, 0.02), "d": (20000, 0.1)}


class Network(NamedTuple):
    """Connections by source: those of neuron j are starts[j] ..< starts[j + 1], targets ascending.

    A spike adds its weight to the synaptic current of the target, `delay` later.
    """

    neurons: int
    starts: np.ndarray
    targets: np.ndarray
    weights: np.ndarray
    delays: np.ndarray  # seconds, one or one for each connection
    current: np.ndarray  # constant input of each neuron, in units of the threshold
    start: np.ndarray  # membranes at the beginning


def draw(
    size: str,
    seed: int,
    each_delay: bool = False,
    drive: float = 1.03,
    strength: float = 0.6,
    inhibition: float = 4.6,
) -> Network:
    neurons, density = SIZES[size]
    random = np.random.default_rng(seed)
    fan = random.binomial(neurons, density, neurons)
    starts = np.zeros(neurons + 1, np.int64)
    np.cumsum(fan, out=starts[1:])
    targets = np.empty(starts[-1], np.uint32)
    for j in range(neurons):
        chosen = random.choice(neurons, fan[j], replace=False, shuffle=False)
        chosen.sort()
        targets[starts[j] : starts[j + 1]] = chosen
    excitatory = neurons * 4 // 5
    base = strength / np.sqrt(neurons * density)
    weights = random.uniform(0.5, 1.5, len(targets)).astype(np.float32) * np.float32(base)
    weights[starts[excitatory] :] *= np.float32(-inhibition)
    delays = np.array([DELAY], np.float32)
    if each_delay:
        steps = random.integers(5, 26, len(targets), dtype=np.uint8)
        delays = steps.astype(np.float32) * np.float32(DT)
    current = (drive * random.uniform(0.95, 1.05, neurons)).astype(np.float32)
    return Network(
        neurons, starts, targets, weights, delays, current, np.zeros(neurons, np.float32)
    )


def write(network: Network, path: Path) -> None:
    """As Arcuate's safetensors, exponential Euler: i = e i + x, v = f v + (1 - f) (i + current)."""
    from arcuate import save_network

    n = network.neurons
    decay = np.exp(-DT / TAU_SYNAPSE)
    one = np.ones(1, np.float32)
    # w_in makes a spike add exactly its weight, and the constant current pass as it is would need
    # another: it is given through the leak, towards which the membrane decays.
    nodes = {
        "current": {"kind": "Input", "shape": [n]},
        "neurons": {
            "kind": "CubaLIF",
            "tau_syn": one * TAU_SYNAPSE,
            "tau_mem": one * TAU_MEMBRANE,
            "r": one,
            "v_leak": network.current,
            "v_threshold": one,
            "v_reset": 0 * one,
            "w_in": one / np.float32(1 - decay),
        },
        "synapses": {
            "kind": "SparseLinear",
            "shape": [n, n],
            "row_starts": network.starts,
            "post": network.targets,
            "weight": network.weights,
            "delay_s": network.delays,
        },
        "spikes": {"kind": "Output", "shape": [n]},
    }
    edges = [
        ("current", "neurons"),
        ("synapses", "neurons"),
        ("neurons", "synapses"),
        ("neurons", "spikes"),
    ]
    semantics = {
        "integrator": "exponential",
        "reset": "to_value",
        "reset_timing": "same_step",
        "comparison": ">",
        "spike_timing": "same_step",
        "feedback_start": "zero",
        "integrator_gain": "dt_r",
        "multi_spike": "0",
        "clamps_below": "0",
    }
    save_network(path, nodes, edges, DT, semantics)
