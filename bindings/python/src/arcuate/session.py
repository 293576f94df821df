"""Sessions: the state of one or more streams."""

from __future__ import annotations

import ctypes
import dataclasses
import time
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Sequence, Tuple, Union

import numpy as np
import numpy.typing as npt

from . import _native, errors
from ._handle import Handle, call, choice, created, encoded, whole
from .arrays import Array, address, checked_events, event_dtype, is_plain, plain, shape_text
from .probe import Probe

if TYPE_CHECKING:
    from .model import Model
    from .plan import Plan, Port

Outputs = Union[Array, Tuple[Array, ...]]
Shape = Tuple[int, ...]

# Size of the output buffer in events, unless one step needs more.
_EVENT_CAPACITY = 65536


# An interrupt (Ctrl-C) between calls of the library leaves a whole number of frames behind, so that calls
# are short; in the middle of a call it resets the session.
_SECONDS_PER_CALL = 0.1


@dataclasses.dataclass(frozen=True)
class Counters:
    """Operation counts since the counters were cleared.

    As in NeuroBench, a synaptic operation is a product of a nonzero input and a nonzero weight. A row
    is one step of one stream of a node.
    """

    spikes: int
    """Nonzero outputs of spiking nodes."""
    macs: int
    """Synaptic operations of rows with inputs other than -1, 0 and 1."""
    acs: int
    """Synaptic operations of rows with inputs -1, 0 and 1 only."""
    dense_operations: int
    """Operations if every input and weight were nonzero."""
    neuron_updates: int
    """Membranes that changed; with fast numerics, all membranes of a node whose inputs are added in
    place."""
    rows: int
    """Rows computed."""
    dense_rows: int
    """Rows computed by a dense kernel."""
    weight_bytes: int
    """Bytes of the weights of all synaptic operations, without reuse."""


class Session(Handle):
    """The state of a plan's streams.

    Made by `Plan.session`; a context manager. Calls from several threads are serialized; different
    sessions run concurrently, since the library releases the interpreter's lock.

    After fork() a session with threads raises StateError when it is to run in the child process, where its
    threads do not exist; `clone` it there, or make a new one from its plan.
    """

    def __init__(self, pointer: int, plan: Plan) -> None:
        super().__init__(pointer, _native.library.arcuate_session_free)
        self._plan = plan
        # Arguments of run and step, set by each call.
        self._input_pointers = (ctypes.c_void_p * len(plan._inputs))()
        self._input_counts = (ctypes.c_size_t * len(plan._inputs))()
        self._output_pointers = (ctypes.c_void_p * len(plan._outputs))()
        self._output_counts = (ctypes.c_size_t * len(plan._outputs))()
        # Steps per call of the library, adjusted to the time that calls take.
        self._pace = 64

    @property
    def plan(self) -> Plan:
        """The plan of the session."""
        return self._plan

    def run(
        self, *inputs: npt.ArrayLike, out: Union[None, Array, Sequence[Optional[Array]]] = None
    ) -> Outputs:
        """Runs frames.

        inputs: an array [frames, batch, shape...] per input port. The batch axis may be omitted if
            the plan has one stream. float32 arrays in C order are not copied.
        out: an array for the output, or for several output ports a sequence of arrays or None.
            float32, C order, exactly the shape that is returned.

        Returns an array [frames, batch, shape...], or with frame_output "every"
        [frames, steps, batch, shape...]; a tuple of arrays for several output ports; without the
        batch axis if the first input has none.

        Ctrl-C takes effect within about 0.1 seconds, after a whole number of frames; the session is reset
        if that takes longer, in the middle of a frame.

        Raises ArgumentError for wrong shapes and numbers that are not finite; the state is then
        unchanged.
        """
        library = _native.library
        batch = self._plan._batch
        arrays, unbatched, frames = _frames(self._plan, inputs)
        streams = () if unbatched else (batch,)
        lead = (frames, *self._plan._step_axes, *streams)
        results = self._results(lead, out, arrays)
        with self._lock:
            session = self._live()
            done, at_once = 0, self._frames_at_once()
            # Frames are split over several calls only if none will be refused.
            if frames > at_once and not all(np.isfinite(array).all() for array in arrays):
                at_once = frames
            while True:
                end = min(frames, done + at_once)
                if end - done == frames:
                    self._point(arrays, results)
                else:
                    self._point([a[done:end] for a in arrays], [r[done:end] for r in results])
                start = time.perf_counter()
                status = library.arcuate_session_run(
                    session,
                    end - done,
                    self._input_pointers,
                    self._input_counts,
                    self._output_pointers,
                    self._output_counts,
                )
                self._check(status)
                self._adjust_pace((end - done) * self._plan._steps_per_frame, start)
                done, at_once = end, self._frames_at_once()
                if done >= frames:
                    break
        return results[0] if len(results) == 1 else tuple(results)

    def step(
        self, *inputs: npt.ArrayLike, out: Union[None, Array, Sequence[Optional[Array]]] = None
    ) -> Outputs:
        """Runs one step, outside any frame: inputs and outputs are [batch, shape...]. Otherwise like
        `run`."""
        library = _native.library
        arrays, unbatched = _arrays(self._plan, inputs, 0)
        results = self._results(() if unbatched else (self._plan._batch,), out, arrays)
        with self._lock:
            session = self._live()
            self._point(arrays, results)
            status = library.arcuate_session_step(
                session,
                self._input_pointers,
                self._input_counts,
                self._output_pointers,
                self._output_counts,
            )
            self._check(status)
        return results[0] if len(results) == 1 else tuple(results)

    def run_events(
        self,
        events: Union[npt.NDArray[np.void], Sequence[Tuple[int, int, int, int, float]]],
        steps: int,
    ) -> npt.NDArray[np.void]:
        """Runs `steps` steps, outside any frame, whose inputs are zero except for the events.

        events: an array [n] of `event_dtype`, or a sequence of (step, stream, port, index, value),
            ordered by step; events at the same element add up.

        Returns the nonzero outputs, [m] of `event_dtype`, ordered by step, port, stream and index.

        Ctrl-C takes effect as in `run`, after a whole number of steps.

        Raises ArgumentError for an event that is out of order, outside the network or not finite;
        the state is then unchanged.
        """
        given = checked_events(events)
        steps = whole("steps", steps, 0, 2**31)
        when = np.ascontiguousarray(given["step"])
        sizes = sum(int(np.prod(port.shape, dtype=np.int64)) for port in self._plan._outputs)
        most = max(1, sizes * self._plan._batch)
        room = np.empty(most * max(1, min(steps, _EVENT_CAPACITY // most)), event_dtype)
        steps_done, consumed, written = (ctypes.c_size_t() for _ in range(3))
        parts: List[npt.NDArray[np.void]] = []
        done = used = 0
        # A call gets as many steps as are certain to fit the output buffer. If an event will be
        # refused, one call gets everything, so that the state does not change.
        whole_call = not self._would_take(given, steps)
        with self._lock:
            session = self._live()
            while True:
                last = (
                    steps if whole_call else min(steps, done + min(self._pace, len(room) // most))
                )
                end = len(given) if last == steps else int(np.searchsorted(when, last))
                part = given[used:end]
                if done > 0:
                    part = part.copy()
                    part["step"] -= done
                start = time.perf_counter()
                status = _native.library.arcuate_session_run_events(
                    session,
                    part.ctypes.data,
                    len(part),
                    last - done,
                    room.ctypes.data,
                    len(room),
                    ctypes.byref(steps_done),
                    ctypes.byref(consumed),
                    ctypes.byref(written),
                )
                self._check(status)
                self._adjust_pace(steps_done.value, start)
                result = room[: written.value].copy()
                result["step"] += done
                parts.append(result)
                done += steps_done.value
                used += consumed.value
                if done >= steps:
                    return np.concatenate(parts)

    def _would_take(self, events: npt.NDArray[np.void], steps: int) -> bool:
        """Whether the library will accept all events."""
        sizes = np.array([int(np.prod(port.shape, dtype=np.int64)) for port in self._plan._inputs])
        when, port = events["step"], events["port"]
        return bool(
            (when < steps).all()
            and (when[1:] >= when[:-1]).all()
            and (port < len(sizes)).all()
            and (events["stream"] < self._plan._batch).all()
            and (events["index"] < sizes[port]).all()
            and np.isfinite(events["value"]).all()
        )

    def reset(self, stream: Optional[int] = None) -> None:
        """Resets all streams, or one, to rest. Counters, probes and adapted weights are unchanged.

        Raises ArgumentError for a stream out of range.
        """
        with self._lock:
            session = self._live()
            if stream is None:
                status = _native.library.arcuate_session_reset(session)
            else:
                number = whole("stream", stream, 0, self._plan._batch - 1)
                status = _native.library.arcuate_session_reset_stream(session, number)
        errors.check(status, ctypes.c_void_p())

    def save(self) -> bytes:
        """A snapshot of the state of all streams, without counters and probes."""
        library = _native.library
        with self._lock:
            session = self._live()
            block = bytearray(library.arcuate_session_snapshot_size(session))
            view = (ctypes.c_char * len(block)).from_buffer(block)
            call(library.arcuate_session_save, session, ctypes.addressof(view), len(block))
        return bytes(block)

    def restore(self, state: Union[bytes, bytearray, memoryview]) -> None:
        """Restores a snapshot of a session of the same plan, or of an equal one.

        Raises StateError if it is damaged or of another plan; the state is then unchanged.
        """
        block = bytes(memoryview(state))
        with self._lock:
            call(_native.library.arcuate_session_restore, self._live(), block, len(block))

    def clone(self) -> Session:
        """A new session in the same state, without counters and probes. Raises OutOfMemoryError."""
        with self._lock:
            pointer = created(_native.library.arcuate_session_clone, self._live())
        return Session(pointer, self._plan)

    __copy__ = clone

    def __deepcopy__(self, memo: Dict[int, Any]) -> Session:
        return self.clone()

    def counters(
        self, node: Union[None, str, int] = None, stream: Optional[int] = None
    ) -> Counters:
        """The counters of a node and a stream.

        node: a name or an index of `plan.nodes`; None for the sum over all. stream: an index; None
            for the sum over all.

        Raises NotFoundError for an unknown name, ArgumentError for an index out of range.
        """
        nodes = self._plan._nodes
        index = -1
        if isinstance(node, str):
            if node not in nodes:
                raise errors.NotFoundError(_native.NOT_FOUND, f'there is no node "{node}"')
            index = nodes.index(node)
        elif node is not None:
            index = whole("node", node, 0, len(nodes) - 1)
        number = -1 if stream is None else whole("stream", stream, 0, self._plan._batch - 1)
        values = _native.Counters(struct_size=ctypes.sizeof(_native.Counters))
        with self._lock:
            status = _native.library.arcuate_session_counters(
                self._live(), index, number, ctypes.byref(values)
            )
        errors.check(status, ctypes.c_void_p())
        return Counters(*(getattr(values, field.name) for field in dataclasses.fields(Counters)))

    def clear_counters(self) -> None:
        """Sets all counters to zero and clears the list of kernels."""
        with self._lock:
            status = _native.library.arcuate_session_clear_counters(self._live())
        errors.check(status, ctypes.c_void_p())

    @property
    def kernels(self) -> Tuple[str, ...]:
        """Names of the kernels that have run since the counters were cleared."""
        library = _native.library
        with self._lock:
            session = self._live()
            size = library.arcuate_session_kernels(session, None, 0) + 1
            buffer = ctypes.create_string_buffer(size)
            library.arcuate_session_kernels(session, buffer, size)
        return tuple(_native.text(buffer.value).split())

    def probe(self, node: str, quantity: str = "output", *, capacity: int) -> Probe:
        """Records a node from the next step on, for at most `capacity` steps.

        quantity: "output"; "membrane": the membrane potential after the reset; "current": the
            synaptic current.

        Raises NotFoundError if there is no such node or it has no such quantity, LimitError,
        OutOfMemoryError, ArgumentError.
        """
        library = _native.library
        kind = choice("quantity", quantity, _native.PROBE)
        steps = whole("capacity", capacity)
        with self._lock:
            pointer = created(
                library.arcuate_probe_create, self._live(), encoded("node", node), kind, steps
            )
        shape = self._plan._node_shapes[node]
        return Probe(pointer, node, quantity, self._plan._batch, shape, self._lock)

    def __repr__(self) -> str:
        return (
            "<arcuate.Session, closed>" if self.closed else f"<arcuate.Session of {self._plan!r}>"
        )

    # ---- Arrays ---------------------------------------------------------------------------------

    def _results(
        self,
        lead: Shape,
        out: Union[None, Array, Sequence[Optional[Array]]],
        inputs: List[Array],
    ) -> List[Array]:
        """The arrays for the outputs: those in `out`, or new ones."""
        ports = self._plan._outputs
        if out is None:
            return [np.empty(lead + port.shape, np.float32) for port in ports]
        given: Sequence[Optional[Array]] = [out] if isinstance(out, np.ndarray) else list(out)
        if len(given) != len(ports):
            raise errors.argument(
                f"out has {len(given)} arrays for a network with {len(ports)} outputs"
            )
        results: List[Array] = []
        for array, port in zip(given, ports):
            shape = lead + port.shape
            if array is None:
                array = np.empty(shape, np.float32)
            if (
                not isinstance(array, np.ndarray)
                or not is_plain(array)
                or not array.flags.writeable
            ):
                raise errors.argument(
                    f'out for "{port.name}" must be a writeable float32 array in C order'
                )
            if array.shape != shape:
                raise errors.ArgumentError(
                    _native.SHAPE_MISMATCH,
                    f'out for "{port.name}" has shape {shape_text(array.shape)}, '
                    f"not {shape_text(shape)}",
                )
            if any(np.may_share_memory(array, other) for other in results):
                raise errors.argument(f'out for "{port.name}" overlaps another output')
            for i, source in enumerate(inputs):
                if np.may_share_memory(array, source):
                    inputs[i] = source.copy()
            results.append(array)
        return results

    def _frames_at_once(self) -> int:
        return max(1, self._pace // self._plan._steps_per_frame)

    def _adjust_pace(self, steps: int, start: float) -> None:
        """Adjusts the number of steps per call after a call of `steps` that began at `start`."""
        if steps == 0:
            return
        seconds = max(time.perf_counter() - start, 1e-9)
        fitting = int(steps * _SECONDS_PER_CALL / seconds)
        self._pace = max(1, min(fitting, 8 * self._pace))

    def _point(self, inputs: List[Array], outputs: List[Array]) -> None:
        """Sets the arguments of run and step. The caller keeps the arrays alive."""
        for i, array in enumerate(inputs):
            self._input_pointers[i] = address(array)
            self._input_counts[i] = array.size
        for i, array in enumerate(outputs):
            self._output_pointers[i] = address(array)
            self._output_counts[i] = array.size

    # ---- Plasticity -----------------------------------------------------------------------------

    @property
    def adapting(self) -> bool:
        """Whether rules change weights and thresholds while the session runs; can be set."""
        with self._lock:
            return bool(_native.library.arcuate_session_adapting(self._live()))

    @adapting.setter
    def adapting(self, value: bool) -> None:
        with self._lock:
            self._check(
                _native.library.arcuate_session_set_adapting(self._live(), int(bool(value)))
            )

    def set_rate_factor(self, factor: float) -> None:
        """Multiplies the rates of all rules, but not of decays, from the next step on; 1 initially.

        Raises ArgumentError if it is not finite.
        """
        with self._lock:
            self._check(
                _native.library.arcuate_session_set_rate_factor(self._live(), float(factor))
            )

    def set_signal(self, signal: str, values: npt.ArrayLike) -> None:
        """Sets a signal of `plan.signals`, [batch, size]; the batch axis may be omitted if the plan
        has one stream. It holds until it is set again or cleared.

        Raises NotFoundError, ArgumentError for a wrong size and numbers that are not finite; nothing
        is then changed.
        """
        numbers = np.ascontiguousarray(values, np.float32)
        name = encoded("signal", signal)
        with self._lock:
            self._check(
                _native.library.arcuate_session_set_signal(
                    self._live(), name, numbers.ctypes.data, numbers.size
                )
            )

    def set_label(
        self, signal: str, label: int, stream: int = 0, on: float = 1.0, off: float = 0.0
    ) -> None:
        """Sets a signal of one stream to a label: element `label` to `on`, the others to `off`.

        Raises NotFoundError, ArgumentError for a label or stream out of range; nothing is then
        changed.
        """
        name = encoded("signal", signal)
        index = whole("label", label, -(2**62))
        number = whole("stream", stream)
        with self._lock:
            self._check(
                _native.library.arcuate_session_set_label(
                    self._live(), name, number, index, on, off
                )
            )

    def clear_signal(self, signal: str) -> None:
        """Clears a signal of all streams: rules that use it change nothing until it is set again."""
        name = encoded("signal", signal)
        with self._lock:
            self._check(_native.library.arcuate_session_clear_signal(self._live(), name))

    def normalize(self) -> None:
        """Scales the weights of rules with a "column_sum", as `run` does at the start of a frame."""
        with self._lock:
            self._check(_native.library.arcuate_session_normalize(self._live()))

    def consolidate(self) -> None:
        """Applies the accumulated changes of rules with "apply": "frame", as `run` does at the end
        of a frame."""
        with self._lock:
            self._check(_native.library.arcuate_session_consolidate(self._live()))

    def forget(self) -> None:
        """Restores the weights and thresholds of the model."""
        with self._lock:
            self._check(_native.library.arcuate_session_forget(self._live()))

    def adapted(self, node: str, fast: bool = False) -> Array:
        """A copy of the adapted values of a node: the weights of a PlasticLinear, [post, pre], its
        fast weights, [batch, post, pre], the kernels of a PlasticConv2d, [out, in * height * width],
        or the adaptive parameters of a neuron program, one after another.

        Raises NotFoundError for a node that does not exist or has no such values.
        """
        name = encoded("node", node)
        library = _native.library
        with self._lock:
            session = self._live()
            values = np.zeros(library.arcuate_session_adapted_size(session, name, fast), np.float32)
            call(
                library.arcuate_session_read_adapted,
                session,
                name,
                fast,
                values.ctypes.data,
                values.size,
            )
        shape, kind = self._plan._node_shapes[node], self._plan._node_kinds[node]
        if kind.startswith("PlasticConv"):
            return values.reshape(shape[0], -1)
        post = int(np.prod(shape, dtype=np.int64))
        if fast:
            return values.reshape(self._plan._batch, post, -1)
        return values if values.size == post and post > 0 else values.reshape(post, -1)

    def adapted_model(self) -> "Model":
        """A model with the session's current weights, biases and thresholds."""
        from .model import Model

        with self._lock:
            return Model(created(_native.library.arcuate_session_adapted_model, self._live()))

    def _check(self, status: int) -> None:
        """Raises the error that the session stored; the caller holds the lock."""
        if status != _native.SUCCESS:
            message = _native.library.arcuate_session_last_error(self._live())
            raise errors.make(status, _native.text(message))


def _arrays(plan: Plan, inputs: Sequence[npt.ArrayLike], axes: int) -> Tuple[List[Array], bool]:
    """The inputs as float32 arrays, with `axes` axes before batch and shape; and whether the first has
    no batch axis."""
    ports = plan._inputs
    if len(inputs) != len(ports):
        raise errors.argument(f"{len(inputs)} inputs for a network with {len(ports)}")
    arrays = [plain(value, port) for value, port in zip(inputs, ports)]
    unbatched = [
        _is_unbatched(array, port, plan._batch, axes) for array, port in zip(arrays, ports)
    ]
    return arrays, unbatched[0]


def _is_unbatched(array: Array, port: Port, batch: int, axes: int) -> bool:
    rest = array.shape[axes:]
    if array.ndim >= axes and rest == (batch, *port.shape):
        return False
    if array.ndim >= axes and batch == 1 and rest == port.shape:
        return True
    wanted = [*["frames"] * axes, batch, *port.shape]
    raise errors.ArgumentError(
        _native.SHAPE_MISMATCH,
        f'input "{port.name}" has shape {shape_text(array.shape)}, not {shape_text(wanted)}'
        + (" (the batch axis may be omitted)" if batch == 1 else ""),
    )


def _frames(plan: Plan, inputs: Sequence[npt.ArrayLike]) -> Tuple[List[Array], bool, int]:
    """`_arrays` for frames, and the number of frames."""
    arrays, unbatched = _arrays(plan, inputs, 1)
    frames = len(arrays[0])
    for array, port in zip(arrays, plan._inputs):
        if len(array) != frames:
            raise errors.argument(
                f'input "{port.name}" has {len(array)} frames, the first input {frames}'
            )
    return arrays, unbatched, frames
