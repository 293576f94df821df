/* Plans: models compiled for one use. */
#ifndef ARCUATE_PLAN_H
#define ARCUATE_PLAN_H

#include "model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct arcuate_plan arcuate_plan;

/* State at the end of a frame. */
typedef int32_t arcuate_frame_state;
/* As the model's metadata states ("frame_state"), or KEEP. */
#define ARCUATE_FRAME_STATE_DEFAULT ((arcuate_frame_state)0)
/* The next frame continues from this state. */
#define ARCUATE_FRAME_STATE_KEEP ((arcuate_frame_state)1)
/* Each frame starts from rest. */
#define ARCUATE_FRAME_STATE_RESET ((arcuate_frame_state)2)

/* Steps of a frame that receive its input values. */
typedef int32_t arcuate_frame_input;
/* As the model's metadata states ("frame_input"), or HOLD. */
#define ARCUATE_FRAME_INPUT_DEFAULT ((arcuate_frame_input)0)
/* Every step receives the values. */
#define ARCUATE_FRAME_INPUT_HOLD ((arcuate_frame_input)1)
/* The first step receives the values, the others zeros. */
#define ARCUATE_FRAME_INPUT_FIRST ((arcuate_frame_input)2)

/* Steps of a frame that determine its output. */
typedef int32_t arcuate_frame_output;
/* As the model's metadata states ("frame_output"), or LAST. */
#define ARCUATE_FRAME_OUTPUT_DEFAULT ((arcuate_frame_output)0)
#define ARCUATE_FRAME_OUTPUT_LAST ((arcuate_frame_output)1)
#define ARCUATE_FRAME_OUTPUT_SUM ((arcuate_frame_output)2)
#define ARCUATE_FRAME_OUTPUT_MEAN ((arcuate_frame_output)3)
/* The output of every step. */
#define ARCUATE_FRAME_OUTPUT_EVERY ((arcuate_frame_output)4)

/* Guarantee for the bits of the results. */
typedef int32_t arcuate_numerics;
/* The same bits for every thread count, chunking, batch and kernel. */
#define ARCUATE_NUMERICS_EXACT ((arcuate_numerics)0)
/* Products and sums may be fused and sums evaluated in any order, including the addition to a
 * membrane. A sum of n terms is within n ulp of the sum of their magnitudes; a neuron whose
 * membrane crosses its threshold because of it spikes at another step. A probe may change the
 * order. */
#define ARCUATE_NUMERICS_FAST ((arcuate_numerics)1)

/* How a model is run. A field of zero stands for the model's value, or the default. */
typedef struct arcuate_compile_options {
  size_t struct_size;
  /* Seconds per step, 1e-12 ... 1e6; 0: the model's. */
  double dt_s;
  /* 1 ... 1000000; 0: as the model's metadata states ("steps_per_frame"), or 1. */
  int32_t steps_per_frame;
  arcuate_frame_state frame_state;
  arcuate_frame_input frame_input;
  arcuate_frame_output frame_output;
  /* Independent streams that a session advances together, 1 ... 65535; 0: 1. */
  int32_t batch;
  /* 1 ... 256; 0: 1. More threads than processors give no benefit. Threads divide the streams. With
   * one stream they divide the outputs of layers with at least a million weights or, without such
   * layers, the nodes: each thread runs some of them, four steps behind the one before it, in calls
   * of more than four steps, as long as this is measured to be faster. Threads do not survive
   * fork(). */
  int32_t threads;
  arcuate_numerics numerics;
  /* Bytes that a session may need, 4096 ... 2^36; 0: 2^32. A small file can state delays that need
   * much memory; plans that would need more are refused. Since: 0.2. */
  uint64_t max_session_bytes;
} arcuate_compile_options;

/* Sets every option to zero. NULL is ignored. */
ARCUATE_API void arcuate_compile_options_init(arcuate_compile_options *options);

/* Sets the options that arcuate_plan_create uses for this model if none are given: no field
 * that the model or a default determines is left at zero.
 * Status: INVALID_MODEL for invalid metadata, INVALID_ARGUMENT. Since: 0.2. */
ARCUATE_NODISCARD ARCUATE_API arcuate_status arcuate_compile_options_from_model(
    const arcuate_model *model, arcuate_compile_options *options, arcuate_error **error)
    ARCUATE_NONNULL(1, 2);

/* Compiles a model. options: NULL for the model's own. On success the caller owns *plan.
 * Status: INVALID_MODEL naming the node, CANNOT_COMPILE, LIMIT_EXCEEDED (also by max_session_bytes,
 * naming the node that needs most), OUT_OF_MEMORY, INVALID_ARGUMENT for options out of range. */
ARCUATE_NODISCARD ARCUATE_API arcuate_status arcuate_plan_create(
    const arcuate_model *model, const arcuate_compile_options *options, arcuate_plan **plan,
    arcuate_error **error) ARCUATE_NONNULL(1, 3);
/* Frees a plan; its sessions remain valid. NULL is ignored. */
ARCUATE_API void arcuate_plan_free(arcuate_plan *plan);

/* Describes the plan as text: each option and where its value comes from, the nodes in execution
 * order with the kernels chosen and why, and the memory of a session. NULL for NULL. */
ARCUATE_API const char *arcuate_plan_explain(const arcuate_plan *plan);

/* Findings of the check of the model with the options of the plan, as arcuate_model_finding_count
 * and the functions after it: some depend on the length of a step. Since: 0.2. */
ARCUATE_API size_t arcuate_plan_finding_count(const arcuate_plan *plan);
ARCUATE_API arcuate_severity arcuate_plan_finding_severity(const arcuate_plan *plan, size_t index);
ARCUATE_API const char *arcuate_plan_finding_location(const arcuate_plan *plan, size_t index);
ARCUATE_API const char *arcuate_plan_finding_message(const arcuate_plan *plan, size_t index);

/* Gets the options in use; options->struct_size must be set. dt_s is 0 if nothing depends on it.
 * Status: INVALID_ARGUMENT. Since: 0.2. */
ARCUATE_NODISCARD ARCUATE_API arcuate_status arcuate_plan_options(
    const arcuate_plan *plan, arcuate_compile_options *options, arcuate_error **error)
    ARCUATE_NONNULL(1, 2);
/* Seconds per step; 0 if nothing depends on it. */
ARCUATE_API double arcuate_plan_dt(const arcuate_plan *plan);
/* Steps per frame; 0 for NULL. */
ARCUATE_API int32_t arcuate_plan_steps_per_frame(const arcuate_plan *plan);
/* Streams that a session advances together; 0 for NULL. */
ARCUATE_API int32_t arcuate_plan_batch(const arcuate_plan *plan);

/* Number of input ports and of output ports, in the order of the model; 0 for NULL. */
ARCUATE_API size_t arcuate_plan_input_count(const arcuate_plan *plan);
ARCUATE_API size_t arcuate_plan_output_count(const arcuate_plan *plan);
/* Name of a port; NULL if `port` is out of range. */
ARCUATE_API const char *arcuate_plan_input_name(const arcuate_plan *plan, size_t port);
ARCUATE_API const char *arcuate_plan_output_name(const arcuate_plan *plan, size_t port);
/* Elements of a port for one step of one stream; 0 if `port` is out of range. */
ARCUATE_API size_t arcuate_plan_input_size(const arcuate_plan *plan, size_t port);
ARCUATE_API size_t arcuate_plan_output_size(const arcuate_plan *plan, size_t port);
/* Writes up to `capacity` extents of a port's shape, without batch and time, and returns the rank:
 * 0 for a scalar, and if `port` is out of range. extents may be NULL if capacity is 0. */
ARCUATE_API size_t
arcuate_plan_input_shape(const arcuate_plan *plan, size_t port, size_t *extents, size_t capacity);
ARCUATE_API size_t
arcuate_plan_output_shape(const arcuate_plan *plan, size_t port, size_t *extents, size_t capacity);

/* Number of nodes, in execution order; nodes of a nested graph are named "graph/node". */
ARCUATE_API size_t arcuate_plan_node_count(const arcuate_plan *plan);
/* Name of a node; NULL if the index is out of range. */
ARCUATE_API const char *arcuate_plan_node_name(const arcuate_plan *plan, size_t index);
/* Kind of a node, as arcuate_model_node_kind; NULL if the index is out of range. */
ARCUATE_API const char *arcuate_plan_node_kind(const arcuate_plan *plan, size_t index);
/* Shape of a node's output, as arcuate_plan_input_shape. */
ARCUATE_API size_t
arcuate_plan_node_shape(const arcuate_plan *plan, size_t index, size_t *extents, size_t capacity);
/* Index of a node; -1 if there is none of that name. */
ARCUATE_API int64_t arcuate_plan_find_node(const arcuate_plan *plan, const char *name);

#ifdef __cplusplus
}
#endif

#endif
