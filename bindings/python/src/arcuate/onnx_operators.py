"""ONNX operators as nodes of a model, one method per operator or family."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, Callable, Dict, Optional, Sequence, Tuple, TypeVar

import numpy as np

from .onnx_graph import (
    LARGEST_EXTENT,
    Array,
    Graph,
    Refused,
    Signal,
    node_attributes,
    node_integers,
    node_name,
    node_pads,
    require_memory,
)

Method = TypeVar("Method", bound=Callable[..., Signal])

HANDLERS: Dict[str, Callable[..., Signal]] = {}
"""The method that reads each operator."""


def reads(*operators: str) -> Callable[[Method], Method]:
    """Registers a method of `Operators` as the reader of these operators."""

    def register(method: Method) -> Method:
        HANDLERS.update((operator, method) for operator in operators)
        return method

    return register


class Operators(Graph):
    """The operators that can be read."""

    # ---- Weights ----

    def _linear(
        self, name: str, x: Signal, value: str, weight: Array, bias: Optional[Array]
    ) -> Signal:
        """weight: [out, in]."""
        out, count = weight.shape
        if x.shape[-1] != count:
            raise Refused(f"weights for {count} inputs meet {x.shape[-1]}")
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

    @reads("Gemm")
    def gemm(self, node: Any, inputs: Sequence[Any]) -> Signal:
        attributes = node_attributes(node)
        x, weight = inputs[0], inputs[1]
        bias = inputs[2] if len(inputs) > 2 else None
        if not isinstance(x, Signal) or isinstance(weight, Signal) or isinstance(bias, Signal):
            raise Refused("its weights are not constant")
        if attributes.get("transA", 0):
            raise Refused("transA is set")
        weight = weight if attributes.get("transB", 0) else weight.T
        if len(x.shape) != 1:
            raise Refused(f"its input is {list(x.shape)}, not a vector")
        if bias is not None:
            if bias.size not in (1, weight.shape[0]):
                raise Refused(f"a bias of shape {list(bias.shape)}")
            bias = bias * np.float32(attributes.get("beta", 1.0))
        scaled = weight * np.float32(attributes.get("alpha", 1.0))
        return self._linear(node_name(node), x, node.input[0], scaled, bias)

    @reads("MatMul")
    def matmul(self, node: Any, inputs: Sequence[Any]) -> Signal:
        x, weight = inputs
        if not isinstance(x, Signal) or isinstance(weight, Signal):
            raise Refused("only a signal times constant weights can be read")
        if weight.ndim != 2:
            raise Refused(f"weights of shape {list(weight.shape)}")
        return self._linear(node_name(node), x, node.input[0], weight.T, None)

    @reads("Conv")
    def conv(self, node: Any, inputs: Sequence[Any]) -> Signal:
        attributes = node_attributes(node)
        x, weight = inputs[0], inputs[1]
        bias = inputs[2] if len(inputs) > 2 else None
        if not isinstance(x, Signal) or isinstance(weight, Signal) or isinstance(bias, Signal):
            raise Refused("its weights are not constant")
        axes = weight.ndim - 2
        if axes not in (1, 2):
            raise Refused(f"{axes} spatial axes, not 1 or 2")
        x = self._plain(x, node.input[0])
        strides = node_integers(attributes, "strides", [1] * axes)
        dilations = node_integers(attributes, "dilations", [1] * axes)
        (groups,) = node_integers({"group": [attributes.get("group", 1)]}, "group", [1])
        pads = node_pads(attributes, x.shape[1:], weight.shape[2:], strides, dilations)
        return self._convolution(node_name(node), x, weight, bias, strides, dilations, groups, pads)

    def _convolution(
        self,
        name: str,
        x: Signal,
        weight: Array,
        bias: Optional[Array],
        strides: Sequence[int],
        dilations: Sequence[int],
        groups: int,
        pads: Sequence[Tuple[int, int]],
        **details: Any,
    ) -> Signal:
        axes = weight.ndim - 2
        if len(x.shape) != axes + 1 or x.shape[0] != weight.shape[1] * groups:
            raise Refused(f"weights of shape {list(weight.shape)} meet {list(x.shape)}")
        # Padding that differs between the ends: the kernel grows by zeros at the end with less.
        grown = [(0, 0), (0, 0)]
        symmetric = []
        for axis, (before, after) in enumerate(pads):
            more = max(before, after)
            missing, rest = divmod(abs(before - after), dilations[axis])
            if rest:
                raise Refused(f"padding {before} and {after} with dilation {dilations[axis]}")
            grown.append((missing, 0) if before < after else (0, missing))
            symmetric.append(more)
        out = [
            (extent + before + after - dilation * (kernel - 1) - 1) // stride + 1
            for extent, (before, after), dilation, kernel, stride in zip(
                x.shape[1:], pads, dilations, weight.shape[2:], strides
            )
        ]
        if min(out) < 1:
            raise Refused(f"its kernel is larger than its input {list(x.shape)}")
        if any(grown):
            size = [n + before + after for n, (before, after) in zip(weight.shape, grown)]
            require_memory(
                size, f"padding {list(pads)} differs between the ends: a kernel of shape"
            )
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

    def _padded(self, name: str, x: Signal, pads: Sequence[Tuple[int, int]]) -> Signal:
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

    @reads("Add")
    def add(self, node: Any, inputs: Sequence[Any], sign: float = 1) -> Signal:
        a, b = inputs
        if isinstance(a, Signal) and isinstance(b, Signal):
            if sign < 0:
                b = self._scaled(f"{node_name(node)}.minus", b, np.float32(-1))
            return self._summed(node, a, b)
        if isinstance(a, Signal):
            return self._shifted(node, a, sign * np.asarray(b, np.float32), node.input[0])
        if sign < 0:
            b = self._scaled(f"{node_name(node)}.minus", b, np.float32(-1))
            return self._shifted(node, b, np.asarray(a, np.float32), "")
        return self._shifted(node, b, np.asarray(a, np.float32), node.input[1])

    @reads("Sub")
    def subtract(self, node: Any, inputs: Sequence[Any]) -> Signal:
        return self.add(node, inputs, -1)

    def _summed(self, node: Any, a: Signal, b: Signal) -> Signal:
        same = (a.order is None) == (b.order is None) and (
            a.order is None or b.order is None or np.array_equal(a.order, b.order)
        )
        if a.shape != b.shape or a.actual != b.actual or not same:
            raise Refused(f"adds {list(a.shape)} and {list(b.shape)} that are laid out differently")
        for name in set(a.nodes) & set(b.nodes):
            # An edge counts once: what is added to itself goes through a node of its own.
            one = Signal((name,), a.shape, a.actual, a.order)
            once = self._scaled(f"{node_name(node)}.again", one, np.float32(1))
            b = dataclasses.replace(b, nodes=tuple(n for n in b.nodes if n != name) + once.nodes)
        return dataclasses.replace(a, nodes=a.nodes + b.nodes, positive=a.positive and b.positive)

    def _shifted(self, node: Any, x: Signal, shift: Array, name: str) -> Signal:
        """x + shift, where it can be the bias of the weights before, or is one for each channel."""
        values = x.spread(shift)
        first = values.reshape(values.shape[0], -1)
        if (first != first[:, :1]).any():
            raise Refused("what is added differs within a channel")
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

    def _normalized(self, node: Any, x: Signal, factor: Array, shift: Array) -> Signal:
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

    @reads("Mul")
    def multiply(self, node: Any, inputs: Sequence[Any]) -> Signal:
        a, b = inputs
        if isinstance(a, Signal) and isinstance(b, Signal):
            raise Refused("multiplies two signals")
        x, factor = (a, b) if isinstance(a, Signal) else (b, a)
        return self._scaled(node_name(node), x, np.asarray(factor, np.float32))

    @reads("Div")
    def divide(self, node: Any, inputs: Sequence[Any]) -> Signal:
        x, divisor = inputs
        if not isinstance(x, Signal) or isinstance(divisor, Signal):
            raise Refused("divides by a signal")
        divisor = np.asarray(divisor, np.float64)
        if (divisor == 0).any():
            raise Refused("divides by zero")
        return self._scaled(node_name(node), x, (1 / divisor).astype(np.float32))

    def _scaled(self, name: str, x: Signal, factor: Array) -> Signal:
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

    @reads("BatchNormalization")
    def batch_norm(self, node: Any, inputs: Sequence[Any]) -> Signal:
        attributes = node_attributes(node)
        x, gamma, beta, mean, variance = inputs[:5]
        if any(isinstance(value, Signal) for value in inputs[1:]):
            raise Refused("its parameters are not constant")
        if attributes.get("training_mode", 0):
            raise Refused("it is in training mode")
        x = self._plain(x, node.input[0])
        epsilon = float(attributes.get("epsilon", 1e-5))
        values = [
            np.asarray(value, np.float32).reshape(-1) for value in (mean, variance, gamma, beta)
        ]
        if any(value.size != x.shape[0] for value in values):
            raise Refused(f"its parameters do not fit {list(x.shape)}")
        fields = dict(zip(("mean", "variance", "gamma", "beta"), values))
        return self._elementwise(node, {"kind": "BatchNorm", **fields, "epsilon": epsilon}, x)

    @reads("Scaler")
    def scaler(self, node: Any, inputs: Sequence[Any]) -> Signal:
        (x,) = inputs
        attributes = node_attributes(node)
        x = self._flat(x, node_name(node))
        if x.order is not None:
            raise Refused("its input is transposed")
        scale = np.broadcast_to(np.asarray(attributes.get("scale", [1.0]), np.float64), x.actual)
        offset = np.broadcast_to(np.asarray(attributes.get("offset", [0.0]), np.float64), x.actual)
        return self._normalized(node, x, scale, -offset * scale)

    # ---- Functions ----

    @reads("Relu")
    def relu(self, node: Any, inputs: Sequence[Any]) -> Signal:
        return self._elementwise(node, {"kind": "ReLU"}, inputs[0], True)

    @reads("Sigmoid")
    def sigmoid(self, node: Any, inputs: Sequence[Any]) -> Signal:
        return self._elementwise(node, {"kind": "Sigmoid"}, inputs[0], True)

    @reads("Tanh")
    def tanh(self, node: Any, inputs: Sequence[Any]) -> Signal:
        return self._elementwise(node, {"kind": "Tanh"}, inputs[0])

    @reads("LogSoftmax", "Softmax")
    def softmax(self, node: Any, inputs: Sequence[Any]) -> Signal:
        (x,) = inputs
        axis = node_attributes(node).get("axis", 1 if self.opset < 13 else -1)
        axis = axis + len(x.shape) + 1 if axis < 0 else axis
        covered = x.shape[axis - 1 :] if self.opset < 13 else x.shape[axis - 1 : axis]
        if axis < 1 or math.prod(covered) != math.prod(x.shape):
            raise Refused(f"it is over axis {axis} of {[1, *x.shape]}, not over all elements")
        kind = "Softmax" if node.op_type == "Softmax" else "LogSoftmax"
        return self._elementwise(node, {"kind": kind}, x, kind == "Softmax")

    @reads("Clip")
    def clip(self, node: Any, inputs: Sequence[Any]) -> Signal:
        attributes = node_attributes(node)
        low = inputs[1] if len(inputs) > 1 else attributes.get("min")
        high = inputs[2] if len(inputs) > 2 else attributes.get("max")
        if any(isinstance(value, Signal) for value in (low, high)):
            raise Refused("its bounds are not constant")
        if (
            low is None
            or float(np.asarray(low)) != 0
            or (high is not None and float(np.asarray(high)) < 3e38)
        ):
            raise Refused(f"bounds {low} and {high}: only 0 and none are a ReLU")
        return self._elementwise(node, {"kind": "ReLU"}, inputs[0], True)

    # ---- Pooling ----

    @reads("AveragePool", "MaxPool")
    def pool(self, node: Any, inputs: Sequence[Any]) -> Signal:
        attributes = node_attributes(node)
        x = self._plain(inputs[0], node.input[0])
        kernel = list(attributes["kernel_shape"])
        if len(kernel) != 2 or len(x.shape) != 3:
            raise Refused(f"pools {list(x.shape)} by {kernel}: an image is needed")
        kernel = node_integers(attributes, "kernel_shape", [1, 1])
        if len(node.output) > 1 and node.output[1] and self.uses.get(node.output[1]):
            raise Refused("its indices are used")
        if any(dilation != 1 for dilation in attributes.get("dilations", [1, 1])):
            raise Refused("it is dilated")
        strides = node_integers(attributes, "strides", [1, 1])
        pads = node_pads(attributes, x.shape[1:], kernel, strides, [1, 1])
        if any(max(pads[axis]) >= kernel[axis] for axis in range(2)):
            raise Refused(f"padding {pads}: less than the kernel {kernel} can be read")
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
                raise Refused(f"windows of {kernel} are larger than {list(x.shape)}")
            out.append(count)
            end = (count - 1) * strides[axis] + kernel[axis] - x.shape[axis + 1] - pads[axis][0]
            reached.append(max(0, end))
        require_memory((x.shape[0], *out), "its output")
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
                raise Refused(f"padding {pads} differs between the ends, before any ReLU")
            padded = self._padded(node_name(node), x, list(zip(symmetric, reached)))
            symmetric = [0, 0]
        pooled = self._emit(
            node_name(node),
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
        return self._scaled(f"{node_name(node)}.divisor", pooled, factor.astype(np.float32))

    @reads("GlobalAveragePool", "GlobalMaxPool")
    def pool_all(self, node: Any, inputs: Sequence[Any]) -> Signal:
        x = self._plain(inputs[0], node.input[0])
        if len(x.shape) != 3:
            raise Refused(f"pools {list(x.shape)}: an image is needed")
        kind = "MaxPool2d" if node.op_type == "GlobalMaxPool" else "AvgPool2d"
        size = list(x.shape[1:])
        return self._emit(
            node_name(node),
            {"kind": kind, "kernel_size": size, "stride": size, "padding": [0, 0]},
            [x],
            (x.shape[0], 1, 1),
            positive=x.positive,
        )

    @reads("ReduceMean")
    def reduce_mean(self, node: Any, inputs: Sequence[Any]) -> Signal:
        attributes = node_attributes(node)
        x = inputs[0]
        axes = inputs[1] if len(inputs) > 1 else attributes.get("axes")
        rank = len(x.shape) + 1
        if (
            isinstance(axes, Signal)
            or axes is None
            or len(x.shape) != 3
            or sorted(int(axis) % rank for axis in np.asarray(axes).reshape(-1)) != [2, 3]
        ):
            raise Refused("only the mean of an image's pixels can be read")
        pooled = self.pool_all(node, inputs[:1])
        if attributes.get("keepdims", 1):
            return pooled
        return dataclasses.replace(pooled, shape=pooled.shape[:1])

    # ---- Layout ----

    @reads("Cast", "Dropout", "Identity")
    def passing(self, node: Any, inputs: Sequence[Any]) -> Signal:
        (x, *others) = inputs
        if not isinstance(x, Signal) or any(isinstance(other, Signal) for other in others):
            raise Refused("takes more than one signal")
        if node.op_type == "Cast" and node_attributes(node).get("to") not in (1, 10, 11, 16):
            raise Refused("casts a signal to what is not a floating-point number")
        return x

    @reads("Reshape")
    def reshape(self, node: Any, inputs: Sequence[Any]) -> Signal:
        x = inputs[0]
        attributes = node_attributes(node)
        target = inputs[1] if len(inputs) > 1 else np.asarray(attributes["shape"])
        if isinstance(target, Signal):
            raise Refused("its shape is not constant")
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

    def _reshaped(self, x: Signal, extents: Sequence[int]) -> Signal:
        if len(extents) < 2 or extents[0] != 1 or math.prod(extents[1:]) != math.prod(x.shape):
            raise Refused(f"makes {list(extents)} of {[1, *x.shape]}: the batch must stay apart")
        return dataclasses.replace(x, shape=tuple(extents[1:]))

    @reads("Flatten")
    def flatten(self, node: Any, inputs: Sequence[Any]) -> Signal:
        (x,) = inputs
        axis = node_attributes(node).get("axis", 1) % (len(x.shape) + 1)
        if axis != 1:
            raise Refused(f"flattens from axis {axis}, not 1")
        return self._reshaped(x, (1, math.prod(x.shape)))

    @reads("Squeeze")
    def squeeze(self, node: Any, inputs: Sequence[Any]) -> Signal:
        x = inputs[0]
        axes = inputs[1] if len(inputs) > 1 else node_attributes(node).get("axes")
        rank = len(x.shape) + 1
        if axes is None:
            raise Refused("it states no axes")
        gone = {int(axis) % rank for axis in np.asarray(axes).reshape(-1)}
        return self._reshaped(
            x, [extent for i, extent in enumerate((1, *x.shape)) if i not in gone]
        )

    @reads("Unsqueeze")
    def unsqueeze(self, node: Any, inputs: Sequence[Any]) -> Signal:
        x = inputs[0]
        axes = inputs[1] if len(inputs) > 1 else node_attributes(node).get("axes")
        extents = [1, *x.shape]
        rank = len(extents) + np.asarray(axes).size
        for axis in sorted(int(axis) % rank for axis in np.asarray(axes).reshape(-1)):
            extents.insert(axis, 1)
        return self._reshaped(x, extents)

    @reads("Transpose")
    def transpose(self, node: Any, inputs: Sequence[Any]) -> Signal:
        (x,) = inputs
        rank = len(x.shape) + 1
        axes = node_attributes(node).get("perm", list(range(rank))[::-1])
        if axes[0] != 0:
            raise Refused("moves the batch")
        order = np.arange(math.prod(x.shape)) if x.order is None else x.order
        moved = order.reshape(x.shape).transpose([axis - 1 for axis in axes[1:]])
        flat = moved.reshape(-1)
        same = bool((flat == np.arange(flat.size)).all())
        return dataclasses.replace(x, shape=moved.shape, order=None if same else flat)

    @reads("Concat")
    def concat(self, node: Any, inputs: Sequence[Any]) -> Signal:
        if not all(isinstance(value, Signal) for value in inputs):
            raise Refused("joins a constant to a signal")
        rank = len(inputs[0].shape) + 1
        if node_attributes(node)["axis"] % rank != 1:
            raise Refused("joins along another axis than the channels")
        parts, used, orders, at = [], set(), [], 0
        for i, (x, value) in enumerate(zip(inputs, node.input)):
            name = f"{node_name(node)}.{i}"
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
            raise Refused("joins " + ", ".join(str(list(part.shape)) for part in parts))
        shape = (at, *parts[0].shape[1:])
        is_ordered = len(shape) > 1 or all(part.order is None for part in parts)
        return self._emit(
            node_name(node),
            {"kind": "Concatenation"},
            parts,
            shape,
            order=None if is_ordered else np.concatenate(orders),
            positive=all(part.positive for part in parts),
        )

    @reads("Pad")
    def pad(self, node: Any, inputs: Sequence[Any]) -> Signal:
        attributes = node_attributes(node)
        x = self._plain(inputs[0], node.input[0])
        mode = attributes.get("mode", b"constant")
        pads = inputs[1] if len(inputs) > 1 else attributes.get("pads", attributes.get("paddings"))
        value = inputs[2] if len(inputs) > 2 else attributes.get("value", 0.0)
        if (
            mode != b"constant"
            or isinstance(pads, Signal)
            or isinstance(value, Signal)
            or (value is not None and float(np.asarray(value).reshape(-1)[0]) != 0)
        ):
            raise Refused("only zeros can be put around an image")
        rank = len(x.shape) + 1
        ends = [int(end) for end in np.asarray(pads).reshape(-1)]
        if len(inputs) > 3 and inputs[3] is not None or len(ends) != 2 * rank or len(x.shape) < 2:
            raise Refused("only an image can be padded, on all its axes")
        if any(ends[i] or ends[i + rank] for i in (0, 1)) or not (
            0 <= min(ends) and max(ends) <= LARGEST_EXTENT
        ):
            raise Refused(f"pads {ends}: only height and width can grow, by 0 ... {LARGEST_EXTENT}")
        around = [(ends[i], ends[i + rank]) for i in range(2, rank)]
        return self._padded(node_name(node), x, around)
