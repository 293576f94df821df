/*
 * Arcuate: runs spiking, artificial and hybrid networks inside other programs.
 *
 * Three objects, one direction:
 *
 *     arcuate_model    what a network is; from a file or from memory
 *     arcuate_plan     the network compiled for a use; immutable, for any number of threads
 *     arcuate_session  the state of one or more streams; the only thing that changes
 *
 * Ownership. Every object that a function hands out is freed by the function named after it, which
 * accepts NULL. Objects may be freed in any order: a session keeps its plan alive, a plan what it
 * needs of its model. Strings that are returned belong to the object they were asked of and live
 * until it is changed or freed.
 * Data buffers belong to the caller; nothing keeps a pointer to them after the call.
 *
 * Threads. A pointer to const may be used by many threads at once; any other by one at a time.
 * Different objects are independent.
 *
 * Errors. Functions that can fail return a status, 0 for success. Those that are not called for
 * every frame also take an arcuate_error ** as their last argument, which may be NULL; on failure
 * it receives an error with a sentence, to be freed by the caller, and nothing else is written.
 * arcuate_session_run, _step, _run_events, _reset, _reset_stream, _clear_counters and those that
 * teach return only a status and keep the sentence in the session (arcuate_session_last_error).
 * arcuate_session_counters, which leaves the session as it is, arcuate_model_quantized_node,
 * arcuate_model_converted_layer and arcuate_probe_clear return only a status.
 *
 * Memory. After a session was created, running it allocates nothing.
 *
 * Options. Structs begin with their size: set struct_size to sizeof the struct, or call its _init
 * function, so that programs built against this header work with later libraries.
 *
 * Processors. On x86-64 the library needs AVX2 and FMA and uses AVX-512 and, on Linux, the tiles of
 * AMX where the processor has them; with exact numerics results have the same bits either way. The
 * environment variable ARCUATE_INSTRUCTIONS, "avx2", "avx512" or "amx", read when the library is first
 * used, chooses; what the processor lacks is not used but told to the log. arcuate_plan_explain says
 * which it is. Where tiles may be used the library asks the system to keep them for this process, which
 * makes the frames of its signal handlers 8 kB larger; with less than that they are done without.
 *
 * Numbers are IEEE floats in the byte order of the machine; arrays are row-major and
 * channel-first; text is UTF-8 and ends with a zero byte.
 */
#ifndef ARCUATE_H
#define ARCUATE_H

#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
#define ARCUATE_API
#else
#define ARCUATE_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Version ---------------------------------------------------------------------------- */

#define ARCUATE_VERSION_MAJOR 0
#define ARCUATE_VERSION_MINOR 1
#define ARCUATE_VERSION_PATCH 0

/* The version of the library that is running: major * 1000000 + minor * 1000 + patch. */
ARCUATE_API int32_t arcuate_version(void);

/* ---- Status and errors ------------------------------------------------------------------ */

typedef int32_t arcuate_status;

#define ARCUATE_SUCCESS ((arcuate_status)0)
/* A function was called with what it cannot take. */
#define ARCUATE_ERROR_INVALID_ARGUMENT ((arcuate_status)-100)
#define ARCUATE_ERROR_SHAPE_MISMATCH ((arcuate_status)-101)
#define ARCUATE_ERROR_NOT_FOUND ((arcuate_status)-102)
#define ARCUATE_ERROR_BUFFER_SIZE ((arcuate_status)-103)
/* A file could not be used. */
#define ARCUATE_ERROR_CANNOT_OPEN ((arcuate_status)-200)
#define ARCUATE_ERROR_CANNOT_WRITE ((arcuate_status)-201)
#define ARCUATE_ERROR_TRUNCATED ((arcuate_status)-202)
#define ARCUATE_ERROR_MALFORMED ((arcuate_status)-203)
#define ARCUATE_ERROR_UNSUPPORTED_FORMAT ((arcuate_status)-204)
#define ARCUATE_ERROR_LIMIT_EXCEEDED ((arcuate_status)-205)
/* A model is not sound, or a format has no word for it. */
#define ARCUATE_ERROR_INVALID_MODEL ((arcuate_status)-300)
#define ARCUATE_ERROR_NOT_REPRESENTABLE ((arcuate_status)-301)
/* A model cannot be compiled as asked. */
#define ARCUATE_ERROR_CANNOT_COMPILE ((arcuate_status)-400)
#define ARCUATE_ERROR_UNSUPPORTED_PROCESSOR ((arcuate_status)-401)
/* A session cannot do this now. */
#define ARCUATE_ERROR_INVALID_STATE ((arcuate_status)-500)
#define ARCUATE_ERROR_OUT_OF_MEMORY ((arcuate_status)-600)

/* A short name such as "not found"; never NULL, "unknown status" for others. Lives for ever. */
ARCUATE_API const char *arcuate_status_name(arcuate_status status);

typedef struct arcuate_error arcuate_error;

/* The status of an error; ARCUATE_SUCCESS for NULL. */
ARCUATE_API arcuate_status arcuate_error_status(const arcuate_error *error);
/* One sentence that names the file, node or place; "" for NULL. */
ARCUATE_API const char *arcuate_error_message(const arcuate_error *error);
/* Frees an error; its message ends with it. NULL is ignored. */
ARCUATE_API void arcuate_error_free(arcuate_error *error);

/* ---- Hooks ------------------------------------------------------------------------------ */

/* Where large blocks come from: packed weights, the memory of sessions and of recordings. Both
 * functions may be called by any thread that uses the library. */
typedef struct arcuate_allocator {
  size_t struct_size;
  void *context; /* handed to both functions */
  /* At least `size` bytes at a multiple of `alignment`, a power of two; NULL if there are none. */
  void *(*allocate)(void *context, size_t size, size_t alignment);
  /* Takes back a block that `allocate` gave for `size` bytes. */
  void (*release)(void *context, void *block, size_t size);
} arcuate_allocator;

/* The allocator for blocks to come; a block goes back to the one it came from. NULL brings back
 * the system's. Status: INVALID_ARGUMENT. */
ARCUATE_API arcuate_status arcuate_set_allocator(const arcuate_allocator *allocator,
                                                 arcuate_error **error);

/* Receives a sentence about something worth knowing that is not a failure, such as a repair made
 * when a model was opened. level: one of ARCUATE_SEVERITY_*. message lives for the call. */
typedef void (*arcuate_log)(void *context, int32_t level, const char *message);

/* Sends messages to `log`, by any thread that uses the library, never while a session runs; NULL
 * keeps silent, as at the start. */
ARCUATE_API void arcuate_set_log(arcuate_log log, void *context);

/* ---- Models ----------------------------------------------------------------------------- */

typedef struct arcuate_model arcuate_model;

/* How a file is read. */
typedef struct arcuate_read_options {
  size_t struct_size;
  /* 0: mend what is missing or inconsistent and report it as findings. 1: refuse it. */
  int32_t strict;
  /* What the exporter assumed of its neurons: "nir", "snntorch", "norse", "spikingjelly",
   * "sinabs", "rockpool", "spyx", "lava", "nengo" or "spinnaker2"; NULL takes what the file says. */
  const char *preset;
  /* Seconds per step, 1e-12 ... 1e6; 0 takes what the file says. */
  double dt_s;
} arcuate_read_options;

/* Sets the defaults: tolerant, no preset, no dt. NULL is ignored. */
ARCUATE_API void arcuate_read_options_init(arcuate_read_options *options);

/* Opens a .nir or .safetensors file or a Kaldi nnet3 model (raw, or final.mdl with its transition
 * model; text or binary); which of them is told from its first bytes. A step of a Kaldi model is a
 * frame of dt_s, 0.01 s unless the options say otherwise; see arcuate_model_note for its latency.
 * A list of layers in JSON (README of Sources/ArcuateFormats/Layers) makes a new network with
 * weights drawn from its seed.
 * A .safetensors file stays mapped while the model, or a plan or session made of it, lives: until
 * then it must be neither cut short nor changed in place, since its numbers and the lists of
 * connections are checked once. Replace it by another under its name, as arcuate_model_save does.
 * path: not NULL. options: NULL for the defaults. On success *model is the caller's to free.
 * Status: CANNOT_OPEN, TRUNCATED, MALFORMED, UNSUPPORTED_FORMAT, LIMIT_EXCEEDED, INVALID_MODEL,
 * INVALID_ARGUMENT, UNSUPPORTED_PROCESSOR. */
ARCUATE_API arcuate_status arcuate_model_open(const char *path,
                                              const arcuate_read_options *options,
                                              arcuate_model **model, arcuate_error **error);

/* As arcuate_model_open, from `size` bytes, which are copied. */
ARCUATE_API arcuate_status arcuate_model_from_memory(const void *data, size_t size,
                                                     const arcuate_read_options *options,
                                                     arcuate_model **model,
                                                     arcuate_error **error);

/* Writes the model to a .nir or .safetensors file, told by the ending of the path; whole or not
 * at all. NIR has no word for narrow weights: a .nir file gets float32 of the same values.
 * Status: CANNOT_WRITE, NOT_REPRESENTABLE, INVALID_MODEL, INVALID_ARGUMENT. */
ARCUATE_API arcuate_status arcuate_model_save(const arcuate_model *model, const char *path,
                                              arcuate_error **error);

/* The same model in a new object. NULL for NULL. */
ARCUATE_API arcuate_model *arcuate_model_copy(const arcuate_model *model);
/* Frees a model; plans made of it go on. NULL is ignored. */
ARCUATE_API void arcuate_model_free(arcuate_model *model);

/* Sets one field of what the model assumes of its neurons, or all at once:
 *   "preset"           one of the names of arcuate_read_options
 *   "integrator"       euler, euler_old_current, exponential, exponential_unit, exponential_post
 *   "reset"            to_value, subtract, none
 *   "reset_timing"     same_step, next_step, same_step_residual
 *   "comparison"       >, >=
 *   "spike_timing"     same_step, next_step
 *   "feedback_start"   zero, response
 *   "integrator_gain"  dt_r, r
 *   "multi_spike"      0, 1
 *   "clamps_below"     0, 1
 * Status: INVALID_ARGUMENT. */
ARCUATE_API arcuate_status arcuate_model_set_semantics(arcuate_model *model, const char *field,
                                                       const char *value, arcuate_error **error);

/* Folds every batch-norm that directly follows weights into these; others stay. */
ARCUATE_API arcuate_status arcuate_model_fold_batch_norm(arcuate_model *model,
                                                         arcuate_error **error);

/* The step the model was made for, in seconds; 0 if it does not say. */
ARCUATE_API double arcuate_model_dt(const arcuate_model *model);

/* A number that the model's metadata states under a name; `otherwise` if it states none.
 * Of a network that looks at neighbouring frames they say, in frames, how to feed it:
 *   "left_context"  give the first frame so often once more before an utterance
 *   "latency"       the output of a step belongs to the input of so many steps before: after the last
 *                   frame give it so often once more, and leave out as many outputs, and left_context
 *                   more, at the start
 *   "subsampling"   only every so many outputs are meant to be used
 *   "splice_left", "splice_right"  each input is a frame with so many before and after it
 * 0 is what to take where there is no such note (1 for subsampling). */
ARCUATE_API double arcuate_model_note(const arcuate_model *model, const char *name,
                                      double otherwise);

/* Nodes of the outermost graph. */
ARCUATE_API size_t arcuate_model_node_count(const arcuate_model *model);
/* The name of a node; NULL outside the range. */
ARCUATE_API const char *arcuate_model_node_name(const arcuate_model *model, size_t index);
/* Its kind: as in NIR, such as "Affine" or "LIF", or what NIR has no word for, such as "BatchNorm",
 * "SparseLinear", connections that are listed, each with a delay, or "PlasticLinear", weights that
 * learn. NULL outside the range. */
ARCUATE_API const char *arcuate_model_node_kind(const arcuate_model *model, size_t index);

/* What reading and checking the model found. An error means that it cannot be compiled. */
#define ARCUATE_SEVERITY_NOTE 0
#define ARCUATE_SEVERITY_REPAIR 1
#define ARCUATE_SEVERITY_ERROR 2
/* How many findings there are; 0 for NULL. Changing the model finds anew. */
ARCUATE_API size_t arcuate_model_finding_count(const arcuate_model *model);
/* One of ARCUATE_SEVERITY_*; -1 outside the range. */
ARCUATE_API int32_t arcuate_model_finding_severity(const arcuate_model *model, size_t index);
/* The node, edge or place it is about; NULL outside the range. */
ARCUATE_API const char *arcuate_model_finding_place(const arcuate_model *model, size_t index);
/* The sentence, without a full stop; NULL outside the range. */
ARCUATE_API const char *arcuate_model_finding_message(const arcuate_model *model, size_t index);

/* ---- Plans ------------------------------------------------------------------------------ */

typedef struct arcuate_plan arcuate_plan;

/* State when a frame ends: goes on into the next, or starts from rest. DEFAULT: what the model's
 * metadata states, or KEEP. */
#define ARCUATE_FRAME_STATE_DEFAULT 0
#define ARCUATE_FRAME_STATE_KEEP 1
#define ARCUATE_FRAME_STATE_RESET 2
/* How a frame enters: the same values at every step, or at the first step only. DEFAULT: what the
 * model's metadata states, or HOLD. */
#define ARCUATE_FRAME_INPUT_DEFAULT 0
#define ARCUATE_FRAME_INPUT_HOLD 1
#define ARCUATE_FRAME_INPUT_FIRST 2
/* What of a frame's steps comes out. DEFAULT: what the model's metadata states, or LAST. */
#define ARCUATE_FRAME_OUTPUT_DEFAULT 0
#define ARCUATE_FRAME_OUTPUT_LAST 1
#define ARCUATE_FRAME_OUTPUT_SUM 2
#define ARCUATE_FRAME_OUTPUT_MEAN 3
#define ARCUATE_FRAME_OUTPUT_EVERY 4
/* EXACT: the same bits for every thread count, chunking, batch and kernel.
 * FAST: products and sums may be fused and sums made in any order, with the membrane that they are
 * added to as well; a sum of n terms is within n ulp of the sum of their magnitudes. A neuron that
 * this leaves at the other side of its threshold spikes at another step. Probes may change the order. */
#define ARCUATE_NUMERICS_EXACT 0
#define ARCUATE_NUMERICS_FAST 1

typedef struct arcuate_compile_options {
  size_t struct_size;
  /* Seconds per step, 1e-12 ... 1e6; 0 takes the model's. */
  double dt_s;
  /* 1 ... 1000000; 0: what the model's metadata states, or 1. */
  int32_t steps_per_frame;
  int32_t frame_state;
  int32_t frame_input;
  int32_t frame_output;
  /* Independent streams that a session advances together, 1 ... 65535; 0: 1. */
  int32_t batch;
  /* 1 ... 256; 0: 1; more than processors gain nothing. They share the streams; with one stream the
   * outputs of layers of a million weights and more or, without such layers, the nodes: each thread
   * runs some, four steps behind the one before, in calls of more steps than that and as long as
   * this takes less time. A session's threads do not outlive fork(). */
  int32_t threads;
  int32_t numerics;
} arcuate_compile_options;

/* Sets every field to 0, so that it follows the model or is the default. NULL is ignored. */
ARCUATE_API void arcuate_compile_options_init(arcuate_compile_options *options);

/* Sets every field to the value that arcuate_plan_create uses for this model where nothing is set.
 * Status: INVALID_MODEL for metadata that is no such option, INVALID_ARGUMENT. */
ARCUATE_API arcuate_status arcuate_compile_options_from_model(const arcuate_model *model,
                                                              arcuate_compile_options *options,
                                                              arcuate_error **error);

/* Compiles a model. options: NULL for the defaults. On success *plan is the caller's to free.
 * Status: INVALID_MODEL naming the node, CANNOT_COMPILE, LIMIT_EXCEEDED, OUT_OF_MEMORY,
 * INVALID_ARGUMENT for options out of range, UNSUPPORTED_PROCESSOR. */
ARCUATE_API arcuate_status arcuate_plan_create(const arcuate_model *model,
                                               const arcuate_compile_options *options,
                                               arcuate_plan **plan, arcuate_error **error);
/* Frees a plan; its sessions go on. NULL is ignored. */
ARCUATE_API void arcuate_plan_free(arcuate_plan *plan);

/* What runs, with which kernels and why, and how much memory it takes. */
ARCUATE_API const char *arcuate_plan_explain(const arcuate_plan *plan);
/* The options in use, none of them 0 but dt_s where nothing depends on it and numerics. Its
 * struct_size must be set. Status: INVALID_ARGUMENT. */
ARCUATE_API arcuate_status arcuate_plan_options(const arcuate_plan *plan,
                                                arcuate_compile_options *options,
                                                arcuate_error **error);
/* Seconds per step; 0 if nothing depends on it. */
ARCUATE_API double arcuate_plan_dt(const arcuate_plan *plan);
/* As compiled: steps for one frame; 0 for NULL. */
ARCUATE_API int32_t arcuate_plan_steps_per_frame(const arcuate_plan *plan);
/* As compiled: streams that a session advances together; 0 for NULL. */
ARCUATE_API int32_t arcuate_plan_batch(const arcuate_plan *plan);

/* Input ports, in the order of the model; 0 for NULL. */
ARCUATE_API size_t arcuate_plan_input_count(const arcuate_plan *plan);
/* Output ports, likewise. */
ARCUATE_API size_t arcuate_plan_output_count(const arcuate_plan *plan);
/* The name of an input port; NULL outside the range. */
ARCUATE_API const char *arcuate_plan_input_name(const arcuate_plan *plan, size_t port);
/* Likewise of an output port. */
ARCUATE_API const char *arcuate_plan_output_name(const arcuate_plan *plan, size_t port);
/* Numbers of one step of one stream; 0 outside the range. */
ARCUATE_API size_t arcuate_plan_input_size(const arcuate_plan *plan, size_t port);
/* Likewise of an output port. */
ARCUATE_API size_t arcuate_plan_output_size(const arcuate_plan *plan, size_t port);
/* Writes up to `capacity` extents of the shape, which has neither batch nor time, and returns how
 * many there are (0 for a scalar, and outside the range). extents may be NULL if capacity is 0. */
ARCUATE_API size_t arcuate_plan_input_shape(const arcuate_plan *plan, size_t port, size_t *extents,
                                            size_t capacity);
/* Likewise of an output port. */
ARCUATE_API size_t arcuate_plan_output_shape(const arcuate_plan *plan, size_t port,
                                             size_t *extents, size_t capacity);

/* Nodes in the order in which they run; nested graphs appear as "graph/node". */
ARCUATE_API size_t arcuate_plan_node_count(const arcuate_plan *plan);
/* The name of the node at a place in that order; NULL outside the range. */
ARCUATE_API const char *arcuate_plan_node_name(const arcuate_plan *plan, size_t index);
/* Its kind, as arcuate_model_node_kind names it; NULL outside the range. */
ARCUATE_API const char *arcuate_plan_node_kind(const arcuate_plan *plan, size_t index);
/* Its shape, as arcuate_plan_input_shape gives that of a port. */
ARCUATE_API size_t arcuate_plan_node_shape(const arcuate_plan *plan, size_t index, size_t *extents,
                                           size_t capacity);
/* The index of a node by name; -1 if there is none. */
ARCUATE_API int64_t arcuate_plan_find_node(const arcuate_plan *plan, const char *name);

/* ---- Quantisation ----------------------------------------------------------------------- */

/* What weights are made of. */
#define ARCUATE_ELEMENT_FLOAT32 0
#define ARCUATE_ELEMENT_BFLOAT16 1
#define ARCUATE_ELEMENT_INT8 2

typedef struct arcuate_quantize_options {
  size_t struct_size;
  /* ARCUATE_ELEMENT_INT8: -127 ... 127 with one scale for each output channel (the first axis).
   * ARCUATE_ELEMENT_BFLOAT16: to nearest, ties to even. */
  int32_t element;
  /* 1: the first, the last node with weights, in the order in which they run, stays as it is. */
  int32_t keep_first;
  int32_t keep_last;
  /* 0: batch-norm is folded into the weights before it where that is exact, first of all. */
  int32_t keep_batch_norm;
  /* Names of keep_count nodes that stay as they are; nested ones as "graph/node", a graph's name
   * for all in it. */
  const char *const *keep;
  size_t keep_count;
  /* Calibration: frames that show what the network meets, as arcuate_session_run takes them;
   * inputs and input_counts have an element for each input port. With 0 frames there is none: the
   * scale of a channel is its largest weight / 127 then. */
  size_t frames;
  const float *const *inputs;
  const size_t *input_counts;
  /* How the frames are run; NULL for the defaults. */
  const arcuate_compile_options *compile;
} arcuate_quantize_options;

/* Sets the defaults: int8, every node, no calibration. NULL is ignored. */
ARCUATE_API void arcuate_quantize_options_init(arcuate_quantize_options *options);

/* The same network with narrow weights in its linear and convolution nodes; biases and neurons
 * stay as they are, and so do listed connections ("SparseLinear") and weights that are of that
 * type already.
 * options: NULL for the defaults. On success *quantized is the caller's to free.
 * Status: INVALID_MODEL naming the node, NOT_FOUND for a name to keep that has no weights,
 * BUFFER_SIZE for frames of another size, INVALID_ARGUMENT (options out of range, NULL, a number
 * that is not finite), and those of arcuate_plan_create in calibration. */
ARCUATE_API arcuate_status arcuate_model_quantize(const arcuate_model *model,
                                                  const arcuate_quantize_options *options,
                                                  arcuate_model **quantized,
                                                  arcuate_error **error);

/* The same network with the weights and biases of these nodes as float32: exactly what the narrow
 * numbers stand for. Status: INVALID_ARGUMENT. */
ARCUATE_API arcuate_status arcuate_model_dequantize(const arcuate_model *model,
                                                    arcuate_model **dequantized,
                                                    arcuate_error **error);

/* What arcuate_model_quantize changed, as a table; NULL if it did not make the model. */
ARCUATE_API const char *arcuate_model_quantization(const arcuate_model *model);

/* One node of that table. */
typedef struct arcuate_quantized_node {
  size_t struct_size;
  const char *name;   /* as "graph/node" where it is nested */
  int32_t before;     /* ARCUATE_ELEMENT_* */
  int32_t after;
  uint64_t weights;
  uint64_t bytes_before; /* with the scales */
  uint64_t bytes_after;
  /* The root of the sum of squares of the change over that of the weights. */
  double weight_error;
  /* The same as the node's output is expected to see it, where weights count by the mean square of
   * what they meet; NAN without calibration and for nodes that are kept. */
  double output_error;
  /* That of the scales that need no calibration. */
  double uncalibrated_output_error;
} arcuate_quantized_node;

/* How many nodes that table has; 0 for a model that was not quantised. */
ARCUATE_API size_t arcuate_model_quantized_count(const arcuate_model *model);
/* One of them, in the order of the model. node->struct_size must be set; the name lives as long as
 * the model. Status: INVALID_ARGUMENT for an index or size out of range or NULL, without a
 * sentence. */
ARCUATE_API arcuate_status arcuate_model_quantized_node(const arcuate_model *model, size_t index,
                                                        arcuate_quantized_node *node);

/* ---- Conversion to spikes --------------------------------------------------------------- */

/* What a spike of a layer stands for, its scale: weights are divided by it, thresholds are 1. */
/* The percentile of the positive activations on the frames. */
#define ARCUATE_BALANCE_DATA 0
/* The largest sum that inputs of at most their scales could give. */
#define ARCUATE_BALANCE_MODEL 1
/* factor times the largest input of a step that the layer meets when those before it spike. */
#define ARCUATE_BALANCE_SPIKE_NORM 2

/* How a frame enters: as a current at every step; all of it at the first step; as spikes of either
 * sign, drawn with probabilities in proportion to the values. */
#define ARCUATE_INPUT_CONSTANT 0
#define ARCUATE_INPUT_SINGLE_SHOT 1
#define ARCUATE_INPUT_BERNOULLI 2

/* When neurons get their bias: a share at every step; all at once, as the membrane at rest. */
#define ARCUATE_BIAS_EVERY_STEP 0
#define ARCUATE_BIAS_ONCE 1

/* What becomes of max pooling after neurons: a window emits as many spikes as its most active input
 * ("SpikeMaxPool2d"); the network is refused. */
#define ARCUATE_MAX_POOLING_SPIKES 0
#define ARCUATE_MAX_POOLING_REFUSE 1

/* What leaves the network: the potential of neurons that do not spike, which is the output of the
 * artificial network times the steps, without functions such as softmax behind the last weights;
 * or the mean over the steps, with these functions. */
#define ARCUATE_READOUT_POTENTIAL 0
#define ARCUATE_READOUT_MEAN 1

typedef struct arcuate_convert_options {
  size_t struct_size;
  int32_t balancing;   /* ARCUATE_BALANCE_* */
  int32_t input;       /* ARCUATE_INPUT_* */
  int32_t bias;        /* ARCUATE_BIAS_* */
  int32_t max_pooling; /* ARCUATE_MAX_POOLING_* */
  int32_t readout;     /* ARCUATE_READOUT_* */
  /* 0: a membrane at the threshold spikes; 1: it must be above. */
  int32_t strict;
  /* 0: layers whose spikes are summed, and the neurons they arrive at, share the largest of their
   * scales; 1: a Scale node on the edge weighs them. */
  int32_t separate_scales;
  /* Steps of a frame the network is made for: a single shot, and a bias given once, need it. Of
   * ARCUATE_BALANCE_SPIKE_NORM, the steps that are looked at; 0 takes 100 there. */
  int32_t steps;
  /* Of ARCUATE_BALANCE_DATA: above 0, up to 100, which is the largest activation. */
  double percentile;
  /* Of ARCUATE_BALANCE_SPIKE_NORM: above 0, up to 1000. */
  double factor;
  /* The membrane at rest as a fraction of the threshold. */
  double initial_potential;
  /* Of the draws of ARCUATE_INPUT_BERNOULLI. */
  uint64_t seed;
  /* Frames that show what the network meets, as arcuate_session_run takes them; inputs and
   * input_counts have an element for each input port. Frames and streams are each on their own.
   * 0 frames do for ARCUATE_BALANCE_MODEL without Bernoulli input alone, which takes inputs for
   * 0 ... 1 then. */
  size_t frames;
  const float *const *inputs;
  const size_t *input_counts;
  /* Batch and threads of the frames; NULL for the defaults. */
  const arcuate_compile_options *compile;
} arcuate_convert_options;

/* Sets the defaults: data, percentile 99.9, constant input, bias at every step. NULL is ignored. */
ARCUATE_API void arcuate_convert_options_init(arcuate_convert_options *options);

/* The same network with integrate-and-fire neurons in place of its ReLUs: run it with
 * frame_state RESET and as many steps_per_frame as wanted. Batch-norm is folded first.
 * On success *converted is the caller's to free.
 * Status: INVALID_MODEL naming every node that cannot be converted, INVALID_ARGUMENT (options out
 * of range, frames that are missing, NULL), BUFFER_SIZE, and those of arcuate_plan_create. */
ARCUATE_API arcuate_status arcuate_model_convert(const arcuate_model *model,
                                                 const arcuate_convert_options *options,
                                                 arcuate_model **converted,
                                                 arcuate_error **error);

/* What arcuate_model_convert chose, as a table; NULL if it did not make the model. */
ARCUATE_API const char *arcuate_model_conversion(const arcuate_model *model);

/* One layer of neurons of that table. */
typedef struct arcuate_converted_layer {
  size_t struct_size;
  const char *name;
  uint64_t neurons;
  double scale;   /* the activation that one spike a step stands for */
  double largest; /* the largest activation on the frames; NAN without frames */
} arcuate_converted_layer;

/* How many layers that table has; 0 for a model that was not converted. */
ARCUATE_API size_t arcuate_model_converted_count(const arcuate_model *model);
/* One of them, in the order of work. layer->struct_size must be set; the name lives as long as the
 * model. Status: INVALID_ARGUMENT for an index or size out of range or NULL, without a sentence. */
ARCUATE_API arcuate_status arcuate_model_converted_layer(const arcuate_model *model, size_t index,
                                                         arcuate_converted_layer *layer);

/* On what a spiking network is compared with the artificial one it was made from. */
typedef struct arcuate_loss_options {
  size_t struct_size;
  int32_t steps; /* of each frame, 1 ... 1000000 */
  /* As in arcuate_convert_options, one frame at least. */
  size_t frames;
  const float *const *inputs;
  const size_t *input_counts;
  /* The place of the right output for each frame of each stream; NULL for none. */
  const int32_t *labels;
  const arcuate_compile_options *compile;
} arcuate_loss_options;

/* Sets the defaults: 20 steps. NULL is ignored. */
ARCUATE_API void arcuate_loss_options_init(arcuate_loss_options *options);

/* Of the first output port. */
typedef struct arcuate_conversion_loss {
  size_t struct_size;
  uint64_t frames;
  /* The fraction of frames with the largest output at the label; NAN without labels. */
  double accuracy;
  double artificial_accuracy;
  /* The fraction of frames in which both have the largest output at the same place. */
  double agreement;
  /* The root of the sum of squares of the difference over that of the artificial outputs. */
  double output_error;
  double largest_error;
  /* For each frame: spikes; products with spikes of height one, and others; products of the
   * artificial network with every input and weight. */
  double spikes;
  double acs;
  double macs;
  double artificial_macs;
  /* Nodes that spike. */
  size_t layers;
} arcuate_conversion_loss;

/* Runs both networks and compares them. loss->struct_size must be set. Up to `capacity` of the
 * nodes that spike, in the order of work, write the spikes of a neuron in a step, on average, to
 * rates, which may be NULL if capacity is 0.
 * Status: INVALID_ARGUMENT, BUFFER_SIZE, LIMIT_EXCEEDED for more than 2^26 frames, and those of arcuate_plan_create. */
ARCUATE_API arcuate_status arcuate_model_conversion_loss(const arcuate_model *artificial,
                                                         const arcuate_model *spiking,
                                                         const arcuate_loss_options *options,
                                                         arcuate_conversion_loss *loss,
                                                         double *rates, size_t capacity,
                                                         arcuate_error **error);

/* ---- Sessions --------------------------------------------------------------------------- */

typedef struct arcuate_session arcuate_session;

/* A session at rest. Status: OUT_OF_MEMORY, INVALID_ARGUMENT. */
ARCUATE_API arcuate_status arcuate_session_create(const arcuate_plan *plan,
                                                  arcuate_session **session,
                                                  arcuate_error **error);
/* Frees a session and ends the threads it has; its probes stay readable. NULL is ignored. */
ARCUATE_API void arcuate_session_free(arcuate_session *session);

/* Runs `frames` frames.
 * inputs[p] holds input_counts[p] numbers, [frames][batch][shape]; outputs[p] has room for
 * output_counts[p], [frames][batch][shape], or with ARCUATE_FRAME_OUTPUT_EVERY
 * [frames][steps][batch][shape]. The counts must be exactly these. outputs[p] may be NULL to leave
 * a port out, and outputs altogether too.
 * Status: BUFFER_SIZE, INVALID_ARGUMENT (NULL, or a number that is not finite); the state is then
 * as it was. */
ARCUATE_API arcuate_status arcuate_session_run(arcuate_session *session, size_t frames,
                                               const float *const *inputs,
                                               const size_t *input_counts, float *const *outputs,
                                               const size_t *output_counts);

/* Runs one step with inputs of its own, [batch][shape], outside any frame. Otherwise as run. */
ARCUATE_API arcuate_status arcuate_session_step(arcuate_session *session,
                                                const float *const *inputs,
                                                const size_t *input_counts, float *const *outputs,
                                                const size_t *output_counts);

/* A number that is not zero, at one step. */
typedef struct arcuate_event {
  uint32_t step;   /* from the first step of the call */
  uint16_t stream; /* 0 ... batch - 1 */
  uint16_t port;
  uint32_t index; /* into the port's shape, row-major, channel-first */
  float value;
} arcuate_event;

/* Runs `steps` steps whose inputs are zero but for the events, which are ordered by step; events
 * for one element add up. Writes the outputs that are not zero, ordered by step, port, stream and
 * index. If the room for them might run short, it stops early: go on with the events from
 * *consumed on, their steps less *steps_done.
 * capacity: at least the outputs of one step, batch * the sum of the output sizes.
 * steps_done, consumed and written may be NULL.
 * Status: INVALID_ARGUMENT (NULL; an event out of order, outside the network or not finite),
 * BUFFER_SIZE; the state is then as it was. */
ARCUATE_API arcuate_status arcuate_session_run_events(arcuate_session *session,
                                                      const arcuate_event *events, size_t count,
                                                      size_t steps, arcuate_event *output,
                                                      size_t capacity, size_t *steps_done,
                                                      size_t *consumed, size_t *written);

/* The sentence about the last call without an error of its own, such as run, step or teach, that
 * failed; "" if none has. The text is replaced by the next failure. */
ARCUATE_API const char *arcuate_session_last_error(const arcuate_session *session);

/* Brings all streams to rest. Counters, probes and what was learned are untouched.
 * Status: INVALID_ARGUMENT. */
ARCUATE_API arcuate_status arcuate_session_reset(arcuate_session *session);
/* One stream, 0 ... batch - 1, likewise. Status: INVALID_ARGUMENT. */
ARCUATE_API arcuate_status arcuate_session_reset_stream(arcuate_session *session, size_t stream);

/* The state of all streams as one block of bytes; counters and probes are not part of it. */
ARCUATE_API size_t arcuate_session_snapshot_size(const arcuate_session *session);
/* Writes the block. size: at least the snapshot's. Status: BUFFER_SIZE, INVALID_ARGUMENT. */
ARCUATE_API arcuate_status arcuate_session_save(const arcuate_session *session, void *data,
                                                size_t size, arcuate_error **error);
/* Takes a block that a session of this plan, or of an equal one, wrote.
 * Status: INVALID_STATE if it is damaged or something else; nothing is changed then. */
ARCUATE_API arcuate_status arcuate_session_restore(arcuate_session *session, const void *data,
                                                   size_t size, arcuate_error **error);
/* A new session in the same state, without counters and probes. */
ARCUATE_API arcuate_status arcuate_session_clone(const arcuate_session *session,
                                                 arcuate_session **clone, arcuate_error **error);

/* What nodes did since the counters were cleared. Definitions follow NeuroBench: a synaptic
 * operation is a product of a non-zero input and a non-zero weight. */
typedef struct arcuate_counters {
  size_t struct_size;
  uint64_t spikes;           /* non-zero outputs of spiking nodes */
  uint64_t macs;             /* synaptic operations of rows with other inputs than -1, 0, 1 */
  uint64_t acs;              /* synaptic operations of rows with only these */
  uint64_t dense_operations; /* if no input and no weight were zero */
  /* Membranes that changed; with FAST numerics all of a node whose inputs are added in place. */
  uint64_t neuron_updates;
  uint64_t rows;             /* steps of streams that went through the node */
  uint64_t dense_rows;       /* of these, by the dense kernel */
  uint64_t weight_bytes;     /* of all synaptic operations, however often one reading served */
} arcuate_counters;

/* node: an index below arcuate_plan_node_count, or -1 for the sum. stream: likewise.
 * counters->struct_size must be set. Status: INVALID_ARGUMENT for a node, stream or size out of
 * range or NULL, without a sentence. */
ARCUATE_API arcuate_status arcuate_session_counters(const arcuate_session *session, int64_t node,
                                                    int64_t stream, arcuate_counters *counters);
/* Sets all counters to 0, and forgets which kernels have run. Status: INVALID_ARGUMENT. */
ARCUATE_API arcuate_status arcuate_session_clear_counters(arcuate_session *session);

/* Writes the names of the kernels that have run, separated by spaces, as snprintf would: at most
 * `size` bytes with the final zero; returns the length without it. */
ARCUATE_API size_t arcuate_session_kernels(const arcuate_session *session, char *text,
                                           size_t size);

/* ---- Plasticity ------------------------------------------------------------------------- */

/* Networks that learn while they run: nodes of the kind "PlasticLinear" change their weights, and
 * "Cell"s their thresholds, by a rule that is part of the model, while the session is told to learn.
 * What is learned is part of the state: saved, restored, cloned, and kept by arcuate_session_reset.
 * experiments/plasticity/digits.c learns digits from a stream while it classifies them.
 *
 * arcuate_session_set_learning, _set_rate, _teach, _teach_label, _withdraw, _normalise, _consolidate and
 * _forget return only a status and keep the sentence in the session. */

/* Lets the weights of a node ("Affine", "Linear" or "PlasticLinear", float32) be changed by a rule,
 * which is JSON as the README of Sources/ArcuateFormats says.
 * Status: NOT_FOUND; INVALID_MODEL for a node that is frozen, since it has no weights of its own,
 * listed connections or narrow weights; MALFORMED, LIMIT_EXCEEDED and INVALID_ARGUMENT for the
 * rule. */
ARCUATE_API arcuate_status arcuate_model_set_rule(arcuate_model *model, const char *node,
                                                  const char *rule, arcuate_error **error);
/* The same network with every weight and threshold as it is, for good.
 * Status: INVALID_ARGUMENT. */
ARCUATE_API arcuate_status arcuate_model_freeze(const arcuate_model *model,
                                                arcuate_model **frozen, arcuate_error **error);

/* Signals that the rules ask for: teachers, labels, rewards. 0 for NULL. */
ARCUATE_API size_t arcuate_plan_signal_count(const arcuate_plan *plan);
/* The name of a signal; NULL outside the range. */
ARCUATE_API const char *arcuate_plan_signal_name(const arcuate_plan *plan, size_t signal);
/* Numbers of one stream; 0 outside the range. */
ARCUATE_API size_t arcuate_plan_signal_size(const arcuate_plan *plan, size_t signal);

/* 1: weights and thresholds change from the next step on; 0, as at the start: they stay.
 * Status: INVALID_ARGUMENT. */
ARCUATE_API arcuate_status arcuate_session_set_learning(arcuate_session *session,
                                                        int32_t learning);
/* Multiplies the rates of all rules from now on, for schedules; 1 at the start. Not those of decays.
 * Status: INVALID_ARGUMENT for what is not finite. */
ARCUATE_API arcuate_status arcuate_session_set_rate(arcuate_session *session, float rate);
/* 1 if the session learns, else 0. */
ARCUATE_API int32_t arcuate_session_learning(const arcuate_session *session);

/* Gives a signal its numbers, [batch][size], which hold until others are given or it is withdrawn.
 * A rule whose signal a stream was not given changes nothing for that stream.
 * Status: NOT_FOUND, BUFFER_SIZE, INVALID_ARGUMENT (NULL, or a number that is not finite); nothing
 * is changed then. */
ARCUATE_API arcuate_status arcuate_session_teach(arcuate_session *session, const char *signal,
                                                 const float *values, size_t count);
/* Gives one stream's signal as a label: `on` at its place, `off` elsewhere.
 * Status: NOT_FOUND, INVALID_ARGUMENT for a stream or label out of range or a number that is not
 * finite; nothing is changed then. */
ARCUATE_API arcuate_status arcuate_session_teach_label(arcuate_session *session,
                                                       const char *signal, size_t stream,
                                                       int64_t label, float on, float off);
/* Takes a signal away from all streams. Status: NOT_FOUND, INVALID_ARGUMENT. */
ARCUATE_API arcuate_status arcuate_session_withdraw(arcuate_session *session, const char *signal);

/* Scales the weights of rules with a "column_sum"; a frame of arcuate_session_run begins with it
 * while the session learns. Whoever runs steps or events calls it. Status: INVALID_ARGUMENT. */
ARCUATE_API arcuate_status arcuate_session_normalise(arcuate_session *session);
/* Applies what rules with "apply": "frame" added up; a frame of arcuate_session_run ends with it
 * while the session learns. Whoever runs steps or events calls it. Status: INVALID_ARGUMENT. */
ARCUATE_API arcuate_status arcuate_session_consolidate(arcuate_session *session);
/* Brings weights and thresholds back to those of the model. Status: INVALID_ARGUMENT. */
ARCUATE_API arcuate_status arcuate_session_forget(arcuate_session *session);

/* What a node has learned: the weights of a "PlasticLinear", [post][pre], or its fast weights,
 * [batch][post][pre]; the kernels of a "PlasticConv2d", [out][in][height][width]; the adaptive part of the thresholds of a "Cell". */
#define ARCUATE_LEARNED_SLOW 0
#define ARCUATE_LEARNED_FAST 1
/* How many numbers that is; 0 for a node that is not there or learns nothing of that kind. */
ARCUATE_API size_t arcuate_session_learned_size(const arcuate_session *session, const char *node,
                                                int32_t kind);
/* Copies them. count: at least that many. Status: NOT_FOUND, BUFFER_SIZE, INVALID_ARGUMENT. */
ARCUATE_API arcuate_status arcuate_session_learned(const arcuate_session *session,
                                                   const char *node, int32_t kind, float *values,
                                                   size_t count, arcuate_error **error);
/* The network with the weights, biases and thresholds that the session has now, nested graphs made
 * flat. Fast weights belong to a stream and are no part of it.
 * On success *model is the caller's to free. Status: INVALID_ARGUMENT, OUT_OF_MEMORY. */
ARCUATE_API arcuate_status arcuate_session_learned_model(const arcuate_session *session,
                                                         arcuate_model **model,
                                                         arcuate_error **error);

/* ---- Learning by gradient --------------------------------------------------------------- */

/* Networks that learn from batches of samples, each run from rest for some steps:
 *
 *     arcuate_recipe    how it is done: options, and what is said of single nodes
 *     arcuate_trainer   a model that learns; arcuate_trainer_model takes it out again
 *
 * The same model, recipe, seed and batches give the same bits in every language and for every
 * number of threads. examples/train/train.c learns classes.
 *
 * arcuate_trainer_learn, _gradients, _evaluate, _predict and _set_rate_factor return only a status
 * and keep the sentence in the trainer (arcuate_trainer_last_error). When they refuse what they are
 * given, nothing has changed. */

/* Gradients through all steps of the network as it is; or of an artificial network whose layers take
 * the spike counts of a spiking twin with the same weights, which runs for all steps. */
#define ARCUATE_TRAIN_DIRECT 0
#define ARCUATE_TRAIN_TANDEM 1

/* How a sample enters: the same values at every step; at the first step, then zeros; values of its
 * own for every step. In tandem the twin's first step gets it. */
#define ARCUATE_SAMPLE_HOLD 0
#define ARCUATE_SAMPLE_FIRST 1
#define ARCUATE_SAMPLE_EVERY 2

/* In place of the derivative of a spike, with x the membrane less the threshold:
 *   BOX           b where |x| < a, else 0
 *   TRIANGLE      b max(0, 1 - |x| / a)
 *   FAST_SIGMOID  1 / (1 + a |x|)^2
 *   ARCTAN        a / 2 / (1 + (pi / 2 a x)^2)
 *   SPIKE_TIME    a exp(-b d), d the steps since the neuron's last spike */
#define ARCUATE_SURROGATE_BOX 0
#define ARCUATE_SURROGATE_TRIANGLE 1
#define ARCUATE_SURROGATE_FAST_SIGMOID 2
#define ARCUATE_SURROGATE_ARCTAN 3
#define ARCUATE_SURROGATE_SPIKE_TIME 4

#define ARCUATE_OPTIMIZER_SGD 0
#define ARCUATE_OPTIMIZER_ADAM 1
#define ARCUATE_OPTIMIZER_ADAMAX 2
#define ARCUATE_OPTIMIZER_ADAMW 3

/* The rate's factor at a step, counted from 0: 1; schedule_factor for every schedule_steps steps,
 * multiplied; schedule_factor for every milestone reached, multiplied; half a cosine, or a line, from
 * 1 to 0 in schedule_steps steps. */
#define ARCUATE_SCHEDULE_CONSTANT 0
#define ARCUATE_SCHEDULE_DECAY 1
#define ARCUATE_SCHEDULE_MILESTONES 2
#define ARCUATE_SCHEDULE_COSINE 3
#define ARCUATE_SCHEDULE_LINEAR 4

/* Random changes of what learns after each step: w + sigma n, or w exp(sigma n). */
#define ARCUATE_WEIGHT_NOISE_NONE 0
#define ARCUATE_WEIGHT_NOISE_ADDITIVE 1
#define ARCUATE_WEIGHT_NOISE_MULTIPLICATIVE 2

/* Of an answer y and what was wanted, t; a label's t is 1 for its class, else 0:
 *   CROSS_ENTROPY                -log softmax(y)[label]
 *   MEAN_SQUARE                  the mean of (y - t)^2
 *   SMOOTH_L1                    the same, but |y - t| - 1/2 beyond 1 and (y - t)^2 / 2 within
 *   BINARY_CROSS_ENTROPY         the mean of -t log y - (1 - t) log(1 - y)
 *   BINARY_CROSS_ENTROPY_LOGITS  the same of the logistic function of y
 *   COUNT                        as MEAN_SQUARE, of numbers of spikes
 *   STOCHMAX                     softmax over the classes that a learned gate lets through; outputs
 *                                0, 1 and 2 are logits and the two heads of the gate
 *   STOCHMAX_NAIVE               the gate alone, drawn from head 1, without its variational terms */
#define ARCUATE_LOSS_CROSS_ENTROPY 0
#define ARCUATE_LOSS_MEAN_SQUARE 1
#define ARCUATE_LOSS_SMOOTH_L1 2
#define ARCUATE_LOSS_BINARY_CROSS_ENTROPY 3
#define ARCUATE_LOSS_BINARY_CROSS_ENTROPY_LOGITS 4
#define ARCUATE_LOSS_COUNT 5
#define ARCUATE_LOSS_STOCHMAX 6
#define ARCUATE_LOSS_STOCHMAX_NAIVE 7

/* How the steps of an output become one answer; with EVERY each step is one, and the class that most
 * of them name counts. */
#define ARCUATE_ANSWER_LAST 0
#define ARCUATE_ANSWER_SUM 1
#define ARCUATE_ANSWER_MEAN 2
#define ARCUATE_ANSWER_MAXIMUM 3
#define ARCUATE_ANSWER_EVERY 4

typedef struct arcuate_train_options {
  size_t struct_size;
  int32_t mode;    /* ARCUATE_TRAIN_* */
  int32_t batch;   /* samples of a step of learning, 1 ... 65535 */
  int32_t steps;   /* of a sample, 1 ... 100000 */
  int32_t input;   /* ARCUATE_SAMPLE_* */
  int32_t threads; /* 1 ... 256 */
  /* Whether a membrane's reset counts as depending on the spike that made it. */
  int32_t through_reset;
  /* Whether gradients stop at every step: what was before is taken as given. */
  int32_t detaches_time;
  /* Whether gradients of the inputs are wanted. */
  int32_t input_gradients;
  /* Seconds per step, 1e-12 ... 1e6; 0 takes the model's. */
  double dt_s;
  /* Of everything that is drawn. */
  uint64_t seed;
  /* For every node for which the recipe says nothing else. */
  int32_t surrogate; /* ARCUATE_SURROGATE_* */
  float surrogate_a;
  float surrogate_b;
  /* The share of a batch's statistics in the running ones of a batch-norm, 0 ... 1. */
  float norm_momentum;
  int32_t optimizer; /* ARCUATE_OPTIMIZER_* */
  int32_t nesterov;
  int32_t amsgrad;
  int32_t schedule; /* ARCUATE_SCHEDULE_* */
  float rate;
  float momentum; /* of SGD */
  float beta1;
  float beta2;
  float epsilon;
  /* Decay of the weights: with the gradient, or for ADAMW beside it. */
  float weight_decay;
  /* The largest norm of all gradients together, and the largest magnitude of an element; 0: none. */
  float clip_norm;
  float clip_value;
  float schedule_factor;
  int32_t weight_noise; /* ARCUATE_WEIGHT_NOISE_* */
  float noise_sigma;
  /* The steps of a sample, from the first on, in which rules change the fast weights of
   * "PlasticLinear" nodes; 0: all. As a session that then may learn no more. */
  int32_t plastic_steps;
  int64_t schedule_steps;
  const int64_t *milestones; /* steps that ascend */
  size_t milestone_count;
  /* The step at which the noise has faded to nothing, in a line; 0: it stays. */
  int64_t noise_fades_at;
} arcuate_train_options;

/* Sets the defaults: direct, one sample, one step, input held, one thread, through the reset, a box
 * of 0.5 and 1, Adam with a rate of 1e-3, betas 0.9 and 0.999, epsilon 1e-8. NULL is ignored. */
ARCUATE_API void arcuate_train_options_init(arcuate_train_options *options);

typedef struct arcuate_recipe arcuate_recipe;

/* How learning is done. options: NULL for the defaults. The loss is cross-entropy of the sum over
 * the steps of output 0, until losses are added. On success *recipe is the caller's to free.
 * Status: INVALID_ARGUMENT naming the field. */
ARCUATE_API arcuate_status arcuate_recipe_create(const arcuate_train_options *options,
                                                 arcuate_recipe **recipe, arcuate_error **error);
/* Frees a recipe; trainers made with it go on. NULL is ignored. */
ARCUATE_API void arcuate_recipe_free(arcuate_recipe *recipe);

/* Names of nodes are looked up when a trainer is made. Status of these: INVALID_ARGUMENT. */

/* Gives a node a surrogate of its own. */
ARCUATE_API arcuate_status arcuate_recipe_set_surrogate(arcuate_recipe *recipe, const char *node,
                                                        int32_t surrogate, float a, float b,
                                                        arcuate_error **error);
/* Drops a share of a node's outputs, 0 ... 0.99, while learning, the same ones at every step of a
 * sample; the others are scaled up. */
ARCUATE_API arcuate_status arcuate_recipe_set_dropout(arcuate_recipe *recipe, const char *node,
                                                      float share, arcuate_error **error);
/* Leaves what a node has as it is. */
ARCUATE_API arcuate_status arcuate_recipe_freeze(arcuate_recipe *recipe, const char *node,
                                                 arcuate_error **error);
/* Lets a parameter of neurons learn as well, "node.field", or "field" of all nodes; fields are as in
 * NIR, such as "tau" and "v_threshold". */
ARCUATE_API arcuate_status arcuate_recipe_train(arcuate_recipe *recipe, const char *parameter,
                                                arcuate_error **error);
/* Lets `count` nodes, two at least, share the parameters of the first. */
ARCUATE_API arcuate_status arcuate_recipe_tie(arcuate_recipe *recipe, const char *const *nodes,
                                              size_t count, arcuate_error **error);
/* Lets no gradient pass along an edge. */
ARCUATE_API arcuate_status arcuate_recipe_detach(arcuate_recipe *recipe, const char *source,
                                                 const char *target, arcuate_error **error);

typedef struct arcuate_train_loss {
  size_t struct_size;
  int32_t port;     /* of the output */
  int32_t kind;     /* ARCUATE_LOSS_* */
  int32_t answer;   /* ARCUATE_ANSWER_* */
  float weight;     /* what it is multiplied with; 1 */
  int32_t first;    /* the first step that counts */
  int32_t step_end; /* the step after the last that counts; 0 for all from `first` */
} arcuate_train_loss;

/* Adds a loss; the first that is added replaces the one at the start. Losses are added up; the last
 * says which answers are right. Status: INVALID_ARGUMENT naming the field. */
ARCUATE_API arcuate_status arcuate_recipe_add_loss(arcuate_recipe *recipe,
                                                   const arcuate_train_loss *loss,
                                                   arcuate_error **error);

typedef struct arcuate_trainer arcuate_trainer;

/* Makes ready to learn; model and recipe may be freed. On success *trainer is the caller's to free.
 * Status: INVALID_MODEL; CANNOT_COMPILE naming a node that has no gradient here; NOT_FOUND for a
 * name in the recipe; OUT_OF_MEMORY, INVALID_ARGUMENT, SHAPE_MISMATCH. */
ARCUATE_API arcuate_status arcuate_trainer_create(const arcuate_model *model,
                                                  const arcuate_recipe *recipe,
                                                  arcuate_trainer **trainer,
                                                  arcuate_error **error);
/* Frees a trainer and ends the threads it has. NULL is ignored. */
ARCUATE_API void arcuate_trainer_free(arcuate_trainer *trainer);

/* The sentence about the last call without an error of its own that failed; "" if none has. */
ARCUATE_API const char *arcuate_trainer_last_error(const arcuate_trainer *trainer);

/* Ports, in the order of the model; 0 for NULL. */
ARCUATE_API size_t arcuate_trainer_input_count(const arcuate_trainer *trainer);
ARCUATE_API size_t arcuate_trainer_output_count(const arcuate_trainer *trainer);
/* Numbers of one sample at an input, of all steps with ARCUATE_SAMPLE_EVERY; 0 outside the range. */
ARCUATE_API size_t arcuate_trainer_input_size(const arcuate_trainer *trainer, size_t port);
/* Numbers of one step of one sample at an output; 0 outside the range. */
ARCUATE_API size_t arcuate_trainer_output_size(const arcuate_trainer *trainer, size_t port);
/* Steps of a sample at an output: those of the recipe, 1 in tandem; 0 for NULL. */
ARCUATE_API size_t arcuate_trainer_output_steps(const arcuate_trainer *trainer);
/* Samples of a step of learning; 0 for NULL. */
ARCUATE_API size_t arcuate_trainer_batch(const arcuate_trainer *trainer);

/* Samples, and what they are compared with. */
typedef struct arcuate_samples {
  size_t struct_size;
  size_t count;
  /* inputs[p] holds input_counts[p] numbers, [count][size]. */
  const float *const *inputs;
  const size_t *input_counts;
  /* A class for each sample; or NULL, and numbers: [count][size of the output], or for
   * ARCUATE_ANSWER_EVERY also [count][steps][size]. */
  const int32_t *labels;
  const float *targets;
  size_t target_count;
} arcuate_samples;

typedef struct arcuate_train_result {
  size_t struct_size;
  double loss;          /* the mean over the samples */
  double gradient_norm; /* of all gradients together, before clipping; 0 where none was made */
  uint64_t correct;     /* samples whose largest answer is that of their label */
  uint64_t samples;
  uint64_t spikes;    /* of all neurons */
  uint64_t additions; /* synaptic operations of spikes */
  uint64_t products;  /* synaptic operations of values */
} arcuate_train_result;

/* One step of learning. samples: exactly a batch. result: its struct_size must be set; NULL for
 * none. Status: INVALID_ARGUMENT (NULL, a label out of range, a number that is not finite),
 * SHAPE_MISMATCH, INVALID_STATE if the loss is no longer finite. */
ARCUATE_API arcuate_status arcuate_trainer_learn(arcuate_trainer *trainer,
                                                 const arcuate_samples *samples,
                                                 arcuate_train_result *result);
/* The gradients of a batch, without a step. Otherwise as learn. */
ARCUATE_API arcuate_status arcuate_trainer_gradients(arcuate_trainer *trainer,
                                                     const arcuate_samples *samples,
                                                     arcuate_train_result *result);
/* The loss of up to a batch of samples. Otherwise as learn. */
ARCUATE_API arcuate_status arcuate_trainer_evaluate(arcuate_trainer *trainer,
                                                    const arcuate_samples *samples,
                                                    arcuate_train_result *result);
/* What the outputs emit for up to a batch of samples; labels and targets are not looked at.
 * outputs[p] has room for output_counts[p] numbers, exactly [count][steps][size]; it may be NULL to
 * leave a port out. Status: as learn, and BUFFER_SIZE. */
ARCUATE_API arcuate_status arcuate_trainer_predict(arcuate_trainer *trainer,
                                                   const arcuate_samples *samples,
                                                   float *const *outputs,
                                                   const size_t *output_counts);

/* Steps of learning made. */
ARCUATE_API uint64_t arcuate_trainer_step(const arcuate_trainer *trainer);
/* The rate of the next step, with schedule and factor. */
ARCUATE_API double arcuate_trainer_rate(const arcuate_trainer *trainer);
/* A factor on the rate, for whoever sees that progress stops; 1 at the start. */
ARCUATE_API double arcuate_trainer_rate_factor(const arcuate_trainer *trainer);
/* Status: INVALID_ARGUMENT for what is negative or not finite. */
ARCUATE_API arcuate_status arcuate_trainer_set_rate_factor(arcuate_trainer *trainer,
                                                           double factor);

/* Parameters, each once, in the order of the model; also those that stay as they are. */
ARCUATE_API size_t arcuate_trainer_parameter_count(const arcuate_trainer *trainer);
/* "node.field", of the first node that shares it; NULL outside the range. */
ARCUATE_API const char *arcuate_trainer_parameter_name(const arcuate_trainer *trainer,
                                                       size_t index);
/* Its numbers; 0 outside the range. */
ARCUATE_API size_t arcuate_trainer_parameter_size(const arcuate_trainer *trainer, size_t index);
/* Writes up to `capacity` extents and returns the rank; 0 outside the range. */
ARCUATE_API size_t arcuate_trainer_parameter_shape(const arcuate_trainer *trainer, size_t index,
                                                   size_t *extents, size_t capacity);
/* 1 if it learns, else 0. */
ARCUATE_API int32_t arcuate_trainer_parameter_learns(const arcuate_trainer *trainer,
                                                     size_t index);
/* The place of a name; -1 for none. */
ARCUATE_API int64_t arcuate_trainer_find_parameter(const arcuate_trainer *trainer,
                                                   const char *name);
/* Copies a parameter, or its gradient of the last batch, in the model's order. count: exactly its
 * size. Status of these: INVALID_ARGUMENT, BUFFER_SIZE. */
ARCUATE_API arcuate_status arcuate_trainer_read_parameter(const arcuate_trainer *trainer,
                                                          size_t index, float *values,
                                                          size_t count, arcuate_error **error);
ARCUATE_API arcuate_status arcuate_trainer_read_gradient(const arcuate_trainer *trainer,
                                                         size_t index, float *values,
                                                         size_t count, arcuate_error **error);
/* Replaces it. Status: INVALID_ARGUMENT, also for a number that is not finite; BUFFER_SIZE. */
ARCUATE_API arcuate_status arcuate_trainer_write_parameter(arcuate_trainer *trainer, size_t index,
                                                           const float *values, size_t count,
                                                           arcuate_error **error);
/* The gradient of an input of the last batch, as the samples were given. count: exactly so many.
 * Status: INVALID_STATE without input_gradients, INVALID_ARGUMENT, BUFFER_SIZE. */
ARCUATE_API arcuate_status arcuate_trainer_read_input_gradient(const arcuate_trainer *trainer,
                                                               size_t port, float *values,
                                                               size_t count,
                                                               arcuate_error **error);

/* The model with what was learned, in tandem the artificial one. On success *model is the caller's
 * to free. Status: INVALID_ARGUMENT, OUT_OF_MEMORY. */
ARCUATE_API arcuate_status arcuate_trainer_model(const arcuate_trainer *trainer,
                                                 arcuate_model **model, arcuate_error **error);

/* The network that spikes, for a session: run with frame_state RESET and the recipe's steps for a
 * frame, its last output is what arcuate_trainer_predict gives, up to rounding. In tandem, batch-norm
 * is folded, ReLUs are integrate-and-fire neurons that start with their bias, and outputs are
 * potentials; of direct learning it is the learned model. On success *model is the caller's to free.
 * Status: INVALID_ARGUMENT, INVALID_MODEL, OUT_OF_MEMORY. */
ARCUATE_API arcuate_status arcuate_trainer_spiking_model(const arcuate_trainer *trainer,
                                                         arcuate_model **model,
                                                         arcuate_error **error);

/* Writes a checkpoint, whole or not at all: all that learning has changed, and a note of the
 * caller's, which may be NULL. Status: CANNOT_WRITE, LIMIT_EXCEEDED, INVALID_ARGUMENT. */
ARCUATE_API arcuate_status arcuate_trainer_save(const arcuate_trainer *trainer, const char *path,
                                                const char *note, arcuate_error **error);
/* Goes on from a checkpoint of a trainer of the same model and recipe: the steps to come have the
 * bits they would have had. The number of threads may differ.
 * Status: CANNOT_OPEN, TRUNCATED, MALFORMED, UNSUPPORTED_FORMAT, LIMIT_EXCEEDED; INVALID_STATE for a
 * checkpoint of another model or recipe, saying what differs; nothing has changed then. */
ARCUATE_API arcuate_status arcuate_trainer_restore(arcuate_trainer *trainer, const char *path,
                                                   arcuate_error **error);
/* The note of the checkpoint that was restored last; "" if none was. */
ARCUATE_API const char *arcuate_trainer_note(const arcuate_trainer *trainer);

/* The order in which `count` samples come in an epoch, the same everywhere for the same seed: writes
 * a permutation of 0 ... count - 1. Status: INVALID_ARGUMENT. */
ARCUATE_API arcuate_status arcuate_sample_order(size_t count, uint64_t epoch, uint64_t seed,
                                                uint64_t *order);

/* ---- Probes ----------------------------------------------------------------------------- */

typedef struct arcuate_probe arcuate_probe;

/* What a node emits; its membrane after the reset; its synaptic current. */
#define ARCUATE_PROBE_OUTPUT 0
#define ARCUATE_PROBE_MEMBRANE 1
#define ARCUATE_PROBE_CURRENT 2

/* Records a node from the next step on, up to `capacity` steps. This allocates; recording does
 * not. Status: NOT_FOUND, LIMIT_EXCEEDED, OUT_OF_MEMORY, INVALID_ARGUMENT. */
ARCUATE_API arcuate_status arcuate_probe_create(arcuate_session *session, const char *node,
                                                int32_t quantity, size_t capacity,
                                                arcuate_probe **probe, arcuate_error **error);
/* Ends the recording, whether or not the session still is. */
ARCUATE_API void arcuate_probe_free(arcuate_probe *probe);
/* Steps recorded; 0 for NULL. */
ARCUATE_API size_t arcuate_probe_steps(const arcuate_probe *probe);
/* Steps that came when the recording was full; 0 for NULL. */
ARCUATE_API size_t arcuate_probe_missed(const arcuate_probe *probe);
/* Numbers recorded: steps * batch * size. */
ARCUATE_API size_t arcuate_probe_count(const arcuate_probe *probe);
/* Numbers of one step of one stream. */
ARCUATE_API size_t arcuate_probe_size(const arcuate_probe *probe);
/* Copies [steps][batch][shape]. count: at least arcuate_probe_count. Status: BUFFER_SIZE. */
ARCUATE_API arcuate_status arcuate_probe_read(const arcuate_probe *probe, float *values,
                                              size_t count, arcuate_error **error);
/* Forgets what was recorded and goes on. Status: INVALID_ARGUMENT for NULL, without a sentence. */
ARCUATE_API arcuate_status arcuate_probe_clear(arcuate_probe *probe);

#ifdef __cplusplus
}
#endif

#endif
