"""Reports of quantization."""

from __future__ import annotations

import ctypes
import dataclasses
import math
from typing import Optional, Tuple

from . import _native, errors


@dataclasses.dataclass(frozen=True)
class QuantizedNode:
    """A node with weights, before and after quantization."""

    name: str
    """"graph/node" for a nested node."""
    before: str
    """Previous element type of the weights: "float32", "bfloat16" or "int8"."""
    after: str
    """Element type of the weights."""
    weights: int
    """Number of weights."""
    bytes_before: int
    """Previous size of the weights and scales."""
    bytes_after: int
    """Size of the weights and scales."""
    weight_error: float
    """Root of the sum of squared changes of the weights, relative to that of the weights."""
    output_error: Optional[float]
    """The same, with each weight multiplied by the root mean square of its input: an estimate of
    the error of the node's output. None without calibration and for nodes that are kept."""
    uncalibrated_output_error: Optional[float]
    """The output_error that scales chosen without calibration would have."""


@dataclasses.dataclass(frozen=True)
class Quantization:
    """Report of `Model.quantize`; `str()` gives a table."""

    nodes: Tuple[QuantizedNode, ...]
    """Every node with weights, in the order of the model."""
    table: str
    """The table."""

    @property
    def bytes_before(self) -> int:
        """Previous size of all weights and scales."""
        return sum(node.bytes_before for node in self.nodes)

    @property
    def bytes_after(self) -> int:
        """Size of all weights and scales."""
        return sum(node.bytes_after for node in self.nodes)

    def __str__(self) -> str:
        return self.table


def _quantization(model: int) -> Quantization:
    """The report of a model that `arcuate_model_quantize` made."""
    library = _native.library
    nodes = []
    for i in range(library.arcuate_model_quantized_count(model)):
        node = _native.QuantizedNode(struct_size=ctypes.sizeof(_native.QuantizedNode))
        status = library.arcuate_model_quantized_node(model, i, ctypes.byref(node))
        errors.check(status, ctypes.c_void_p())
        nodes.append(
            QuantizedNode(
                _native.text(node.name),
                _native.ELEMENT[node.before],
                _native.ELEMENT[node.after],
                node.weights,
                node.bytes_before,
                node.bytes_after,
                node.weight_error,
                *(
                    None if math.isnan(error) else error
                    for error in (node.output_error, node.uncalibrated_output_error)
                ),
            )
        )
    return Quantization(tuple(nodes), _native.text(library.arcuate_model_quantization(model)))
