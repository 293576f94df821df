"""Networks layer by layer, with the initialisation PyTorch gives its layers, from a seed.

    net = Network([784], seed=0)
    net.bernoulli()
    net.linear(128)
    net.lif(decay=0.2, threshold=0.5)
    net.linear(10)
    net.output()
    model = net.model()                     # an arcuate.Model

Each method puts a node behind the one before, or behind `after`, and returns its name.
"""

from __future__ import annotations

import math
import tempfile
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

import arcuate
import numpy as np

DT = 1e-3


class Network:
    def __init__(self, shape: Sequence[int], seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.seed = seed
        self.nodes: Dict[str, Dict[str, Any]] = {}
        self.edges: List[Tuple[str, str]] = []
        self.shapes: Dict[str, Tuple[int, ...]] = {}
        self.last: Optional[str] = None
        self._put("in", {"kind": "Input", "shape": list(shape)}, tuple(shape), None)

    def _put(
        self,
        name: Optional[str],
        fields: Dict[str, Any],
        shape: Tuple[int, ...],
        after: Optional[str],
    ) -> str:
        name = name or f"{fields['kind'].lower()}{len(self.nodes)}"
        source = after or self.last
        if source is not None:
            self.edges.append((source, name))
        self.nodes[name], self.shapes[name], self.last = fields, shape, name
        return name

    def _before(self, after: Optional[str]) -> Tuple[int, ...]:
        return self.shapes[after or self.last]

    def _uniform(self, shape: Sequence[int], fan_in: int, scale: float = 1.0) -> np.ndarray:
        bound = scale / math.sqrt(fan_in)
        return self.random.uniform(-bound, bound, shape).astype(np.float32)

    # ---- Weights

    def linear(
        self,
        width: int,
        name: Optional[str] = None,
        after: Optional[str] = None,
        bias: bool = True,
        scale: float = 1.0,
    ) -> str:
        """Weights, flattening what they read."""
        if len(self._before(after)) > 1:
            after = self.flatten(after)
        fan_in = self._before(after)[0]
        fields = {"kind": "Linear", "weight": self._uniform((width, fan_in), fan_in, scale)}
        if bias:
            fields |= {"kind": "Affine", "bias": self._uniform((width,), fan_in)}
        return self._put(name, fields, (width,), after)

    def convolution(
        self,
        channels: int,
        kernel: int = 3,
        name: Optional[str] = None,
        after: Optional[str] = None,
        stride: int = 1,
        bias: bool = True,
    ) -> str:
        before, height, width = self._before(after)
        fan_in = before * kernel * kernel
        fields = {
            "kind": "Conv2d",
            "weight": self._uniform((channels, before, kernel, kernel), fan_in),
            "stride": [stride, stride],
            "padding": [kernel // 2, kernel // 2],
            "dilation": [1, 1],
            "groups": 1,
            "input_shape": [height, width],
        }
        if bias:
            fields["bias"] = self._uniform((channels,), fan_in)
        side = lambda n: (n + 2 * (kernel // 2) - kernel) // stride + 1
        return self._put(name, fields, (channels, side(height), side(width)), after)

    def batch_norm(
        self, gamma: float = 1.0, name: Optional[str] = None, after: Optional[str] = None
    ) -> str:
        """Over samples, steps and places of a channel."""
        shape = self._before(after)
        one = np.ones(shape[0], np.float32)
        return self._put(
            name,
            {
                "kind": "BatchNorm",
                "mean": 0 * one,
                "variance": one,
                "gamma": gamma * one,
                "beta": 0 * one,
                "epsilon": 1e-5,
            },
            shape,
            after,
        )

    # ---- Neurons

    def lif(
        self,
        decay: float = 0.2,
        threshold: float = 0.5,
        name: Optional[str] = None,
        after: Optional[str] = None,
        reset: str = "to_value",
        comparison: str = ">",
    ) -> str:
        """u = decay u (1 - s) + x, s = u > threshold; with reset "subtract" u -= threshold s."""
        shape = self._before(after)
        full = lambda value: np.full(shape, value, np.float32)
        return self._put(
            name,
            {
                "kind": "LIF",
                "tau": full(DT / (1 - decay)),
                "r": full(1 / (1 - decay)),
                "v_leak": full(0),
                "v_threshold": full(threshold),
                "v_reset": full(0),
                "semantics": semantics(reset=reset, comparison=comparison),
            },
            shape,
            after,
        )

    def integrate(
        self,
        threshold: float = 1.0,
        name: Optional[str] = None,
        after: Optional[str] = None,
        reset: str = "subtract",
    ) -> str:
        """u = u + x, s = u > threshold, u -= threshold s."""
        shape = self._before(after)
        full = lambda value: np.full(shape, value, np.float32)
        return self._put(
            name,
            {
                "kind": "IF",
                "r": full(1),
                "v_threshold": full(threshold),
                "v_reset": full(0),
                "semantics": semantics(reset=reset),
            },
            shape,
            after,
        )

    def leaky(self, decay: float, name: Optional[str] = None, after: Optional[str] = None) -> str:
        """u = decay u + x, without spikes."""
        shape = self._before(after)
        full = lambda value: np.full(shape, value, np.float32)
        return self._put(
            name,
            {
                "kind": "LI",
                "tau": full(DT / (1 - decay)),
                "r": full(1 / (1 - decay)),
                "v_leak": full(0),
                "semantics": semantics(),
            },
            shape,
            after,
        )

    def synaptic(
        self,
        decay: float,
        synapse: float,
        threshold: float,
        name: Optional[str] = None,
        after: Optional[str] = None,
        reset: str = "subtract",
    ) -> str:
        """i = synapse i + x, u = decay u + i: the input passes two exponentials."""
        shape = self._before(after)
        full = lambda value: np.full(shape, value, np.float32)
        return self._put(
            name,
            {
                "kind": "CubaLIF",
                "tau_mem": full(DT / (1 - decay)),
                "tau_syn": full(DT / (1 - synapse)),
                "r": full(1 / (1 - decay)),
                "w_in": full(1 / (1 - synapse)),
                "v_leak": full(0),
                "v_threshold": full(threshold),
                "v_reset": full(0),
                "semantics": semantics(reset=reset),
            },
            shape,
            after,
        )

    # ---- The rest

    def activation(
        self, kind: str = "ReLU", name: Optional[str] = None, after: Optional[str] = None
    ) -> str:
        return self._put(name, {"kind": kind}, self._before(after), after)

    def pool(
        self,
        size: int = 2,
        kind: str = "AvgPool2d",
        name: Optional[str] = None,
        after: Optional[str] = None,
    ) -> str:
        channels, height, width = self._before(after)
        return self._put(
            name,
            {
                "kind": kind,
                "kernel_size": [size, size],
                "stride": [size, size],
                "padding": [0, 0],
            },
            (channels, height // size, width // size),
            after,
        )

    def flatten(self, after: Optional[str] = None) -> str:
        shape = self._before(after)
        return self._put(
            None,
            {
                "kind": "Flatten",
                "input_shape": list(shape),
                "start_dim": 0,
                "end_dim": -1,
            },
            (math.prod(shape),),
            after,
        )

    def bernoulli(self, gain: float = 1.0, name: Optional[str] = None) -> str:
        """A spike with the probability gain x, drawn at every step."""
        return self._put(
            name,
            {"kind": "BernoulliEncoder", "gain": gain, "seed": self.seed + 1},
            self._before(None),
            None,
        )

    def connect(self, source: str, target: str) -> None:
        self.edges.append((source, target))

    def output(self, after: Optional[str] = None, name: str = "out") -> str:
        shape = self._before(after)
        before = self.last
        self._put(name, {"kind": "Output", "shape": list(shape)}, shape, after)
        self.last = before
        return name

    def model(self) -> arcuate.Model:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "network.safetensors"
            arcuate.save_network(path, self.nodes, self.edges, dt=DT)
            return arcuate.Model.open(path)


def semantics(**changes: str) -> Dict[str, str]:
    """Euler steps, ">" and a reset within the step, but for the changes."""
    return {
        "integrator": "euler",
        "reset": "to_value",
        "reset_timing": "same_step",
        "comparison": ">",
        "spike_timing": "same_step",
        "feedback_start": "zero",
        "integrator_gain": "r",
        "multi_spike": "0",
        "clamps_below": "0",
    } | changes


def size(trainer: arcuate.Trainer) -> int:
    """How many numbers learn."""
    return sum(trainer.parameter(name).size for name in trainer.trained_parameters)
