"""The structs of `arcuate/training.h`."""

from __future__ import annotations

from ctypes import (
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


class TrainingLoss(Structure):
    """arcuate_training_loss"""

    _fields_ = [
        ("struct_size", c_size_t),
        ("port", c_int32),
        ("kind", c_int32),
        ("readout", c_int32),
        ("weight", c_float),
        ("first", c_int32),
        ("step_end", c_int32),
    ]


class NodeSurrogate(Structure):
    """arcuate_node_surrogate"""

    _fields_ = [("node", c_char_p), ("surrogate", c_int32), ("a", c_float), ("b", c_float)]


class NodeDropout(Structure):
    """arcuate_node_dropout"""

    _fields_ = [("node", c_char_p), ("fraction", c_float)]


class NodeGroup(Structure):
    """arcuate_node_group"""

    _fields_ = [("nodes", POINTER(c_char_p)), ("count", c_size_t)]


class Edge(Structure):
    """arcuate_edge"""

    _fields_ = [("source", c_char_p), ("target", c_char_p)]


class TrainingOptions(Structure):
    """arcuate_training_options"""

    _fields_ = [
        ("struct_size", c_size_t),
        ("mode", c_int32),
        ("batch", c_int32),
        ("steps", c_int32),
        ("input", c_int32),
        ("threads", c_int32),
        ("through_reset", c_int32),
        ("detaches_time", c_int32),
        ("input_gradients", c_int32),
        ("dt_s", c_double),
        ("seed", c_uint64),
        ("surrogate", c_int32),
        ("surrogate_a", c_float),
        ("surrogate_b", c_float),
        ("norm_momentum", c_float),
        ("optimizer", c_int32),
        ("nesterov", c_int32),
        ("amsgrad", c_int32),
        ("schedule", c_int32),
        ("rate", c_float),
        ("momentum", c_float),
        ("beta1", c_float),
        ("beta2", c_float),
        ("epsilon", c_float),
        ("weight_decay", c_float),
        ("clip_norm", c_float),
        ("clip_value", c_float),
        ("schedule_factor", c_float),
        ("weight_noise", c_int32),
        ("noise_sigma", c_float),
        ("plastic_steps", c_int32),
        ("schedule_steps", c_int64),
        ("milestones", POINTER(c_int64)),
        ("milestone_count", c_size_t),
        ("noise_fades_at", c_int64),
        ("losses", POINTER(TrainingLoss)),
        ("loss_count", c_size_t),
        ("node_surrogates", POINTER(NodeSurrogate)),
        ("node_surrogate_count", c_size_t),
        ("dropouts", POINTER(NodeDropout)),
        ("dropout_count", c_size_t),
        ("frozen_nodes", POINTER(c_char_p)),
        ("frozen_node_count", c_size_t),
        ("trained_parameters", POINTER(c_char_p)),
        ("trained_parameter_count", c_size_t),
        ("tied_nodes", POINTER(NodeGroup)),
        ("tied_node_count", c_size_t),
        ("detached_edges", POINTER(Edge)),
        ("detached_edge_count", c_size_t),
    ]


class Target(Structure):
    """arcuate_target"""

    _fields_ = [("labels", POINTER(c_int32)), ("targets", c_void_p), ("target_count", c_size_t)]


class Samples(Structure):
    """arcuate_samples"""

    _fields_ = [
        ("struct_size", c_size_t),
        ("count", c_size_t),
        ("inputs", POINTER(c_void_p)),
        ("input_counts", POINTER(c_size_t)),
        ("labels", POINTER(c_int32)),
        ("targets", c_void_p),
        ("target_count", c_size_t),
        ("loss_targets", POINTER(Target)),
        ("loss_target_count", c_size_t),
    ]


class TrainingResult(Structure):
    """arcuate_training_result"""

    _fields_ = [
        ("struct_size", c_size_t),
        ("loss", c_double),
        ("gradient_norm", c_double),
        ("correct", c_uint64),
        ("samples", c_uint64),
        ("spikes", c_uint64),
        ("additions", c_uint64),
        ("products", c_uint64),
    ]
