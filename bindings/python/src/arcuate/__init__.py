"""Arcuate: runs spiking, artificial and hybrid networks.

    import arcuate

    with arcuate.Model.open("digits.nir") as model:
        plan = model.compile(steps_per_frame=10, frame_state="reset")
    session = plan.session()
    outputs = session.run(frames)           # [frames, inputs] float32 to [frames, outputs]

Three objects, one direction: a `Model` says what a network is, a `Plan` is the network compiled for
a use (immutable, for any number of threads), a `Session` is the state of one or more streams.

Arrays are row-major and channel-first; float32 arrays in C order go in and come out without copies,
others are converted. Times are seconds, or whole steps. Errors are subclasses of `ArcuateError`.
The interpreter's lock is released while the library works.
"""

from __future__ import annotations

from . import _native, nn
from ._version import __version__
from .conversion import Conversion, ConversionLoss, ConvertedLayer
from .errors import (
    ArcuateError,
    ArgumentError,
    CompileError,
    FileError,
    FormatError,
    LimitError,
    ModelError,
    NotFoundError,
    OutOfMemoryError,
    StateError,
)
from .fitting import Run, fit, plot_run
from .model import Finding, Model, Node
from .onnx_reader import OnnxWarning, from_onnx
from .plan import Plan, Port
from .probe import Probe
from .quantization import Quantization, QuantizedNode
from .session import Counters, Session, event_dtype
from .sparse import save_network, sparse_linear
from .trainer import Loss, Trainer, TrainResult, sample_order

__all__ = [
    "ArcuateError",
    "ArgumentError",
    "CompileError",
    "Conversion",
    "ConversionLoss",
    "ConvertedLayer",
    "Counters",
    "FileError",
    "Finding",
    "FormatError",
    "LimitError",
    "Loss",
    "Model",
    "ModelError",
    "Node",
    "NotFoundError",
    "OnnxWarning",
    "OutOfMemoryError",
    "Plan",
    "Port",
    "Probe",
    "Quantization",
    "QuantizedNode",
    "Run",
    "Session",
    "StateError",
    "TrainResult",
    "Trainer",
    "__version__",
    "event_dtype",
    "fit",
    "from_onnx",
    "library_version",
    "nn",
    "plot_run",
    "sample_order",
    "save_network",
    "sparse_linear",
]


def library_version() -> str:
    """The version of the library that is running, "major.minor.patch"."""
    return _native.version_text(_native.library.arcuate_version())
