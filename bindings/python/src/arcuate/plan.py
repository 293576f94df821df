"""Plans: models compiled for one use."""

from __future__ import annotations

import ctypes
from typing import Any, Callable, Dict, NamedTuple, Optional, Tuple

from . import _native
from ._handle import Handle, call, created
from .finding import Finding, findings
from .session import Session


class Port(NamedTuple):
    """An input or output of a network."""

    name: str
    """Name of the node in the model."""
    shape: Tuple[int, ...]
    """Shape for one step of one stream, channel-first."""


class Plan(Handle):
    """A compiled model: immutable, shared by any number of sessions and threads.

    Made by `Model.compile`; a context manager. Sessions outlive it.
    """

    def __init__(self, pointer: int) -> None:
        super().__init__(pointer, _native.library.arcuate_plan_free)
        library = _native.library
        # A plan is immutable: what sessions need of it is read once.
        self._inputs = _ports(
            pointer,
            library.arcuate_plan_input_count,
            library.arcuate_plan_input_name,
            library.arcuate_plan_input_shape,
        )
        self._outputs = _ports(
            pointer,
            library.arcuate_plan_output_count,
            library.arcuate_plan_output_name,
            library.arcuate_plan_output_shape,
        )
        self._nodes = tuple(
            _native.text(library.arcuate_plan_node_name(pointer, i))
            for i in range(library.arcuate_plan_node_count(pointer))
        )
        self._node_shapes = {
            name: _shape(pointer, i, library.arcuate_plan_node_shape)
            for i, name in enumerate(self._nodes)
        }
        self._node_kinds = {
            name: _native.text(library.arcuate_plan_node_kind(pointer, i))
            for i, name in enumerate(self._nodes)
        }
        options = _native.CompileOptions(struct_size=ctypes.sizeof(_native.CompileOptions))
        call(library.arcuate_plan_options, pointer, ctypes.byref(options))
        self._batch = int(options.batch)
        self._steps_per_frame = int(options.steps_per_frame)
        self._frame_state = _native.FRAME_STATE[options.frame_state - 1]
        self._frame_input = _native.FRAME_INPUT[options.frame_input - 1]
        self._frame_output = _native.FRAME_OUTPUT[options.frame_output - 1]
        self._signals = {
            _native.text(library.arcuate_plan_signal_name(pointer, i)): int(
                library.arcuate_plan_signal_size(pointer, i)
            )
            for i in range(library.arcuate_plan_signal_count(pointer))
        }
        # Axes between frames and batch in the output of a frame.
        self._step_axes = (self._steps_per_frame,) if self._frame_output == "every" else ()

    @property
    def inputs(self) -> Tuple[Port, ...]:
        """Input ports, in the order of the arguments of `Session.run`."""
        with self._lock:
            self._live()
            return self._inputs

    @property
    def outputs(self) -> Tuple[Port, ...]:
        """Output ports, in the order of the results of `Session.run`."""
        with self._lock:
            self._live()
            return self._outputs

    @property
    def signals(self) -> Dict[str, int]:
        """Signals that plasticity rules use, set by `Session.set_signal`, and their sizes."""
        with self._lock:
            self._live()
            return dict(self._signals)

    @property
    def nodes(self) -> Tuple[str, ...]:
        """Names of the nodes in execution order; "graph/node" for a node of a nested graph."""
        with self._lock:
            self._live()
            return self._nodes

    @property
    def findings(self) -> Tuple[Finding, ...]:
        """Findings of the check of the model with the options of the plan, such as the step length."""
        with self._lock:
            return findings("plan", self._live())

    @property
    def dt(self) -> Optional[float]:
        """Seconds per step; None if nothing depends on it."""
        with self._lock:
            return _native.library.arcuate_plan_dt(self._live()) or None

    @property
    def steps_per_frame(self) -> int:
        """Steps per frame."""
        with self._lock:
            self._live()
            return self._steps_per_frame

    @property
    def frame_state(self) -> str:
        """ "keep" or "reset": what the state does when a frame ends."""
        with self._lock:
            self._live()
            return self._frame_state

    @property
    def frame_input(self) -> str:
        """ "hold" or "first": the steps at which a frame's values enter."""
        with self._lock:
            self._live()
            return self._frame_input

    @property
    def frame_output(self) -> str:
        """ "last", "sum", "mean" or "every": the steps that make a frame's output."""
        with self._lock:
            self._live()
            return self._frame_output

    @property
    def batch(self) -> int:
        """Streams that a session advances together."""
        with self._lock:
            self._live()
            return self._batch

    def explain(self) -> str:
        """The plan as text: each option and where its value comes from, the nodes in execution order with
        the kernels chosen and why, and the memory of a session."""
        with self._lock:
            return _native.text(_native.library.arcuate_plan_explain(self._live()))

    def session(self) -> Session:
        """A new session, at rest. Raises OutOfMemoryError."""
        with self._lock:
            pointer = created(_native.library.arcuate_session_create, self._live())
        return Session(pointer, self)

    def __repr__(self) -> str:
        if self.closed:
            return "<arcuate.Plan, closed>"
        ports = " -> ".join(
            ", ".join(f"{port.name} {list(port.shape)}" for port in ports)
            for ports in (self._inputs, self._outputs)
        )
        return (
            f"<arcuate.Plan: {ports}; {self._steps_per_frame} steps per frame, batch {self._batch}>"
        )


def _ports(
    plan: int, count: Callable[..., Any], name: Callable[..., Any], shape: Callable[..., Any]
) -> Tuple[Port, ...]:
    return tuple(
        Port(_native.text(name(plan, i)), _shape(plan, i, shape)) for i in range(count(plan))
    )


def _shape(plan: int, index: int, shape: Callable[..., Any]) -> Tuple[int, ...]:
    rank = shape(plan, index, None, 0)
    extents = (ctypes.c_size_t * rank)()
    shape(plan, index, extents, rank)
    return tuple(int(extent) for extent in extents)
