"""PyTorch layers without state, as nodes of a model."""

from __future__ import annotations

import math
from typing import Any, Callable, Dict, List, Optional

import numpy as np

from .torch_functions import binary, elementwise, numbers, reshaped
from .torch_trace import Fields, Leaf, Refused, Shape, Signal, Trace

Reader = Callable[..., Any]
LAYERS: Dict[str, Reader] = {}
"""By library and class."""


def reads(*names: str) -> Callable[[Reader], Reader]:
    def add(reader: Reader) -> Reader:
        for name in names:
            LAYERS[name] = reader
        return reader

    return add


def stateless(read: Callable[[Trace, Leaf, Signal, Any], Signal]) -> Reader:
    """A reader of layers with one tensor in and one out, which are computed on zeros for the shape."""

    def reader(trace: Trace, leaf: Leaf, *args: Any, **named: Any) -> Any:
        x = trace.input(args[0] if args else next(iter(named.values())))
        result = type(leaf.module).forward(leaf.module, *args, **named)
        return trace.track(result, read(trace, leaf, x, result))

    return reader


def pair(value: Any, axes: int) -> List[int]:
    values = list(value) if isinstance(value, (tuple, list)) else [value] * axes
    return [int(v) for v in values]


def features(result: Any, x: Signal, rank: int) -> Shape:
    """The shape of a result without the leading axes."""
    return tuple(int(n) for n in result.shape[result.dim() - rank :])


def affine(trace: Trace, name: str, x: Signal, weight: Any, bias: Optional[Any] = None) -> Signal:
    matrix = numbers(weight)
    if x.nodes and len(x.shape) != 1:
        raise Refused(f"its input has the shape {list(x.shape)}: one axis can be read")
    node: Fields = {"kind": "Linear", "weight": np.ascontiguousarray(matrix)}
    if bias is not None:
        values = np.broadcast_to(numbers(bias), (matrix.shape[0],))
        node.update(kind="Affine", bias=np.ascontiguousarray(values))
    return trace.emit(name, node, [x], (matrix.shape[0],))


@reads("torch.Linear", "spikingjelly.Linear")
@stateless
def linear(trace: Trace, leaf: Leaf, x: Signal, result: Any) -> Signal:
    return affine(trace, leaf.path, x, leaf.module.weight, leaf.module.bias)


@reads("rockpool.LinearTorch")
@stateless
def rockpool_linear(trace: Trace, leaf: Leaf, x: Signal, result: Any) -> Signal:
    return affine(trace, leaf.path, x, leaf.module.weight.T, leaf.module.bias)


def convolution_of(trace: Trace, name: str, module: Any, x: Signal, shape: Shape) -> Signal:
    axes = len(x.shape) - 1
    if module.padding_mode != "zeros":
        raise Refused(f"padding_mode={module.padding_mode!r}: only zeros can be read")
    kernel, dilation = pair(module.kernel_size, axes), pair(module.dilation, axes)
    padding = module.padding
    if padding == "valid":
        padding = 0
    elif padding == "same":
        total = [d * (k - 1) for d, k in zip(dilation, kernel)]
        if any(n % 2 for n in total):
            raise Refused("padding='same' that differs between the ends")
        padding = [n // 2 for n in total]
    node: Fields = {
        "kind": f"Conv{axes}d",
        "input_shape": list(x.shape[1:]),
        "weight": np.ascontiguousarray(numbers(module.weight)),
        "stride": pair(module.stride, axes),
        "padding": pair(padding, axes),
        "dilation": dilation,
        "groups": int(module.groups),
    }
    if module.bias is not None:
        node["bias"] = numbers(module.bias)
    return trace.emit(name, node, [x], shape)


@reads("torch.Conv1d", "torch.Conv2d", "spikingjelly.Conv1d", "spikingjelly.Conv2d")
@stateless
def convolution(trace: Trace, leaf: Leaf, x: Signal, result: Any) -> Signal:
    axes = len(leaf.module.weight.shape) - 2
    if len(x.shape) != axes + 1:
        raise Refused(f"its input has the shape {list(x.shape)}: {axes + 1} axes are needed")
    return convolution_of(trace, leaf.path, leaf.module, x, features(result, x, axes + 1))


def pool(
    trace: Trace,
    leaf: Leaf,
    x: Signal,
    result: Any,
    kind: str,
    kernel: Any,
    stride: Any,
    padding: Any,
) -> Signal:
    if len(x.shape) != 3:
        raise Refused(f"its input has the shape {list(x.shape)}: an image is needed")
    if getattr(leaf.module, "ceil_mode", False):
        raise Refused("ceil_mode cannot be read")
    node: Fields = {
        "kind": kind,
        "kernel_size": pair(kernel, 2),
        "stride": pair(kernel if stride is None else stride, 2),
        "padding": pair(padding, 2),
    }
    return trace.emit(leaf.path, node, [x], features(result, x, 3))


@reads("torch.AvgPool2d", "spikingjelly.AvgPool2d")
@stateless
def average(trace: Trace, leaf: Leaf, x: Signal, result: Any) -> Signal:
    m = leaf.module
    if any(pair(m.padding, 2)) and not m.count_include_pad:
        raise Refused("count_include_pad=False with padding cannot be read")
    pooled = pool(trace, leaf, x, result, "AvgPool2d", m.kernel_size, m.stride, m.padding)
    if m.divisor_override and pooled.nodes:
        factor = math.prod(pair(m.kernel_size, 2)) / m.divisor_override
        return trace.emit(
            f"{leaf.path}.divisor",
            {"kind": "Scale", "scale": np.full(pooled.shape, factor, np.float32)},
            [pooled],
            pooled.shape,
        )
    return pooled


@reads("torch.AdaptiveAvgPool2d", "spikingjelly.AdaptiveAvgPool2d")
@stateless
def adaptive(trace: Trace, leaf: Leaf, x: Signal, result: Any) -> Signal:
    if len(x.shape) != 3:
        raise Refused(f"its input has the shape {list(x.shape)}: an image is needed")
    out = features(result, x, 3)
    kernel = [i // o for i, o in zip(x.shape[1:], out[1:])]
    if any(i % o for i, o in zip(x.shape[1:], out[1:])):
        raise Refused("windows of several sizes cannot be read")
    return pool(trace, leaf, x, result, "AvgPool2d", kernel, kernel, 0)


@reads("torch.MaxPool2d", "spikingjelly.MaxPool2d")
@stateless
def maximum(trace: Trace, leaf: Leaf, x: Signal, result: Any) -> Signal:
    m = leaf.module
    if pair(m.dilation, 2) != [1, 1]:
        raise Refused("dilation cannot be read")
    return pool(trace, leaf, x, result, "MaxPool2d", m.kernel_size, m.stride, m.padding)


@reads("sinabs.SumPool2d", "torch.LPPool2d")
@stateless
def sums(trace: Trace, leaf: Leaf, x: Signal, result: Any) -> Signal:
    if leaf.module.norm_type != 1:
        raise Refused("norm_type other than 1 cannot be read")
    return pool(trace, leaf, x, result, "SumPool2d", leaf.module.kernel_size, leaf.module.stride, 0)


@reads("torch.Flatten", "spikingjelly.Flatten", "torch.Unflatten", "sinabs.FlattenTime")
@reads("sinabs.UnflattenTime")
@stateless
def flatten(trace: Trace, leaf: Leaf, x: Signal, result: Any) -> Signal:
    return reshaped(trace, leaf.path, x, tuple(result.shape))


@reads("torch.ReLU")
@stateless
def relu(trace: Trace, leaf: Leaf, x: Signal, result: Any) -> Signal:
    return trace.emit(leaf.path, {"kind": "ReLU"}, [x], x.shape)


@reads("torch.Sigmoid", "torch.Tanh")
@stateless
def activation(trace: Trace, leaf: Leaf, x: Signal, result: Any) -> Signal:
    return trace.emit(leaf.path, {"kind": type(leaf.module).__name__}, [x], x.shape)


@reads("torch.LeakyReLU")
@stateless
def leaky_relu(trace: Trace, leaf: Leaf, x: Signal, result: Any) -> Signal:
    text = "parameter slope\nvalue = x > 0 ? x : x * slope\n"
    slope = np.float32(leaf.module.negative_slope)
    return trace.emit(leaf.path, elementwise(text, slope=slope), [x], x.shape)


@reads("torch.Identity")
@stateless
def identity(trace: Trace, leaf: Leaf, x: Signal, result: Any) -> Signal:
    return x


@reads("torch.Dropout", "torch.Dropout1d", "torch.Dropout2d", "torch.AlphaDropout")
@reads("spikingjelly.Dropout", "spikingjelly.Dropout2d")
@stateless
def dropout(trace: Trace, leaf: Leaf, x: Signal, result: Any) -> Signal:
    if leaf.module.training and leaf.module.p > 0:
        raise Refused("drops elements: call eval() of the module first")
    return x


@reads("torch.BatchNorm1d", "torch.BatchNorm2d", "spikingjelly.BatchNorm1d")
@reads("spikingjelly.BatchNorm2d")
@stateless
def batch_norm(trace: Trace, leaf: Leaf, x: Signal, result: Any) -> Signal:
    m = leaf.module
    if m.training or m.running_mean is None:
        raise Refused("normalizes by its input: call eval() of the module first")
    ones = np.ones(m.num_features, np.float32)
    node: Fields = {
        "kind": "BatchNorm",
        "mean": numbers(m.running_mean),
        "variance": numbers(m.running_var),
        "gamma": ones if m.weight is None else numbers(m.weight),
        "beta": 0 * ones if m.bias is None else numbers(m.bias),
        "epsilon": float(m.eps),
    }
    return trace.emit(leaf.path, node, [x], x.shape)


@reads("sinabs.Merge")
def merge(trace: Trace, leaf: Leaf, a: Any, b: Any) -> Any:
    if a.shape != b.shape:
        raise Refused(f"sums {list(a.shape)} and {list(b.shape)}")
    return trace.track(a + b, binary(trace, leaf.path, "+", a, b))


def recurrent_weights(trace: Trace, name: str, module: Any, x: Signal) -> Signal:
    """What the recurrent connections of a layer do with its output of the step before."""
    import torch

    if isinstance(module, torch.nn.Linear):
        return affine(trace, name, x, module.weight, module.bias)
    if isinstance(module, torch.nn.Conv2d):
        found = convolution_of(trace, name, module, x, x.shape)
        zeros = module(torch.zeros(1, *x.shape))
        if tuple(zeros.shape[1:]) != x.shape:
            raise Refused(f"its recurrent convolution changes {list(x.shape)}")
        return found
    if isinstance(module, torch.nn.Identity):
        return x
    if isinstance(module, torch.nn.Sequential):
        for i, part in enumerate(module):
            if isinstance(part, torch.nn.Flatten) and len(x.shape) > 1:
                x = reshaped(trace, f"{name}.{i}", x, (1, math.prod(x.shape)))
            elif not isinstance(part, (torch.nn.Flatten, torch.nn.Unflatten)):
                x = recurrent_weights(trace, f"{name}.{i}", part, x)
        return x
    raise Refused(f"its recurrent connections are a {type(module).__name__}")


def found_class(module: Any, table: Dict[str, Any]) -> Optional[Any]:
    """The entry of a module's class, or of a base whose `forward` it has."""
    for base in type(module).__mro__:
        key = f"{base.__module__.split('.')[0]}.{base.__name__}"
        if key in table:
            same = getattr(type(module), "forward", None) is getattr(base, "forward", None)
            return table[key] if same else None
    return None
