"""Recurrent networks for networks.py: their connections and initial states, and how Arcuate has
them.

Potentials are in mV, conductances in units of the leak (COBA) or nS (AdEx), steps are 0.1 ms. The
first four fifths of the neurons excite, the others inhibit. Every neuron sends its spikes to
`fan_out` targets that are drawn with repetition, so that a neuron has that many inputs on average.
A spike acts on its targets `delay_steps` after the step in which it is fired.
"""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Dict, List, Tuple

import numpy as np

DT = 1e-4
SIZES = {"4k": 4_000, "100k": 100_000}


@dataclasses.dataclass
class Network:
    kind: str
    neurons: int
    excitatory: int
    targets: np.ndarray  # [neurons, fan_out], ascending in each row
    weights: np.ndarray  # [2] of excitation and inhibition, or as targets
    delay_steps: int
    steps: int  # in one run
    start: Dict[str, np.ndarray]  # states at the beginning, and parameters of each neuron

    @property
    def fan_out(self) -> int:
        return self.targets.shape[1]

    def rows(self, excites: bool) -> slice:
        return slice(0, self.excitatory) if excites else slice(self.excitatory, self.neurons)

    def connections(self, excites: bool) -> Tuple[np.ndarray, np.ndarray]:
        """Sources and targets."""
        rows = self.rows(excites)
        sources = np.repeat(np.arange(rows.start, rows.stop), self.fan_out)
        return sources, self.targets[rows].reshape(-1).astype(np.int64)

    def weights_of(self, excites: bool) -> np.ndarray:
        """One, or one for each connection."""
        if self.weights.ndim == 1:
            return self.weights[0 if excites else 1]
        return self.weights[self.rows(excites)].reshape(-1)


# Targets of a neuron, and delays in steps, by kind and size.
FAN_OUT = {
    "cuba": {"4k": 80, "100k": 80},
    "coba": {"4k": 80, "100k": 80},
    "brunel": {"4k": 400, "100k": 400},
    "izhikevich": {"4k": 1000, "100k": 200},
    "adex": {"4k": 80, "100k": 80},
}
STEPS = {"4k": 10_000, "100k": 1_000}


def draw(kind: str, size: str, delay_steps: int, seed: int = 1) -> Network:
    n, fan_out = SIZES[size], FAN_OUT[kind][size]
    excitatory = n * 4 // 5
    random = np.random.default_rng(seed)
    targets = random.integers(0, n, (n, fan_out), dtype=np.uint32)
    targets.sort(axis=1)
    uniform, normal = random.random(n), random.standard_normal((2, n))
    if kind == "cuba":
        start = {"v": -60 + 10 * uniform}
        weights = np.array([60 * 0.27 / 10, -20 * 4.5 / 10])
    elif kind == "coba":
        start = {
            "v": -60 + 10 * uniform,
            "ge": np.maximum(4 + 1.5 * normal[0], 0),
            "gi": np.maximum(20 + 12 * normal[1], 0),
        }
        weights = np.array([6 / 10, 67 / 10])
    elif kind == "adex":
        start = {"v": -70 + 15 * uniform, "w": 0 * uniform}
        weights = np.array([6.0, 67.0])
    elif kind == "brunel":
        start = {"v": 20 * uniform}
        weights = np.array([0.2, -1.0])
    elif kind == "izhikevich":
        # The network of 1000 neurons that are all connected: as many inputs, or stronger ones.
        r = random.random(n)
        excites = np.arange(n) < excitatory
        start = {
            "v": np.full(n, -65.0),
            "u": np.where(excites, 0.2, 0.25 - 0.05 * r) * -65,
            "a": np.where(excites, 0.02, 0.02 + 0.08 * r),
            "b": np.where(excites, 0.2, 0.25 - 0.05 * r),
            "c": np.where(excites, -65 + 15 * r**2, -65),
            "d": np.where(excites, 8 - 6 * r**2, 2),
            # A current of this deviation for each millisecond: so much in a step of 0.1 ms.
            "s": np.where(excites, 5.0, 2.0) * math.sqrt(0.1),
        }
        weights = random.random((n, fan_out), dtype=np.float32) * np.float32(1000 / fan_out)
        weights[:excitatory] *= np.float32(0.5)
        weights[excitatory:] *= np.float32(-1)
    else:
        raise ValueError(kind)
    return Network(
        kind,
        n,
        excitatory,
        targets,
        weights.astype(np.float32),
        delay_steps,
        STEPS[size],
        {name: values.astype(np.float32) for name, values in start.items()},
    )


# MARK: Programs

# Membrane and both currents decay exactly over a step.
_CUBA = """
em = exp(-dt / 0.02)
ee = exp(-dt / 0.005)
ei = exp(-dt / 0.01)
{gather}
wait = wait - 1
free = -49 + (v + 49) * em + ge * ((em - ee) / 3) + gi * (em - ei)
v = wait > 0 ? v : free
ge = ge * ee
gi = gi * ei
spike = v > -50
v = spike ? -60 : v
wait = spike ? 50 : wait
"""

CUBA_TWO_INPUTS = "input exc, inh\nparameter v0\nstate v = v0, ge = 0, gi = 0, wait = 0" + (
    _CUBA.format(gather="ge = ge + exc\ngi = gi + inh")
)
CUBA_ONE_INPUT = "parameter v0\nstate v = v0, ge = 0, gi = 0, wait = 0" + (
    _CUBA.format(gather="ge = ge + max(x, 0)\ngi = gi + min(x, 0)")
)
CUBA_OTHER_ORDER = (
    CUBA_TWO_INPUTS.replace(
        "state v = v0, ge = 0, gi = 0, wait = 0", "state wait = 0, gi = 0, ge = 0, v = v0"
    )
    .replace("ge", "excitatory_conductance")
    .replace("gi", "inhibitory_conductance")
    .replace("wait", "refractory_steps")
)

COBA = """input exc, inh
parameter v0, ge0, gi0
state v = v0, ge = ge0, gi = gi0, wait = 0
ge = ge + exc
gi = gi + inh
wait = wait - 1
free = v + dt / 0.02 * (ge * (0 - v) + gi * (-80 - v) - (v + 60) + 20)
v = wait > 0 ? v : free
ge = ge - dt / 0.005 * ge
gi = gi - dt / 0.01 * gi
spike = v > -50
v = spike ? -60 : v
wait = spike ? 50 : wait
"""

# C = 200 pF, leak 10 nS, slope 2.5 mV; adaptation 2 nS, 30 pA, 150 ms. dt in ms where mV are pA / pF.
ADEX = """input exc, inh
parameter v0
state v = v0, w = 0, ge = 0, gi = 0, wait = 0
ge = ge + exc
gi = gi + inh
wait = wait - 1
leak = -10 * (v + 60) + 25 * exp((v + 50) / 2.5)
free = v + 1e3 * dt / 200 * (leak - ge * v - gi * (v + 80) - w + 250)
w = w + dt / 0.15 * (2 * (v + 60) - w)
v = wait > 0 ? v : free
ge = ge - dt / 0.005 * ge
gi = gi - dt / 0.01 * gi
spike = v > -30
v = spike ? -60 : v
w = spike ? w + 30 : w
wait = spike ? 50 : wait
"""

IZHIKEVICH = """parameter v0, u0, a, b, c, d, s
state v = v0, u = u0
v = v + x
rate = 0.04 * v ** 2 + 5 * v + 140 - u
u = u + 1e3 * dt * (a * (b * v - u))
v = v + 1e3 * dt * rate + s * normal()
spike = v >= 30
v = spike ? c : v
u = spike ? u + d : u
"""

BACKGROUND = 1.0  # spikes of the background that a neuron receives in a step


def _brunel() -> str:
    """The background's spikes of a step: how many thresholds of Poisson's distribution a uniform
    number is above. Beyond the last there are less than 2e-6 of all steps."""
    below = 0.0
    terms = []
    for k in range(9):
        below += math.exp(-BACKGROUND) * BACKGROUND**k / math.factorial(k)
        terms.append(f"(chance > {below:.9f} ? 1 : 0)")
    return (
        "parameter v0\nstate v = v0, wait = 0\nchance = uniform()\n"
        + f"arrived = {' + '.join(terms)}\n"
        + "wait = wait - 1\n"
        + "v = wait > 0 ? v : (v + x + 0.2 * arrived) * exp(-dt / 0.02)\n"
        + "spike = v > 20\nv = spike ? 10 : v\nwait = spike ? 20 : wait\n"
    )


BRUNEL = _brunel()

Nodes = Dict[str, Dict[str, object]]
Edges = List[Tuple[str, str]]
# Ways to write one network, by kind; the first is the usual one.
FORMS = {
    "cuba": ["two inputs", "one signed input", "two populations", "other order of states"],
    "coba": ["two inputs", "two populations"],
    "brunel": ["one input", "two populations"],
    "izhikevich": ["one input"],
    "adex": ["two inputs", "two populations"],
}


def program(network: Network, form: str) -> str:
    if network.kind == "cuba":
        return {"one signed input": CUBA_ONE_INPUT, "other order of states": CUBA_OTHER_ORDER}.get(
            form, CUBA_TWO_INPUTS
        )
    return {"coba": COBA, "adex": ADEX, "brunel": BRUNEL, "izhikevich": IZHIKEVICH}[network.kind]


def write(network: Network, form: str, path: Path) -> None:
    """As a safetensors file. It has one input, which nothing uses, as networks have one at least."""
    from arcuate import save_network

    text = program(network, form)
    separate = text.startswith("input exc, inh")
    nodes: Nodes = {"unused": {"kind": "Input", "shape": [1]}}
    nodes["unused out"] = {"kind": "Output", "shape": [1]}
    edges: Edges = [("unused", "unused out")]
    everyone = slice(0, network.neurons)
    populations = {"neurons": everyone}
    if form == "two populations":
        populations = {"exc": network.rows(True), "inh": network.rows(False)}
    for name, rows in populations.items():
        nodes[name] = {
            "kind": "NeuronProgram",
            "program": text,
            "seed": 1 + rows.start,
            "parameters": {
                parameter: network.start[parameter.removesuffix("0")][rows]
                for parameter in parameters(text)
            },
        }
        nodes[f"{name} out"] = {"kind": "Output", "shape": [rows.stop - rows.start]}
        edges.append((name, f"{name} out"))
    for target, to in populations.items():
        # The edges to the neurons in the order of their inputs.
        if form == "two populations":
            pieces = [("exc", network.rows(True)), ("inh", network.rows(False))]
        elif separate:
            pieces = [("neurons", network.rows(True)), ("neurons", network.rows(False))]
        else:
            pieces = [("neurons", everyone)]
        for source, rows in pieces:
            name = f"{source} {rows.start} to {target}"
            nodes[name] = projection(network, rows, populations[source], to)
            edges += [(source, name), (name, target)]
    save_network(path, nodes, edges, DT)


def parameters(text: str) -> List[str]:
    lines = [line for line in text.splitlines() if line.startswith("parameter ")]
    return [name.strip() for line in lines for name in line[len("parameter ") :].split(",")]


def projection(network: Network, rows: slice, source: slice, to: slice) -> Dict[str, object]:
    """Connections from `rows`, which are among the elements of `source`, to those of `to`."""
    targets = network.targets[rows]
    if network.weights.ndim == 1:
        excites = (np.arange(rows.start, rows.stop) < network.excitatory)[:, np.newaxis]
        weights = np.where(excites, *network.weights).astype(np.float32)
        weights = np.broadcast_to(weights, targets.shape)
    else:
        weights = network.weights[rows]
    chosen = (targets >= to.start) & (targets < to.stop)
    fan = np.zeros(source.stop - source.start, np.int64)
    fan[rows.start - source.start : rows.stop - source.start] = chosen.sum(1)
    return {
        "kind": "SparseLinear",
        "shape": [to.stop - to.start, source.stop - source.start],
        "row_starts": np.concatenate([[0], np.cumsum(fan)]),
        "post": (targets[chosen] - np.uint32(to.start)).astype(np.uint32),
        "weight": weights[chosen],
        "delay_s": np.array([network.delay_steps * DT], np.float32),
    }
