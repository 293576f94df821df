"""Training for epochs: order, validation, early stopping, checkpoints, log, progress."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import sys
import threading
import time
from types import FrameType
from typing import (
    Any,
    Callable,
    Dict,
    Iterable,
    Iterator,
    List,
    NoReturn,
    Optional,
    TextIO,
    Tuple,
    Union,
)

import numpy as np
import numpy.typing as npt

from . import _interrupts, _native, errors
from ._handle import whole
from .arrays import unmasked
from .curriculum import Curriculum, Novelty
from .run_log import Log, check_folder
from .trainer import Inputs, Targets, Trainer, TrainingResult, sample_order, target_arrays

Path = Union[str, "os.PathLike[str]"]
Batch = Tuple[Inputs, Targets]
Loader = Union[Iterable[Batch], Callable[[int], Iterable[Batch]]]

# Epoch whose order determines the samples held out; the same as in `arcuate train`.
_SPLIT_EPOCH = 2**32 - 1


@dataclasses.dataclass(frozen=True)
class Run:
    """Result of `fit`."""

    history: Tuple[Dict[str, Any], ...]
    """An entry per epoch, as in the log."""
    stopped: str
    """Why the run ended: "epochs": all epochs were made; "patience": the loss no longer decreased."""
    best_epoch: Optional[int]
    """Epoch with the smallest loss, of validation if there is one; None without epochs."""
    best_loss: Optional[float]
    """Its loss."""


def fit(
    trainer: Trainer,
    inputs: Union[Inputs, Loader],
    targets: Optional[Targets] = None,
    *,
    epochs: int,
    validation: Union[None, float, Tuple[Inputs, Targets], Iterable[Batch]] = None,
    curriculum: Optional[Curriculum] = None,
    seed: int = 0,
    patience: Optional[int] = None,
    halve_after: Optional[int] = None,
    checkpoint: Optional[Path] = None,
    checkpoint_steps: Optional[int] = None,
    resume: bool = False,
    log: Optional[Path] = None,
    best: Optional[Path] = None,
    quiet: bool = False,
) -> Run:
    """Trains for a number of epochs.

        run = arcuate.fit(trainer, x, y, epochs=20, validation=0.1, patience=3,
                          checkpoint="run.checkpoint", resume=True, log="run.jsonl")
        arcuate.plot_run("run.jsonl", "run.png")

    inputs, targets: all samples, as arrays or memory maps in the layout of `Trainer.train_step`, which
        are shuffled in every epoch (`sample_order` of `seed`). Or, without targets, batches: an object
        that can be iterated once per epoch, such as a PyTorch DataLoader, or a function that gets
        the number of the epoch, from 0 on, and returns its batches. Incomplete batches are skipped.
    validation: fraction of the samples that is held out, chosen by `seed`; or samples, (inputs,
        targets); or batches.
    curriculum: use only novel samples in most epochs (`Curriculum`); inputs must be arrays. By
        default every epoch uses all samples.
    patience: stop after this many epochs in which the loss, of validation if there is one, did not
        decrease.
    halve_after: halve the rate after this many such epochs.
    checkpoint: file to write after every epoch, after every `checkpoint_steps` steps and on Ctrl-C.
        resume: continue from it if it exists; with the same data and options the bits are those of an
        uninterrupted run.
    log: file that receives a line of JSON per epoch.
    best: .safetensors or .nir file for the model of the epoch with the smallest loss.
    quiet: show no progress on the standard error.

    Ctrl-C finishes the batch, or undoes it if it takes longer than a second, writes the checkpoint and raises
    KeyboardInterrupt; a second one raises it immediately. Raises the errors of `Trainer.train_step`, and FileError.
    """
    whole("epochs", epochs)
    for name, value in (
        ("patience", patience),
        ("halve_after", halve_after),
        ("checkpoint_steps", checkpoint_steps),
    ):
        if value is not None:
            whole(name, value, 1)
    for path in (checkpoint, log, best):
        if path is not None:
            check_folder(path)
    data = _Data(trainer, inputs, targets, validation, whole("seed", seed, 0, 2**64 - 1))
    if curriculum is not None:
        data.follow(curriculum, epochs)
    run = _Run(
        trainer,
        data,
        _Rules(epochs, patience, halve_after, checkpoint, checkpoint_steps, best, quiet),
    )
    if resume and checkpoint is not None and os.path.exists(checkpoint):
        run.resume(checkpoint)
    return run.train(Log(log, run.state.history))


@dataclasses.dataclass(frozen=True)
class _Rules:
    """When a run ends, and what it writes."""

    epochs: int
    patience: Optional[int]
    halve_after: Optional[int]
    checkpoint: Optional[Path]
    checkpoint_steps: Optional[int]
    best: Optional[Path]
    quiet: bool


class _Run:
    """A run of `fit`: the trainer, its data and the state of the run."""

    def __init__(self, trainer: Trainer, data: _Data, rules: _Rules) -> None:
        self.trainer, self.data, self.rules = trainer, data, rules
        self.state = _State(data=data.described)

    def resume(self, checkpoint: Path) -> None:
        """Continues from a checkpoint. Raises StateError if it is of other data."""
        self.state = _State.from_note(self.trainer.restore(checkpoint))
        if self.state.data not in (None, self.data.described):
            raise errors.StateError(
                _native.INVALID_STATE,
                f"{checkpoint}: is a checkpoint of {self.state.data}, not of {self.data.described}",
            )
        self.state.data = self.data.described
        if self.data.novelty is not None:
            self.data.novelty.restore(self.state.novelty)

    def train(self, log: Log) -> Run:
        """Trains until the run ends."""
        state = self.state
        with _Interrupts() as interrupts:
            while state.epoch < self.rules.epochs and state.stopped is None:
                self._train_epoch(log, interrupts)
        return Run(
            tuple(state.history), state.stopped or "epochs", state.best_epoch, state.best_loss
        )

    def _train_epoch(self, log: Log, interrupts: _Interrupts) -> None:
        state, rules = self.state, self.rules
        start = time.monotonic()
        bar = _Progress(state.epoch, rules.epochs, self.data.batches, rules.quiet)
        for x, y, places in self.data.epoch(state.epoch, state.position):
            try:
                with interrupts.canceling():
                    result = self.trainer.train_step(x, y)
                state.result = state.result + result
            except errors.CanceledError:
                bar.clear()
                self._interrupt(start)
            except errors.ArgumentError as error:
                # The library counts within the batch, whose samples are shuffled.
                raise self.data.located(error, places) from None
            self.data.tell(places)
            state.position += 1
            bar.update(state.position, state.result)
            is_due = rules.checkpoint_steps and state.position % rules.checkpoint_steps == 0
            if interrupts.wanted:
                bar.clear()
                self._interrupt(start)
            if rules.checkpoint is not None and is_due:
                state.seconds += time.monotonic() - start
                start = time.monotonic()
                self._save()
        if state.result.samples == 0:
            raise errors.argument(f"there is no whole batch of {self.trainer.batch} samples")
        try:
            with interrupts.canceling():
                checked = self.data.validate()
        except errors.CanceledError:
            bar.clear()
            self._interrupt(start)
        state.seconds += time.monotonic() - start
        entry = _entry(self.trainer, state, checked)
        bar.finish(entry)
        self.data.finish_epoch()
        improved = state.finish_epoch(entry, rules.patience, rules.halve_after, self.trainer)
        log.add(entry)
        if improved and rules.best is not None:
            with self.trainer.model() as model:
                model.save(rules.best)
        self._save()
        if interrupts.wanted:
            raise KeyboardInterrupt

    def _interrupt(self, start: float) -> NoReturn:
        """Saves what was done since `start`, after whole batches, and raises KeyboardInterrupt."""
        self.state.seconds += time.monotonic() - start
        self._save()
        raise KeyboardInterrupt from None

    def _save(self) -> None:
        if self.rules.checkpoint is not None:
            if self.data.novelty is not None:
                self.state.novelty = self.data.novelty.saved()
            self.trainer.save(self.rules.checkpoint, self.state.note())


@dataclasses.dataclass
class _State:
    """State of a run, the note of its checkpoints."""

    epoch: int = 0
    position: int = 0
    """Batches of the epoch that are done."""
    result: TrainingResult = TrainingResult()
    """Result of these batches."""
    seconds: float = 0.0
    history: List[Dict[str, Any]] = dataclasses.field(default_factory=list)
    best_epoch: Optional[int] = None
    best_loss: Optional[float] = None
    since: int = 0
    """Epochs since the best one."""
    halving: int = 0
    """Epochs without a smaller loss since the rate was halved."""
    stopped: Optional[str] = None
    data: Optional[str] = None
    """Description of the data: with another order, samples held out would be used for training."""
    novelty: Optional[List[str]] = None
    """That of each sample, of a run with a curriculum."""

    def note(self) -> str:
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_note(cls, note: str) -> _State:
        try:
            fields = json.loads(note)
            fields["result"] = TrainingResult(**fields["result"])
            return cls(**fields)
        except (ValueError, TypeError, KeyError):
            raise errors.argument("the checkpoint was not written by fit") from None

    def finish_epoch(
        self,
        entry: Dict[str, Any],
        patience: Optional[int],
        halve_after: Optional[int],
        trainer: Trainer,
    ) -> bool:
        """Advances to the next epoch. Returns whether this one was the best so far."""
        loss = entry.get("validation_loss", entry["loss"])
        improved = self.best_loss is None or bool(loss < self.best_loss)
        if improved:
            self.best_epoch, self.best_loss, self.since, self.halving = self.epoch, loss, 0, 0
        else:
            self.since += 1
            self.halving += 1
            if halve_after is not None and self.halving >= halve_after:
                trainer.rate_factor = trainer.rate_factor / 2
                self.halving = 0
            if patience is not None and self.since >= patience:
                self.stopped = "patience"
        self.history.append(entry)
        self.epoch += 1
        self.position, self.result, self.seconds = 0, TrainingResult(), 0.0
        return improved


def _entry(trainer: Trainer, state: _State, checked: Optional[TrainingResult]) -> Dict[str, Any]:
    result = state.result
    entry: Dict[str, Any] = {
        "epoch": state.epoch,
        "step": trainer.step,
        "rate": trainer.rate,
        "loss": result.loss,
        "accuracy": result.accuracy,
        "samples": result.samples,
        "spikes": result.spikes / result.samples,
        "additions": result.additions / result.samples,
        "products": result.products / result.samples,
        "seconds": round(state.seconds, 3),
    }
    if checked is not None and checked.samples:
        entry["validation_loss"] = checked.loss
        entry["validation_accuracy"] = checked.accuracy
        entry["validation_samples"] = checked.samples
    return entry


class _Data:
    """The batches of each epoch, and those for validation."""

    def __init__(
        self,
        trainer: Trainer,
        inputs: Any,
        targets: Optional[Targets],
        validation: Any,
        seed: int,
    ) -> None:
        self._trainer, self._seed = trainer, seed
        self._loader: Any = None
        self._validation: Any = validation
        self.batches: Optional[int] = None
        self.described: Optional[str] = None
        self.novelty: Optional[Novelty] = None
        if targets is None:
            if isinstance(inputs, (np.ndarray, tuple)):
                raise errors.argument("inputs without targets must be batches, (inputs, targets)")
            if isinstance(validation, float):
                raise errors.argument("validation can be a fraction only if inputs are arrays")
            if isinstance(inputs, Iterator):
                raise errors.argument(
                    "inputs can be iterated only once: pass a list, or a function of the epoch"
                )
            self._loader = inputs
            if hasattr(inputs, "__len__"):
                self.batches = len(inputs)
            return
        arrays = inputs if isinstance(inputs, tuple) else (inputs,)
        # np.asarray does not read memory maps.
        self._arrays = tuple(
            np.asarray(unmasked(f"input {port}", array)) for port, array in enumerate(arrays)
        )
        self._targets = target_arrays(targets)
        count = self._targets[0].shape[0] if self._targets[0].ndim else 0
        for array in self._arrays + self._targets:
            if array.ndim == 0 or array.shape[0] != count:
                raise errors.argument(
                    f"inputs and targets must be of the same samples: {count} targets, but an array "
                    f"of shape {array.shape}"
                )
        self._places = np.arange(count, dtype=np.uint64)
        if isinstance(validation, float):
            if not 0 < validation < 1:
                raise errors.argument(f"validation must be between 0 and 1, not {validation}")
            kept = np.sort(sample_order(count, _SPLIT_EPOCH, seed)[: int(validation * count)])
            self._places = np.setdiff1d(self._places, kept)
            self._validation = kept
        self.batches = len(self._places) // trainer.batch
        share = validation if isinstance(validation, float) else 0.0
        self.described = f"{count} samples by seed {seed}, {share} of them kept apart"

    def follow(self, curriculum: Curriculum, epochs: int) -> None:
        """Uses only novel samples, where the curriculum says so."""
        if self._loader is not None:
            raise errors.argument("a curriculum requires inputs and targets as arrays")
        self.novelty = Novelty(curriculum, epochs, len(self._targets[0]))
        self.described = f"{self.described}, {curriculum}"

    def tell(self, places: Optional[npt.NDArray[np.uint64]]) -> None:
        """Notes the losses of a batch that was trained on."""
        if self.novelty is not None and places is not None:
            self.novelty.tell(places, self._trainer.sample_losses)

    def finish_epoch(self) -> None:
        if self.novelty is not None:
            self.novelty.finish_epoch()

    def located(
        self, error: errors.ArgumentError, places: Optional[npt.NDArray[np.uint64]]
    ) -> errors.ArgumentError:
        """The error; for a number that is not finite, with its place among all samples."""
        for port, array in enumerate(self._arrays if places is not None else ()):
            rows = np.asarray(array[places], np.float32).reshape(len(places), -1)
            bad = np.argwhere(~np.isfinite(rows))
            if len(bad):
                sample, element = int(places[bad[0][0]]), bad[0][1]
                return errors.argument(
                    f"input {port}, sample {sample}, element {element} is not finite"
                )
        return error

    def epoch(
        self, epoch: int, start: int
    ) -> Iterator[Tuple[Inputs, Targets, Optional[npt.NDArray[np.uint64]]]]:
        """The complete batches of an epoch from batch `start` on, with the indices of their samples."""
        if self._loader is not None:
            batches = self._loader(epoch) if callable(self._loader) else self._loader
            done = 0
            for x, y in batches:
                x, y = _plain(x), _plain(y)
                first = x[0] if isinstance(x, tuple) else x
                if len(first) != self._trainer.batch:
                    continue
                done += 1
                if done > start:
                    yield x, y, None
            return
        order = self._places[sample_order(len(self._places), epoch, self._seed)]
        if self.novelty is not None:
            order = self.novelty.chosen(order, epoch)
            if len(order) < self._trainer.batch:
                raise errors.argument(
                    f"the novel samples, {len(order)}, are less than a batch of {self._trainer.batch}"
                )
        for i in range(start, len(order) // self._trainer.batch):
            places = order[i * self._trainer.batch : (i + 1) * self._trainer.batch]
            yield (
                tuple(array[places] for array in self._arrays),
                tuple(array[places] for array in self._targets),
                places,
            )

    def validate(self) -> Optional[TrainingResult]:
        """The loss of the samples held out, or None."""
        kept = self._validation
        if kept is None:
            return None
        result = TrainingResult()
        if isinstance(kept, np.ndarray):
            for i in range(0, len(kept), self._trainer.batch):
                places = kept[i : i + self._trainer.batch]
                result = result + self._trainer.evaluate(
                    tuple(array[places] for array in self._arrays),
                    tuple(array[places] for array in self._targets),
                )
        elif isinstance(kept, tuple):
            x, y = kept
            result = self._trainer.evaluate(x, y)
        else:
            for x, y in kept:
                result = result + self._trainer.evaluate(_plain(x), _plain(y))
        return result


def _plain(value: Any) -> Any:
    """A batch of a loader, whose tensors can be converted to arrays."""
    if isinstance(value, (tuple, list)):
        return tuple(np.asarray(part) for part in value)
    return np.asarray(value)


class _Interrupts:
    """Defers Ctrl-C, so that it does not separate a step from its record."""

    def __init__(self) -> None:
        self.wanted = False
        self._before: Any = None

    def __enter__(self) -> _Interrupts:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.getsignal(signal.SIGINT)
            if self._before is signal.default_int_handler:
                signal.signal(signal.SIGINT, self._note)
            else:
                # The program has a handler of its own.
                self._before = None
        return self

    @contextlib.contextmanager
    def canceling(self) -> Iterator[None]:
        """Cancels calls in this block once an interrupt was requested; saving afterwards is not canceled."""
        _interrupts.stop = lambda: self.wanted
        try:
            yield
        finally:
            _interrupts.stop = None

    def _note(self, number: int, frame: Optional[FrameType]) -> None:
        if self.wanted:
            raise KeyboardInterrupt
        self.wanted = True

    def __exit__(self, *_: Any) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)


class _Progress:
    """A progress bar on a terminal, otherwise a line from time to time."""

    def __init__(self, epoch: int, epochs: int, batches: Optional[int], quiet: bool) -> None:
        self._what = f"epoch {epoch + 1}/{epochs}"
        self._batches = batches
        self._stream: Optional[TextIO] = None if quiet else sys.stderr
        self._is_terminal = bool(self._stream and self._stream.isatty())
        self._start = time.monotonic()
        self._next = self._start + (0.1 if self._is_terminal else 30)

    def update(self, done: int, result: TrainingResult) -> None:
        now = time.monotonic()
        if self._stream is None or now < self._next:
            return
        self._next = now + (0.1 if self._is_terminal else 30)
        text = (
            f"{self._what} {_words(result)}, {result.samples / (now - self._start):.0f} samples/s"
        )
        if self._is_terminal:
            bar = ""
            if self._batches:
                filled = round(20 * done / self._batches)
                bar = "[" + "#" * filled + "." * (20 - filled) + "] "
            self._stream.write(f"\r\x1b[K{bar}{text}")
        else:
            self._stream.write(f"arcuate: {text}\n")
        self._stream.flush()

    def clear(self) -> None:
        if self._stream is not None and self._is_terminal:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def finish(self, entry: Dict[str, Any]) -> None:
        if self._stream is None:
            return
        self.clear()
        text = (
            f"{self._what} loss {entry['loss']:.4f}, {100 * entry['accuracy']:.2f} %, "
            f"{entry['spikes']:.0f} spikes, {entry['additions'] + entry['products']:.0f} operations"
        )
        if "validation_loss" in entry:
            text += (
                f"; validation loss {entry['validation_loss']:.4f}, "
                f"{100 * entry['validation_accuracy']:.2f} %"
            )
        self._stream.write(f"arcuate: {text}; {entry['seconds']:.1f} s\n")
        self._stream.flush()


def _words(result: TrainingResult) -> str:
    count = max(1, result.samples)
    operations = (result.additions + result.products) / count
    return (
        f"loss {result.loss:.4f}, {100 * result.accuracy:.2f} %, "
        f"{result.spikes / count:.0f} spikes, {operations:.0f} operations"
    )


def plot_run(log: Union[Path, Run], path: Path) -> None:
    """Plots loss, accuracy, spikes and operations per epoch to a file such as .png, .svg or .pdf.

    log: a log of `fit` or `arcuate train`, or the result of `fit`. Requires matplotlib.

    Raises FileError, FormatError, ImportError.
    """
    if isinstance(log, Run):
        entries: List[Dict[str, Any]] = list(log.history)
    else:
        with open(log) as file:
            entries = [json.loads(line) for line in file if line.strip()]
    if not entries:
        raise errors.argument("the run has no epochs")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    losses, accuracies, work = figure.subplots(1, 3)
    epochs = [entry["epoch"] + 1 for entry in entries]
    for axes, name in ((losses, "loss"), (accuracies, "accuracy")):
        axes.plot(epochs, [entry[name] for entry in entries], label="training")
        checked = [
            (e["epoch"] + 1, e[f"validation_{name}"]) for e in entries if f"validation_{name}" in e
        ]
        if checked:
            axes.plot(*zip(*checked), label="validation")
            axes.legend()
        axes.set(xlabel="epoch", ylabel=name)
    work.plot(epochs, [entry["spikes"] for entry in entries], label="spikes")
    work.plot(epochs, [entry["additions"] for entry in entries], label="additions")
    work.plot(epochs, [entry["products"] for entry in entries], label="products")
    work.set(xlabel="epoch", ylabel="per sample", yscale="symlog")
    work.legend()
    figure.savefig(os.fspath(path))
