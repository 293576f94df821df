"""Models: read, write, inspect and adjust networks."""

from __future__ import annotations

import ctypes
import json
import os
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Optional, Tuple, Union

import numpy as np
import numpy.typing as npt

from . import _native, errors
from ._handle import (
    Handle,
    call,
    choice,
    created,
    encoded,
    int32,
    optional_choice,
    optional_int32,
    seconds,
    whole,
)
from .conversion import Conversion, ConversionLoss, _conversion, _loss
from .finding import Finding, findings
from .plan import Plan
from .quantization import Quantization, _quantization
from .session import _frames


class Node(NamedTuple):
    """A node of a model's outermost graph."""

    name: str
    """Name in the file."""
    kind: str
    """Kind, such as "Affine" or "LIF"."""


class Model(Handle):
    """A network, which is compiled to a `Plan`. A context manager."""

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
        """Reads a .nir or .safetensors file, a Kaldi nnet3 model or a JSON list of layers
        (`arcuate.documentation("layer-list")`); the format is detected from the file's first bytes.

        preset: library that wrote the file and whose neurons it means: "nir", "snntorch", "norse",
            "spikingjelly", "sinabs", "rockpool", "spyx", "lava", "nengo" or "spinnaker2"; with options,
            such as "snntorch:reset=subtract,delay=1" or "sinabs:norm_input=0"; by default as the file
            states. See `arcuate.documentation("semantics")`.
        dt: seconds per step, 1e-12 ... 1e6; by default as the file states.
        strict: fail if something is missing or inconsistent, instead of repairing it and reporting it
            in `findings`.

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
        """Reads a model from the content of a file, which is copied. Otherwise like `open`."""
        content = bytes(memoryview(data))
        options = _read_options(preset, dt, strict)
        return cls(
            created(
                _native.library.arcuate_model_from_memory,
                content,
                len(content),
                ctypes.byref(options),
            )
        )

    def save(self, path: Union[str, os.PathLike[str]]) -> None:
        """Writes a .nir or .safetensors file, chosen by the extension of the path. The file is
        replaced as a whole or left unchanged.

        Raises FileError, ModelError if the format cannot express the model, ArgumentError.
        """
        name = os.fsencode(path)
        if b"\0" in name:
            raise errors.argument("path must not contain zero bytes")
        with self._lock:
            call(_native.library.arcuate_model_save, self._live(), name)

    def copy(self) -> Model:
        """A copy of the model."""
        with self._lock:
            pointer = _native.library.arcuate_model_copy(self._live())
        if pointer is None:
            raise errors.OutOfMemoryError(_native.OUT_OF_MEMORY, "the model cannot be copied")
        return type(self)(pointer)

    __copy__ = copy

    def __deepcopy__(self, memo: Dict[int, Any]) -> Model:
        return self.copy()

    def set_rule(self, node: str, rule: Union[str, Mapping[str, Any]]) -> None:
        """Attaches a plasticity rule to a node: it changes the node's weights while a session adapts.

        rule: a mapping or JSON text; `arcuate.documentation("plasticity-rules")` describes its fields,
            and "plastic-nodes" those of the nodes that rules work with.

        Raises NotFoundError, ModelError for a node without weights that a rule can change,
        FormatError or ArgumentError for an invalid rule.
        """
        text = rule if isinstance(rule, str) else json.dumps(dict(rule))
        with self._lock:
            call(
                _native.library.arcuate_model_set_rule,
                self._live(),
                encoded("node", node),
                encoded("rule", text),
            )

    def freeze(self) -> Model:
        """A copy of the model without rules: its weights and thresholds no longer change."""
        with self._lock:
            return Model(created(_native.library.arcuate_model_freeze, self._live()))

    def program(self, node: str) -> str:
        """The program of a node, whose neurons' step is a text
        (`arcuate.documentation("neuron-programs")`).

        Raises NotFoundError if there is no such node, or it has none.
        """
        name = encoded("node", node)
        with self._lock:
            text = _native.library.arcuate_model_program(self._live(), name)
        if text is None:
            raise errors.NotFoundError(_native.NOT_FOUND, f'there is no program of a node "{node}"')
        return _native.text(text)

    def set_program(self, node: str, text: str) -> None:
        """Gives the neurons of a node another step. The node has a program, or is a neuron of NIR such
        as "LIF". Parameters that the new program has by the same names keep their values; those of NIR
        are named as in its files, such as "tau" and "v_threshold".

        Raises FormatError or LimitError with line and column, NotFoundError, ArgumentError for a node
        of another kind.
        """
        name, program = encoded("node", node), encoded("text", text)
        with self._lock:
            call(_native.library.arcuate_model_set_program, self._live(), name, program)

    def set_program_parameter(self, node: str, name: str, value: npt.ArrayLike) -> None:
        """Sets a parameter of a program to a number, or to an array with one for each neuron.

        Raises NotFoundError for a node or a parameter, ArgumentError for a node without a program, an
        array of another size and numbers that are not finite.
        """
        values = np.ascontiguousarray(value, np.float32)
        with self._lock:
            call(
                _native.library.arcuate_model_set_parameter,
                self._live(),
                encoded("node", node),
                encoded("name", name),
                values.ctypes.data,
                values.size,
            )

    def set_semantics(self, field: str, value: Union[str, int, bool]) -> None:
        """Sets one field of the neuron semantics, or with "preset" all of them.

        | field           | values                                                                   |
        |-----------------|--------------------------------------------------------------------------|
        | preset          | a preset of `open`                                                       |
        | integrator      | euler, euler_old_current, exponential, exponential_unit, exponential_post|
        | reset           | to_value, subtract, none                                                 |
        | reset_timing    | same_step, next_step, same_step_residual                                 |
        | comparison      | >, >=                                                                    |
        | spike_timing    | same_step, next_step                                                     |
        | feedback_start  | zero, response                                                           |
        | integrator_gain | dt_r, r                                                                  |
        | multi_spike     | False, True                                                              |
        | clamps_below    | False, True                                                              |
        | rule            | the rule of a preset, such as "spyx"; the fields stay                    |

        The rule of a preset replaces the fields. Setting a field afterwards sets the option of that
        name or, where there is none, replaces the rule by the fields.

        Raises ArgumentError.
        """
        if isinstance(value, bool):
            value = int(value)
        word = value if isinstance(value, str) else str(whole("value", value))
        with self._lock:
            call(
                _native.library.arcuate_model_set_semantics,
                self._live(),
                encoded("field", field),
                encoded("value", word),
            )

    def semantics(self, **fields: Union[str, int, bool]) -> None:
        """Sets several fields in order; on an error none of them.

        `model.semantics(preset="snntorch", reset="subtract")`. Raises ArgumentError.
        """
        with self.copy() as trial:
            for field, value in fields.items():
                trial.set_semantics(field, value)
        for field, value in fields.items():
            self.set_semantics(field, value)

    def fold_batch_norm(self) -> None:
        """Folds each batch normalization that directly follows weights into these weights."""
        with self._lock:
            call(_native.library.arcuate_model_fold_batch_norm, self._live())

    @property
    def dt(self) -> Optional[float]:
        """Time step the model was made for, in seconds; None if it states none."""
        with self._lock:
            return _native.library.arcuate_model_dt(self._live()) or None

    def metadata_number(self, name: str) -> Optional[float]:
        """A number in the model's metadata; None if there is none of that name.

        Networks that use neighboring frames, such as those of Kaldi, state "left_context" and
        "latency": repeat the first frame `left_context` times before each utterance and the last one
        `latency` times after it, and drop the first `left_context + latency` outputs.
        """
        with self._lock:
            value = _native.library.arcuate_model_metadata_number(
                self._live(), encoded("name", name), float("nan")
            )
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
        """Findings from reading and checking the model. With an "error" it cannot be compiled."""
        with self._lock:
            return findings("model", self._live())

    def compile(
        self,
        dt: Optional[float] = None,
        steps_per_frame: Optional[int] = None,
        frame_state: Optional[str] = None,
        frame_input: Optional[str] = None,
        frame_output: Optional[str] = None,
        batch: Optional[int] = None,
        threads: Optional[int] = None,
        numerics: str = "exact",
        max_session_bytes: Optional[int] = None,
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
        batch: independent streams that a session advances together, 1 ... 65535; by default 1.
        threads: 1 ... 256, by default 1; more threads than processors are of no use. Threads divide
            the streams. With one stream they divide the outputs of layers with at least a million
            weights or, without such layers, the nodes: each thread runs some of them, four steps
            behind the one before it, in calls of more than four steps, as long as this is measured
            to be faster.
            Threads do not survive os.fork().
        numerics: "exact": the same bits for every thread count, chunking, batch and kernel;
            "fast": products and sums may be fused and sums evaluated in any order, including the
            addition to a membrane. A sum of n terms is within n ulp of the sum of their magnitudes; a
            neuron whose membrane crosses its threshold because of it spikes at another step. A probe
            may change the order.
        max_session_bytes: bytes that a session may need, by default 2**32. A small file can state delays
            that need much memory.

        Raises ModelError naming the node, CompileError, LimitError, ArgumentError, OutOfMemoryError.
        """
        options = _compile_options(
            dt,
            steps_per_frame,
            frame_state,
            frame_input,
            frame_output,
            batch,
            threads,
            numerics,
            max_session_bytes,
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
        batch: Optional[int] = None,
        threads: Optional[int] = None,
    ) -> Tuple[Model, Quantization]:
        """A copy of the model whose linear and convolution weights are quantized, and a report.

        element: "int8": -127 ... 127 with one scale per output channel; "bfloat16".
        frames: calibration frames, representative inputs: an array [frames, batch, shape...] as for
            `Session.run`, or a tuple with one per input port. The scales of int8 weights are then
            those that change the outputs of each node least on these frames; without frames they are
            the largest weight / 127.
        keep: names of nodes whose weights are kept; the name of a graph for all its nodes.
        keep_first, keep_last: keep the weights of the first, or the last, node with weights.
        fold_batch_norm: first fold batch normalization into the weights before it where that is
            exact.
        dt, steps_per_frame, frame_state, frame_input, batch, threads: how the frames are run, as in
            `compile`.

        Biases, neurons, lists of connections (SparseLinear) and weights already of that type are
        unchanged. A .safetensors file keeps quantized weights; a .nir file gets float32 weights of
        the same values.

        Raises NotFoundError for a name in `keep` that has no weights, ModelError, ArgumentError, and
        the errors of `compile`.
        """
        kind = choice("element", element, _native.ELEMENT[1:]) + 1
        if isinstance(keep, str):
            raise errors.argument(f"keep must be a list of names, got the string {keep!r}")
        names = [encoded("keep", name) for name in keep]
        options = _native.QuantizationOptions()
        _native.library.arcuate_quantization_options_init(ctypes.byref(options))
        options.element = kind
        options.keep_first, options.keep_last = bool(keep_first), bool(keep_last)
        options.keep_batch_norm = not fold_batch_norm
        options.keep = (ctypes.c_char_p * max(1, len(names)))(*names)
        options.keep_count = len(names)
        # A ctypes pointer in a struct does not keep its target alive.
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
        """A copy of the model with float32 weights and biases of exactly the values that its
        quantized ones represent."""
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
        threads: Optional[int] = None,
    ) -> Tuple[Model, Conversion]:
        """A copy of the model with integrate-and-fire neurons in place of its ReLUs, and a report.
        Run it with as many `steps_per_frame` as wanted.

        frames: representative frames, [frames, shape...], or a tuple with one array per input port.
        balancing: how the scale of a layer, the activation that one spike represents, is chosen.
            "data": the `percentile` of the positive activations on the frames, 100 for the largest;
            "model": the largest sum that inputs no larger than their scales can produce, which needs
            no frames; "spike_norm": `factor` times the largest input of a step, measured for `steps`
            steps (by default 100) while the layers before it spike.
        input: how the values of a frame enter. "constant": as a current at every step;
            "single_shot": entirely at the first step; "bernoulli": as random signed spikes.
        bias: when neurons receive their bias. "every_step": a share at every step; "once": all of
            it as the membrane potential at rest. Use "once" with "single_shot" input and
            "every_step" otherwise: a spike that is emitted before a negative input arrives is not
            taken back, an error that more steps do not remove in deeper layers.
        steps: steps per frame, required for "single_shot" and "once".
        max_pooling: what replaces max pooling after neurons. "spikes": a window emits as many spikes
            as its most active input; "refuse": an error that names the node.
        readout: what is read off the outputs. "potential": the potential of neurons that do not
            spike, which is the output of the artificial network times the number of steps, without
            functions such as softmax; "mean": the mean over the steps, with such functions.
        strict: a membrane must exceed the threshold to spike.
        initial_potential: membrane potential at rest, as a fraction of the threshold.
        share_scales: layers whose spikes are added share the largest of their scales; otherwise a
            Scale node on each edge weights them.
        seed: seed of "bernoulli" input.

        Batch normalization is folded first. Raises ModelError naming every node that cannot be
        converted, ArgumentError, and the errors of `compile`.
        """
        options = _native.ConversionOptions()
        _native.library.arcuate_conversion_options_init(ctypes.byref(options))
        options.balancing = choice("balancing", balancing, _native.BALANCING)
        options.input = choice("input", input, _native.CONVERSION_INPUT)
        options.bias = choice("bias", bias, _native.CONVERSION_BIAS)
        options.max_pooling = choice("max_pooling", max_pooling, _native.CONVERSION_MAX_POOLING)
        options.readout = choice("readout", readout, _native.CONVERSION_READOUT)
        options.strict, options.separate_scales = bool(strict), not share_scales
        options.steps = int32("steps", steps)
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
        threads: Optional[int] = None,
    ) -> ConversionLoss:
        """Runs this network and the spiking one converted from it on the same frames and compares
        them.

        frames: as for `convert`. labels: the index of the correct output for each frame.

        Raises ArgumentError, and the errors of `compile`.
        """
        options = _native.ConversionLossOptions()
        _native.library.arcuate_conversion_loss_options_init(ctypes.byref(options))
        options.steps = int32("steps", steps)
        compiling = _compile_options(threads=threads)
        options.compile = ctypes.pointer(compiling)
        with self.compile(threads=threads) as plan:
            kept = _point(options, plan, frames)
        if labels is not None:
            indices = np.asarray(labels)
            if indices.dtype.kind not in "iu" or indices.shape != (options.frames,):
                raise errors.argument(f"labels must be {options.frames} integers")
            if indices.size and not (0 <= indices.min() and indices.max() < 2**31):
                raise errors.argument("labels must be 0 ... 2147483647")
            indices = np.ascontiguousarray(indices, np.int32)
            kept.append(indices)
            options.labels = indices.ctypes.data_as(ctypes.POINTER(ctypes.c_int32))
        found = _native.ConversionLoss(struct_size=ctypes.sizeof(_native.ConversionLoss))
        rates = (ctypes.c_double * 4096)()
        # A copy, so that only one lock is held.
        with spiking.copy() as other, self._lock:
            call(
                _native.library.arcuate_model_conversion_loss,
                self._live(),
                other._live(),
                ctypes.byref(options),
                ctypes.byref(found),
                rates,
                len(rates),
            )
        del kept
        return _loss(options.steps, found, tuple(rates[: min(found.layers, len(rates))]))

    def __repr__(self) -> str:
        if self.closed:
            return "<arcuate.Model, closed>"
        names = [node.name for node in self.nodes]
        more = f", ... {len(names) - 20} more" if len(names) > 20 else ""
        return f"<arcuate.Model: nodes {', '.join(names[:20])}{more}>"


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
    batch: Optional[int] = None,
    threads: Optional[int] = None,
    numerics: str = "exact",
    max_session_bytes: Optional[int] = None,
) -> _native.CompileOptions:
    options = _native.CompileOptions()
    _native.library.arcuate_compile_options_init(ctypes.byref(options))
    options.dt_s = seconds("dt", dt)
    options.steps_per_frame = optional_int32("steps_per_frame", steps_per_frame)
    options.frame_state = optional_choice("frame_state", frame_state, _native.FRAME_STATE)
    options.frame_input = optional_choice("frame_input", frame_input, _native.FRAME_INPUT)
    options.frame_output = optional_choice("frame_output", frame_output, _native.FRAME_OUTPUT)
    options.batch = optional_int32("batch", batch)
    options.threads = optional_int32("threads", threads)
    options.numerics = choice("numerics", numerics, _native.NUMERICS)
    if max_session_bytes is not None:
        options.max_session_bytes = whole("max_session_bytes", max_session_bytes, 1, 2**64 - 1)
    return options


def _point(
    options: Any, plan: Plan, frames: Union[npt.ArrayLike, Tuple[npt.ArrayLike, ...]]
) -> List[Any]:
    """Sets the frames of an options struct, which are valid as long as the returned list."""
    arrays, _, options.frames = _frames(plan, frames if isinstance(frames, tuple) else (frames,))
    if options.frames == 0:
        raise errors.argument("at least one frame is required")
    addresses = (ctypes.c_void_p * max(1, len(arrays)))(*(a.ctypes.data for a in arrays))
    counts = (ctypes.c_size_t * max(1, len(arrays)))(*(array.size for array in arrays))
    options.inputs, options.input_counts = addresses, counts
    return [arrays, addresses, counts]
