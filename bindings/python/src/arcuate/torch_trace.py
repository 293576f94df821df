"""One step of a PyTorch module, recorded as the nodes and edges of a model.

The module runs twice on zeros. Layers that a model has a node for are not computed: they emit the node,
and return zeros of the right shape. What the module does with tensors between its layers is recorded as
well. A tensor of the first run that the second one uses is a value of the step before.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Set, Tuple

import numpy as np

Shape = Tuple[int, ...]
Fields = Dict[str, Any]

LIBRARIES = {"torch", "snntorch", "norse", "sinabs", "spikingjelly", "rockpool"}
_STATEFUL = {
    "SpikingNeuron",
    "MemoryModule",
    "StatefulLayer",
    "SNN",
    "SNNCell",
    "SNNRecurrent",
    "SNNRecurrentCell",
    "RNNBase",
    "RNNCellBase",
}
"""Bases of layers that are never read as what their methods do with tensors."""


class Refused(Exception):
    """A layer or function that cannot be part of a model, and why."""


@dataclasses.dataclass(frozen=True)
class Signal:
    """What a tensor holds."""

    nodes: Tuple[str, ...]
    """The nodes whose sum it is; empty after something that cannot be read."""
    shape: Shape
    """Without the leading axes: batch, time."""
    run: int
    state: Optional[str] = None
    """The name of a state of the node, if the tensor is not what it emits."""


@dataclasses.dataclass
class Leaf:
    """A layer that the tables know."""

    module: Any
    path: str
    read: Callable[..., Any]
    calls: int = 0


class Trace:
    """The nodes and edges of a module, run by run."""

    def __init__(self, module: Any, find: Callable[[Any], Optional[Callable[..., Any]]]) -> None:
        self.root = module
        self.problems: List[str] = []
        self.report: List[str] = []
        self.steps: Set[float] = set()
        """The lengths of a step that layers were made with."""
        self.run = 0
        self.dt = 1e-3
        self.lead = 1
        self._find = find
        self._busy = 0
        self._where: List[str] = []
        self._clear()
        self._tracked: Dict[int, Tuple[Any, Signal]] = {}

    def _clear(self) -> None:
        self.nodes: Dict[str, Fields] = {}
        self.edges: List[Tuple[str, str]] = []
        self.leaves: List[Leaf] = []
        self._last: Dict[str, str] = {}

    # ---- The graph ----

    def emit(
        self, name: str, fields: Mapping[str, Any], sources: Sequence[Signal], shape: Shape
    ) -> Signal:
        """A node of the model, to which the edges lead in the order of the sources."""
        if any(not source.nodes for source in sources):
            return Signal((), shape, self.run)
        name = self.free(name or fields["kind"])
        self.nodes[name] = dict(fields)
        for source in sources:
            self.edges += [(node, name) for node in self.current(source).nodes]
        return Signal((name,), tuple(int(n) for n in shape), self.run)

    def free(self, wanted: str) -> str:
        name, count = wanted, 1
        while name in self.nodes:
            count += 1
            name = f"{wanted}#{count}"
        return name

    def current(self, x: Signal) -> Signal:
        """A signal of this step: for one of the step before, what a delay gives."""
        if not x.nodes:
            return x
        if x.state is not None:
            x = self._of_state(x)
        if x.run == self.run:
            return x
        name = f"{x.nodes[0]}.before"
        if name not in self.nodes:
            self.nodes[name] = self.delay(x.shape)
            self.edges += [(node, name) for node in x.nodes]
        return Signal((name,), x.shape, self.run)

    def delay(self, shape: Shape) -> Fields:
        return {"kind": "Delay", "delay": np.full(shape, self.dt, np.float32)}

    def _of_state(self, x: Signal) -> Signal:
        """What a neuron that emits its state emits, with the inputs of the one that spikes."""
        (node,) = x.nodes
        name = f"{node}.{x.state}"
        self._wanted.setdefault(name, (node, str(x.state)))
        return Signal((name,), x.shape, x.run)

    def one(self, x: Signal, used: Set[str]) -> Signal:
        """A signal that comes from one node that is not in `used`: inputs are distinguished by their edges."""
        x = self.current(x)
        if len(x.nodes) != 1 or x.nodes[0] in used:
            x = self.emit(
                f"{x.nodes[0]}.copy",
                {"kind": "Scale", "scale": np.ones(x.shape, np.float32)},
                [x],
                x.shape,
            )
        used.update(x.nodes)
        return x

    # ---- Tensors ----

    def signal(self, tensor: Any) -> Optional[Signal]:
        found = self._tracked.get(id(tensor))
        return found[1] if found is not None else None

    def track(self, tensor: Any, signal: Signal) -> Any:
        self._tracked[id(tensor)] = (tensor, signal)
        return tensor

    def aliased(self, tensor: Any) -> bool:
        """Whether a view shares what an operation in place would change."""
        return tensor._is_view() or any(t._base is tensor for t, _ in self._tracked.values())

    def input(self, tensor: Any, what: str = "its input") -> Signal:
        x = self.signal(tensor)
        if x is None:
            raise Refused(f"{what} does not depend on the input of the network")
        return x

    @property
    def where(self) -> str:
        return self._where[-1] if self._where else ""

    # ---- Runs ----

    def execute(self, args: Sequence[Any], shapes: Sequence[Optional[Shape]], state: Any) -> Any:
        """Runs the module once; `state` is passed as what the run before returned."""
        import torch

        self.run += 1
        self._clear()
        self._wanted: Dict[str, Tuple[str, str]] = {}
        for i, (value, shape) in enumerate(zip(args, shapes)):
            if shape is not None:
                name = self.free("input" if i == 0 else f"input{i}")
                self.nodes[name] = {"kind": "Input", "shape": list(shape)}
                self.track(value, Signal((name,), shape, self.run))
        with self._patched(), torch.no_grad(), _mode(self):
            more = {} if state is None else {"state": state}
            return self.root(*args, **more)

    def add_states(self) -> None:
        """The nodes that emit states, and edges to what uses them."""
        import re

        for name, (node, state) in self._wanted.items():
            fields = dict(self.nodes[node])
            text = re.sub(r"\b(spike|count|value)\b", r"\1_", fields["program"])
            fields["program"] = f"{text}\nvalue = {state}\n"
            self.nodes[name] = fields
            self.edges += [(source, name) for source, target in self.edges if target == node]

    @contextlib.contextmanager
    def _patched(self) -> Iterator[None]:
        """Replaces `forward` of all layers, and restores it and what the module keeps."""
        kept = []
        leaves: List[str] = []
        for path, module in self.root.named_modules():
            if any(path.startswith(f"{leaf}.") or leaf == "" for leaf in leaves):
                continue
            read = self._find(module)
            if read is not None:
                leaves.append(path)
                leaf = Leaf(module, path or type(module).__name__, read)
                self.leaves.append(leaf)
                replacement = self._leaf(leaf)
            else:
                kind = type(module)
                known = kind.__module__.split(".")[0] in LIBRARIES
                bases = {base.__name__ for base in kind.__mro__}
                if (known and not any(True for _ in module.children())) or bases & _STATEFUL:
                    leaves.append(path)
                    leaf = Leaf(module, path or kind.__name__, _unknown)
                    replacement = self._leaf(leaf)
                else:
                    replacement = self._container(module, path)
            kept.append((module, module.__dict__.get("forward")))
            module.__dict__["forward"] = replacement
        try:
            yield
        finally:
            for module, forward in kept:
                if forward is None:
                    module.__dict__.pop("forward", None)
                else:
                    module.__dict__["forward"] = forward

    def _container(self, module: Any, path: str) -> Callable[..., Any]:
        original = module.forward

        @functools.wraps(original)
        def forward(*args: Any, **named: Any) -> Any:
            self._where.append(path or type(module).__name__)
            try:
                return original(*args, **named)
            finally:
                self._where.pop()

        return forward

    def _leaf(self, leaf: Leaf) -> Callable[..., Any]:
        original = leaf.module.forward

        @functools.wraps(original)
        def forward(*args: Any, **named: Any) -> Any:
            if not any(self.signal(a) is not None for a in flattened((args, named))):
                return original(*args, **named)
            leaf.calls += 1
            with self.silent():
                try:
                    return leaf.read(self, leaf, *args, **named)
                except Refused as reason:
                    self.refuse(f'"{leaf.path}" ({class_name(leaf.module)})', reason)
                    return self.spoiled(original(*args, **named))

        return forward

    @contextlib.contextmanager
    def silent(self) -> Iterator[None]:
        """What is computed within is not recorded."""
        self._busy += 1
        try:
            yield
        finally:
            self._busy -= 1

    def refuse(self, what: str, reason: object) -> None:
        problem = f"{what}: {reason}"
        if problem not in self.problems:
            self.problems.append(problem)

    def spoiled(self, result: Any) -> Any:
        for value in flattened(result):
            if hasattr(value, "shape"):
                self.track(value, Signal((), tuple(value.shape[self.lead :]), self.run))
        return result


def _unknown(trace: Trace, leaf: Leaf, *args: Any, **named: Any) -> Any:
    raise Refused("layers of this class cannot be read")


def class_name(module: Any) -> str:
    kind = type(module)
    root = kind.__module__.split(".")[0]
    return f"{root}.{kind.__name__}" if root in LIBRARIES else kind.__name__


def flattened(value: Any) -> Iterator[Any]:
    """The values of nested tuples, lists and mappings."""
    if isinstance(value, (tuple, list)):
        for inner in value:
            yield from flattened(inner)
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from flattened(inner)
    else:
        yield value


def _mode(trace: Trace) -> Any:
    from torch.overrides import TorchFunctionMode

    from .torch_functions import call

    class Mode(TorchFunctionMode):
        def __torch_function__(
            self, func: Any, types: Any, args: Any = (), kwargs: Optional[Dict[str, Any]] = None
        ) -> Any:
            named = kwargs or {}
            if trace._busy or not any(
                trace.signal(value) is not None for value in flattened((args, named))
            ):
                return func(*args, **named)
            with trace.silent():
                return call(trace, func, args, named)

    return Mode()
