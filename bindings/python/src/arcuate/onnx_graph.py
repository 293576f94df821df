"""The model that is built from an ONNX graph, and what its operators share."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, Union

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Shape = Tuple[int, ...]


MOST_NUMBERS = 1 << 26
"""Elements of a signal, or of a kernel that grows by padding, at most."""
LARGEST_EXTENT = 1 << 20
"""The largest kernel, stride, dilation or padding."""


class Refused(Exception):
    """A node that cannot be part of a model, and why."""


@dataclasses.dataclass(frozen=True)
class Signal:
    """A signal of this shape, without the batch, in row-major order."""

    nodes: Tuple[str, ...]
    """The nodes whose sum it is; empty after a node that cannot be read."""
    shape: Shape
    actual: Shape
    """The shape of the nodes."""
    order: Optional[npt.NDArray[np.int64]] = None
    """The index of each element in the order of the nodes; None if the orders are the same."""
    positive: bool = False
    """Whether no element is negative."""

    @property
    def is_plain(self) -> bool:
        return self.order is None and self.shape == self.actual

    def spread(self, values: Array) -> Array:
        """`values`, broadcast to the shape with the batch, in the order of the nodes."""
        try:
            full = np.broadcast_to(values, (1, *self.shape)).reshape(-1)
        except ValueError:
            raise Refused(
                f"a constant of shape {list(values.shape)} does not fit {list(self.shape)}"
            ) from None
        result = np.empty(full.shape, np.float32)
        result[slice(None) if self.order is None else self.order] = full
        return result.reshape(self.actual)


class Graph:
    """An ONNX graph, and the nodes and edges of the model made from it."""

    def __init__(self, proto: Any, input_shape: Optional[Sequence[int]], location: str) -> None:
        import onnx.numpy_helper

        self.location = location
        self.graph = proto.graph
        self.opset = max(
            (o.version for o in proto.opset_import if o.domain in ("", "ai.onnx")), default=1
        )
        self.opsets = {o.domain or "": o.version for o in proto.opset_import}
        self.input_shape = tuple(input_shape) if input_shape is not None else None
        self.report: List[str] = []
        self.nodes: Dict[str, Dict[str, Any]] = {}
        self.edges: List[Tuple[str, str]] = []
        self.problems: List[str] = []
        self.values: Dict[str, Union[Array, Signal]] = {
            t.name: onnx.numpy_helper.to_array(t) for t in self.graph.initializer
        }
        self.producers = {o: n for n in self.graph.node for o in n.output if o}
        self.uses: Dict[str, int] = {}

    def _emit(
        self,
        name: str,
        fields: Dict[str, Any],
        sources: Sequence[Signal],
        actual: Shape,
        **details: Any,
    ) -> Signal:
        """A node of the model."""
        require_memory(actual, "its output")
        wanted = name.strip("/").replace("/", ".") or fields["kind"]
        name, count = wanted, 1
        while name in self.nodes:
            count += 1
            name = f"{wanted}#{count}"
        self.nodes[name] = fields
        for source in sources:
            self.edges += [(node, name) for node in source.nodes]
        details.setdefault("shape", actual)
        return Signal((name,), actual=actual, **details)

    def _elementwise(
        self, node: Any, fields: Dict[str, Any], x: Signal, positive: bool = False
    ) -> Signal:
        return self._emit(
            node_name(node), fields, [x], x.actual, shape=x.shape, order=x.order, positive=positive
        )

    def _source(self, x: Signal, name: str) -> Optional[Dict[str, Any]]:
        """The fields of the one node that a tensor, used once, comes from."""
        if len(x.nodes) == 1 and self.uses.get(name) == 1:
            return self.nodes[x.nodes[0]]
        return None

    def _plain(self, x: Signal, name: str) -> Signal:
        """A signal whose node has the shape of the tensor; an input port takes any shape."""
        if x.is_plain:
            return x
        source = self._source(x, name)
        if source is not None and source["kind"] == "Input" and self._feeds_nothing(x.nodes[0]):
            if x.order is not None:
                self.report.append(
                    f'input "{x.nodes[0]}" takes {list(x.shape)} instead of {list(x.actual)}, transposed'
                )
            source["shape"] = list(x.shape)
            return dataclasses.replace(x, actual=x.shape, order=None)
        raise Refused(
            f"its input was {list(x.actual)} and is {list(x.shape)}"
            + (", transposed" if x.order is not None else "")
        )

    def _feeds_nothing(self, name: str) -> bool:
        return all(source != name for source, _ in self.edges)

    def _flat(self, x: Signal, name: str) -> Signal:
        """A signal whose node is a vector; its elements may be in another order."""
        if len(x.actual) == 1:
            return x
        count = math.prod(x.actual)
        return self._emit(
            f"{name}.flatten",
            {"kind": "Flatten", "start_dim": 0, "end_dim": -1},
            [x],
            (count,),
            shape=x.shape,
            order=x.order,
            positive=x.positive,
        )


def node_name(node: Any) -> str:
    return node.name or next((name for name in node.output if name), node.op_type)


def node_attributes(node: Any) -> Dict[str, Any]:
    import onnx.helper

    return {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}


def require_memory(shape: Sequence[int], what: str) -> None:
    """Raises Refused for an array that would take too much memory, before it is made."""
    count = math.prod(shape)
    if count > MOST_NUMBERS:
        raise Refused(f"{what} {list(shape)} has {count} elements, above {MOST_NUMBERS}")


def node_integers(
    attributes: Mapping[str, Any], name: str, standard: Sequence[int], least: int = 1
) -> List[int]:
    """An attribute of as many integers as `standard`, none beyond what a model can have."""
    values = [int(value) for value in attributes.get(name, standard)]
    if len(values) != len(standard) or any(
        not least <= value <= LARGEST_EXTENT for value in values
    ):
        raise Refused(
            f"{name} {values}: {len(standard)} integers within {least} ... {LARGEST_EXTENT} "
            "can be read"
        )
    return values


def node_pads(
    attributes: Mapping[str, Any],
    extents: Sequence[int],
    kernel: Sequence[int],
    strides: Sequence[int],
    dilations: Sequence[int],
) -> List[Tuple[int, int]]:
    """Padding before and after, for each axis."""
    axes = len(kernel)
    how = attributes.get("auto_pad", b"NOTSET")
    if how in (b"NOTSET", b""):
        ends = node_integers(attributes, "pads", [0] * (2 * axes), least=0)
        return [(ends[i], ends[i + axes]) for i in range(axes)]
    if how == b"VALID":
        return [(0, 0)] * axes
    pads = []
    for extent, size, stride, dilation in zip(extents, kernel, strides, dilations):
        total = max(0, (-(-extent // stride) - 1) * stride + dilation * (size - 1) + 1 - extent)
        small, large = total // 2, total - total // 2
        pads.append((small, large) if how == b"SAME_UPPER" else (large, small))
    return pads
