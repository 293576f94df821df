"""Trainers: models that learn by gradient."""

from __future__ import annotations

import ctypes
import dataclasses
import os
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple, Union

import numpy as np
import numpy.typing as npt

from . import _native, errors
from ._handle import Handle, call, choice, created, encoded, seconds, whole
from .model import Model

Array = npt.NDArray[np.float32]
Inputs = Union[npt.ArrayLike, Tuple[npt.ArrayLike, ...]]
Surrogate = Union[str, Tuple[Any, ...]]

# What stands in for the derivative of a spike, where only its name is given.
_SURROGATES: Dict[str, Tuple[float, ...]] = {
    "box": (0.5, 1.0),
    "triangle": (1.0, 0.3),
    "fast_sigmoid": (25.0,),
    "arctan": (2.0,),
    "spike_time": (0.3, 0.01),
}


@dataclasses.dataclass(frozen=True)
class Loss:
    """What is to be made small, and how the steps of an output become one answer.

    | kind                        | of an answer y and the target t (a label: 1 for its class, else 0) |
    |-----------------------------|--------------------------------------------------------------------|
    | cross_entropy               | -log softmax(y)[label]                                             |
    | mean_square                 | the mean of (y - t)^2                                              |
    | smooth_l1                   | the same, but abs(y - t) - 1/2 beyond 1, (y - t)^2 / 2 within      |
    | binary_cross_entropy        | the mean of -t log y - (1 - t) log(1 - y)                          |
    | binary_cross_entropy_logits | the same of the logistic function of y                             |
    | count                       | as mean_square, of numbers of spikes                               |
    | stochmax, stochmax_naive    | softmax over classes that a learned gate lets through; outputs 0,  |
    |                             | 1 and 2 are logits and the two heads of the gate; naive: the gate  |
    |                             | alone, of head 1, without the posterior and the variational terms  |
    """

    kind: str = "cross_entropy"
    readout: str = "sum"
    """"last", "sum", "mean" or "maximum" of the steps; "every": each step is an answer of its own."""
    output: int = 0
    """The place of the output port."""
    window: Optional[Tuple[int, int]] = None
    """The first step that counts and the one after the last; None for all."""
    weight: float = 1.0
    """What it is multiplied with."""


@dataclasses.dataclass(frozen=True)
class TrainResult:
    """What a step of learning, or an evaluation, came to."""

    loss: float = 0.0
    """The mean over the samples."""
    correct: int = 0
    """Samples whose largest answer is that of their label."""
    samples: int = 0
    spikes: int = 0
    """Of all neurons."""
    additions: int = 0
    """Synaptic operations of spikes."""
    products: int = 0
    """Synaptic operations of values."""
    gradient_norm: float = 0.0
    """Of all gradients together, before clipping; 0 where none was made."""

    @property
    def accuracy(self) -> float:
        """The share of samples that are right."""
        return self.correct / self.samples if self.samples else 0.0

    def __add__(self, other: TrainResult) -> TrainResult:
        """Both together: means are weighed by their samples."""
        count = self.samples + other.samples
        if count == 0:
            return self
        return TrainResult(
            (self.loss * self.samples + other.loss * other.samples) / count,
            self.correct + other.correct, count, self.spikes + other.spikes,
            self.additions + other.additions, self.products + other.products,
            other.gradient_norm,
        )


class Trainer(Handle):
    """A model that learns, batch by batch.

        trainer = arcuate.Trainer(model, batch=128, steps=25, surrogate="fast_sigmoid", rate=1e-3)
        for x, y in batches:                    # [128, inputs], [128]
            print(trainer.learn(x, y).loss)
        print(trainer.evaluate(test_x, test_y).accuracy)
        trainer.model().save("learned.safetensors")

    The model stays as it is. The same model, settings, seed and batches give the same bits in every
    language and for every number of threads. May be used as a context manager.

    mode: "direct": gradients through all steps of the network as it is; "tandem": an artificial
        network whose ReLUs take the spike counts of a spiking twin, which runs for `steps` steps.
    batch: samples of a step of learning, 1 ... 65535.
    steps: of a sample, 1 ... 100000; all state starts from rest.
    input: how a sample enters: "hold": the same values at every step; "first": at the first step,
        then zeros; "every": values of its own for every step, [samples, steps, shape...].
    dt: seconds per step; None takes the model's.
    loss: a kind, a `Loss`, or several: they are added up, and the last says which answers are right.
    readout: of a loss that is given by its kind alone.
    surrogate: what stands for the derivative of a spike, with x the membrane less the threshold:
        ("box", width, height), ("triangle", width, height), ("fast_sigmoid", slope),
        ("arctan", slope), ("spike_time", alpha, beta), or a name alone. surrogates: of single nodes.
    through_reset: whether a membrane's reset counts as depending on the spike that made it.
    plastic_steps: of a sample, from the first on, the steps in which rules change the fast weights of
        "PlasticLinear" nodes with alpha; None means all. Gradients follow what the rules do.
    detach_time: stop gradients at every step. detach: edges (from, to) that no gradient passes.
    freeze: nodes that stay as they are. train: parameters of neurons that learn as well,
        "node.field", or "field" of all nodes, such as "tau". tie: groups of nodes that share the
        parameters of their first. dropout: by node, the share of outputs that is dropped.
    optimizer: "sgd", "adam", "adamax" or "adamw".
    schedule: ("decay", factor, steps), ("milestones", factor, [steps]), ("cosine", steps),
        ("linear", steps); None keeps the rate.
    clip_norm, clip_value: the largest norm of all gradients, the largest magnitude of an element.
    noise: random changes after each step, ("additive" or "multiplicative", sigma) or with the step
        at which they have faded to nothing.
    norm_momentum: the share of a batch's statistics in the running ones of a batch-norm.
    input_gradients: whether `input_gradient` is wanted.

    Raises ModelError, CompileError naming a node that has no gradient here, NotFoundError for a name
    that the model lacks, ArgumentError, OutOfMemoryError.
    """

    def __init__(
        self,
        model: Model,
        *,
        mode: str = "direct",
        batch: int = 128,
        steps: int = 1,
        input: str = "hold",
        dt: Optional[float] = None,
        loss: Union[str, Loss, Sequence[Loss]] = "cross_entropy",
        readout: str = "sum",
        surrogate: Surrogate = "box",
        surrogates: Mapping[str, Surrogate] = {},
        through_reset: bool = True,
        detach_time: bool = False,
        plastic_steps: Optional[int] = None,
        detach: Iterable[Tuple[str, str]] = (),
        freeze: Iterable[str] = (),
        train: Iterable[str] = (),
        tie: Iterable[Sequence[str]] = (),
        dropout: Mapping[str, float] = {},
        optimizer: str = "adam",
        rate: float = 1e-3,
        momentum: float = 0.0,
        nesterov: bool = False,
        betas: Tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1e-8,
        amsgrad: bool = False,
        weight_decay: float = 0.0,
        schedule: Optional[Tuple[Any, ...]] = None,
        clip_norm: Optional[float] = None,
        clip_value: Optional[float] = None,
        noise: Optional[Tuple[Any, ...]] = None,
        norm_momentum: float = 0.1,
        input_gradients: bool = False,
        threads: int = 1,
        seed: int = 0,
    ) -> None:
        library = _native.library
        options = _native.TrainOptions()
        library.arcuate_train_options_init(ctypes.byref(options))
        options.mode = choice("mode", mode, _native.TRAIN)
        options.batch = whole("batch", batch, 1, 65535)
        options.steps = whole("steps", steps, 1, 100_000)
        options.input = choice("input", input, _native.SAMPLE)
        options.threads = whole("threads", threads, 1, 256)
        options.through_reset, options.detaches_time = bool(through_reset), bool(detach_time)
        options.input_gradients = bool(input_gradients)
        if plastic_steps is not None:
            options.plastic_steps = whole("plastic_steps", plastic_steps, 1, 100_000)
        options.dt_s = seconds("dt", dt)
        options.seed = whole("seed", seed, 0, 2**64 - 1)
        kind, a, b = _surrogate(surrogate)
        options.surrogate, options.surrogate_a, options.surrogate_b = kind, a, b
        options.norm_momentum = float(norm_momentum)
        options.optimizer = choice("optimizer", optimizer, _native.OPTIMIZER)
        options.rate, options.momentum, options.nesterov = float(rate), float(momentum), bool(nesterov)
        options.beta1, options.beta2 = (float(beta) for beta in betas)
        options.epsilon, options.amsgrad = float(epsilon), bool(amsgrad)
        options.weight_decay = float(weight_decay)
        options.clip_norm = _positive("clip_norm", clip_norm)
        options.clip_value = _positive("clip_value", clip_value)
        kept = _schedule(options, schedule)
        _noise(options, noise)
        recipe = created(library.arcuate_recipe_create, ctypes.byref(options))
        del kept
        try:
            for node, shape in surrogates.items():
                kind, a, b = _surrogate(shape)
                call(library.arcuate_recipe_set_surrogate, recipe, encoded("surrogates", node), kind, a, b)
            for node, share in dropout.items():
                call(library.arcuate_recipe_set_dropout, recipe, encoded("dropout", node), float(share))
            for node in _names("freeze", freeze):
                call(library.arcuate_recipe_freeze, recipe, node)
            for parameter in _names("train", train):
                call(library.arcuate_recipe_train, recipe, parameter)
            for group in tie:
                names = _names("tie", group)
                pointers = (ctypes.c_char_p * max(1, len(names)))(*names)
                call(
                    library.arcuate_recipe_tie, recipe,
                    ctypes.cast(pointers, ctypes.POINTER(ctypes.c_void_p)), len(names),
                )
            for source, target in detach:
                call(
                    library.arcuate_recipe_detach, recipe,
                    encoded("detach", source), encoded("detach", target),
                )
            for one in _losses(loss, readout):
                call(library.arcuate_recipe_add_loss, recipe, ctypes.byref(one))
            with model._lock:
                pointer = created(library.arcuate_trainer_create, model._live(), recipe)
        finally:
            library.arcuate_recipe_free(recipe)
        super().__init__(pointer, library.arcuate_trainer_free)
        self._inputs = tuple(
            library.arcuate_trainer_input_size(pointer, port)
            for port in range(library.arcuate_trainer_input_count(pointer))
        )
        self._outputs = tuple(
            library.arcuate_trainer_output_size(pointer, port)
            for port in range(library.arcuate_trainer_output_count(pointer))
        )
        self._batch: int = library.arcuate_trainer_batch(pointer)
        self._steps: int = library.arcuate_trainer_output_steps(pointer)
        self._parameters: Dict[str, Tuple[int, Tuple[int, ...], bool]] = {}
        for i in range(library.arcuate_trainer_parameter_count(pointer)):
            extents = (ctypes.c_size_t * 16)()
            rank = library.arcuate_trainer_parameter_shape(pointer, i, extents, 16)
            name = _native.text(library.arcuate_trainer_parameter_name(pointer, i))
            learns = library.arcuate_trainer_parameter_learns(pointer, i) == 1
            self._parameters[name] = (i, tuple(extents[:rank]), learns)

    # ---- Batches

    def learn(self, inputs: Inputs, targets: npt.ArrayLike) -> TrainResult:
        """One step of learning from exactly `batch` samples.

        inputs: [batch, shape...], or [batch, steps, shape...] with input "every"; a tuple of such
            arrays for several input ports. float32 arrays in C order are read where they are.
        targets: integers, a class for each sample; or numbers, [batch, outputs], for a loss with
            readout "every" also [batch, steps, outputs].

        Raises ArgumentError for wrong shapes, labels out of range and numbers that are not finite:
        nothing has changed then; StateError if the loss is no longer finite.
        """
        return self._measure(_native.library.arcuate_trainer_learn, inputs, targets, whole_batch=True)

    def gradients(self, inputs: Inputs, targets: npt.ArrayLike) -> TrainResult:
        """The gradients of a batch, for `gradient` and `input_gradient`, without a step: dropout and
        statistics are those of an evaluation. Otherwise as `learn`."""
        return self._measure(
            _native.library.arcuate_trainer_gradients, inputs, targets, whole_batch=True
        )

    def evaluate(self, inputs: Inputs, targets: npt.ArrayLike) -> TrainResult:
        """The loss of any number of samples, which are run in batches. Otherwise as `learn`."""
        arrays, count = self._arrays(inputs)
        wanted = np.asarray(targets)
        if wanted.shape[:1] != (count,):
            raise errors.argument(f"{count} samples, but targets of shape {wanted.shape}")
        result = TrainResult()
        for start in range(0, count, self._batch):
            part = slice(start, start + self._batch)
            result = result + self._measure(
                _native.library.arcuate_trainer_evaluate, tuple(a[part] for a in arrays), wanted[part]
            )
        return result

    def predict(self, inputs: Inputs) -> Union[Array, Tuple[Array, ...]]:
        """What the outputs emit for any number of samples: [samples, steps, outputs], in tandem of
        one step; for several output ports a tuple of them."""
        arrays, count = self._arrays(inputs)
        results = tuple(np.empty((count, self._steps, size), np.float32) for size in self._outputs)
        for start in range(0, count, self._batch):
            part = slice(start, start + self._batch)
            given, kept = self._samples(tuple(a[part] for a in arrays), None)
            parts = [result[part] for result in results]
            addresses = (ctypes.c_void_p * len(parts))(*(p.ctypes.data for p in parts))
            counts = (ctypes.c_size_t * len(parts))(*(p.size for p in parts))
            with self._lock:
                self._check(
                    _native.library.arcuate_trainer_predict(
                        self._live(), ctypes.byref(given), addresses, counts
                    )
                )
            del kept
        return results[0] if len(results) == 1 else results

    def _measure(
        self, function: Any, inputs: Inputs, targets: npt.ArrayLike, whole_batch: bool = False
    ) -> TrainResult:
        arrays, count = self._arrays(inputs)
        if whole_batch and count != self._batch:
            raise errors.argument(f"{count} samples, not a batch of {self._batch}")
        given, kept = self._samples(arrays, np.asarray(targets))
        found = _native.TrainResult(struct_size=ctypes.sizeof(_native.TrainResult))
        with self._lock:
            self._check(function(self._live(), ctypes.byref(given), ctypes.byref(found)))
        del kept
        return TrainResult(
            found.loss, found.correct, found.samples, found.spikes, found.additions,
            found.products, found.gradient_norm,
        )

    def _check(self, status: int) -> None:
        """Raises the sentence that the trainer keeps; the caller holds the lock."""
        if status != _native.SUCCESS:
            message = _native.text(_native.library.arcuate_trainer_last_error(self._pointer))
            raise errors.make(status, message)

    def _arrays(self, inputs: Inputs) -> Tuple[Tuple[Array, ...], int]:
        """An array of float32 for each port, and the samples in each."""
        given = inputs if isinstance(inputs, tuple) else (inputs,)
        arrays = tuple(np.ascontiguousarray(array, np.float32) for array in given)
        if len(arrays) != len(self._inputs):
            raise errors.argument(f"{len(arrays)} inputs for {len(self._inputs)} input ports")
        count = arrays[0].shape[0] if arrays and arrays[0].ndim else 0
        for port, (array, size) in enumerate(zip(arrays, self._inputs)):
            if array.ndim == 0 or array.shape[0] != count or array.size != count * size:
                raise errors.argument(
                    f"input {port} has the shape {array.shape}, not samples of {size} numbers"
                )
        return arrays, count

    def _samples(
        self, arrays: Tuple[Array, ...], targets: Optional[npt.NDArray[Any]]
    ) -> Tuple[_native.Samples, List[Any]]:
        """The struct, and what it points to."""
        count = arrays[0].shape[0] if arrays else 0
        given = _native.Samples(struct_size=ctypes.sizeof(_native.Samples), count=count)
        addresses = (ctypes.c_void_p * max(1, len(arrays)))(*(a.ctypes.data for a in arrays))
        counts = (ctypes.c_size_t * max(1, len(arrays)))(*(a.size for a in arrays))
        given.inputs, given.input_counts = addresses, counts
        kept: List[Any] = [arrays, addresses, counts]
        if targets is None:
            return given, kept
        if targets.dtype.kind in "iub" and targets.ndim == 1:
            if targets.shape != (count,):
                raise errors.argument(f"{count} samples, but {targets.shape[0]} labels")
            if targets.size and not (0 <= targets.min() and targets.max() < 2**31):
                raise errors.argument("labels must be within 0 ... 2147483647")
            labels = np.ascontiguousarray(targets, np.int32)
            given.labels = labels.ctypes.data_as(ctypes.POINTER(ctypes.c_int32))
            kept.append(labels)
        else:
            if targets.ndim == 0 or targets.shape[0] != count:
                raise errors.argument(f"{count} samples, but targets of shape {targets.shape}")
            values = np.ascontiguousarray(targets, np.float32)
            given.targets, given.target_count = values.ctypes.data, values.size
            kept.append(values)
        return given, kept

    # ---- Progress

    @property
    def batch(self) -> int:
        """Samples of a step of learning."""
        return self._batch

    @property
    def step(self) -> int:
        """Steps of learning made."""
        with self._lock:
            return int(_native.library.arcuate_trainer_step(self._live()))

    @property
    def rate(self) -> float:
        """The rate of the next step, with schedule and factor."""
        with self._lock:
            return float(_native.library.arcuate_trainer_rate(self._live()))

    @property
    def rate_factor(self) -> float:
        """A factor on the rate, for whoever sees that progress stops; 1 at the start."""
        with self._lock:
            return float(_native.library.arcuate_trainer_rate_factor(self._live()))

    @rate_factor.setter
    def rate_factor(self, value: float) -> None:
        with self._lock:
            self._check(
                _native.library.arcuate_trainer_set_rate_factor(self._live(), float(value))
            )

    # ---- Parameters

    @property
    def parameters(self) -> Tuple[str, ...]:
        """The names of all parameters, "node.field", in the order of the model; of those that nodes
        share, the first's."""
        return tuple(self._parameters)

    @property
    def learning(self) -> Tuple[str, ...]:
        """The names of the parameters that learn."""
        return tuple(name for name, (_, _, learns) in self._parameters.items() if learns)

    def _parameter(self, name: str) -> Tuple[int, Array]:
        """Its place, and room for its numbers."""
        if name not in self._parameters:
            raise errors.NotFoundError(_native.NOT_FOUND, f"there is no parameter {name!r}")
        place, shape, _ = self._parameters[name]
        return place, np.empty(shape, np.float32)

    def parameter(self, name: str) -> Array:
        """A copy of a parameter. Raises NotFoundError."""
        return self._read(_native.library.arcuate_trainer_read_parameter, name)

    def gradient(self, name: str) -> Array:
        """The gradient of a parameter from the last `learn` (after clipping) or `gradients`. Raises
        NotFoundError."""
        return self._read(_native.library.arcuate_trainer_read_gradient, name)

    def _read(self, function: Any, name: str) -> Array:
        place, values = self._parameter(name)
        with self._lock:
            call(function, self._live(), place, values.ctypes.data, values.size)
        return values

    def set_parameter(self, name: str, values: npt.ArrayLike) -> None:
        """Replaces the numbers of a parameter. Raises NotFoundError, ArgumentError."""
        place, room = self._parameter(name)
        array = np.ascontiguousarray(values, np.float32)
        if array.shape != room.shape:
            raise errors.argument(f"{name} has the shape {room.shape}, not {array.shape}")
        with self._lock:
            call(
                _native.library.arcuate_trainer_write_parameter,
                self._live(), place, array.ctypes.data, array.size,
            )

    def input_gradient(self, port: int = 0) -> Array:
        """The gradient of an input from the last `learn` or `gradients`, [batch, numbers of a sample].
        Needs `input_gradients`. Raises StateError, ArgumentError."""
        if whole("port", port) >= len(self._inputs):
            raise errors.argument(f"port must be below {len(self._inputs)}, not {port}")
        values = np.empty((self._batch, self._inputs[port]), np.float32)
        with self._lock:
            call(
                _native.library.arcuate_trainer_read_input_gradient,
                self._live(), port, values.ctypes.data, values.size,
            )
        return values

    # ---- Result

    def model(self) -> Model:
        """The model with what was learned so far; in tandem the artificial one."""
        with self._lock:
            return Model(created(_native.library.arcuate_trainer_model, self._live()))

    def spiking_model(self) -> Model:
        """The network that spikes, for a session: compiled with `frame_state="reset"` and as many
        `steps_per_frame` as it learned with, its last output is what `predict` gives, up to rounding.

        In tandem, batch-norm is folded, ReLUs are integrate-and-fire neurons that start with their
        bias, and outputs are potentials. Of direct learning it is the learned model; with input
        "first" it is compiled with `frame_input="first"`."""
        with self._lock:
            return Model(created(_native.library.arcuate_trainer_spiking_model, self._live()))

    def save(self, path: Union[str, os.PathLike[str]], note: str = "") -> None:
        """Writes a checkpoint, whole or not at all: all that learning has changed, and a note.

        Raises FileError, ArgumentError.
        """
        with self._lock:
            call(
                _native.library.arcuate_trainer_save,
                self._live(), _path(path), encoded("note", note),
            )

    def restore(self, path: Union[str, os.PathLike[str]]) -> str:
        """Goes on from a checkpoint of a trainer of the same model and settings: the steps to come
        have the bits they would have had. Returns the note. The number of threads may differ.

        Raises FileError, FormatError; StateError for a checkpoint of another model or of other
        settings, saying what differs: nothing has changed then.
        """
        with self._lock:
            call(_native.library.arcuate_trainer_restore, self._live(), _path(path))
            return _native.text(_native.library.arcuate_trainer_note(self._pointer))

    def __repr__(self) -> str:
        if self.closed:
            return "<arcuate.Trainer, closed>"
        return f"<arcuate.Trainer: step {self.step}, {len(self.learning)} parameters learn>"


def sample_order(count: int, epoch: int, seed: int = 0) -> npt.NDArray[np.uint64]:
    """The order in which samples come in an epoch: a permutation of 0 ... count - 1, the same
    everywhere for the same seed."""
    order = np.empty(whole("count", count, 0, 2**32 - 1), np.uint64)
    status = _native.library.arcuate_sample_order(
        order.size, whole("epoch", epoch), whole("seed", seed, 0, 2**64 - 1),
        order.ctypes.data_as(ctypes.c_void_p),
    )
    errors.check(status, ctypes.c_void_p())
    return order


def _path(path: Union[str, os.PathLike[str]]) -> bytes:
    name = os.fsencode(path)
    if b"\0" in name:
        raise errors.argument("path must not contain zero bytes")
    return name


def _surrogate(given: Surrogate) -> Tuple[int, float, float]:
    name, *numbers = (given,) if isinstance(given, str) else given
    kind = choice("surrogate", name, _native.SURROGATE)
    defaults = _SURROGATES[name]
    if len(numbers) > len(defaults):
        raise errors.argument(f"the surrogate {name} has {len(defaults)} numbers, not {len(numbers)}")
    values = [float(number) for number in numbers] + list(defaults[len(numbers):]) + [0.0]
    return kind, values[0], values[1]


def _positive(name: str, value: Optional[float]) -> float:
    """As the C interface takes it, where 0 means none."""
    if value is None:
        return 0.0
    if not value > 0:
        raise errors.argument(f"{name} must be above 0, not {value!r}")
    return float(value)


def _schedule(options: _native.TrainOptions, given: Optional[Tuple[Any, ...]]) -> Any:
    """Fills in the schedule; returns what the options point to."""
    if given is None:
        return None
    name, *rest = given
    options.schedule = choice("schedule", name, _native.SCHEDULE)
    needed = {"constant": 0, "decay": 2, "milestones": 2, "cosine": 1, "linear": 1}[name]
    if len(rest) != needed:
        raise errors.argument(f"the schedule {name} has {needed} further parts, not {len(rest)}")
    if name in ("decay", "milestones"):
        options.schedule_factor = float(rest[0])
    if name == "milestones":
        places = (ctypes.c_int64 * max(1, len(rest[1])))(*(whole("milestone", p) for p in rest[1]))
        options.milestones, options.milestone_count = places, len(rest[1])
        return places
    if rest:
        options.schedule_steps = whole("steps of the schedule", rest[-1], 1)
    return None


def _noise(options: _native.TrainOptions, given: Optional[Tuple[Any, ...]]) -> None:
    if given is None:
        return
    if len(given) not in (2, 3):
        raise errors.argument("noise is a kind, sigma and perhaps the step at which it has faded")
    options.weight_noise = choice("noise", given[0], _native.WEIGHT_NOISE)
    options.noise_sigma = float(given[1])
    if len(given) == 3 and given[2] is not None:
        options.noise_fades_at = whole("the step at which noise has faded", given[2], 1)


def _names(what: str, names: Iterable[str]) -> List[bytes]:
    if isinstance(names, str):
        raise errors.argument(f"{what} must be a list of names, not the string {names!r}")
    return [encoded(what, name) for name in names]


def _losses(given: Union[str, Loss, Sequence[Loss]], readout: str) -> List[_native.TrainLoss]:
    if isinstance(given, str):
        given = Loss(given, readout)
    losses = [given] if isinstance(given, Loss) else list(given)
    if not losses:
        raise errors.argument("one loss is needed at least")
    made = []
    for loss in losses:
        first, end = loss.window or (0, 0)
        made.append(
            _native.TrainLoss(
                struct_size=ctypes.sizeof(_native.TrainLoss),
                port=whole("output", loss.output, 0, 2**31 - 1),
                kind=choice("loss", loss.kind, _native.LOSS),
                answer=choice("readout", loss.readout, _native.ANSWER),
                weight=float(loss.weight), first=whole("window", first, 0, 2**31 - 1),
                step_end=whole("window", end, 0, 2**31 - 1),
            )
        )
    return made
