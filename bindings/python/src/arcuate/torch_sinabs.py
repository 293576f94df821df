"""Spiking layers of sinabs, as neuron programs."""

from __future__ import annotations

from typing import Any, Dict

from .torch_layers import reads, recurrent_weights
from .torch_neurons import library, looped, neurons, once, result
from .torch_trace import Leaf, Refused, Signal, Trace

_SINABS = {
    ("v = alpha_mem * v + (1 - alpha_mem) * x", "multi", "subtract"): "sinabs-lif",
    ("v = alpha_mem * v + x", "multi", "subtract"): "sinabs-lif-unnormalized",
    ("v = alpha_mem * v + (1 - alpha_mem) * x", "single", "zero"): "sinabs-lif-single",
    ("v = alpha_mem * v + (1 - alpha_mem) * i", "multi", "subtract"): "sinabs-lif-synapse",
    ("v = v + x", "multi", "subtract"): "sinabs-iaf",
    ("v = alpha_mem * v + x", "value", ""): "sinabs-expleak",
}
"""The programs of the library, by what they compute."""


def _sinabs_text(m: Any, adaptive: bool, recurrent: bool, given: Dict[str, Any]) -> str:
    """The rule of a layer by its options, in the order of lif_forward_single and alif_forward_single."""
    iaf, synapse = "IAF" in type(m).__name__, m.alpha_syn_calculated is not None
    drive = "x" if not recurrent else "(feed + recurrent)"
    lines = []
    if synapse:
        lines.append(f"i = alpha_syn * (i + {drive})")
        drive = "i"
    if m.norm_input and adaptive and synapse:
        # There the current is kept as it was divided.
        lines.append("i = (1 - alpha_mem) * i")
    elif m.norm_input:
        drive = f"(1 - alpha_mem) * {drive}"
    if iaf:
        lines.append(f"v = v + {drive}")
    else:
        lines.append(f"v = alpha_mem * v + {drive}")
    membrane, level = lines[-1], "spike_threshold"
    if adaptive:
        lines.append("raised = spike_threshold + adapt_scale * b")
        level = "raised"
    function = m.spike_fn
    many = getattr(function, "__name__", type(function).__name__) if function else ""
    emitted, counted = "value", False
    if many == "SingleSpike":
        emitted = "spike"
        lines.append(f"spike = v - {level} >= 0")
    elif many in ("MultiSpike", "MaxSpike"):
        emitted, counted = "count", True
        most = getattr(function, "max_num_spikes_per_bin", None)
        whole = f"v > 0 ? floor(v / {level}) : 0"
        if most is not None:
            given["most"] = most
            whole = f"min({whole}, most)"
        lines.append(f"count = {whole}")
    elif many:
        raise Refused(f"spike_fn {many} cannot be read")
    else:
        lines.append("value = v")
    reset = ""
    if function:
        how, name = m.reset_fn, type(m.reset_fn).__name__
        if name == "MembraneSubtract":
            reset = "subtract" if how.subtract_value is None else "other"
            if how.subtract_value is not None:
                given["subtract_value"] = how.subtract_value
                level = "subtract_value"
            lines.append(
                f"v = v - count * {level}" if counted else f"v = v - (spike ? {level} : 0)"
            )
        elif name == "MembraneReset":
            reset = "zero" if how.reset_value == 0 else "other"
            given["reset_value"] = how.reset_value
            condition = "count == 0" if counted else "spike == 0"
            # It is added in every step, to all neurons.
            lines.append(f"v = ({condition} ? v : 0) + reset_value")
        else:
            raise Refused(f"reset_fn {name} cannot be read")
    if adaptive:
        rise = "(1 - alpha_adapt) * count" if counted else "(spike ? 1 - alpha_adapt : 0)"
        lines.append(f"b = alpha_adapt * b + {rise}")
    clipped = m.min_v_mem is not None
    if clipped:
        given["min_v_mem"] = m.min_v_mem
        lines.append("v = max(v - min_v_mem, 0) + min_v_mem")
    kind = {"spike": "single", "count": "multi", "value": "value"}[emitted]
    key = (membrane, kind, reset)
    if many != "MaxSpike" and not adaptive and not recurrent and not clipped and key in _SINABS:
        given.pop("reset_value", None)
        return library(_SINABS[key])
    states = ["v"] + ["i"] * synapse + ["b"] * adaptive
    head = ["input feed, recurrent"] if recurrent else []
    return "\n".join([*head, "state " + ", ".join(states), *lines]) + "\n"


@reads("sinabs.LIF", "sinabs.LIFSqueeze", "sinabs.LIFRecurrent", "sinabs.LIFRecurrentSqueeze")
@reads("sinabs.IAF", "sinabs.IAFSqueeze", "sinabs.IAFRecurrent", "sinabs.ExpLeak")
@reads("sinabs.ExpLeakSqueeze", "sinabs.ALIF", "sinabs.ALIFSqueeze", "sinabs.ALIFRecurrent")
def sinabs(trace: Trace, leaf: Leaf, tensor: Any) -> Any:
    m, kind = leaf.module, type(leaf.module).__name__
    once(leaf)
    x = trace.input(tensor)
    adaptive, recurrent = kind.startswith("ALIF"), "Recurrent" in kind
    parameters: Dict[str, Any] = {}
    if "IAF" not in kind:
        parameters["alpha_mem"] = m.alpha_mem_calculated
    if m.alpha_syn_calculated is not None:
        parameters["alpha_syn"] = m.alpha_syn_calculated
    if adaptive:
        parameters.update(
            alpha_adapt=m.alpha_adapt_calculated,
            adapt_scale=m.adapt_scale,
            spike_threshold=m.b0,
        )
    elif m.spike_fn:
        parameters["spike_threshold"] = m.spike_threshold
    text = _sinabs_text(m, adaptive, recurrent, parameters)
    if recurrent:

        def back(before: Signal) -> Signal:
            return recurrent_weights(trace, f"{leaf.path}.rec_connect", m.rec_connect, before)

        signal = looped(trace, leaf, x, text, parameters, back)
    else:
        signal = neurons(trace, leaf, text, [x], parameters)
    return result(trace, tensor, signal, ())[0]
