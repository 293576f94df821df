"""The rules of other libraries that programs/ writes down, and how each library computes them.

A rule draws parameters and inputs, and has the library compute spikes and membrane step by step. Its
module is imported where it is called, so that a rule of a library that is not installed can be listed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Dict, List, Tuple

import numpy as np
from neuron_programs import FOLDER, Arrays

DT = 1e-3

# What the library computes: spikes or values, the membrane after the step, and the inputs if it
# makes one of them itself.
Result = Tuple[np.ndarray, np.ndarray, List[np.ndarray]]


@dataclass
class Rule:
    program: str
    """The name of the file in programs/."""
    module: str
    """What has to be installed."""
    ranges: Dict[str, Tuple[float, float]]
    """From where parameters are drawn."""
    compute: Callable[[Arrays, np.ndarray], Result]
    """Of parameters and an input [steps, neurons]."""
    scale: float = 0.5
    """Inputs are normal, of this standard deviation and half of it as mean."""
    single: bool = False
    """The library has one number for a layer."""
    whole: bool = False
    """Parameters and inputs are whole numbers."""
    ulps: int = 0
    """How far the membrane may be from the library's, in units of 2^-23."""

    def draw(self, steps: int, neurons: int, seed: int) -> Tuple[Arrays, np.ndarray]:
        random = np.random.default_rng([seed, *self.program.encode()])
        count = 1 if self.single else neurons
        parameters = {}
        for name, (low, high) in self.ranges.items():
            values = random.uniform(low, high, count)
            parameters[name] = (np.rint(values) if self.whole else values).astype(np.float32)
        x = random.normal(self.scale / 2, self.scale, (steps, neurons))
        return parameters, (np.rint(x) if self.whole else x).astype(np.float32)

    def text(self) -> str:
        return (FOLDER / f"{self.program}.txt").read_text()


RULES: List[Rule] = []


def all_rules() -> List[Rule]:
    """The rules of all libraries, which the other two files add."""
    import program_rules_other
    import program_rules_torch

    assert program_rules_torch and program_rules_other
    return RULES


def rule(program: str, ranges: Dict[str, Tuple[float, float]], **more):
    """Adds a rule whose library is the first word of the program's name."""

    def add(compute):
        module = more.pop("module", program.split("-")[0])
        RULES.append(Rule(program, module, ranges, compute, **more))
        return compute

    return add


def tensors(parameters: Arrays) -> dict:
    import torch

    return {name: torch.from_numpy(values) for name, values in parameters.items()}


def stepped(x: np.ndarray, step: Callable) -> Result:
    """`step` gives spikes and membrane of one row as tensors, of a batch of one."""
    import torch

    with torch.no_grad():
        rows = [step(torch.from_numpy(row)[None]) for row in x]
    y, v = (np.stack([np.asarray(row[k][0], np.float32) for row in rows]) for k in (0, 1))
    return y, v, [x]
