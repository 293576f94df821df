"""Sessions: networks at work."""

from __future__ import annotations

import ctypes
import dataclasses
import time
from typing import TYPE_CHECKING, Any, List, Optional, Sequence, Tuple, Union

import numpy as np
import numpy.typing as npt

from . import _native, errors
from ._handle import Handle, call, choice, created, encoded, whole
from .probe import Probe

if TYPE_CHECKING:
    from .model import Model
    from .plan import Plan, Port

Array = npt.NDArray[np.float32]
Outputs = Union[Array, Tuple[Array, ...]]
Shape = Tuple[int, ...]

event_dtype = np.dtype(
    [
        ("step", np.uint32),
        ("stream", np.uint16),
        ("port", np.uint16),
        ("index", np.uint32),
        ("value", np.float32),
    ]
)
"""A number that is not zero, at one step: `step` from the first of the call, `stream` below batch,
`port`, `index` into the port's shape (row-major, channel-first), `value`."""

# Events that a call of the library has room for, unless one step needs more.
_EVENT_ROOM = 65536


# Python notices an interrupt (Ctrl-C) only between calls of the library: these are to be short.
_SECONDS_PER_CALL = 0.1


@dataclasses.dataclass(frozen=True)
class Counters:
    """What nodes did since the counters were cleared.

    Definitions follow NeuroBench: a synaptic operation is a product of a non-zero input and a
    non-zero weight.
    """

    spikes: int
    """Non-zero outputs of spiking nodes."""
    macs: int
    """Synaptic operations of rows with other inputs than -1, 0, 1."""
    acs: int
    """Synaptic operations of rows with only these."""
    dense_operations: int
    """Synaptic operations if no input and no weight were zero."""
    neuron_updates: int
    """Membranes that changed; with fast numerics all of a node whose inputs are added in place."""
    rows: int
    """Steps of streams that went through the node."""
    dense_rows: int
    """Of these, by the dense kernel."""
    weight_bytes: int
    """Bytes read for synaptic operations."""


class Session(Handle):
    """The state of a plan's streams; the only thing that changes.

    Made by `Plan.session`. May be used as a context manager. Calls from several threads take turns;
    different sessions run at the same time, since the interpreter's lock is released meanwhile.
    """

    def __init__(self, pointer: int, plan: Plan) -> None:
        super().__init__(pointer, _native.library.arcuate_session_free)
        self._plan = plan
        # The arguments of run and step, filled anew by each call.
        self._input_pointers = (ctypes.c_void_p * len(plan._inputs))()
        self._input_counts = (ctypes.c_size_t * len(plan._inputs))()
        self._output_pointers = (ctypes.c_void_p * len(plan._outputs))()
        self._output_counts = (ctypes.c_size_t * len(plan._outputs))()
        # Steps for one call of the library, by how long the last took.
        self._pace = 64

    @property
    def plan(self) -> Plan:
        """The plan that is run."""
        return self._plan

    def run(
        self, *inputs: npt.ArrayLike, out: Union[None, Array, Sequence[Optional[Array]]] = None
    ) -> Outputs:
        """Runs frames.

        inputs: an array [frames, batch, shape...] for each input port; without the batch axis if
            the plan has one stream. float32 arrays in C order are read where they are.
        out: an array to write to, or for several output ports a sequence of arrays, where None
            makes a new one. float32, C order, exactly the shape of what is returned.

        Returns an array [frames, batch, shape...], or with frame_output "every"
        [frames, steps, batch, shape...]; for several output ports a tuple of them. Without the
        batch axis if the first input had none.

        Ctrl-C is noticed every 0.1 seconds or so, but not before the frame is done; the state is
        then that after some of the frames, and so are the outputs.

        Raises ArgumentError for wrong shapes and numbers that are not finite; the state is then as
        it was.
        """
        library = _native.library
        batch = self._plan._batch
        arrays, bare, frames = _frames(self._plan, inputs)
        streams = () if bare else (batch,)
        lead = (frames, *self._plan._step_axes, *streams)
        results = self._results(lead, out, arrays)
        with self._lock:
            session = self._live()
            done, at_once = 0, self._frames_at_once()
            # Frames are given apart only if none will be refused, else all of them or none.
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
                    session, end - done,
                    self._input_pointers, self._input_counts,
                    self._output_pointers, self._output_counts,
                )
                self._check(status)
                self._adapt((end - done) * self._plan._steps_per_frame, start)
                done, at_once = end, self._frames_at_once()
                if done >= frames:
                    break
        return results[0] if len(results) == 1 else tuple(results)

    def step(
        self, *inputs: npt.ArrayLike, out: Union[None, Array, Sequence[Optional[Array]]] = None
    ) -> Outputs:
        """Runs one step with inputs of its own, outside any frame.

        As `run` without the axes of frames and steps: [batch, shape...] in and out.
        """
        library = _native.library
        arrays, bare = _arrays(self._plan, inputs, 0)
        results = self._results(() if bare else (self._plan._batch,), out, arrays)
        with self._lock:
            session = self._live()
            self._point(arrays, results)
            status = library.arcuate_session_step(
                session,
                self._input_pointers, self._input_counts,
                self._output_pointers, self._output_counts,
            )
            self._check(status)
        return results[0] if len(results) == 1 else tuple(results)

    def run_events(
        self, events: Union[npt.NDArray[np.void], Sequence[Tuple[int, int, int, int, float]]], steps: int
    ) -> npt.NDArray[np.void]:
        """Runs `steps` steps whose inputs are zero but for the events. Frames play no part.

        events: an array [n] of `event_dtype`, or a sequence of (step, stream, port, index, value),
            ordered by step; events for one element add up.

        Returns the outputs that are not zero, [m] of `event_dtype`, ordered by step, port, stream
        and index.

        Ctrl-C is noticed every 0.1 seconds or so; the state is then that after some of the steps.

        Raises ArgumentError for an event out of order, outside the network or not finite; the state
        is then as it was.
        """
        given = _events(events)
        steps = whole("steps", steps, 0, 2**31)
        when = np.ascontiguousarray(given["step"])
        sizes = sum(int(np.prod(port.shape, dtype=np.int64)) for port in self._plan._outputs)
        most = max(1, sizes * self._plan._batch)
        room = np.empty(most * max(1, min(steps, _EVENT_ROOM // most)), event_dtype)
        steps_done, consumed, written = (ctypes.c_size_t() for _ in range(3))
        parts: List[npt.NDArray[np.void]] = []
        done = used = 0
        # A call gets the steps whose output surely fits, so that each event is passed once more at
        # most; but the first gets everything where something is to be refused: all of it or none.
        whole_call = not self._would_take(given, steps)
        with self._lock:
            session = self._live()
            while True:
                last = steps if whole_call else min(steps, done + min(self._pace, len(room) // most))
                end = len(given) if last == steps else int(np.searchsorted(when, last))
                part = given[used:end]
                if done > 0:
                    part = part.copy()
                    part["step"] -= done
                start = time.perf_counter()
                status = _native.library.arcuate_session_run_events(
                    session, part.ctypes.data, len(part), last - done, room.ctypes.data, len(room),
                    ctypes.byref(steps_done), ctypes.byref(consumed), ctypes.byref(written),
                )
                self._check(status)
                self._adapt(steps_done.value, start)
                result = room[: written.value].copy()
                result["step"] += done
                parts.append(result)
                done += steps_done.value
                used += consumed.value
                if done >= steps:
                    return np.concatenate(parts)

    def _would_take(self, events: npt.NDArray[np.void], steps: int) -> bool:
        """Whether the library will refuse none of the events; it has the sentence if it does."""
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
        """Brings all streams, or one, to rest. Counters and probes are untouched.

        Raises ArgumentError for a stream that is not there.
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
        """The state of all streams as one block; counters and probes are not part of it."""
        library = _native.library
        with self._lock:
            session = self._live()
            block = bytearray(library.arcuate_session_snapshot_size(session))
            view = (ctypes.c_char * len(block)).from_buffer(block)
            call(library.arcuate_session_save, session, ctypes.addressof(view), len(block))
        return bytes(block)

    def restore(self, state: Union[bytes, bytearray, memoryview]) -> None:
        """Takes a block that `save` gave, of a session of this plan or of an equal one.

        Raises StateError if it is not such a block; nothing is changed then.
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

    def counters(
        self, node: Union[None, str, int] = None, stream: Optional[int] = None
    ) -> Counters:
        """What a node did since the counters were cleared.

        node: a name or an index of `plan.nodes`; None sums over all. stream: None sums likewise.

        Raises NotFoundError for a name, ArgumentError for an index or stream that is not there.
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
        """Sets the counters to zero."""
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
        """Records a node from the next step on, up to `capacity` steps.

        quantity: "output": what the node emits; "membrane": after the reset; "current": synaptic.

        Raises NotFoundError if there is no such node or it has no such quantity, LimitError,
        OutOfMemoryError, ArgumentError.
        """
        library = _native.library
        kind = choice("quantity", quantity, _native.QUANTITY)
        room = whole("capacity", capacity)
        with self._lock:
            pointer = created(
                library.arcuate_probe_create, self._live(), encoded("node", node), kind, room
            )
        shape = self._plan._node_shapes[node]
        return Probe(pointer, node, quantity, self._plan._batch, shape, self._lock)

    def __repr__(self) -> str:
        return "<arcuate.Session, closed>" if self.closed else f"<arcuate.Session of {self._plan!r}>"

    # ---- Arrays ---------------------------------------------------------------------------------

    def _results(
        self,
        lead: Shape,
        out: Union[None, Array, Sequence[Optional[Array]]],
        inputs: List[Array],
    ) -> List[Array]:
        """Arrays for the outputs: those of `out`, or new ones."""
        ports = self._plan._outputs
        if out is None:
            return [np.empty(lead + port.shape, np.float32) for port in ports]
        given: Sequence[Optional[Array]] = [out] if isinstance(out, np.ndarray) else list(out)
        if len(given) != len(ports):
            raise errors.argument(f"out has {len(given)} arrays for a network with {len(ports)} outputs")
        results: List[Array] = []
        for array, port in zip(given, ports):
            shape = lead + port.shape
            if array is None:
                array = np.empty(shape, np.float32)
            if not isinstance(array, np.ndarray) or not _is_plain(array) or not array.flags.writeable:
                raise errors.argument(
                    f'out for "{port.name}" must be a writeable float32 array in C order'
                )
            if array.shape != shape:
                raise errors.ArgumentError(
                    _native.SHAPE_MISMATCH,
                    f'out for "{port.name}" has shape {_shape_text(array.shape)}, '
                    f"not {_shape_text(shape)}",
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

    def _adapt(self, steps: int, start: float) -> None:
        """Sets how many steps the next call gets, after one of `steps` since `start`."""
        if steps == 0:
            return
        seconds = max(time.perf_counter() - start, 1e-9)
        fitting = int(steps * _SECONDS_PER_CALL / seconds)
        self._pace = max(1, min(fitting, 8 * self._pace))

    def _point(self, inputs: List[Array], outputs: List[Array]) -> None:
        """Fills the arguments of run and step; the caller keeps the arrays."""
        for i, array in enumerate(inputs):
            self._input_pointers[i] = _address(array)
            self._input_counts[i] = array.size
        for i, array in enumerate(outputs):
            self._output_pointers[i] = _address(array)
            self._output_counts[i] = array.size

    # ---- Learning -------------------------------------------------------------------------------

    @property
    def learning(self) -> bool:
        """Whether weights and thresholds change by their rules while the session runs; set it."""
        with self._lock:
            return bool(_native.library.arcuate_session_learning(self._live()))

    @learning.setter
    def learning(self, value: bool) -> None:
        with self._lock:
            self._check(_native.library.arcuate_session_set_learning(self._live(), int(bool(value))))

    def set_rate(self, rate: float) -> None:
        """Multiplies the rates of all rules from now on, for schedules; 1 at the start.

        Raises ArgumentError for what is not finite.
        """
        with self._lock:
            self._check(_native.library.arcuate_session_set_rate(self._live(), float(rate)))

    def teach(self, signal: str, values: npt.ArrayLike) -> None:
        """Gives a signal of `plan.signals` its numbers, [batch, size], without the batch axis if the
        plan has one stream. They hold until others are given or it is withdrawn.

        Raises NotFoundError, ArgumentError for a number that is not finite or another count; nothing
        is changed then.
        """
        numbers = np.ascontiguousarray(values, np.float32)
        name = encoded("signal", signal)
        with self._lock:
            self._check(_native.library.arcuate_session_teach(
                self._live(), name, numbers.ctypes.data, numbers.size))

    def teach_label(
        self, signal: str, label: int, stream: int = 0, on: float = 1.0, off: float = 0.0
    ) -> None:
        """Gives one stream's signal as a label: `on` at its place, `off` elsewhere.

        Raises NotFoundError, ArgumentError for a label or stream out of range; nothing is changed
        then.
        """
        name = encoded("signal", signal)
        place = whole("label", label, -(2**62))
        number = whole("stream", stream)
        with self._lock:
            self._check(_native.library.arcuate_session_teach_label(
                self._live(), name, number, place, on, off))

    def withdraw(self, signal: str) -> None:
        """Takes a signal away: rules that ask for it change nothing until it is given again."""
        name = encoded("signal", signal)
        with self._lock:
            self._check(_native.library.arcuate_session_withdraw(self._live(), name))

    def normalise(self) -> None:
        """Scales the weights of rules with a "column_sum"; frames of `run` begin with it."""
        with self._lock:
            self._check(_native.library.arcuate_session_normalise(self._live()))

    def consolidate(self) -> None:
        """Applies what rules with "apply": "frame" added up; frames of `run` end with it."""
        with self._lock:
            self._check(_native.library.arcuate_session_consolidate(self._live()))

    def forget(self) -> None:
        """Brings weights and thresholds back to those of the model."""
        with self._lock:
            self._check(_native.library.arcuate_session_forget(self._live()))

    def learned(self, node: str, fast: bool = False) -> Array:
        """The weights of a PlasticLinear as they are now, [post, pre], its fast weights, [batch, post,
        pre], the kernels of a PlasticConv2d, [out, in * height * width], or the adaptive part of the
        thresholds of a Cell.

        Raises NotFoundError for a node that is not there or learns nothing of that kind.
        """
        name = encoded("node", node)
        library = _native.library
        with self._lock:
            session = self._live()
            values = np.zeros(library.arcuate_session_learned_size(session, name, fast), np.float32)
            call(library.arcuate_session_learned, session, name, fast, values.ctypes.data, values.size)
        shape, kind = self._plan._node_shapes[node], self._plan._node_kinds[node]
        if kind.startswith("PlasticConv"):
            return values.reshape(shape[0], -1)
        post = int(np.prod(shape, dtype=np.int64))
        if fast:
            return values.reshape(self._plan._batch, post, -1)
        return values if values.size == post and post > 0 else values.reshape(post, -1)

    def learned_model(self) -> "Model":
        """The network with the weights, biases and thresholds that the session has now."""
        from .model import Model

        with self._lock:
            return Model(created(_native.library.arcuate_session_learned_model, self._live()))

    def _check(self, status: int) -> None:
        """Raises what run, step, teach and the like kept in the session; the caller holds the lock."""
        if status != _native.SUCCESS:
            message = _native.library.arcuate_session_last_error(self._live())
            raise errors.make(status, _native.text(message))


def _arrays(plan: Plan, inputs: Sequence[npt.ArrayLike], axes: int) -> Tuple[List[Array], bool]:
    """The inputs as the library reads them, with `axes` axes before batch and shape; and whether
    the first had no batch axis."""
    ports = plan._inputs
    if len(inputs) != len(ports):
        raise errors.argument(f"{len(inputs)} inputs for a network with {len(ports)}")
    arrays = [_plain(value, port) for value, port in zip(inputs, ports)]
    bare = [_is_bare(array, port, plan._batch, axes) for array, port in zip(arrays, ports)]
    return arrays, bare[0]


def _is_bare(array: Array, port: Port, batch: int, axes: int) -> bool:
    rest = array.shape[axes:]
    if array.ndim >= axes and rest == (batch, *port.shape):
        return False
    if array.ndim >= axes and batch == 1 and rest == port.shape:
        return True
    wanted = [*["frames"] * axes, batch, *port.shape]
    raise errors.ArgumentError(
        _native.SHAPE_MISMATCH,
        f'input "{port.name}" has shape {_shape_text(array.shape)}, not {_shape_text(wanted)}'
        + (" (the batch axis may be left out)" if batch == 1 else ""),
    )


def _frames(plan: Plan, inputs: Sequence[npt.ArrayLike]) -> Tuple[List[Array], bool, int]:
    """As `_arrays` for frames, and how many there are."""
    arrays, bare = _arrays(plan, inputs, 1)
    frames = len(arrays[0])
    for array, port in zip(arrays, plan._inputs):
        if len(array) != frames:
            raise errors.argument(
                f'input "{port.name}" has {len(array)} frames, the first input {frames}'
            )
    return arrays, bare, frames


def _address(array: npt.NDArray[Any]) -> int:
    """Where a plain array is. `array.ctypes` takes three times as long, a tenth of a short call."""
    if array.size and array.flags.writeable:
        return ctypes.addressof(ctypes.c_char.from_buffer(array))
    return int(array.ctypes.data)


def _is_plain(array: npt.NDArray[Any]) -> bool:
    """Whether the library can use an array where it is."""
    return array.dtype == np.float32 and array.flags.c_contiguous and array.flags.aligned


def _plain(value: npt.ArrayLike, port: Port) -> Array:
    array = np.asarray(value)
    if _is_plain(array):
        return array
    if array.dtype.kind not in "buif":
        raise errors.argument(f'input "{port.name}" has elements of type {array.dtype}, not numbers')
    with np.errstate(over="ignore"):
        plain = np.array(array, np.float32, order="C")
    if array.dtype.kind == "f" and array.dtype.itemsize > 4:
        beyond = np.flatnonzero(np.isinf(plain) & np.isfinite(array))
        if len(beyond):
            raise errors.argument(
                f'input "{port.name}": number {beyond[0]} is {array.reshape(-1)[beyond[0]]}, '
                "beyond what float32 holds"
            )
    return plain


def _events(
    events: Union[npt.NDArray[np.void], Sequence[Tuple[int, int, int, int, float]]]
) -> npt.NDArray[np.void]:
    if not isinstance(events, np.ndarray):
        try:
            with np.errstate(over="raise"):
                events = np.array(list(events), event_dtype)
        except (TypeError, ValueError, OverflowError, FloatingPointError) as error:
            raise errors.argument(
                f"events are tuples (step, stream, port, index, value) in range: {error}"
            ) from None
    if events.dtype != event_dtype or events.ndim != 1:
        raise errors.argument(
            f"events must be an array [n] of arcuate.event_dtype, not {events.ndim}-dimensional "
            f"of {events.dtype}"
        )
    # NumPy calls any address of such a struct aligned; C does not.
    if not events.flags.c_contiguous or events.ctypes.data % 4 != 0:
        events = events.copy()
    return events


def _shape_text(shape: Sequence[object]) -> str:
    return f"[{', '.join(map(str, shape))}]"
