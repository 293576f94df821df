"""What narrow weights changed."""

from __future__ import annotations

import ctypes
import dataclasses
import math
from typing import Optional, Tuple

from . import _native, errors


@dataclasses.dataclass(frozen=True)
class QuantizedNode:
    """A node with weights, as it was and as it is."""

    name: str
    """As "graph/node" where it is nested."""
    before: str
    """What its weights were: "float32", "bfloat16" or "int8"."""
    after: str
    """What they are."""
    weights: int
    """How many there are."""
    bytes_before: int
    """Of the weights and their scales, as they were."""
    bytes_after: int
    """Of the weights and their scales, as they are."""
    weight_error: float
    """The root of the sum of squares of the change over that of the weights."""
    output_error: Optional[float]
    """The same as the node's output is expected to see it, where weights count by the mean square
    of what they meet; None without calibration and for nodes that are kept."""
    uncalibrated_output_error: Optional[float]
    """That of the scales that need no calibration."""


@dataclasses.dataclass(frozen=True)
class Quantization:
    """What `Model.quantize` changed. As text it is a table."""

    nodes: Tuple[QuantizedNode, ...]
    """Every node with weights, in the order of the model."""
    table: str
    """The table."""

    @property
    def bytes_before(self) -> int:
        """Of all weights and scales, as they were."""
        return sum(node.bytes_before for node in self.nodes)

    @property
    def bytes_after(self) -> int:
        """Of all weights and scales, as they are."""
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
                _native.text(node.name), _native.ELEMENT[node.before], _native.ELEMENT[node.after],
                node.weights, node.bytes_before, node.bytes_after, node.weight_error,
                *(
                    None if math.isnan(error) else error
                    for error in (node.output_error, node.uncalibrated_output_error)
                ),
            )
        )
    return Quantization(tuple(nodes), _native.text(library.arcuate_model_quantization(model)))
