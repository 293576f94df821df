"""A model beside the PyTorch module that it came from, step by step."""

from __future__ import annotations

import dataclasses
import inspect
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Tuple

import numpy as np
import numpy.typing as npt

from . import errors
from .model import Model
from .torch_reader import leading_axes
from .torch_trace import flattened

if TYPE_CHECKING:
    import torch


_NEURONS = {"NeuronProgram", "IF", "LIF", "CubaLIF", "I", "LI", "CubaLI"}


@dataclasses.dataclass(frozen=True)
class Comparison:
    """How a model and a module differ. True if no output and no spike does."""

    steps: int
    spikes: float
    """What all compared neurons of the module emitted together."""
    compared: Tuple[str, ...]
    """The nodes whose emissions were compared, beside the outputs."""
    membrane_error: float
    """The largest difference of membranes before the first difference."""
    differing: int
    """Outputs that differ, of all steps."""
    node: str = ""
    """The node that differs first, or "output"."""
    step: int = -1
    neuron: int = -1
    """Its element, in row-major order."""
    emitted: Tuple[float, float] = (0.0, 0.0)
    """What the model and the module emitted there."""
    membranes: Tuple[float, float] = (float("nan"), float("nan"))
    """The membranes of the model and the module there, after the step; NaN where there is none."""

    @property
    def equal(self) -> bool:
        """Whether no output and no spike differs."""
        return self.step < 0

    def __bool__(self) -> bool:
        return self.equal

    def __str__(self) -> str:
        if self.equal:
            return (
                f"equal in {self.steps} steps with {self.spikes:g} spikes; "
                f"membranes within {self.membrane_error:.3g}"
            )
        ours, theirs = self.emitted
        return (
            f'"{self.node}" differs first at step {self.step}, neuron {self.neuron}: the model emits '
            f"{ours:g}, the module {theirs:g}; membranes {self.membranes[0]:.9g} and "
            f"{self.membranes[1]:.9g}; {self.differing} outputs differ in {self.steps} steps"
        )


def compare(
    model: Model,
    module: "torch.nn.Module",
    inputs: npt.ArrayLike,
    *,
    dt: Optional[float] = None,
    axes: Optional[int] = None,
    tolerance: float = 0.0,
) -> Comparison:
    """Runs a model and the PyTorch module that it came from on the same inputs, both from rest.

    model: with one input. Its spiking nodes are compared with the layers of the module whose path is
        their name, as in models of `from_torch`; other models by their outputs alone.
    inputs: [steps, inputs...], without batch.
    dt: seconds per step, as for `Model.compile`.
    axes: as for `from_torch`.
    tolerance: difference of outputs that counts as none, relative above 1.

    Layers of libraries are reset before and after; other tensors that the module keeps are not.
    Raises ArgumentError if the shapes do not fit, and what compiling raises.
    """
    import torch

    frames = np.ascontiguousarray(inputs, np.float32)
    layers = dict(module.named_modules())
    names = [
        n.name
        for n in model.nodes
        if n.kind in _NEURONS and n.name in layers and _is_spiking(layers[n.name])
    ]
    session = model.compile(dt=dt).session()
    probes = {}
    for name in names:
        probes[name] = [
            session.probe(name, q, capacity=len(frames)) for q in ("output", "membrane")
        ]
    ours = session.run(frames)
    ours = ours[0] if isinstance(ours, tuple) else ours

    seen: Dict[str, List[Tuple[Any, Any]]] = {name: [] for name in names}
    whole = _forgets(module)
    count = len(frames) if whole else 1
    hooks = [layers[name].register_forward_hook(_hook(seen[name], count)) for name in names]
    lead = leading_axes(module) if axes is None else axes
    theirs: List[Any] = []
    takes_state = "state" in inspect.signature(module.forward).parameters
    state: Any = None
    reset(module)
    try:
        with torch.no_grad():
            for x in _steps(frames, lead, whole):
                found = module(x, state=state) if takes_state else module(x)
                if takes_state and isinstance(found, tuple) and len(found) == 2:
                    state = found[1]
                output = next(v for v in flattened(found) if isinstance(v, torch.Tensor))
                theirs.extend(_rows(output, len(frames) if whole else 1))
    finally:
        for hook in hooks:
            hook.remove()
        reset(module)
    right = np.stack(theirs)
    emitted = {name: np.stack([z for z, _ in rows]) for name, rows in seen.items() if rows}
    return _compared(
        np.asarray(ours).reshape(len(frames), -1),
        right,
        {n: tuple(p.read().reshape(len(frames), -1) for p in probes[n]) for n in emitted},
        {n: (emitted[n], _stacked([v for _, v in seen[n]])) for n in emitted},
        tolerance,
    )


def _compared(ours: Any, right: Any, nodes: Any, layers: Any, tolerance: float) -> Comparison:
    if ours.shape != right.shape:
        raise errors.argument(
            f"the model has {ours.shape[1]} outputs and the module {right.shape[1]}"
        )

    def wrong(a: Any, b: Any) -> Any:
        return ~(np.abs(a - b) <= tolerance * np.maximum(1, np.abs(b)))

    differing = int(wrong(ours, right).sum())
    places = []
    for order, name in enumerate(layers):
        if layers[name][0].shape == nodes[name][0].shape:
            found = np.argwhere(wrong(nodes[name][0], layers[name][0]))
            if len(found):
                places.append((int(found[0][0]), order, int(found[0][1]), name))
    found = np.argwhere(wrong(ours, right))
    if len(found):
        places.append((int(found[0][0]), len(layers), int(found[0][1]), "output"))
    first = min(places) if places else None
    end = first[0] if first else len(ours)
    error = 0.0
    for name, (_, membrane) in layers.items():
        if membrane is not None and membrane.shape == nodes[name][1].shape and end:
            error = max(error, float(np.abs(nodes[name][1][:end] - membrane[:end]).max()))
    common = (
        len(ours),
        float(sum(z.sum() for z, _ in layers.values()) or right.sum()),
        tuple(layers),
        error,
        differing,
    )
    if first is None:
        return Comparison(*common)
    step, _, neuron, name = first
    if name == "output":
        pair = (float(ours[step, neuron]), float(right[step, neuron]))
        return Comparison(*common, name, step, neuron, pair)
    pair = (float(nodes[name][0][step, neuron]), float(layers[name][0][step, neuron]))
    membrane = layers[name][1]
    known = membrane is not None and membrane.shape == nodes[name][1].shape
    theirs = float(membrane[step, neuron]) if known else float("nan")
    membranes = (float(nodes[name][1][step, neuron]), theirs)
    return Comparison(*common, name, step, neuron, pair, membranes)


def _is_spiking(layer: Any) -> bool:
    return any(hasattr(layer, name) for name in ("mem", "v_mem", "vmem", "v_threshold")) or hasattr(
        layer, "state_fallback"
    )


def _forgets(module: Any) -> bool:
    """Whether layers forget between calls what they keep within one, so that all steps are one call:
    what comes back by recurrent connections and the currents of ALIF, in sinabs."""
    for _, part in module.named_modules():
        if type(part).__module__.split(".")[0] == "sinabs" and (
            hasattr(part, "rec_connect")
            or (hasattr(part, "tau_adapt") and part.alpha_syn_calculated is not None)
        ):
            return True
    return False


def _steps(frames: Any, lead: int, whole: bool) -> Any:
    import torch

    if whole:
        yield torch.from_numpy(frames.copy()).reshape((1,) * (lead - 1) + frames.shape)
        return
    for row in frames:
        yield torch.from_numpy(row.copy()).reshape((1,) * lead + row.shape)


def _rows(tensor: Any, count: int) -> Any:
    """The values of each step."""
    return tensor.detach().numpy().reshape(count, -1).copy()


def _hook(rows: List[Tuple[Any, Any]], count: int) -> Callable[..., None]:
    import torch

    def hook(layer: Any, args: Any, result: Any) -> None:
        emitted = next(v for v in flattened(result) if isinstance(v, torch.Tensor))
        state = getattr(result[1], "v", None) if isinstance(result, tuple) and result[1:] else None
        for name in ("mem", "v_mem", "vmem", "v"):
            if state is None:
                state = getattr(layer, name, None)
        known = hasattr(state, "detach") and count == 1
        membrane = _rows(state, 1)[0] if known else None
        rows.extend((row, membrane) for row in _rows(emitted, count))

    return hook


def _stacked(values: List[Any]) -> Any:
    if any(value is None or value.shape != values[0].shape for value in values):
        return None
    return np.stack(values)


def reset(module: Any) -> None:
    """Sets the layers of libraries to their state at rest."""
    import torch

    for _, part in module.named_modules():
        library = type(part).__module__.split(".")[0]
        if library == "snntorch" and hasattr(part, "reset_mem"):
            for name in ("spk", "syn", "syn_exc", "syn_inh", "mem"):
                if isinstance(getattr(part, name, None), torch.Tensor):
                    setattr(part, name, torch.zeros(0))
        elif library == "sinabs" and hasattr(part, "reset_states"):
            part.reset_states()
        elif library == "spikingjelly" and hasattr(part, "_memories"):
            part.reset()
        elif library == "rockpool" and hasattr(part, "reset_state"):
            part.reset_state()
