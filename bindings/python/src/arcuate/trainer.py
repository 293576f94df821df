"""Trainers: training of models by gradient."""

from __future__ import annotations

import ctypes
import os
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple, Union

import numpy as np
import numpy.typing as npt

from . import _interrupts, _native, errors
from ._handle import (
    Handle,
    call,
    choice,
    created,
    encoded,
    int32,
    optional_int32,
    optional_number,
    seconds,
    whole,
)
from .arrays import numeric, unmasked
from .model import Model
from .training_options import (
    Loss,
    Surrogate,
    group,
    losses,
    names,
    set_array,
    set_noise,
    set_schedule,
    surrogate_of,
)
from .training_result import TrainingResult

Array = npt.NDArray[np.float32]
Inputs = Union[npt.ArrayLike, Tuple[npt.ArrayLike, ...]]
Targets = Union[npt.ArrayLike, Tuple[npt.ArrayLike, ...]]


class Trainer(Handle):
    """Trains a model, batch by batch.

        trainer = arcuate.Trainer(model, batch=128, steps=25, surrogate="fast_sigmoid", rate=1e-3)
        for x, y in batches:                    # [128, inputs], [128]
            print(trainer.train_step(x, y).loss)
        print(trainer.evaluate(test_x, test_y).accuracy)
        trainer.model().save("trained.safetensors")

    The model itself is not changed. The same model, options and batches give the same bits in every
    language and for every number of threads. A context manager. After fork() a trainer with threads raises
    StateError in the child process, where its threads do not exist; make a new one there.

    mode: "direct": backpropagation through all steps of the network; "tandem": backpropagation through
        an artificial network whose ReLUs take the spike counts of its spiking counterpart, which runs
        for `steps` steps.
    batch: batch size, in samples, 1 ... 65535.
    steps: steps of a sample, 1 ... 100000, starting from rest.
    input: steps that receive the values of a sample. "hold": every step; "first": the first step, the
        others zeros; "every": every step has values of its own, [samples, steps, shape...].
    dt: seconds per step; by default the model's.
    loss: a kind, a `Loss`, or several, which are added; the last determines which predictions are
        correct. Each may have targets of its own.
    readout: readout of a loss that is given as a kind.
    surrogate: surrogate for the derivative of a spike, where x is the membrane potential minus the
        threshold: ("box", width, height), ("triangle", width, height), ("fast_sigmoid", slope),
        ("arctan", slope), ("spike_time", alpha, beta), or a name alone. surrogates: surrogates of
        single nodes.
    through_reset: include the dependence of a membrane's reset on its spike in the gradient.
    plastic_steps: steps of a sample, from the first on and at most all, in which rules change the fast weights of
        "PlasticLinear" nodes with alpha; by default all. Gradients pass through these changes.
    detach_time: stop gradients at every step. detach: edges (source, target) that stop gradients.
    freeze: nodes whose parameters are not trained. train: parameters of neurons to train, "node.field",
        or "field" for all nodes, such as "tau" or a parameter of a program. tie: groups of nodes that
        share the parameters of their first. dropout: by node, the fraction of its outputs that is
        dropped.
    optimizer: "sgd", "adam", "adamax" or "adamw".
    schedule: ("decay", factor, steps), ("milestones", factor, [steps]), ("cosine", steps),
        ("linear", steps); by default the rate is constant.
    clip_norm, clip_value: largest norm of all gradients, largest magnitude of an element.
    noise: noise added to trained parameters after each optimizer step: ("additive" or
        "multiplicative", sigma), with an optional third element, the step at which it reaches zero.
    norm_momentum: weight of a batch in the running statistics of batch normalization.
    input_gradients: compute gradients of the inputs, for `input_gradient`.
    seed: seed for all random draws.

    Raises ModelError, CompileError naming a node that cannot be trained, NotFoundError for an unknown
    name, ArgumentError, OutOfMemoryError.
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
        options = _native.TrainingOptions()
        library.arcuate_training_options_init(ctypes.byref(options))
        options.mode = choice("mode", mode, _native.TRAINING)
        options.batch = int32("batch", batch)
        options.steps = int32("steps", steps)
        options.input = choice("input", input, _native.SAMPLE_INPUT)
        options.threads = int32("threads", threads)
        options.through_reset, options.detaches_time = bool(through_reset), bool(detach_time)
        options.input_gradients = bool(input_gradients)
        options.plastic_steps = optional_int32("plastic_steps", plastic_steps)
        options.dt_s = seconds("dt", dt)
        options.seed = whole("seed", seed, 0, 2**64 - 1)
        options.surrogate, options.surrogate_a, options.surrogate_b = surrogate_of(surrogate)
        options.norm_momentum = float(norm_momentum)
        options.optimizer = choice("optimizer", optimizer, _native.OPTIMIZER)
        options.rate, options.momentum, options.nesterov = (
            float(rate),
            float(momentum),
            bool(nesterov),
        )
        options.beta1, options.beta2 = (float(beta) for beta in betas)
        options.epsilon, options.amsgrad = float(epsilon), bool(amsgrad)
        options.weight_decay = float(weight_decay)
        options.clip_norm = optional_number("clip_norm", clip_norm)
        options.clip_value = optional_number("clip_value", clip_value)
        set_schedule(options, schedule)
        set_noise(options, noise)
        given_losses = losses(loss, readout)
        set_array(options, "losses", "loss_count", _native.TrainingLoss, given_losses)
        set_array(
            options,
            "node_surrogates",
            "node_surrogate_count",
            _native.NodeSurrogate,
            [(encoded("surrogates", n), *surrogate_of(s)) for n, s in surrogates.items()],
        )
        set_array(
            options,
            "dropouts",
            "dropout_count",
            _native.NodeDropout,
            [(encoded("dropout", n), float(fraction)) for n, fraction in dropout.items()],
        )
        set_array(
            options, "frozen_nodes", "frozen_node_count", ctypes.c_char_p, names("freeze", freeze)
        )
        set_array(
            options,
            "trained_parameters",
            "trained_parameter_count",
            ctypes.c_char_p,
            names("train", train),
        )
        set_array(
            options,
            "tied_nodes",
            "tied_node_count",
            _native.NodeGroup,
            [group(names("tie", nodes)) for nodes in tie],
        )
        set_array(
            options,
            "detached_edges",
            "detached_edge_count",
            _native.Edge,
            [(encoded("detach", source), encoded("detach", target)) for source, target in detach],
        )
        with model._lock:
            pointer = created(library.arcuate_trainer_create, model._live(), ctypes.byref(options))
        super().__init__(pointer, library.arcuate_trainer_free)
        self._inputs = tuple(
            library.arcuate_trainer_input_size(pointer, port)
            for port in range(library.arcuate_trainer_input_count(pointer))
        )
        self._outputs = tuple(
            library.arcuate_trainer_output_size(pointer, port)
            for port in range(library.arcuate_trainer_output_count(pointer))
        )
        self._loss_ports = [made.port for made in given_losses]
        self._batch: int = library.arcuate_trainer_batch(pointer)
        self._steps: int = library.arcuate_trainer_output_steps(pointer)
        self._parameters: Dict[str, Tuple[int, Tuple[int, ...], bool]] = {}
        for i in range(library.arcuate_trainer_parameter_count(pointer)):
            extents = (ctypes.c_size_t * 16)()
            rank = library.arcuate_trainer_parameter_shape(pointer, i, extents, 16)
            name = _native.text(library.arcuate_trainer_parameter_name(pointer, i))
            trained = library.arcuate_trainer_parameter_is_trained(pointer, i) == 1
            self._parameters[name] = (i, tuple(extents[:rank]), trained)

    # ---- Batches

    def train_step(self, inputs: Inputs, targets: Targets) -> TrainingResult:
        """Makes one training step with a full batch.

        inputs: [batch, shape...], or [batch, steps, shape...] with input "every"; a tuple of such
            arrays for several input ports. float32 arrays in C order are not copied.
        targets: integers, a class per sample; or numbers, [batch, outputs], for a loss with readout
            "every" also [batch, steps, outputs]. A tuple of arrays for several losses, one for each;
            otherwise all losses have the same.

        Raises ArgumentError for wrong shapes, labels out of range and numbers that are not finite;
        nothing is then changed. Raises StateError, naming the node and the step, if the loss, a gradient
        or a number that the step changes would not be finite; parameters, running statistics and the
        optimizer are then those of before.
        Ctrl-C takes effect within a second, with the same result.
        """
        return self._measure(
            _native.library.arcuate_trainer_train_step, inputs, targets, whole_batch=True
        )

    def gradients(self, inputs: Inputs, targets: Targets) -> TrainingResult:
        """Computes the gradients of a batch, for `gradient` and `input_gradient`, without an optimizer
        step; dropout and statistics are those of an evaluation. Otherwise like `train_step`."""
        return self._measure(
            _native.library.arcuate_trainer_gradients, inputs, targets, whole_batch=True
        )

    def evaluate(self, inputs: Inputs, targets: Targets) -> TrainingResult:
        """Computes the loss of any number of samples, in batches. Otherwise like `train_step`."""
        arrays, count = self._arrays(inputs)
        wanted = target_arrays(targets)
        for array in wanted:
            if array.shape[:1] != (count,):
                raise errors.argument(f"{count} samples, but targets of shape {array.shape}")
        result = TrainingResult()
        for start in range(0, count, self._batch):
            _interrupts.check()
            part = slice(start, start + self._batch)
            result = result + self._measure(
                _native.library.arcuate_trainer_evaluate,
                tuple(a[part] for a in arrays),
                tuple(array[part] for array in wanted),
            )
        return result

    def predict(self, inputs: Inputs) -> Union[Array, Tuple[Array, ...]]:
        """Computes the outputs for any number of samples: [samples, steps, outputs], with one step in
        tandem mode; a tuple of arrays for several output ports."""
        arrays, count = self._arrays(inputs)
        results = tuple(np.empty((count, self._steps, size), np.float32) for size in self._outputs)
        for start in range(0, count, self._batch):
            _interrupts.check()
            part = slice(start, start + self._batch)
            given, kept = self._samples(tuple(a[part] for a in arrays), ())
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
        self, function: Any, inputs: Inputs, targets: Targets, whole_batch: bool = False
    ) -> TrainingResult:
        arrays, count = self._arrays(inputs)
        if whole_batch and count != self._batch:
            raise errors.argument(f"a batch has {self._batch} samples, got {count}")
        given, kept = self._samples(arrays, target_arrays(targets))
        found = _native.TrainingResult(struct_size=ctypes.sizeof(_native.TrainingResult))
        with self._lock:
            self._check(function(self._live(), ctypes.byref(given), ctypes.byref(found)))
        del kept
        return TrainingResult(
            found.loss,
            found.correct,
            found.samples,
            found.spikes,
            found.additions,
            found.products,
            found.gradient_norm,
        )

    def _check(self, status: int) -> None:
        """Raises the error that the trainer stored; the caller holds the lock."""
        if status != _native.SUCCESS:
            message = _native.text(_native.library.arcuate_trainer_last_error(self._pointer))
            raise errors.make(status, message)

    def _arrays(self, inputs: Inputs) -> Tuple[Tuple[Array, ...], int]:
        """A float32 array per port, and the number of samples."""
        given = inputs if isinstance(inputs, tuple) else (inputs,)
        arrays = tuple(numeric(f"input {port}", array) for port, array in enumerate(given))
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
        self, arrays: Tuple[Array, ...], targets: Tuple[npt.NDArray[Any], ...]
    ) -> Tuple[_native.Samples, List[Any]]:
        """The struct, and the objects it points to."""
        count = arrays[0].shape[0] if arrays else 0
        given = _native.Samples(struct_size=ctypes.sizeof(_native.Samples), count=count)
        addresses = (ctypes.c_void_p * max(1, len(arrays)))(*(a.ctypes.data for a in arrays))
        counts = (ctypes.c_size_t * max(1, len(arrays)))(*(a.size for a in arrays))
        given.inputs, given.input_counts = addresses, counts
        kept: List[Any] = [arrays, addresses, counts]
        made = [self._target(i, target, count, kept) for i, target in enumerate(targets)]
        if len(made) == 1:
            given.labels, given.targets = made[0].labels, made[0].targets
            given.target_count = made[0].target_count
        elif made:
            given.loss_targets = (_native.Target * len(made))(*made)
            given.loss_target_count = len(made)
            kept.append(given.loss_targets)
        return given, kept

    def _target(
        self, loss: int, target: npt.NDArray[Any], count: int, kept: List[Any]
    ) -> _native.Target:
        """The C struct of the target of a loss; the arrays it points to are kept alive."""
        if target.dtype.kind not in "buif":
            raise errors.argument(
                f"targets must be integers, a class per sample, or numbers, got elements of type "
                f"{target.dtype}"
            )
        if target.ndim == 0 or target.shape[0] != count:
            found = (
                f"{len(target)} labels"
                if target.dtype.kind in "iub" and target.ndim == 1
                else f"targets of shape {target.shape}"
            )
            raise errors.argument(f"{count} samples, but {found}")
        made = _native.Target()
        if target.dtype.kind in "iub" and target.ndim == 1:
            if target.size and not (0 <= target.min() and target.max() < 2**31):
                raise errors.argument("labels must be 0 ... 2147483647")
            labels = np.ascontiguousarray(target, np.int32)
            made.labels = labels.ctypes.data_as(ctypes.POINTER(ctypes.c_int32))
            kept.append(labels)
            return made
        if target.dtype.kind in "iub" and target.shape == (count, 1):
            ports = self._loss_ports[loss : loss + 1] or self._loss_ports
            if all(self._outputs[port] * self._steps > 1 for port in ports):
                raise errors.argument(
                    f"labels must have the shape ({count},), got {target.shape}: reshape(-1)"
                )
        values = np.ascontiguousarray(target, np.float32)
        made.targets, made.target_count = values.ctypes.data, values.size
        kept.append(values)
        return made

    # ---- The last batch

    @property
    def sample_losses(self) -> npt.NDArray[np.float64]:
        """The loss of each sample in the last batch of `train_step`, `gradients` or `evaluate`, of
        which the loss of the result is the mean. Raises StateError if there is none."""
        with self._lock:
            count = _native.library.arcuate_trainer_sample_count(self._live())
            losses = np.empty(count, np.float64)
            call(
                _native.library.arcuate_trainer_read_sample_losses,
                self._live(),
                losses.ctypes.data_as(ctypes.POINTER(ctypes.c_double)),
                losses.size,
            )
        return losses

    @property
    def outputs(self) -> Union[Array, Tuple[Array, ...]]:
        """The outputs of that batch as the losses saw them, as `predict` returns them: before the
        step, and with the dropout and statistics of training. Raises StateError if there is none."""
        with self._lock:
            count = _native.library.arcuate_trainer_sample_count(self._live())
            results = tuple(
                np.empty((count, self._steps, size), np.float32) for size in self._outputs
            )
            for port, result in enumerate(results):
                call(
                    _native.library.arcuate_trainer_read_output,
                    self._live(),
                    port,
                    result.ctypes.data,
                    result.size,
                )
        return results[0] if len(results) == 1 else results

    # ---- Progress

    @property
    def batch(self) -> int:
        """Batch size, in samples."""
        return self._batch

    @property
    def step(self) -> int:
        """Training steps made."""
        with self._lock:
            return int(_native.library.arcuate_trainer_step(self._live()))

    @property
    def rate(self) -> float:
        """Rate of the next step, including schedule and factor."""
        with self._lock:
            return float(_native.library.arcuate_trainer_rate(self._live()))

    @property
    def rate_factor(self) -> float:
        """Multiplier of the rate, 1 initially, for schedules such as reduce-on-plateau; can be set."""
        with self._lock:
            return float(_native.library.arcuate_trainer_rate_factor(self._live()))

    @rate_factor.setter
    def rate_factor(self, value: float) -> None:
        with self._lock:
            self._check(_native.library.arcuate_trainer_set_rate_factor(self._live(), float(value)))

    # ---- Parameters

    @property
    def parameters(self) -> Tuple[str, ...]:
        """Names of all parameters, "node.field", in the order of the model; a parameter that nodes
        share has the name of the first."""
        return tuple(self._parameters)

    @property
    def trained_parameters(self) -> Tuple[str, ...]:
        """Names of the parameters that are trained."""
        return tuple(name for name, (_, _, trained) in self._parameters.items() if trained)

    def _parameter(self, name: str) -> Tuple[int, Array]:
        """Its index, and an array of its shape."""
        if name not in self._parameters:
            raise errors.NotFoundError(_native.NOT_FOUND, f"there is no parameter {name!r}")
        index, shape, _ = self._parameters[name]
        return index, np.empty(shape, np.float32)

    def parameter(self, name: str) -> Array:
        """A copy of a parameter. Raises NotFoundError."""
        return self._read(_native.library.arcuate_trainer_read_parameter, name)

    def gradient(self, name: str) -> Array:
        """A copy of the gradient of a parameter from the last `train_step` (after clipping) or
        `gradients`. Raises NotFoundError."""
        return self._read(_native.library.arcuate_trainer_read_gradient, name)

    def _read(self, function: Any, name: str) -> Array:
        index, values = self._parameter(name)
        with self._lock:
            call(function, self._live(), index, values.ctypes.data, values.size)
        return values

    def set_parameter(self, name: str, values: npt.ArrayLike) -> None:
        """Replaces a parameter. Raises NotFoundError, ArgumentError."""
        index, old = self._parameter(name)
        array = np.ascontiguousarray(values, np.float32)
        if array.shape != old.shape:
            raise errors.argument(f"{name} has shape {old.shape}, got {array.shape}")
        with self._lock:
            call(
                _native.library.arcuate_trainer_write_parameter,
                self._live(),
                index,
                array.ctypes.data,
                array.size,
            )

    def input_gradient(self, port: int = 0) -> Array:
        """The gradient of an input from the last `train_step` or `gradients`, [batch, input size].
        Requires `input_gradients`. Raises StateError, ArgumentError."""
        whole("port", port, 0, len(self._inputs) - 1)
        values = np.empty((self._batch, self._inputs[port]), np.float32)
        with self._lock:
            call(
                _native.library.arcuate_trainer_read_input_gradient,
                self._live(),
                port,
                values.ctypes.data,
                values.size,
            )
        return values

    # ---- Result

    def model(self) -> Model:
        """A model with the current parameters; in tandem mode the artificial one."""
        with self._lock:
            return Model(created(_native.library.arcuate_trainer_model, self._live()))

    def spiking_model(self) -> Model:
        """The spiking model with the current parameters, whose metadata states how it is run: the
        last output of a frame is what `predict` computes, up to rounding.

        In tandem mode batch normalization is folded, ReLUs are integrate-and-fire neurons that start
        with their bias, and the outputs are potentials. In direct mode it is the trained model."""
        with self._lock:
            return Model(created(_native.library.arcuate_trainer_spiking_model, self._live()))

    def save(self, path: Union[str, os.PathLike[str]], note: str = "") -> None:
        """Writes a checkpoint: everything that training has changed, and a note. The file is replaced
        as a whole or left unchanged.

        Raises FileError, ArgumentError; StateError for a parameter that is not finite.
        """
        with self._lock:
            call(
                _native.library.arcuate_trainer_save,
                self._live(),
                _path(path),
                encoded("note", note),
            )

    def restore(self, path: Union[str, os.PathLike[str]]) -> str:
        """Restores a checkpoint of a trainer with the same model and options, except for the number
        of threads, and returns its note: later steps give the bits they would have given.

        Raises FileError, FormatError; StateError for a checkpoint of another model or other options,
        naming the difference; nothing is then changed.
        """
        with self._lock:
            call(_native.library.arcuate_trainer_restore, self._live(), _path(path))
            return _native.text(_native.library.arcuate_trainer_note(self._pointer))

    def __repr__(self) -> str:
        if self.closed:
            return "<arcuate.Trainer, closed>"
        return f"<arcuate.Trainer: step {self.step}, {len(self.trained_parameters)} trained parameters>"


def sample_order(count: int, epoch: int, seed: int = 0) -> npt.NDArray[np.uint64]:
    """The order in which samples are used in an epoch: a permutation of 0 ... count - 1, the same in
    every language for the same seed."""
    order = np.empty(whole("count", count, 0, 2**32 - 1), np.uint64)
    status = _native.library.arcuate_sample_order(
        order.size,
        whole("epoch", epoch, 0, 2**63 - 1),
        whole("seed", seed, 0, 2**64 - 1),
        order.ctypes.data_as(ctypes.c_void_p),
    )
    errors.check(status, ctypes.c_void_p())
    return order


def target_arrays(targets: Targets) -> Tuple[npt.NDArray[Any], ...]:
    """An array for each loss; a single one for all. Only a tuple of arrays has one for each: of
    numbers, it is one array."""
    if isinstance(targets, tuple) and targets and all(getattr(t, "ndim", 0) > 0 for t in targets):
        return tuple(np.asarray(unmasked("targets", target)) for target in targets)
    return (np.asarray(unmasked("targets", targets)),)


def _path(path: Union[str, os.PathLike[str]]) -> bytes:
    name = os.fsencode(path)
    if b"\0" in name:
        raise errors.argument("path must not contain zero bytes")
    return name
