"""What a PyTorch module does with tensors between its layers, as nodes of a model."""

from __future__ import annotations

import math
from typing import Any, Dict, List, Mapping, Sequence, Set

import numpy as np

from .torch_trace import Refused, Shape, Signal, Trace, flattened

_ASKING = {
    "size", "dim", "numel", "ndimension", "nelement", "is_floating_point", "is_complex", "stride",
    "is_contiguous", "get_device", "__len__", "element_size", "__hash__", "is_signed", "is_tensor",
    "zeros_like", "ones_like", "empty_like", "full_like", "new_zeros", "new_ones", "new_full",
    "new_empty", "_is_view", "is_inference", "__repr__", "__format__",
}  # fmt: skip
"""Functions whose result does not depend on the elements."""
_TAKING = {
    "__bool__", "item", "tolist", "numpy", "__float__", "__int__", "__index__", "__contains__",
    "equal", "allclose", "__array__", "__setitem__", "__set__",
}  # fmt: skip
"""Functions by which values leave a tensor, or get into one."""
_SAME = {
    "detach", "clone", "contiguous", "requires_grad_", "detach_", "cpu", "float", "alias", "positive",
    "__pos__", "to", "type_as", "dropout", "dropout2d", "feature_dropout",
}  # fmt: skip
"""Functions that return their argument."""
_SHAPES = {
    "flatten",
    "reshape",
    "view",
    "unsqueeze",
    "squeeze",
    "unflatten",
    "view_as",
    "reshape_as",
}
_BINARY = {
    "add": "+", "__add__": "+", "__radd__": "+", "__iadd__": "+", "add_": "+",
    "sub": "-", "__sub__": "-", "__rsub__": "r-", "subtract": "-", "rsub": "r-",
    "mul": "*", "__mul__": "*", "__rmul__": "*", "multiply": "*",
    "div": "/", "__truediv__": "/", "true_divide": "/", "divide": "/",
}  # fmt: skip
_UNARY = {
    "relu": {"kind": "ReLU"}, "relu_": {"kind": "ReLU"}, "sigmoid": {"kind": "Sigmoid"},
    "tanh": {"kind": "Tanh"},
}  # fmt: skip


def elementwise(text: str, **parameters: Any) -> Dict[str, Any]:
    """A node that computes a number for each element."""
    return {
        "kind": "NeuronProgram",
        "program": text,
        "parameters": {k: np.asarray(v, np.float32).reshape(-1) for k, v in parameters.items()},
    }


def numbers(value: Any) -> Any:
    """A constant as an array of float32."""
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    return np.asarray(value, np.float32)


def spread(value: Any, shape: Shape, name: str = "a constant") -> Any:
    """A number for all elements, or one for each, as PyTorch would broadcast it."""
    array = numbers(value)
    if array.size == 1:
        return array.reshape(1)
    lead = max(0, array.ndim - len(shape))
    if any(n != 1 for n in array.shape[:lead]):
        raise Refused(f"{name} has the shape {list(array.shape)}, and its neurons {list(shape)}")
    try:
        return np.broadcast_to(array.reshape(array.shape[lead:]), shape).reshape(-1).copy()
    except ValueError:
        raise Refused(
            f"{name} has the shape {list(array.shape)}, and its neurons {list(shape)}"
        ) from None


def call(trace: Trace, func: Any, args: Sequence[Any], named: Mapping[str, Any]) -> Any:
    """A function of PyTorch, called with what depends on the input."""
    name = getattr(func, "__name__", str(func))
    if name == "__get__":
        name = f".{getattr(func.__self__, '__name__', '')}"
    result = func(*args, **named)
    tensors = [value for value in flattened(result) if hasattr(value, "_is_view")]
    if name in _ASKING or (not tensors and name not in _TAKING):
        return result
    try:
        if not tensors:
            raise Refused("what the module does depends on values, which are not known here")
        signal = _signal(trace, name, args, named, result)
    except Refused as reason:
        trace.refuse(f'"{trace.where}": the function {name.strip("_.")}', reason)
        return trace.spoiled(result)
    return trace.track(result, signal)


def _signal(
    trace: Trace, name: str, args: Sequence[Any], named: Mapping[str, Any], result: Any
) -> Signal:
    x = trace.signal(args[0]) if args else None
    if x is not None and not x.nodes:
        return x
    place = f"{trace.where}.{name.strip('_')}"
    if name in _SAME or name == ".data":
        if x is None or not result.is_floating_point():
            raise Refused("not with these arguments")
        if name.startswith(("dropout", "feature_dropout")) and named.get(
            "training", args[2] if len(args) > 2 else True
        ):
            raise Refused("drops elements: call eval() of the module first")
        return x
    if name in _BINARY:
        if "alpha" in named or len(args) != 2 or named.get("rounding_mode"):
            raise Refused("not with these arguments")
        if name in ("add_", "__iadd__") and (x is None or trace.aliased(args[0])):
            raise Refused("changes a tensor in place that others share")
        return binary(trace, place, _BINARY[name], args[0], args[1])
    if name in _UNARY and x is not None:
        return trace.emit(place, _UNARY[name], [x], x.shape)
    if name in _SHAPES and x is not None:
        return reshaped(trace, place, x, tuple(result.shape))
    if name in ("cat", "concat", "concatenate"):
        axis = named.get("dim", args[1] if len(args) > 1 else 0)
        return joined(trace, place, args[0], axis, result)
    if name == "__getitem__":
        index = args[1] if isinstance(args[1], tuple) else (args[1],)
        # An axis of one element may be taken away, as that of the time.
        if x is not None and all(
            i is None or i is Ellipsis or i == slice(None) or i in (0, -1) for i in index
        ):
            if result.numel() == args[0].numel():
                return reshaped(trace, place, x, tuple(result.shape))
        raise Refused("a part of a signal cannot be taken")
    raise Refused("cannot be read")


def reshaped(trace: Trace, place: str, x: Signal, shape: Shape) -> Signal:
    """The same elements with another shape: that of all axes in `shape`."""
    size = math.prod(x.shape)
    for lead in range(len(shape) + 1):
        if any(n != 1 for n in shape[:lead]):
            break
        if shape[lead:] == x.shape:
            return x
    features = tuple(shape[next((i for i, n in enumerate(shape) if n != 1), len(shape)) :])
    features = features or (1,)
    if features == (size,):
        first = Signal(trace.current(x).nodes, x.shape, trace.run)
        fields = {"kind": "Flatten", "start_dim": 0, "end_dim": -1, "input_shape": list(x.shape)}
        return trace.emit(place, fields, [first], (size,))
    raise Refused(f"changes {list(x.shape)} to {list(features)}: only all axes can be made one")


def binary(trace: Trace, place: str, sign: str, a: Any, b: Any) -> Signal:
    first, second = trace.signal(a), trace.signal(b)
    if first is not None and second is not None:
        if not first.nodes or not second.nodes:
            return Signal((), first.shape, trace.run)
        if first.shape != second.shape:
            raise Refused(f"combines {list(first.shape)} and {list(second.shape)}")
        if sign == "+":
            x, y = trace.current(first), trace.current(second)
            if not set(x.nodes) & set(y.nodes):
                return Signal(x.nodes + y.nodes, x.shape, trace.run)
        used: Set[str] = set()
        sources = [trace.one(first, used), trace.one(second, used)]
        if sign == "r-":
            sign, sources = "-", sources[::-1]
        text = f"input a, b\nvalue = a {sign} b\n"
        return trace.emit(place, elementwise(text), sources, first.shape)
    x = first if first is not None else second
    assert x is not None
    constant = spread(b if first is not None else a, x.shape)
    if first is None and sign in ("-", "/"):
        sign = "r" + sign
    if sign == "*":
        return trace.emit(
            place,
            {
                "kind": "Scale",
                "scale": np.broadcast_to(constant, math.prod(x.shape)).reshape(x.shape),
            },
            [x],
            x.shape,
        )
    text = {
        "+": "x + c", "-": "x - c", "r-": "c - x", "/": "x / c", "r/": "c / x",
    }[sign]  # fmt: skip
    return trace.emit(
        place, elementwise(f"parameter c\nvalue = {text}\n", c=constant), [x], x.shape
    )


def joined(trace: Trace, place: str, parts: Sequence[Any], axis: int, result: Any) -> Signal:
    signals: List[Signal] = []
    used: Set[str] = set()
    for part in parts:
        x = trace.signal(part)
        if x is None:
            raise Refused("joins a constant")
        if not x.nodes:
            return Signal((), tuple(result.shape), trace.run)
        signals.append(trace.one(x, used))
    lead = result.dim() - len(signals[0].shape)
    if axis % result.dim() != lead or any(s.shape[1:] != signals[0].shape[1:] for s in signals):
        raise Refused("joins along another axis than the first after the batch")
    shape = (sum(s.shape[0] for s in signals), *signals[0].shape[1:])
    return trace.emit(place, {"kind": "Concatenation"}, signals, shape)
