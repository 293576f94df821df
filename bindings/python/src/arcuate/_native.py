"""The C interface for ctypes: the constants, structs and functions of `arcuate.h`.

The library is the first of: the file named by the environment variable ARCUATE_LIBRARY, the file in
this folder (part of a wheel), the system's `libarcuate.so.0.2`.

It is loaded as a `CDLL`, which releases the interpreter's lock during every call: sessions of
different threads run concurrently.
"""

from __future__ import annotations

import ctypes
import os
from ctypes import (
    CFUNCTYPE,
    POINTER,
    Structure,
    c_char_p,
    c_double,
    c_float,
    c_int32,
    c_int64,
    c_size_t,
    c_uint64,
    c_void_p,
)
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

from ._native_training import (  # noqa: F401
    Edge,
    NodeDropout,
    NodeGroup,
    NodeSurrogate,
    Samples,
    Target,
    TrainingLoss,
    TrainingOptions,
    TrainingResult,
)
from ._version import __version__

FILE_NAME = "libarcuate.so.0.2"

Pointer = c_void_p
"""An opaque object of the library, or None."""

# ---- Status -----------------------------------------------------------------------------------

SUCCESS = 0
INVALID_ARGUMENT = -100
SHAPE_MISMATCH = -101
NOT_FOUND = -102
BUFFER_SIZE = -103
CANNOT_OPEN = -200
CANNOT_WRITE = -201
TRUNCATED = -202
MALFORMED = -203
UNSUPPORTED_FORMAT = -204
LIMIT_EXCEEDED = -205
INVALID_MODEL = -300
NOT_REPRESENTABLE = -301
CANNOT_COMPILE = -400
UNSUPPORTED_PROCESSOR = -401
INVALID_STATE = -500
CANCELED = -501
OUT_OF_MEMORY = -600

# ---- Constants, by their names in Python; the position is the number in C ------------------------
#
# The FRAME_ constants begin at 1, since 0 is the default.

SEVERITY = ("note", "repair", "error")
FRAME_STATE = ("keep", "reset")
FRAME_INPUT = ("hold", "first")
FRAME_OUTPUT = ("last", "sum", "mean", "every")
NUMERICS = ("exact", "fast")
PROBE = ("output", "membrane", "current")
ELEMENT = ("float32", "bfloat16", "int8")
BALANCING = ("data", "model", "spike_norm")
CONVERSION_INPUT = ("constant", "single_shot", "bernoulli")
CONVERSION_BIAS = ("every_step", "once")
CONVERSION_MAX_POOLING = ("spikes", "refuse")
CONVERSION_READOUT = ("potential", "mean")
TRAINING = ("direct", "tandem")
SAMPLE_INPUT = ("hold", "first", "every")
SURROGATE = ("box", "triangle", "fast_sigmoid", "arctan", "spike_time")
OPTIMIZER = ("sgd", "adam", "adamax", "adamw")
SCHEDULE = ("constant", "decay", "milestones", "cosine", "linear")
WEIGHT_NOISE = ("none", "additive", "multiplicative")
LOSS = (
    "cross_entropy",
    "mean_square",
    "smooth_l1",
    "binary_cross_entropy",
    "binary_cross_entropy_logits",
    "count",
    "stochmax",
    "stochmax_naive",
)
READOUT = ("last", "sum", "mean", "maximum", "every")

# ---- Structs ------------------------------------------------------------------------------------


class ReadOptions(Structure):
    """arcuate_read_options"""

    _fields_ = [
        ("struct_size", c_size_t),
        ("strict", c_int32),
        ("preset", c_char_p),
        ("dt_s", c_double),
    ]


class CompileOptions(Structure):
    """arcuate_compile_options"""

    _fields_ = [
        ("struct_size", c_size_t),
        ("dt_s", c_double),
        ("steps_per_frame", c_int32),
        ("frame_state", c_int32),
        ("frame_input", c_int32),
        ("frame_output", c_int32),
        ("batch", c_int32),
        ("threads", c_int32),
        ("numerics", c_int32),
        ("max_session_bytes", c_uint64),
    ]


class QuantizationOptions(Structure):
    """arcuate_quantization_options"""

    _fields_ = [
        ("struct_size", c_size_t),
        ("element", c_int32),
        ("keep_first", c_int32),
        ("keep_last", c_int32),
        ("keep_batch_norm", c_int32),
        ("keep", POINTER(c_char_p)),
        ("keep_count", c_size_t),
        ("frames", c_size_t),
        ("inputs", POINTER(c_void_p)),
        ("input_counts", POINTER(c_size_t)),
        ("compile", POINTER(CompileOptions)),
    ]


class QuantizedNode(Structure):
    """arcuate_quantized_node"""

    _fields_ = [
        ("struct_size", c_size_t),
        ("name", c_char_p),
        ("before", c_int32),
        ("after", c_int32),
        ("weights", c_uint64),
        ("bytes_before", c_uint64),
        ("bytes_after", c_uint64),
        ("weight_error", c_double),
        ("output_error", c_double),
        ("uncalibrated_output_error", c_double),
    ]


class ConversionOptions(Structure):
    """arcuate_conversion_options"""

    _fields_ = [
        ("struct_size", c_size_t),
        ("balancing", c_int32),
        ("input", c_int32),
        ("bias", c_int32),
        ("max_pooling", c_int32),
        ("readout", c_int32),
        ("strict", c_int32),
        ("separate_scales", c_int32),
        ("steps", c_int32),
        ("percentile", c_double),
        ("factor", c_double),
        ("initial_potential", c_double),
        ("seed", c_uint64),
        ("frames", c_size_t),
        ("inputs", POINTER(c_void_p)),
        ("input_counts", POINTER(c_size_t)),
        ("compile", POINTER(CompileOptions)),
    ]


class ConvertedLayer(Structure):
    """arcuate_converted_layer"""

    _fields_ = [
        ("struct_size", c_size_t),
        ("name", c_char_p),
        ("neurons", c_uint64),
        ("scale", c_double),
        ("largest", c_double),
    ]


class ConversionLossOptions(Structure):
    """arcuate_conversion_loss_options"""

    _fields_ = [
        ("struct_size", c_size_t),
        ("frames", c_size_t),
        ("inputs", POINTER(c_void_p)),
        ("input_counts", POINTER(c_size_t)),
        ("labels", POINTER(c_int32)),
        ("compile", POINTER(CompileOptions)),
        ("steps", c_int32),
    ]


class ConversionLoss(Structure):
    """arcuate_conversion_loss"""

    _fields_ = [
        ("struct_size", c_size_t),
        ("frames", c_uint64),
        ("accuracy", c_double),
        ("artificial_accuracy", c_double),
        ("agreement", c_double),
        ("output_error", c_double),
        ("largest_error", c_double),
        ("spikes", c_double),
        ("acs", c_double),
        ("macs", c_double),
        ("artificial_macs", c_double),
        ("layers", c_size_t),
    ]


class EventsOptions(Structure):
    """arcuate_events_options"""

    _fields_ = [
        ("struct_size", c_size_t),
        ("kind", c_int32),
        ("origin", c_int32),
        ("offset_us", c_int64),
        ("file_rows", c_int32),
        ("camera", c_int32),
        ("width", c_int32),
        ("height", c_int32),
        ("address_bytes", c_int32),
        ("tick_ns", c_int32),
    ]


class Counters(Structure):
    """arcuate_counters"""

    _fields_ = [
        ("struct_size", c_size_t),
        ("spikes", c_uint64),
        ("macs", c_uint64),
        ("acs", c_uint64),
        ("dense_operations", c_uint64),
        ("neuron_updates", c_uint64),
        ("rows", c_uint64),
        ("dense_rows", c_uint64),
        ("weight_bytes", c_uint64),
    ]


POLL = CFUNCTYPE(c_int32, c_void_p)

# ---- Functions ----------------------------------------------------------------------------------

# Data is passed as c_void_p, which accepts addresses of arrays and bytes; the header has the types.
_OUT = POINTER(c_void_p)
_SIZES = POINTER(c_size_t)
_VALUES: List[Any] = [c_void_p, c_size_t, _OUT]
_PORTS: List[Any] = [POINTER(c_void_p), _SIZES, POINTER(c_void_p), _SIZES]

PROTOTYPES: Dict[str, Tuple[Any, List[Any]]] = {
    "arcuate_version": (c_int32, []),
    "arcuate_status_name": (c_char_p, [c_int32]),
    "arcuate_error_status": (c_int32, [c_void_p]),
    "arcuate_error_message": (c_char_p, [c_void_p]),
    "arcuate_error_free": (None, [c_void_p]),
    # Hooks, which this package does not use
    "arcuate_set_allocator": (c_int32, [c_void_p, _OUT]),
    "arcuate_set_log": (None, [c_void_p, c_void_p]),
    # Cancellation
    "arcuate_cancel_create": (c_int32, [POLL, c_void_p, _OUT, _OUT]),
    "arcuate_cancel_free": (None, [c_void_p]),
    "arcuate_cancel_watch": (None, [c_void_p]),
    "arcuate_cancel_request": (None, [c_void_p]),
    "arcuate_cancel_clear": (None, [c_void_p]),
    "arcuate_cancel_requested": (c_int32, [c_void_p]),
    # Models
    "arcuate_read_options_init": (None, [POINTER(ReadOptions)]),
    "arcuate_model_open": (c_int32, [c_char_p, POINTER(ReadOptions), _OUT, _OUT]),
    "arcuate_model_from_memory": (c_int32, [c_void_p, c_size_t, POINTER(ReadOptions), _OUT, _OUT]),
    "arcuate_model_save": (c_int32, [c_void_p, c_char_p, _OUT]),
    "arcuate_model_copy": (c_void_p, [c_void_p]),
    "arcuate_model_free": (None, [c_void_p]),
    "arcuate_model_set_semantics": (c_int32, [c_void_p, c_char_p, c_char_p, _OUT]),
    "arcuate_model_fold_batch_norm": (c_int32, [c_void_p, _OUT]),
    "arcuate_model_dt": (c_double, [c_void_p]),
    "arcuate_model_metadata_number": (c_double, [c_void_p, c_char_p, c_double]),
    "arcuate_model_node_count": (c_size_t, [c_void_p]),
    "arcuate_model_node_name": (c_char_p, [c_void_p, c_size_t]),
    "arcuate_model_node_kind": (c_char_p, [c_void_p, c_size_t]),
    **{
        f"arcuate_{kind}_finding_{part}": (result, [c_void_p, *index])
        for kind in ("model", "plan")
        for part, result, index in (
            ("count", c_size_t, []),
            ("severity", c_int32, [c_size_t]),
            ("location", c_char_p, [c_size_t]),
            ("message", c_char_p, [c_size_t]),
        )
    },
    # Programs
    "arcuate_model_set_program": (c_int32, [c_void_p, c_char_p, c_char_p, _OUT]),
    "arcuate_model_program": (c_char_p, [c_void_p, c_char_p]),
    "arcuate_library_program_name": (c_char_p, [c_size_t]),
    "arcuate_library_program": (c_char_p, [c_char_p]),
    "arcuate_model_set_parameter": (c_int32, [c_void_p, c_char_p, c_char_p, *_VALUES]),
    # Plans
    "arcuate_compile_options_init": (None, [POINTER(CompileOptions)]),
    "arcuate_compile_options_from_model": (c_int32, [c_void_p, POINTER(CompileOptions), _OUT]),
    "arcuate_plan_create": (c_int32, [c_void_p, POINTER(CompileOptions), _OUT, _OUT]),
    "arcuate_plan_free": (None, [c_void_p]),
    "arcuate_plan_explain": (c_char_p, [c_void_p]),
    "arcuate_plan_options": (c_int32, [c_void_p, POINTER(CompileOptions), _OUT]),
    "arcuate_plan_dt": (c_double, [c_void_p]),
    "arcuate_plan_steps_per_frame": (c_int32, [c_void_p]),
    "arcuate_plan_batch": (c_int32, [c_void_p]),
    "arcuate_plan_input_count": (c_size_t, [c_void_p]),
    "arcuate_plan_output_count": (c_size_t, [c_void_p]),
    "arcuate_plan_input_name": (c_char_p, [c_void_p, c_size_t]),
    "arcuate_plan_output_name": (c_char_p, [c_void_p, c_size_t]),
    "arcuate_plan_input_size": (c_size_t, [c_void_p, c_size_t]),
    "arcuate_plan_output_size": (c_size_t, [c_void_p, c_size_t]),
    "arcuate_plan_input_shape": (c_size_t, [c_void_p, c_size_t, _SIZES, c_size_t]),
    "arcuate_plan_output_shape": (c_size_t, [c_void_p, c_size_t, _SIZES, c_size_t]),
    "arcuate_plan_node_count": (c_size_t, [c_void_p]),
    "arcuate_plan_node_name": (c_char_p, [c_void_p, c_size_t]),
    "arcuate_plan_node_kind": (c_char_p, [c_void_p, c_size_t]),
    "arcuate_plan_node_shape": (c_size_t, [c_void_p, c_size_t, _SIZES, c_size_t]),
    "arcuate_plan_find_node": (c_int64, [c_void_p, c_char_p]),
    # Quantization
    "arcuate_quantization_options_init": (None, [POINTER(QuantizationOptions)]),
    "arcuate_model_quantize": (c_int32, [c_void_p, POINTER(QuantizationOptions), _OUT, _OUT]),
    "arcuate_model_dequantize": (c_int32, [c_void_p, _OUT, _OUT]),
    "arcuate_model_quantization": (c_char_p, [c_void_p]),
    "arcuate_model_quantized_count": (c_size_t, [c_void_p]),
    "arcuate_model_quantized_node": (c_int32, [c_void_p, c_size_t, POINTER(QuantizedNode)]),
    # Conversion
    "arcuate_conversion_options_init": (None, [POINTER(ConversionOptions)]),
    "arcuate_model_convert": (c_int32, [c_void_p, POINTER(ConversionOptions), _OUT, _OUT]),
    "arcuate_model_conversion": (c_char_p, [c_void_p]),
    "arcuate_model_converted_count": (c_size_t, [c_void_p]),
    "arcuate_model_converted_layer": (c_int32, [c_void_p, c_size_t, POINTER(ConvertedLayer)]),
    "arcuate_conversion_loss_options_init": (None, [POINTER(ConversionLossOptions)]),
    "arcuate_model_conversion_loss": (
        c_int32,
        [
            c_void_p,
            c_void_p,
            POINTER(ConversionLossOptions),
            POINTER(ConversionLoss),
            POINTER(c_double),
            c_size_t,
            _OUT,
        ],
    ),
    # Sessions
    "arcuate_session_create": (c_int32, [c_void_p, _OUT, _OUT]),
    "arcuate_session_free": (None, [c_void_p]),
    "arcuate_session_run": (c_int32, [c_void_p, c_size_t, *_PORTS]),
    "arcuate_session_step": (c_int32, [c_void_p, *_PORTS]),
    "arcuate_session_run_events": (
        c_int32,
        [c_void_p, c_void_p, c_size_t, c_size_t, c_void_p, c_size_t, _SIZES, _SIZES, _SIZES],
    ),
    "arcuate_session_last_error": (c_char_p, [c_void_p]),
    "arcuate_session_reset": (c_int32, [c_void_p]),
    "arcuate_session_reset_stream": (c_int32, [c_void_p, c_size_t]),
    "arcuate_session_snapshot_size": (c_size_t, [c_void_p]),
    "arcuate_session_save": (c_int32, [c_void_p, c_void_p, c_size_t, _OUT]),
    "arcuate_session_restore": (c_int32, [c_void_p, c_void_p, c_size_t, _OUT]),
    "arcuate_session_clone": (c_int32, [c_void_p, _OUT, _OUT]),
    "arcuate_session_counters": (c_int32, [c_void_p, c_int64, c_int64, POINTER(Counters)]),
    "arcuate_session_clear_counters": (c_int32, [c_void_p]),
    "arcuate_session_kernels": (c_size_t, [c_void_p, c_void_p, c_size_t]),
    # Plasticity
    "arcuate_model_set_rule": (c_int32, [c_void_p, c_char_p, c_char_p, _OUT]),
    "arcuate_model_freeze": (c_int32, [c_void_p, _OUT, _OUT]),
    "arcuate_plan_signal_count": (c_size_t, [c_void_p]),
    "arcuate_plan_signal_name": (c_char_p, [c_void_p, c_size_t]),
    "arcuate_plan_signal_size": (c_size_t, [c_void_p, c_size_t]),
    "arcuate_session_set_adapting": (c_int32, [c_void_p, c_int32]),
    "arcuate_session_set_rate_factor": (c_int32, [c_void_p, c_float]),
    "arcuate_session_adapting": (c_int32, [c_void_p]),
    "arcuate_session_set_signal": (c_int32, [c_void_p, c_char_p, c_void_p, c_size_t]),
    "arcuate_session_set_label": (
        c_int32,
        [c_void_p, c_char_p, c_size_t, c_int64, c_float, c_float],
    ),
    "arcuate_session_clear_signal": (c_int32, [c_void_p, c_char_p]),
    "arcuate_session_normalize": (c_int32, [c_void_p]),
    "arcuate_session_consolidate": (c_int32, [c_void_p]),
    "arcuate_session_forget": (c_int32, [c_void_p]),
    "arcuate_session_adapted_size": (c_size_t, [c_void_p, c_char_p, c_int32]),
    "arcuate_session_read_adapted": (c_int32, [c_void_p, c_char_p, c_int32, *_VALUES]),
    "arcuate_session_adapted_model": (c_int32, [c_void_p, _OUT, _OUT]),
    # Training
    "arcuate_training_options_init": (None, [POINTER(TrainingOptions)]),
    "arcuate_trainer_create": (c_int32, [c_void_p, POINTER(TrainingOptions), _OUT, _OUT]),
    "arcuate_trainer_free": (None, [c_void_p]),
    "arcuate_trainer_last_error": (c_char_p, [c_void_p]),
    "arcuate_trainer_input_count": (c_size_t, [c_void_p]),
    "arcuate_trainer_output_count": (c_size_t, [c_void_p]),
    "arcuate_trainer_input_size": (c_size_t, [c_void_p, c_size_t]),
    "arcuate_trainer_output_size": (c_size_t, [c_void_p, c_size_t]),
    "arcuate_trainer_output_steps": (c_size_t, [c_void_p]),
    "arcuate_trainer_batch": (c_size_t, [c_void_p]),
    "arcuate_trainer_train_step": (c_int32, [c_void_p, POINTER(Samples), POINTER(TrainingResult)]),
    "arcuate_trainer_gradients": (c_int32, [c_void_p, POINTER(Samples), POINTER(TrainingResult)]),
    "arcuate_trainer_evaluate": (c_int32, [c_void_p, POINTER(Samples), POINTER(TrainingResult)]),
    "arcuate_trainer_predict": (c_int32, [c_void_p, POINTER(Samples), _OUT, _SIZES]),
    "arcuate_trainer_step": (c_uint64, [c_void_p]),
    "arcuate_trainer_rate": (c_double, [c_void_p]),
    "arcuate_trainer_rate_factor": (c_double, [c_void_p]),
    "arcuate_trainer_set_rate_factor": (c_int32, [c_void_p, c_double]),
    "arcuate_trainer_parameter_count": (c_size_t, [c_void_p]),
    "arcuate_trainer_parameter_name": (c_char_p, [c_void_p, c_size_t]),
    "arcuate_trainer_parameter_size": (c_size_t, [c_void_p, c_size_t]),
    "arcuate_trainer_parameter_shape": (c_size_t, [c_void_p, c_size_t, _SIZES, c_size_t]),
    "arcuate_trainer_parameter_is_trained": (c_int32, [c_void_p, c_size_t]),
    "arcuate_trainer_find_parameter": (c_int64, [c_void_p, c_char_p]),
    "arcuate_trainer_read_parameter": (c_int32, [c_void_p, c_size_t, c_void_p, c_size_t, _OUT]),
    "arcuate_trainer_read_gradient": (c_int32, [c_void_p, c_size_t, c_void_p, c_size_t, _OUT]),
    "arcuate_trainer_write_parameter": (c_int32, [c_void_p, c_size_t, c_void_p, c_size_t, _OUT]),
    "arcuate_trainer_read_input_gradient": (c_int32, [c_void_p, c_size_t, *_VALUES]),
    "arcuate_trainer_sample_count": (c_size_t, [c_void_p]),
    "arcuate_trainer_read_sample_losses": (
        c_int32,
        [c_void_p, POINTER(c_double), c_size_t, _OUT],
    ),
    "arcuate_trainer_read_output": (c_int32, [c_void_p, c_size_t, *_VALUES]),
    "arcuate_trainer_model": (c_int32, [c_void_p, _OUT, _OUT]),
    "arcuate_trainer_spiking_model": (c_int32, [c_void_p, _OUT, _OUT]),
    "arcuate_trainer_save": (c_int32, [c_void_p, c_char_p, c_char_p, _OUT]),
    "arcuate_trainer_restore": (c_int32, [c_void_p, c_char_p, _OUT]),
    "arcuate_trainer_note": (c_char_p, [c_void_p]),
    "arcuate_sample_order": (c_int32, [c_size_t, c_uint64, c_uint64, c_void_p]),
    # Probes
    "arcuate_probe_create": (c_int32, [c_void_p, c_char_p, c_int32, c_size_t, _OUT, _OUT]),
    "arcuate_probe_free": (None, [c_void_p]),
    "arcuate_probe_steps": (c_size_t, [c_void_p]),
    "arcuate_probe_missed": (c_size_t, [c_void_p]),
    "arcuate_probe_count": (c_size_t, [c_void_p]),
    "arcuate_probe_size": (c_size_t, [c_void_p]),
    "arcuate_probe_read": (c_int32, [c_void_p, c_void_p, c_size_t, _OUT]),
    "arcuate_probe_clear": (c_int32, [c_void_p]),
    # Events
    "arcuate_events_options_init": (None, [POINTER(EventsOptions)]),
    "arcuate_events_open": (c_int32, [c_char_p, POINTER(EventsOptions), _OUT, _OUT]),
    "arcuate_events_create": (c_int32, [POINTER(EventsOptions), _OUT, _OUT]),
    "arcuate_events_free": (None, [c_void_p]),
    "arcuate_events_feed": (c_int32, [c_void_p, c_void_p, c_size_t, _SIZES, _OUT]),
    "arcuate_events_read": (
        c_int32,
        [c_void_p, c_void_p, c_void_p, c_void_p, c_void_p, c_size_t, _SIZES, _OUT],
    ),
    "arcuate_events_format": (c_int32, [c_void_p]),
    "arcuate_events_width": (c_size_t, [c_void_p]),
    "arcuate_events_height": (c_size_t, [c_void_p]),
    "arcuate_events_progress": (c_double, [c_void_p]),
    "arcuate_events_finding_count": (c_size_t, [c_void_p]),
    "arcuate_events_finding_severity": (c_int32, [c_void_p, c_size_t]),
    "arcuate_events_finding_location": (c_char_p, [c_void_p, c_size_t]),
    "arcuate_events_finding_message": (c_char_p, [c_void_p, c_size_t]),
}

# ---- Loading ------------------------------------------------------------------------------------


def _load() -> ctypes.CDLL:
    named = os.environ.get("ARCUATE_LIBRARY")
    carried = Path(__file__).with_name(FILE_NAME)
    name = named or (str(carried) if carried.exists() else FILE_NAME)
    try:
        library = ctypes.CDLL(name)
        for function, (result, arguments) in PROTOTYPES.items():
            entry = getattr(library, function)
            entry.restype, entry.argtypes = result, arguments
    except (OSError, AttributeError) as error:
        origin = (
            "named by ARCUATE_LIBRARY"
            if named
            else "which this package carries"
            if carried.exists()
            else "neither in ARCUATE_LIBRARY, nor in this package, nor on the system"
        )
        raise ImportError(
            f"the Arcuate library {name}, {origin}, cannot be used: {error}"
        ) from error
    major, minor = (int(part) for part in __version__.split(".")[:2])
    has = library.arcuate_version()
    # Before 1.0 a minor version may change the interface.
    if (has // 1_000_000, has // 1000 % 1000) != (major, minor):
        raise ImportError(
            f"{name} has version {version_text(has)}; this package needs {major}.{minor}"
        )
    return library


def version_text(number: int) -> str:
    """`arcuate_version()` as "major.minor.patch"."""
    return f"{number // 1_000_000}.{number // 1000 % 1000}.{number % 1000}"


def text(value: Optional[bytes]) -> str:
    """A string of the library; "" for NULL. Bytes that are not UTF-8 become escapes."""
    return (value or b"").decode("utf-8", "backslashreplace")


library: Any = _load()
"""The loaded library, its functions with their prototypes."""
