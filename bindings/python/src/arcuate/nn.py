"""New networks as lists of layers, with weights drawn from a seed.

    from arcuate import nn

    model = nn.sequential(
        (1, 28, 28),
        [nn.convolution(12, 5), nn.lif(beta=0.9), nn.sum_pooling(2), nn.flatten(),
         nn.linear(10), nn.li(beta=0.9)],
        seed=1,
    )

Layers are mappings that the JSON of the command line has, too: `arcuate train` draws the same weights
from the same list and seed.
"""

from __future__ import annotations

import json
from typing import Any, Dict, Mapping, Optional, Sequence, Union

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
    """The JSON of a list of layers, which `Model.open` and the command line read. As `sequential`."""
    shape = [input] if isinstance(input, int) else list(input)
    network: Dict[str, Any] = {
        "input": shape, "layers": [dict(layer) for layer in layers], "seed": seed,
        "initial": initial, "dt_s": dt,
    }
    if semantics is not None:
        network["semantics"] = dict(semantics)
    return json.dumps(network)


def sequential(
    input: Union[int, Sequence[int]],
    layers: Sequence[Mapping[str, Any]],
    *,
    seed: int = 0,
    initial: str = "kaiming",
    dt: float = 1e-3,
    semantics: Optional[Mapping[str, str]] = None,
) -> Model:
    """A network of layers, one after another; their shapes follow from that of the input.

    initial: how far weights lie from zero: "kaiming": up to 1 / sqrt(inputs), as PyTorch's layers
        begin, biases too; "xavier": up to sqrt(6 / (inputs + outputs)), biases 0.
    dt: seconds per step.
    semantics: fields as `Model.set_semantics` takes them; what is not named is reset "subtract",
        integrator_gain "r", and otherwise the default.

    Raises FormatError, LimitError, ArgumentError naming the layer.
    """
    text = description(
        input, layers, seed=seed, initial=initial, dt=dt, semantics=semantics
    )
    return Model.from_bytes(text.encode())


def _layer(kind: str, name: Optional[str], **fields: Any) -> Layer:
    layer: Layer = {"kind": kind}
    if name is not None:
        layer["name"] = name
    for field, value in fields.items():
        if value is not None:
            layer[field] = list(value) if isinstance(value, tuple) else value
    return layer


def linear(size: int, *, bias: bool = True, name: Optional[str] = None) -> Layer:
    """`size` outputs, each a weighed sum of all inputs; takes one axis."""
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
    """Over one or two axes behind the channels. padding: numbers, or "same"."""
    return _layer(
        "convolution", name, channels=channels, kernel=kernel, stride=stride, padding=padding,
        dilation=dilation, groups=groups, bias=bias,
    )


def average_pooling(kernel: Extent, *, stride: Optional[Extent] = None, name: Optional[str] = None) -> Layer:
    """The mean of each window."""
    return _layer("average_pooling", name, kernel=kernel, stride=stride)


def sum_pooling(kernel: Extent, *, stride: Optional[Extent] = None, name: Optional[str] = None) -> Layer:
    """The sum of each window."""
    return _layer("sum_pooling", name, kernel=kernel, stride=stride)


def max_pooling(kernel: Extent, *, stride: Optional[Extent] = None, name: Optional[str] = None) -> Layer:
    """The largest of each window."""
    return _layer("max_pooling", name, kernel=kernel, stride=stride)


def flatten(*, name: Optional[str] = None) -> Layer:
    """All axes as one."""
    return _layer("flatten", name)


def batch_norm(*, gamma: float = 1.0, epsilon: float = 1e-5, name: Optional[str] = None) -> Layer:
    """Each channel with the mean 0 and the deviation gamma, over samples, positions and steps."""
    return _layer("batch_norm", name, gamma=gamma, epsilon=epsilon)


def scale(factor: float, *, name: Optional[str] = None) -> Layer:
    """Everything times a factor, which learns."""
    return _layer("scale", name, factor=factor)


def relu(*, name: Optional[str] = None) -> Layer:
    """max(0, x): what becomes spikes in tandem learning and in conversion."""
    return _layer("relu", name)


def activation(kind: str, *, name: Optional[str] = None) -> Layer:
    """"sigmoid", "tanh", "softmax" or "log_softmax"."""
    return _layer(kind, name)


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
    """Leaky neurons that spike. beta: what a step leaves of a membrane, inputs are added as they are;
    or tau in seconds. per_neuron: a number of each kind for every neuron, for those that learn.
    recurrent: weights from the layer to itself."""
    return _layer(
        "lif", name, beta=beta, tau=tau, r=r, threshold=threshold, per_neuron=per_neuron,
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
    """Leaky membranes that do not spike, for the output. As `lif`."""
    return _layer("li", name, beta=beta, tau=tau, r=r, per_neuron=per_neuron)


def cuba_lif(
    tau_syn: float,
    tau_mem: float,
    *,
    r: float = 1.0,
    w_in: float = 1.0,
    threshold: float = 1.0,
    per_neuron: bool = False,
    recurrent: bool = False,
    name: Optional[str] = None,
) -> Layer:
    """Leaky neurons whose inputs go through a synaptic current first; times in seconds."""
    return _layer(
        "cuba_lif", name, tau_syn=tau_syn, tau_mem=tau_mem, r=r, w_in=w_in, threshold=threshold,
        per_neuron=per_neuron, recurrent=recurrent,
    )


def iaf(
    *,
    r: float = 1.0,
    threshold: float = 1.0,
    per_neuron: bool = False,
    recurrent: bool = False,
    name: Optional[str] = None,
) -> Layer:
    """Neurons that add their input up and spike."""
    return _layer(
        "iaf", name, r=r, threshold=threshold, per_neuron=per_neuron, recurrent=recurrent
    )


def integrator(*, r: float = 1.0, name: Optional[str] = None) -> Layer:
    """Membranes that add their input up and do not spike, for the output."""
    return _layer("integrator", name, r=r)
