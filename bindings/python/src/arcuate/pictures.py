"""Plots of sessions, made with matplotlib and saved to a file.

    from arcuate import pictures
    pictures.raster(probe, "spikes.png")
    pictures.receptive_fields(session, "weights", (28, 28), "fields.png")
    pictures.weight_histogram(session, "weights", "weights.png")
    pictures.learning_curve({"STDP": accuracies}, "curve.png")

The extension of the file determines the format.
"""

from __future__ import annotations

import os
from typing import Any, Mapping, Optional, Sequence, Tuple, Union

import numpy as np
import numpy.typing as npt

from . import errors
from .probe import Probe
from .session import Session

Path = Union[str, "os.PathLike[str]"]


def _figure(width: float, height: float) -> Any:
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("plots require matplotlib: pip install matplotlib") from error
    return Figure(figsize=(width, height), layout="constrained")


def raster(probe: Probe, path: Path, stream: int = 0, dt: Optional[float] = None) -> None:
    """A raster plot of a recording: elements over steps, or with `dt` over seconds.

    Raises ArgumentError for a stream out of range.
    """
    values = np.asarray(probe.read())
    if values.ndim < 2 or not 0 <= stream < values.shape[1]:
        raise errors.argument(f"stream {stream} is out of range")
    when, who = np.nonzero(values[:, stream].reshape(len(values), -1))
    figure = _figure(8, 4)
    axes = figure.subplots()
    axes.scatter(when * (dt or 1), who, s=4, marker="|", color="black", linewidths=0.8)
    axes.set_xlim(0, max(1, len(values)) * (dt or 1))
    axes.set_ylim(-0.5, max(1, values[0].size // values.shape[1] if len(values) else 1) - 0.5)
    axes.set_xlabel("seconds" if dt else "step")
    axes.set_ylabel("element")
    figure.savefig(path, dpi=120)


def receptive_fields(
    session: Session,
    node: str,
    shape: Tuple[int, int],
    path: Path,
    columns: Optional[int] = None,
    most: int = 400,
) -> None:
    """The weights into each of the first `most` outputs of a node, as images of `shape`.

    Raises ArgumentError if the node has another number of inputs, NotFoundError.
    """
    weights = session.adapted(node)
    height, width = shape
    if weights.ndim != 2 or weights.shape[1] != height * width:
        raise errors.argument(f'"{node}" has weights {weights.shape}, not [.., {height * width}]')
    fields = weights[:most].reshape(-1, height, width)
    across = columns or max(1, int(np.ceil(np.sqrt(len(fields)))))
    down = max(1, -(-len(fields) // across))
    sheet = np.full((down * (height + 1) - 1, across * (width + 1) - 1), np.nan, np.float32)
    for i, field in enumerate(fields):
        y, x = i // across * (height + 1), i % across * (width + 1)
        sheet[y : y + height, x : x + width] = field
    figure = _figure(8, 8 * sheet.shape[0] / sheet.shape[1] + 0.4)
    axes = figure.subplots()
    image = axes.imshow(sheet, cmap="inferno", interpolation="nearest")
    axes.set_axis_off()
    figure.colorbar(image, ax=axes, shrink=0.6)
    figure.savefig(path, dpi=120)


def weight_histogram(
    session: Session, node: str, path: Path, bins: int = 60, fast: bool = False
) -> None:
    """A histogram of the weights of a node. Raises NotFoundError."""
    figure = _figure(6, 3.5)
    axes = figure.subplots()
    axes.hist(session.adapted(node, fast).reshape(-1), bins=bins, color="0.3")
    axes.set_xlabel(f"weight of {node}")
    axes.set_ylabel("count")
    figure.savefig(path, dpi=120)


def learning_curve(
    curves: Union[Mapping[str, npt.ArrayLike], Sequence[float]],
    path: Path,
    presented: Optional[npt.ArrayLike] = None,
    what: str = "accuracy, %",
) -> None:
    """Learning curves: [points], or [seeds, points], plotted as mean and range."""
    named = curves if isinstance(curves, Mapping) else {"": curves}
    figure = _figure(6, 4)
    axes = figure.subplots()
    for name, values in named.items():
        numbers = np.atleast_2d(np.asarray(values, float))
        across = np.arange(1, numbers.shape[1] + 1) if presented is None else np.asarray(presented)
        (line,) = axes.plot(across, numbers.mean(0), label=name)
        if len(numbers) > 1:
            axes.fill_between(
                across, numbers.min(0), numbers.max(0), alpha=0.2, color=line.get_color()
            )
    if len(named) > 1:
        axes.legend()
    axes.set_xlabel("samples presented")
    axes.set_ylabel(what)
    figure.savefig(path, dpi=120)
