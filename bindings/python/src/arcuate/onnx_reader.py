"""Models from ONNX graphs.

A tensor of the graph is either a constant, which is computed while reading, or a signal: the output of a
node of the model, or the sum of several. The first axis of a signal in ONNX, the batch, is not an axis
of the model.

Requires the `onnx` package: `pip install arcuate[onnx]`.
"""

from __future__ import annotations

import dataclasses
import math
import os
import warnings
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Dict,
    List,
    Mapping,
    Optional,
    Sequence,
    Set,
    Tuple,
    Union,
)

import numpy as np
import numpy.typing as npt

from . import _native, errors
from .model import Model
from .sparse import _encoded

if TYPE_CHECKING:
    import onnx

Array = npt.NDArray[Any]
Shape = Tuple[int, ...]

_DECISIONS = {"ArgMax", "ArgMin", "ArrayFeatureExtractor", "LabelEncoder", "ZipMap", "TopK"}
"""Operators that turn outputs into a decision; they are removed from the end of a graph."""
_PASSING = {"Cast", "Identity", "Reshape", "Squeeze", "Unsqueeze", "Flatten"}
"""Operators that may precede or follow a decision."""


class _Refused(Exception):
    """A node that cannot be part of a model, and why."""


@dataclasses.dataclass(frozen=True)
class _Signal:
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
            raise _Refused(
                f"a constant of shape {list(values.shape)} does not fit {list(self.shape)}"
            ) from None
        result = np.empty(full.shape, np.float32)
        result[slice(None) if self.order is None else self.order] = full
        return result.reshape(self.actual)


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


class _Reader:
    """Reads one graph."""

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
        self.values: Dict[str, Union[Array, _Signal]] = {
            t.name: onnx.numpy_helper.to_array(t) for t in self.graph.initializer
        }
        self.producers = {o: n for n in self.graph.node for o in n.output if o}
        self.uses: Dict[str, int] = {}

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
            if not isinstance(signal, _Signal):
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
                # A feature extractor takes the classes first, then the location.
                at = 1 if node.op_type == "ArrayFeatureExtractor" else 0
                value = node.input[at]
            name = port.name
            if not cut:
                value = name
            else:
                # What stands before the decision and passes its values on stays.
                value = cut[-1].input[1 if cut[-1].op_type == "ArrayFeatureExtractor" else 0]
                names = ", ".join(f'"{_name(node)}" ({node.op_type})' for node in reversed(cut))
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
            self.values[port.name] = _Signal((), shape, shape)
            return
        self.values[port.name] = self._emit(
            port.name, {"kind": "Input", "shape": list(shape)}, [], shape
        )

    def _output(self, name: str, signal: _Signal) -> None:
        if signal.order is not None:
            self.problems.append(f'output "{name}" is transposed')
            return
        self._emit(name, {"kind": "Output", "shape": list(signal.actual)}, [signal], signal.actual)

    # ---- Nodes ----

    def _node(self, node: Any) -> None:
        inputs = [self.values.get(name) if name else None for name in node.input]
        signals = [value for value in inputs if isinstance(value, _Signal)]
        try:
            if not signals or node.op_type == "Shape":
                self._fold(node, inputs)
                return
            if any(not signal.nodes for signal in signals):
                self._spoil(node)
                return
            handler = _HANDLERS.get(node.op_type)
            if handler is None:
                raise _Refused("")
            self.values[node.output[0]] = handler(self, node, inputs)
        except _Refused as reason:
            detail = f": {reason}" if str(reason) else ""
            self.problems.append(f'node "{_name(node)}" ({node.op_type}){detail}')
            self._spoil(node)

    def _spoil(self, node: Any) -> None:
        for name in node.output:
            self.values[name] = _Signal((), (), ())

    def _fold(self, node: Any, inputs: Sequence[Any]) -> None:
        """Computes what depends on constants alone; a signal's shape is a constant, too."""
        import onnx.reference

        if node.op_type == "Shape":
            (value,) = inputs
            shape = (1, *value.shape) if isinstance(value, _Signal) else value.shape
            attributes = _attributes(node)
            end = attributes.get("end", len(shape))
            self.values[node.output[0]] = np.array(
                shape[attributes.get("start", 0) : end], np.int64
            )
            return
        try:
            given = {name: value for name, value in zip(node.input, inputs) if name}
            if any(value is None for value in given.values()):
                raise _Refused("an input that nothing gives")
            results = onnx.reference.ReferenceEvaluator(node, opsets=self.opsets).run(None, given)
        except _Refused:
            raise
        except Exception as error:  # whatever the evaluator has
            raise _Refused(f"cannot be computed: {error}") from error
        self.values.update(zip(node.output, results))

    def _emit(
        self,
        name: str,
        fields: Dict[str, Any],
        sources: Sequence[_Signal],
        actual: Shape,
        **details: Any,
    ) -> _Signal:
        """A node of the model."""
        wanted = name.strip("/").replace("/", ".") or fields["kind"]
        name, count = wanted, 1
        while name in self.nodes:
            count += 1
            name = f"{wanted}#{count}"
        self.nodes[name] = fields
        for source in sources:
            self.edges += [(node, name) for node in source.nodes]
        details.setdefault("shape", actual)
        return _Signal((name,), actual=actual, **details)

    def _elementwise(
        self, node: Any, fields: Dict[str, Any], x: _Signal, positive: bool = False
    ) -> _Signal:
        return self._emit(
            _name(node), fields, [x], x.actual, shape=x.shape, order=x.order, positive=positive
        )

    def _source(self, x: _Signal, name: str) -> Optional[Dict[str, Any]]:
        """The fields of the one node that a tensor, used once, comes from."""
        if len(x.nodes) == 1 and self.uses.get(name) == 1:
            return self.nodes[x.nodes[0]]
        return None

    def _plain(self, x: _Signal, name: str) -> _Signal:
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
        raise _Refused(
            f"its input was {list(x.actual)} and is {list(x.shape)}"
            + (", transposed" if x.order is not None else "")
        )

    def _feeds_nothing(self, name: str) -> bool:
        return all(source != name for source, _ in self.edges)

    def _flat(self, x: _Signal, name: str) -> _Signal:
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

    # ---- Weights ----

    def _linear(
        self, name: str, x: _Signal, value: str, weight: Array, bias: Optional[Array]
    ) -> _Signal:
        """weight: [out, in]."""
        out, count = weight.shape
        if x.shape[-1] != count:
            raise _Refused(f"weights for {count} inputs meet {x.shape[-1]}")
        if len(x.shape) == 1:
            x = self._flat(x, name)
            if x.order is not None:
                moved = np.empty_like(weight)
                moved[:, x.order] = weight
                weight = moved
        else:
            x = self._plain(x, value)
        fields: Dict[str, Any] = {
            "kind": "Linear",
            "weight": np.ascontiguousarray(weight, np.float32),
        }
        if bias is not None:
            fields.update(
                kind="Affine",
                bias=np.broadcast_to(np.asarray(bias, np.float32).reshape(-1), (out,)),
            )
        return self._emit(name, fields, [x], (*x.shape[:-1], out))

    def gemm(self, node: Any, inputs: Sequence[Any]) -> _Signal:
        attributes = _attributes(node)
        x, weight = inputs[0], inputs[1]
        bias = inputs[2] if len(inputs) > 2 else None
        if not isinstance(x, _Signal) or isinstance(weight, _Signal) or isinstance(bias, _Signal):
            raise _Refused("its weights are not constant")
        if attributes.get("transA", 0):
            raise _Refused("transA is set")
        weight = weight if attributes.get("transB", 0) else weight.T
        if len(x.shape) != 1:
            raise _Refused(f"its input is {list(x.shape)}, not a vector")
        if bias is not None:
            if bias.size not in (1, weight.shape[0]):
                raise _Refused(f"a bias of shape {list(bias.shape)}")
            bias = bias * np.float32(attributes.get("beta", 1.0))
        scaled = weight * np.float32(attributes.get("alpha", 1.0))
        return self._linear(_name(node), x, node.input[0], scaled, bias)

    def matmul(self, node: Any, inputs: Sequence[Any]) -> _Signal:
        x, weight = inputs
        if not isinstance(x, _Signal) or isinstance(weight, _Signal):
            raise _Refused("only a signal times constant weights can be read")
        if weight.ndim != 2:
            raise _Refused(f"weights of shape {list(weight.shape)}")
        return self._linear(_name(node), x, node.input[0], weight.T, None)

    def conv(self, node: Any, inputs: Sequence[Any]) -> _Signal:
        attributes = _attributes(node)
        x, weight = inputs[0], inputs[1]
        bias = inputs[2] if len(inputs) > 2 else None
        if not isinstance(x, _Signal) or isinstance(weight, _Signal) or isinstance(bias, _Signal):
            raise _Refused("its weights are not constant")
        axes = weight.ndim - 2
        if axes not in (1, 2):
            raise _Refused(f"{axes} spatial axes, not 1 or 2")
        x = self._plain(x, node.input[0])
        strides = attributes.get("strides", [1] * axes)
        dilations = attributes.get("dilations", [1] * axes)
        groups = attributes.get("group", 1)
        pads = _pads(attributes, x.shape[1:], weight.shape[2:], strides, dilations)
        return self._convolution(_name(node), x, weight, bias, strides, dilations, groups, pads)

    def _convolution(
        self,
        name: str,
        x: _Signal,
        weight: Array,
        bias: Optional[Array],
        strides: Sequence[int],
        dilations: Sequence[int],
        groups: int,
        pads: Sequence[Tuple[int, int]],
        **details: Any,
    ) -> _Signal:
        axes = weight.ndim - 2
        if len(x.shape) != axes + 1 or x.shape[0] != weight.shape[1] * groups:
            raise _Refused(f"weights of shape {list(weight.shape)} meet {list(x.shape)}")
        # Padding that differs between the ends: the kernel grows by zeros at the end with less.
        grown = [(0, 0), (0, 0)]
        symmetric = []
        for axis, (before, after) in enumerate(pads):
            more = max(before, after)
            missing, rest = divmod(abs(before - after), dilations[axis])
            if rest:
                raise _Refused(f"padding {before} and {after} with dilation {dilations[axis]}")
            grown.append((missing, 0) if before < after else (0, missing))
            symmetric.append(more)
        out = [
            (extent + before + after - dilation * (kernel - 1) - 1) // stride + 1
            for extent, (before, after), dilation, kernel, stride in zip(
                x.shape[1:], pads, dilations, weight.shape[2:], strides
            )
        ]
        if min(out) < 1:
            raise _Refused(f"its kernel is larger than its input {list(x.shape)}")
        if any(grown):
            weight = np.pad(weight, grown)
        fields: Dict[str, Any] = {
            "kind": f"Conv{axes}d",
            "input_shape": list(x.shape[1:]),
            "weight": np.ascontiguousarray(weight, np.float32),
            "stride": list(strides),
            "padding": symmetric,
            "dilation": list(dilations),
            "groups": groups,
        }
        if bias is not None:
            fields["bias"] = np.ascontiguousarray(bias, np.float32).reshape(-1)
        return self._emit(name, fields, [x], (weight.shape[0], *out), **details)

    def _padded(self, name: str, x: _Signal, pads: Sequence[Tuple[int, int]]) -> _Signal:
        """Zeros around an image, by a convolution that changes nothing else."""
        channels = x.shape[0]
        one = np.ones((channels, 1, *(1 for _ in pads)), np.float32)
        return self._convolution(
            f"{name}.pad",
            x,
            one,
            None,
            [1] * len(pads),
            [1] * len(pads),
            channels,
            pads,
            positive=x.positive,
        )

    # ---- Sums and scales ----

    def add(self, node: Any, inputs: Sequence[Any], sign: float = 1) -> _Signal:
        a, b = inputs
        if isinstance(a, _Signal) and isinstance(b, _Signal):
            if sign < 0:
                b = self._scaled(f"{_name(node)}.minus", b, np.float32(-1))
            return self._summed(node, a, b)
        if isinstance(a, _Signal):
            return self._shifted(node, a, sign * np.asarray(b, np.float32), node.input[0])
        if sign < 0:
            b = self._scaled(f"{_name(node)}.minus", b, np.float32(-1))
            return self._shifted(node, b, np.asarray(a, np.float32), "")
        return self._shifted(node, b, np.asarray(a, np.float32), node.input[1])

    def subtract(self, node: Any, inputs: Sequence[Any]) -> _Signal:
        return self.add(node, inputs, -1)

    def _summed(self, node: Any, a: _Signal, b: _Signal) -> _Signal:
        same = (a.order is None) == (b.order is None) and (
            a.order is None or b.order is None or np.array_equal(a.order, b.order)
        )
        if a.shape != b.shape or a.actual != b.actual or not same:
            raise _Refused(
                f"adds {list(a.shape)} and {list(b.shape)} that are laid out differently"
            )
        for name in set(a.nodes) & set(b.nodes):
            # An edge counts once: what is added to itself goes through a node of its own.
            one = _Signal((name,), a.shape, a.actual, a.order)
            once = self._scaled(f"{_name(node)}.again", one, np.float32(1))
            b = dataclasses.replace(b, nodes=tuple(n for n in b.nodes if n != name) + once.nodes)
        return dataclasses.replace(a, nodes=a.nodes + b.nodes, positive=a.positive and b.positive)

    def _shifted(self, node: Any, x: _Signal, shift: Array, name: str) -> _Signal:
        """x + shift, where it can be the bias of the weights before, or is one for each channel."""
        values = x.spread(shift)
        first = values.reshape(values.shape[0], -1)
        if (first != first[:, :1]).any():
            raise _Refused("what is added differs within a channel")
        each = np.ascontiguousarray(first[:, 0])
        source = self._source(x, name)
        if source is not None and x.is_plain:
            last = source["kind"] in ("Linear", "Affine") and len(x.shape) == 1
            if last or source["kind"] in ("Conv1d", "Conv2d"):
                if source["kind"] == "Linear":
                    source["kind"] = "Affine"
                source["bias"] = source.get("bias", np.float32(0)) + each
                return x
        return self._normalized(node, x, np.ones_like(each), each)

    def _normalized(self, node: Any, x: _Signal, factor: Array, shift: Array) -> _Signal:
        """factor x + shift, for each index of the nodes' first axis."""
        zeros = np.zeros(len(factor), np.float32)
        return self._elementwise(
            node,
            {
                "kind": "BatchNorm",
                "mean": zeros,
                "variance": zeros + 1,
                "gamma": factor.astype(np.float32),
                "beta": shift.astype(np.float32),
                "epsilon": 0.0,
            },
            x,
        )

    def multiply(self, node: Any, inputs: Sequence[Any]) -> _Signal:
        a, b = inputs
        if isinstance(a, _Signal) and isinstance(b, _Signal):
            raise _Refused("multiplies two signals")
        x, factor = (a, b) if isinstance(a, _Signal) else (b, a)
        return self._scaled(_name(node), x, np.asarray(factor, np.float32))

    def divide(self, node: Any, inputs: Sequence[Any]) -> _Signal:
        x, divisor = inputs
        if not isinstance(x, _Signal) or isinstance(divisor, _Signal):
            raise _Refused("divides by a signal")
        divisor = np.asarray(divisor, np.float64)
        if (divisor == 0).any():
            raise _Refused("divides by zero")
        return self._scaled(_name(node), x, (1 / divisor).astype(np.float32))

    def _scaled(self, name: str, x: _Signal, factor: Array) -> _Signal:
        values = (
            np.float32(factor.reshape(-1)[0]).reshape(()) if factor.size == 1 else x.spread(factor)
        )
        return self._emit(
            name,
            {"kind": "Scale", "scale": np.asarray(values, np.float32)},
            [x],
            x.actual,
            shape=x.shape,
            order=x.order,
            positive=x.positive and bool((factor >= 0).all()),
        )

    def batch_norm(self, node: Any, inputs: Sequence[Any]) -> _Signal:
        attributes = _attributes(node)
        x, gamma, beta, mean, variance = inputs[:5]
        if any(isinstance(value, _Signal) for value in inputs[1:]):
            raise _Refused("its parameters are not constant")
        if attributes.get("training_mode", 0):
            raise _Refused("it is in training mode")
        x = self._plain(x, node.input[0])
        epsilon = float(attributes.get("epsilon", 1e-5))
        values = [
            np.asarray(value, np.float32).reshape(-1) for value in (mean, variance, gamma, beta)
        ]
        if any(value.size != x.shape[0] for value in values):
            raise _Refused(f"its parameters do not fit {list(x.shape)}")
        fields = dict(zip(("mean", "variance", "gamma", "beta"), values))
        return self._elementwise(node, {"kind": "BatchNorm", **fields, "epsilon": epsilon}, x)

    def scaler(self, node: Any, inputs: Sequence[Any]) -> _Signal:
        (x,) = inputs
        attributes = _attributes(node)
        x = self._flat(x, _name(node))
        if x.order is not None:
            raise _Refused("its input is transposed")
        scale = np.broadcast_to(np.asarray(attributes.get("scale", [1.0]), np.float64), x.actual)
        offset = np.broadcast_to(np.asarray(attributes.get("offset", [0.0]), np.float64), x.actual)
        return self._normalized(node, x, scale, -offset * scale)

    # ---- Functions ----

    def function(self, kind: str, positive: bool) -> Callable[[Any, Sequence[Any]], _Signal]:
        return lambda node, inputs: self._elementwise(node, {"kind": kind}, inputs[0], positive)

    def softmax(self, node: Any, inputs: Sequence[Any]) -> _Signal:
        (x,) = inputs
        axis = _attributes(node).get("axis", 1 if self.opset < 13 else -1)
        axis = axis + len(x.shape) + 1 if axis < 0 else axis
        covered = x.shape[axis - 1 :] if self.opset < 13 else x.shape[axis - 1 : axis]
        if axis < 1 or math.prod(covered) != math.prod(x.shape):
            raise _Refused(f"it is over axis {axis} of {[1, *x.shape]}, not over all elements")
        kind = "Softmax" if node.op_type == "Softmax" else "LogSoftmax"
        return self._elementwise(node, {"kind": kind}, x, kind == "Softmax")

    def clip(self, node: Any, inputs: Sequence[Any]) -> _Signal:
        attributes = _attributes(node)
        low = inputs[1] if len(inputs) > 1 else attributes.get("min")
        high = inputs[2] if len(inputs) > 2 else attributes.get("max")
        if any(isinstance(value, _Signal) for value in (low, high)):
            raise _Refused("its bounds are not constant")
        if (
            low is None
            or float(np.asarray(low)) != 0
            or (high is not None and float(np.asarray(high)) < 3e38)
        ):
            raise _Refused(f"bounds {low} and {high}: only 0 and none are a ReLU")
        return self._elementwise(node, {"kind": "ReLU"}, inputs[0], True)

    # ---- Pooling ----

    def pool(self, node: Any, inputs: Sequence[Any]) -> _Signal:
        attributes = _attributes(node)
        x = self._plain(inputs[0], node.input[0])
        kernel = list(attributes["kernel_shape"])
        if len(kernel) != 2 or len(x.shape) != 3:
            raise _Refused(f"pools {list(x.shape)} by {kernel}: an image is needed")
        if len(node.output) > 1 and node.output[1] and self.uses.get(node.output[1]):
            raise _Refused("its indices are used")
        if any(dilation != 1 for dilation in attributes.get("dilations", [1, 1])):
            raise _Refused("it is dilated")
        strides = list(attributes.get("strides", [1, 1]))
        pads = _pads(attributes, x.shape[1:], kernel, strides, [1, 1])
        is_maximum = node.op_type == "MaxPool"
        counts_padding = bool(attributes.get("count_include_pad", 0))
        out, reached = [], []
        for axis in range(2):
            room = x.shape[axis + 1] + sum(pads[axis]) - kernel[axis]
            count = room // strides[axis] + 1
            if attributes.get("ceil_mode", 0):
                count = -(-room // strides[axis]) + 1
                # A window must begin before the padding behind the input does.
                if (count - 1) * strides[axis] >= x.shape[axis + 1] + pads[axis][0]:
                    count -= 1
            if room < 0 or count < 1:
                raise _Refused(f"windows of {kernel} are larger than {list(x.shape)}")
            out.append(count)
            end = (count - 1) * strides[axis] + kernel[axis] - x.shape[axis + 1] - pads[axis][0]
            reached.append(max(0, end))
        symmetric = [before for before, _ in pads]
        is_symmetric = all(
            symmetric[axis] <= kernel[axis]
            and out[axis]
            == (x.shape[axis + 1] + 2 * symmetric[axis] - kernel[axis]) // strides[axis] + 1
            for axis in range(2)
        )
        padded = x
        if not is_symmetric:
            if is_maximum and not x.positive:
                raise _Refused(f"padding {pads} differs between the ends, before any ReLU")
            padded = self._padded(_name(node), x, list(zip(symmetric, reached)))
            symmetric = [0, 0]
        pooled = self._emit(
            _name(node),
            {
                "kind": "MaxPool2d" if is_maximum else "AvgPool2d",
                "kernel_size": kernel,
                "stride": strides,
                "padding": symmetric,
            },
            [padded],
            (x.shape[0], *out),
            positive=x.positive,
        )
        if is_maximum:
            return pooled
        # The divisor of a window: the places of the kernel, or those of them that count.
        counted = []
        for axis in range(2):
            (before, after), extent = pads[axis], x.shape[axis + 1]
            first = np.arange(out[axis]) * strides[axis] - before
            low, high = (-before, extent + after) if counts_padding else (0, extent)
            counted.append(np.minimum(first + kernel[axis], high) - np.maximum(first, low))
        divisors = np.outer(*counted)
        if (divisors == math.prod(kernel)).all():
            return pooled
        factor = np.broadcast_to(math.prod(kernel) / divisors, (1, x.shape[0], *out))
        return self._scaled(f"{_name(node)}.divisor", pooled, factor.astype(np.float32))

    def pool_all(self, node: Any, inputs: Sequence[Any]) -> _Signal:
        x = self._plain(inputs[0], node.input[0])
        if len(x.shape) != 3:
            raise _Refused(f"pools {list(x.shape)}: an image is needed")
        kind = "MaxPool2d" if node.op_type == "GlobalMaxPool" else "AvgPool2d"
        size = list(x.shape[1:])
        return self._emit(
            _name(node),
            {"kind": kind, "kernel_size": size, "stride": size, "padding": [0, 0]},
            [x],
            (x.shape[0], 1, 1),
            positive=x.positive,
        )

    def reduce_mean(self, node: Any, inputs: Sequence[Any]) -> _Signal:
        attributes = _attributes(node)
        x = inputs[0]
        axes = inputs[1] if len(inputs) > 1 else attributes.get("axes")
        rank = len(x.shape) + 1
        if (
            isinstance(axes, _Signal)
            or axes is None
            or len(x.shape) != 3
            or sorted(int(axis) % rank for axis in np.asarray(axes).reshape(-1)) != [2, 3]
        ):
            raise _Refused("only the mean of an image's pixels can be read")
        pooled = self.pool_all(node, inputs[:1])
        if attributes.get("keepdims", 1):
            return pooled
        return dataclasses.replace(pooled, shape=pooled.shape[:1])

    # ---- Layout ----

    def passing(self, node: Any, inputs: Sequence[Any]) -> _Signal:
        (x, *others) = inputs
        if not isinstance(x, _Signal) or any(isinstance(other, _Signal) for other in others):
            raise _Refused("takes more than one signal")
        if node.op_type == "Cast" and _attributes(node).get("to") not in (1, 10, 11, 16):
            raise _Refused("casts a signal to what is not a floating-point number")
        return x

    def reshape(self, node: Any, inputs: Sequence[Any]) -> _Signal:
        x = inputs[0]
        attributes = _attributes(node)
        target = inputs[1] if len(inputs) > 1 else np.asarray(attributes["shape"])
        if isinstance(target, _Signal):
            raise _Refused("its shape is not constant")
        before = (1, *x.shape)
        extents = [
            before[i]
            if extent == 0 and not attributes.get("allowzero", 0) and i < len(before)
            else int(extent)
            for i, extent in enumerate(np.asarray(target).reshape(-1))
        ]
        count = math.prod(x.shape)
        if extents and extents[0] == -1 and math.prod(extents[1:]) == count:
            extents[0] = 1
        if extents.count(-1) == 1:
            rest = -math.prod(extents)
            extents[extents.index(-1)] = count // rest if rest else 0
        return self._reshaped(x, extents)

    def _reshaped(self, x: _Signal, extents: Sequence[int]) -> _Signal:
        if len(extents) < 2 or extents[0] != 1 or math.prod(extents[1:]) != math.prod(x.shape):
            raise _Refused(f"makes {list(extents)} of {[1, *x.shape]}: the batch must stay apart")
        return dataclasses.replace(x, shape=tuple(extents[1:]))

    def flatten(self, node: Any, inputs: Sequence[Any]) -> _Signal:
        (x,) = inputs
        axis = _attributes(node).get("axis", 1) % (len(x.shape) + 1)
        if axis != 1:
            raise _Refused(f"flattens from axis {axis}, not 1")
        return self._reshaped(x, (1, math.prod(x.shape)))

    def squeeze(self, node: Any, inputs: Sequence[Any]) -> _Signal:
        x = inputs[0]
        axes = inputs[1] if len(inputs) > 1 else _attributes(node).get("axes")
        rank = len(x.shape) + 1
        if axes is None:
            raise _Refused("it states no axes")
        gone = {int(axis) % rank for axis in np.asarray(axes).reshape(-1)}
        return self._reshaped(
            x, [extent for i, extent in enumerate((1, *x.shape)) if i not in gone]
        )

    def unsqueeze(self, node: Any, inputs: Sequence[Any]) -> _Signal:
        x = inputs[0]
        axes = inputs[1] if len(inputs) > 1 else _attributes(node).get("axes")
        extents = [1, *x.shape]
        rank = len(extents) + np.asarray(axes).size
        for axis in sorted(int(axis) % rank for axis in np.asarray(axes).reshape(-1)):
            extents.insert(axis, 1)
        return self._reshaped(x, extents)

    def transpose(self, node: Any, inputs: Sequence[Any]) -> _Signal:
        (x,) = inputs
        rank = len(x.shape) + 1
        axes = _attributes(node).get("perm", list(range(rank))[::-1])
        if axes[0] != 0:
            raise _Refused("moves the batch")
        order = np.arange(math.prod(x.shape)) if x.order is None else x.order
        moved = order.reshape(x.shape).transpose([axis - 1 for axis in axes[1:]])
        flat = moved.reshape(-1)
        same = bool((flat == np.arange(flat.size)).all())
        return dataclasses.replace(x, shape=moved.shape, order=None if same else flat)

    def concat(self, node: Any, inputs: Sequence[Any]) -> _Signal:
        if not all(isinstance(value, _Signal) for value in inputs):
            raise _Refused("joins a constant to a signal")
        rank = len(inputs[0].shape) + 1
        if _attributes(node)["axis"] % rank != 1:
            raise _Refused("joins along another axis than the channels")
        parts, used, orders, at = [], set(), [], 0
        for i, (x, value) in enumerate(zip(inputs, node.input)):
            name = f"{_name(node)}.{i}"
            part = self._flat(x, name) if len(x.shape) == 1 else self._plain(x, value)
            if len(part.nodes) > 1 or part.nodes[0] in used:
                # Parts are told by their edges: each needs a node of its own.
                part = self._scaled(name, part, np.float32(1))
            used.add(part.nodes[0])
            parts.append(part)
            places = np.arange(part.shape[0]) if part.order is None else part.order
            orders.append(places + at)
            at += part.shape[0]
        if any(part.shape[1:] != parts[0].shape[1:] for part in parts):
            raise _Refused("joins " + ", ".join(str(list(part.shape)) for part in parts))
        shape = (at, *parts[0].shape[1:])
        is_ordered = len(shape) > 1 or all(part.order is None for part in parts)
        return self._emit(
            _name(node),
            {"kind": "Concatenation"},
            parts,
            shape,
            order=None if is_ordered else np.concatenate(orders),
            positive=all(part.positive for part in parts),
        )

    def pad(self, node: Any, inputs: Sequence[Any]) -> _Signal:
        attributes = _attributes(node)
        x = self._plain(inputs[0], node.input[0])
        mode = attributes.get("mode", b"constant")
        pads = inputs[1] if len(inputs) > 1 else attributes.get("pads", attributes.get("paddings"))
        value = inputs[2] if len(inputs) > 2 else attributes.get("value", 0.0)
        if (
            mode != b"constant"
            or isinstance(pads, _Signal)
            or isinstance(value, _Signal)
            or (value is not None and float(np.asarray(value).reshape(-1)[0]) != 0)
        ):
            raise _Refused("only zeros can be put around an image")
        rank = len(x.shape) + 1
        ends = [int(end) for end in np.asarray(pads).reshape(-1)]
        if len(inputs) > 3 and inputs[3] is not None or len(ends) != 2 * rank or len(x.shape) < 2:
            raise _Refused("only an image can be padded, on all its axes")
        if any(ends[i] or ends[i + rank] for i in (0, 1)) or min(ends) < 0:
            raise _Refused(f"pads {ends}: only height and width can grow")
        around = [(ends[i], ends[i + rank]) for i in range(2, rank)]
        return self._padded(_name(node), x, around)


def _name(node: Any) -> str:
    return node.name or next((name for name in node.output if name), node.op_type)


def _attributes(node: Any) -> Dict[str, Any]:
    import onnx.helper

    return {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}


def _pads(
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
        ends = attributes.get("pads", [0] * (2 * axes))
        if len(ends) != 2 * axes or min(ends) < 0:
            raise _Refused(f"padding {list(ends)}")
        return [(ends[i], ends[i + axes]) for i in range(axes)]
    if how == b"VALID":
        return [(0, 0)] * axes
    pads = []
    for extent, size, stride, dilation in zip(extents, kernel, strides, dilations):
        total = max(0, (-(-extent // stride) - 1) * stride + dilation * (size - 1) + 1 - extent)
        small, large = total // 2, total - total // 2
        pads.append((small, large) if how == b"SAME_UPPER" else (large, small))
    return pads


_Handler = Callable[[_Reader, Any, Sequence[Any]], _Signal]


def _function(kind: str, positive: bool) -> _Handler:
    return lambda reader, node, inputs: reader.function(kind, positive)(node, inputs)


_HANDLERS: Dict[str, _Handler] = {
    "Add": _Reader.add,
    "AveragePool": _Reader.pool,
    "BatchNormalization": _Reader.batch_norm,
    "Cast": _Reader.passing,
    "Clip": _Reader.clip,
    "Concat": _Reader.concat,
    "Conv": _Reader.conv,
    "Div": _Reader.divide,
    "Dropout": _Reader.passing,
    "Flatten": _Reader.flatten,
    "Gemm": _Reader.gemm,
    "GlobalAveragePool": _Reader.pool_all,
    "GlobalMaxPool": _Reader.pool_all,
    "Identity": _Reader.passing,
    "LogSoftmax": _Reader.softmax,
    "MatMul": _Reader.matmul,
    "MaxPool": _Reader.pool,
    "Mul": _Reader.multiply,
    "Pad": _Reader.pad,
    "ReduceMean": _Reader.reduce_mean,
    "Relu": _function("ReLU", True),
    "Reshape": _Reader.reshape,
    "Scaler": _Reader.scaler,
    "Sigmoid": _function("Sigmoid", True),
    "Softmax": _Reader.softmax,
    "Squeeze": _Reader.squeeze,
    "Sub": _Reader.subtract,
    "Tanh": _function("Tanh", False),
    "Transpose": _Reader.transpose,
    "Unsqueeze": _Reader.unsqueeze,
}
