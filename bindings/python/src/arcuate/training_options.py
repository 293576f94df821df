"""Losses and other options of training, and how they are passed to the library."""

from __future__ import annotations

import ctypes
import dataclasses
from typing import Any, Dict, Iterable, List, Optional, Sequence, Tuple, Union

from . import _native, errors
from ._handle import choice, encoded, whole

Surrogate = Union[str, Tuple[Any, ...]]

# Default parameters of the surrogates.
_SURROGATES: Dict[str, Tuple[float, ...]] = {
    "box": (0.5, 1.0),
    "triangle": (1.0, 0.3),
    "fast_sigmoid": (25.0,),
    "arctan": (2.0,),
    "spike_time": (0.3, 0.01),
}


@dataclasses.dataclass(frozen=True)
class Loss:
    """A loss, and how the steps of an output are combined into a prediction.

    | kind                        | of a prediction y and target t (label: 1 for its class, else 0)    |
    |-----------------------------|--------------------------------------------------------------------|
    | cross_entropy               | -log softmax(y)[label]                                             |
    | mean_square                 | mean of (y - t)^2                                                  |
    | smooth_l1                   | mean of d^2 / 2 where d = abs(y - t) < 1, else of d - 1/2          |
    | binary_cross_entropy        | mean of -t log y - (1 - t) log(1 - y)                              |
    | binary_cross_entropy_logits | binary cross-entropy of the logistic function of y                 |
    | count                       | mean square of spike counts                                        |
    | stochmax                    | softmax over the classes that a trained gate selects; outputs 0, 1 |
    |                             | and 2 are the logits and the two heads of the gate                 |
    | stochmax_naive              | stochmax with the gate sampled from head 1 alone, without the      |
    |                             | variational terms                                                  |
    """

    kind: str = "cross_entropy"
    readout: str = "sum"
    """"last", "sum", "mean" or "maximum" of the steps; "every": each step is a prediction."""
    output: int = 0
    """Index of the output port."""
    window: Optional[Tuple[int, int]] = None
    """First step that counts and the step after the last; None for all."""
    weight: float = 1.0
    """Factor of the loss."""


def surrogate_of(given: Surrogate) -> Tuple[int, float, float]:
    if not isinstance(given, (str, tuple, list)) or not given:
        raise errors.argument(
            f"a surrogate must be a name or a tuple of a name and numbers, such as "
            f'("fast_sigmoid", 25.0), got {given!r}; the derivative of a neuron of your own is a '
            f"line of its program (nn.neuron)"
        )
    name, *numbers = (given,) if isinstance(given, str) else given
    kind = choice("surrogate", name, _native.SURROGATE)
    defaults = _SURROGATES[name]
    if len(numbers) > len(defaults):
        raise errors.argument(
            f"the surrogate {name} has {len(defaults)} parameters, got {len(numbers)}"
        )
    values = [float(number) for number in numbers] + list(defaults[len(numbers) :]) + [0.0]
    return kind, values[0], values[1]


def set_array(
    options: _native.TrainingOptions, array: str, count: str, kind: Any, values: Sequence[Any]
) -> None:
    """Sets an array of the options and its count. The struct keeps the array alive."""
    setattr(options, array, (kind * max(1, len(values)))(*values))
    setattr(options, count, len(values))


def set_schedule(options: _native.TrainingOptions, given: Optional[Tuple[Any, ...]]) -> None:
    if given is None:
        return
    name, *rest = given
    options.schedule = choice("schedule", name, _native.SCHEDULE)
    needed = {"constant": 0, "decay": 2, "milestones": 2, "cosine": 1, "linear": 1}[name]
    if len(rest) != needed:
        raise errors.argument(f"the schedule {name} has {needed} arguments, got {len(rest)}")
    if name in ("decay", "milestones"):
        options.schedule_factor = float(rest[0])
    if name == "milestones":
        steps = [whole("milestone", step) for step in rest[1]]
        set_array(options, "milestones", "milestone_count", ctypes.c_int64, steps)
    elif rest:
        options.schedule_steps = whole("steps of the schedule", rest[-1], 1)


def set_noise(options: _native.TrainingOptions, given: Optional[Tuple[Any, ...]]) -> None:
    if given is None:
        return
    if len(given) not in (2, 3):
        raise errors.argument("noise must be (kind, sigma) or (kind, sigma, step)")
    options.weight_noise = choice("noise", given[0], _native.WEIGHT_NOISE)
    options.noise_sigma = float(given[1])
    if len(given) == 3 and given[2] is not None:
        options.noise_fades_at = whole("the step at which the noise reaches zero", given[2], 1)


def group(names: List[bytes]) -> _native.NodeGroup:
    return _native.NodeGroup((ctypes.c_char_p * max(1, len(names)))(*names), len(names))


def names(what: str, names: Iterable[str]) -> List[bytes]:
    if isinstance(names, str):
        raise errors.argument(f"{what} must be a list of names, got the string {names!r}")
    return [encoded(what, name) for name in names]


def losses(given: Union[str, Loss, Sequence[Loss]], readout: str) -> List[_native.TrainingLoss]:
    if isinstance(given, str):
        given = Loss(given, readout)
    losses = [given] if isinstance(given, Loss) else list(given)
    if not losses:
        raise errors.argument("at least one loss is required")
    made = []
    for loss in losses:
        first, end = loss.window or (0, 0)
        made.append(
            _native.TrainingLoss(
                struct_size=ctypes.sizeof(_native.TrainingLoss),
                port=whole("output", loss.output, 0, 2**31 - 1),
                kind=choice("loss", loss.kind, _native.LOSS),
                readout=choice("readout", loss.readout, _native.READOUT),
                weight=float(loss.weight),
                first=whole("window", first, 0, 2**31 - 1),
                step_end=whole("window", end, 0, 2**31 - 1),
            )
        )
    return made
