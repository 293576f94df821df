"""New networks as lists of layers, with randomly initialized weights.

    from arcuate import nn

    model = nn.sequential(
        (1, 28, 28),
        [nn.convolution(12, 5), nn.lif(beta=0.9), nn.sum_pooling(2), nn.flatten(),
         nn.linear(10), nn.li(beta=0.9)],
        seed=1,
    )

Layers are mappings with the fields of the JSON layer list (`arcuate.documentation("layer-list")`):
`arcuate train` initializes the same weights from the same list and seed.
"""

from __future__ import annotations

import json
import math
import numbers
from typing import Any, Dict, Mapping, Optional, Sequence, Union

import numpy as np

from . import errors
from ._handle import seconds
from .model import Model

Layer = Dict[str, Any]
Extent = Union[int, Sequence[int]]


def description(
    input: Union[int, Sequence[int]],
    layers: Sequence[Mapping[str, Any]],
    *,
    seed: int = 0,
    initial: str = "kaiming",
    dt: float = 1e-3,
    semantics: Optional[Mapping[str, str]] = None,
) -> str:
    """The JSON layer list that `Model.open` and the command read. Arguments as for `sequential`."""
    if isinstance(layers, Mapping):
        raise errors.argument("layers must be a list of layers, not one layer")
    network: Dict[str, Any] = {
        "input": _plain("input", input),
        "layers": [_checked(i, layer) for i, layer in enumerate(layers)],
        "seed": seed,
        "initial": initial,
        "dt_s": seconds("dt", dt),
    }
    if semantics is not None:
        network["semantics"] = dict(semantics)
    return json.dumps(network, allow_nan=False)


def sequential(
    input: Union[int, Sequence[int]],
    layers: Sequence[Mapping[str, Any]],
    *,
    seed: int = 0,
    initial: str = "kaiming",
    dt: float = 1e-3,
    semantics: Optional[Mapping[str, str]] = None,
) -> Model:
    """A network of layers in sequence, whose shapes follow from the shape of the input.

    initial: uniform initialization. "kaiming": weights and biases within 1 / sqrt(inputs), as in
        PyTorch; "xavier": weights within sqrt(6 / (inputs + outputs)), biases 0.
    dt: seconds per step.
    semantics: fields of `Model.set_semantics`; by default reset is "subtract" and integrator_gain "r".

    Raises FormatError, LimitError, ArgumentError naming the layer.
    """
    text = description(input, layers, seed=seed, initial=initial, dt=dt, semantics=semantics)
    return Model.from_bytes(text.encode())


def _checked(index: int, layer: Any) -> Layer:
    if not isinstance(layer, Mapping):
        raise errors.argument(f"layer {index} must be a layer, got {layer!r}")
    return {
        name: _plain(f'layer {index} "{layer.get("kind")}": {name}', value)
        for name, value in layer.items()
    }


def _plain(name: str, value: Any) -> Any:
    """A field as JSON has it: numbers and arrays of NumPy become Python's."""
    if isinstance(value, (bool, str)):
        return value
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        if not math.isfinite(value):
            raise errors.argument(f"{name} must be finite, got {value!r}")
        return float(value)
    if isinstance(value, np.ndarray):
        return _plain(name, value.tolist())
    if isinstance(value, Sequence):
        return [_plain(name, element) for element in value]
    raise errors.argument(f"{name} must be a number, a word or a list of numbers, got {value!r}")


def _layer(kind: str, name: Optional[str], **fields: Any) -> Layer:
    layer: Layer = {"kind": kind}
    if name is not None:
        layer["name"] = name
    for field, value in fields.items():
        if value is not None:
            layer[field] = value
    return layer


def linear(size: int, *, bias: bool = True, name: Optional[str] = None) -> Layer:
    """A fully connected layer with `size` outputs; its input has one axis."""
    return _layer("linear", name, size=size, bias=bias)


def convolution(
    channels: int,
    kernel: Extent,
    *,
    stride: Extent = 1,
    padding: Union[Extent, str] = 0,
    dilation: Extent = 1,
    groups: int = 1,
    bias: bool = True,
    name: Optional[str] = None,
) -> Layer:
    """A convolution over the one or two axes after the channels. padding: numbers, or "same"."""
    return _layer(
        "convolution",
        name,
        channels=channels,
        kernel=kernel,
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
        bias=bias,
    )


def average_pooling(
    kernel: Extent, *, stride: Optional[Extent] = None, name: Optional[str] = None
) -> Layer:
    """The mean of each window."""
    return _layer("average_pooling", name, kernel=kernel, stride=stride)


def sum_pooling(
    kernel: Extent, *, stride: Optional[Extent] = None, name: Optional[str] = None
) -> Layer:
    """The sum of each window."""
    return _layer("sum_pooling", name, kernel=kernel, stride=stride)


def max_pooling(
    kernel: Extent, *, stride: Optional[Extent] = None, name: Optional[str] = None
) -> Layer:
    """The maximum of each window."""
    return _layer("max_pooling", name, kernel=kernel, stride=stride)


def flatten(*, name: Optional[str] = None) -> Layer:
    """Flattens all axes into one."""
    return _layer("flatten", name)


def batch_norm(*, gamma: float = 1.0, epsilon: float = 1e-5, name: Optional[str] = None) -> Layer:
    """Batch normalization of each channel over samples, positions and steps."""
    return _layer("batch_norm", name, gamma=gamma, epsilon=epsilon)


def group_norm(groups: int, *, epsilon: float = 1e-5, name: Optional[str] = None) -> Layer:
    """Normalization over the channels and positions of each of `groups` groups of channels."""
    return _layer("group_norm", name, groups=groups, epsilon=epsilon)


def scale(factor: float, *, name: Optional[str] = None) -> Layer:
    """Multiplication by a trainable factor."""
    return _layer("scale", name, factor=factor)


def relu(*, name: Optional[str] = None) -> Layer:
    """max(0, x), which tandem training and conversion replace by spiking neurons."""
    return _layer("relu", name)


def activation(kind: str, *, name: Optional[str] = None) -> Layer:
    """ "sigmoid", "tanh", "softmax" or "log_softmax"."""
    return _layer(kind, name)


def gru(size: int, *, bias: bool = True, name: Optional[str] = None) -> Layer:
    """A gated recurrent unit of `size` elements, as PyTorch's `nn.GRU` of one layer."""
    return _layer("gru", name, size=size, bias=bias)


def lstm(size: int, *, bias: bool = True, name: Optional[str] = None) -> Layer:
    """Long short-term memory of `size` elements, as PyTorch's `nn.LSTM` of one layer."""
    return _layer("lstm", name, size=size, bias=bias)


def lif(
    *,
    beta: Optional[float] = None,
    tau: Optional[float] = None,
    r: Optional[float] = None,
    threshold: float = 1.0,
    per_neuron: bool = False,
    recurrent: bool = False,
    name: Optional[str] = None,
) -> Layer:
    """Leaky integrate-and-fire neurons. beta: decay of the membrane per step, with inputs added
    unscaled; or tau in seconds. per_neuron: parameters per neuron instead of per layer, for training
    them. recurrent: weights from the layer to itself."""
    return _layer(
        "lif",
        name,
        beta=beta,
        tau=tau,
        r=r,
        threshold=threshold,
        per_neuron=per_neuron,
        recurrent=recurrent,
    )


def li(
    *,
    beta: Optional[float] = None,
    tau: Optional[float] = None,
    r: Optional[float] = None,
    per_neuron: bool = False,
    name: Optional[str] = None,
) -> Layer:
    """Leaky integrators, which do not spike, for outputs. Arguments as for `lif`."""
    return _layer("li", name, beta=beta, tau=tau, r=r, per_neuron=per_neuron)


def cuba_lif(
    tau_syn: float,
    tau_mem: float,
    *,
    r: Optional[float] = None,
    w_in: float = 1.0,
    threshold: float = 1.0,
    per_neuron: bool = False,
    recurrent: bool = False,
    name: Optional[str] = None,
) -> Layer:
    """Leaky integrate-and-fire neurons with a synaptic current; time constants in seconds.

    r: factor of the current; by default tau_mem / dt, with which the current is added to the membrane
        unscaled, as inputs are by `lif` with beta. w_in: factor of the input; with the default the
        current of a constant input grows to that input."""
    return _layer(
        "cuba_lif",
        name,
        tau_syn=tau_syn,
        tau_mem=tau_mem,
        r=r,
        w_in=w_in,
        threshold=threshold,
        per_neuron=per_neuron,
        recurrent=recurrent,
    )


def iaf(
    *,
    r: float = 1.0,
    threshold: float = 1.0,
    per_neuron: bool = False,
    recurrent: bool = False,
    name: Optional[str] = None,
) -> Layer:
    """Integrate-and-fire neurons."""
    return _layer("iaf", name, r=r, threshold=threshold, per_neuron=per_neuron, recurrent=recurrent)


def integrator(*, r: float = 1.0, name: Optional[str] = None) -> Layer:
    """Integrators, which do not spike, for outputs."""
    return _layer("integrator", name, r=r)


def neuron(
    text: str,
    *,
    seed: int = 0,
    per_neuron: bool = False,
    recurrent: bool = False,
    name: Optional[str] = None,
    **parameters: Any,
) -> Layer:
    '''Neurons whose step is a text (`arcuate.documentation("neuron-programs")`).

        nn.neuron(
            """
            state v, w
            v = v * exp(-dt / tau) + x - w
            spike = v > 1
            v = spike ? 0 : v
            w = 0.99 * w + b * spike
            """,
            tau=0.02, b=np.linspace(0, 1, 100))

    parameters: a number, or an array with one for each neuron. seed: of its random numbers.
    per_neuron, recurrent: as for `lif`.'''
    fields = {"kind", "name", "program", "seed", "per_neuron", "recurrent"} & parameters.keys()
    if fields:
        raise errors.argument(f"a parameter cannot be named {min(fields)}")
    return _layer(
        "neuron",
        name,
        program=text,
        seed=seed,
        per_neuron=per_neuron,
        recurrent=recurrent,
        **parameters,
    )
