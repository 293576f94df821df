"""Spiking layers of PyTorch libraries, each as the neuron program that is its update rule."""

from __future__ import annotations

import dataclasses
import re
from typing import Any, Callable, Dict, List, Mapping, Sequence, Tuple

import numpy as np

from . import _native
from .torch_functions import numbers, spread
from .torch_layers import affine, reads, recurrent_weights
from .torch_trace import Fields, Leaf, Refused, Shape, Signal, Trace

_OUTSIDE = (-1.5, -0.25, -1e-5, 1e-5, 0.25, 1.5)


def library(name: str) -> str:
    """The text of a program of the library, without its comments."""
    found = _native.library.arcuate_library_program(name.encode())
    if found is None:
        raise Refused(f"the library has no program {name}")
    lines = found.decode().splitlines()
    return f"# {name}\n" + "\n".join(line for line in lines if not line.startswith("#")) + "\n"


def two_inputs(text: str, old: str, new: str) -> str:
    """The program with a second input for what recurrent connections bring."""
    if text.count(old) != 1:
        raise Refused("the program of the library has changed")
    lines = text.replace(old, new).splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("state"))
    return "\n".join([*lines[:at], "input feed, recurrent", *lines[at:]]) + "\n"


def program(text: str, shape: Shape, parameters: Mapping[str, Any]) -> Fields:
    given = {key: spread(value, shape, key) for key, value in parameters.items()}
    for key, values in given.items():
        if not np.isfinite(values).all():
            raise Refused(f"{key} is not finite")
    return {"kind": "NeuronProgram", "program": text, "parameters": given}


def once(leaf: Leaf) -> None:
    if leaf.calls > 1:
        raise Refused(
            "is called more than once: the module must compute one time step, with the loop over "
            "time outside of it"
        )


def at_rest(trace: Trace, leaf: Leaf, states: Sequence[Any], rest: Sequence[Any] = ()) -> None:
    """Refuses states other than those of the layer itself, or those at rest."""
    for i, value in enumerate(states):
        if value is None or not hasattr(value, "shape") or value.numel() == 0:
            continue
        known = trace.signal(value)
        if known is not None:
            own = {leaf.path, f"{leaf.path}.spikes"}
            if known.nodes and (not own & set(known.nodes) or known.run == trace.run):
                raise Refused("is given a state that is not its own of the step before")
        elif bool((value != (rest[i] if i < len(rest) else 0)).any()):
            raise Refused("is given a state that is not the one at rest: give none, or zeros")


def heaviside(
    function: Callable[[Any], Any], at_zero: float, what: str, points: Sequence[float] = _OUTSIDE
) -> None:
    """Refuses a function of spikes that is not a step."""
    import torch

    x = torch.tensor([*points, 0.0])
    right = [float(p > 0) for p in points] + [at_zero]
    for _ in range(3):
        if function(x).detach().tolist() != right:
            raise Refused(f"{what} is no step function from 0 to 1")


def neurons(
    trace: Trace, leaf: Leaf, text: str, sources: Sequence[Signal], parameters: Mapping[str, Any]
) -> Signal:
    shape = sources[0].shape
    return trace.emit(leaf.path, program(text, shape, parameters), sources, shape)


def looped(
    trace: Trace,
    leaf: Leaf,
    x: Signal,
    text: str,
    parameters: Mapping[str, Any],
    back: Callable[[Signal], Signal],
) -> Signal:
    """Neurons that get their output of the step before by recurrent connections, as a second input."""
    if not x.nodes:
        return x
    name = leaf.path
    delay = trace.emit(f"{name}.before", trace.delay(x.shape), [], x.shape)
    feedback = back(delay)
    used: set[str] = set(feedback.nodes)
    spikes = neurons(
        trace, leaf, text, [trace.one(x, used), trace.one(feedback, set())], parameters
    )
    trace.edges.append((spikes.nodes[0], delay.nodes[0]))
    return spikes


def result(trace: Trace, x: Any, signal: Signal, states: Sequence[str]) -> Tuple[Any, List[Any]]:
    """Tensors for what neurons emit and for their states."""
    import torch

    def tensor(of: Signal) -> Any:
        return trace.track(torch.zeros_like(x), of)

    return tensor(signal), [
        tensor(Signal(signal.nodes, signal.shape, signal.run, state)) for state in states
    ]


# ---- snnTorch ------------------------------------------------------------------------------------


def _snntorch(trace: Trace, leaf: Leaf, args: Sequence[Any], named: Mapping[str, Any]) -> Any:
    m, kind = leaf.module, type(leaf.module).__name__
    once(leaf)
    given = [*args[1:], *named.values()]
    x = trace.input(args[0])
    at_rest(trace, leaf, given)
    if m.inhibition:
        raise Refused("inhibition=True cannot be read")
    if m.state_quant:
        raise Refused("state_quant cannot be read")
    heaviside(m.spike_grad, 0.0, "spike_grad")
    reset = ("subtract", "zero", "none")[int(m.reset_mechanism_val)]
    kept = {"_base_sub": "subtract", "_base_zero": "zero", "_base_int": "none"}
    computed = kept.get(getattr(m.state_function, "__name__", ""))
    if computed != reset:
        raise Refused(
            f"reset_mechanism is {reset!r}, but it was made with {computed!r}, which it still computes"
        )
    late = getattr(m, "reset_delay", True)
    if kind == "RSynaptic" and not late:
        raise Refused("reset_delay=False fails in snnTorch itself")
    name = f"snntorch-{kind.lower()}-{reset}" + ("" if late or reset == "none" else "-no-delay")
    parameters: Dict[str, Any] = {"threshold": m.threshold}
    if kind == "Lapicque":
        parameters.update(R=m.R, C=m.C, time_step=m.time_step)
    else:
        parameters["beta"] = m.beta.clamp(0, 1)
    if kind in ("Synaptic", "RSynaptic", "Alpha"):
        parameters["alpha"] = m.alpha.clamp(0, 1)
    if kind == "Alpha":
        a, b = m.alpha.clamp(0, 1).log(), m.beta.clamp(0, 1).log()
        parameters["tau_alpha"] = a / (b - a) + 1
    graded = numbers(m.graded_spikes_factor)
    if kind in ("RLeaky", "RSynaptic"):

        def back(before: Signal) -> Signal:
            if m.all_to_all:
                return recurrent_weights(trace, f"{leaf.path}.recurrent", m.recurrent, before)
            weights = np.broadcast_to(spread(m.recurrent.V, x.shape, "V"), int(np.prod(x.shape)))
            fields = {"kind": "Scale", "scale": weights.reshape(x.shape)}
            return trace.emit(f"{leaf.path}.recurrent", fields, [before], x.shape)

        if (graded != 1).any():
            raise Refused("graded_spikes_factor other than 1 cannot be read")
        signal = looped(trace, leaf, x, library(name), parameters, back)
    else:
        # The factor has the name of the layer, whose output it is.
        place = (
            leaf if (graded == 1).all() else dataclasses.replace(leaf, path=f"{leaf.path}.spikes")
        )
        signal = neurons(trace, place, library(name), [x], parameters)
    names = {"Synaptic": ["i", "v"], "RSynaptic": ["i", "v"], "Alpha": ["i_exc", "i_inh", "v"]}
    spikes, states = result(trace, args[0], signal, names.get(kind, ["v"]))
    if (graded != 1).any() and signal.nodes:
        factor = np.broadcast_to(spread(graded, x.shape), int(np.prod(x.shape))).reshape(x.shape)
        fields = {"kind": "Scale", "scale": factor}
        trace.track(spikes, trace.emit(leaf.path, fields, [signal], x.shape))
    return spikes if m.init_hidden and not m.output else (spikes, *states)


@reads("snntorch.Leaky", "snntorch.Synaptic", "snntorch.Alpha", "snntorch.Lapicque")
@reads("snntorch.RLeaky", "snntorch.RSynaptic")
def snntorch(trace: Trace, leaf: Leaf, *args: Any, **named: Any) -> Any:
    return _snntorch(trace, leaf, args, named)


# ---- Norse ---------------------------------------------------------------------------------------

_LIBOX = """parameter tau_mem_inv = 100, v_leak = 0
state v = v_leak
v = v + number(dt) * tau_mem_inv * ((v_leak - v) + x)
value = v
"""
_LI = """parameter tau_syn_inv = 200, tau_mem_inv = 100, v_leak = 0
state v = v_leak, i
i = i + x
v = v + number(dt) * tau_mem_inv * ((v_leak - v) + i)
i = i + -number(dt) * tau_syn_inv * i
value = v
"""
_NORSE_IAF = """parameter v_th = 1, v_reset = 0
state v
v = v + x
spike = v > v_th
v = spike ? v_reset : v
"""
_NORSE_RULES = {
    "LIFBox": ("norse-lifbox", ("tau_mem_inv", "v_leak", "v_th", "v_reset"), ("v",)),
    "LIF": (
        "norse-lif",
        ("tau_syn_inv", "tau_mem_inv", "v_leak", "v_th", "v_reset"),
        ("v", "i"),
    ),
    "LSNN": (
        "norse-lsnn",
        ("tau_syn_inv", "tau_mem_inv", "tau_adapt_inv", "v_leak", "v_th", "v_reset", "beta"),
        ("v", "i", "b"),
    ),
    "IAF": (_NORSE_IAF, ("v_th", "v_reset"), ("v",)),
    "LIBox": (_LIBOX, ("tau_mem_inv", "v_leak"), ("v",)),
    "LI": (_LI, ("tau_syn_inv", "tau_mem_inv", "v_leak"), ("v", "i")),
}


@reads("norse.LIFBoxCell", "norse.LIFCell", "norse.LIF", "norse.LSNNCell", "norse.LSNN")
@reads("norse.IAFCell", "norse.IAF", "norse.LIBoxCell", "norse.LICell", "norse.LI")
@reads("norse.LIFRecurrentCell", "norse.LIFRecurrent", "norse.LSNNRecurrentCell")
@reads("norse.LSNNRecurrent")
def norse(trace: Trace, leaf: Leaf, tensor: Any, state: Any = None) -> Any:
    m, kind = leaf.module, type(leaf.module).__name__
    once(leaf)
    x = trace.input(tensor)
    rest = m.state_fallback(tensor)
    if state is not None:
        at_rest(trace, leaf, list(state), [getattr(rest, f) for f in state._fields])
    base = re.sub("Cell$", "", kind)
    recurrent = base.endswith("Recurrent")
    base = re.sub("Recurrent$", "", base)
    name, keys, states = _NORSE_RULES[base]
    parameters = {key: getattr(m.p, key) for key in keys}
    if hasattr(m.p, "method"):
        from norse.torch.functional.threshold import threshold

        heaviside(lambda v: threshold(v, m.p.method, m.p.alpha), 0.0, f"method {m.p.method!r}")
    if base == "LIFBox":
        how = getattr(m.p.reset_method, "__name__", str(m.p.reset_method))
        if how == "reset_subtract":
            name = "norse-lifbox-subtract"
            del parameters["v_reset"]
        elif how != "reset_value":
            raise Refused(f"reset_method {how} cannot be read")
    text = library(name) if name.startswith("norse-") else name
    trace.steps.add(float(m.dt))
    if recurrent:
        x = affine(trace, f"{leaf.path}.input_weights", x, m.input_weights)
        text = two_inputs(text, "i = i + x", "i = i + feed + recurrent")

        def back(before: Signal) -> Signal:
            return affine(trace, f"{leaf.path}.recurrent_weights", before, m.recurrent_weights)

        signal = looped(trace, leaf, x, text, parameters, back)
        tensor = tensor.new_zeros((*tensor.shape[:-1], *x.shape))
    else:
        signal = neurons(trace, leaf, text, [x], parameters)
    spikes, values = result(trace, tensor, signal, states)
    found = dict(zip(states, values))
    return spikes, rest._replace(**{f: found.get(f, spikes) for f in rest._fields})


# ---- SpikingJelly --------------------------------------------------------------------------------


@reads("spikingjelly.IFNode", "spikingjelly.LIFNode", "spikingjelly.ParametricLIFNode")
@reads("spikingjelly.CUBALIFNode", "spikingjelly.SimpleIFNode")
def spikingjelly(trace: Trace, leaf: Leaf, tensor: Any) -> Any:
    m, kind = leaf.module, type(leaf.module).__name__
    once(leaf)
    x = trace.input(tensor)
    if getattr(m, "_neuron_precision", None) is not None:
        raise Refused("another precision than float32 cannot be read")
    heaviside(m.surrogate_function, 1.0, "surrogate_function")
    hard = m.v_reset is not None
    parameters: Dict[str, Any] = {"v_threshold": m.v_threshold}
    if hard:
        parameters["v_reset"] = m.v_reset
        if kind == "SimpleIFNode" and m.v_reset != 0:
            raise Refused("starts at 0, but v_reset is another number")
    rule = {"IFNode": "if", "SimpleIFNode": "if", "LIFNode": "lif", "CUBALIFNode": "cubalif"}
    name = f"spikingjelly-{rule.get(kind, 'parametriclif')}-{'hard' if hard else 'soft'}"
    if not getattr(m, "decay_input", True):
        name += "-undecayed"
    text = library(name)
    if kind == "LIFNode":
        parameters["tau"] = m.tau
    elif kind == "CUBALIFNode":
        parameters.update(c_decay=m.c_decay, v_decay=m.v_decay)
    elif kind == "ParametricLIFNode":
        # Use the decay factor that the library rounded, not the time constant it comes from.
        text = text.replace("k = 1 / (1 + exp(-w))\n", "").replace("parameter w = 0", "parameter k")
        parameters["k"] = m.w.detach().sigmoid()
    signal = neurons(trace, leaf, text, [x], parameters)
    return result(trace, tensor, signal, ())[0]


# ---- Rockpool ------------------------------------------------------------------------------------


@reads("rockpool.LIFTorch", "rockpool.LIFNeuronTorch")
def rockpool(trace: Trace, leaf: Leaf, tensor: Any, *args: Any, **named: Any) -> Any:
    import torch

    m, kind = leaf.module, type(leaf.module).__name__
    once(leaf)
    x = trace.input(tensor)
    if float(m.noise_std) != 0:
        raise Refused("noise_std other than 0 cannot be read")
    probe = torch.tensor([-1.0, 0.5, 0.999, 1.0, 1.5, 2.5])
    most = torch.as_tensor(m.max_spikes_per_dt, dtype=torch.float)
    emitted = m.spike_generation_fn(probe, torch.tensor(1.0), m.learning_window, torch.tensor(9.0))
    if emitted.tolist() != [0, 0, 0, 1, 1, 2]:
        raise Refused("spike_generation_fn cannot be read")
    trace.steps.add(float(m.dt))
    parameters = {"bias": m.bias, "threshold": m.threshold, "max_spikes_per_dt": most}
    if kind == "LIFNeuronTorch":
        parameters["alpha"] = torch.exp(-m.dt / m.tau_mem)
        signal = neurons(trace, leaf, library("rockpool-lifneuron"), [x], parameters)
        return result(trace, tensor, signal, ())[0]
    if m.n_synapses != 1:
        raise Refused(f"has {m.n_synapses} synapses for each neuron: one can be read")
    parameters["alpha"] = m.alpha
    beta = m.beta
    parameters["beta"] = beta.reshape(-1) if beta.ndim > 1 else beta
    text = library("rockpool-lif")
    if not m._has_rec:
        signal = neurons(trace, leaf, text, [x], parameters)
        return result(trace, tensor, signal, ())[0]

    def back(before: Signal) -> Signal:
        return affine(trace, f"{leaf.path}.w_rec", before, m.w_rec.T)

    text = two_inputs(text, "i = (i + x) * beta", "i = (i + feed + recurrent) * beta")
    return result(trace, tensor, looped(trace, leaf, x, text, parameters, back), ())[0]
