"""What became of an artificial network, and how the spiking one compares."""

from __future__ import annotations

import ctypes
import dataclasses
import math
from typing import Dict, Optional, Tuple

from . import _native, errors


@dataclasses.dataclass(frozen=True)
class ConvertedLayer:
    """A ReLU, and the neurons in its place."""

    name: str
    neurons: int
    scale: float
    """The activation that one spike a step stands for."""
    largest: Optional[float]
    """The largest activation on the frames; None without frames."""


@dataclasses.dataclass(frozen=True)
class Conversion:
    """What `Model.convert` chose. As text it is a table."""

    layers: Tuple[ConvertedLayer, ...]
    """Every layer of neurons, in the order of work."""
    table: str
    """The table, and what else was changed."""

    def __str__(self) -> str:
        return self.table


@dataclasses.dataclass(frozen=True)
class ConversionLoss:
    """A spiking network beside the artificial one on the same frames; of the first output."""

    frames: int
    steps: int
    """Of each frame."""
    accuracy: Optional[float]
    """The fraction of frames with the largest output at the label; None without labels."""
    artificial_accuracy: Optional[float]
    agreement: float
    """The fraction of frames in which both have the largest output at the same place."""
    output_error: float
    """The root of the sum of squares of the difference over that of the artificial outputs."""
    largest_error: float
    spikes: float
    """For each frame."""
    acs: float
    """Products with spikes of height one, for each frame."""
    macs: float
    """Other products, for each frame."""
    artificial_macs: float
    """Products of the artificial network with every input and weight, for each frame."""
    rates: Tuple[float, ...]
    """Spikes of a neuron in a step, on average, for each node that spikes in the order of work."""

    @property
    def operation_ratio(self) -> float:
        """Synaptic operations for each multiplication and addition of the artificial network."""
        return (self.acs + self.macs) / self.artificial_macs if self.artificial_macs else 0.0


def _conversion(model: int) -> Conversion:
    """The report of a model that `arcuate_model_convert` made."""
    library = _native.library
    layers = []
    for i in range(library.arcuate_model_converted_count(model)):
        layer = _native.ConvertedLayer(struct_size=ctypes.sizeof(_native.ConvertedLayer))
        status = library.arcuate_model_converted_layer(model, i, ctypes.byref(layer))
        errors.check(status, ctypes.c_void_p())
        layers.append(
            ConvertedLayer(
                _native.text(layer.name), layer.neurons, layer.scale, _number(layer.largest)
            )
        )
    return Conversion(tuple(layers), _native.text(library.arcuate_model_conversion(model)))


def _loss(steps: int, found: _native.ConversionLoss, rates: Tuple[float, ...]) -> ConversionLoss:
    values: Dict[str, float] = {
        name: getattr(found, name)
        for name in (
            "agreement", "output_error", "largest_error", "spikes", "acs", "macs",
            "artificial_macs",
        )
    }
    return ConversionLoss(
        frames=found.frames, steps=steps, accuracy=_number(found.accuracy),
        artificial_accuracy=_number(found.artificial_accuracy), rates=rates, **values,
    )


def _number(value: float) -> Optional[float]:
    return None if math.isnan(value) else value
