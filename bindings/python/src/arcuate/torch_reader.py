"""Models from PyTorch modules.

Requires PyTorch, and the library whose layers the module has: `pip install arcuate[torch]`.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Sequence, Tuple, Union

from . import _native, errors
from .model import Model
from .sparse import _pieces
from .torch_trace import Signal, Trace, class_name, flattened

if TYPE_CHECKING:
    import torch


def from_torch(
    module: "torch.nn.Module",
    sample: Union["torch.Tensor", Tuple["torch.Tensor", ...]],
    *,
    dt: Optional[float] = None,
    axes: Optional[int] = None,
    report: Optional[List[str]] = None,
) -> Model:
    """Reads a PyTorch module that computes one time step, with weights and update rules of its layers.

    sample: the input of one step, or a tuple of several; only its shape counts.
    dt: seconds per step; by default that of the layers (Norse, Rockpool), or 1e-3. Other layers count
        in steps.
    axes: axes of the sample before those of the model: 1, the batch; 2 for layers that take batch and
        time (sinabs without Squeeze, Rockpool, Norse's LIF, SpikingJelly with step_mode "m"), which
        is found out. They are read with one element.
    report: receives a message for each state that the module returns beside spikes, which is no output
        of the model: a state is one only if the module returns nothing else.

    Layers: Linear, Conv1d, Conv2d, AvgPool2d, MaxPool2d, SumPool2d, Flatten, ReLU, Sigmoid, Tanh,
    LeakyReLU, BatchNorm, Dropout and Identity; those of `arcuate.documentation("bringing-a-network")`;
    and what a module of one's own does with them: sums, products, cat, flatten, tensors of the step
    before that it keeps. The model starts at rest, whatever state the module is in. The module is left
    as it was.

    Raises FormatError naming everything that cannot be read, ArgumentError, and ImportError without
    PyTorch.
    """
    try:
        import torch
    except ImportError as error:
        raise ImportError("from_torch requires PyTorch: pip install torch") from error
    if not isinstance(module, torch.nn.Module):
        raise errors.argument(f"module must be a torch.nn.Module, got {module!r}")
    samples = sample if isinstance(sample, tuple) else (sample,)
    for value in samples:
        if not isinstance(value, torch.Tensor):
            raise errors.argument(f"sample must be a tensor or a tuple of tensors, got {value!r}")
    lead = leading_axes(module) if axes is None else axes
    if not all(0 <= lead < value.dim() for value in samples):
        raise errors.argument(
            f"sample has the shape {list(samples[0].shape)}, of which {lead} axes come before those of "
            "the model: give axes"
        )
    trace, outputs = _traced(module, samples, lead, dt)
    if trace.problems:
        raise errors.make(
            _native.UNSUPPORTED_FORMAT,
            f"{class_name(module)}: cannot be a model: " + "; ".join(trace.problems),
        )
    if report is not None:
        report += trace.report
    for name, signal in outputs:
        trace.emit(name, {"kind": "Output", "shape": list(signal.shape)}, [signal], signal.shape)
    trace.add_states()
    return Model.from_bytes(b"".join(_pieces(trace.nodes, trace.edges, trace.dt, None)))


def leading_axes(module: Any) -> int:
    """Axes of a module's tensors that are not those of the model: batch, or batch and time."""
    for _, part in module.named_modules():
        kind = type(part)
        library, name = kind.__module__.split(".")[0], kind.__name__
        if library == "rockpool" or getattr(part, "step_mode", "s") == "m":
            return 2
        if library == "sinabs" and hasattr(part, "does_spike") and "Squeeze" not in name:
            return 2
        bases = {base.__name__ for base in kind.__mro__}
        if library == "norse" and bases & {"SNN", "SNNRecurrent"}:
            return 2
    return 1


def _traced(
    module: Any, samples: Sequence[Any], lead: int, dt: Optional[float]
) -> Tuple[Trace, List[Tuple[str, Signal]]]:
    """Runs the module twice; what it keeps is restored."""
    import torch

    from . import torch_neurons, torch_sinabs
    from .torch_layers import LAYERS, found_class

    assert torch_neurons and torch_sinabs  # they fill the table
    trace = Trace(module, lambda part: found_class(part, LAYERS))
    trace.lead = lead
    inputs = [torch.zeros((1,) * lead + tuple(value.shape[lead:])) for value in samples]
    shapes = [tuple(value.shape[lead:]) for value in samples]
    kept = _snapshot(module)
    try:
        if dt is not None:
            trace.dt = dt
        found = trace.execute(inputs, shapes, None)
        if dt is None and len(trace.steps) == 1:
            (trace.dt,) = trace.steps
        takes_state = "state" in inspect.signature(module.forward).parameters
        state = found[1] if takes_state and isinstance(found, tuple) and len(found) == 2 else None
        problems, trace.problems = trace.problems, []
        found = trace.execute(inputs, shapes, state)
        if not trace.problems:
            trace.problems = problems
    except errors.ArcuateError:
        raise
    except Exception as error:
        if not trace.problems:
            raise errors.make(
                _native.UNSUPPORTED_FORMAT,
                f"{class_name(module)}: does not run on a sample of shape "
                f"{[list(x.shape) for x in inputs]}: {type(error).__name__}: {error}",
            ) from error
        return trace, []
    finally:
        _restore(kept)
    if len(trace.steps) > 1:
        trace.problems.append(f"its layers have steps of {sorted(trace.steps)} s: one can be read")
    elif trace.steps and dt is not None and trace.steps != {dt}:
        trace.problems.append(f"its layers have a step of {min(trace.steps)} s, and dt is {dt}")
    missing = {source for source, _ in trace.edges} - set(trace.nodes) - set(trace._wanted)
    if missing:
        trace.problems.append(
            f'uses "{min(missing)}" of the step before, which its second step does not compute'
        )
    return trace, _outputs(trace, found)


def _outputs(trace: Trace, found: Any) -> List[Tuple[str, Signal]]:
    """What the module returns: what nodes emit, or states if it returns nothing else."""
    signals: List[Signal] = []
    for value in flattened(found):
        signal = trace.signal(value)
        if signal is not None and signal.nodes and signal.run == trace.run:
            signals.append(signal)
    emitted = list(dict.fromkeys(s for s in signals if s.state is None))
    states = list(dict.fromkeys(s for s in signals if s.state is not None))
    if isinstance(found, tuple) and len(found) == 2 and trace.signal(found[0]) in emitted:
        # An output beside states, as Norse returns them: what the states hold is no output.
        beside = {trace.signal(value) for value in flattened(found[1])}
        if isinstance(found[1], (tuple, list)):
            emitted = [s for s in emitted if s not in beside or s == trace.signal(found[0])]
    if not emitted:
        emitted, states = states, []
    for state in states:
        trace.report.append(
            f'the state {state.state} of "{state.nodes[0]}" is returned, but no output'
        )
    if not emitted and not trace.problems:
        trace.problems.append("returns nothing that depends on its input")
    names = ["output", *(f"output{i}" for i in range(1, len(emitted)))]
    return list(zip(names, emitted))


def _snapshot(module: Any) -> List[Tuple[Dict[str, Any], Dict[str, Any]]]:
    """What the modules keep, with copies of lists."""
    kept = []
    for _, part in module.named_modules():
        for store in (part.__dict__, part._buffers):
            kept.append((store, {k: list(v) if type(v) is list else v for k, v in store.items()}))
    return kept


def _restore(kept: Sequence[Tuple[Dict[str, Any], Dict[str, Any]]]) -> None:
    for store, values in kept:
        store.clear()
        store.update(values)
