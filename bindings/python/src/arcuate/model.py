"""Models: what a network is."""

from __future__ import annotations

import ctypes
import json
import os
from typing import Any, Iterable, List, Mapping, NamedTuple, Optional, Tuple, Union

import numpy as np
import numpy.typing as npt

from . import _native, errors
from ._handle import (
    Handle, call, choice, created, encoded, optional_choice, optional_whole, seconds, whole,
)
from .conversion import Conversion, ConversionLoss, _conversion, _loss
from .plan import Plan
from .quantization import Quantization, _quantization
from .session import _frames


class Node(NamedTuple):
    """A node of a model's outermost graph."""

    name: str
    """As the file calls it."""
    kind: str
    """Such as "Affine" or "LIF"."""


class Finding(NamedTuple):
    """What reading or checking a model found."""

    severity: str
    """"note"; "repair": something was mended; "error": the model cannot be compiled."""
    place: str
    """The node, edge or place in the file."""
    message: str
    """The sentence about it."""


class Model(Handle):
    """A network: read from a file or from memory, looked at, adjusted, and compiled to a `Plan`.

    May be used as a context manager.
    """

    def __init__(self, pointer: int) -> None:
        super().__init__(pointer, _native.library.arcuate_model_free)

    @classmethod
    def open(
        cls,
        path: Union[str, os.PathLike[str]],
        preset: Optional[str] = None,
        dt: Optional[float] = None,
        strict: bool = False,
    ) -> Model:
        """Opens a .nir or .safetensors file or a Kaldi nnet3 model; which of them is told from its first bytes.

        preset: what the exporter assumed of its neurons: "nir", "snntorch", "norse", "spikingjelly",
            "sinabs", "rockpool", "spyx", "lava", "nengo" or "spinnaker2"; None takes what the file says.
        dt: seconds per step, 1e-12 ... 1e6; None takes what the file says.
        strict: refuse what is missing or inconsistent, rather than mend it and report `findings`.

        Raises FileError, FormatError, LimitError, ModelError, ArgumentError.
        """
        name = os.fsencode(path)
        if b"\0" in name:
            raise errors.argument("path must not contain zero bytes")
        options = _read_options(preset, dt, strict)
        return cls(created(_native.library.arcuate_model_open, name, ctypes.byref(options)))

    @classmethod
    def from_bytes(
        cls,
        data: Union[bytes, bytearray, memoryview],
        preset: Optional[str] = None,
        dt: Optional[float] = None,
        strict: bool = False,
    ) -> Model:
        """As `open`, from the content of a file, which is copied."""
        content = bytes(memoryview(data))
        options = _read_options(preset, dt, strict)
        return cls(
            created(
                _native.library.arcuate_model_from_memory,
                content, len(content), ctypes.byref(options),
            )
        )

    def save(self, path: Union[str, os.PathLike[str]]) -> None:
        """Writes a .nir or .safetensors file, told by the ending of the path; whole or not at all.

        Raises FileError, ModelError if the format has no word for something, ArgumentError.
        """
        name = os.fsencode(path)
        if b"\0" in name:
            raise errors.argument("path must not contain zero bytes")
        with self._lock:
            call(_native.library.arcuate_model_save, self._live(), name)

    def copy(self) -> Model:
        """The same model in a new object."""
        with self._lock:
            pointer = _native.library.arcuate_model_copy(self._live())
        if pointer is None:
            raise errors.OutOfMemoryError(_native.OUT_OF_MEMORY, "the model cannot be copied")
        return type(self)(pointer)

    __copy__ = copy

    def set_rule(self, node: str, rule: Union[str, Mapping[str, Any]]) -> None:
        """Lets a rule change the weights of a node while sessions learn.

        rule: a mapping, or JSON text, with the fields that the README of Sources/ArcuateFormats lists.

        Raises NotFoundError, ModelError for a node that is frozen, FormatError or ArgumentError for
        the rule.
        """
        text = rule if isinstance(rule, str) else json.dumps(dict(rule))
        with self._lock:
            call(
                _native.library.arcuate_model_set_rule,
                self._live(), encoded("node", node), encoded("rule", text),
            )

    def freeze(self) -> Model:
        """The same network with every weight and threshold as it is, for good."""
        with self._lock:
            return Model(created(_native.library.arcuate_model_freeze, self._live()))

    def set_semantics(self, field: str, value: Union[str, int, bool]) -> None:
        """Sets one field of what the model assumes of its neurons, or with "preset" all at once.

        | field           | values                                                                   |
        |-----------------|--------------------------------------------------------------------------|
        | preset          | a name that `open` takes                                                 |
        | integrator      | euler, euler_old_current, exponential, exponential_unit, exponential_post|
        | reset           | to_value, subtract, none                                                 |
        | reset_timing    | same_step, next_step, same_step_residual                                 |
        | comparison      | >, >=                                                                    |
        | spike_timing    | same_step, next_step                                                     |
        | feedback_start  | zero, response                                                           |
        | integrator_gain | dt_r, r                                                                  |
        | multi_spike     | False, True                                                              |
        | clamps_below    | False, True                                                              |

        Raises ArgumentError.
        """
        if isinstance(value, bool):
            value = int(value)
        word = value if isinstance(value, str) else str(whole("value", value))
        with self._lock:
            call(
                _native.library.arcuate_model_set_semantics,
                self._live(), encoded("field", field), encoded("value", word),
            )

    def semantics(self, **fields: Union[str, int, bool]) -> None:
        """Sets several fields, in the order given: all of them, or on an error none.

        `model.semantics(preset="snntorch", reset="subtract")`. Raises ArgumentError.
        """
        with self.copy() as trial:
            for field, value in fields.items():
                trial.set_semantics(field, value)
        for field, value in fields.items():
            self.set_semantics(field, value)

    def fold_batch_norm(self) -> None:
        """Folds every batch-norm that directly follows weights into these; others stay."""
        with self._lock:
            call(_native.library.arcuate_model_fold_batch_norm, self._live())

    @property
    def dt(self) -> Optional[float]:
        """The step the model was made for, in seconds; None if it does not say."""
        with self._lock:
            return _native.library.arcuate_model_dt(self._live()) or None

    def note(self, name: str) -> Optional[float]:
        """A number that the model's metadata states under that name; None if it states none.

        A network that looks at neighbouring frames, as one of Kaldi does, states "left_context" and
        "latency": give the first frame so often once more before an utterance and the last one
        after it, and leave out as many outputs at the start.
        """
        with self._lock:
            value = _native.library.arcuate_model_note(
                self._live(), name.encode(), float("nan"))
        return None if value != value else value

    @property
    def nodes(self) -> Tuple[Node, ...]:
        """The nodes of the outermost graph."""
        library = _native.library
        with self._lock:
            model = self._live()
            return tuple(
                Node(
                    _native.text(library.arcuate_model_node_name(model, i)),
                    _native.text(library.arcuate_model_node_kind(model, i)),
                )
                for i in range(library.arcuate_model_node_count(model))
            )

    @property
    def findings(self) -> Tuple[Finding, ...]:
        """What reading and checking the model found. One error is enough that `compile` refuses it."""
        library = _native.library
        with self._lock:
            model = self._live()
            return tuple(
                Finding(
                    _native.SEVERITY[library.arcuate_model_finding_severity(model, i)],
                    _native.text(library.arcuate_model_finding_place(model, i)),
                    _native.text(library.arcuate_model_finding_message(model, i)),
                )
                for i in range(library.arcuate_model_finding_count(model))
            )

    def compile(
        self,
        dt: Optional[float] = None,
        steps_per_frame: Optional[int] = None,
        frame_state: Optional[str] = None,
        frame_input: Optional[str] = None,
        frame_output: Optional[str] = None,
        batch: int = 1,
        threads: int = 1,
        numerics: str = "exact",
    ) -> Plan:
        """Compiles the model. What is None follows the model: its metadata may state
        steps_per_frame, frame_state, frame_input and frame_output; `Plan.explain` says where each
        value comes from.

        dt: seconds per step, 1e-12 ... 1e6; by default the model's.
        steps_per_frame: 1 ... 1000000; by default the model's, or 1.
        frame_state: "keep": state goes on into the next frame; "reset": each frame starts from
            rest. By default the model's, or "keep".
        frame_input: "hold": the same values at every step; "first": the values at the first step,
            then zeros. By default the model's, or "hold".
        frame_output: the steps of a frame that make its output: "last", "sum", "mean" or "every".
            By default the model's, or "last".
        batch: independent streams that a session advances together, 1 ... 65535.
        threads: 1 ... 256; more than processors gain nothing. They share the streams; with one
            stream the outputs of layers of a million weights and more or, without such layers, the
            nodes: each thread runs some, four steps behind the one before, in calls of more steps
            than that and as long as this takes less time. Threads do not outlive os.fork().
        numerics: "exact": the same bits for every thread count, chunking, batch and kernel;
            "fast": products and sums may be fused and sums made in any order, with the membrane
            that they are added to as well; a sum of n terms is within n ulp of the sum of their
            magnitudes. A neuron that this leaves at the other side of its threshold spikes at
            another step. Probes may change the order.

        Raises ModelError naming the node, CompileError, LimitError, ArgumentError, OutOfMemoryError.
        """
        options = _compile_options(
            dt, steps_per_frame, frame_state, frame_input, frame_output, batch, threads, numerics
        )
        with self._lock:
            pointer = created(
                _native.library.arcuate_plan_create, self._live(), ctypes.byref(options)
            )
        return Plan(pointer)

    def quantize(
        self,
        element: str = "int8",
        frames: Union[None, npt.ArrayLike, Tuple[npt.ArrayLike, ...]] = None,
        *,
        keep: Iterable[str] = (),
        keep_first: bool = False,
        keep_last: bool = False,
        fold_batch_norm: bool = True,
        dt: Optional[float] = None,
        steps_per_frame: Optional[int] = None,
        frame_state: Optional[str] = None,
        frame_input: Optional[str] = None,
        batch: int = 1,
        threads: int = 1,
    ) -> Tuple[Model, Quantization]:
        """The same network with narrow weights in its linear and convolution nodes, and what that
        changed. Listed connections (SparseLinear) keep their weights.

        element: "int8": -127 ... 127 with one scale for each output channel; "bfloat16".
        frames: what the network meets, an array [frames, batch, shape...] as `Session.run` takes it
            or a tuple of one for each input port. int8 scales are then those that change the
            outputs of each node least on these frames. Without it, the largest weight / 127.
        keep: names of nodes that stay as they are; a graph's name stands for all in it.
        keep_first, keep_last: the first, the last node with weights stays as it is.
        fold_batch_norm: batch-norm is folded into the weights before it where that is exact.
        dt, steps_per_frame, frame_state, frame_input, batch, threads: how the frames are run, as
            in `compile`.

        Biases and neurons stay as they are, and so do weights that are of that type already. A
        .safetensors file keeps narrow weights; a .nir file gets float32 numbers of the same values.

        Raises NotFoundError for a name to keep that has no weights, ModelError, ArgumentError, and
        what `compile` raises.
        """
        kind = choice("element", element, _native.ELEMENT[1:]) + 1
        if isinstance(keep, str):
            raise errors.argument(f"keep must be a list of names, not the string {keep!r}")
        names = [encoded("keep", name) for name in keep]
        options = _native.QuantizeOptions()
        _native.library.arcuate_quantize_options_init(ctypes.byref(options))
        options.element = kind
        options.keep_first, options.keep_last = bool(keep_first), bool(keep_last)
        options.keep_batch_norm = not fold_batch_norm
        options.keep = (ctypes.c_char_p * max(1, len(names)))(*names)
        options.keep_count = len(names)
        # A pointer in a struct does not keep what it points to.
        compiling = _compile_options(
            dt, steps_per_frame, frame_state, frame_input, None, batch, threads
        )
        options.compile = ctypes.pointer(compiling)
        kept: List[Any] = []
        if frames is not None:
            with self.compile(
                dt, steps_per_frame, frame_state, frame_input, batch=batch, threads=threads
            ) as plan:
                kept = _point(options, plan, frames)
        with self._lock:
            pointer = created(
                _native.library.arcuate_model_quantize, self._live(), ctypes.byref(options)
            )
        del kept
        return type(self)(pointer), _quantization(pointer)

    def dequantize(self) -> Model:
        """The same network with the weights and biases of linear and convolution nodes as float32:
        exactly what the narrow numbers stand for."""
        with self._lock:
            return type(self)(created(_native.library.arcuate_model_dequantize, self._live()))

    def convert(
        self,
        frames: Union[None, npt.ArrayLike, Tuple[npt.ArrayLike, ...]] = None,
        *,
        balancing: str = "data",
        percentile: float = 99.9,
        factor: float = 1.0,
        input: str = "constant",
        bias: str = "every_step",
        steps: int = 0,
        max_pooling: str = "spikes",
        readout: str = "potential",
        strict: bool = False,
        initial_potential: float = 0.0,
        share_scales: bool = True,
        seed: int = 0,
        threads: int = 1,
    ) -> Tuple[Model, Conversion]:
        """The same network with integrate-and-fire neurons in place of its ReLUs, and what was
        chosen. Run it with `frame_state="reset"` and as many `steps_per_frame` as wanted.

        frames: what the network meets, [frames, shape...], or a tuple of one for each input port.
        balancing: what activation a spike of a layer stands for. "data": the `percentile` of the
            positive activations on the frames, 100 for the largest; "model": the largest sum that
            could arrive, which needs no frames; "spike_norm": `factor` times the largest input of a
            step that the layer meets when those before it spike, found in `steps` steps, or 100.
        input: how a frame enters: "constant": a current at every step; "single_shot": all of it
            at the first step; "bernoulli": spikes of either sign, drawn with `seed`.
        bias: "every_step", or "once", as the membrane at rest. The latter belongs to a single shot,
            the former to the others: what spikes before something negative comes is not taken
            back. For the same reason more steps do not mend all that both lose in deeper layers.
        steps: steps of a frame the network is made for: a single shot, and a bias given once, need
            it.
        max_pooling: after neurons, "spikes": a window emits as many spikes as its most active
            input; "refuse": an error that names the node.
        readout: "potential" of neurons that do not spike: the outputs of the artificial network
            times the steps, without softmax and the like; "mean" over the steps, with these.
        strict: a membrane must be above the threshold to spike.
        initial_potential: the membrane at rest as a fraction of the threshold.
        share_scales: layers whose spikes are summed share the largest of their scales; if not, a
            Scale node on the edge weighs them.

        Batch-norm is folded first. Raises ModelError naming every node that cannot be converted,
        ArgumentError, and what `compile` raises.
        """
        options = _native.ConvertOptions()
        _native.library.arcuate_convert_options_init(ctypes.byref(options))
        options.balancing = choice("balancing", balancing, _native.BALANCE)
        options.input = choice("input", input, _native.CONVERTED_INPUT)
        options.bias = choice("bias", bias, _native.BIAS)
        options.max_pooling = choice("max_pooling", max_pooling, _native.MAX_POOLING)
        options.readout = choice("readout", readout, _native.READOUT)
        options.strict, options.separate_scales = bool(strict), not share_scales
        options.steps = whole("steps", steps, 0, 1_000_000)
        options.seed = whole("seed", seed, 0, 2**64 - 1)
        options.percentile, options.factor = float(percentile), float(factor)
        options.initial_potential = float(initial_potential)
        compiling = _compile_options(threads=threads)
        options.compile = ctypes.pointer(compiling)
        kept: List[Any] = []
        if frames is not None:
            with self.compile(threads=threads) as plan:
                kept = _point(options, plan, frames)
        with self._lock:
            pointer = created(
                _native.library.arcuate_model_convert, self._live(), ctypes.byref(options)
            )
        del kept
        return type(self)(pointer), _conversion(pointer)

    def conversion_loss(
        self,
        spiking: Model,
        frames: Union[npt.ArrayLike, Tuple[npt.ArrayLike, ...]],
        labels: Optional[npt.ArrayLike] = None,
        *,
        steps: int = 20,
        threads: int = 1,
    ) -> ConversionLoss:
        """Runs this network and the spiking one that was made from it on the same frames.

        frames: as in `convert`. labels: the place of the right output for each frame.

        Raises ArgumentError, and what `compile` raises.
        """
        options = _native.LossOptions()
        _native.library.arcuate_loss_options_init(ctypes.byref(options))
        options.steps = whole("steps", steps, 1, 1_000_000)
        compiling = _compile_options(threads=threads)
        options.compile = ctypes.pointer(compiling)
        with self.compile(threads=threads) as plan:
            kept = _point(options, plan, frames)
        if labels is not None:
            places = np.asarray(labels)
            if places.dtype.kind not in "iu" or places.shape != (options.frames,):
                raise errors.argument(f"labels must be {options.frames} integers")
            if places.size and not (0 <= places.min() and places.max() < 2**31):
                raise errors.argument("labels must be within 0 ... 2147483647")
            places = np.ascontiguousarray(places, np.int32)
            kept.append(places)
            options.labels = places.ctypes.data_as(ctypes.POINTER(ctypes.c_int32))
        found = _native.ConversionLoss(struct_size=ctypes.sizeof(_native.ConversionLoss))
        rates = (ctypes.c_double * 4096)()
        # Each model takes turns with other threads; both at once need one order of taking them.
        with spiking.copy() as other, self._lock:
            call(
                _native.library.arcuate_model_conversion_loss, self._live(), other._live(),
                ctypes.byref(options), ctypes.byref(found), rates, len(rates),
            )
        del kept
        return _loss(options.steps, found, tuple(rates[: min(found.layers, len(rates))]))

    def __repr__(self) -> str:
        if self.closed:
            return "<arcuate.Model, closed>"
        return f"<arcuate.Model: {' -> '.join(node.name for node in self.nodes)}>"


def _read_options(preset: Optional[str], dt: Optional[float], strict: bool) -> _native.ReadOptions:
    options = _native.ReadOptions()
    _native.library.arcuate_read_options_init(ctypes.byref(options))
    options.strict = bool(strict)
    options.preset = None if preset is None else encoded("preset", preset)
    options.dt_s = seconds("dt", dt)
    return options


def _compile_options(
    dt: Optional[float] = None,
    steps_per_frame: Optional[int] = None,
    frame_state: Optional[str] = None,
    frame_input: Optional[str] = None,
    frame_output: Optional[str] = None,
    batch: int = 1,
    threads: int = 1,
    numerics: str = "exact",
) -> _native.CompileOptions:
    options = _native.CompileOptions()
    _native.library.arcuate_compile_options_init(ctypes.byref(options))
    options.dt_s = seconds("dt", dt)
    options.steps_per_frame = optional_whole("steps_per_frame", steps_per_frame, 1_000_000)
    options.frame_state = optional_choice("frame_state", frame_state, _native.FRAME_STATE)
    options.frame_input = optional_choice("frame_input", frame_input, _native.FRAME_INPUT)
    options.frame_output = optional_choice("frame_output", frame_output, _native.FRAME_OUTPUT)
    options.batch = optional_whole("batch", batch, 65535)
    options.threads = optional_whole("threads", threads, 256)
    options.numerics = choice("numerics", numerics, _native.NUMERICS)
    return options


def _point(
    options: Any, plan: Plan, frames: Union[npt.ArrayLike, Tuple[npt.ArrayLike, ...]]
) -> List[Any]:
    """Fills in the frames of an options struct; what it points to lives as long as what is
    returned."""
    arrays, _, options.frames = _frames(plan, frames if isinstance(frames, tuple) else (frames,))
    if options.frames == 0:
        raise errors.argument("one frame is needed at least")
    addresses = (ctypes.c_void_p * max(1, len(arrays)))(*(a.ctypes.data for a in arrays))
    counts = (ctypes.c_size_t * max(1, len(arrays)))(*(array.size for array in arrays))
    options.inputs, options.input_counts = addresses, counts
    return [arrays, addresses, counts]
