"""Arcuate runs spiking, artificial and hybrid neural networks.

    import arcuate

    with arcuate.Model.open("digits.nir") as model:
        plan = model.compile()
    session = plan.session()
    outputs = session.run(frames)           # [frames, inputs] float32 to [frames, outputs]

A `Model` is a network, a `Plan` a model compiled for one use (immutable, shared by any number of
threads), a `Session` the state of one or more streams. `Model.convert` makes an artificial network
spiking, `Model.quantize` reduces its weights to int8 or bfloat16, a `Trainer` trains it by gradient, and
`Model.set_rule` attaches rules that change weights while a session runs.

Arrays are row-major and channel-first; float32 arrays in C order are not copied, others are converted.
Times are in seconds or steps. Errors are subclasses of `ArcuateError`. The library releases the
interpreter's lock. `documentation` returns guides in Markdown.

Ctrl-C, or any signal whose handler raises, ends a call within a second: it raises what the handler raised.
The call has then changed nothing, except that a session in the middle of a frame or step is reset.

In child processes of fork(), as `multiprocessing` and data loaders make them on Linux, models, plans and
everything with one thread can be used; sessions and trainers with threads can only be closed, and new ones made.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from . import _native, events, nn
from ._version import __version__
from .arrays import event_dtype
from .compare import Comparison, compare
from .conversion import Conversion, ConversionLoss, ConvertedLayer
from .curriculum import Curriculum
from .errors import (
    ArcuateError,
    ArgumentError,
    CanceledError,
    CompileError,
    FileError,
    FormatError,
    LimitError,
    ModelError,
    NotFoundError,
    OutOfMemoryError,
    StateError,
)
from .finding import Finding
from .fitting import Run, fit, plot_run
from .model import Model, Node
from .onnx_reader import OnnxWarning, from_onnx
from .plan import Plan, Port
from .probe import Probe
from .quantization import Quantization, QuantizedNode
from .session import Counters, Session
from .sparse import save_network, sparse_linear
from .torch_reader import from_torch
from .trainer import Trainer, TrainingResult, sample_order
from .training_options import Loss

__all__ = [
    "ArcuateError",
    "ArgumentError",
    "CanceledError",
    "CompileError",
    "Comparison",
    "Conversion",
    "ConversionLoss",
    "ConvertedLayer",
    "Counters",
    "Curriculum",
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
    "TrainingResult",
    "Trainer",
    "__version__",
    "compare",
    "documentation",
    "neuron_program",
    "event_dtype",
    "events",
    "fit",
    "from_onnx",
    "from_torch",
    "library_version",
    "nn",
    "plot_run",
    "sample_order",
    "save_network",
    "sparse_linear",
]


def library_version() -> str:
    """Version of the library at run time, "major.minor.patch"."""
    return _native.version_text(_native.library.arcuate_version())


def documentation(name: str = "") -> str:
    """A guide in Markdown, such as "plasticity-rules" or "layer-list"; without a name, all names.

    Raises NotFoundError.
    """
    here = Path(__file__).parent
    # Part of a wheel; in the repository, beside its sources.
    found = next(
        (f for f in (here / "docs", *(p / "docs" for p in here.parents[3:4])) if f.is_dir()), here
    )
    guides = {p.stem: p for p in sorted(found.glob("*.md")) if p.stem != "README"}
    if not name:
        return "\n".join(guides)
    return guides[_one_of(guides, "guide", name)].read_text(encoding="utf-8")


def neuron_program(name: str = "") -> str:
    """The text of a neuron program of the library (`documentation("neuron-library")`), such as
    "adaptive-lif" or "snntorch-leaky-subtract", for `nn.neuron`; without a name, all names.

    Raises NotFoundError.
    """
    library = _native.library
    programs: dict[str, bytes] = {}
    while (found := library.arcuate_library_program_name(len(programs))) is not None:
        programs[found.decode()] = library.arcuate_library_program(found)
    if not name:
        return "\n".join(programs)
    return programs[_one_of(programs, "neuron program", name)].decode()


def _one_of(names: Iterable[str], kind: str, name: str) -> str:
    if name in names:
        return name
    raise NotFoundError(
        _native.NOT_FOUND, f"there is no {kind} {name!r}; choose one of {', '.join(names)}"
    )
