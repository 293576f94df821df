"""Reports of conversion."""

from __future__ import annotations

import ctypes
import dataclasses
import math
from typing import Dict, Optional, Tuple

from . import _native, errors


@dataclasses.dataclass(frozen=True)
class ConvertedLayer:
    """A layer of neurons in place of a ReLU."""

    name: str
    neurons: int
    scale: float
    """Activation that one spike per step represents."""
    largest: Optional[float]
    """Largest activation on the frames; None without frames."""


@dataclasses.dataclass(frozen=True)
class Conversion:
    """Report of `Model.convert`; `str()` gives a table."""

    layers: Tuple[ConvertedLayer, ...]
    """Layers of neurons, in execution order."""
    table: str
    """The table, followed by notes on other changes."""

    def __str__(self) -> str:
        return self.table


@dataclasses.dataclass(frozen=True)
class ConversionLoss:
    """Comparison of a spiking network with the artificial one on the same frames, at output 0."""

    frames: int
    steps: int
    """Steps per frame."""
    accuracy: Optional[float]
    """Fraction of frames whose largest output is that of the label; None without labels."""
    artificial_accuracy: Optional[float]
    agreement: float
    """Fraction of frames in which both networks have the same largest output."""
    output_error: float
    """Root of the sum of squared differences, relative to that of the artificial outputs."""
    largest_error: float
    spikes: float
    """Spikes per frame."""
    acs: float
    """Synaptic operations of unit spikes, per frame."""
    macs: float
    """Other synaptic operations, per frame."""
    artificial_macs: float
    """Operations of the artificial network for every input and weight, per frame."""
    rates: Tuple[float, ...]
    """Mean number of spikes per neuron and step of each node that spikes, in execution order."""

    @property
    def operation_ratio(self) -> float:
        """Synaptic operations relative to the operations of the artificial network."""
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
            "agreement",
            "output_error",
            "largest_error",
            "spikes",
            "acs",
            "macs",
            "artificial_macs",
        )
    }
    return ConversionLoss(
        frames=found.frames,
        steps=steps,
        accuracy=_number(found.accuracy),
        artificial_accuracy=_number(found.artificial_accuracy),
        rates=rates,
        **values,
    )


def _number(value: float) -> Optional[float]:
    return None if math.isnan(value) else value
