"""An acoustic model three times: artificial, spiking after tandem learning, and converted."""

from __future__ import annotations

import dataclasses
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

import arcuate
import numpy as np

STEPS = 10
BATCH = 128


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def artificial(
    sizes: Sequence[int], seed: int, gains: Optional[Sequence[float]] = None
) -> arcuate.Model:
    """Layers of weights, batch-norm and ReLU, and weights behind the last, drawn with the seed."""
    draw = np.random.default_rng(seed)
    nodes: Dict[str, Dict[str, Any]] = {"in": {"kind": "Input", "shape": [sizes[0]]}}
    for i, (wide, narrow) in enumerate(zip(sizes, sizes[1:]), 1):
        weight = draw.normal(0, np.sqrt(2 / wide), (narrow, wide)).astype(np.float32)
        nodes[f"affine{i}"] = {
            "kind": "Affine",
            "weight": weight,
            "bias": np.zeros(narrow, np.float32),
        }
        if i < len(sizes) - 1:
            ones, zeros = np.ones(narrow, np.float32), np.zeros(narrow, np.float32)
            nodes[f"norm{i}"] = {
                "kind": "BatchNorm",
                "mean": zeros,
                "variance": ones,
                "beta": zeros,
                "gamma": (gains[i - 1] if gains else 1.0) * ones,
                "epsilon": 1e-4,
            }
            nodes[f"relu{i}"] = {"kind": "ReLU"}
    nodes["out"] = {"kind": "Output", "shape": [sizes[-1]]}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.safetensors"
        arcuate.save_network(path, nodes, list(zip(nodes, list(nodes)[1:])))
        return arcuate.Model.open(path)


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How a network learns."""

    mode: str
    """"tandem", or "direct" for the artificial network."""
    hidden: Tuple[int, ...]
    epochs: int
    rate: float = 1e-3
    decay: float = 0.0
    dropout: float = 0.1
    gains: Tuple[float, ...] = ()
    """Of each batch-norm at the start, else 1. The more, the more spikes, and the finer counts."""
    momentum: float = 0.1
    """Of the running statistics of batch-norm."""
    final_rate: float = 0.1
    """The rate of the last epoch's end, as a share of the first, on a cosine's way."""


def start_from(trainer: arcuate.Trainer, twin: arcuate.Trainer, recipe: Recipe) -> None:
    """Gives a tandem network what its twin has learned.

    Activations become `recipe.gains` times as large and the weights behind them as much smaller:
    the same to ReLUs, but counts are finer. Half a spike more rounds counts, which are cut off.
    """
    gain = 1.0
    for i in range(1, len(recipe.hidden) + 2):
        trainer.set_parameter(f"affine{i}.bias", twin.parameter(f"affine{i}.bias"))
        trainer.set_parameter(f"affine{i}.weight", twin.parameter(f"affine{i}.weight") / gain)
        if i <= len(recipe.hidden):
            gain = recipe.gains[i - 1] if recipe.gains else 1.0
            for field in ("mean", "variance"):
                trainer.set_parameter(f"norm{i}.{field}", twin.parameter(f"norm{i}.{field}"))
            trainer.set_parameter(f"norm{i}.gamma", gain * twin.parameter(f"norm{i}.gamma"))
            trainer.set_parameter(f"norm{i}.beta", gain * twin.parameter(f"norm{i}.beta") + 0.5)


def train(
    recipe: Recipe,
    inputs: np.ndarray,
    labels: np.ndarray,
    classes: int,
    seed: int,
    check: Optional[Tuple[np.ndarray, np.ndarray]] = None,
    epoch_data: Optional[Callable[[int], Tuple[np.ndarray, np.ndarray]]] = None,
    twin: Optional[arcuate.Trainer] = None,
) -> arcuate.Trainer:
    """A trainer that has learned for `recipe.epochs` epochs.

    epoch_data: gives the inputs and labels of an epoch, else they are the same in all. twin: a
    trainer of the same layers to start from.
    """
    sizes = [inputs.shape[1], *recipe.hidden, classes]
    dropped = {f"relu{i + 1}": recipe.dropout for i in range(len(recipe.hidden))}
    trainer = arcuate.Trainer(
        artificial(sizes, seed, recipe.gains),
        mode=recipe.mode,
        batch=BATCH,
        steps=STEPS if recipe.mode == "tandem" else 1,
        norm_momentum=recipe.momentum,
        rate=recipe.rate,
        optimizer="adamw" if recipe.decay else "adam",
        weight_decay=recipe.decay,
        dropout=dropped if recipe.dropout else {},
        seed=seed,
    )
    if twin is not None:
        start_from(trainer, twin, recipe)
    start = time.perf_counter()
    for epoch in range(recipe.epochs):
        if epoch_data is not None:
            inputs, labels = epoch_data(epoch)
        each = len(inputs) // BATCH
        order = arcuate.sample_order(len(inputs), epoch, seed)
        sums = arcuate.TrainingResult()
        for step in range(each):
            part = np.sort(order[step * BATCH : (step + 1) * BATCH])
            turn = (epoch * each + step) / (recipe.epochs * each)
            # Half a cosine, to a rate that is not nothing.
            trainer.rate_factor = (
                recipe.final_rate + (1 - recipe.final_rate) * (1 + np.cos(np.pi * turn)) / 2
            )
            sums = sums + trainer.train_step(inputs[part], labels[part])
        line = (
            f"{recipe.mode} {recipe.hidden}, seed {seed}: epoch {epoch + 1} of {recipe.epochs}, "
            f"loss {sums.loss:.4f}, {100 * sums.accuracy:.2f} % right"
        )
        if check is not None:
            found = trainer.evaluate(*check)
            line += f", of frames apart {100 * found.accuracy:.2f} % (loss {found.loss:.4f})"
        say(line + f", {time.perf_counter() - start:.0f} s")
    return trainer


def spiking(trainer: arcuate.Trainer, layers: int) -> arcuate.Model:
    """What tandem learning has learned, for sessions: batch-norm in the weights, integrate-and-fire
    neurons that start with the bias, and outputs that add up what they are sent."""
    if hasattr(trainer, "spiking_model"):
        return trainer.spiking_model()
    nodes: Dict[str, Dict[str, Any]] = {}
    p = trainer.parameter
    first = p("affine1.weight")
    nodes["in"] = {"kind": "Input", "shape": [first.shape[1]]}
    rule = {"reset": "subtract", "comparison": ">=", "integrator_gain": "r"}
    for i in range(1, layers + 2):
        weight, bias = p(f"affine{i}.weight"), p(f"affine{i}.bias")
        ones = np.ones(len(weight), np.float32)
        if i <= layers:
            factor = p(f"norm{i}.gamma") / np.sqrt(p(f"norm{i}.variance") + np.float32(1e-4))
            bias = (bias - p(f"norm{i}.mean")) * factor + p(f"norm{i}.beta")
            weight = weight * factor[:, None]
        nodes[f"weights{i}"] = {"kind": "Linear", "weight": weight}
        last = i > layers
        nodes["sums" if last else f"neurons{i}"] = {
            "kind": "I" if last else "IF",
            "r": ones,
            "v_initial": bias.astype(np.float32),
            "semantics": rule,
            **({} if last else {"v_threshold": ones}),
        }
    nodes["out"] = {"kind": "Output", "shape": [len(bias)]}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.safetensors"
        arcuate.save_network(path, nodes, list(zip(nodes, list(nodes)[1:])), dt=1e-3)
        return arcuate.Model.open(path)


@dataclasses.dataclass
class Answers:
    """What a network says of frames, and what it takes."""

    outputs: np.ndarray
    spikes: float = 0.0
    hidden: float = 0.0
    """Operations of spikes for a frame, all layers behind the first."""
    total: float = 0.0
    """With the first layer, which meets the frame itself: all of its products."""
    macs: float = 0.0
    """Products of the artificial network."""


def answer(model: arcuate.Model, frames: np.ndarray, spikes: bool) -> Answers:
    """Runs frames through a session. Every frame starts from rest."""
    kind: Dict[str, Any] = (
        {"steps_per_frame": STEPS, "frame_state": "reset", "frame_input": "first"} if spikes else {}
    )
    with model.compile(**kind) as plan, plan.session() as session:
        outputs = session.run(frames)
        found = session.counters()
        count = max(1, len(frames))
        if not spikes:
            return Answers(outputs, macs=found.dense_operations / count)
        return Answers(
            outputs,
            spikes=found.spikes / count,
            hidden=found.acs / count,
            total=(found.acs + found.macs) / count,
            macs=found.dense_operations / STEPS / count,
        )


def log_softmax(values: np.ndarray) -> np.ndarray:
    shifted = values - values.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def splice(features: np.ndarray, context: int = 5) -> np.ndarray:
    """Every frame with its neighbours; the first and the last are repeated at the edges."""
    places = np.arange(len(features))[:, None] + np.arange(-context, context + 1)
    return features[np.clip(places, 0, len(features) - 1)].reshape(len(features), -1)


def real_time_factor(model: arcuate.Model, frames: np.ndarray, spikes: bool) -> Tuple[float, float]:
    """Milliseconds of a frame, one at a time on one core: half of all frames take at most that; and
    how much that is of the ten between frames. Least of three rounds."""
    kind: Dict[str, Any] = (
        {"steps_per_frame": STEPS, "frame_state": "reset", "frame_input": "first"} if spikes else {}
    )
    best = float("inf")
    with model.compile(**kind) as plan, plan.session() as session:
        out = np.empty((1, *plan.outputs[0].shape), np.float32)
        for _ in range(3):
            times: List[float] = []
            for i in range(len(frames)):
                start = time.perf_counter()
                session.run(frames[i : i + 1], out=out)
                times.append(time.perf_counter() - start)
            best = min(best, float(np.median(times)))
    return 1e3 * best, best / 0.01


def mean_and_spread(values: Sequence[float], digits: int) -> str:
    """As a cell of a table: the mean, and the standard deviation over the seeds."""
    spread = f" ± {np.std(values, ddof=1):.{digits}f}" if len(values) > 1 else ""
    return f"{np.mean(values):,.{digits}f}{spread}"


def remembered(
    path: str, recipe: str, seeds: Sequence[int], run: Callable[[int], Dict[str, Any]]
) -> List[Dict[str, Any]]:
    """What `run` finds for each seed. With a path it is kept there, and what was found by the same
    recipe is not run again."""
    done: Dict[int, Dict[str, Any]] = {}
    if path and Path(path).exists():
        for line in Path(path).read_text().splitlines():
            entry = json.loads(line)
            if entry["recipe"] == recipe:
                done[entry["seed"]] = entry["rows"]
    found = []
    for seed in seeds:
        if seed not in done:
            done[seed] = run(seed)
            if path:
                with open(path, "a") as file:
                    entry = {"recipe": recipe, "seed": seed, "rows": done[seed]}
                    file.write(json.dumps(entry) + "\n")
        found.append(done[seed])
    return found
