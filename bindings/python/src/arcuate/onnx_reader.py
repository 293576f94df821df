"""Models from ONNX graphs.

A tensor of the graph is either a constant, which is computed while reading, or a signal: the output of a
node of the model, or the sum of several. The first axis of a signal in ONNX, the batch, is not an axis
of the model.

Requires the `onnx` package: `pip install arcuate[onnx]`.
"""

from __future__ import annotations

import os
import warnings
from typing import (
    TYPE_CHECKING,
    Any,
    List,
    Optional,
    Sequence,
    Set,
    Tuple,
    Union,
)

import numpy as np

from . import _native, errors
from .model import Model
from .onnx_graph import Refused, Signal, node_attributes, node_name
from .onnx_operators import HANDLERS, Operators
from .sparse import _encoded

if TYPE_CHECKING:
    import onnx

_DECISIONS = {"ArgMax", "ArgMin", "ArrayFeatureExtractor", "LabelEncoder", "ZipMap", "TopK"}
"""Operators that turn outputs into a decision; they are removed from the end of a graph."""
_PASSING = {"Cast", "Identity", "Reshape", "Squeeze", "Unsqueeze", "Flatten"}
"""Operators that may precede or follow a decision."""


class OnnxWarning(UserWarning):
    """A part of an ONNX graph is not in the model."""


def from_onnx(
    source: Union[str, "os.PathLike[str]", bytes, "onnx.ModelProto"],
    *,
    input_shape: Optional[Sequence[int]] = None,
    report: Optional[List[str]] = None,
) -> Model:
    """Reads an ONNX model from a file, from bytes, or from a loaded model.

    input_shape: shape without the batch, for graphs with one input that do not state it.
    report: receives a message for each part of the graph that is not in the model or was changed, such
        as decisions at the end (ArgMax, ZipMap). By default the messages are warnings (`OnnxWarning`).

    Nodes: Conv, Gemm, MatMul, Add, Sub, Mul, Div, Relu, Sigmoid, Tanh, Softmax, LogSoftmax, MaxPool,
    AveragePool, GlobalAveragePool, GlobalMaxPool, ReduceMean over an image, BatchNormalization,
    Concat, Pad, Flatten, Reshape, Squeeze, Unsqueeze, Transpose where weights or the input can absorb
    it, Dropout, Identity, Cast, Scaler, and anything that depends only on constants.

    Raises FormatError naming every node that cannot be read, FileError, and ImportError without the
    `onnx` package.
    """
    try:
        import onnx
    except ImportError as error:
        raise ImportError("from_onnx requires the onnx package: pip install onnx") from error
    location = "this ONNX graph"
    if not isinstance(source, (onnx.ModelProto, bytes)):
        location = os.fspath(source)
        if not os.path.exists(location):
            raise errors.make(_native.CANNOT_OPEN, f"{location}: there is no such file")
    try:
        proto = (
            source
            if isinstance(source, onnx.ModelProto)
            else onnx.load_from_string(source)
            if isinstance(source, bytes)
            else onnx.load(location)
        )
        reader = _Reader(proto, input_shape, location)
        content = reader.read()
    except errors.ArcuateError:
        raise
    except Exception as error:  # protobuf has several kinds, and a damaged graph has all the others
        raise errors.make(
            _native.MALFORMED, f"{location}: is not an ONNX model: {error}"
        ) from error
    for message in reader.report:
        if report is None:
            warnings.warn(message, OnnxWarning, stacklevel=2)
        else:
            report.append(message)
    return Model.from_bytes(content)


class _Reader(Operators):
    """Reads one graph."""

    def read(self) -> bytes:
        outputs = self._outputs()
        needed = self._needed([value for value, _ in outputs])
        for node in self.graph.node:
            if any(o in needed for o in node.output):
                for name in node.input:
                    self.uses[name] = self.uses.get(name, 0) + 1
        for value, _ in outputs:
            self.uses[value] = self.uses.get(value, 0) + 1
        for port in self.graph.input:
            if port.name not in self.values and port.name in needed:
                self._input(port)
        for node in self.graph.node:
            if any(o in needed for o in node.output):
                self._node(node)
        for value, name in outputs:
            signal = self.values.get(value)
            if not isinstance(signal, Signal):
                self.problems.append(f'output "{name}" does not depend on the input')
            elif signal.nodes:
                self._output(name, signal)
        if not outputs:
            self.problems.append("it has no output")
        if self.problems:
            raise errors.make(
                _native.UNSUPPORTED_FORMAT,
                f"{self.location}: cannot be a model: " + "; ".join(self.problems),
            )
        return _encoded(self.nodes, self.edges)

    # ---- The ends of the graph ----

    def _outputs(self) -> List[Tuple[str, str]]:
        """The values that leave, each once, with the names of the outputs."""
        found: List[Tuple[str, str]] = []
        for port in self.graph.output:
            value, cut = port.name, []
            passed: List[Any] = []
            while value in self.producers:
                node = self.producers[value]
                if node.op_type in _DECISIONS:
                    cut += [*passed, node]
                    passed = []
                elif node.op_type in _PASSING:
                    passed.append(node)
                else:
                    break
                # A feature extractor takes the classes first, then the index.
                at = 1 if node.op_type == "ArrayFeatureExtractor" else 0
                value = node.input[at]
            name = port.name
            if not cut:
                value = name
            else:
                # What stands before the decision and passes its values on stays.
                value = cut[-1].input[1 if cut[-1].op_type == "ArrayFeatureExtractor" else 0]
                names = ", ".join(f'"{node_name(node)}" ({node.op_type})' for node in reversed(cut))
                self.report.append(f'output "{port.name}" is "{value}", which comes before {names}')
                name = value
            if value not in (other for other, _ in found):
                found.append((value, name))
        return found

    def _needed(self, outputs: Sequence[str]) -> Set[str]:
        needed: Set[str] = set()
        stack = list(outputs)
        while stack:
            value = stack.pop()
            if value in needed:
                continue
            needed.add(value)
            if value in self.producers:
                stack += [name for name in self.producers[value].input if name]
        return needed

    def _input(self, port: Any) -> None:
        extents = [
            d.dim_value if d.HasField("dim_value") else 0 for d in port.type.tensor_type.shape.dim
        ]
        shape = self.input_shape if self.input_shape is not None else tuple(extents[1:])
        if not shape or any(extent <= 0 for extent in shape):
            self.problems.append(
                f'input "{port.name}" states the shape {extents}, where 0 is unknown: give input_shape'
            )
            self.values[port.name] = Signal((), shape, shape)
            return
        self.values[port.name] = self._emit(
            port.name, {"kind": "Input", "shape": list(shape)}, [], shape
        )

    def _output(self, name: str, signal: Signal) -> None:
        if signal.order is not None:
            self.problems.append(f'output "{name}" is transposed')
            return
        self._emit(name, {"kind": "Output", "shape": list(signal.actual)}, [signal], signal.actual)

    # ---- Nodes ----

    def _node(self, node: Any) -> None:
        inputs = [self.values.get(name) if name else None for name in node.input]
        signals = [value for value in inputs if isinstance(value, Signal)]
        try:
            if not signals or node.op_type == "Shape":
                self._fold(node, inputs)
                return
            if any(not signal.nodes for signal in signals):
                self._spoil(node)
                return
            handler = HANDLERS.get(node.op_type)
            if handler is None:
                raise Refused("")
            self.values[node.output[0]] = handler(self, node, inputs)
        except Refused as reason:
            detail = f": {reason}" if str(reason) else ""
            self.problems.append(f'node "{node_name(node)}" ({node.op_type}){detail}')
            self._spoil(node)

    def _spoil(self, node: Any) -> None:
        for name in node.output:
            self.values[name] = Signal((), (), ())

    def _fold(self, node: Any, inputs: Sequence[Any]) -> None:
        """Computes what depends on constants alone; a signal's shape is a constant, too."""
        import onnx.reference

        if node.op_type == "Shape":
            (value,) = inputs
            shape = (1, *value.shape) if isinstance(value, Signal) else value.shape
            attributes = node_attributes(node)
            end = attributes.get("end", len(shape))
            self.values[node.output[0]] = np.array(
                shape[attributes.get("start", 0) : end], np.int64
            )
            return
        try:
            given = {name: value for name, value in zip(node.input, inputs) if name}
            if any(value is None for value in given.values()):
                raise Refused("an input that nothing gives")
            results = onnx.reference.ReferenceEvaluator(node, opsets=self.opsets).run(None, given)
        except Refused:
            raise
        except Exception as error:  # whatever the evaluator has
            raise Refused(f"cannot be computed: {error}") from error
        self.values.update(zip(node.output, results))
